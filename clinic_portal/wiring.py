"""What follows from what, across features: one table of reactions, one of message sources. Read it to know who reacts."""

from collections.abc import Mapping

from clinic_portal.accounts import models as account_tables
from clinic_portal.booking import models as appointment_tables
from clinic_portal.core import audit, events, jobs, live
from clinic_portal.core.events import Reactions
from clinic_portal.core.settings import Settings
from clinic_portal.dependents import models as relationship_tables
from clinic_portal.facilities import models as facility_tables
from clinic_portal.notifications import models as message_tables
from clinic_portal.notifications import sources
from clinic_portal.notifications.sources import MessageSource
from clinic_portal.patients import models as patient_tables
from clinic_portal.practitioners import models as practitioner_tables
from clinic_portal.waiting_room import models as queue_tables

#: Every module with tables: with the wiring loaded, migrations and constraint codes know all of them.
TABLES = (
    audit,
    account_tables,
    appointment_tables,
    relationship_tables,
    facility_tables,
    message_tables,
    patient_tables,
    practitioner_tables,
    queue_tables,
)

#: Event → steps that run in the same transaction, in this order.
REACTIONS: Reactions = {}

#: Kind of message → who knows its facts when it is sent. Its texts are in `templates/messages/<kind>/`.
MESSAGE_SOURCES: Mapping[str, MessageSource] = {}


def session_info(settings: Settings) -> Mapping[str, object]:
    """Return what every database session carries: reactions, message sources, nudger, announcer."""
    return {
        events.SESSION_KEY: REACTIONS,
        sources.SESSION_KEY: MESSAGE_SOURCES,
        jobs.SESSION_KEY: jobs.RqNudger(settings.redis_url),
        live.SESSION_KEY: live.SocketAnnouncer(settings.redis_url),
    }
