"""Giving a session and all later ones of its series new times: a wish, a plan beside the old times, one press.

The front desk has the same pages under its own addresses: `ask_later`, `plan_new_times` and `press_move` serve both.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import TypeVar
from urllib.parse import urlencode
from uuid import UUID

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext

from clinic_portal.booking.forms import LaterForm
from clinic_portal.booking.queries import PartOfDay, VisitFacts, Wish, describe, visit_of
from clinic_portal.booking.queries.openings import Openings, read_openings
from clinic_portal.booking.queries.series import later_sessions, series_facts
from clinic_portal.booking.routes.common import blueprint
from clinic_portal.booking.routes.series_plan import Session, codes_of, session_lines, still_free
from clinic_portal.booking.routes.series_way import (
    SPARE_WEEKS,
    first_of,
    minute_of_day,
    show_calendar,
    times_of_day,
    weekday_names,
)
from clinic_portal.booking.routes.times import parse_slot
from clinic_portal.booking.routes.too_late import too_late_page
from clinic_portal.booking.rules.series import SeriesWish, propose, replan, wall_of
from clinic_portal.booking.steps.series import TIMES_LOST
from clinic_portal.booking.use_cases.move_later_sessions import move_later_sessions
from clinic_portal.core.clock import local_day
from clinic_portal.core.errors import Conflict, NotFound
from clinic_portal.core.ids import AppointmentId
from clinic_portal.patients.queries import PatientFacts
from clinic_portal.web.access import Right, require_actor, right
from clinic_portal.web.database import clock, db_session
from clinic_portal.web.filters import local_text
from clinic_portal.web.limits import limiter
from clinic_portal.web.pages import render_page, see_other

A_WEEK = timedelta(days=7)
VISIT = "/visits/<uuid:appointment_id>"
#: What the address says of the wish.
WISHED = ("weekday", "at", "first", "aside")

Form = TypeVar("Form", bound=LaterForm)
#: Moves the sessions to new times, in order of time, for whoever looks at the page; returns which moved.
Mover = Callable[[tuple[datetime, ...]], Sequence[AppointmentId]]


@dataclass(frozen=True)
class Later:
    """A session and those after it that are booked, and when they would suit better."""

    visit: VisitFacts
    sessions: tuple[VisitFacts, ...]
    per_week: int
    #: The visit's own page: "/visits/<id>", or that of the desk.
    home: str
    #: Where they are kept as they are.
    back: str
    #: The first day that is left: the one after the last session before these.
    earliest: date
    layout: str = "layouts/patient.html"
    #: At the desk: whose sessions they are.
    patient: PatientFacts | None = None
    #: Staff set the rules aside; they write why before moving.
    is_aside: bool = False

    @property
    def today(self) -> date:
        """What day it is there."""
        return local_day(clock().now(), self.visit.tz)

    @property
    def seen(self) -> str:
        """What a press says of the sessions that it was made for: one that was moved meanwhile makes it another."""
        return ".".join(str(one.appointment.sequence) for one in self.sessions)

    def openings(self, first: date, last: date) -> Openings:
        """What the therapist offers; the times of these sessions count as free."""
        facts = self.visit.appointment
        own = tuple(one.appointment.id for one in self.sessions)
        wish = Wish(facts.service_id, facts.practitioner_id, facts.facility_id, mode=facts.mode, own_visits=own)
        return read_openings(
            db_session(), clock(), wish, from_day=first, to_day=last, patient_id=facts.known_patient_id,
            anyway=self.is_aside,
        )  # fmt: skip

    def plan(self, form: LaterForm) -> tuple[list[Session], bool]:
        """Return a new time for as many as fit, and whether none was free as it was wished."""
        part = next((part for part in PartOfDay if part.value == form.at.data), None)
        first = max(form.first.value or self.today, self.earliest)
        weeks = -(-len(self.sessions) // self.per_week) + SPARE_WEEKS
        openings = self.openings(first, first + A_WEEK * weeks)
        weekdays = frozenset(int(one) for one in form.weekday.data or ())
        wish = SeriesWish(
            len(self.sessions), self.per_week, first, openings.last_day, weekdays, part or PartOfDay.ANY,
            None if part else minute_of_day(form.at.data),
        )  # fmt: skip
        found = propose(wish, openings.starts.get(self.visit.practitioner.id, ()), openings.tz)
        return (session_lines(found.sessions, openings.tz, {}), found.is_relaxed) if found else ([], False)

    def chosen(self, starts: Collection[datetime], lost: Mapping[datetime, str]) -> list[Session]:
        """Return the plan that was chosen, with the nearest time in the place of what was lost."""
        days = [local_day(start, self.visit.tz) for start in starts]
        openings, who = self.openings(min(days) - A_WEEK, max(days) + A_WEEK), self.visit.practitioner.id
        walls = [wall_of(start, openings.tz) for start in sorted(set(starts))]
        lines = replan(walls, still_free(openings, who, sorted(starts), lost))
        shown = session_lines(lines, openings.tz, codes_of(lost, openings.tz))
        return [line for line in shown if line.number]


@blueprint.get(f"{VISIT}/move-later")
@right(Right.PATIENT)
def move_later(appointment_id: UUID) -> ResponseReturnValue:
    """Ask when this session and the later ones would suit better."""
    later = _later(appointment_id)
    return _closed(later) or ask_later(later, later_form(later, LaterForm))


@blueprint.get(f"{VISIT}/plan-later")
@right(Right.PATIENT)
@limiter.limit("60 per minute")
def plan_later(appointment_id: UUID) -> ResponseReturnValue:
    """Propose new times beside the old ones, which stay until the new ones are pressed."""
    later = _later(appointment_id)
    return plan_new_times(later, later_form(later, LaterForm), is_closed=lambda: _closed(later))


@blueprint.post(f"{VISIT}/plan-later", endpoint="move_sessions")
@right(Right.PATIENT)
@limiter.limit("40 per minute")
def move_all(appointment_id: UUID) -> ResponseReturnValue:
    """Move all of them, or none: then the times that were lost are marked."""
    id_, actor = AppointmentId(appointment_id), require_actor()
    return press_move(
        _later(appointment_id),
        lambda starts: move_later_sessions(db_session(), clock(), appointment_id=id_, actor=actor, starts=starts),
    )


def _later(appointment_id: UUID) -> Later:
    db, id_ = db_session(), AppointmentId(appointment_id)
    visit = visit_of(db, clock(), id_, actor=require_actor())
    sessions = describe(db, later_sessions(db, visit.appointment))
    back = url_for("booking.series", series_id=visit.appointment.series_id)
    return later_of(visit, sessions, home=url_for("booking.visit", appointment_id=appointment_id), back=back)


def _closed(later: Later) -> ResponseReturnValue | None:
    """Return the answer when nothing can be moved: nothing is booked from here on, or it is too late for the first."""
    if not later.sessions:
        return redirect(later.back, 303)
    verdict = later.sessions[0].judge_change(clock().now())
    return None if verdict.allowed else too_late_page(later.sessions[0], back=later.back)


def later_of(visit: VisitFacts, sessions: Sequence[VisitFacts], *, home: str, back: str) -> Later:
    """Return what is moved: sessions from this visit on. Raises: NotFound (not of a series)."""
    series_id = visit.appointment.series_id
    series = series_facts(db_session(), series_id) if series_id else None
    if series is None:
        raise NotFound
    before = [local_day(one.starts_at, visit.tz) for one in series.kept if one.starts_at < visit.appointment.starts_at]
    earliest = max((day + timedelta(days=1) for day in before), default=local_day(clock().now(), visit.tz))
    return Later(visit, tuple(sessions), series.per_week, home, back, earliest)


def later_form(later: Later, kind: type[Form]) -> Form:
    """Return the form with what the address says; at first it proposes the week of the session itself."""
    day, today = local_day(later.visit.appointment.starts_at, later.visit.tz), later.today
    data = {"at": PartOfDay.ANY.value, "first": str(max(day - timedelta(days=day.weekday()), today))}
    form = kind(formdata=request.args if "at" in request.args else None, data=data)
    form.weekday.choices = [(str(number), name) for number, name in enumerate(weekday_names())]
    form.at.choices = times_of_day()
    show_calendar(form, today, later.visit.service, is_desk=later.patient is not None)
    return form


def ask_later(later: Later, form: LaterForm, *, status: int = 200) -> ResponseReturnValue:
    """Ask when they would suit better."""
    return render_page(
        "booking/move_later.html", status=status, later=later, visit=later.visit, facility=later.visit.facility,
        facility_name=local_text(later.visit.facility.names), form=form,
    )  # fmt: skip


def plan_new_times(
    later: Later,
    form: LaterForm,
    *,
    is_closed: Callable[[], ResponseReturnValue | None] = lambda: None,
    reason: object = None,
) -> ResponseReturnValue:
    """Propose new times. `is_closed` answers when nothing can be moved; `reason` is the form in which staff write why."""
    if "at" not in request.args:
        return redirect(f"{later.home}/move-later", 303)
    is_desk = later.patient is not None
    if not form.validate() or first_of(form, later.today, later.visit.service, is_desk=is_desk) is None:
        return ask_later(later, form, status=422)
    answer = is_closed()
    if answer is not None:
        return answer
    lines, is_relaxed = later.plan(form)
    return plan_page(later, lines, is_relaxed=is_relaxed, reason=reason)


def typed_times() -> tuple[datetime, ...]:
    """Return the times that were chosen, as they were sent."""
    typed = (parse_slot(text) for text in request.form.getlist("time"))
    return tuple(start for start in typed if start is not None)


def press_move(later: Later, move: Mover, *, reason: object = None) -> ResponseReturnValue:
    """Move all of them, or none: then the times that were lost are marked.

    Raises: Conflict "series.changed" (somebody changed them since the page was made), and what the mover does.
    """
    starts = typed_times()
    doubled = {start for start in starts if starts.count(start) > 1}
    if doubled:
        lost: Mapping[datetime, str] = dict.fromkeys(doubled, "appointment.patient_overlap")
        return plan_page(later, later.chosen(starts, lost), lost=len(lost), reason=reason, status=409)
    if sorted(starts) == [one.appointment.starts_at for one in later.sessions]:
        flash(_("The sessions are booked as you see below"))
        return see_other(later.back)  # Pressed twice, or every one was kept: the sessions are there.
    if request.form.get("seen", later.seen) != later.seen:
        raise Conflict("series.changed")
    try:
        moved = move(starts)
    except Conflict as refusal:
        found = refusal.values.get("lost")
        if refusal.code != TIMES_LOST or not isinstance(found, Mapping):
            raise
        return plan_page(later, later.chosen(starts, found), lost=len(found), reason=reason, status=409)
    flash(ngettext("%(num)d session moved", "%(num)d sessions moved", len(moved)))
    return see_other(later.back)


def plan_page(
    later: Later,
    lines: Sequence[Session],
    *,
    lost: int = 0,
    is_relaxed: bool = False,
    reason: object = None,
    status: int = 200,
) -> ResponseReturnValue:
    """Show the new times beside the old ones."""
    query = [(name, value) for name in WISHED for value in request.args.getlist(name)]
    rows = [(old, lines[index] if index < len(lines) else None) for index, old in enumerate(later.sessions)]
    return render_page(
        "booking/plan_later.html", status=status, later=later, visit=later.visit, facility=later.visit.facility,
        facility_name=local_text(later.visit.facility.names), rows=rows, lost=lost, is_relaxed=is_relaxed,
        here=f"{later.home}/plan-later?{urlencode(query)}", found=len(lines), form=reason,
    )  # fmt: skip
