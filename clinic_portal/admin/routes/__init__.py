"""Pages of the administration: the start page, and one module a section."""

from clinic_portal.admin.routes import messages, missed_visits, reminders, start
from clinic_portal.admin.routes.pages import blueprint

__all__ = ["blueprint", "messages", "missed_visits", "reminders", "start"]
