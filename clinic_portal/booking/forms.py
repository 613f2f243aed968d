"""Forms of booking: syntax and lengths only."""

from datetime import date

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import Field, RadioField, SelectField, SelectMultipleField, StringField, TextAreaField, ValidationError
from wtforms.fields import SelectChoice
from wtforms.validators import InputRequired, Length, Optional
from wtforms.widgets import DateInput

from clinic_portal.booking.rules import MAX_NOTE, CancelReason
from clinic_portal.core.typed import is_blank, many_lines, one_line, tidy

ANY = "any"


class CheckForm(FlaskForm):  # type: ignore[misc]  # Flask-WTF has no types
    """What can be added before booking."""

    patient_note = TextAreaField(
        _l("Is there anything that we should know?"),
        filters=[many_lines],
        validators=[Length(max=MAX_NOTE, message=_l("Write at most %(max)d characters"))],
    )


class CancelForm(FlaskForm):  # type: ignore[misc]  # Flask-WTF has no types
    """Why a visit is given back: asked, but a patient may go on without saying it."""

    reason = RadioField(
        _l("Why are you cancelling?"),
        choices=[
            SelectChoice(CancelReason.OTHER_TIME.value, _l("I need another time")),
            SelectChoice(CancelReason.UNWELL.value, _l("I am not well enough to come")),
            SelectChoice(CancelReason.NOT_NEEDED.value, _l("I no longer need the visit")),
            SelectChoice(CancelReason.CANNOT_COME.value, _l("I cannot get there")),
            SelectChoice(CancelReason.OTHER.value, _l("Another reason")),
            SelectChoice(CancelReason.NOT_SAID.value, _l("I would rather not say")),
        ],
        validators=[Optional()],
    )

    @property
    def said(self) -> CancelReason:
        """What was chosen; of a valid form only."""
        return CancelReason(self.reason.data or CancelReason.NOT_SAID)


def read_day(typed: str) -> date | None:
    """Return the day of "2026-12-24", "24/12/2026" or "24.12.2026"; None when it is none."""
    parts = typed.replace(".", "/").replace("-", "/").split("/")
    if len(parts) != 3 or not all(part.isascii() and part.isdigit() and len(part) <= 4 for part in parts):
        return None
    year, month, day = parts if len(parts[0]) == 4 else reversed(parts)
    try:
        return date(int(year), int(month), int(day))
    except ValueError:
        return None


def _day(form: object, field: Field) -> None:
    field.value = None
    if is_blank(field.data):
        return
    field.value = read_day(tidy(field.data))
    if field.value is None:
        raise ValidationError(_l("Write the day like 24/12/2026"))


class WaitingForm(FlaskForm):  # type: ignore[misc]  # Flask-WTF has no types
    """What somebody on the waiting list wants. Choices that depend on the clinic are set by the page."""

    patient = RadioField(_l("Who is it for?"), validators=[InputRequired(_l("Choose a person"))])
    weekdays = SelectMultipleField(_l("Which days suit you?"))
    parts = SelectMultipleField(_l("Which times of day?"))
    from_day = StringField(_l("From"), filters=[one_line], validators=[_day], widget=DateInput())
    until_day = StringField(_l("Until"), filters=[one_line], validators=[_day], widget=DateInput())
    notice = SelectField(_l("How much notice do you need?"))
    practitioner = SelectField(_l("With whom?"))
    mode = RadioField(
        _l("How would you like to meet?"), validators=[InputRequired(_l("Choose how you would like to meet"))]
    )
    facility = SelectField(_l("Where?"))


class AskingForm(FlaskForm):  # type: ignore[misc]  # Flask-WTF has no types
    """A form that is sent in the address: nothing is changed by it, so it needs no token."""

    class Meta(FlaskForm.Meta):  # type: ignore[misc]  # as above
        """What Flask-WTF reads."""

        csrf = False


class PlanForm(AskingForm):
    """What is wished of several sessions."""

    @property
    def is_aside(self) -> bool:
        """Whether the rules are set aside: only the forms of staff have the box."""
        return "aside" in self and bool(self["aside"].data)


class LaterForm(PlanForm):
    """When later sessions would suit better."""

    weekday = SelectMultipleField(_l("Which days suit you?"))
    at = SelectField(_l("What time of day?"))
    first = StringField(_l("From which day?"), filters=[one_line], validators=[_day], widget=DateInput())


class SeriesForm(PlanForm):
    """What is wished of a series. The choices are set by the page."""

    count = SelectField(_l("How many sessions?"), coerce=int)
    per_week = RadioField(
        _l("How often?"),
        choices=[SelectChoice("1", _l("Once a week")), SelectChoice("2", _l("Twice a week"))],
        validators=[InputRequired(_l("Choose how often"))],
    )
    weekday = SelectMultipleField(_l("Which days suit you?"))
    at = SelectField(_l("What time of day?"))
    practitioner = SelectField(_l("With whom?"))
    facility = RadioField(_l("Where?"), validators=[InputRequired(_l("Choose a place"))])
    first = StringField(_l("From which day?"), filters=[one_line], validators=[_day], widget=DateInput())

    def validate(self, extra_validators: object = None) -> bool:
        """Check each field, then those that hang together."""
        valid: bool = super().validate(extra_validators)
        if self.per_week.data == "2" and len(self.weekday.data or ()) == 1:
            self.weekday.errors = [_("Choose at least two days for two sessions a week, or none if any day suits you")]
            valid = False
        return valid
