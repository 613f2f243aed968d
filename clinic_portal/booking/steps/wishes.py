"""Somebody's place on the waiting list: writing down what they wait for, and what becomes of the offer that they look at."""

from dataclasses import dataclass

from sqlalchemy.orm import Session

from clinic_portal.booking.models import WaitingEntry
from clinic_portal.booking.queries import AppointmentFacts, AppointmentState
from clinic_portal.booking.queries.waiting import (
    EntryFacts,
    entry_facts,
    entry_over,
    live_entry,
    lock_open_offer,
    start_of_visit,
    still_suits,
    today_at,
)
from clinic_portal.booking.rules import Asked, EntryEnd, EntryState, OfferState, judge_asked
from clinic_portal.booking.steps.waiting import UNSERVED, end_entry, end_offer
from clinic_portal.core.clock import Clock
from clinic_portal.core.errors import Conflict, NotFound
from clinic_portal.core.ids import AccountId, AppointmentId, EntryId, FacilityId, PatientId, ServiceId, new_id
from clinic_portal.facilities.queries import service_by_id
from clinic_portal.notifications.steps import void_messages


@dataclass(frozen=True)
class Wanted:
    """What somebody waits for, and for whom. `appointment_id`: the visit to bring forward."""

    patient_id: PatientId
    service_id: ServiceId
    asked: Asked
    appointment_id: AppointmentId | None = None


def judge_wanted(db: Session, clock: Clock, wanted: Wanted, visit: AppointmentFacts | None) -> None:
    """Refuse what nobody can wait for. `visit` is the one to bring forward.

    Raises: NotFound (no such service; the visit is somebody else's, or of another service); Conflict "waiting.days_over",
    "waiting.days_reversed", "waiting.too_much_notice", "waiting.not_given_so" (online or not),
    "appointment.already_started" (the visit is no longer to come).
    """
    asked, now = wanted.asked, clock.now()
    service = service_by_id(db, wanted.service_id)
    if visit is None and not service.is_bookable:
        raise NotFound  # A visit that there is can still be moved.
    if visit is None and not service.rules.modes.allow(asked.mode):
        raise Conflict("waiting.not_given_so")
    where = FacilityId(asked.facility_id) if asked.facility_id else None
    verdict = judge_asked(asked.from_day, asked.until_day, today=today_at(db, where, now=now), notice=asked.notice)
    if not verdict.allowed:
        raise Conflict(verdict.code)
    if visit is None:
        return
    if (visit.patient_id, visit.service_id) != (wanted.patient_id, wanted.service_id):
        raise NotFound
    if visit.state not in (AppointmentState.BOOKED, AppointmentState.PENDING) or visit.starts_at <= now:
        raise Conflict("appointment.already_started")


def write_wishes(
    db: Session, clock: Clock, wanted: Wanted, visit: AppointmentFacts | None, *, account_id: AccountId | None
) -> EntryFacts:
    """Put a patient on the list; who is on it already keeps the place, with the new wishes. The caller holds their lock.

    The visit that was to be brought forward stays the one, unless they now wish to meet otherwise than it is.
    `account_id` None: they asked at the desk. An open offer that the new wishes do not fit is withdrawn: its time goes to
    the next, and taking it is refused.
    """
    asked, entry = wanted.asked, _live_entry(db, clock, wanted)
    if entry is None:
        entry = WaitingEntry(
            id=new_id(), patient_id=wanted.patient_id, service_id=wanted.service_id, created_at=clock.now(),
            state=EntryState.WAITING,
        )  # fmt: skip
        db.add(entry)
    mode, was = visit.mode if visit else asked.mode, entry.mode
    kept = entry.appointment_id if mode is was else None
    entry.account_id, entry.appointment_id = account_id, wanted.appointment_id or kept
    entry.practitioner_id, entry.facility_id, entry.mode = asked.practitioner_id, asked.facility_id, mode
    entry.weekdays, entry.parts = sorted(asked.weekdays), sorted(asked.parts)
    entry.from_day, entry.until_day, entry.notice_days = asked.from_day, asked.until_day, asked.notice.days
    entry.unserved = entry.unserved_since = None  # The sweep looks at what they ask for now.
    db.flush()
    void_messages(db, clock, subject_id=entry.id, kinds=[UNSERVED])
    offer = lock_open_offer(db, EntryId(entry.id))
    if offer is not None and (mode is not was or not still_suits(db, entry, offer, now=clock.now())):
        end_offer(db, clock, offer, OfferState.WITHDRAWN)
    return entry_facts(entry, earlier_than=start_of_visit(db, entry))


def _live_entry(db: Session, clock: Clock, wanted: Wanted) -> WaitingEntry | None:
    """Return the place that the patient keeps. One that is over, and not yet swept away, is no place any more."""
    entry = live_entry(db, wanted.patient_id, wanted.service_id)
    reason = entry_over(db, clock, entry) if entry is not None and wanted.appointment_id is None else None
    if entry is None or reason in (None, EntryEnd.NO_RIGHT):
        return entry  # Whoever asks now has the right that the one before them lost.
    end_entry(db, clock, entry, reason)
    return None
