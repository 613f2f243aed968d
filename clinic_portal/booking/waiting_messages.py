"""What messages about the waiting list and its offers say and to whom, read from the live rows when they are sent."""

from dataclasses import replace
from uuid import UUID

from sqlalchemy.orm import Session

from clinic_portal.booking.links import offer_link_path
from clinic_portal.booking.messages import recipient, short_time
from clinic_portal.booking.queries.recipients import is_reachable
from clinic_portal.booking.queries.reminders import quiet_hours
from clinic_portal.booking.queries.standing import find_standing
from clinic_portal.booking.queries.visits import visit_for_message
from clinic_portal.booking.queries.waiting import EntryFacts, find_entry, find_offer, is_on_list
from clinic_portal.booking.rules import ASKED_PARTS, EntryEnd, EntryState, awake_from, judge_offer
from clinic_portal.core.clock import Clock
from clinic_portal.core.ids import EntryId, FacilityId, OfferId, PatientId, PractitionerId
from clinic_portal.core.modes import Mode
from clinic_portal.core.settings import Settings
from clinic_portal.core.wording import span_in_words, weekdays_in_words
from clinic_portal.dependents.queries import own_accounts
from clinic_portal.facilities.queries import facility_by_id, find_facilities, have_many_clocks, service_by_id
from clinic_portal.notifications.sources import MessageFacts
from clinic_portal.patients.queries import PatientFacts, find_patient
from clinic_portal.practitioners.queries import practitioner_by_id


def offered_facts(db: Session, clock: Clock, settings: Settings, subject_id: UUID) -> MessageFacts | None:
    """Return what to say of an offered time; None when it was answered, ran out, or cannot be taken any more.

    One that somebody holds at the booking page is told: they may leave it.
    """
    found = find_offer(db, OfferId(subject_id))
    if found is None:
        return None
    offer, entry = found
    patient = find_patient(db, entry.patient_id)
    if patient is None or not judge_offer(offer.state, offer.ends_at, now=clock.now()).allowed:
        return None
    if find_standing(db, clock, offer.id).ends_as is not None:
        return None
    email, phone, language = recipient(db, clock, patient, entry.account_id)
    facility, service = facility_by_id(db, offer.facility_id), service_by_id(db, entry.service_id)
    visit = visit_for_message(db, entry.appointment_id) if entry.appointment_id else None
    mode = visit.appointment.mode if visit else entry.asked.mode
    context = {
        "for_name": "" if patient.email or patient.phone else patient.given_name,
        "service": service.names,
        "minutes": service.minutes,
        "price": service.price,
        "practitioner_name": practitioner_by_id(db, offer.practitioner_id).full_name,
        "is_online": mode is Mode.ONLINE,
        "facility_names": facility.names,
        "facility_address": facility.address,
        "facility_phone": facility.phone_in_words,
        "street": facility.street,
        "city": facility.city,
        "starts_at": offer.starts_at,
        "short_time": short_time(offer.starts_at, facility.tz, language),
        "ends_at": offer.ends_at,
        "is_held": offer.is_held,
        "tz": facility.tz,
        "many_clocks": have_many_clocks(find_facilities(db).values()),
        # The visit that they have, which stays unless they take this time.
        "visit_at": visit.appointment.starts_at if visit else None,
        "visit_tz": visit.tz if visit else facility.tz,
        "link_path": offer_link_path(settings, offer.reference),
    }
    return MessageFacts(email=email, phone=phone, language=language, context=context)


def joined_facts(db: Session, clock: Clock, settings: Settings, subject_id: UUID) -> MessageFacts | None:
    """Return what somebody waits for whom the desk put on the list; None when they are no longer on it."""
    entry = find_entry(db, EntryId(subject_id))
    return _entry_facts(db, clock, entry) if entry and entry.state is EntryState.WAITING else None


def left_facts(db: Session, clock: Clock, settings: Settings, subject_id: UUID) -> MessageFacts | None:
    """Return what somebody waited for whom the desk took off the list; None when they are on it again."""
    entry = find_entry(db, EntryId(subject_id))
    if entry is None or entry.end_reason is not EntryEnd.PATIENT:
        return None
    return None if is_on_list(db, entry.patient_id, entry.service_id) else _entry_facts(db, clock, entry)


def unserved_facts(db: Session, clock: Clock, settings: Settings, subject_id: UUID) -> MessageFacts | None:
    """Return what somebody waits for in vain, not in quiet hours; None when they do not, or no longer."""
    entry = find_entry(db, EntryId(subject_id))
    if entry is None or entry.unserved is None or entry.state is not EntryState.WAITING:
        return None
    facts = _entry_facts(db, clock, entry)
    if facts is None:
        return None
    tz = facility_by_id(db, FacilityId(entry.asked.facility_id)).tz if entry.asked.facility_id else _first_tz(db)
    not_before = awake_from(quiet_hours(db), clock.now(), tz)
    return replace(facts, context={**facts.context, "reason": entry.unserved.value}, not_before=not_before)


def _first_tz(db: Session) -> str:
    return next(iter(find_facilities(db).values())).tz


def _entry_facts(db: Session, clock: Clock, entry: EntryFacts) -> MessageFacts | None:
    patient, asked = find_patient(db, entry.patient_id), entry.asked
    if patient is None:
        return None
    email, phone, language = recipient(db, clock, patient, entry.account_id)
    is_waiting = entry.state is EntryState.WAITING
    visit = visit_for_message(db, entry.appointment_id) if entry.appointment_id else None
    where = FacilityId(asked.facility_id) if asked.facility_id else visit.facility.id if visit else None
    facility = facility_by_id(db, where) if where else None
    who = practitioner_by_id(db, PractitionerId(asked.practitioner_id)) if asked.practitioner_id else None
    context = {
        "for_name": "" if is_reachable(patient) else patient.given_name,
        "service": service_by_id(db, entry.service_id).names,
        "practitioner_name": who.full_name if who else "",
        "is_online": asked.mode is Mode.ONLINE,
        # Empty: anywhere.
        "facility_names": facility.names if facility and asked.facility_id else {},
        "facility_phone": facility.phone_in_words if facility else "",
        "weekdays": weekdays_in_words(asked.weekdays, language),
        "parts": [part.value for part in ASKED_PARTS if part in asked.parts],
        "from_day": asked.from_day,
        "until_day": asked.until_day,
        "notice": span_in_words(asked.notice, language) if asked.notice else "",
        "visit_at": asked.earlier_than,
        "visit_tz": visit.tz if visit else "UTC",
        # Empty: nobody who reads it has an account, or there is nothing left to do.
        "link_path": f"/waiting-list/{entry.id}" if is_waiting and _has_account(db, patient) else "",
    }
    return MessageFacts(email=email, phone=phone, language=language, context=context)


def _has_account(db: Session, patient: PatientFacts) -> bool:
    """Whether whoever is written to signs in: who acts for a patient without an address always does."""
    patient_id = PatientId(patient.id)
    return not is_reachable(patient) or patient_id in own_accounts(db, [patient_id])
