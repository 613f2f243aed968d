"""Forms of this feature."""

from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import BooleanField


class RemindersForm(FlaskForm):  # type: ignore[misc]  # Flask-WTF has no types
    """On which channels one is reminded."""

    by_sms = BooleanField(_l("By SMS"))
    by_email = BooleanField(_l("By e-mail"))
