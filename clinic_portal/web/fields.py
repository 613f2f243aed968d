"""What forms are made of, and fields that those of several features have, with the words of this house for whatever is wrong.

What was typed stays in `data`; after validation the value that was read is in `value`.
"""

import re
from collections.abc import Callable
from datetime import date

import wtforms
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from markupsafe import Markup
from wtforms import Field, StringField, ValidationError
from wtforms.validators import InputRequired, Optional
from wtforms.widgets import DateInput

from clinic_portal.core.typed import is_blank, one_line, read_day, read_time, tidy

#: A calendar of a clinic needs no other years, and to no day of them can so much be added that it is in no year.
FIRST_DAY, LAST_DAY = date(2000, 1, 1), date(2100, 12, 31)

#: What a browser's date box sends, and all that it can show.
SHOWN_IN_DATE_BOX = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


class Form(FlaskForm):  # type: ignore[misc]  # Flask-WTF has no types
    """A page's form. It makes no token of its own: that of every POST is checked before any view (`web/security.py`)."""

    class Meta(FlaskForm.Meta):  # type: ignore[misc]  # as above
        """What Flask-WTF reads."""

        csrf = False


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


class DayInput(DateInput):  # type: ignore[misc]  # WTForms has no types
    """A browser's date box; a box for text when something stands in it that a date box would hide."""

    def __call__(self, field: Field, **attributes: object) -> Markup:
        """Return the box."""
        typed = field.data or ""
        if typed and not (SHOWN_IN_DATE_BOX.fullmatch(typed) and read_day(typed)):
            attributes = {name: value for name, value in attributes.items() if name not in {"min", "max"}}
            attributes["type"] = "text"
        return Markup(super().__call__(field, **attributes))  # noqa: S704 - what WTForms has escaped


class DayField(StringField):  # type: ignore[misc]  # WTForms has no types
    """A day, as a date box sends it or as people write it. `missing` is said of an empty one; None: it may be empty."""

    widget = DayInput()

    def __init__(self, label: object = None, *, missing: object | None, **options: object) -> None:
        super().__init__(label, filters=[one_line], validators=[Read(_day, missing)], **options)


class TimeField(StringField):  # type: ignore[misc]  # WTForms has no types
    """A time of day; its value is minutes after midnight, `last` at the most. `missing` as in `DayField`.

    A box for text: browsers' own may ask for AM and PM.
    """

    def __init__(self, label: object = None, *, missing: object | None, last: int = 1439, **options: object) -> None:
        self.last = last
        super().__init__(label, filters=[one_line], validators=[Read(self._time, missing)], **options)

    def _time(self, typed: str) -> int:
        minute = read_time(typed)
        if minute is None or minute > self.last:
            raise ValidationError(_l("Enter a time of day, for example 14:00"))
        return minute


#: Said of a choice that is none of those that are shown.
NO_CHOICE = _l("Choose from the list")


class SelectField(wtforms.SelectField):  # type: ignore[misc]  # WTForms has no types
    """A list to choose from. `words` are said of whatever is not in it."""

    def __init__(self, label: object = None, *, words: object = NO_CHOICE, **options: object) -> None:
        super().__init__(label, invalid_value_message=words, invalid_choice_message=words, **options)


class SelectMultipleField(wtforms.SelectMultipleField):  # type: ignore[misc]  # WTForms has no types
    """Boxes to tick, or none of them. `words` as in `SelectField`."""

    def __init__(self, label: object = None, *, words: object = NO_CHOICE, **options: object) -> None:
        super().__init__(label, invalid_value_message=words, invalid_choice_message=words, **options)


class RadioField(wtforms.RadioField):  # type: ignore[misc]  # WTForms has no types
    """A question. `words` are said of whatever is none of the choices, and of no answer unless it may be empty."""

    def __init__(self, label: object, words: object, *, may_be_empty: bool = False, **options: object) -> None:
        validators = [Optional() if may_be_empty else InputRequired(words)]
        super().__init__(label, validators, invalid_value_message=words, invalid_choice_message=words, **options)


def _day(typed: str) -> date:
    found = read_day(typed)
    if found is None:
        raise ValidationError(_l("Write the day like 24/12/2026"))
    if not FIRST_DAY <= found <= LAST_DAY:
        raise ValidationError(_l("Check the year of this day"))
    return found
