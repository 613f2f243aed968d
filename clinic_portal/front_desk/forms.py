"""What is typed at the desk: about screens, and about visits that staff change."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from itertools import chain, islice, zip_longest

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from werkzeug.datastructures import MultiDict
from wtforms import BooleanField, Field, StringField, TextAreaField, ValidationError
from wtforms.fields.choices import SelectChoice
from wtforms.validators import Length

from clinic_portal.accounts import fields
from clinic_portal.booking.forms import LaterForm, SeriesForm, WaitingForm
from clinic_portal.booking.queries import ClinicReason, Taker
from clinic_portal.core.clock import wall_to_utc
from clinic_portal.core.typed import is_blank, many_lines, one_line
from clinic_portal.web.fields import DayField, Form, RadioField, SelectField, SelectMultipleField, TimeField

LANGUAGES = [SelectChoice("pt_PT", "Português"), SelectChoice("en", "English")]
MAX_NAME = 40
MAX_REASON = 300
FAR = timedelta(days=400)
#: The names of what is written of a session of a plan at a time that is not offered.
OWN_TIME = ("own_day", "own_time", "own_room")


class Visible:
    """Refuses a box in which nothing can be seen."""

    def __init__(self, message: object) -> None:
        self.message = message

    def __call__(self, form: Form, field: Field) -> None:
        """Raises: ValidationError."""
        if is_blank(field.data):
            raise ValidationError(self.message)


def note_field(label: object, *validators: object) -> TextAreaField:
    """Return the box for what staff write for their colleagues."""
    length = Length(max=MAX_REASON, message=_l("Write at most %(max)d characters"))
    return TextAreaField(label, filters=[many_lines], validators=[*validators, length])


class ScreenForm(Form):
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


class ClinicCancelForm(Form):
    """Why staff cancel a visit."""

    reason = RadioField(
        _l("Why is it cancelled?"),
        _l("Choose a reason"),
        choices=[
            SelectChoice(ClinicReason.PRACTITIONER_AWAY.value, _l("The practitioner cannot be there")),
            SelectChoice(ClinicReason.CLOSED.value, _l("The clinic is closed then")),
            SelectChoice(ClinicReason.OTHER.value, _l("Another reason of the clinic")),
            SelectChoice(ClinicReason.PATIENT_ASKED.value, _l("The patient asked for it")),
        ],
    )
    later = BooleanField(_l("Cancel the later sessions of the series too"))
    note = note_field(_l("Note for colleagues"))

    def ask_why(self) -> None:
        """The patient asks later than the service allows: staff may, with a written reason."""
        self.note.errors = [_("It is later than the service allows. Write why it is cancelled all the same")]


class NewPatientForm(Form):
    """Somebody new, as they say on the phone."""

    given_name = fields.name_field(_l("Given name"), _l("Enter the given name"))
    family_name = fields.name_field(_l("Family name"), _l("Enter the family name"))
    birth_date = fields.BirthDateField(_l("Birth date"), missing=_l("Enter the birth date"))
    phone = fields.phone_field(_l("Enter the mobile number"))
    language = SelectField(_l("Language of our messages"), choices=LANGUAGES, default="pt_PT")
    another = BooleanField(_l("This is another person with the same name and birth date"))

    def __init__(self, *, today: date) -> None:
        super().__init__()
        self.birth_date.today = today


class WishAtDeskForm(WaitingForm):
    """What somebody waits for, as they say on the phone."""

    weekdays = SelectMultipleField(_l("Which days suit them?"))
    parts = SelectMultipleField(_l("Which times of day?"))
    notice = SelectField(_l("How much notice do they need?"))
    practitioner = SelectField(_l("With"))
    mode = RadioField(_l("How do they want to meet?"), _l("Choose how they want to meet"))


def start_of(on: DayField, at: TimeField, tz: str, *, now: datetime) -> datetime | None:
    """Return the instant of both values; None, with an error at the field, when the clock never shows it or it has passed."""
    start = wall_to_utc(on.value, at.value, tz)
    if start is None:
        at.errors = [_("The clock skips this time on that day")]
    elif not now < start < now + FAR:
        on.errors = [_("Choose a time to come, within the next year")]
        return None
    return start


class AnywayForm(Form):
    """A time that is not offered, and why it is taken all the same."""

    on = DayField(_l("Day"), missing=_l("Enter the day"))
    at = TimeField(_l("Time"), missing=_l("Enter the time"))
    practitioner = SelectField(_l("With"))
    room = SelectField(_l("Room"), words=_l("Choose a room"))
    note = note_field(
        _l("Why is the rule set aside?"), Visible(_l("Write why, so that colleagues understand it later"))
    )

    def start(self, tz: str, *, now: datetime) -> datetime | None:
        """Return the instant; None, with an error at the field, when the clock never shows it or it has passed."""
        return start_of(self.on, self.at, tz, now=now)


class ReasonForm(Form):
    """Why a rule is set aside for several sessions."""

    note = note_field(_l("Why is the rule set aside?"))

    def is_written(self) -> bool:
        """Whether there is a reason; without one an error says so."""
        if is_blank(self.note.data):
            self.note.errors = [_("Write why, so that colleagues understand it later")]
            return False
        return bool(self.validate_on_submit())

    def ask_why(self) -> None:
        """One of the sessions is moved later than the service allows: staff may, with a written reason."""
        self.note.errors = [_("It is later than the service allows. Write why they are moved all the same")]


class PhoneSeriesForm(SeriesForm):
    """What somebody on the phone wishes of a series."""

    #: How many sessions the service allows at once.
    most = 0
    aside = BooleanField(_l("Set the rules aside"))

    def validate(self, extra_validators: object = None) -> bool:
        """Check what patients' wishes are checked for, and the number of sessions."""
        valid: bool = super().validate(extra_validators)
        if valid and not self.is_aside and self.count.data > self.most:
            self.count.errors = [
                _("The service allows %(num)d sessions at once. Set the rules aside to book more", num=self.most)
            ]
            valid = False
        return valid


class OwnTimeForm(Form):
    """One session of a plan at a time that is not offered."""

    on = DayField(_l("Day"), name="own_day", missing=None)
    at = TimeField(_l("Time"), name="own_time", missing=None)
    room = SelectField(_l("Room"), name="own_room", words=_l("Choose a room"))

    #: When, and where it is taken; nothing when nothing was written, or something is wrong.
    own: tuple[datetime, Taker] | None = None

    def __init__(self, number: int, answers: MultiDict[str, str], rooms: Sequence[SelectChoice]) -> None:
        """Read one row. `number`: which one it is, from 1 on. `rooms`: where it can be; none is chosen online."""
        super().__init__(answers)
        self.number = number
        self.room.choices = rooms
        self.room.validate_choice = bool(rooms) and self.is_written
        for one in (self.on, self.at, self.room):
            one.id = one.label.field_id = one.id if number == 1 else f"{one.id}-{number}"

    @property
    def is_written(self) -> bool:
        """Whether there is to be such a session."""
        return bool(self.on.raw_data and self.on.raw_data[0]) or bool(self.at.raw_data and self.at.raw_data[0])

    def validate(self, extra_validators: object = None) -> bool:
        """Check that there is a day and a time, or neither."""
        valid: bool = super().validate(extra_validators)
        for field, words in ((self.on, _("Enter the day")), (self.at, _("Enter the time"))):
            if valid and self.is_written and field.value is None:
                field.errors = [words]
                valid = False
        return valid

    def query(self) -> list[tuple[str, str]]:
        """Return what stands in the address of it."""
        return [(one.name, one.raw_data[0] if one.raw_data else "") for one in (self.on, self.at, self.room)]


class OwnTimesForm:
    """The sessions of a plan at times that are not offered: a row for each, of the same three names."""

    #: Of the whole, as other forms have them: each row says its own.
    form_errors: Sequence[str] = ()
    #: Whether no further row fits.
    is_full: bool

    def __init__(self, answers: MultiDict[str, str], rooms: Sequence[SelectChoice], *, most: int) -> None:
        """Read the rows that are written, `most` at the most; a blank one where there is none, or where one more is wanted."""
        sent = zip_longest(*(answers.getlist(name) for name in OWN_TIME), fillvalue="")
        written = [row for row in islice(sent, most) if any(row[:2])]
        if len(written) < most and (not written or "more" in answers):
            written.append(("", "", ""))
        self.rows = [
            OwnTimeForm(number, MultiDict(zip(OWN_TIME, row, strict=True)), rooms)
            for number, row in enumerate(written, 1)
        ]
        self.is_full = len(written) == most

    def __iter__(self) -> Iterator[Field]:
        """All fields, for the summary of what is wrong."""
        return chain.from_iterable((row.on, row.at, row.room) for row in self.rows)

    @property
    def errors(self) -> Mapping[str, Sequence[str]]:
        """What is wrong, by the field's id."""
        return {field.id: field.errors for field in self if field.errors}

    @property
    def own(self) -> dict[datetime, Taker]:
        """When the sessions are, and where each is taken."""
        return dict(row.own for row in self.rows if row.own)

    def read(self, tz: str, *, now: datetime, taker: Callable[[OwnTimeForm], Taker], free: int) -> None:
        """Read when each is; errors say what is wrong. `free`: how many can be booked beside the others."""
        for row in self.rows:
            if not (row.validate() and row.is_written):
                continue
            start = start_of(row.on, row.at, tz, now=now)
            if start in self.own:
                row.at.errors = [_("This time is written twice")]
            elif len(self.own) == free:
                row.on.errors = [_("Leave one of the others out: these are as many sessions as can be booked at once")]
            elif start is not None:
                row.own = start, taker(row)

    def refuse(self, start: datetime, words: str) -> None:
        """Say at its row why a session cannot be had."""
        for row in self.rows:
            if row.own and row.own[0] == start:
                row.at.errors = [words]

    def query(self) -> list[tuple[str, str]]:
        """Return what stands in the address of them."""
        return [pair for row in self.rows if row.is_written for pair in row.query()]


class PhoneLaterForm(LaterForm):
    """When somebody on the phone would rather have later sessions."""

    aside = BooleanField(_l("Set the rules aside"))
