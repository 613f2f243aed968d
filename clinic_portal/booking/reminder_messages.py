"""What a reminder says: every visit of the day that its recipient should read of, from the live rows, when it is sent.

Texts: `templates/messages/reminder/` and `reminder_early/`. An SMS names time and place and nothing about health.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from babel.dates import format_datetime
from sqlalchemy.orm import Session

from clinic_portal.booking.links import visit_link_path
from clinic_portal.booking.queries.recipients import Recipient, recipients
from clinic_portal.booking.queries.reminders import companions, quiet_hours, visits_to_remind
from clinic_portal.booking.queries.visits import VisitFacts, describe
from clinic_portal.booking.rules.reminders import VisitTimes, next_awake
from clinic_portal.core.clock import Clock, zone
from clinic_portal.core.settings import Settings
from clinic_portal.core.text import LocalizedText
from clinic_portal.notifications.queries import Channel
from clinic_portal.notifications.sources import MessageFacts, MessageGroup


@dataclass(frozen=True)
class Told:
    """One visit as the texts see it."""

    #: Named only where the message goes to somebody else.
    for_name: str
    starts_at: datetime
    tz: str
    short_time: str
    minutes: int
    is_online: bool
    #: Empty: the practitioner phones.
    meeting_url: str
    street: str
    city: str
    facility_names: LocalizedText
    facility_address: str
    room_name: str
    directions: LocalizedText
    service: LocalizedText
    preparation: LocalizedText
    practitioner_name: str
    reference: str
    #: Where one press says "I'm coming", moves or cancels.
    path: str


def reminder_facts(db: Session, clock: Clock, settings: Settings, subject_id: UUID) -> MessageFacts | None:
    """Return what a reminder of this visit alone says, on both channels; None when there is nothing to remind of."""
    by_email = group_facts(db, clock, settings, [subject_id], Channel.EMAIL)
    by_sms = group_facts(db, clock, settings, [subject_id], Channel.SMS)
    first = by_email or by_sms
    if first is None:
        return None
    return MessageFacts(
        email=by_email.email if by_email else None,
        phone=by_sms.phone if by_sms else None,
        language=first.language,
        context=first.context,
        not_before=first.not_before,
    )


def group_facts(
    db: Session, clock: Clock, settings: Settings, subject_ids: Sequence[UUID], channel: Channel
) -> MessageFacts | None:
    """Return what one message says about those of the visits that are still to come; None when there are none.

    What would arrive in quiet hours, because it was late, waits for their end; it is dropped when that is too late.
    """
    together = visits_to_remind(db, clock, subject_ids, channel)
    if not together:
        return None
    visits = describe(db, together)
    now = clock.now()
    reached = recipients(db, together, today=now.date())
    who, last = reached[together[0].id], visits[-1]
    times = VisitTimes(last.appointment.starts_at, now, last.tz)
    not_before = next_awake(quiet_hours(db), times, now=now)
    if not_before is None:
        return None
    context = {
        "given_name": who.patient.given_name,
        "visits": [_told(settings, visit, reached[visit.appointment.id]) for visit in visits],
        "facility_address": visits[0].facility.address,
    }
    return MessageFacts(
        email=who.email if channel is Channel.EMAIL else None,
        phone=who.phone if channel is Channel.SMS else None,
        language=who.language,
        context=context,
        not_before=not_before,
    )


def _told(settings: Settings, visit: VisitFacts, who: Recipient) -> Told:
    starts_at = visit.appointment.starts_at
    return Told(
        for_name=who.patient.given_name if who.is_for_another else "",
        starts_at=starts_at,
        tz=visit.tz,
        short_time=format_datetime(starts_at.astimezone(zone(visit.tz)), "EEE d MMM HH:mm", locale=who.language),
        minutes=visit.appointment.minutes,
        is_online=visit.appointment.is_online,
        meeting_url=visit.practitioner.meeting_url or "",
        street=visit.facility.street,
        city=visit.facility.city,
        facility_names=visit.facility.names,
        facility_address=visit.facility.address,
        room_name=visit.room.name if visit.room else "",
        directions=visit.facility.directions,
        service=visit.service.names,
        preparation=visit.service.preparations,
        practitioner_name=visit.practitioner.full_name,
        reference=visit.appointment.reference,
        path=visit_link_path(settings, visit.appointment),
    )


#: Several reminders of one day for one address go out as one.
REMINDERS = MessageGroup(companions=companions, facts=group_facts)
