"""What the pages of booking share: the way so far, kept in the address; and the key of this browser's hold."""

import secrets
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import TypeVar
from uuid import UUID

from flask import Blueprint, request, session, url_for

from clinic_portal.booking.catalogue import catalogue_of
from clinic_portal.booking.queries import PartOfDay, Wish
from clinic_portal.booking.rules.missed import MISSED_TOO_OFTEN
from clinic_portal.booking.steps import hold_key_hash
from clinic_portal.core.clock import local_day
from clinic_portal.core.errors import Conflict, NotFound
from clinic_portal.core.ids import AppointmentId, FacilityId, PatientId
from clinic_portal.dependents.queries import PersonFacts, people_of, person_to_book_for
from clinic_portal.facilities.queries import FacilityFacts, ServiceFacts
from clinic_portal.practitioners.queries import PractitionerFacts
from clinic_portal.web.access import current_actor
from clinic_portal.web.database import clock, db_session

blueprint = Blueprint("booking", __name__)

HOLD_KEY = "hold_key"
ANY = "any"

#: How many days a page of times shows, and how many "Show later days" adds.
DAYS_AT_ONCE = 7
STAGES = 5


@dataclass(frozen=True)
class Way:
    """What somebody has chosen so far. It stands in the query string, so that every page can be reloaded and gone back to."""

    service: ServiceFacts
    #: Who gives the service, and where: what there is to choose from.
    places: tuple[tuple[PractitionerFacts, FacilityId], ...]
    facilities: dict[FacilityId, FacilityFacts]
    person: PersonFacts | None = None
    #: Chosen by name; None also when there is no preference.
    practitioner: PractitionerFacts | None = None
    #: Whether "who" was answered at all.
    is_practitioner_chosen: bool = False
    facility: FacilityFacts | None = None
    part: PartOfDay = PartOfDay.ANY
    #: The first day shown, and how many.
    from_day: date | None = None
    days: int = DAYS_AT_ONCE
    #: The hold that a new one replaces.
    instead: AppointmentId | None = None
    layout: str = "layouts/patient.html"

    @property
    def left_out(self) -> datetime | None:
        """A free time that is none to choose: none in booking."""
        return None

    @property
    def is_for_series(self) -> bool:
        """Whether several sessions of the service can be booked at once."""
        return self.service.rules.series_max is not None

    def fitting(self) -> list[FacilityFacts]:
        """Where the chosen practitioner (or anybody) gives the service."""
        wanted = {
            place for person, place in self.places if self.practitioner is None or person.id == self.practitioner.id
        }
        return [facility for id_, facility in self.facilities.items() if id_ in wanted]

    def practitioners(self) -> list[PractitionerFacts]:
        """Who gives the service, each once."""
        return list({person.id: person for person, _ in self.places}.values())

    def places_of(self, practitioner: PractitionerFacts) -> list[FacilityFacts]:
        """Where one of them works."""
        return replace(self, practitioner=practitioner).fitting()

    def wish(self, own_hold: str | None = None) -> Wish:
        """What to look for."""
        return Wish(
            service_id=self.service.id,
            practitioner_id=self.practitioner.id if self.practitioner else None,
            facility_id=self.facility.id if self.facility else None,
            part=self.part,
            own_hold=own_hold,
        )

    def at_any_time(self) -> str:
        """The address of the times of the whole day."""
        return self.link("choose_time", part=PartOfDay.ANY, from_day=None)

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
            "facility": self.facility.slug if self.facility else None,
            "part": self.part.value if self.part is not PartOfDay.ANY else None,
            "from": self.from_day,
            "days": self.days if self.days != DAYS_AT_ONCE else None,
            "instead": self.instead,
        }
        return {name: str(value) for name, value in values.items() if value is not None}

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
    return with_choices(Way(service, places, facilities, person=_person() if with_person else None, instead=_instead()))


def with_choices(way: W) -> W:
    """Read who, where, which part of the day and which days from the address; what it does not say stays as it is."""
    wanted = request.args.get("practitioner", "")
    practitioner = next((one for one in way.practitioners() if str(one.id) == wanted), None)
    if practitioner is not None or wanted == ANY:
        way = replace(way, practitioner=practitioner, is_practitioner_chosen=True)
    fitting, slug = way.fitting(), request.args.get("facility") or (way.facility.slug if way.facility else None)
    facility = next((one for one in fitting if one.slug == slug), None) or (fitting[0] if len(fitting) == 1 else None)
    horizon = way.service.rules.horizon_days
    return replace(way, part=_part(), facility=facility, from_day=_from_day(facility, horizon), days=_days(horizon))


def _person() -> PersonFacts | None:
    actor, patient_id = current_actor(), parse_uuid(request.args.get("patient"))
    if actor is None or patient_id is None:
        return None
    return person_to_book_for(db_session(), clock(), PatientId(patient_id), actor=actor)


def _part() -> PartOfDay:
    wanted = request.args.get("part")
    return next((part for part in PartOfDay if part.value == wanted), PartOfDay.ANY)


def _instead() -> AppointmentId | None:
    found = parse_uuid(request.args.get("instead"))
    return AppointmentId(found) if found else None


def _from_day(facility: FacilityFacts | None, horizon_days: int) -> date | None:
    today = local_day(clock().now(), facility.tz) if facility else clock().now().date()
    try:
        day = date.fromisoformat(request.args.get("from", ""))
    except ValueError:
        return None
    return day if today < day <= today + timedelta(days=horizon_days) else None


def _days(horizon_days: int) -> int:
    wanted = request.args.get("days", "")
    days = int(wanted) if wanted.isascii() and wanted.isdigit() and len(wanted) < 4 else DAYS_AT_ONCE
    return max(DAYS_AT_ONCE, min(days, horizon_days + 1))


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


@dataclass(frozen=True)
class Stage:
    """Where a page stands in the booking."""

    step: int
    steps: int


def stage(name: str) -> Stage:
    """Return where a page stands in the booking, for its step line. Visitors are asked who it is for after the time."""
    signed_in = current_actor() is not None
    order = ["service", "person", "place", "time"] if signed_in else ["service", "place", "time", "person"]
    return Stage([*order, "check"].index(name) + 1, STAGES)


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
    key = hold_key() or secrets.token_urlsafe(24)
    session[HOLD_KEY] = key
    return key


def unless_final(refusal: Conflict) -> str:
    """Return the code of a refusal that another time cures. Raises: the refusal, when only the phone does."""
    if refusal.code == MISSED_TOO_OFTEN:
        raise refusal
    return refusal.code
