"""Words for what the outbox calls by codes. A kind or code without words of its own is shown as it is."""

from flask_babel import lazy_gettext as _l

from clinic_portal.notifications.queries import Channel

CHANNELS = {Channel.SMS.value: _l("SMS"), Channel.EMAIL.value: _l("E-mail")}

KINDS = {
    "appointment_booked": _l("Visit booked"),
    "appointment_cancelled": _l("Visit cancelled"),
    "appointment_cancelled_by_clinic": _l("Visit cancelled by the clinic"),
    "appointment_moved": _l("Visit moved"),
    "confirm_email": _l("Code for the e-mail address"),
    "confirm_phone": _l("Code for the mobile number"),
    "password_changed": _l("Password changed"),
    "registration_repeated": _l("Registered again"),
    "reminder": _l("Reminder"),
    "reminder_early": _l("Early reminder"),
    "reset_password": _l("Code for a new password"),
    "series_booked": _l("Sessions booked"),
    "series_cancelled": _l("Sessions cancelled"),
    "series_moved": _l("Sessions moved"),
    "test_message": _l("Test"),
    "time_offered": _l("Time offered from the waiting list"),
    "waiting_joined": _l("Put on the waiting list"),
    "waiting_left": _l("Taken off the waiting list"),
    "waiting_unserved": _l("Nothing to offer from the waiting list"),
}

FAILURES = {
    "message.no_address": _l("no address in the account"),
    "sms.opted_out": _l("the phone answered STOP: no SMS goes there"),
    "message.worker_lost": _l("the worker stopped in the middle"),
    "message.broken": _l("a fault in the portal: see the log"),
}
