"""What is typed about screens."""

from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import SelectField, StringField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import DataRequired, Length

LANGUAGES = [SelectChoice("pt_PT", "Português"), SelectChoice("en", "English")]
MAX_NAME = 40


def tidy(value: str | None) -> str:
    """Return what was typed with single spaces and without characters that cannot be seen."""
    # Control characters have no place on a screen, and PostgreSQL refuses the null one.
    return " ".join("".join(character for character in value or "" if character.isprintable()).split())


class ScreenForm(FlaskForm):  # type: ignore[misc]  # WTForms has no types
    """A screen's name and language."""

    name = StringField(
        _l("Name of the screen"),
        filters=[tidy],
        validators=[
            DataRequired(_l("Enter a name for the screen, for example the room in which it hangs")),
            Length(max=MAX_NAME, message=_l("The name must have 40 characters or fewer")),
        ],
    )
    language = SelectField(_l("Language of the screen"), choices=LANGUAGES, default="pt_PT")


class PairForm(ScreenForm):
    """The code that a TV shows, with the name that it gets."""

    code = StringField(
        _l("Code on the screen"),
        filters=[tidy],
        validators=[
            DataRequired(_l("Enter the six characters that the screen shows")),
            Length(max=40, message=_l("The code has six characters")),
        ],
    )
