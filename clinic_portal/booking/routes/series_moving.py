"""Giving a session and all later ones of its series new times: a wish, a plan beside the old times, one press.

The front desk has the same pages under its own addresses: `ask_later`, `plan_new_times` and `press_move` serve both.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
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
from clinic_portal.booking.queries import AppointmentState, PartOfDay, VisitFacts, Wish, describe, visit_of
from clinic_portal.booking.queries.openings import Openings, read_openings
from clinic_portal.booking.queries.series import Place, SeriesFacts, later_sessions, place_of, series_facts, with_whom
from clinic_portal.booking.routes.common import blueprint
from clinic_portal.booking.routes.series_plan import A_WEEK, Session, codes_of, session_lines, still_free
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
from clinic_portal.booking.rules.series import Line, Plan, SeriesWish, Wished, propose_each, replan_each, wall_of
from clinic_portal.booking.steps.series import TIMES_LOST
from clinic_portal.booking.use_cases.move_later_sessions import move_later_sessions
from clinic_portal.core.clock import local_day
from clinic_portal.core.errors import Conflict, NotFound
from clinic_portal.core.ids import AppointmentId, PractitionerId
from clinic_portal.patients.queries import PatientFacts
from clinic_portal.practitioners.queries import PractitionerFacts
from clinic_portal.web.access import Right, require_actor, right
from clinic_portal.web.database import clock, db_session
from clinic_portal.web.error_texts import explain
from clinic_portal.web.filters import local_text
from clinic_portal.web.limits import limited
from clinic_portal.web.pages import render_page, see_other

VISIT = "/visits/<uuid:appointment_id>"
#: What the address says of the wish.
WISHED = ("weekday", "at", "first", "aside")

#: The refusal of a press that was made for other sessions than there are now.
CHANGED = "series.changed"

NONE: Mapping[datetime, str] = {}

Form = TypeVar("Form", bound=LaterForm)
#: Moves the sessions to new times, in order of time, for whoever looks at the page; returns which moved.
Mover = Callable[[tuple[datetime, ...]], Sequence[AppointmentId]]


@dataclass(frozen=True)
class Row:
    """A session on the page of new times."""

    old: VisitFacts
    #: Its new time, and others to choose from; None: nothing else is free.
    line: Session | None = None
    #: Staff of another facility change it.
    is_theirs: bool = False


@dataclass(frozen=True)
class Later:
    """A session and those after it that are booked, and when they would suit better. Each is moved where it is."""

    visit: VisitFacts
    series: SeriesFacts
    sessions: tuple[VisitFacts, ...]
    #: The visit's own page: "/visits/<id>", or that of the desk.
    home: str
    #: Where they are kept as they are.
    back: str
    #: The first day that is left: the one after the last session before these.
    earliest: date
    layout: str = "layouts/patient.html"
    #: At the desk: whose sessions they are.
    patient: PatientFacts | None = None
    #: At the desk: those that take place where its staff do not work. They stay.
    theirs: tuple[VisitFacts, ...] = ()
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

    @property
    def is_at_many_places(self) -> bool:
        """Whether it has to be said of each where it is."""
        return len({place_of(one.appointment) for one in (*self.sessions, *self.theirs)}) > 1

    @property
    def places(self) -> list[Place]:
        """Where each takes place."""
        return [place_of(one.appointment) for one in self.sessions]

    @property
    def therapists(self) -> dict[Place, PractitionerId]:
        """With whom they are moved."""
        return with_whom(self.series, [one.appointment for one in self.sessions])

    def therapist(self, session: VisitFacts) -> PractitionerFacts:
        """With whom a session is moved; one that stays, with whom it is."""
        who = self.therapists.get(place_of(session.appointment))
        return next((one.practitioner for one in self.sessions if one.practitioner.id == who), session.practitioner)

    def openings(self, first: date, last: date) -> dict[Place, Openings]:
        """What the therapist of each place offers; the times of these sessions count as free."""
        facts = self.visit.appointment
        own = tuple(one.appointment.id for one in self.sessions)
        found = {}
        for place, who in self.therapists.items():
            wish = Wish(facts.service_id, who, place.facility_id, mode=place.mode, own_visits=own)
            found[place] = read_openings(
                db_session(), clock(), wish, from_day=first, to_day=last, patient_id=facts.known_patient_id,
                anyway=self.is_aside,
            )  # fmt: skip
        return found

    def plan(self, form: LaterForm) -> tuple[list[Row], bool]:
        """Return a new time for as many as fit, and whether none was free as it was wished."""
        first = max(form.first.value or self.today, self.earliest)
        soon = first + A_WEEK * (-(-len(self.sessions) // self.series.per_week) + SPARE_WEEKS)
        openings = self.openings(first, soon)
        found, last_day = self._propose(form, first, openings), max(one.last_day for one in openings.values())
        if (found is None or found.missing) and soon < last_day:
            openings = self.openings(first, last_day)
            found = self._propose(form, first, openings)
        return self._rows(found.sessions if found else (), openings, {}), found is not None and found.is_relaxed

    def _propose(self, form: LaterForm, first: date, openings: Mapping[Place, Openings]) -> Plan | None:
        part = next((part for part in PartOfDay if part.value == form.at.data), None)
        weekdays, last = (
            frozenset(int(one) for one in form.weekday.data or ()),
            max(one.last_day for one in openings.values()),
        )
        wish = SeriesWish(
            len(self.sessions), self.series.per_week, first, last, weekdays, part or PartOfDay.ANY,
            None if part else minute_of_day(form.at.data),
        )  # fmt: skip
        offers = {place: openings[place].walls(who) for place, who in self.therapists.items()}
        return propose_each(wish, offers, self.places)

    def chosen(
        self, starts: Sequence[datetime], lost: Mapping[datetime, str], doubled: Mapping[datetime, str] = NONE
    ) -> list[Row]:
        """Return the plan that was chosen, in the order of the sessions, with the nearest time in the place of what was lost.

        A time that was chosen for two (`doubled`) stays with the first.
        """
        days = [local_day(start, self.visit.tz) for start in starts]
        openings, therapists = self.openings(min(days) - A_WEEK, max(days) + A_WEEK), self.therapists
        wished = []
        for number, (place, start) in enumerate(zip(self.places, starts, strict=True)):
            here, who = openings[place], therapists[place]
            times = [one for other, one in zip(self.places, starts, strict=True) if other == place]
            wished.append(Wished(number, wall_of(start, here.tz), still_free(here, who, times, lost)))
        lines = [line for line in replan_each(wished) if line.chosen is not None]
        return self._rows(lines, openings, {**lost, **doubled})

    def _rows(
        self, lines: Sequence[Line], openings: Mapping[Place, Openings], lost: Mapping[datetime, str]
    ) -> list[Row]:
        shown = {line.session: line for line in lines}
        rows = [Row(one, is_theirs=True) for one in self.theirs]
        for number, (old, place) in enumerate(zip(self.sessions, self.places, strict=True)):
            tz, line = openings[place].tz, shown.get(number)
            rows.append(Row(old, session_lines([line], tz, codes_of(lost, tz))[0] if line else None))
        return sorted(rows, key=lambda row: row.old.appointment.starts_at)


@blueprint.get(f"{VISIT}/move-later")
@right(Right.PATIENT)
def move_later(appointment_id: UUID) -> ResponseReturnValue:
    """Ask when this session and the later ones would suit better."""
    later = _later(appointment_id)
    return _closed(later) or ask_later(later, later_form(later, LaterForm))


@blueprint.get(f"{VISIT}/plan-later")
@right(Right.PATIENT)
@limited("60 per minute")
def plan_later(appointment_id: UUID) -> ResponseReturnValue:
    """Propose new times beside the old ones, which stay until the new ones are pressed."""
    later = _later(appointment_id)
    return _closed(later) or plan_new_times(later, later_form(later, LaterForm))


@blueprint.post(f"{VISIT}/plan-later", endpoint="move_sessions")
@right(Right.PATIENT)
@limited("40 per minute")
def move_all(appointment_id: UUID) -> ResponseReturnValue:
    """Move all of them, or none: then the times that were lost are marked."""
    id_, actor = AppointmentId(appointment_id), require_actor()
    try:
        return press_move(
            _later(appointment_id),
            lambda starts: move_later_sessions(db_session(), clock(), appointment_id=id_, actor=actor, starts=starts),
        )
    except Conflict as refused:
        later = _later(appointment_id)
        if refused.code != CHANGED or not later.sessions:
            raise
        return _closed(later) or changed_page(later)


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


def later_of(
    visit: VisitFacts, sessions: Sequence[VisitFacts], *, home: str, back: str, theirs: Sequence[VisitFacts] = ()
) -> Later:
    """Return what is moved: sessions from this visit on. Raises: NotFound (not of a series)."""
    series_id = visit.appointment.series_id
    series = series_facts(db_session(), series_id) if series_id else None
    if series is None:
        raise NotFound
    before = [local_day(one.starts_at, visit.tz) for one in series.kept if one.starts_at < visit.appointment.starts_at]
    earliest = max((day + timedelta(days=1) for day in before), default=local_day(clock().now(), visit.tz))
    return Later(visit, series, tuple(sessions), home, back, earliest, theirs=tuple(theirs))


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


def plan_new_times(later: Later, form: LaterForm, *, reason: object = None) -> ResponseReturnValue:
    """Propose new times for sessions that are there; `reason` is the form in which staff write why."""
    if "at" not in request.args:
        return redirect(f"{later.home}/move-later", 303)
    is_desk = later.patient is not None
    if not form.validate() or first_of(form, later.today, later.visit.service, is_desk=is_desk) is None:
        return ask_later(later, form, status=422)
    rows, is_relaxed = later.plan(form)
    return plan_page(later, rows, is_relaxed=is_relaxed, reason=reason)


def typed_times(later: Later) -> list[datetime] | None:
    """Return the time chosen for each of the sessions, in their order; None when they are no longer what was looked at."""
    typed, ids, times = _times_sent("time"), _typed_ids(later), _typed_by_id(later)
    ours = [str(one.appointment.id) for one in later.sessions]
    if request.form.get("seen", later.seen) != later.seen:
        return None
    return [times[id_] for id_ in ours] if ours and len(typed) == len(ids) and set(times) == set(ours) else None


def _typed_by_id(later: Later) -> dict[str, datetime]:
    typed = zip(_typed_ids(later), _times_sent("time"), strict=False)
    return {id_: start for id_, start in typed if start is not None}


def _times_sent(name: str) -> list[datetime | None]:
    return [parse_slot(text) for text in request.form.getlist(name)]


def _typed_ids(later: Later) -> list[str]:
    return request.form.getlist("session") or [str(one.appointment.id) for one in later.sessions]


def _is_done(later: Later) -> bool:
    """Whether every session that the press names has its time already."""
    named, typed = _typed_ids(later), _times_sent("time")
    known = {str(one.id): one for one in later.series.sessions if one.state is AppointmentState.BOOKED}
    if not named or len(named) != len(typed) or not known.keys() >= set(named):
        return False
    wanted = [(place_of(known[id_]), start) for id_, start in zip(named, typed, strict=True)]
    return Counter(wanted) == Counter((place_of(known[id_]), known[id_].starts_at) for id_ in set(named))


def press_move(later: Later, move: Mover, *, reason: object = None) -> ResponseReturnValue:
    """Move all of them, or none: then the times that were lost are marked.

    Raises: Conflict "series.changed" (somebody changed them since the page was made), and what the mover does.
    """
    if _is_done(later):
        flash(_("The sessions are booked as you see below"))
        return see_other(later.back)  # Pressed twice, or every one was kept: the sessions are there.
    starts = typed_times(later)
    if starts is None:
        raise Conflict(CHANGED)
    doubled = _doubled(starts)
    if doubled:
        return plan_page(later, later.chosen(starts, {}, doubled), lost=len(doubled), reason=reason, status=409)
    try:
        moved = move(tuple(starts))
    except Conflict as refusal:
        found = refusal.values.get("lost")
        if refusal.code != TIMES_LOST or not isinstance(found, Mapping):
            raise
        return plan_page(later, later.chosen(starts, found), lost=len(found), reason=reason, status=409)
    flash(ngettext("%(num)d session moved", "%(num)d sessions moved", len(moved)))
    return see_other(later.back)


def changed_page(later: Later, *, reason: object = None) -> ResponseReturnValue:
    """Show the sessions as they are now, after somebody changed them, with the new times that were chosen for them.

    One that was to stay as it was stays as it is now: nobody's change is undone by pressing again.
    """
    stood = dict(zip(_typed_ids(later), _times_sent("was"), strict=False))
    chosen = {id_: start for id_, start in _typed_by_id(later).items() if start != stood.get(id_)}
    starts = [chosen.get(str(one.appointment.id), one.appointment.starts_at) for one in later.sessions]
    rows = later.chosen(starts, {}, _doubled(starts))
    return plan_page(later, rows, reason=reason, refusal=explain(409, CHANGED), status=409)


def _doubled(starts: Sequence[datetime]) -> dict[datetime, str]:
    """Return the times that were chosen for two sessions, with why they cannot be had so."""
    return {start: "appointment.patient_overlap" for start in starts if starts.count(start) > 1}


def plan_page(  # noqa: PLR0913 - all by name
    later: Later,
    rows: Sequence[Row],
    *,
    lost: int = 0,
    is_relaxed: bool = False,
    reason: object = None,
    refusal: object = None,
    status: int = 200,
) -> ResponseReturnValue:
    """Show the new times beside the old ones; `refusal` says why those that were pressed are none."""
    query = [(name, value) for name in WISHED for value in request.args.getlist(name)]
    return render_page(
        "booking/plan_later.html", status=status, later=later, visit=later.visit, facility=later.visit.facility,
        facility_name=local_text(later.visit.facility.names), rows=rows, lost=lost, is_relaxed=is_relaxed,
        here=f"{later.home}/plan-later?{urlencode(query)}", form=reason,
        refusal=refusal, nothing=not lost and not refusal and not any(row.line for row in rows),
        without=sum(row.line is None and not row.is_theirs for row in rows),
    )  # fmt: skip
