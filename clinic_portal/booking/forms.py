"""Forms of booking: syntax and lengths only."""

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import TextAreaField
from wtforms.fields import SelectChoice
from wtforms.validators import Length

from clinic_portal.booking.rules import MAX_NOTE, CancelReason
from clinic_portal.core.typed import many_lines
from clinic_portal.web.fields import DayField, Form, RadioField, SelectField, SelectMultipleField

ANY = "any"


class CheckForm(Form):
    """What can be added before booking."""

    patient_note = TextAreaField(
        _l("Is there anything that we should know?"),
        filters=[many_lines],
        validators=[Length(max=MAX_NOTE, message=_l("Write at most %(max)d characters"))],
    )


class CancelForm(Form):
    """Why a visit is given back: asked, but a patient may go on without saying it."""

    reason = RadioField(
        _l("Why are you cancelling?"),
        _l("Choose a reason"),
        choices=[
            SelectChoice(CancelReason.OTHER_TIME.value, _l("I need another time")),
            SelectChoice(CancelReason.UNWELL.value, _l("I am not well enough to come")),
            SelectChoice(CancelReason.NOT_NEEDED.value, _l("I no longer need the visit")),
            SelectChoice(CancelReason.CANNOT_COME.value, _l("I cannot get there")),
            SelectChoice(CancelReason.OTHER.value, _l("Another reason")),
            SelectChoice(CancelReason.NOT_SAID.value, _l("I would rather not say")),
        ],
        may_be_empty=True,
    )

    @property
    def said(self) -> CancelReason:
        """What was chosen; of a valid form only."""
        return CancelReason(self.reason.data or CancelReason.NOT_SAID)


class WaitingForm(Form):
    """What somebody on the waiting list wants. Choices that depend on the clinic are set by the page."""

    patient = RadioField(_l("Who is it for?"), _l("Choose a person"))
    weekdays = SelectMultipleField(_l("Which days suit you?"))
    parts = SelectMultipleField(_l("Which times of day?"))
    from_day = DayField(_l("From"), missing=None)
    until_day = DayField(_l("Until"), missing=None)
    notice = SelectField(_l("How much notice do you need?"))
    practitioner = SelectField(_l("With whom?"))
    mode = RadioField(_l("How would you like to meet?"), _l("Choose how you would like to meet"))
    facility = SelectField(_l("Where?"))


class PlanForm(Form):
    """What is wished of several sessions."""

    @property
    def is_aside(self) -> bool:
        """Whether the rules are set aside: only the forms of staff have the box."""
        return "aside" in self and bool(self["aside"].data)


class LaterForm(PlanForm):
    """When later sessions would suit better."""

    weekday = SelectMultipleField(_l("Which days suit you?"))
    at = SelectField(_l("What time of day?"))
    first = DayField(_l("From which day?"), missing=None)


class SeriesForm(PlanForm):
    """What is wished of a series. The choices are set by the page."""

    count = SelectField(_l("How many sessions?"), coerce=int)
    per_week = RadioField(
        _l("How often?"),
        _l("Choose how often"),
        choices=[SelectChoice("1", _l("Once a week")), SelectChoice("2", _l("Twice a week"))],
    )
    weekday = SelectMultipleField(_l("Which days suit you?"))
    at = SelectField(_l("What time of day?"))
    practitioner = SelectField(_l("With whom?"))
    facility = RadioField(_l("Where?"), _l("Choose a place"))
    first = DayField(_l("From which day?"), missing=None)

    def validate(self, extra_validators: object = None) -> bool:
        """Check each field, then those that hang together."""
        valid: bool = super().validate(extra_validators)
        if self.per_week.data == "2" and len(self.weekday.data or ()) == 1:
            self.weekday.errors = [_("Choose at least two days for two sessions a week, or none if any day suits you")]
            valid = False
        return valid
