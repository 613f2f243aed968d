"""Visits as calendar files (RFC 5545): one for the download and the e-mail, many for a feed. One way: nothing comes back."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from clinic_portal.booking.calendar_zones import spelled_out
from clinic_portal.booking.queries.visits import VisitFacts
from clinic_portal.booking.rules import AppointmentState
from clinic_portal.core.clock import zone
from clinic_portal.core.ids import AppointmentId
from clinic_portal.core.settings import Settings
from clinic_portal.core.text import localized

if TYPE_CHECKING:
    from icalendar import Calendar, Event

REMINDER = timedelta(hours=-1)
#: How often programs should read a feed again. Many do so once a day at most, whatever it says.
REFRESH = timedelta(hours=1)
PUBLISH = "PUBLISH"
#: The same word in all languages of the portal.
ONLINE = "Online"
FEED_TYPE = "text/calendar; charset=utf-8"


def content_type(*visits: VisitFacts) -> str:
    """Return the media type of a file of visits, with the method that the file names as well (RFC 6047)."""
    return f"{FEED_TYPE}; method={_method(visits)}"


def calendar_file(*visits: VisitFacts, settings: Settings, language: str, now: datetime) -> bytes:
    """Return the file: one event a visit on the facility's wall clock, with its zone spelled out.

    The UID never changes and SEQUENCE grows with each change, so that importing it again moves or cancels the old
    entry. It says no more about health than the patient's own page does, and the reminder rings an hour before.
    """
    calendar = _calendar(settings, visits)
    calendar.add("method", _method(visits))
    for visit in visits:
        event = _event(visit, settings, now)
        _describe(event, visit, settings, language)
        if not _is_cancelled(visit):
            from icalendar import Alarm

            alarm = Alarm()
            alarm.add("action", "DISPLAY")
            alarm.add("description", settings.clinic_name)
            alarm.add("trigger", REMINDER)
            event.add_component(alarm)
        calendar.add_component(event)
    content: bytes = calendar.to_ical()
    return content


#: Visit → when it got the time that it has.
Changes = Mapping[AppointmentId, datetime]


@dataclass(frozen=True)
class Home:
    """What stands in a feed without any visit: a calendar with nothing in it is none (RFC 5545, 3.6)."""

    tz: str
    year: int


def patients_feed(
    visits: Iterable[VisitFacts], *, changes: Changes, settings: Settings, language: str, home: Home
) -> bytes:
    """Return the visits of everybody for whom an account books. The same visits give the same bytes."""

    def tell(event: "Event", visit: VisitFacts) -> None:
        name = visit.person.given_name if visit.person and not visit.person.is_self else ""
        _describe(event, visit, settings, language, for_name=name)

    return _feed(visits, changes, settings, home, tell)


def practitioners_feed(
    visits: Iterable[VisitFacts],
    *,
    changes: Changes,
    settings: Settings,
    home: Home,
    initials: Callable[[VisitFacts], str],
) -> bytes:
    """Return a practitioner's own days. Patients are initials and a reference: the file leaves the house."""

    def tell(event: "Event", visit: VisitFacts) -> None:
        event.add("summary", initials(visit))
        place = localized(visit.facility.names, settings.default_language)
        event.add("location", f"{place}, {visit.room.name if visit.room else ONLINE}")
        event.add("description", visit.appointment.reference)

    return _feed(visits, changes, settings, home, tell)


def _feed(
    visits: Iterable[VisitFacts],
    changes: Changes,
    settings: Settings,
    home: Home,
    tell: Callable[["Event", VisitFacts], None],
) -> bytes:
    from icalendar import vDuration

    listed = sorted(visits, key=lambda visit: (visit.appointment.starts_at, visit.appointment.id))
    calendar = _calendar(settings, listed)
    calendar.add("method", PUBLISH)
    calendar.add("x-wr-calname", settings.clinic_name)
    # The standard's name for it, and the one that Outlook knows.
    calendar.add("refresh-interval", REFRESH, parameters={"VALUE": "DURATION"})
    calendar.add("x-published-ttl", vDuration(REFRESH))
    if not listed:
        calendar.add_component(spelled_out(home.tz, home.year, home.year))
    for visit in listed:
        # When it was changed, not when it is read (RFC 5545, 3.8.7.2): the bytes change only when a visit does.
        event = _event(visit, settings, changes[visit.appointment.id])
        tell(event, visit)
        calendar.add_component(event)
    content: bytes = calendar.to_ical()
    return content


def _calendar(settings: Settings, visits: Iterable[VisitFacts]) -> "Calendar":
    # Takes 0.2 s to load, which every start of every process would pay.
    from icalendar import Calendar

    calendar = Calendar()
    calendar.add("prodid", f"-//{settings.clinic_name}//clinic-portal//EN")
    calendar.add("version", "2.0")
    calendar.add("calscale", "GREGORIAN")
    years: dict[str, list[int]] = {}
    for visit in visits:
        years.setdefault(visit.tz, []).append(visit.appointment.starts_at.astimezone(zone(visit.tz)).year)
    for tz, used in sorted(years.items()):
        calendar.add_component(spelled_out(tz, min(used), max(used)))
    return calendar


def _event(visit: VisitFacts, settings: Settings, stamp: datetime) -> "Event":
    from icalendar import Event, vCalAddress, vText

    cancelled = _is_cancelled(visit)
    host = urlsplit(settings.public_url).hostname or "localhost"
    event = Event()
    event.add("uid", f"{visit.appointment.id}@{host}")
    event.add("sequence", visit.appointment.sequence)
    event.add("dtstamp", stamp)
    times = [visit.appointment.starts_at, visit.appointment.ends_at]
    if not any(_is_shown_twice(moment, visit.tz) for moment in times):
        times = [moment.astimezone(zone(visit.tz)) for moment in times]
    event.add("dtstart", times[0])
    event.add("dtend", times[1])
    event.add("status", "CANCELLED" if cancelled else "CONFIRMED")
    event.add("transp", "TRANSPARENT" if cancelled else "OPAQUE")
    organizer = vCalAddress(f"mailto:{_address(settings.email_sender)}")
    organizer.params["CN"] = vText(settings.clinic_name)
    event.add("organizer", organizer, encode=False)
    return event


def _is_shown_twice(moment: datetime, tz: str) -> bool:
    """Whether the facility's clock shows this time twice in that night: a calendar file then says it in UTC.

    A local time means the first of the two (RFC 5545, 3.3.5), but many programs take it for the second.
    """
    local = moment.astimezone(zone(tz))
    return local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset()


def _describe(event: "Event", visit: VisitFacts, settings: Settings, language: str, *, for_name: str = "") -> None:
    link = f"{settings.public_url}/visits/{visit.appointment.id}"
    what = f"{localized(visit.service.names, language)}, {settings.clinic_name}"
    event.add("summary", f"{for_name}: {what}" if for_name else what)
    event.add("location", _location(visit, settings, language))
    event.add("description", f"{visit.practitioner.full_name}\n{visit.appointment.reference}\n{link}")
    event.add("url", link)


def _location(visit: VisitFacts, settings: Settings, language: str) -> str:
    if visit.appointment.is_online:
        # Calendar programs make a button of an address that stands here. Who is phoned needs none.
        return visit.practitioner.meeting_url or ONLINE
    return f"{settings.clinic_name} {localized(visit.facility.names, language)}, {visit.facility.address}"


def _method(visits: Sequence[VisitFacts]) -> str:
    return "CANCEL" if all(_is_cancelled(visit) for visit in visits) else PUBLISH


def _is_cancelled(visit: VisitFacts) -> bool:
    return visit.appointment.state is AppointmentState.CANCELLED


def _address(sender: str) -> str:
    return sender.rpartition("<")[2].rstrip("> ")
