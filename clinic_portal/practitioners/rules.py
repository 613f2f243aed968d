"""Pure facts about practitioners: their names in small places, and when two stretches of hours are in each other's way."""

from datetime import date, timedelta
from typing import Protocol
from urllib.parse import urlsplit

LONGEST_URL = 300


def is_meeting_url(text: str) -> bool:
    """Whether it is an address at which people can meet: https, with a host, and nobody's name or password in it."""
    if len(text) > LONGEST_URL or any(letter.isspace() or not letter.isprintable() for letter in text):
        return False
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    host = parts.hostname or ""
    return text.startswith("https://") and "." in host.strip(".") and "@" not in parts.netloc


class Span(Protocol):
    """Hours of a weekday for as long as they are valid; hours of one day are valid on that day only."""

    @property
    def weekday(self) -> int:
        """0 is Monday."""

    @property
    def starts_minute(self) -> int:
        """Minutes after midnight."""

    @property
    def ends_minute(self) -> int:
        """Minutes after midnight; not included."""

    @property
    def valid_from(self) -> date:
        """The first day."""

    @property
    def valid_until(self) -> date | None:
        """The last day; None is until further notice."""


def overlap(one: Span, other: Span) -> bool:
    """Whether both are worked at some same minute of some same day."""
    if one.weekday != other.weekday or not (
        one.starts_minute < other.ends_minute and other.starts_minute < one.ends_minute
    ):
        return False
    first = max(one.valid_from, other.valid_from)
    first += timedelta(days=(one.weekday - first.weekday()) % 7)
    return all(span.valid_until is None or first <= span.valid_until for span in (one, other))


def short_name(given_name: str, family_name: str) -> str:
    """Return the first given name and the initial of the last family name: "Inês C."."""
    given, family = _first(given_name), _last(family_name)
    return f"{given} {family[:1]}." if family else given


def initials(given_name: str, family_name: str) -> str:
    """Return the two letters that stand for a face: "IC"."""
    return (_first(given_name)[:1] + _last(family_name)[:1]).upper()


def _first(name: str) -> str:
    return (name.split(maxsplit=1) or [""])[0]


def _last(name: str) -> str:
    return (name.rsplit(maxsplit=1) or [""])[-1]
