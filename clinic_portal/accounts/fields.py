"""Fields and validators of the account forms."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Protocol

import phonenumbers
from email_validator import EmailNotValidError, validate_email
from flask_babel import lazy_gettext as _l
from wtforms import Field, PasswordField, StringField, ValidationError

from clinic_portal.accounts import rules
from clinic_portal.accounts.common_passwords import COMMON_PASSWORDS
from clinic_portal.accounts.rules import BirthDateProblem
from clinic_portal.core.typed import one_line, tidy

HOME_REGION = "PT"
MAX_EMAIL = 254
MAX_NAME = 100

BIRTH_DATE_PROBLEMS = {
    BirthDateProblem.MISSING: _l("Enter your birth date"),
    BirthDateProblem.INCOMPLETE: _l("A birth date has a day, a month and a year"),
    BirthDateProblem.SHORT_YEAR: _l("Write the year with four digits, for example 1980"),
    BirthDateProblem.NOT_A_DATE: _l("This date does not exist. Write it like 31 3 1980"),
    BirthDateProblem.IN_FUTURE: _l("Your birth date must be in the past"),
    BirthDateProblem.IMPOSSIBLE: _l("Check the year of your birth"),
}


class FormFields(Protocol):
    """The part of WTForms' multi-dict that a field reads."""

    def getlist(self, name: str) -> Sequence[str]:
        """Return all values that were sent under the name."""


class BirthDateField(Field):  # type: ignore[misc]  # WTForms has no types
    """Three boxes named <name>-day, <name>-month and <name>-year. `data` is a date, or None; `parts` what was typed."""

    def __init__(
        self, label: object = None, validators: Sequence[object] = (), *, missing: object = None, **options: object
    ) -> None:
        """`missing` is said when nothing was typed, instead of what the patients read."""
        super().__init__(label, validators, **options)
        self.missing = missing or BIRTH_DATE_PROBLEMS[BirthDateProblem.MISSING]
        self.parts: dict[str, str] = {"day": "", "month": "", "year": ""}
        self.today = date.max

    def process(self, formdata: FormFields | None, data: object = None, extra_filters: object = None) -> None:
        """Take the three boxes."""
        self.process_errors: list[str] = []
        self.data: date | None = None
        if formdata is None:
            return
        for part in self.parts:
            typed = formdata.getlist(f"{self.name}-{part}")
            self.parts[part] = one_line(typed[0][:20]) if typed else ""

    def pre_validate(self, form: object) -> None:
        """Read the boxes. Raises: ValidationError."""
        found = rules.read_birth_date(self.parts["day"], self.parts["month"], self.parts["year"], today=self.today)
        if found is BirthDateProblem.MISSING:
            raise ValidationError(self.missing)
        if isinstance(found, BirthDateProblem):
            raise ValidationError(BIRTH_DATE_PROBLEMS[found])
        self.data = found


class Typed:
    """Validates what somebody typed and puts the clean value into `field.value`; what was typed stays in `field.data`."""

    def __init__(self, missing: object, clean: Callable[[str], str]) -> None:
        """`missing` is said of an empty field; `clean` returns the value or raises ValidationError."""
        self.missing = missing
        self.clean = clean

    def __call__(self, form: object, field: Field) -> None:
        """Raises: ValidationError."""
        typed = field.data or ""
        if not typed.strip():
            raise ValidationError(self.missing)
        field.value = self.clean(typed)


def clean_email(typed: str) -> str:
    """Return the address in lower case. Raises: ValidationError."""
    text = typed.strip()
    try:
        if len(text) > MAX_EMAIL:
            raise EmailNotValidError
        # The domain in ASCII, so that one mailbox is always one account.
        found = validate_email(text, check_deliverability=False, allow_smtputf8=False).ascii_email
    except EmailNotValidError:
        raise ValidationError(_l("Write an e-mail address like name@example.com")) from None
    if found is None:
        raise ValidationError(_l("Write an e-mail address like name@example.com"))
    return found.lower()


def clean_phone(typed: str) -> str:
    """Return the number in E.164; without a country code it is Portuguese. Raises: ValidationError."""
    try:
        number = phonenumbers.parse(typed.strip()[:40], HOME_REGION)
    except phonenumbers.NumberParseException:
        number = None
    if number is None or number.extension or not phonenumbers.is_valid_number(number):
        raise ValidationError(
            _l("Write a mobile number like 912 345 678, or with the country code like +34 612 345 678")
        )
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def clean_name(typed: str) -> str:
    """Return a name with single spaces. Raises: ValidationError."""
    name = tidy(typed)
    if len(name) > MAX_NAME:
        raise ValidationError(_l("A name can have up to 100 letters here"))
    if "<" in name or ">" in name or not any(letter.isalpha() for letter in name):
        raise ValidationError(_l("Write the name in letters"))
    return name


def email_field() -> StringField:
    """Return a field for an e-mail address."""
    return StringField(
        _l("E-mail address"), filters=[one_line], validators=[Typed(_l("Enter your e-mail address"), clean_email)]
    )


def phone_field(missing: object = None) -> StringField:
    """Return a field for a mobile number; `missing` is said of an empty one, instead of what patients read."""
    return StringField(
        _l("Mobile number"),
        filters=[one_line],
        validators=[Typed(missing or _l("Enter your mobile number"), clean_phone)],
    )


def phone_in_words(phone: str) -> str:
    """Return an E.164 number as people write it: "+351 912 345 678"."""
    return phonenumbers.format_number(phonenumbers.parse(phone), phonenumbers.PhoneNumberFormat.INTERNATIONAL)


def name_field(label: object, missing: object) -> StringField:
    """Return a field for a part of a name."""
    return StringField(label, filters=[one_line], validators=[Typed(missing, clean_name)])


def _code(typed: str) -> str:
    if sum(letter.isdigit() for letter in typed) != rules.CODE_DIGITS or len(typed) > 20:
        raise ValidationError(_l("The code has six digits"))
    return typed


def code_field() -> StringField:
    """Return a field for a one-time code."""
    return StringField(_l("Code"), filters=[one_line], validators=[Typed(_l("Enter the code"), _code)])


def old_password_field(label: object) -> PasswordField:
    """Return a field for the password that somebody has."""
    return PasswordField(label, validators=[_has_password])


def new_password_field(label: object) -> PasswordField:
    """Return a field for a password that somebody chooses. Who they are is checked by `check_new_password`."""
    return PasswordField(label, validators=[_long_enough])


def _has_password(form: object, field: Field) -> None:
    if not field.data:
        raise ValidationError(_l("Enter your password"))
    if len(field.data) > rules.MAX_PASSWORD:
        raise ValidationError(_l("A password can have up to 256 letters, digits and signs"))


def _long_enough(form: object, field: Field) -> None:
    password = rules.normal_password(field.data or "")
    if not password:
        raise ValidationError(_l("Choose a password"))
    if len(password) < rules.MIN_PASSWORD:
        raise ValidationError(_l("Choose a password of at least 10 letters, digits or signs"))
    if len(password) > rules.MAX_PASSWORD:
        raise ValidationError(_l("A password can have up to 256 letters, digits and signs"))
    if rules.is_common(password, COMMON_PASSWORDS):
        raise ValidationError(_l("Many people use this password, so it is guessed first. Choose another one"))


def check_new_password(field: Field, *, names: Sequence[str], email: str) -> bool:
    """Add an error to the field and return False when the password is made of the person's own name or address."""
    if not rules.is_about_oneself(rules.normal_password(field.data or ""), names, email):
        return True
    field.errors = [*field.errors, _l("This password is too close to your name or e-mail address. Choose another one")]
    return False


def value_of(field: Field) -> str:
    """Return the clean value of a field that was validated."""
    value: str = field.value
    return value


LANGUAGE_NAMES: Mapping[str, str] = {"en": "English", "pt_PT": "Português"}
