"""Visits with their names and places, for pages and messages."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from clinic_portal.booking.models import Appointment
from clinic_portal.booking.queries.appointments import AppointmentFacts, facts_of
from clinic_portal.booking.queries.series import SessionNumber, session_numbers
from clinic_portal.booking.rules import AppointmentState, Verdict, judge_change, judge_change_by_staff
from clinic_portal.core.actor import Actor, system
from clinic_portal.core.clock import Clock
from clinic_portal.core.errors import NotFound
from clinic_portal.core.ids import AppointmentId
from clinic_portal.dependents.queries import PersonFacts, people_of, person_to_book_for
from clinic_portal.facilities.queries import (
    FacilityFacts,
    RoomFacts,
    ServiceFacts,
    find_facilities,
    find_rooms,
    find_services,
)
from clinic_portal.practitioners.queries import PractitionerFacts, practitioners

#: How many entries of the past a page shows at once; sessions of a series of which the same became are one.
PAST_SHOWN = 50

#: A visit that is still to come, or going on.
OPEN_STATES = (
    AppointmentState.PENDING,
    AppointmentState.BOOKED,
    AppointmentState.ARRIVED,
    AppointmentState.CHECKED_IN,
)

#: A visit of somebody who is at the clinic is not over at its end by the clock, but when the desk says so. What nobody
#: ever ended counts as over after these hours.
HERE_STATES = (AppointmentState.ARRIVED, AppointmentState.CHECKED_IN)
HERE_FOR = timedelta(hours=12)

#: What the history says of somebody who came with a visit's link.
LINK = system("visit-link")


@dataclass(frozen=True)
class LinkHolder:
    """Whoever has the link of a visit: may see when and where it is, and change this one visit, whoever they are."""

    appointment_id: AppointmentId


@dataclass(frozen=True)
class VisitFacts:
    """An appointment with who, what and where. `person` is None where nobody in particular looks at it (a message)."""

    appointment: AppointmentFacts
    service: ServiceFacts
    practitioner: PractitionerFacts
    facility: FacilityFacts
    #: None when online.
    room: RoomFacts | None
    person: PersonFacts | None = None
    #: Which session of a series it is; None for a visit by itself, and for a session that was given back.
    session: SessionNumber | None = None

    @property
    def tz(self) -> str:
        """The wall clock on which its time is shown."""
        return self.facility.tz

    @property
    def is_to_join(self) -> bool:
        """Whether it is online, and still to come or going on."""
        return self.appointment.is_online and self.appointment.state in OPEN_STATES

    def is_running(self, now: datetime) -> bool:
        """Whether it is time for it, and nobody has arrived."""
        visit = self.appointment
        return visit.state is AppointmentState.BOOKED and visit.starts_at <= now < visit.ends_at

    def judge_change(self, now: datetime) -> Verdict:
        """Say whether the patient may still move it or give it back."""
        cutoff = self.service.rules.change_cutoff
        return judge_change(self.appointment.state, self.appointment.starts_at, cutoff=cutoff, now=now)

    def judge_change_by_staff(self) -> Verdict:
        """Say whether staff may still move it or give it back."""
        return judge_change_by_staff(self.appointment.state)

    @property
    def change_until(self) -> datetime:
        """Until when the patient may move it or give it back."""
        return self.appointment.starts_at - self.service.rules.change_cutoff


@dataclass(frozen=True)
class Visits:
    """The visits of everybody for whom an account books: those to come, soonest first; the others, latest first."""

    coming: tuple[VisitFacts, ...]
    past: tuple[VisitFacts, ...]
    #: Whether there are others, before those.
    has_older: bool = False

    @property
    def may_have_missed(self) -> bool:
        """Whether somebody missed one of them, or perhaps an older one."""
        return self.has_older or any(one.appointment.state is AppointmentState.NOSHOW for one in self.past)

    @property
    def coming_together(self) -> list[list[VisitFacts]]:
        """Those to come, with all sessions of a series where the next one stands."""
        return _together(self.coming)

    @property
    def past_together(self) -> list[list[VisitFacts]]:
        """The others, with those sessions of a series of which the same became where the latest one stands."""
        return _together(self.past, by_state=True)


def visits_of(db: Session, clock: Clock, *, actor: Actor, past_shown: int = PAST_SHOWN) -> Visits:
    """Return the visits that the actor may see, those of the past in so many entries. A held time is none yet."""
    people = {person.patient_id: person for person in people_of(db, clock, actor=actor) if person.can_book}
    if not people:
        return Visits((), ())
    mine = select(Appointment).where(Appointment.patient_id.in_(set(people)), Appointment.booked_at.is_not(None))
    now = clock.now()
    is_here = Appointment.state.in_(HERE_STATES) & (Appointment.ends_at > now - HERE_FOR)
    coming = (Appointment.state.in_(OPEN_STATES) & (Appointment.ends_at > now)) | is_here
    rows = [
        *db.scalars(mine.where(coming).order_by(Appointment.starts_at)),
        *db.scalars(_latest_entries(mine.where(~coming), past_shown + 1)),
    ]
    facts = [facts_of(row) for row in rows]
    described = [describe_for(visit, people[visit.appointment.known_patient_id]) for visit in describe(db, facts)]
    past = [visit for visit in described if not _is_coming(visit, now)]
    entries = _together(past, by_state=True)
    shown = {visit.appointment.id for entry in entries[:past_shown] for visit in entry}
    return Visits(
        tuple(visit for visit in described if _is_coming(visit, now)),
        tuple(visit for visit in past if visit.appointment.id in shown),
        has_older=len(entries) > past_shown,
    )


def _latest_entries(visits: Select[Appointment], count: int) -> Select[Appointment]:
    """Return the visits of the latest so many entries, latest first: as `_together` puts them by state."""
    entry = func.coalesce(Appointment.series_id, Appointment.id).label("entry")
    latest = (
        visits.with_only_columns(entry, Appointment.state)
        .group_by(entry, Appointment.state)
        .order_by(func.max(Appointment.starts_at).desc())
        .limit(count)
        .subquery()
    )
    is_of_one = (latest.c.entry == entry) & (latest.c.state == Appointment.state)
    return visits.join(latest, is_of_one).order_by(Appointment.starts_at.desc())


def visit_of(db: Session, clock: Clock, appointment_id: AppointmentId, *, actor: Actor) -> VisitFacts:
    """Return one visit of somebody for whom the actor may book.

    Raises: NotFound (no such, only held, or a stranger's); Forbidden (may not act for this person).
    """
    row = db.get(Appointment, appointment_id, populate_existing=True)
    if row is None or row.booked_at is None or row.patient_id is None:
        raise NotFound
    facts = facts_of(row)
    person = person_to_book_for(db, clock, facts.known_patient_id, actor=actor)
    (visit,) = describe(db, [facts])
    return describe_for(visit, person)


def changeable_visit(db: Session, clock: Clock, appointment_id: AppointmentId, *, by: Actor | LinkHolder) -> VisitFacts:
    """Return a visit for somebody who wants to change it: from the account, or with the visit's link.

    Raises: NotFound; Forbidden (may not act for this person).
    """
    if isinstance(by, Actor):
        return visit_of(db, clock, appointment_id, actor=by)
    visit = visit_for_message(db, appointment_id) if by.appointment_id == appointment_id else None
    if visit is None:
        raise NotFound
    return visit


def actor_of(by: Actor | LinkHolder) -> Actor:
    """Return what the history says of who changed a visit."""
    return by if isinstance(by, Actor) else LINK


def visit_by_reference(db: Session, reference: str) -> VisitFacts | None:
    """Return the visit with this spoken reference, for somebody whose link was checked; None when it was never booked."""
    appointment_id = db.scalar(select(Appointment.id).where(Appointment.reference == reference))
    return visit_for_message(db, AppointmentId(appointment_id)) if appointment_id else None


def visit_for_message(db: Session, appointment_id: AppointmentId) -> VisitFacts | None:
    """Return a visit for the clinic's own messages, which know nobody who looks at it."""
    return visits_by_id(db, [appointment_id]).get(appointment_id)


def visits_by_id(db: Session, ids: Collection[AppointmentId]) -> Mapping[AppointmentId, VisitFacts]:
    """Return those of these that were promised to somebody, whoever looks: the caller has checked that they may."""
    if not ids:
        return {}
    rows = db.scalars(select(Appointment).where(Appointment.id.in_(ids)).execution_options(populate_existing=True))
    promised = [facts_of(row) for row in rows if row.booked_at is not None and row.patient_id is not None]
    return {visit.appointment.id: visit for visit in describe(db, promised)}


def describe(db: Session, appointments: Iterable[AppointmentFacts]) -> Sequence[VisitFacts]:
    """Return appointments with their names and places, in four statements however many they are, and one for series."""
    rows = list(appointments)
    services = find_services(db, {row.service_id for row in rows})
    people = practitioners(db, {row.practitioner_id for row in rows})
    places = find_facilities(db, {row.facility_id for row in rows}) if rows else {}
    rooms = find_rooms(db, {row.room_id for row in rows if row.room_id})
    numbers = session_numbers(db, {row.series_id for row in rows if row.series_id})
    return [
        VisitFacts(
            appointment=row,
            service=services[row.service_id],
            practitioner=people[row.practitioner_id],
            facility=places[row.facility_id],
            room=rooms[row.room_id] if row.room_id else None,
            session=numbers.get(row.id),
        )
        for row in rows
    ]


def describe_for(visit: VisitFacts, person: PersonFacts | None) -> VisitFacts:
    """Return the visit as one account sees it: with who it is for."""
    return replace(visit, person=person)


def _together(visits: Iterable[VisitFacts], *, by_state: bool = False) -> list[list[VisitFacts]]:
    groups: dict[object, list[VisitFacts]] = {}
    for visit in visits:
        one = visit.appointment
        groups.setdefault((one.series_id or one.id, one.state if by_state else None), []).append(visit)
    return list(groups.values())


def _is_coming(visit: VisitFacts, now: datetime) -> bool:
    one = visit.appointment
    is_here = one.state in HERE_STATES and one.ends_at > now - HERE_FOR
    return is_here or (one.state in OPEN_STATES and one.ends_at > now)
