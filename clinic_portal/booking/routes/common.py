"""What the pages of booking share: the way so far, kept in the address; and the key of this browser's hold."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Self, TypeVar
from uuid import UUID

from flask import Blueprint, request, session, url_for

from clinic_portal.booking.catalogue import catalogue_of
from clinic_portal.booking.queries import FreeTime, PartOfDay, Wish
from clinic_portal.booking.queries.diary import Diary
from clinic_portal.booking.rules.missed import MISSED_TOO_OFTEN
from clinic_portal.booking.steps import hold_key_hash
from clinic_portal.core.clock import day_bounds, local_day
from clinic_portal.core.errors import Conflict, NotFound
from clinic_portal.core.ids import AppointmentId, FacilityId, PatientId
from clinic_portal.core.modes import Mode
from clinic_portal.dependents.queries import PersonFacts, people_of, person_to_book_for
from clinic_portal.facilities.queries import FacilityFacts, ServiceFacts, have_many_clocks
from clinic_portal.patients.queries import PatientFacts
from clinic_portal.practitioners.queries import PractitionerFacts, ServicePlace
from clinic_portal.web.access import current_actor
from clinic_portal.web.database import clock, db_session

blueprint = Blueprint("booking", __name__)

#: Refused: too many visitors without an account hold a time from one network.
TOO_MANY_GUESTS = "hold.too_many"
HOLD_KEY = "hold_key"
ANY = "any"

#: How many days a page of times shows, and how many "Show later days" adds.
DAYS_AT_ONCE = 7


@dataclass(frozen=True)
class Way:
    """What somebody has chosen so far. It stands in the query string, so that every page can be reloaded and gone back to."""

    service: ServiceFacts
    #: Who gives the service, where and how: what there is to choose from.
    places: tuple[ServicePlace, ...]
    facilities: dict[FacilityId, FacilityFacts]
    person: PersonFacts | None = None
    #: At the desk: whom the visit is for.
    patient: PatientFacts | None = None
    #: Chosen by name; None also when there is no preference.
    practitioner: PractitionerFacts | None = None
    #: Whether "who" was answered at all.
    is_practitioner_chosen: bool = False
    facility: FacilityFacts | None = None
    #: "Any of our clinics", or online, where it does not matter: each time says where it is.
    is_any_facility: bool = False
    mode: Mode = Mode.IN_PERSON
    part: PartOfDay = PartOfDay.ANY
    #: The first day shown, and how many.
    from_day: date | None = None
    days: int = DAYS_AT_ONCE
    #: The hold that a new one replaces.
    instead: AppointmentId | None = None
    layout: str = "layouts/patient.html"
    #: What the patient has already, where that is known.
    diary: Diary | None = None

    @property
    def patient_id(self) -> PatientId | None:
        """Whom it is for; None where nobody has said that yet."""
        if self.patient is not None:
            return self.patient.id
        return self.person.patient_id if self.person else None

    @property
    def may_name_visits(self) -> bool:
        """Whether whoever looks may read what else the patient has."""
        return True

    @property
    def left_out(self) -> tuple[FacilityId, datetime] | None:
        """A free time that is none to choose, and where: none in booking."""
        return None

    def choosable(self, times: Sequence[FreeTime]) -> Sequence[FreeTime]:
        """Return those of the free times that can be chosen: all, unless it is known what the patient has already."""
        if self.diary is None:
            return times
        diary, places = self.diary, self.facilities
        return [time for time in times if diary.has_room(self.service, time.start, places[time.facility_id].tz)]

    @property
    def is_for_series(self) -> bool:
        """Whether several sessions of the service can be booked at once."""
        return self.service.rules.series_max is not None

    @property
    def is_online(self) -> bool:
        """Whether an online visit is looked for. Only who chose it gets one."""
        return self.mode is Mode.ONLINE

    @property
    def can_change_mode(self) -> bool:
        """Whether there is a choice between coming and meeting online."""
        return True

    @property
    def is_placed(self) -> bool:
        """Whether "where" was answered."""
        return self.facility is not None or self.is_any_facility

    @property
    def has_choice_of_place(self) -> bool:
        """Whether "where" is a question at all."""
        return len(self.nowhere().fitting()) + self.gives_online > 1

    @property
    def gives_online(self) -> bool:
        """Whether the chosen practitioner (or anybody) gives the service online."""
        return bool(self.nowhere(Mode.ONLINE).fitting())

    def nowhere(self, mode: Mode = Mode.IN_PERSON) -> Self:
        """The way before "where" was answered."""
        return replace(self, facility=None, is_any_facility=False, mode=mode)

    def anywhere(self) -> Self:
        """The way to any of the clinics."""
        return replace(self.nowhere(), is_any_facility=True)

    def online(self) -> Self:
        """The way to an online visit: which clinic's it is does not matter."""
        way = self.nowhere(Mode.ONLINE)
        fitting = way.fitting()
        return replace(way, facility=fitting[0]) if len(fitting) == 1 else replace(way, is_any_facility=True)

    def fitting(self) -> list[FacilityFacts]:
        """Where the chosen practitioner (or anybody) gives the service in this mode."""
        wanted = {
            place.facility_id
            for place in self.places
            if place.mode is self.mode and (self.practitioner is None or place.practitioner.id == self.practitioner.id)
        }
        return [facility for id_, facility in self.facilities.items() if id_ in wanted]

    def looked_at(self) -> list[FacilityFacts]:
        """The clinics whose times are shown."""
        return [self.facility] if self.facility else self.fitting() or list(self.facilities.values())

    def days_of_today(self) -> list[date]:
        """What day it is at these clinics: around midnight there are two."""
        now = clock().now()
        return sorted({local_day(now, one.tz) for one in self.looked_at()})

    def span(self) -> tuple[datetime, datetime]:
        """The first instant of the days shown, and the first after them, on the clocks of all these clinics."""
        today = self.days_of_today()
        first, last = self.from_day or today[0], (self.from_day or today[-1]) + timedelta(days=self.days - 1)
        bounds = [(day_bounds(first, one.tz)[0], day_bounds(last, one.tz)[1]) for one in self.looked_at()]
        return min(start for start, _ in bounds), max(end for _, end in bounds)

    @property
    def last_day(self) -> date:
        """The last day for which some of their calendars are open."""
        return self.days_of_today()[-1] + timedelta(days=self.service.rules.horizon_days)

    @property
    def has_several_clocks(self) -> bool:
        """Whether these clinics' clocks differ."""
        return len({one.tz for one in self.looked_at()}) > 1

    def practitioners(self) -> list[PractitionerFacts]:
        """Who gives the service, each once."""
        return list({place.practitioner.id: place.practitioner for place in self.places}.values())

    def with_one(self, practitioner: PractitionerFacts) -> Self:
        """The way with one of them."""
        return replace(self.nowhere(), practitioner=practitioner, is_practitioner_chosen=True)

    def with_anybody(self) -> Self:
        """The same with no preference whom to see."""
        return replace(self, practitioner=None, is_practitioner_chosen=True)

    def wish(self, own_hold: str | None = None) -> Wish:
        """What to look for."""
        return Wish(
            service_id=self.service.id,
            practitioner_id=self.practitioner.id if self.practitioner else None,
            facility_id=self.facility.id if self.facility else None,
            part=self.part,
            mode=self.mode,
            own_hold=own_hold,
        )

    def patient_query(self) -> dict[str, str]:
        """What is kept when another service is chosen: who it is for, and the hold that it replaces."""
        return {name: value for name, value in self.query().items() if name in {"patient", "instead"}}

    def query(self) -> dict[str, str]:
        """The query string of the way so far."""
        values = {
            "patient": self.person.patient_id if self.person else None,
            "practitioner": self.practitioner.id
            if self.practitioner
            else (ANY if self.is_practitioner_chosen else None),
            "facility": self.facility.slug if self.facility else (ANY if self.is_any_facility else None),
            "mode": self.mode.value if self.is_online else None,
            "part": self.part.value if self.part is not PartOfDay.ANY else None,
            "from": self.from_day,
            "days": self.days if self.days != DAYS_AT_ONCE else None,
            "instead": self.instead,
        }
        return {name: str(value) for name, value in values.items() if value is not None}

    def address(self, endpoint: str) -> str:
        """The address of a page of booking, without what was chosen."""
        return url_for(f"booking.{endpoint}", service=self.service.slug)

    def link(self, endpoint: str, anchor: str | None = None, **changes: object) -> str:
        """The address of a page of booking with this way, or with parts of it changed (None: forgotten)."""
        way = replace(self, **changes)  # type: ignore[arg-type]  # the names are those of the fields
        return url_for(f"booking.{endpoint}", service=self.service.slug, _anchor=anchor, **way.query())  # type: ignore[arg-type]  # mypy takes the query for url_for's own options


W = TypeVar("W", bound=Way)


def way_so_far(service_slug: str, *, with_person: bool = True) -> Way:
    """Read the way from the address. What is unknown or malformed counts as not chosen.

    `with_person` False: whom it is for is not looked up, because the use case that follows does it.
    Raises: NotFound (no such service; a stranger to the actor); Forbidden (may not book for this person).
    """
    db, time = db_session(), clock()
    # Compared here, not in the database: an address may hold anything.
    catalogue = catalogue_of(db)
    service = next((one for one in catalogue.services(db, time) if one.slug == service_slug), None)
    if service is None:
        raise NotFound
    places = tuple(catalogue.places(db, time, service.id))
    facilities = dict(catalogue.facilities(db, time))
    person = _person() if with_person else None
    return with_choices(Way(service, places, facilities, person=person, mode=read_mode(), instead=_instead()))


def with_choices(way: W) -> W:
    """Read who, where, which part of the day and which days from the address; what it does not say stays as it is."""
    wanted = request.args.get("practitioner", "")
    practitioner = next((one for one in way.practitioners() if str(one.id) == wanted), None)
    if practitioner is not None or wanted == ANY:
        way = replace(way, practitioner=practitioner, is_practitioner_chosen=True)
    fitting, slug = way.fitting(), request.args.get("facility") or (way.facility.slug if way.facility else None)
    facility = next((one for one in fitting if one.slug == slug), None) or (fitting[0] if len(fitting) == 1 else None)
    is_any = facility is None and (way.is_online or (slug == ANY and bool(fitting)))
    way = replace(way, part=_part(), facility=facility, is_any_facility=is_any)
    return replace(way, from_day=_from_day(way), days=_days(way.service.rules.horizon_days))


def read_mode() -> Mode:
    """Return how they want to meet: in person, unless the address says that they chose to meet online."""
    return Mode.ONLINE if request.args.get("mode") == Mode.ONLINE.value else Mode.IN_PERSON


def _person() -> PersonFacts | None:
    """Whom the address names, else the only one for whom the account books: there is nothing to ask then."""
    actor, patient_id = current_actor(), parse_uuid(request.args.get("patient"))
    if actor is None:
        return None
    if patient_id is None:
        people = bookable_people()
        return people[0] if len(people) == 1 else None
    return person_to_book_for(db_session(), clock(), PatientId(patient_id), actor=actor)


def _part() -> PartOfDay:
    wanted = request.args.get("part")
    return next((part for part in PartOfDay if part.value == wanted), PartOfDay.ANY)


def _instead() -> AppointmentId | None:
    found = parse_uuid(request.args.get("instead"))
    return AppointmentId(found) if found else None


def _from_day(way: Way) -> date | None:
    try:
        day = date.fromisoformat(request.args.get("from", ""))
    except ValueError:
        return None
    return day if way.days_of_today()[0] < day <= way.last_day else None


def _days(horizon_days: int) -> int:
    wanted = request.args.get("days", "")
    days = int(wanted) if wanted.isascii() and wanted.isdigit() and len(wanted) < 4 else DAYS_AT_ONCE
    return max(1, min(days, horizon_days + 1))


def parse_uuid(text: str | None) -> UUID | None:
    """Return the id that a form or an address names, or None for anything else."""
    try:
        return UUID(text or "")
    except ValueError:
        return None


def bookable_people() -> list[PersonFacts]:
    """Return for whom the visitor may book; nobody without signing in."""
    actor = current_actor()
    if actor is None:
        return []
    return [person for person in people_of(db_session(), clock(), actor=actor) if person.can_book]


def has_many_clocks() -> bool:
    """Whether the clinic's places are on different clocks."""
    return have_many_clocks(catalogue_of(db_session()).facilities(db_session(), clock()).values())


def hold_key() -> str | None:
    """Return the key of this browser's hold, if it ever held a time."""
    key = session.get(HOLD_KEY)
    return key if isinstance(key, str) else None


def own_hold_hash() -> str | None:
    """Return what the table knows of the key."""
    key = hold_key()
    return hold_key_hash(key) if key else None


def make_hold_key() -> str:
    """Return the key of this browser's hold; made when it holds its first time."""
    key = hold_key()
    if key is None:
        # Set only once: each time the cookie would be signed and sent again.
        key = session[HOLD_KEY] = secrets.token_urlsafe(24)
    return key


def unless_final(refusal: Conflict) -> str:
    """Return the code of a refusal that another time cures. Raises: the refusal, when only the phone, or an account, does."""
    if refusal.code in {MISSED_TOO_OFTEN, TOO_MANY_GUESTS}:
        raise refusal
    return refusal.code
