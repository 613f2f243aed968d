"""Who waits for a time at this facility, and to whom times that came free were offered."""

from flask.typing import ResponseReturnValue

from clinic_portal.booking.queries.waiting_views import freed_at, waiters_at
from clinic_portal.facilities.queries import facilities_of_staff
from clinic_portal.front_desk.routes.pages import blueprint, own_facility
from clinic_portal.web.access import Right, require_actor, right
from clinic_portal.web.database import clock, db_session
from clinic_portal.web.filters import local_text
from clinic_portal.web.pages import render_page


@blueprint.get("/desk/<slug>/waiting-list")
@right(Right.DESK)
def waiting_list(slug: str) -> ResponseReturnValue:
    """List who waits, since when, and what was offered; below it the times that came free this week."""
    facility, db = own_facility(slug), db_session()
    return render_page(
        "front_desk/waiting_list.html",
        facility=facility,
        facility_name=local_text(facility.names),
        facilities=facilities_of_staff(db, actor=require_actor()),
        waiters=waiters_at(db, facility.id),
        freed=freed_at(db, facility.id, now=clock().now()),
    )
