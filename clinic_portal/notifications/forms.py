"""Forms of this feature."""

from flask_babel import lazy_gettext as _l
from wtforms import BooleanField

from clinic_portal.web.fields import Form


class RemindersForm(Form):
    """On which channels one is reminded."""

    by_sms = BooleanField(_l("By SMS"))
    by_email = BooleanField(_l("By e-mail"))
