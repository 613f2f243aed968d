"""Pages of this feature."""

from clinic_portal.booking.routes import (
    calendars,
    cancelling,
    choosing,
    holding,
    home,
    linked,
    moving,
    offers,
    series,
    series_moving,
    series_visits,
    times,
    visits,
    waiting,
)
from clinic_portal.booking.routes.common import blueprint

__all__ = [
    "blueprint",
    "calendars",
    "cancelling",
    "choosing",
    "holding",
    "home",
    "linked",
    "moving",
    "offers",
    "series",
    "series_moving",
    "series_visits",
    "times",
    "visits",
    "waiting",
]
