"""The waiting list as its pages show it to patients: with names and places."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from clinic_portal.booking.models import WaitingEntry, WaitingOffer
from clinic_portal.booking.queries.standing import find_standing, standings
from clinic_portal.booking.queries.visits import OPEN_STATES, VisitFacts, visit_for_message, visits_by_id
from clinic_portal.booking.queries.waiting import (
    EntryFacts,
    OfferFacts,
    entry_facts,
    offer_by_reference,
    offer_facts_of,
    own_entry,
    still_waits,
)
from clinic_portal.booking.rules import AppointmentState, EntryState, OfferState, Standing
from clinic_portal.core.actor import Actor
from clinic_portal.core.clock import Clock
from clinic_portal.core.errors import NotFound
from clinic_portal.core.ids import AppointmentId, EntryId, FacilityId, PatientId, PractitionerId
from clinic_portal.core.modes import Mode
from clinic_portal.dependents.queries import PersonFacts, people_of, person_to_book_for
from clinic_portal.facilities.queries import (
    FacilityFacts,
    ServiceFacts,
    facility_by_id,
    find_facilities,
    find_services,
    service_by_id,
)
from clinic_portal.practitioners.queries import PractitionerFacts, practitioner_by_id, practitioners

CANCELLED = AppointmentState.CANCELLED


@dataclass(frozen=True)
class EntryView:
    """A place on the list, as the patient sees it."""

    entry: EntryFacts
    service: ServiceFacts
    person: PersonFacts
    #: None: no preference.
    practitioner: PractitionerFacts | None
    facility: FacilityFacts | None
    #: The visit to bring forward.
    visit: VisitFacts | None
    #: The offer that waits for an answer, if it can be taken.
    offer: OfferFacts | None


@dataclass(frozen=True)
class OfferView:
    """An offer, for whoever has its link."""

    offer: OfferFacts
    service: ServiceFacts
    practitioner: PractitionerFacts
    facility: FacilityFacts
    mode: Mode
    #: The visit that it would bring forward; None as well when that was given back.
    visit: VisitFacts | None
    #: The visit that took the time.
    taken: VisitFacts | None
    #: What it is now; of one that is over, whether its time can be had.
    standing: Standing
    #: Whether its end has come.
    is_over: bool
    #: Whether whoever got it is still on the list.
    is_waiting: bool

    @property
    def is_open(self) -> bool:
        """Whether it can be taken: nobody answered, and the time is still free."""
        return self._is_unanswered and self.standing is Standing.OPEN

    @property
    def is_being_booked(self) -> bool:
        """Whether somebody holds the time at the booking page, and may leave it."""
        return self._is_unanswered and self.standing is Standing.BEING_BOOKED

    @property
    def is_withdrawn(self) -> bool:
        """Whether the patient left the list, or waits for something else now: before the sweep comes round as well."""
        is_unfit = self._is_unanswered and self.standing is Standing.WITHDRAWN
        return self.offer.state is OfferState.WITHDRAWN or is_unfit

    @property
    def is_lost(self) -> bool:
        """Whether the time went away before its end, and whoever got the offer still waits for one."""
        is_gone = self._is_unanswered and self.standing in (Standing.TAKEN, Standing.GONE)
        return self.is_waiting and (self.offer.state is OfferState.LOST or is_gone)

    @property
    def is_taken_by_other(self) -> bool:
        """Whether it is lost to somebody who was faster: nothing was held, and their visit has the time."""
        return self.is_lost and not self.offer.is_held and self.standing is Standing.TAKEN

    @property
    def _is_unanswered(self) -> bool:
        return self.offer.state is OfferState.OPEN and self.is_waiting and not self.is_over

    @property
    def is_as_taken(self) -> bool:
        """Whether the visit that took the time still stands at it."""
        visit = self.taken.appointment if self.taken else None
        return visit is not None and visit.state is not CANCELLED and visit.starts_at == self.offer.starts_at


def entries_of(db: Session, clock: Clock, *, actor: Actor) -> Sequence[EntryView]:
    """Return the places on the list of everybody for whom the actor books, in the order in which they asked."""
    people = {person.patient_id: person for person in people_of(db, clock, actor=actor) if person.can_book}
    rows = db.scalars(
        select(WaitingEntry)
        .where(WaitingEntry.patient_id.in_(set(people)), WaitingEntry.state == EntryState.WAITING)
        .order_by(WaitingEntry.created_at, WaitingEntry.id)
    ).all()
    return _views(db, clock, [entry_facts(row) for row in rows], people)


def offered_to(db: Session, clock: Clock, *, actor: Actor) -> Sequence[EntryView]:
    """Return those of the places on the list that have an offer to answer now: for a page that everybody opens."""
    people = {person.patient_id: person for person in people_of(db, clock, actor=actor) if person.can_book}
    rows = db.scalars(
        select(WaitingEntry)
        .join(WaitingOffer, WaitingOffer.entry_id == WaitingEntry.id)
        .where(
            WaitingEntry.patient_id.in_(set(people)),
            WaitingEntry.state == EntryState.WAITING,
            WaitingOffer.state == OfferState.OPEN,
        )
        .order_by(WaitingOffer.ends_at, WaitingOffer.id)
    ).all()
    if not rows:
        return ()  # Nearly always.
    return [view for view in _views(db, clock, [entry_facts(row) for row in rows], people) if view.offer]


def entry_of(db: Session, clock: Clock, entry_id: EntryId, *, actor: Actor) -> EntryView:
    """Return one place on the list, also when it is over. Raises: NotFound; Forbidden."""
    entry = own_entry(db, clock, entry_id, actor=actor)
    person = person_to_book_for(db, clock, entry.patient_id, actor=actor)
    (view,) = _views(db, clock, [entry], {entry.patient_id: person})
    return view


def _takeable(db: Session, clock: Clock, entry_ids: Collection[EntryId]) -> Mapping[EntryId, OfferFacts]:
    """Return the offers of entries that can be taken now; each entry has one at most."""
    rows = db.execute(
        select(WaitingOffer, WaitingEntry)
        .join(WaitingEntry, WaitingEntry.id == WaitingOffer.entry_id)
        .where(WaitingOffer.entry_id.in_(set(entry_ids)), WaitingOffer.state == OfferState.OPEN)
    )
    pairs = [(offer, entry) for offer, entry in rows]
    now = standings(db, clock, pairs)
    facts = [offer_facts_of(offer) for offer, _ in pairs]
    return {one.entry_id: one for one in facts if now[one.id] is Standing.OPEN}


def _views(
    db: Session, clock: Clock, entries: Sequence[EntryFacts], people: Mapping[PatientId, PersonFacts]
) -> Sequence[EntryView]:
    """Return entries with their names, places and offers, in a few statements however many they are."""
    offers = _takeable(db, clock, [entry.id for entry in entries])
    services = find_services(db, {entry.service_id for entry in entries})
    who = practitioners(db, {PractitionerId(id_) for one in entries if (id_ := one.asked.practitioner_id)})
    places = find_facilities(db, {FacilityId(id_) for one in entries if (id_ := one.asked.facility_id)})
    visits = visits_by_id(db, {one.appointment_id for one in entries if one.appointment_id})
    return [
        EntryView(
            entry=one,
            service=services[one.service_id],
            person=people[one.patient_id],
            practitioner=who[PractitionerId(one.asked.practitioner_id)] if one.asked.practitioner_id else None,
            facility=places[FacilityId(one.asked.facility_id)] if one.asked.facility_id else None,
            visit=visits.get(one.appointment_id) if one.appointment_id else None,
            offer=offers.get(one.id),
        )
        for one in entries
    ]


def offer_view(db: Session, clock: Clock, reference: str) -> OfferView:
    """Return an offer for somebody whose link was checked. Raises: NotFound."""
    found = offer_by_reference(db, reference)
    if found is None:
        raise NotFound
    offer, entry = found
    is_waiting = entry.state is EntryState.WAITING and still_waits(db, clock, entry.id)
    visit = visit_for_message(db, entry.appointment_id) if entry.appointment_id else None
    mode = visit.appointment.mode if visit else entry.asked.mode
    is_standing = visit is not None and visit.appointment.state in OPEN_STATES
    return OfferView(
        offer=offer,
        service=service_by_id(db, entry.service_id),
        practitioner=practitioner_by_id(db, offer.practitioner_id),
        facility=facility_by_id(db, offer.facility_id),
        mode=mode,
        visit=visit if is_standing else None,
        taken=visit_for_message(db, offer.appointment_id) if offer.appointment_id else None,
        standing=find_standing(db, clock, offer.id),
        is_over=clock.now() >= offer.ends_at,
        is_waiting=is_waiting,
    )


def waiting_for(db: Session, clock: Clock, appointment_id: AppointmentId, *, actor: Actor) -> EntryView | None:
    """Return the place on the list of a visit that the actor may see; None when it is on none."""
    row = db.scalar(
        select(WaitingEntry.id).where(
            WaitingEntry.appointment_id == appointment_id, WaitingEntry.state == EntryState.WAITING
        )
    )
    return entry_of(db, clock, EntryId(row), actor=actor) if row else None
