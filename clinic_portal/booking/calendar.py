"""A visit as a calendar file (RFC 5545), for the download and for the e-mail."""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from clinic_portal.booking.queries.visits import VisitFacts
from clinic_portal.booking.rules import AppointmentState
from clinic_portal.core.clock import zone
from clinic_portal.core.settings import Settings
from clinic_portal.core.text import localized

if TYPE_CHECKING:
    from icalendar import Event

CONTENT_TYPE = "text/calendar; charset=utf-8; method=PUBLISH"

REMINDER = timedelta(hours=-1)


def calendar_file(visit: VisitFacts, *, settings: Settings, language: str, now: datetime) -> bytes:
    """Return the file: one event on the facility's wall clock, with its zone spelled out.

    Its UID never changes and SEQUENCE grows with each change, so that importing it again moves or cancels the old
    entry. It says no more about health than the patient's own page does, and the reminder rings an hour before.
    """
    # Takes 0.2 s to load, which every start of every process would pay.
    from icalendar import Calendar, Timezone

    cancelled = visit.appointment.state is AppointmentState.CANCELLED
    calendar = Calendar()
    calendar.add("prodid", f"-//{settings.clinic_name}//clinic-portal//EN")
    calendar.add("version", "2.0")
    calendar.add("calscale", "GREGORIAN")
    calendar.add("method", "PUBLISH")
    start = visit.appointment.starts_at.astimezone(zone(visit.tz))
    calendar.add_component(Timezone.from_tzinfo(zone(visit.tz), first_date=start.date(), last_date=start.date()))
    calendar.add_component(_event(visit, settings, language, now, cancelled=cancelled))
    content: bytes = calendar.to_ical()
    return content


def _event(visit: VisitFacts, settings: Settings, language: str, now: datetime, *, cancelled: bool) -> "Event":
    host = urlsplit(settings.public_url).hostname or "localhost"
    link = f"{settings.public_url}/visits/{visit.appointment.id}"
    from icalendar import Alarm, Event, vCalAddress, vText

    event = Event()
    event.add("uid", f"{visit.appointment.id}@{host}")
    event.add("sequence", visit.appointment.sequence)
    event.add("dtstamp", now)
    event.add("dtstart", visit.appointment.starts_at.astimezone(zone(visit.tz)))
    event.add("dtend", visit.appointment.ends_at.astimezone(zone(visit.tz)))
    event.add("summary", f"{localized(visit.service.names, language)}, {settings.clinic_name}")
    place = localized(visit.facility.names, language)
    event.add("location", f"{settings.clinic_name} {place}, {visit.facility.address}")
    event.add("description", f"{visit.practitioner.full_name}\n{visit.appointment.reference}\n{link}")
    event.add("url", link)
    event.add("status", "CANCELLED" if cancelled else "CONFIRMED")
    event.add("transp", "TRANSPARENT" if cancelled else "OPAQUE")
    organizer = vCalAddress(f"mailto:{_address(settings.email_sender)}")
    organizer.params["CN"] = vText(settings.clinic_name)
    event.add("organizer", organizer, encode=False)
    if not cancelled:
        alarm = Alarm()
        alarm.add("action", "DISPLAY")
        alarm.add("description", settings.clinic_name)
        alarm.add("trigger", REMINDER)
        event.add_component(alarm)
    return event


def _address(sender: str) -> str:
    return sender.rpartition("<")[2].rstrip("> ")
