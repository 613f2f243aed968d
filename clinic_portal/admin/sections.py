"""The sections of the administration: one entry is a card on its start page and a link in its header.

Another page with a place of its own adds one line here (`from flask_babel import lazy_gettext as _l` for its words);
what lies behind it links on by itself.
"""

from dataclasses import dataclass

from flask_babel import lazy_gettext as _l


@dataclass(frozen=True)
class Section:
    """A part of the administration. Title and summary are lazy texts: they speak the language of whoever looks."""

    endpoint: str
    title: object
    summary: object


SECTIONS: tuple[Section, ...] = (
    Section("admin.practitioners", _l("Hours"), _l("When practitioners work, and when they are away")),
    Section("admin.closed_days", _l("Closed days"), _l("Public holidays, and days on which a facility is closed")),
    Section("admin.services", _l("Booking rules"), _l("Buffers, notice, how far ahead, and the last chance to change")),
    Section("admin.outside_hours", _l("Visits outside hours"), _l("What was booked and lies outside the hours now")),
    Section("admin.waiting_list", _l("Waiting list"), _l("How times that come free are offered to those who wait")),
    Section("admin.messages", _l("Messages"), _l("Whether SMS and e-mails go out, and which did not")),
    Section("admin.reminders", _l("Reminders"), _l("When patients are reminded, and when nobody is disturbed")),
    Section(
        "admin.missed_visits", _l("Missed visits"), _l("Whether patients who often miss visits book by phone only")
    ),
)
