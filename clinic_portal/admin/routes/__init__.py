"""Pages of the administration: the start page, and one module a section."""

from clinic_portal.admin.routes import messages, reminders, start
from clinic_portal.admin.routes.pages import blueprint

__all__ = ["blueprint", "messages", "reminders", "start"]
