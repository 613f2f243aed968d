"""Forms of the administration."""

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from wtforms import Field, ValidationError

from clinic_portal.admin.fields import Whole, number_field
from clinic_portal.web.fields import Form, TimeField

DAYS = Whole(0, 60, _l("Enter a number from 0 to 60"), may_be_empty=True)
MINUTES = Whole(1, 1440, _l("Enter a number from 1 to 1440"), may_be_empty=True)
NEEDED = _l("Enter a time of day, for example 14:00")


class QuietHoursForm(Form):
    """When nobody is reminded."""

    quiet_from = TimeField(_l("From"), missing=NEEDED)
    quiet_until = TimeField(_l("Until"), missing=NEEDED)


class ReminderPlanForm(Form):
    """How one channel reminds."""

    early_days = number_field(_l("First reminder: days before the visit"), DAYS)
    last_days = number_field(_l("Last reminder: days before the visit"), DAYS)
    early_instead_after_days = number_field(
        _l("Only one of the two: the first if booked more than this many days ahead"), DAYS
    )
    from_time = TimeField(_l("Sent between"), missing=NEEDED)
    until_time = TimeField(_l("and"), missing=NEEDED)
    late_from = TimeField(_l("Booked on the day, or on the day before from"), missing=NEEDED)
    late_minutes = number_field(_l("Then remind after how many minutes"), MINUTES)

    def validate_last_days(self, field: Field) -> None:
        """Raises: ValidationError."""
        if None not in (field.value, self.early_days.value) and field.value >= self.early_days.value:
            raise ValidationError(_("The last reminder must come fewer days before the visit than the first"))

    def validate_until_time(self, field: TimeField) -> None:
        """Raises: ValidationError."""
        if None not in (field.value, self.from_time.value) and field.value < self.from_time.value:
            raise ValidationError(_("The second time must not be before the first"))

    def validate_early_instead_after_days(self, field: Field) -> None:
        """Raises: ValidationError."""
        others = (self.early_days, self.last_days)
        if field.value is not None and any(one.value is None and not one.errors for one in others):
            raise ValidationError(_("Enter both reminders, or leave this empty"))


class MissedRuleForm(Form):
    """After how many missed visits a patient books by phone only."""

    noshow_limit = number_field(_l("Missed visits"), Whole(1, 20, _l("Enter a number from 1 to 20"), may_be_empty=True))
    noshow_days = number_field(_l("Within how many days"), Whole(1, 730, _l("Enter a number from 1 to 730")))
