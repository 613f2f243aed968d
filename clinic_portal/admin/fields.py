"""Fields of the administration's forms. What was typed stays in `data`; the value that was read is in `value`."""

from collections.abc import Callable
from datetime import date, timedelta

from flask_babel import lazy_gettext as _l
from wtforms import Field, StringField, ValidationError
from wtforms.widgets import DateInput

from clinic_portal.core.typed import is_blank, one_line, tidy
from clinic_portal.practitioners.rules import read_time

#: A calendar of a clinic needs no other years.
FIRST_DAY, LAST_DAY = date(2000, 1, 1), date(2100, 12, 31)
MAX_REASON = 200


class Read:
    """Puts what `read` makes of the text into `field.value`. `missing` None: the field may be empty, the value None."""

    def __init__(self, read: Callable[[str], object], missing: object | None) -> None:
        self.read, self.missing = read, missing

    def __call__(self, form: object, field: Field) -> None:
        """Raises: ValidationError."""
        field.value = None
        if is_blank(field.data):
            if self.missing is not None:
                raise ValidationError(self.missing)
            return
        field.value = self.read(tidy(field.data))


def _time(typed: str) -> int:
    minute = read_time(typed)
    if minute is None:
        raise ValidationError(_l("Write the time like 9:00 or 14:30"))
    return minute


def read_day(typed: str) -> date | None:
    """Return the day of "2026-12-24", "24/12/2026" or "24.12.2026"; None when it is none."""
    parts = typed.replace(".", "/").replace("-", "/").split("/")
    if len(parts) != 3 or not all(part.isascii() and part.isdigit() and len(part) <= 4 for part in parts):
        return None
    year, month, day = parts if len(parts[0]) == 4 else reversed(parts)
    try:
        found = date(int(year), int(month), int(day))
    except ValueError:
        return None
    return found if FIRST_DAY <= found <= LAST_DAY else None


def _day(typed: str) -> date:
    found = read_day(typed)
    if found is None:
        raise ValidationError(_l("Write the day like 24/12/2026"))
    return found


def _reason(typed: str) -> str:
    if len(typed) > MAX_REASON:
        raise ValidationError(_l("Shorten this to 200 characters or fewer"))
    return typed


def time_field(label: object, missing: object | None) -> StringField:
    """Return a field for a time of day; its value is minutes after midnight."""
    return StringField(label, filters=[one_line], validators=[Read(_time, missing)])


def day_field(label: object, missing: object | None) -> StringField:
    """Return a field for a day."""
    return StringField(label, filters=[one_line], validators=[Read(_day, missing)], widget=DateInput())


def reason_field(label: object, missing: object | None) -> StringField:
    """Return a field for a few words."""
    return StringField(label, filters=[one_line], validators=[Read(_reason, missing)])


class Whole:
    """Refuses what is no whole number from `low` to `high`; `words` say so. Empty is None where that is allowed."""

    def __init__(self, low: int, high: int, words: object, *, may_be_empty: bool = False) -> None:
        self.low, self.high, self.words, self.may_be_empty = low, high, words, may_be_empty

    def __call__(self, form: object, field: Field) -> None:
        """Raises: ValidationError."""
        typed = tidy(field.data)
        field.value = None
        if not typed and self.may_be_empty:
            return
        number = int(typed) if typed.isascii() and typed.isdigit() and len(typed) <= 6 else -1
        if not self.low <= number <= self.high:
            raise ValidationError(self.words)
        field.value = number


def number_field(label: object, whole: Whole) -> StringField:
    """Return a field for a whole number."""
    return StringField(label, filters=[one_line], validators=[whole])


def minutes_of(number: int, unit: str) -> timedelta:
    """Return a length of time in minutes, hours or days."""
    return timedelta(minutes=number * {"minutes": 1, "hours": 60, "days": 1440}[unit])


def number_and_unit(length: timedelta) -> tuple[int, str]:
    """Return the length in the largest unit in which it is a whole number."""
    minutes = int(length.total_seconds() // 60)
    for unit, size in (("days", 1440), ("hours", 60)):
        if minutes and minutes % size == 0 and (size == 60 or minutes > size):
            return minutes // size, unit
    return minutes, "minutes"
