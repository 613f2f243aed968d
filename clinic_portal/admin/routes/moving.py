"""Another time for a visit outside the hours: the nearest ones, with the same practitioner, with others, elsewhere."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from uuid import UUID

from flask import flash, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from clinic_portal.admin.routes.pages import blueprint
from clinic_portal.admin.routes.stranded import tell
from clinic_portal.booking.queries import FreeTime, Wish, nearest_times
from clinic_portal.booking.queries.stranded import StrandedVisit, stranded_visit
from clinic_portal.booking.rules import StrandedAnswer
from clinic_portal.booking.steps import NewTime
from clinic_portal.booking.use_cases import move_stranded as moving
from clinic_portal.booking.use_cases import settle_stranded as settling
from clinic_portal.core.clock import local_day
from clinic_portal.core.errors import Conflict, NotFound
from clinic_portal.core.ids import FacilityId, PractitionerId
from clinic_portal.facilities.queries import FacilityFacts, find_facilities
from clinic_portal.practitioners.queries import practitioners
from clinic_portal.web.access import Right, require_actor, right
from clinic_portal.web.database import clock, db_session
from clinic_portal.web.filters import clinic_datetime
from clinic_portal.web.pages import render_page, see_other

#: How many times are proposed in each list, and of how many a list is chosen.
PROPOSED = 6
LOOKED_AT = 120
#: Of one day at most so many, while others have some: who cannot come that evening is helped by no other time of it.
OF_A_DAY = 2
MINUTE = "%Y-%m-%dT%H:%MZ"


@blueprint.get("/hours/outside/<stranded>/move")
@right(Right.HOURS)
def move_stranded(stranded: str) -> ResponseReturnValue:
    """Propose the nearest free times."""
    return _page(stranded_visit(db_session(), clock(), stranded, actor=require_actor()))


@blueprint.post("/hours/outside/<stranded>/move")
@right(Right.HOURS)
def take_time(stranded: str) -> ResponseReturnValue:
    """Move the visit to the time of the button that was pressed, or to another room at its own time."""
    if request.form.get("room"):
        return _change_room(stranded)
    one = stranded_visit(db_session(), clock(), stranded, actor=require_actor())
    to = _chosen(request.form.get("slot", ""))
    note = _("The hours changed")
    try:
        moved = moving.move_stranded(db_session(), clock(), token=stranded, to=to, actor=require_actor(), note=note)
    except Conflict as refused:
        return _page(one, refused=refused.code, status=409)
    flash(
        _(
            "Moved to %(time)s; %(name)s gets a message",
            time=clinic_datetime(moved.starts_at, find_facilities(db_session())[moved.facility_id].tz, inside=True),
            name=one.patient.full_name,
        )
    )
    return see_other(url_for("admin.outside_hours"))


def _change_room(stranded: str) -> ResponseReturnValue:
    one = stranded_visit(db_session(), clock(), stranded, actor=require_actor())
    answers, refused = {stranded: StrandedAnswer.ROOM}, "appointment.slot_taken"
    try:
        settled = settling.settle_stranded(db_session(), clock(), answers=answers, actor=require_actor())
    except Conflict as conflict:
        return _page(one, refused=conflict.code, status=409)
    if not settled.other_room:
        return _page(
            stranded_visit(db_session(), clock(), stranded, actor=require_actor()), refused=refused, status=409
        )
    tell(settled)
    return see_other(url_for("admin.outside_hours"))


def _chosen(slot: str) -> NewTime:
    """Read the button's value. Raises: NotFound."""
    start, _ignored, rest = slot.partition("|")
    place, _ignored, person = rest.partition("|")
    try:
        starts_at = datetime.strptime(start, MINUTE).replace(tzinfo=UTC)
        return NewTime(FacilityId(UUID(place)), starts_at, PractitionerId(UUID(person)))
    except ValueError:
        raise NotFound from None


def _page(one: StrandedVisit, *, refused: str = "", status: int = 200) -> ResponseReturnValue:
    visit, places = one.visit.appointment, find_facilities(db_session())
    same = Wish(visit.service_id, visit.practitioner_id, mode=visit.mode, own_visit=visit.id)
    anybody = Wish(visit.service_id, mode=visit.mode, own_visit=visit.id)
    own, all_ = (
        nearest_times(db_session(), clock(), wish, around=visit.starts_at, count=LOOKED_AT) for wish in (same, anybody)
    )
    others = [time for time in (_without(time, visit.practitioner_id) for time in all_) if time.practitioner_ids]
    # Somewhere else may be a flight away; online it is nowhere.
    away = [time for time in others if not visit.is_online and time.facility_id != visit.facility_id]
    near = [time for time in others if time not in away]
    lists = [_proposed(times, places, around=visit.starts_at) for times in (own, near, away)]
    people = {id_ for times in lists for time in times for id_ in time.practitioner_ids}
    return render_page(
        "admin/move_stranded.html",
        status=status,
        one=one,
        same=lists[0],
        others=lists[1],
        elsewhere=lists[2],
        people=practitioners(db_session(), people),
        places=places,
        minute=MINUTE,
        refused=refused,
    )


def _proposed(
    times: Sequence[FreeTime], places: Mapping[FacilityId, FacilityFacts], *, around: datetime
) -> Sequence[FreeTime]:
    """Return the nearest times, on several days where there are some, in order of time."""
    nearest = sorted(times, key=lambda time: (abs(time.start - around), time.start))
    of_day = Counter[date]()
    first, rest = list[FreeTime](), list[FreeTime]()
    for time in nearest:
        day = local_day(time.start, places[time.facility_id].tz)
        of_day[day] += 1
        (first if of_day[day] <= OF_A_DAY else rest).append(time)
    return sorted([*first, *rest][:PROPOSED], key=lambda time: time.start)


def _without(time: FreeTime, practitioner_id: PractitionerId) -> FreeTime:
    others: Sequence[PractitionerId] = [id_ for id_ in time.practitioner_ids if id_ != practitioner_id]
    return FreeTime(time.start, time.facility_id, tuple(others))
