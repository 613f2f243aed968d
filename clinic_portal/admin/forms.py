"""Forms of the administration."""

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import IntegerField, ValidationError
from wtforms.validators import InputRequired, NumberRange, Optional

from clinic_portal.web.fields import TimeField

DAYS = NumberRange(0, 60, _l("Enter a number from 0 to 60"))
MINUTES = NumberRange(1, 1440, _l("Enter a number from 1 to 1440"))
NEEDED = _l("Enter a time of day, for example 14:00")


class WholeNumberField(IntegerField):  # type: ignore[misc]  # WTForms has no types
    """A whole number, with our words for what is none."""

    def process_formdata(self, valuelist: list[str]) -> None:
        """Raises: ValueError with words for the page."""
        try:
            super().process_formdata(valuelist)
        except ValueError as error:
            raise ValueError(_("Enter a whole number")) from error


class QuietHoursForm(FlaskForm):  # type: ignore[misc]  # Flask-WTF has no types
    """When nobody is reminded."""

    quiet_from = TimeField(_l("From"), missing=NEEDED)
    quiet_until = TimeField(_l("Until"), missing=NEEDED)


class ReminderPlanForm(FlaskForm):  # type: ignore[misc]  # Flask-WTF has no types
    """How one channel reminds."""

    early_days = WholeNumberField(_l("First reminder: days before the visit"), validators=[Optional(), DAYS])
    last_days = WholeNumberField(_l("Last reminder: days before the visit"), validators=[Optional(), DAYS])
    early_instead_after_days = WholeNumberField(
        _l("Only one of the two: the first if booked more than this many days ahead"), validators=[Optional(), DAYS]
    )
    from_time = TimeField(_l("Sent between"), missing=NEEDED)
    until_time = TimeField(_l("and"), missing=NEEDED)
    late_from = TimeField(_l("Booked on the day, or on the day before from"), missing=NEEDED)
    late_minutes = WholeNumberField(_l("Then remind after how many minutes"), validators=[Optional(), MINUTES])

    def validate_last_days(self, field: WholeNumberField) -> None:
        """Raises: ValidationError."""
        if None not in (field.data, self.early_days.data) and field.data >= self.early_days.data:
            raise ValidationError(_("The last reminder must come fewer days before the visit than the first"))

    def validate_until_time(self, field: TimeField) -> None:
        """Raises: ValidationError."""
        if None not in (field.value, self.from_time.value) and field.value < self.from_time.value:
            raise ValidationError(_("The second time must not be before the first"))

    def validate_early_instead_after_days(self, field: WholeNumberField) -> None:
        """Raises: ValidationError."""
        if field.data is not None and None in (self.early_days.data, self.last_days.data):
            raise ValidationError(_("Enter both reminders, or leave this empty"))


class MissedRuleForm(FlaskForm):  # type: ignore[misc]  # Flask-WTF has no types
    """After how many missed visits a patient books by phone only."""

    noshow_limit = WholeNumberField(
        _l("Missed visits"), validators=[Optional(), NumberRange(1, 20, _l("Enter a number from 1 to 20"))]
    )
    noshow_days = WholeNumberField(
        _l("Within how many days"),
        validators=[
            InputRequired(_l("Enter a number from 1 to 730")),
            NumberRange(1, 730, _l("Enter a number from 1 to 730")),
        ],
    )
