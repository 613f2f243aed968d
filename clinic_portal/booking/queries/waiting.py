"""The waiting list: entries, offers and freed times, and the loaders that lock them.

Lock order beside the one of `booking`: the patient, a freed time, entries with their offers, then appointments.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import ColumnElement, Select, and_, exists, or_, select
from sqlalchemy.orm import Session

from clinic_portal.accounts.queries import find_actor
from clinic_portal.booking.models import Appointment, FreedTime, WaitingEntry, WaitingOffer, WaitingPolicy
from clinic_portal.booking.queries.visits import OPEN_STATES, visit_for_message
from clinic_portal.booking.rules import (
    AppointmentState,
    Asked,
    EntryEnd,
    EntryState,
    OfferMode,
    OfferState,
    PartOfDay,
    Standing,
    Stretch,
    Unserved,
    WaitingRules,
    suits,
)
from clinic_portal.core.actor import Actor, Role
from clinic_portal.core.clock import Clock, local_day
from clinic_portal.core.errors import Forbidden, NotFound
from clinic_portal.core.ids import (
    AccountId,
    AppointmentId,
    EntryId,
    FacilityId,
    FreedTimeId,
    OfferId,
    PatientId,
    PractitionerId,
    ServiceId,
)
from clinic_portal.dependents.queries import person_to_book_for
from clinic_portal.facilities.queries import facility_by_id, find_facilities, find_services
from clinic_portal.practitioners.queries import services_of

ONE_DAY = timedelta(days=1)

#: States of a visit that can be brought forward.
COMING_STATES = (AppointmentState.BOOKED, AppointmentState.PENDING)


@dataclass(frozen=True)
class EntryFacts:
    """Somebody's place on the list."""

    id: EntryId
    patient_id: PatientId
    service_id: ServiceId
    #: The visit to bring forward.
    appointment_id: AppointmentId | None
    asked: Asked
    state: EntryState
    end_reason: EntryEnd | None
    created_at: datetime
    #: None: the desk wrote it down.
    account_id: AccountId | None
    #: Why nothing can be offered at the moment; None: something can.
    unserved: Unserved | None = None


@dataclass(frozen=True)
class OfferFacts:
    """A time offered to one who waits."""

    id: OfferId
    reference: str
    entry_id: EntryId
    practitioner_id: PractitionerId
    facility_id: FacilityId
    starts_at: datetime
    state: OfferState
    made_at: datetime
    ends_at: datetime
    ended_at: datetime | None
    #: The visit that took it.
    appointment_id: AppointmentId | None
    freed_time_id: FreedTimeId
    #: Whether the time is held for this offer alone.
    is_held: bool
    #: Whether somebody holds the time at the booking page now. Known where an offer is shown as it stands.
    is_being_booked: bool = False

    @property
    def shown(self) -> str:
        """Its state in one word, for who reads it."""
        return Standing.BEING_BOOKED.value if self.is_being_booked else self.state.value


def entry_facts(row: WaitingEntry, *, earlier_than: datetime | None = None) -> EntryFacts:
    """Return what a row says; `earlier_than` is the start of its visit."""
    asked = Asked(
        from_day=row.from_day,
        until_day=row.until_day,
        weekdays=frozenset(row.weekdays),
        parts=frozenset(PartOfDay(part) for part in row.parts),
        practitioner_id=row.practitioner_id,
        facility_id=row.facility_id,
        mode=row.mode,
        earlier_than=earlier_than,
        notice=timedelta(days=row.notice_days),
    )
    return EntryFacts(
        EntryId(row.id), PatientId(row.patient_id), ServiceId(row.service_id),
        AppointmentId(row.appointment_id) if row.appointment_id else None, asked, row.state, row.end_reason,
        row.created_at, AccountId(row.account_id) if row.account_id else None, row.unserved,
    )  # fmt: skip


def offer_facts_of(row: WaitingOffer) -> OfferFacts:
    """Return what a row says."""
    return OfferFacts(
        OfferId(row.id), row.reference, EntryId(row.entry_id), PractitionerId(row.practitioner_id),
        FacilityId(row.facility_id), row.starts_at, row.state, row.made_at, row.ends_at, row.ended_at,
        AppointmentId(row.appointment_id) if row.appointment_id else None, FreedTimeId(row.freed_time_id),
        row.hold_id is not None,
    )  # fmt: skip


def waiting_rules(db: Session, facility_id: FacilityId) -> WaitingRules:
    """Return how a facility offers times."""
    row = db.get(WaitingPolicy, facility_id)
    return row.rules if row else WaitingRules()


def offer_modes(db: Session, facility_ids: Collection[FacilityId]) -> set[OfferMode]:
    """Return the ways in which these facilities offer times."""
    rows = db.execute(select(WaitingPolicy.facility_id, WaitingPolicy.mode))
    modes = {FacilityId(id_): mode for id_, mode in rows}
    return {modes.get(id_, WaitingRules.mode) for id_ in facility_ids}


def offer_by_reference(db: Session, reference: str) -> tuple[OfferFacts, EntryFacts] | None:
    """Return an offer and whose it is, for somebody whose link was checked."""
    row = db.scalar(select(WaitingOffer).where(WaitingOffer.reference == reference))
    return find_offer(db, OfferId(row.id)) if row else None


def find_offer(db: Session, offer_id: OfferId) -> tuple[OfferFacts, EntryFacts] | None:
    """Return an offer and whose it is, as they are now."""
    offer = db.get(WaitingOffer, offer_id, populate_existing=True)
    entry = db.get(WaitingEntry, offer.entry_id, populate_existing=True) if offer else None
    if offer is None or entry is None:
        return None
    return offer_facts_of(offer), entry_facts(entry, earlier_than=start_of_visit(db, entry))


def find_entry(db: Session, entry_id: EntryId) -> EntryFacts | None:
    """Return a place on the list as it is now. For jobs and messages."""
    row = db.get(WaitingEntry, entry_id, populate_existing=True)
    return entry_facts(row, earlier_than=start_of_visit(db, row)) if row else None


def is_on_list(db: Session, patient_id: PatientId, service_id: ServiceId) -> bool:
    """Whether a patient waits for a service. For jobs and messages."""
    mine = and_(WaitingEntry.patient_id == patient_id, WaitingEntry.service_id == service_id)
    return bool(db.scalar(select(exists().where(mine, WaitingEntry.state == EntryState.WAITING))))


def own_entry(db: Session, clock: Clock, entry_id: EntryId, *, actor: Actor) -> EntryFacts:
    """Return a place on the list of somebody for whom the actor may book. Raises: NotFound; Forbidden."""
    row = db.get(WaitingEntry, entry_id, populate_existing=True)
    if row is None:
        raise NotFound
    person_to_book_for(db, clock, PatientId(row.patient_id), actor=actor)
    return entry_facts(row, earlier_than=start_of_visit(db, row))


def live_entry(db: Session, patient_id: PatientId, service_id: ServiceId) -> WaitingEntry | None:
    """Return the patient's place on the list of a service, locked. The caller holds the patient's lock."""
    mine = and_(WaitingEntry.patient_id == patient_id, WaitingEntry.service_id == service_id)
    return db.scalar(_locked_entries().where(mine, WaitingEntry.state == EntryState.WAITING))


def start_of_visit(db: Session, entry: WaitingEntry) -> datetime | None:
    """Return when the visit to bring forward starts."""
    if entry.appointment_id is None:
        return None
    return db.scalar(select(Appointment.starts_at).where(Appointment.id == entry.appointment_id))


def lock_entry(db: Session, entry_id: EntryId, *, skip_locked: bool = False) -> WaitingEntry | None:
    """Return the entry, locked; None when there is none, or (`skip_locked`) when somebody else is looking at it."""
    return db.scalar(_locked_entries(skip_locked=skip_locked).where(WaitingEntry.id == entry_id))


def lock_offer(db: Session, offer_id: OfferId) -> tuple[WaitingEntry, WaitingOffer]:
    """Return the offer and its entry, both locked, the entry first. Raises: NotFound."""
    entry_id = db.scalar(select(WaitingOffer.entry_id).where(WaitingOffer.id == offer_id))
    entry = lock_entry(db, EntryId(entry_id)) if entry_id else None
    offer = db.scalar(_locked_offers().where(WaitingOffer.id == offer_id))
    if entry is None or offer is None:
        raise NotFound
    return entry, offer


def lock_open_offer(db: Session, entry_id: EntryId) -> WaitingOffer | None:
    """Return the entry's open offer, locked. The caller holds the entry's lock."""
    return db.scalar(_locked_offers().where(WaitingOffer.entry_id == entry_id, WaitingOffer.state == OfferState.OPEN))


def lock_freed(db: Session, freed_time_id: FreedTimeId) -> FreedTime | None:
    """Return a freed time that is open, locked; None when it is closed, or when somebody else is offering it."""
    return db.scalar(
        select(FreedTime)
        .where(FreedTime.id == freed_time_id, FreedTime.closed_at.is_(None))
        .with_for_update(key_share=True, skip_locked=True)
        .execution_options(populate_existing=True)
    )


def open_freed_times(db: Session) -> Sequence[FreedTimeId]:
    """Return the freed times that may still be offered, oldest first."""
    ids = db.scalars(select(FreedTime.id).where(FreedTime.closed_at.is_(None)).order_by(FreedTime.id))
    return [FreedTimeId(one) for one in ids]


def open_offers(db: Session) -> Sequence[OfferId]:
    """Return the offers that nobody answered yet, those that end first at first."""
    statement = select(WaitingOffer.id).where(WaitingOffer.state == OfferState.OPEN)
    return [OfferId(one) for one in db.scalars(statement.order_by(WaitingOffer.ends_at))]


def candidates(db: Session, freed: FreedTime, *, tz: str) -> Sequence[tuple[EntryId, bool]]:
    """Return who may want some of a freed time, in the order in which they asked, and whether they look at another offer.

    Whoever was offered some of it already is left out, unless the time that they were told of went to somebody faster.
    """
    first, last = local_day(freed.starts_at, tz), local_day(freed.ends_at, tz)
    weekdays = sorted({(first + ONE_DAY * number).weekday() for number in range(min((last - first).days, 6) + 1)})
    deciding = exists().where(WaitingOffer.entry_id == WaitingEntry.id, WaitingOffer.state == OfferState.OPEN)
    about_it = WaitingOffer.freed_time_id == freed.id
    if freed.is_by_room:
        # Whoever said no to the time with the colleague whose room it was is not asked for the same hour again.
        in_it = WaitingOffer.starts_at >= freed.starts_at, WaitingOffer.starts_at < freed.ends_at
        about_it = or_(about_it, and_(WaitingOffer.facility_id == freed.facility_id, *in_it))
    asked_before = exists().where(
        WaitingOffer.entry_id == WaitingEntry.id, about_it, WaitingOffer.state != OfferState.LOST
    )
    later = exists().where(Appointment.id == WaitingEntry.appointment_id, Appointment.starts_at > freed.starts_at)
    rows = db.execute(
        select(WaitingEntry.id, deciding)
        .where(
            WaitingEntry.state == EntryState.WAITING,
            or_(WaitingEntry.facility_id.is_(None), WaitingEntry.facility_id == freed.facility_id),
            or_(WaitingEntry.practitioner_id.is_(None), WaitingEntry.practitioner_id == freed.practitioner_id),
            WaitingEntry.service_id.in_(services_of(PractitionerId(freed.practitioner_id))),
            WaitingEntry.from_day <= last,
            WaitingEntry.until_day >= first,
            or_(WaitingEntry.weekdays == [], WaitingEntry.weekdays.overlap(weekdays)),
            or_(WaitingEntry.appointment_id.is_(None), later),
            ~asked_before,
        )
        .order_by(WaitingEntry.created_at, WaitingEntry.id)
    )
    return [(EntryId(id_), bool(is_deciding)) for id_, is_deciding in rows]


def starts_told(db: Session, entry_id: EntryId, freed_time_id: FreedTimeId) -> Collection[datetime]:
    """Return of which times of a freed one an entry was told."""
    mine = WaitingOffer.entry_id == entry_id, WaitingOffer.freed_time_id == freed_time_id
    return set(db.scalars(select(WaitingOffer.starts_at).where(*mine)))


def first_come_times(db: Session, freed: FreedTime) -> Sequence[Stretch]:
    """Return the times around a freed one that are offered to whoever is first, each as often as somebody may take it."""
    rows = db.execute(
        select(WaitingOffer.starts_at, WaitingEntry.service_id)
        .join(WaitingEntry, WaitingEntry.id == WaitingOffer.entry_id)
        .where(
            WaitingOffer.state == OfferState.OPEN,
            WaitingOffer.hold_id.is_(None),
            WaitingOffer.practitioner_id == freed.practitioner_id,
            WaitingOffer.starts_at.between(freed.starts_at - ONE_DAY, freed.ends_at),
        )
    ).all()
    services = find_services(db, {ServiceId(service_id) for _, service_id in rows})
    lengths = {id_: timedelta(minutes=service.minutes) for id_, service in services.items()}
    return [Stretch(start, start + lengths[ServiceId(service_id)]) for start, service_id in rows]


def is_undecided(db: Session, freed: FreedTime, *, now: datetime) -> bool:
    """Say whether some of a freed time is only held, or offered, at the moment: it may come free again."""
    held = and_(Appointment.state == AppointmentState.PROPOSED, Appointment.held_until > now)
    open_offer = exists().where(WaitingOffer.freed_time_id == freed.id, WaitingOffer.state == OfferState.OPEN)
    return bool(db.scalar(select(or_(exists().where(_in_time_of(freed), held), open_offer))))


def entry_over(db: Session, clock: Clock, entry: WaitingEntry) -> EntryEnd | None:
    """Return why nothing may be offered to an entry any more; None while it may."""
    if entry.until_day < clock.now().date() - ONE_DAY:
        return EntryEnd.TOO_LATE
    if entry.appointment_id is not None:
        visit = visit_for_message(db, AppointmentId(entry.appointment_id))
        is_coming = visit is not None and visit.appointment.state in COMING_STATES
        if visit is None or not is_coming or visit.appointment.starts_at <= clock.now():
            return EntryEnd.VISIT_OVER
    elif db.scalar(select(exists().where(found_alone(entry, clock.now())))):
        return EntryEnd.BOOKED
    if entry.account_id is None:
        return None  # Nobody's right to book can end: the patient asked at the desk.
    if find_actor(db, AccountId(entry.account_id)) is None:
        return EntryEnd.NO_RIGHT  # The account was closed.
    try:
        person_to_book_for(db, clock, PatientId(entry.patient_id), actor=asker(entry))
    except (NotFound, Forbidden):
        return EntryEnd.NO_RIGHT
    return None


def found_alone(entry: WaitingEntry | type[WaitingEntry], now: datetime) -> ColumnElement[bool]:
    """Say of an appointment that it is the visit to come for which somebody waited, and found by themselves."""
    return and_(
        Appointment.patient_id == entry.patient_id,
        Appointment.service_id == entry.service_id,
        Appointment.booked_at > entry.created_at,
        Appointment.state.in_(OPEN_STATES),
        Appointment.starts_at > now,
    )


def still_waits(db: Session, clock: Clock, entry_id: EntryId) -> bool:
    """Say whether times are still offered to an entry that is on the list: the sweep may come a minute later."""
    return entry_over(db, clock, db.get_one(WaitingEntry, entry_id)) is None


def asker(entry: WaitingEntry) -> Actor:
    """Return who asked, as history names somebody who came with an offer's link."""
    account_id = AccountId(entry.account_id) if entry.account_id else None
    return Actor(account_id=account_id, role=Role.PATIENT, name="offer-link")


def still_suits(db: Session, entry: WaitingEntry, offer: WaitingOffer, *, now: datetime) -> bool:
    """Say whether an offered time is what an entry asks for now: wishes change, and so does the visit to bring forward."""
    asked = entry_facts(entry, earlier_than=start_of_visit(db, entry)).asked
    place = facility_by_id(db, FacilityId(offer.facility_id))
    return asked.is_soon_enough(offer.starts_at, now=now) and suits(
        asked, offer.starts_at, place.tz, practitioner_id=offer.practitioner_id, facility_id=offer.facility_id
    )  # fmt: skip


def today_at(db: Session, facility_id: FacilityId | None, *, now: datetime) -> date:
    """Return what day it is at a facility; at none in particular, where the day is the earliest."""
    places = find_facilities(db, None if facility_id is None else {facility_id}).values()
    return min((local_day(now, one.tz) for one in places), default=now.date())


def _in_time_of(freed: FreedTime) -> ColumnElement[bool]:
    whose = Appointment.practitioner_id == freed.practitioner_id
    if freed.room_id is not None:
        # Who is held in its room keeps the time from everybody.
        whose = or_(whose, Appointment.room_id == freed.room_id)
    return and_(
        whose,
        Appointment.busy_from < freed.ends_at,
        Appointment.busy_until > freed.starts_at,
    )


def _locked_entries(*, skip_locked: bool = False) -> Select[WaitingEntry]:
    return (
        select(WaitingEntry)
        .with_for_update(key_share=True, skip_locked=skip_locked)
        .execution_options(populate_existing=True)
    )


def _locked_offers() -> Select[WaitingOffer]:
    return select(WaitingOffer).with_for_update(key_share=True).execution_options(populate_existing=True)
