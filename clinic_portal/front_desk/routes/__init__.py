"""Pages of the front desk: the day, what is done in it, one visit, booking by phone, the waiting list, the screens."""

from clinic_portal.front_desk.routes import (
    actions,
    day,
    later,
    moving,
    phone,
    phone_series,
    screens,
    visit,
    waiting_list,
)
from clinic_portal.front_desk.routes.pages import blueprint

__all__ = [
    "actions",
    "blueprint",
    "day",
    "later",
    "moving",
    "phone",
    "phone_series",
    "screens",
    "visit",
    "waiting_list",
]
