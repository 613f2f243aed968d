"""Giving a visit another time, from the account and from the visit's link: the times, the check, the press.

The front desk has the same pages under its own addresses: `choose_new_time` and `check_new_time` serve both.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from urllib.parse import urlencode
from uuid import UUID

from flask import redirect, request, url_for
from flask.typing import ResponseReturnValue

from clinic_portal.booking.queries import (
    AppointmentFacts,
    FreeTime,
    Taker,
    VisitFacts,
    Wish,
    describe,
    takers,
    visit_of,
)
from clinic_portal.booking.queries.visits import LinkHolder
from clinic_portal.booking.routes.common import DAYS_AT_ONCE, Way, blueprint, with_choices
from clinic_portal.booking.routes.linked import LINK, TRIES, is_changed, unlisted, visit_of_link
from clinic_portal.booking.routes.times import Chosen, chosen_slot, times_page
from clinic_portal.booking.routes.too_late import too_late_page
from clinic_portal.booking.steps import NewTime
from clinic_portal.booking.use_cases.move_appointment import move_appointment
from clinic_portal.core.actor import Actor
from clinic_portal.core.clock import local_day
from clinic_portal.core.errors import Conflict
from clinic_portal.core.ids import AppointmentId, FacilityId, PatientId
from clinic_portal.facilities.queries import find_facilities
from clinic_portal.practitioners.queries import places_of_service
from clinic_portal.web.access import Right, require_actor, right
from clinic_portal.web.database import clock, db_session
from clinic_portal.web.limits import limited
from clinic_portal.web.pages import render_page, see_other

VISIT = "/visits/<uuid:appointment_id>"

#: Moves to a new time for whoever looks at the page.
Mover = Callable[[NewTime], AppointmentFacts]

#: How many days before the visit's own the days around it begin.
DAYS_BEFORE = timedelta(days=3)

#: Refusals after which another time helps.
ANOTHER_TIME = frozenset({"appointment.slot_taken", "appointment.patient_overlap", "appointment.too_many_that_day"})


@dataclass(frozen=True)
class MoveWay(Way):
    """The way to a new time. It starts from who and where the visit is with, and its addresses are those of the visit."""

    visit: VisitFacts | None = None
    #: The visit's own page: "/visits/<id>", "/v/<code>", or that of the desk.
    home: str = ""
    #: At the desk: where a rule is set aside, and where the patient is put on the waiting list.
    anyway: str = ""
    waiting_list: str = ""

    @property
    def left_out(self) -> tuple[FacilityId, datetime] | None:
        """The time that the visit has already, and where."""
        visit = self.moved
        same_person = self.practitioner is None or self.practitioner.id == visit.practitioner.id
        return (visit.facility.id, visit.appointment.starts_at) if same_person else None

    def choosable(self, times: Sequence[FreeTime]) -> Sequence[FreeTime]:
        """Leave out the time that the visit has as well."""
        return super().choosable([time for time in times if (time.facility_id, time.start) != self.left_out])

    @property
    def patient_id(self) -> PatientId | None:
        """Whose visit it is."""
        return self.moved.appointment.known_patient_id

    @property
    def may_name_visits(self) -> bool:
        """Those who act for the patient, and the desk. A link opens one visit, and tells nothing of others (ADR 4)."""
        return self.person is not None or bool(self.anyway)

    @property
    def can_change_mode(self) -> bool:
        """A visit stays what it is: who comes still comes, who meets online still does."""
        return False

    @property
    def is_for_series(self) -> bool:
        """One visit is moved."""
        return False

    @property
    def moved(self) -> VisitFacts:
        """The visit. Raises: ValueError when there is none."""
        if self.visit is None:
            raise ValueError("nothing is moved")
        return self.visit

    @property
    def visit_day(self) -> date:
        """The day of the visit, on the clock of its place."""
        return local_day(self.moved.appointment.starts_at, self.moved.tz)

    @property
    def around(self) -> date | None:
        """Where the days around the visit begin; None when they are among the first, or past the calendar."""
        today = self.days_of_today()[0]
        is_far = self.visit_day >= today + timedelta(days=DAYS_AT_ONCE)
        begin = self.visit_day - DAYS_BEFORE
        return begin if is_far and begin <= self.last_day else None

    def wish(self, own_hold: str | None = None) -> Wish:
        """What to look for; the visit's own time counts as free."""
        visit = self.moved.appointment
        return replace(super().wish(own_hold), own_visit=visit.id)

    def link(self, endpoint: str, anchor: str | None = None, **changes: object) -> str:
        """The address of a page of this move: its times, or with `check_move` the check of a `slot`."""
        slot = changes.pop("slot", None)
        way = replace(self, **changes)  # type: ignore[arg-type]  # the names are those of the fields
        page = "/move/check" if endpoint == "check_move" else "/move"
        query = urlencode(way.query() | ({"slot": str(slot)} if slot else {}))
        return f"{self.home}{page}{'?' if query else ''}{query}{'#' if anchor else ''}{anchor or ''}"


@blueprint.route(f"{VISIT}/move", methods=["GET", "POST"])
@right(Right.PATIENT)
@limited(TRIES)
def move_visit(appointment_id: UUID) -> ResponseReturnValue:
    """Choose a new time; the one that the visit has stays meanwhile."""
    visit = visit_of(db_session(), clock(), AppointmentId(appointment_id), actor=require_actor())
    return choose_new_time(move_way(visit, url_for("booking.visit", appointment_id=appointment_id)))


@blueprint.route(f"{VISIT}/move/check", methods=["GET", "POST"])
@right(Right.PATIENT)
@limited(TRIES)
def check_move(appointment_id: UUID) -> ResponseReturnValue:
    """Show the old time and the new one, then move."""
    actor = require_actor()
    visit = visit_of(db_session(), clock(), AppointmentId(appointment_id), actor=actor)
    way = move_way(visit, url_for("booking.visit", appointment_id=appointment_id))
    return check_new_time(way, lambda to: _move(way, actor, to))


@blueprint.route(f"{LINK}/move", methods=["GET", "POST"])
@right(Right.PUBLIC)
@limited(TRIES)
def move_by_link(visit_code: str) -> ResponseReturnValue:
    """The same, for whoever has the visit's link."""
    home = url_for("booking.linked_visit", visit_code=visit_code)
    return unlisted(choose_new_time(move_way(visit_of_link(visit_code), home)))


@blueprint.route(f"{LINK}/move/check", methods=["GET", "POST"])
@right(Right.PUBLIC)
@limited(TRIES)
def check_move_by_link(visit_code: str) -> ResponseReturnValue:
    """The same, for whoever has the visit's link."""
    way = move_way(visit_of_link(visit_code), url_for("booking.linked_visit", visit_code=visit_code))
    return unlisted(check_new_time(way, lambda to: _move(way, LinkHolder(way.moved.appointment.id), to)))


def _move(way: MoveWay, actor: Actor | LinkHolder, to: NewTime) -> AppointmentFacts:
    id_ = way.moved.appointment.id
    return move_appointment(db_session(), clock(), appointment_id=id_, actor=actor, to=to)


def move_way(visit: VisitFacts, home: str) -> MoveWay:
    """Return the way to a new time: where the visit is now, changed by what the address says."""
    places = tuple(places_of_service(db_session(), visit.service.id, from_day=clock().now().date()))
    who = None if visit.appointment.any_practitioner else visit.practitioner
    way = MoveWay(
        visit.service, places, dict(find_facilities(db_session())), person=visit.person, practitioner=who,
        is_practitioner_chosen=True, facility=visit.facility, mode=visit.appointment.mode, visit=visit, home=home,
    )  # fmt: skip
    way = with_choices(way)
    # The place at which the visit is may not give the service any more: it stays in sight until another is chosen.
    return way if way.is_placed else replace(way, facility=visit.facility)


def choose_new_time(way: MoveWay) -> ResponseReturnValue:
    """Show the free times, or go on to the check of the one that was pressed."""
    refusal = _refusal(way)
    if refusal is not None:
        return refusal
    if request.method == "GET":
        return _times(way)
    chosen = chosen_slot(way, request.form.get("slot"))
    if chosen is None:
        return _times(way, status=422)
    if not _offered(way, chosen):
        return _times(way, status=409, lost=chosen, reason="appointment.slot_taken")
    return see_other(way.link("check_move", slot=request.form["slot"]))


def check_new_time(way: MoveWay, move: Mover) -> ResponseReturnValue:
    """Show the old time and the new one; when the button is pressed, move, or say why not and what there is instead."""
    chosen = chosen_slot(way, request.args.get("slot"))
    is_there = chosen is not None and (chosen.facility.id, chosen.start) == way.left_out
    # Who presses twice has moved it already: that is told once more.
    changed = is_changed(way.moved) and not is_there
    if request.method == "POST" and chosen is not None and not changed:
        return _press(way, move, chosen)
    if is_there:
        return redirect(way.home, 303)  # Who goes back after the move: nobody took the time, it is the visit's.
    refusal = _refusal(way)
    if refusal is not None or chosen is None:
        return refusal or redirect(way.link("choose_time"), 303)
    offered = _offered(way, chosen)
    if not offered:
        return _times(way, status=409, lost=chosen, reason="appointment.slot_taken")
    new = _as_it_will_be(way, chosen, offered[0])
    return render_page(
        "booking/check_move.html", status=409 if changed else 200, way=way, visit=way.moved, new=new, is_changed=changed,
        can_change=clock().now() < new.change_until,
    )  # fmt: skip


def _press(way: MoveWay, move: Mover, chosen: Chosen) -> ResponseReturnValue:
    try:
        moved = move(NewTime(chosen.facility.id, chosen.start, way.practitioner.id if way.practitioner else None))
    except Conflict as refused:
        if refused.code in ANOTHER_TIME:
            return _times(way, status=409, lost=chosen, reason=refused.code)
        refusal = _refusal(way)
        if refusal is None:
            raise
        return refusal
    return see_other(f"{way.home}?{urlencode({'moved': moved.sequence})}")


def _refusal(way: MoveWay) -> ResponseReturnValue | None:
    """Return the answer when the visit cannot be moved here: it is too late, or the visit's page says what is the case."""
    verdict = way.moved.judge_change(clock().now())
    if verdict.allowed:
        return None
    if verdict.code == "appointment.too_late_to_change" and way.anyway:
        return redirect(way.anyway, 303)
    if verdict.code == "appointment.too_late_to_change":
        return too_late_page(way.moved, back=way.home)
    return redirect(way.home, 303)


def _times(way: MoveWay, *, status: int = 200, lost: Chosen | None = None, reason: str = "") -> ResponseReturnValue:
    return times_page(way, "booking/move_visit.html", status=status, lost=lost, reason=reason, moving=way.moved)


def _offered(way: MoveWay, chosen: Chosen) -> list[Taker]:
    wish = replace(way.wish(), facility_id=chosen.facility.id)
    _, found = takers(db_session(), clock(), wish, start=chosen.start, only_offered=True)
    return [] if (chosen.facility.id, chosen.start) == way.left_out else found


def _as_it_will_be(way: MoveWay, chosen: Chosen, taker: Taker) -> VisitFacts:
    facts = replace(
        way.moved.appointment, facility_id=chosen.facility.id, starts_at=chosen.start, practitioner_id=taker.practitioner_id,
        ends_at=chosen.start + timedelta(minutes=way.service.minutes), room_id=taker.room_id, mode=taker.mode,
    )  # fmt: skip
    (visit,) = describe(db_session(), [facts])
    return visit
