"""Forms: what is typed about hours, closed days and the rules of services."""

from flask_babel import lazy_gettext as _l
from wtforms import Field, StringField, ValidationError
from wtforms.fields.choices import SelectChoice

from clinic_portal.admin.fields import Whole, minutes_of, number_field, reason_field
from clinic_portal.core.modes import Modes
from clinic_portal.core.typed import one_line
from clinic_portal.practitioners.rules import is_meeting_url
from clinic_portal.web.fields import DayField, Form, RadioField, SelectField, TimeField

#: Work may last until the day ends.
MIDNIGHT = 1440

UNITS = [
    SelectChoice("minutes", _l("minutes")),
    SelectChoice("hours", _l("hours")),
    SelectChoice("days", _l("days")),
]


class StretchForm(Form):
    """From, to, and where; the choices of `where` are set by the view."""

    starts = TimeField(_l("From"), missing=_l("Enter when the work begins"), last=MIDNIGHT)
    ends = TimeField(_l("Until"), missing=_l("Enter when the work ends"), last=MIDNIGHT)
    where = SelectField(_l("Where"), choices=[])

    def validate(self, extra_validators: object = None) -> bool:
        """Also refuse an end before the start."""
        is_valid = bool(super().validate(extra_validators))
        if not self.starts.errors and not self.ends.errors and self.ends.value <= self.starts.value:
            self.ends.errors = [_l("The end must be after the start")]
            return False
        return is_valid


class MeetingForm(Form):
    """Where somebody meets patients online."""

    meeting_url = StringField(_l("Address of the video room"), filters=[one_line, str.strip])

    def validate_meeting_url(self, field: Field) -> None:
        """Raises: ValidationError with words for the page."""
        if field.data and not is_meeting_url(field.data):
            raise ValidationError(_l("Enter an address that begins with https://"))


class WeeklyForm(StretchForm):
    """Hours of a weekday, and from when until when they are worked."""

    weekday = SelectField(_l("Day of the week"), coerce=int, choices=[])
    valid_from = DayField(_l("First day"), missing=_l("Enter the first day with these hours"))
    valid_until = DayField(_l("Last day"), missing=None)

    def validate(self, extra_validators: object = None) -> bool:
        """Also refuse a last day before the first."""
        is_valid = super().validate(extra_validators)
        first, last = self.valid_from, self.valid_until
        if not first.errors and not last.errors and last.value is not None and last.value < first.value:
            last.errors = [_l("The last day must not be before the first")]
            return False
        return is_valid


class ExtraForm(StretchForm):
    """Hours of one day."""

    day = DayField(_l("Day"), missing=_l("Enter the day"))


class EndForm(Form):
    """The last day of weekly hours."""

    last_day = DayField(_l("Last day with these hours"), missing=_l("Enter the last day"))


class AbsenceForm(Form):
    """Whole days, or a part of them."""

    first_day = DayField(_l("First day"), missing=_l("Enter the first day"))
    last_day = DayField(_l("Last day"), missing=None)
    starts = TimeField(_l("From"), missing=None, last=MIDNIGHT)
    ends = TimeField(_l("Until"), missing=None, last=MIDNIGHT)
    reason = reason_field(_l("Reason"), _l("Enter a reason, for example holiday"))

    def validate(self, extra_validators: object = None) -> bool:
        """Also refuse what ends before it begins. Without times it is whole days."""
        is_valid = bool(super().validate(extra_validators))
        first, last = self.first_day, self.last_day
        if first.errors or last.errors or self.starts.errors or self.ends.errors:
            return False
        if last.value is not None and last.value < first.value:
            last.errors = [_l("The last day must not be before the first")]
            return False
        begin, end = self.starts.value or 0, 1440 if self.ends.value is None else self.ends.value
        if last.value in (None, first.value) and end <= begin:
            self.ends.errors = [_l("The end must be after the start")]
            return False
        return is_valid


class ClosureForm(Form):
    """A day on which a facility is closed."""

    day = DayField(_l("Day"), missing=_l("Enter the day"))
    reason = reason_field(_l("Reason"), _l("Enter a reason, for example building works"))


class RulesForm(Form):
    """What a service asks of those who book it."""

    modes = RadioField(
        _l("Where it can take place"),
        _l("Choose where it can take place"),
        choices=[
            SelectChoice(Modes.IN_PERSON.value, _l("At the clinic")),
            SelectChoice(Modes.ONLINE.value, _l("Online, by video or phone")),
            SelectChoice(Modes.BOTH.value, _l("At the clinic or online, as the patient chooses")),
        ],
    )
    before = number_field(_l("Minutes before"), Whole(0, 120, _l("Enter a number of minutes from 0 to 120")))
    after = number_field(_l("Minutes after"), Whole(0, 120, _l("Enter a number of minutes from 0 to 120")))
    notice = number_field(_l("How long before, at least"), Whole(0, 20160, _l("Enter a whole number, 0 or more")))
    notice_unit = SelectField(_l("Unit of the notice"), choices=UNITS)
    horizon = number_field(_l("Days ahead"), Whole(1, 365, _l("Enter a number of days from 1 to 365")))
    cutoff = number_field(_l("How long before, at the latest"), Whole(0, 10080, _l("Enter a whole number, 0 or more")))
    cutoff_unit = SelectField(_l("Unit of the cut-off"), choices=UNITS)
    per_day = number_field(
        _l("Visits a day"),
        Whole(1, 10, _l("Enter a number from 1 to 10, or leave it empty"), may_be_empty=True),
    )
    series = number_field(
        _l("Sessions in a series"),
        Whole(2, 20, _l("Enter a number from 2 to 20, or leave it empty"), may_be_empty=True),
    )

    def validate(self, extra_validators: object = None) -> bool:
        """Also refuse lengths of time that are too long."""
        is_valid = bool(super().validate(extra_validators))
        if is_valid and minutes_of(self.notice.value, self.notice_unit.data) > minutes_of(14, "days"):
            self.notice.errors = [_l("The notice can be 14 days at most")]
            is_valid = False
        if is_valid and minutes_of(self.cutoff.value, self.cutoff_unit.data) > minutes_of(7, "days"):
            self.cutoff.errors = [_l("The cut-off can be 7 days at most")]
            is_valid = False
        return is_valid
