"""The waiting list as its pages show it to patients: with names and places."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from clinic_portal.booking.models import WaitingEntry, WaitingOffer
from clinic_portal.booking.queries.free_times import takers
from clinic_portal.booking.queries.rota import Wish
from clinic_portal.booking.queries.visits import OPEN_STATES, VisitFacts, visit_for_message
from clinic_portal.booking.queries.waiting import (
    EntryFacts,
    OfferFacts,
    entry_facts,
    is_still_held,
    offer_by_reference,
    offer_facts_of,
    offer_suits,
    own_entry,
    start_of_visit,
    still_waits,
)
from clinic_portal.booking.rules import AppointmentState, EntryState, OfferState, judge_offer
from clinic_portal.core.actor import Actor
from clinic_portal.core.clock import Clock
from clinic_portal.core.errors import NotFound
from clinic_portal.core.ids import AppointmentId, EntryId, FacilityId, PractitionerId
from clinic_portal.core.modes import Mode
from clinic_portal.dependents.queries import PersonFacts, people_of, person_to_book_for
from clinic_portal.facilities.queries import (
    FacilityFacts,
    ServiceFacts,
    facility_by_id,
    service_by_id,
)
from clinic_portal.practitioners.queries import PractitionerFacts, practitioner_by_id

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
    #: The offer that waits for an answer.
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
    #: Whether it can be taken: open, and the time still free.
    is_open: bool
    #: Whether its end has come.
    is_over: bool
    #: Whether whoever got it is still on the list.
    is_waiting: bool
    #: Whether it is still what they wait for.
    is_fitting: bool

    @property
    def is_withdrawn(self) -> bool:
        """Whether the patient left the list, or waits for something else now: before the sweep comes round as well."""
        is_unfit = self.offer.state is OfferState.OPEN and self.is_waiting and not self.is_fitting
        return self.offer.state is OfferState.WITHDRAWN or (is_unfit and not self.is_over)

    @property
    def is_lost(self) -> bool:
        """Whether the time went away before its end, and whoever got the offer still waits for one."""
        is_gone = self.offer.state is OfferState.LOST or (self.offer.state is OfferState.OPEN and not self.is_over)
        return is_gone and self.is_waiting and not self.is_open and not self.is_withdrawn

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
    )
    entries = [entry_facts(row, earlier_than=start_of_visit(db, row)) for row in rows]
    return [_view(db, clock, entry, people[entry.patient_id]) for entry in entries]


def entry_of(db: Session, clock: Clock, entry_id: EntryId, *, actor: Actor) -> EntryView:
    """Return one place on the list, also when it is over. Raises: NotFound; Forbidden."""
    entry = own_entry(db, clock, entry_id, actor=actor)
    return _view(db, clock, entry, person_to_book_for(db, clock, entry.patient_id, actor=actor))


def _view(db: Session, clock: Clock, entry: EntryFacts, person: PersonFacts) -> EntryView:
    asked = entry.asked
    offer = db.scalar(
        select(WaitingOffer).where(
            WaitingOffer.entry_id == entry.id,
            WaitingOffer.state == OfferState.OPEN,
            WaitingOffer.ends_at > clock.now(),
        )
    )
    return EntryView(
        entry=entry,
        service=service_by_id(db, entry.service_id),
        person=person,
        practitioner=practitioner_by_id(db, PractitionerId(asked.practitioner_id)) if asked.practitioner_id else None,
        facility=facility_by_id(db, FacilityId(asked.facility_id)) if asked.facility_id else None,
        visit=visit_for_message(db, entry.appointment_id) if entry.appointment_id else None,
        offer=offer_facts_of(offer) if offer else None,
    )


def offer_view(db: Session, clock: Clock, reference: str) -> OfferView:
    """Return an offer for somebody whose link was checked. Raises: NotFound."""
    found = offer_by_reference(db, reference)
    if found is None:
        raise NotFound
    offer, entry = found
    is_waiting = entry.state is EntryState.WAITING and still_waits(db, clock, entry.id)
    is_fitting = offer_suits(db, offer.id)
    is_open = is_waiting and is_fitting and judge_offer(offer.state, offer.ends_at, now=clock.now()).allowed
    visit = visit_for_message(db, entry.appointment_id) if entry.appointment_id else None
    mode = visit.appointment.mode if visit else entry.asked.mode
    wish = Wish(
        entry.service_id, offer.practitioner_id, offer.facility_id, mode=mode, own_visit=entry.appointment_id
    )  # fmt: skip
    if is_open and offer.is_held:
        is_open = is_still_held(db, offer.id, now=clock.now())
    elif is_open:
        is_open = bool(takers(db, clock, wish, start=offer.starts_at)[1])
    is_standing = visit is not None and visit.appointment.state in OPEN_STATES
    return OfferView(
        offer=offer,
        service=service_by_id(db, entry.service_id),
        practitioner=practitioner_by_id(db, offer.practitioner_id),
        facility=facility_by_id(db, offer.facility_id),
        mode=mode,
        visit=visit if is_standing else None,
        taken=visit_for_message(db, offer.appointment_id) if offer.appointment_id else None,
        is_open=is_open,
        is_over=clock.now() >= offer.ends_at,
        is_waiting=is_waiting,
        is_fitting=is_fitting,
    )


def waiting_for(db: Session, clock: Clock, appointment_id: AppointmentId, *, actor: Actor) -> EntryView | None:
    """Return the place on the list of a visit that the actor may see; None when it is on none."""
    row = db.scalar(
        select(WaitingEntry.id).where(
            WaitingEntry.appointment_id == appointment_id, WaitingEntry.state == EntryState.WAITING
        )
    )
    return entry_of(db, clock, EntryId(row), actor=actor) if row else None
