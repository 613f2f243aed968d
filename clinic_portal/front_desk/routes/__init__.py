"""Pages of the front desk: the day, what is done in it, one visit, booking by phone, the waiting list, the screens."""

from clinic_portal.front_desk.routes import actions, day, moving, phone, screens, visit, waiting_list
from clinic_portal.front_desk.routes.pages import blueprint

__all__ = ["actions", "blueprint", "day", "moving", "phone", "screens", "visit", "waiting_list"]
