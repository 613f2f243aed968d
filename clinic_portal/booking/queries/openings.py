"""What one practitioner after the other offers over many weeks, for a series: read once, judged for each session."""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import NamedTuple

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import Session

from clinic_portal.booking.models import Appointment
from clinic_portal.booking.queries.rota import LONGEST_VISIT, Rota, Taken, Taker, Wish, read_rota, read_taken
from clinic_portal.booking.rules import FIRM_STATES, AppointmentState, Stretch, free_starts, last_day
from clinic_portal.booking.rules.series import Wall, wall_of
from clinic_portal.core.clock import Clock, day_bounds, local_day
from clinic_portal.core.ids import FacilityId, PatientId, PractitionerId
from clinic_portal.facilities.queries import ServiceFacts

#: How far ahead staff may plan when they set the rules aside.
ANYWAY_DAYS = 365


@dataclass(frozen=True)
class Openings:
    """What a facility offers of a service in a stretch of days, and what the patient already has then."""

    service: ServiceFacts
    facility_id: FacilityId
    tz: str
    #: The last day for which its calendar is open.
    last_day: date
    #: Practitioner → starts that are offered, without those that the patient cannot take, in order.
    starts: Mapping[PractitionerId, Sequence[datetime]]
    #: Practitioner → how many visits they have in these days.
    loads: Mapping[PractitionerId, int]
    rota: Rota
    taken: Taken
    #: The patient's visits and holds.
    theirs: tuple[Stretch, ...]
    #: Day → how many visits of this service the patient has.
    on_day: Mapping[date, int]
    earliest: datetime

    def walls(self, practitioner_id: PractitionerId) -> dict[Wall, datetime]:
        """Return what one practitioner offers, by what the wall clock shows."""
        return {wall_of(start, self.tz): start for start in self.starts.get(practitioner_id, ())}

    def takers(self, practitioner_id: PractitionerId, start: datetime) -> list[Taker]:
        """Return where the practitioner can take a start, in the order in which to ask; nowhere when they cannot."""
        if start < self.earliest:
            return []
        return [
            taker
            for window in self.rota.windows(local_day(start, self.tz))
            if window.hours.practitioner_id == practitioner_id
            for taker in self.taken.takers(window, self.rota, start)
        ]

    def refusals(self, practitioner_id: PractitionerId, starts: Collection[datetime]) -> dict[datetime, str]:
        """Return why which of the sessions cannot be had, as codes: of two that exclude each other, the later one."""
        return refusals_of([Wanted(self, practitioner_id, start) for start in starts])

    def is_for_patient(self, start: datetime) -> bool:
        """Whether the patient can take a start, with what they have already."""
        return not self._patients_refusal(start, self.theirs, self.on_day)

    def patients_refusal(self, start: datetime, beside: Collection[Stretch]) -> str:
        """Return why the patient cannot take a session beside others of its series, as a code; nothing when they can."""
        on_day = Counter(self.on_day)
        on_day.update(local_day(one.start, self.tz) for one in beside)
        return self._patients_refusal(start, [*self.theirs, *beside], on_day)

    def _patients_refusal(self, start: datetime, theirs: Collection[Stretch], on_day: Mapping[date, int]) -> str:
        visit, limit = self.visit(start), self.service.rules.visits_per_day
        if any(visit.touches(one) for one in theirs):
            return "appointment.patient_overlap"
        if limit is not None and on_day.get(local_day(start, self.tz), 0) >= limit:
            return "appointment.too_many_that_day"
        return ""

    def visit(self, start: datetime) -> Stretch:
        """Return how long the patient is there."""
        return Stretch(start, start + timedelta(minutes=self.service.minutes))


class Wanted(NamedTuple):
    """A session that is wanted: with whom, when, and what is offered where it takes place."""

    openings: Openings
    practitioner_id: PractitionerId
    start: datetime
    #: Staff's own choice of where, outside of what is offered.
    anyway: Taker | None = None

    @property
    def takers(self) -> list[Taker]:
        """Where the practitioner can take it, in the order in which to ask; nowhere when they cannot."""
        return [self.anyway] if self.anyway else self.openings.takers(self.practitioner_id, self.start)

    def refusal(self, beside: Collection[Stretch]) -> str:
        """Return why it cannot be had beside others of its series, as a code; nothing when it can."""
        busy = self.openings.rota.need.busy(self.start)
        if not self.takers or (self.anyway and self.openings.taken.load(self.practitioner_id, busy)):
            return "appointment.slot_taken"
        return self.openings.patients_refusal(self.start, beside)


def refusals_of(wanted: Collection[Wanted]) -> dict[datetime, str]:
    """Return why which of the sessions of one patient cannot be had, as codes; they may be at more than one place.

    Of two that exclude each other it is the later one.
    """
    found, kept = dict[datetime, str](), list[Stretch]()
    for one in sorted(wanted, key=lambda one: one.start):
        code = one.refusal(kept)
        if code:
            found[one.start] = code
        else:
            kept.append(one.openings.visit(one.start))
    return found


def read_openings(  # noqa: PLR0913 - what, when, for whom, and by which rules
    db: Session,
    clock: Clock,
    wish: Wish,
    *,
    from_day: date,
    to_day: date,
    patient_id: PatientId | None = None,
    anyway: bool = False,
) -> Openings:
    """Return what is offered at the wish's facility in [from_day, to_day]: two statements, and one for the patient's own.

    `anyway`: staff set notice, horizon and visits a day aside; hours, absences and what somebody else has never.
    Raises: NotFound when there is no such service or facility.
    """
    if wish.facility_id is None:
        raise ValueError("a series is planned at one place")
    now = clock.now()
    rota = read_rota(db, wish, from_day=from_day, to_day=to_day, now=now, with_room_plan=True)
    if anyway:
        rota = _unlimited(rota, now)
    taken = read_taken(db, rota, wish, from_day=from_day, to_day=to_day, now=now)
    tz, (first, last) = rota.facilities[wish.facility_id].tz, rota.open_days[wish.facility_id]
    from_day, to_day = max(from_day, first), min(to_day, last)
    span = Stretch(day_bounds(from_day, tz)[0], day_bounds(max(from_day, to_day), tz)[1])
    theirs, on_day = _of_patient(db, wish, span, tz, patient_id, now) if patient_id else ([], Counter[date]())
    openings = Openings(
        service=rota.service, facility_id=wish.facility_id, tz=tz, last_day=last, starts={}, loads={}, rota=rota,
        taken=taken, theirs=tuple(theirs), on_day=on_day, earliest=now + rota.service.rules.notice,
    )  # fmt: skip
    starts = _starts(openings, from_day, to_day)
    return replace(openings, starts=starts, loads={who: taken.load(who, span) for who in starts})


def _unlimited(rota: Rota, now: datetime) -> Rota:
    rules = replace(rota.service.rules, notice=timedelta(0), horizon_days=ANYWAY_DAYS, visits_per_day=None)
    open_days = {
        one.id: (local_day(now, one.tz), last_day(now, one.tz, horizon_days=ANYWAY_DAYS))
        for one in rota.facilities.values()
    }
    return replace(rota, service=replace(rota.service, rules=rules), open_days=open_days)


def _starts(openings: Openings, from_day: date, to_day: date) -> dict[PractitionerId, list[datetime]]:
    found: dict[PractitionerId, set[datetime]] = defaultdict(set)
    rota, tz = openings.rota, openings.tz
    for offset in range((to_day - from_day).days + 1):
        for window in rota.windows(from_day + timedelta(days=offset)):
            busy = openings.taken.beside(window, rota)
            found[window.hours.practitioner_id].update(
                start
                for start in free_starts(window.stretch, rota.need, busy, tz=tz, earliest=openings.earliest)
                if openings.is_for_patient(start)
            )
    return {who: sorted(starts) for who, starts in found.items()}


def _of_patient(
    db: Session, wish: Wish, span: Stretch, tz: str, patient_id: PatientId, now: datetime
) -> tuple[list[Stretch], Counter[date]]:
    theirs = select(Appointment.starts_at, Appointment.ends_at, Appointment.service_id).where(
        Appointment.patient_id == patient_id,
        Appointment.starts_at > span.start - LONGEST_VISIT,
        Appointment.starts_at < span.end,
        or_(Appointment.state.in_(FIRM_STATES), _held(wish, now)),
        Appointment.id.not_in(wish.own_visits),
    )
    stretches, on_day = list[Stretch](), Counter[date]()
    for starts_at, ends_at, service_id in db.execute(theirs):
        stretches.append(Stretch(starts_at, ends_at))
        on_day[local_day(starts_at, tz)] += service_id == wish.service_id
    return stretches, on_day


def _held(wish: Wish, now: datetime) -> ColumnElement[bool]:
    held = and_(Appointment.state == AppointmentState.PROPOSED, Appointment.held_until > now)
    return held if wish.own_hold is None else and_(held, Appointment.hold_key_hash.is_distinct_from(wish.own_hold))
