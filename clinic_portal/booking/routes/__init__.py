"""Pages of this feature."""

from clinic_portal.booking.routes import cancelling, choosing, holding, home, linked, moving, times, visits
from clinic_portal.booking.routes.common import blueprint

__all__ = ["blueprint", "cancelling", "choosing", "holding", "home", "linked", "moving", "times", "visits"]
