"""The form of the waiting list's settings."""

from flask_babel import lazy_gettext as _l
from wtforms.fields.choices import SelectChoice

from clinic_portal.admin.fields import Whole, minutes_of, number_field
from clinic_portal.admin.forms_hours import UNITS
from clinic_portal.booking.rules import OfferMode
from clinic_portal.web.fields import Form, RadioField, SelectField


class WaitingPolicyForm(Form):
    """How a facility offers times that come free."""

    mode = RadioField(
        _l("Who is asked?"),
        _l("Choose who is asked"),
        choices=[
            SelectChoice(OfferMode.ONE_AT_A_TIME.value, _l("One after the other")),
            SelectChoice(OfferMode.FIRST_COME.value, _l("Several at once")),
        ],
    )
    stands = number_field(_l("Minutes to answer"), Whole(5, 1440, _l("Enter a number of minutes from 5 to 1440")))
    stop = number_field(_l("How long before, at least"), Whole(0, 10080, _l("Enter a whole number, 0 or more")))
    stop_unit = SelectField(_l("Unit of the time before the visit"), choices=UNITS)

    def validate(self, extra_validators: object = None) -> bool:
        """Also refuse a length of time that is too long."""
        is_valid = bool(super().validate(extra_validators))
        if self.stop.errors or self.stop_unit.errors:
            return False
        if minutes_of(self.stop.value, self.stop_unit.data) > minutes_of(7, "days"):
            self.stop.errors = [_l("Offers can stop 7 days before the visit at most")]
            return False
        return is_valid
