"""What can be booked, with whom and where: the same for everybody, changed once a week, read by every page.

Kept in the process for some seconds. Prices and rules that count are read again by the use case that books.
"""

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from sqlalchemy.orm import Session

from clinic_portal.core.clock import Clock
from clinic_portal.core.ids import FacilityId, ServiceId
from clinic_portal.facilities.queries import FacilityFacts, ServiceFacts, bookable_services, find_facilities
from clinic_portal.practitioners.queries import ServicePlace, places_of_service

SESSION_KEY = "catalogue"

KEEP_FOR = timedelta(seconds=5)

Places = Sequence[ServicePlace]
T = TypeVar("T")


@dataclass(frozen=True)
class _Kept:
    until: datetime
    value: object


class Catalogue:
    """The catalogue of one process. `keep` False reads it anew each time."""

    def __init__(self, *, keep: bool) -> None:
        """Start empty."""
        self._keep = keep
        self._kept: dict[object, _Kept] = {}
        self._lock = threading.Lock()

    def services(self, db: Session, clock: Clock) -> Sequence[ServiceFacts]:
        """Return what patients may book, in the clinic's order."""
        return self._get("services", clock, lambda: bookable_services(db))

    def facilities(self, db: Session, clock: Clock) -> Mapping[FacilityId, FacilityFacts]:
        """Return all facilities by id."""
        return self._get("facilities", clock, lambda: find_facilities(db))

    def places(self, db: Session, clock: Clock, service_id: ServiceId) -> Places:
        """Return who gives the service where and how, from today on."""
        today = clock.now().date()
        return self._get(service_id, clock, lambda: places_of_service(db, service_id, from_day=today))

    def _get(self, key: object, clock: Clock, read: Callable[[], T]) -> T:
        now, kept = clock.now(), self._kept.get(key)
        if kept is not None and now < kept.until:
            return kept.value  # type: ignore[return-value]  # a key always has values of one type
        value = read()
        if self._keep:
            with self._lock:
                self._kept[key] = _Kept(now + KEEP_FOR, value)
        return value


def catalogue_of(db: Session) -> Catalogue:
    """Return the catalogue that the session carries."""
    catalogue: Catalogue = db.info[SESSION_KEY]
    return catalogue
