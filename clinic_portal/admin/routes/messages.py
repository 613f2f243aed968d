"""How messages do: whether they go out, which did not, and a test."""

from flask import flash, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from clinic_portal.admin.labels import CHANNELS, FAILURES, KINDS
from clinic_portal.admin.routes.pages import blueprint
from clinic_portal.booking.queries.places import places_of
from clinic_portal.notifications.queries import list_messages, outbox_health
from clinic_portal.notifications.use_cases import send_test_message as testing
from clinic_portal.web.access import Right, require_actor, right
from clinic_portal.web.database import clock, db_session
from clinic_portal.web.limits import limited
from clinic_portal.web.pages import render_page, see_other

#: An SMS and an e-mail.
TESTS_SHOWN = 2


@blueprint.get("/admin/messages")
@right(Right.ADMIN)
def messages() -> ResponseReturnValue:
    """Show the health of the outbox, and what became of the last test.

    A message about a visit has the time of the visit's facility; everything else, which belongs to no place, has UTC.
    """
    health = outbox_health(db_session(), clock())
    account_id = require_actor().account_id
    tests = list_messages(db_session(), subject_ids=[account_id] if account_id else [], kinds={testing.KIND})
    return render_page(
        "admin/messages.html",
        health=health,
        places=places_of(db_session(), {failure.subject_id for failure in health.failures}),
        tests=tests[-TESTS_SHOWN:],
        kinds=KINDS,
        channels=CHANNELS,
        reasons=FAILURES,
    )


@blueprint.post("/admin/messages/test")
@right(Right.ADMIN)
@limited("5 per minute; 30 per hour")
def send_test_message() -> ResponseReturnValue:
    """Send the administrator an SMS and an e-mail, the way of all others."""
    testing.send_test_message(db_session(), clock(), actor=require_actor())
    flash(_("The test is on its way. Load this page again to see what became of it."))
    return see_other(url_for("admin.messages"))
