"""What is typed about screens."""

from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import Field, Form, SelectField, StringField, ValidationError
from wtforms.fields.choices import SelectChoice
from wtforms.validators import Length

from clinic_portal.core.typed import is_blank, one_line

LANGUAGES = [SelectChoice("pt_PT", "Português"), SelectChoice("en", "English")]
MAX_NAME = 40


class Visible:
    """Refuses a box in which nothing can be seen."""

    def __init__(self, message: object) -> None:
        self.message = message

    def __call__(self, form: Form, field: Field) -> None:
        """Raises: ValidationError."""
        if is_blank(field.data):
            raise ValidationError(self.message)


class ScreenForm(FlaskForm):  # type: ignore[misc]  # WTForms has no types
    """A screen's name and language."""

    name = StringField(
        _l("Name of the screen"),
        filters=[one_line],
        validators=[
            Visible(_l("Enter a name for the screen, for example the room where it hangs")),
            Length(max=MAX_NAME, message=_l("The name must have 40 characters or fewer")),
        ],
    )
    language = SelectField(_l("Language of the screen"), choices=LANGUAGES, default="pt_PT")


class PairForm(ScreenForm):
    """The code that a TV shows, with the name that it gets."""

    code = StringField(
        _l("Code on the screen"),
        filters=[one_line],
        validators=[
            Visible(_l("Enter the six characters that the screen shows")),
            Length(max=40, message=_l("The code has six characters")),
        ],
    )
