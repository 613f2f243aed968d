"""Forms of this feature."""

from flask_babel import lazy_gettext as _l
from wtforms.fields import SelectChoice

from clinic_portal.patients.rules import DisplayChoice
from clinic_portal.web.fields import Form, RadioField


class DisplayNameForm(Form):
    """How the waiting room calls somebody."""

    choice = RadioField(
        _l("What the screen shows"),
        _l("Choose what the screen shows"),
        choices=[
            SelectChoice(DisplayChoice.FULL.value, _l("Full name")),
            SelectChoice(DisplayChoice.FIRST_INITIAL.value, _l("First name and initial")),
            SelectChoice(DisplayChoice.CODE.value, _l("Only a code")),
        ],
    )
