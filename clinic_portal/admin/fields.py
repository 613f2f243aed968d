"""Fields of the administration's forms. What was typed stays in `data`; the value that was read is in `value`."""

from datetime import timedelta

from flask_babel import lazy_gettext as _l
from wtforms import Field, StringField, ValidationError

from clinic_portal.core.typed import one_line, tidy
from clinic_portal.web.fields import Read

MAX_REASON = 200


def _reason(typed: str) -> str:
    if len(typed) > MAX_REASON:
        raise ValidationError(_l("Shorten this to 200 characters or fewer"))
    return typed


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
    """Return a field for a whole number: a box for text, for browsers' own send nothing of what is no number."""
    return StringField(label, filters=[one_line], validators=[whole])


def written(number: int | None) -> str:
    """Return a number as it stands in its box."""
    return "" if number is None else str(number)


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
