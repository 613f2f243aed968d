"""What messages about visits say and to whom, read from the live rows when they are sent. Texts: `templates/messages/`."""

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from babel.dates import format_datetime
from sqlalchemy.orm import Session

from clinic_portal.accounts.queries import get_account
from clinic_portal.booking.calendar import calendar_file, content_type
from clinic_portal.booking.links import visit_link_path
from clinic_portal.booking.queries.moves import LastMove, last_moves
from clinic_portal.booking.queries.recipients import is_reachable, stand_in_for
from clinic_portal.booking.queries.visits import VisitFacts, visit_for_message
from clinic_portal.booking.rules import AppointmentState
from clinic_portal.core.clock import Clock, zone
from clinic_portal.core.ids import AccountId, AppointmentId
from clinic_portal.core.settings import Settings
from clinic_portal.facilities.queries import find_facilities, have_many_clocks
from clinic_portal.notifications.sources import Attachment, MessageFacts
from clinic_portal.patients.queries import PatientFacts, find_patient


def booked_facts(db: Session, clock: Clock, settings: Settings, subject_id: UUID) -> MessageFacts | None:
    """Return what to say of a booked visit; None when it was cancelled or is over."""
    visit = visit_for_message(db, AppointmentId(subject_id))
    if visit is None or visit.appointment.state is AppointmentState.CANCELLED:
        return None
    if visit.appointment.starts_at <= clock.now():
        return None
    return visit_facts(db, clock, settings, visit)


def moved_facts(db: Session, clock: Clock, settings: Settings, subject_id: UUID) -> MessageFacts | None:
    """Return what to say of a visit that was moved: its old time, if it has another one, and whether the clinic is why."""
    facts = booked_facts(db, clock, settings, subject_id)
    if facts is None:
        return None
    last = last_moves(db, [subject_id]).get(subject_id, LastMove(None, is_same_time=False, by_clinic=False))
    tz = str(facts.context["tz"])
    moved = {
        "was_at": last.was_at,
        "was_short": short_time(last.was_at, tz, facts.language) if last.was_at else "",
        "is_same_time": last.is_same_time,
        "by_clinic": last.by_clinic,
        # It may have been at another place: the old time is told on the new one's clock, which is then named.
        "many_clocks": have_many_clocks(find_facilities(db).values()),
    }
    return replace(facts, context={**facts.context, **moved})


def cancelled_facts(db: Session, clock: Clock, settings: Settings, subject_id: UUID) -> MessageFacts | None:
    """Return what to say of a cancelled visit."""
    visit = visit_for_message(db, AppointmentId(subject_id))
    if visit is None or visit.appointment.state is not AppointmentState.CANCELLED:
        return None
    return visit_facts(db, clock, settings, visit)


def visit_facts(db: Session, clock: Clock, settings: Settings, visit: VisitFacts) -> MessageFacts | None:
    """Return what to say of a visit, and to whom; None when there is no such patient any more."""
    patient = find_patient(db, visit.appointment.known_patient_id)
    if patient is None:
        return None
    email, phone, language = recipient(db, clock, patient, visit.appointment.booked_by)
    file = calendar_file(visit, settings=settings, language=language, now=clock.now())
    context = {
        "given_name": patient.given_name,
        # Named only where the message goes to somebody else: a parent has more than one calendar in the head.
        "for_name": "" if is_reachable(patient) else patient.given_name,
        "service": visit.service.names,
        "preparation": visit.service.preparations,
        "practitioner_name": visit.practitioner.full_name,
        "facility_names": visit.facility.names,
        "facility_phone": visit.facility.phone_in_words,
        "facility_address": visit.facility.address,
        "street": visit.facility.street,
        "directions": {} if visit.appointment.is_online else visit.facility.directions,
        "is_online": visit.appointment.is_online,
        # Empty: the practitioner phones.
        "meeting_url": visit.practitioner.meeting_url or "",
        "room_name": visit.room.name if visit.room else "",
        "city": visit.facility.city,
        "short_time": short_time(visit.appointment.starts_at, visit.tz, language),
        "starts_at": visit.appointment.starts_at,
        "tz": visit.tz,
        "minutes": visit.appointment.minutes,
        "price": visit.appointment.price,
        "reference": visit.appointment.reference,
        # Opens without signing in, so that it works on any phone.
        "link_path": visit_link_path(settings, visit.appointment),
    }
    attachment = Attachment("visit.ics", content_type(visit), file)
    return MessageFacts(email=email, phone=phone, language=language, context=context, attachments=(attachment,))


def recipient(
    db: Session, clock: Clock, patient: PatientFacts, asked_by: AccountId | None
) -> tuple[str | None, str | None, str]:
    """Return e-mail, phone and language of the patient, or of who acts for one who has neither (a child).

    `asked_by` booked or asked, and is written to as long as they act for the patient.
    """
    stand_in = None if is_reachable(patient) else stand_in_for(db, patient, asked_by, today=clock.now().date())
    if stand_in is None:
        return patient.email, patient.phone, patient.language
    account = get_account(db, stand_in)
    return account.email, account.confirmed_phone, account.language


def short_time(moment: datetime, tz: str, language: str) -> str:
    """Return day and time as short as an SMS wants it: "Thu 26 Nov 10:30"."""
    return format_datetime(moment.astimezone(zone(tz)), "EEE d MMM HH:mm", locale=language)
