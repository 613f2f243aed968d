"""Take an offered time."""

from datetime import timedelta

from sqlalchemy.orm import Session

from clinic_portal.booking import steps
from clinic_portal.booking.models import Appointment, WaitingEntry, WaitingOffer
from clinic_portal.booking.queries import AppointmentFacts, Taker
from clinic_portal.booking.queries.appointments import promised_appointment
from clinic_portal.booking.queries.series import lock_in_the_way
from clinic_portal.booking.queries.standing import standing_of
from clinic_portal.booking.queries.waiting import asker, entry_over, find_offer, lock_offer
from clinic_portal.booking.rules import EntryState, OfferState, Standing, Stretch, judge_offer
from clinic_portal.booking.steps.taking import FreeVisit, book_at_once
from clinic_portal.booking.steps.waiting import release_hold_of
from clinic_portal.core.actor import Actor
from clinic_portal.core.audit import record
from clinic_portal.core.clock import Clock
from clinic_portal.core.db import transaction
from clinic_portal.core.errors import Conflict, NotFound
from clinic_portal.core.ids import (
    AccountId,
    AppointmentId,
    FacilityId,
    OfferId,
    PatientId,
    PractitionerId,
    RoomId,
    ServiceId,
)
from clinic_portal.dependents.queries import account_for
from clinic_portal.notifications.steps import void_messages
from clinic_portal.patients.steps import lock_patient

ONE_MINUTE = timedelta(minutes=1)

#: What is not even tried. Whether somebody else has the time is decided when it is taken.
_REFUSED = {Standing.WITHDRAWN: "offer.withdrawn", Standing.GONE: "offer.lost"}


def accept_offer(db: Session, clock: Clock, *, offer_id: OfferId, actor: Actor | None = None) -> AppointmentFacts:
    """Give the offered time to whom it was offered. The caller has checked the offer's link; or staff do it (`actor`).

    Everything is judged again. With a visit to bring forward that visit is moved into the time: until that is certain it
    stays, and never are there both or neither. Repeating the call returns the same visit and sends nothing again. What staff
    do is in the audit log.
    Raises: NotFound; Conflict "offer.over", "offer.lost" (the practitioner is away then, or does not give it so any more),
    "appointment.slot_taken" (somebody was faster),
    "offer.withdrawn" (the patient left the list, or what they wait for is something else now),
    "appointment.patient_overlap", "appointment.too_many_that_day", "appointment.too_late_to_change": nothing changed.
    """
    with transaction(db):
        found = find_offer(db, offer_id)
        if found is None:
            raise NotFound
        lock_patient(db, found[1].patient_id)
        entry, offer = lock_offer(db, offer_id)
        if offer.appointment_id is not None:
            return promised_appointment(db, AppointmentId(offer.appointment_id))
        verdict = judge_offer(offer.state, offer.ends_at, now=clock.now())
        if not verdict.allowed:
            raise Conflict(verdict.code)
        if entry.state is not EntryState.WAITING or entry_over(db, clock, entry) is not None:
            raise Conflict("offer.over")
        standing = standing_of(db, clock, offer, entry)
        if standing in _REFUSED:
            raise Conflict(_REFUSED[standing])
        who = actor or asker(entry)
        _lock_appointments(db, clock, entry, offer)
        release_hold_of(db, clock, offer, reason="offer.taken", actor=who)
        visit = _take(db, clock, entry, offer, actor=who)
        offer.state, offer.ended_at, offer.appointment_id = OfferState.ACCEPTED, clock.now(), visit.id
        entry.state, entry.ended_at, entry.appointment_id = EntryState.TAKEN, clock.now(), visit.id
        void_messages(db, clock, subject_id=offer.id)
        if actor is not None:
            record(
                db, clock, actor=actor, action="waiting.accepted_by_staff", subject_kind="waiting_offer",
                subject_id=offer.id,
            )  # fmt: skip
        return visit


def _lock_appointments(db: Session, clock: Clock, entry: WaitingEntry, offer: WaitingOffer) -> None:
    """Lock the hold of the offer, the visit to bring forward and what else of the patient's is in the way, in one statement.

    As everybody does who locks several (ADR 5): a hold that was given up before the visit is locked may be what somebody
    waits for who has that visit.
    """
    hold = db.get(Appointment, offer.hold_id) if offer.hold_id else None
    if hold is None:
        return  # Nothing is given up before the rows of the time are locked.
    taker = Taker(PractitionerId(hold.practitioner_id), RoomId(hold.room_id) if hold.room_id else None, hold.mode)
    visits = {AppointmentId(id_) for id_ in (hold.id, entry.appointment_id) if id_}
    lock_in_the_way(
        db, wanted=[(taker, Stretch(hold.busy_from, hold.busy_until))], patient_id=PatientId(entry.patient_id),
        # What runs out while this goes on is in the way as well.
        now=clock.now() + ONE_MINUTE, visits=visits,
    )  # fmt: skip


def _take(db: Session, clock: Clock, entry: WaitingEntry, offer: WaitingOffer, *, actor: Actor) -> AppointmentFacts:
    where, who = FacilityId(offer.facility_id), PractitionerId(offer.practitioner_id)
    if entry.appointment_id is not None:
        to, visit_id = steps.NewTime(where, offer.starts_at, who), AppointmentId(entry.appointment_id)
        return steps.move_visit(db, clock, appointment_id=visit_id, to=to, actor=actor)
    patient_id = PatientId(entry.patient_id)
    # Never staff: who is told of a child's visit is who acts for the child.
    booked_by = AccountId(entry.account_id) if entry.account_id else None
    booked_by = booked_by or account_for(db, patient_id, today=clock.now().date())
    visit = FreeVisit(
        ServiceId(entry.service_id), where, who, offer.starts_at, entry.mode, booked_by,
        is_limited=entry.account_id is not None,
    )  # fmt: skip
    return book_at_once(db, clock, patient_id=patient_id, visit=visit, actor=actor)
