"""What follows from what, across features: one table of reactions, one of message sources. Read it to know who reacts."""

from collections.abc import Mapping

from clinic_portal.accounts import models as account_tables
from clinic_portal.accounts.events import (
    AccountChanged,
    AccountConfirmed,
    CodeIssued,
    PasswordChanged,
    RegistrationRepeated,
)
from clinic_portal.booking import catalogue, reminder_messages, series_messages, waiting_messages
from clinic_portal.booking import messages as appointment_messages
from clinic_portal.booking import models as appointment_tables
from clinic_portal.booking.events import AppointmentBooked, AppointmentCancelled, AppointmentMoved, RoomChanged
from clinic_portal.booking.steps.reminders import remind_of_booked, remind_of_moved
from clinic_portal.booking.steps.waiting import note_cancelled_time, note_left_room, note_old_time
from clinic_portal.check_in.events import (
    ArrivalUndone,
    MissingUndone,
    OnlineVisitChanged,
    PatientArrived,
    PatientMissed,
)
from clinic_portal.core import audit, cache, events, heartbeat, jobs, live
from clinic_portal.core.events import Reactions
from clinic_portal.core.settings import Settings
from clinic_portal.dependents import models as relationship_tables
from clinic_portal.dependents.steps import refresh_self, register_self
from clinic_portal.facilities import models as facility_tables
from clinic_portal.notifications import account_messages, sources
from clinic_portal.notifications import models as message_tables
from clinic_portal.notifications.sources import MessageGroup, MessageSource
from clinic_portal.patients import models as patient_tables
from clinic_portal.practitioners import models as practitioner_tables
from clinic_portal.waiting_room import models as queue_tables
from clinic_portal.waiting_room.steps import announce_booked, announce_both_days, announce_day, drop_ticket, open_ticket

#: Every module with tables: with the wiring loaded, migrations and constraint codes know all of them.
TABLES = (
    audit,
    heartbeat,
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
REACTIONS: Reactions = {
    AccountConfirmed: [register_self],
    AccountChanged: [refresh_self],
    CodeIssued: [account_messages.queue_code],
    PasswordChanged: [account_messages.queue_password_changed],
    RegistrationRepeated: [account_messages.queue_registration_repeated],
    AppointmentBooked: [announce_booked, remind_of_booked],
    AppointmentCancelled: [announce_day, note_cancelled_time],
    AppointmentMoved: [announce_both_days, remind_of_moved, note_old_time],
    RoomChanged: [note_left_room],
    PatientArrived: [open_ticket],
    ArrivalUndone: [drop_ticket],
    PatientMissed: [announce_day],
    OnlineVisitChanged: [announce_day],
    MissingUndone: [announce_day],
}

#: Kind of message → who knows its facts when it is sent. Its texts are in `templates/messages/<kind>/`.
MESSAGE_SOURCES: Mapping[str, MessageSource] = {
    "confirm_email": account_messages.code_facts,
    "confirm_phone": account_messages.code_facts,
    "reset_password": account_messages.code_facts,
    "registration_repeated": account_messages.account_facts,
    "password_changed": account_messages.account_facts,
    "test_message": account_messages.trial_facts,
    "appointment_booked": appointment_messages.booked_facts,
    "appointment_cancelled": appointment_messages.cancelled_facts,
    "appointment_cancelled_by_clinic": appointment_messages.cancelled_facts,
    "appointment_moved": appointment_messages.moved_facts,
    "time_offered": waiting_messages.offered_facts,
    "waiting_joined": waiting_messages.joined_facts,
    "waiting_left": waiting_messages.left_facts,
    "waiting_unserved": waiting_messages.unserved_facts,
    "series_booked": series_messages.series_booked_facts,
    "series_moved": series_messages.series_moved_facts,
    "series_cancelled": series_messages.series_cancelled_facts,
    "reminder": reminder_messages.reminder_facts,
    "reminder_early": reminder_messages.reminder_facts,
}

#: Kind of message → how several that wait for one recipient become one.
MESSAGE_GROUPS: Mapping[str, MessageGroup] = {
    "reminder": reminder_messages.REMINDERS,
    "reminder_early": reminder_messages.REMINDERS,
}


def session_info(settings: Settings) -> Mapping[str, object]:
    """Return what every database session carries: reactions, message sources, nudger, announcer."""
    return {
        events.SESSION_KEY: REACTIONS,
        sources.SESSION_KEY: MESSAGE_SOURCES,
        sources.GROUPS_KEY: MESSAGE_GROUPS,
        jobs.SESSION_KEY: jobs.RqNudger(settings.redis_url),
        live.SESSION_KEY: live.SocketAnnouncer(settings.redis_url),
        cache.SESSION_KEY: cache.VersionedCache(settings.redis_url, is_on=settings.availability_cache),
        catalogue.SESSION_KEY: catalogue.Catalogue(keep=settings.availability_cache),
    }
