"""The waiting list as the desk sees it: who waits, and what was offered to whom."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, and_, exists, func, or_, select
from sqlalchemy.orm import Session

from clinic_portal.booking.models import Appointment, FreedTime, WaitingEntry, WaitingOffer
from clinic_portal.booking.queries.recipients import hears
from clinic_portal.booking.queries.standing import as_they_stand
from clinic_portal.booking.queries.visits import VisitFacts, visit_for_message
from clinic_portal.booking.queries.waiting import EntryFacts, OfferFacts, entry_facts, start_of_visit
from clinic_portal.booking.rules import EntryState, OfferState
from clinic_portal.core.actor import Actor
from clinic_portal.core.clock import Clock
from clinic_portal.core.errors import NotFound
from clinic_portal.core.ids import AppointmentId, EntryId, FacilityId, OfferId, PatientId, PractitionerId, ServiceId
from clinic_portal.facilities.queries import (
    FacilityFacts,
    ServiceFacts,
    find_facilities,
    find_services,
    service_by_id,
    works_at,
)
from clinic_portal.patients.queries import PatientFacts, find_patients, patients_for_staff
from clinic_portal.practitioners.queries import PractitionerFacts, practitioner_by_id, practitioners

#: How far back the desk sees what became of freed times.
SHOWN_FOR = timedelta(days=7)
SHOWN_AT_MOST = 50


@dataclass(frozen=True)
class Waiter:
    """Somebody on the list, as the desk sees it. For staff."""

    entry: EntryFacts
    patient: PatientFacts
    service: ServiceFacts
    practitioner: PractitionerFacts | None
    #: When and where the visit to bring forward is.
    visit: tuple[datetime, FacilityFacts] | None
    #: With the places at which the times are: "anywhere" may be under another clock than the desk's.
    offers: tuple[tuple[OfferFacts, FacilityFacts], ...]

    @property
    def offers_in_sight(self) -> tuple[tuple[OfferFacts, FacilityFacts], ...]:
        """Those that wait for an answer, and the last one: the others are on the entry's own page."""
        return tuple(one for one in self.offers if one[0].state is OfferState.OPEN or one is self.offers[-1])


@dataclass(frozen=True)
class FreedView:
    """A time that came free, and to whom it was offered. For staff."""

    practitioner: PractitionerFacts
    starts_at: datetime
    ends_at: datetime
    made_at: datetime
    is_closed: bool
    #: The practitioner was free before, and had no room.
    is_by_room: bool
    offers: tuple[tuple[OfferFacts, PatientFacts], ...]

    @property
    def offers_in_sight(self) -> tuple[tuple[OfferFacts, PatientFacts], ...]:
        """Those that wait for an answer, the one that was taken, and the last one."""
        matter = {OfferState.OPEN, OfferState.ACCEPTED}
        return tuple(one for one in self.offers if one[0].state in matter or one is self.offers[-1])

    @property
    def offers_before(self) -> tuple[tuple[OfferFacts, PatientFacts], ...]:
        """The others: whom it was offered to in vain."""
        return tuple(one for one in self.offers if one not in self.offers_in_sight)


@dataclass(frozen=True)
class DeskEntry:
    """One place on the list, with everything that the desk can do about it. For staff."""

    entry: EntryFacts
    patient: PatientFacts
    service: ServiceFacts
    #: None: no preference.
    practitioner: PractitionerFacts | None
    facility: FacilityFacts | None
    #: The visit to bring forward; once a time was taken, the visit that took it.
    visit: VisitFacts | None
    #: The latest first, with the places at which the times are.
    offers: tuple[tuple[OfferFacts, FacilityFacts], ...]
    #: Whether messages reach the patient, or who acts for them.
    is_reachable: bool
    #: Whether it stands in this desk's list. Otherwise a time of this facility was offered: that alone is the desk's.
    is_here: bool

    def open_offer(self, facility_id: FacilityId, *, now: datetime) -> OfferFacts | None:
        """Return the offer of a time at a facility that waits for an answer."""
        mine = (one for one, _ in self.offers if one.facility_id == facility_id)
        return next((one for one in mine if one.state is OfferState.OPEN and one.ends_at > now), None)


def waiters_at(db: Session, clock: Clock, facility_id: FacilityId) -> Sequence[Waiter]:
    """Return who waits for a time at a facility, in the order in which they asked. For its staff.

    Who would come anywhere is shown where their visit is; without a visit, everywhere: that is what they asked for.
    """
    rows = db.scalars(
        select(WaitingEntry)
        .where(WaitingEntry.state == EntryState.WAITING, _here(facility_id))
        .order_by(WaitingEntry.created_at, WaitingEntry.id)
    ).all()
    places, offers = find_facilities(db), dict[EntryId, list[tuple[OfferFacts, FacilityFacts]]]()
    whose = {row.id: row for row in rows}
    made = db.scalars(select(WaitingOffer).where(WaitingOffer.entry_id.in_(set(whose))).order_by(WaitingOffer.id))
    for offer in as_they_stand(db, clock, [(one, whose[one.entry_id]) for one in made]).values():
        offers.setdefault(offer.entry_id, []).append((offer, places[offer.facility_id]))
    visits, entries = _visits(db, rows, places), [entry_facts(row) for row in rows]
    people, services = (
        find_patients(db, {one.patient_id for one in entries}),
        find_services(db, {one.service_id for one in entries}),
    )
    who = practitioners(db, {PractitionerId(one.asked.practitioner_id) for one in entries if one.asked.practitioner_id})
    return [
        Waiter(
            entry=one,
            patient=people[one.patient_id],
            service=services[one.service_id],
            practitioner=who[PractitionerId(one.asked.practitioner_id)] if one.asked.practitioner_id else None,
            visit=visits.get(one.appointment_id),
            offers=tuple(offers.get(one.id, ())),
        )
        for one in entries
    ]


def _visits(
    db: Session, rows: Collection[WaitingEntry], places: Mapping[FacilityId, FacilityFacts]
) -> Mapping[UUID | None, tuple[datetime, FacilityFacts]]:
    """Return when and where the visits are that entries would bring forward: one statement."""
    ids = {row.appointment_id for row in rows if row.appointment_id}
    visits = select(Appointment.id, Appointment.starts_at, Appointment.facility_id).where(Appointment.id.in_(ids))
    return {id_: (starts_at, places[FacilityId(where)]) for id_, starts_at, where in db.execute(visits)}


def freed_at(db: Session, clock: Clock, facility_id: FacilityId) -> Sequence[FreedView]:
    """Return the times of a facility that came free lately, the latest first, with their offers. For its staff."""
    rows = db.scalars(
        select(FreedTime)
        .where(
            FreedTime.facility_id == facility_id,
            FreedTime.made_at > clock.now() - SHOWN_FOR,
            FreedTime.is_room_only.is_(False),  # Nobody's time: whose it becomes has a row.
        )
        .order_by(FreedTime.made_at.desc(), FreedTime.id.desc())
        .limit(SHOWN_AT_MOST)
    ).all()
    made: dict[object, list[tuple[OfferFacts, PatientId]]] = {}
    statement = (
        select(WaitingOffer, WaitingEntry)
        .join(WaitingEntry, WaitingEntry.id == WaitingOffer.entry_id)
        .where(WaitingOffer.freed_time_id.in_({row.id for row in rows}))
        .order_by(WaitingOffer.id)
    )
    pairs = [(offer, entry) for offer, entry in db.execute(statement)]
    now = as_they_stand(db, clock, pairs)
    for offer, entry in pairs:
        made.setdefault(offer.freed_time_id, []).append((now[OfferId(offer.id)], PatientId(entry.patient_id)))
    people = find_patients(db, _patients(made.values()))
    who = practitioners(db, {PractitionerId(row.practitioner_id) for row in rows})
    return [
        FreedView(
            who[PractitionerId(row.practitioner_id)], row.starts_at, row.ends_at, row.made_at,
            row.closed_at is not None, row.is_by_room, tuple((offer, people[id_]) for offer, id_ in made.get(row.id, ())),
        )
        for row in rows
    ]  # fmt: skip


def _patients(made: Collection[Sequence[tuple[OfferFacts, PatientId]]]) -> set[PatientId]:
    return {patient_id for offers in made for _, patient_id in offers}


def entry_at_desk(
    db: Session, clock: Clock, entry_id: EntryId, *, facility_id: FacilityId, actor: Actor
) -> DeskEntry:  # fmt: skip
    """Return a place on the list, also when it is over. Raises: NotFound when it is none of this desk's."""
    if not works_at(db, facility_id, actor=actor):
        raise NotFound
    offered_here = exists().where(WaitingOffer.entry_id == WaitingEntry.id, WaitingOffer.facility_id == facility_id)
    found = db.execute(
        select(WaitingEntry, _here(facility_id))
        .where(WaitingEntry.id == entry_id, or_(_here(facility_id), offered_here))
        .execution_options(populate_existing=True)
    ).one_or_none()
    if found is None:
        raise NotFound
    row, is_here = found
    entry = entry_facts(row, earlier_than=start_of_visit(db, row))
    asked, patient = entry.asked, patients_for_staff(db, [entry.patient_id], actor=actor)[entry.patient_id]
    offers = db.scalars(
        select(WaitingOffer)
        .where(WaitingOffer.entry_id == row.id)
        .order_by(WaitingOffer.id.desc())
        .execution_options(populate_existing=True)
    )
    stand = as_they_stand(db, clock, [(one, row) for one in offers])
    today, places = clock.now().date(), find_facilities(db)
    return DeskEntry(
        entry=entry,
        patient=patient,
        service=service_by_id(db, entry.service_id),
        practitioner=practitioner_by_id(db, PractitionerId(asked.practitioner_id)) if asked.practitioner_id else None,
        facility=places[FacilityId(asked.facility_id)] if asked.facility_id else None,
        visit=visit_for_message(db, entry.appointment_id) if entry.appointment_id else None,
        offers=tuple((one, places[one.facility_id]) for one in stand.values()),
        is_reachable=hears(db, patient, entry.account_id, today=today),
        is_here=is_here,
    )


def entry_of_offer_at_desk(db: Session, offer_id: OfferId, *, facility_id: FacilityId, actor: Actor) -> EntryId:
    """Return whose offer it is, of a time at a facility at which the actor works. Raises: NotFound."""
    found = db.scalar(
        select(WaitingOffer.entry_id).where(WaitingOffer.id == offer_id, WaitingOffer.facility_id == facility_id)
    )
    if found is None or not works_at(db, facility_id, actor=actor):
        raise NotFound
    return EntryId(found)


def known_wishes(
    db: Session, patient_id: PatientId, service_id: ServiceId
) -> EntryFacts | None:  # fmt: skip
    """Return what a patient waits for already. For staff: the caller has checked that the desk knows the patient."""
    row = db.scalar(
        select(WaitingEntry).where(
            WaitingEntry.patient_id == patient_id,
            WaitingEntry.service_id == service_id,
            WaitingEntry.state == EntryState.WAITING,
        )
    )
    return entry_facts(row, earlier_than=start_of_visit(db, row)) if row else None


def is_waiting_at(db: Session, patient_id: PatientId, facility_id: FacilityId) -> bool:
    """Whether a patient stands in the list of a facility."""
    mine = exists().where(
        WaitingEntry.patient_id == patient_id, WaitingEntry.state == EntryState.WAITING, _here(facility_id)
    )
    return bool(db.scalar(select(mine)))


def stands_at(db: Session, entry_id: EntryId, facility_id: FacilityId) -> bool:
    """Whether a place on the list is one of a facility's."""
    return bool(db.scalar(select(exists().where(WaitingEntry.id == entry_id, _here(facility_id)))))


def entry_of_visit(db: Session, appointment_id: AppointmentId) -> EntryFacts | None:
    """Return the place on the list that would bring a visit forward. For staff: the caller has checked the visit."""
    row = db.scalar(
        select(WaitingEntry).where(
            WaitingEntry.appointment_id == appointment_id, WaitingEntry.state == EntryState.WAITING
        )
    )
    return entry_facts(row, earlier_than=start_of_visit(db, row)) if row else None


def _here(facility_id: FacilityId) -> ColumnElement[bool]:
    visit_at = select(Appointment.facility_id).where(Appointment.id == WaitingEntry.appointment_id).scalar_subquery()
    return and_(func.coalesce(WaitingEntry.facility_id, visit_at, facility_id) == facility_id)
