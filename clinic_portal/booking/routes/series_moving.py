"""Giving a session and all later ones of its series new times: a wish, a plan beside the old times, one press."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from urllib.parse import urlencode
from uuid import UUID

from flask import redirect, request, url_for
from flask.typing import ResponseReturnValue

from clinic_portal.booking.forms import LaterForm
from clinic_portal.booking.queries import PartOfDay, VisitFacts, Wish, describe, visit_of
from clinic_portal.booking.queries.openings import Openings, read_openings
from clinic_portal.booking.queries.series import later_sessions, series_facts
from clinic_portal.booking.routes.common import Way, blueprint
from clinic_portal.booking.routes.series import Session, session_lines
from clinic_portal.booking.routes.series_way import SPARE_WEEKS, first_days, minute_of_day, times_of_day, weekday_names
from clinic_portal.booking.routes.times import parse_slot
from clinic_portal.booking.routes.too_late import too_late_page
from clinic_portal.booking.rules.series import SeriesWish, propose, replan, wall_of
from clinic_portal.booking.steps.series import TIMES_LOST
from clinic_portal.booking.use_cases.move_later_sessions import move_later_sessions
from clinic_portal.core.clock import local_day
from clinic_portal.core.errors import Conflict, NotFound
from clinic_portal.core.ids import AppointmentId
from clinic_portal.web.access import Right, require_actor, right
from clinic_portal.web.database import clock, db_session
from clinic_portal.web.limits import limiter
from clinic_portal.web.pages import render_page, see_other

A_WEEK = timedelta(days=7)


@dataclass(frozen=True)
class Later:
    """A session and those after it that are booked, and when they would suit better."""

    visit: VisitFacts
    sessions: tuple[VisitFacts, ...]
    per_week: int
    back: str
    #: The first day that is left: the one after the last session before these.
    earliest: date

    def openings(self, first: date, last: date) -> Openings:
        """What the therapist offers; the times of these sessions count as free."""
        facts = self.visit.appointment
        own = tuple(one.appointment.id for one in self.sessions)
        wish = Wish(facts.service_id, facts.practitioner_id, facts.facility_id, mode=facts.mode, own_visits=own)
        return read_openings(
            db_session(), clock(), wish, from_day=first, to_day=last, patient_id=facts.known_patient_id
        )

    def plan(self, form: LaterForm) -> list[Session]:
        """Return a new time for as many as fit."""
        part = next((part for part in PartOfDay if part.value == form.at.data), None)
        first = max(date.fromisoformat(form.first.data), self.earliest)
        weeks = -(-len(self.sessions) // self.per_week) + SPARE_WEEKS
        openings = self.openings(first, first + A_WEEK * weeks)
        weekdays = frozenset(int(one) for one in form.weekday.data or ())
        wish = SeriesWish(
            len(self.sessions), self.per_week, first, openings.last_day, weekdays, part or PartOfDay.ANY,
            None if part else minute_of_day(form.at.data),
        )  # fmt: skip
        found = propose(wish, openings.starts.get(self.visit.practitioner.id, ()), openings.tz)
        return session_lines(found.sessions, openings.tz, {}) if found else []


@blueprint.get("/visits/<uuid:appointment_id>/move-later")
@right(Right.PATIENT)
def move_later(appointment_id: UUID) -> ResponseReturnValue:
    """Ask when this session and the later ones would suit better."""
    later = _later(appointment_id)
    return _closed(later) or _wish_page(later, _form(later))


@blueprint.get("/visits/<uuid:appointment_id>/plan-later")
@right(Right.PATIENT)
@limiter.limit("60 per minute")
def plan_later(appointment_id: UUID) -> ResponseReturnValue:
    """Propose new times beside the old ones, which stay until the new ones are pressed."""
    later = _later(appointment_id)
    form = _form(later)
    if "at" not in request.args:
        return redirect(url_for("booking.move_later", appointment_id=appointment_id), 303)
    if not form.validate():
        return _wish_page(later, form, status=422)
    return _closed(later) or _plan_page(later, later.plan(form))


@blueprint.post("/visits/<uuid:appointment_id>/plan-later", endpoint="move_sessions")
@right(Right.PATIENT)
@limiter.limit("40 per minute")
def move_all(appointment_id: UUID) -> ResponseReturnValue:
    """Move all of them, or none: then the times that were lost are marked."""
    later = _later(appointment_id)
    typed = (parse_slot(text) for text in request.form.getlist("time"))
    starts = tuple(start for start in typed if start is not None)
    doubled = {start for start in starts if starts.count(start) > 1}
    if doubled:
        return _lost_page(later, starts, dict.fromkeys(doubled, "appointment.patient_overlap"))
    try:
        move_later_sessions(
            db_session(), clock(), appointment_id=AppointmentId(appointment_id), actor=require_actor(), starts=starts
        )
    except Conflict as refusal:
        lost = refusal.values.get("lost")
        if refusal.code != TIMES_LOST or not isinstance(lost, Mapping):
            raise
        return _lost_page(later, starts, lost)
    return see_other(later.back)


def _later(appointment_id: UUID) -> Later:
    db, id_ = db_session(), AppointmentId(appointment_id)
    visit = visit_of(db, clock(), id_, actor=require_actor())
    sessions = describe(db, later_sessions(db, visit.appointment))
    series_id = visit.appointment.series_id
    series = series_facts(db, series_id) if series_id else None
    if series is None:
        raise NotFound
    back = url_for("booking.series", series_id=series_id)
    before = [local_day(one.starts_at, visit.tz) for one in series.kept if one.starts_at < visit.appointment.starts_at]
    earliest = max((day + timedelta(days=1) for day in before), default=local_day(clock().now(), visit.tz))
    return Later(visit, tuple(sessions), series.per_week, back, earliest)


def _closed(later: Later) -> ResponseReturnValue | None:
    """Return the answer when nothing can be moved: nothing is booked from here on, or it is too late for the first."""
    if not later.sessions:
        return redirect(later.back, 303)
    verdict = later.sessions[0].judge_change(clock().now())
    return None if verdict.allowed else too_late_page(later.sessions[0], back=later.back)


def _form(later: Later) -> LaterForm:
    day = local_day(later.visit.appointment.starts_at, later.visit.tz)
    data = {"at": PartOfDay.ANY.value, "first": str(day - timedelta(days=day.weekday()))}
    form = LaterForm(formdata=request.args if "at" in request.args else None, data=data)
    form.weekday.choices = [(str(number), name) for number, name in enumerate(weekday_names())]
    form.at.choices = times_of_day()
    form.first.choices = first_days(Way(later.visit.service, (), {}, facility=later.visit.facility), ())
    return form


def _wish_page(later: Later, form: LaterForm, *, status: int = 200) -> ResponseReturnValue:
    return render_page("booking/move_later.html", status=status, later=later, visit=later.visit, form=form)


def _plan_page(later: Later, lines: Sequence[Session], *, lost: int = 0) -> ResponseReturnValue:
    query = [(name, value) for name in ("weekday", "at", "first") for value in request.args.getlist(name)]
    here = url_for("booking.plan_later", appointment_id=later.visit.appointment.id)
    rows = [(old, lines[index] if index < len(lines) else None) for index, old in enumerate(later.sessions)]
    return render_page(
        "booking/plan_later.html", status=409 if lost else 200, later=later, visit=later.visit, rows=rows, lost=lost,
        here=f"{here}?{urlencode(query)}", found=len(lines),
    )  # fmt: skip


def _lost_page(later: Later, starts: tuple[datetime, ...], lost: Mapping[datetime, str]) -> ResponseReturnValue:
    days = [local_day(start, later.visit.tz) for start in starts]
    openings, who = later.openings(min(days) - A_WEEK, max(days) + A_WEEK), later.visit.practitioner.id
    gone = {*lost, *openings.refusals(who, starts)}
    free = openings.walls(who) | {wall_of(start, openings.tz): start for start in starts}
    left = {wall: start for wall, start in free.items() if start not in gone}
    lines = replan([wall_of(start, openings.tz) for start in sorted(set(starts))], left)
    codes = {wall_of(start, openings.tz): code for start, code in lost.items()}
    shown = [line for line in session_lines(lines, openings.tz, codes) if line.number]
    return _plan_page(later, shown, lost=len(lost))
