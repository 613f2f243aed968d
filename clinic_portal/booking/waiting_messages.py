"""What the message about an offered time says and to whom, read from the live rows when it is sent."""

from uuid import UUID

from sqlalchemy.orm import Session

from clinic_portal.booking.links import offer_link_path
from clinic_portal.booking.messages import recipient, short_time
from clinic_portal.booking.queries.visits import visit_for_message
from clinic_portal.booking.queries.waiting import find_offer
from clinic_portal.booking.rules import judge_offer
from clinic_portal.core.clock import Clock
from clinic_portal.core.ids import OfferId
from clinic_portal.core.modes import Mode
from clinic_portal.core.settings import Settings
from clinic_portal.facilities.queries import facility_by_id, service_by_id
from clinic_portal.notifications.sources import MessageFacts
from clinic_portal.patients.queries import find_patient
from clinic_portal.practitioners.queries import practitioner_by_id


def offered_facts(db: Session, clock: Clock, settings: Settings, subject_id: UUID) -> MessageFacts | None:
    """Return what to say of an offered time; None when it was answered, ran out, or went to somebody faster."""
    found = find_offer(db, OfferId(subject_id))
    if found is None:
        return None
    offer, entry = found
    patient = find_patient(db, entry.patient_id)
    if patient is None or not judge_offer(offer.state, offer.ends_at, now=clock.now()).allowed:
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
        # The visit that they have, which stays unless they take this time.
        "visit_at": visit.appointment.starts_at if visit else None,
        "visit_tz": visit.tz if visit else facility.tz,
        "link_path": offer_link_path(settings, offer.reference),
    }
    return MessageFacts(email=email, phone=phone, language=language, context=context)
