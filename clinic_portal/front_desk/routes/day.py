"""The day of a facility."""

from flask import redirect, url_for
from flask.typing import ResponseReturnValue

from clinic_portal.core.errors import NotFound
from clinic_portal.facilities.queries import facilities_of_staff
from clinic_portal.front_desk.routes.pages import blueprint, own_facility, show_day
from clinic_portal.web.access import Right, require_actor, right
from clinic_portal.web.database import db_session


@blueprint.get("/desk")
@right(Right.DESK)
def day_redirect() -> ResponseReturnValue:
    """Go to the desk of the facility at which one works; with several, the first by slug, which links to the others."""
    facilities = facilities_of_staff(db_session(), actor=require_actor())
    if not facilities:
        raise NotFound
    return redirect(url_for("front_desk.day", slug=facilities[0].slug), 303)


@blueprint.get("/desk/<slug>")
@right(Right.DESK)
def day(slug: str) -> ResponseReturnValue:
    """Show who comes when to whom, who waits how long, who is in, who is done."""
    return show_day(own_facility(slug))
