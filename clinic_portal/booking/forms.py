"""Forms of booking: syntax and lengths only."""

from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import RadioField, TextAreaField
from wtforms.fields import SelectChoice
from wtforms.validators import InputRequired, Length

from clinic_portal.booking.rules import MAX_NOTE, CancelReason
from clinic_portal.core.typed import many_lines


class CheckForm(FlaskForm):  # type: ignore[misc]  # Flask-WTF has no types
    """What can be added before booking."""

    patient_note = TextAreaField(
        _l("Is there anything that we should know?"),
        filters=[many_lines],
        validators=[Length(max=MAX_NOTE, message=_l("Write at most %(max)d characters"))],
    )


class CancelForm(FlaskForm):  # type: ignore[misc]  # Flask-WTF has no types
    """Why a visit is given back."""

    reason = RadioField(
        _l("Why are you cancelling?"),
        choices=[
            SelectChoice(CancelReason.OTHER_TIME.value, _l("I need another time")),
            SelectChoice(CancelReason.UNWELL.value, _l("I am not well enough to come")),
            SelectChoice(CancelReason.NOT_NEEDED.value, _l("I no longer need the visit")),
            SelectChoice(CancelReason.CANNOT_COME.value, _l("I cannot get there")),
            SelectChoice(CancelReason.OTHER.value, _l("Another reason")),
        ],
        validators=[InputRequired(_l("Choose a reason"))],
    )
