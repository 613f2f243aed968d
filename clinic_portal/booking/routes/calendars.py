"""Calendar feeds: the file that calendar programs read, and the page that gives and renews its address."""

import hashlib

from flask import Response, flash, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from clinic_portal.booking.calendar import FEED_TYPE, Home, patients_feed, practitioners_feed
from clinic_portal.booking.queries.calendars import (
    actor_of_feed,
    days_in_feed,
    has_feed,
    last_changes,
    own_feed_token,
    visits_in_feed,
)
from clinic_portal.booking.routes.common import blueprint
from clinic_portal.booking.use_cases import renew_calendar_feed as renewing
from clinic_portal.core.actor import Actor
from clinic_portal.core.errors import NotFound
from clinic_portal.facilities.queries import find_facilities
from clinic_portal.web.access import Right, require_actor, right
from clinic_portal.web.database import clock, db_session, settings
from clinic_portal.web.limits import limited
from clinic_portal.web.pages import render_page, see_other


@blueprint.get("/calendar/<feed_token>.ics")
@right(Right.PUBLIC)
@limited("60 per minute")
def calendar_feed(feed_token: str) -> ResponseReturnValue:
    """Hand out the visits behind a private address; 304 when the program has them already. No session, no cookie."""
    content = _content(actor_of_feed(db_session(), feed_token))
    response = Response(content, content_type=FEED_TYPE)
    response.set_etag(hashlib.sha256(content).hexdigest()[:32])
    response.headers["Cache-Control"] = "private, no-cache"
    response.headers["X-Robots-Tag"] = "noindex"
    return response.make_conditional(request)


@blueprint.get("/account/calendar")
@right(Right.SIGNED_IN)
def calendar_address() -> ResponseReturnValue:
    """Show the private address, and what it is good for."""
    actor = require_actor()
    if not has_feed(db_session(), actor=actor):
        raise NotFound
    token = own_feed_token(db_session(), settings(), actor=actor)
    address = settings().public_url + url_for("booking.calendar_feed", feed_token=token) if token else ""
    return render_page(
        "booking/calendar_address.html",
        address=address,
        webcal=f"webcal:{address.partition(':')[2]}",
        is_own_days=actor.is_staff,
    )


@blueprint.post("/account/calendar")
@right(Right.SIGNED_IN)
@limited("10 per minute")
def renew_calendar_feed() -> ResponseReturnValue:
    """Give out an address, or another one in its place."""
    had_one = own_feed_token(db_session(), settings(), actor=require_actor()) is not None
    renewing.renew_calendar_feed(db_session(), clock(), actor=require_actor(), settings=settings())
    if had_one:
        flash(_("Here is your new private address. The old one no longer works."))
    else:
        flash(_("Here is your private address."))
    return see_other(url_for("booking.calendar_address"))


def _content(actor: Actor) -> bytes:
    db = db_session()
    home = Home(next(iter(find_facilities(db).values())).tz, clock().now().year)
    if not actor.is_staff:
        visits = visits_in_feed(db, clock(), actor=actor)
        changes = last_changes(db, visits)
        return patients_feed(visits, changes=changes, settings=settings(), language=actor.language, home=home)
    days = days_in_feed(db, clock(), actor=actor)
    return practitioners_feed(
        days.visits,
        changes=last_changes(db, days.visits),
        settings=settings(),
        home=home,
        initials=lambda visit: days.initials[visit.appointment.id],
    )
