"""Forms of this feature: syntax and ranges, no database."""

from datetime import date

from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from wtforms import BooleanField
from wtforms.fields import SelectChoice

from clinic_portal.accounts import fields, rules
from clinic_portal.accounts.fields import LANGUAGE_NAMES, BirthDateField, check_new_password, value_of
from clinic_portal.accounts.use_cases.register_account import Registration
from clinic_portal.web.fields import Form, RadioField

__all__ = [
    "ChangePasswordForm",
    "CodeForm",
    "EmailForm",
    "PhoneForm",
    "RegisterForm",
    "ResetPasswordForm",
    "SignInForm",
]


class RegisterForm(Form):
    """Who somebody is and how to reach them."""

    given_name = fields.name_field(_l("Given name"), _l("Enter your given name"))
    family_name = fields.name_field(_l("Family name"), _l("Enter your family name"))
    birth_date = BirthDateField(_l("Birth date"))
    is_age_right = BooleanField(_l("Yes, this is my birth date"))
    email = fields.email_field()
    phone = fields.phone_field()
    language = RadioField(
        _l("Language of our messages"),
        _l("Choose a language"),
        choices=[SelectChoice(code, name) for code, name in LANGUAGE_NAMES.items()],
    )
    password = fields.new_password_field(_l("Choose a password"))

    def __init__(self, *, today: date, language: str) -> None:
        super().__init__(data={"language": language})
        self.today = today
        self.birth_date.today = today

    @property
    def unusual_age(self) -> int | None:
        """The age in years when it is so high that it is asked again, else None."""
        born: date | None = self.birth_date.data
        age = rules.age_on(born, self.today) if born is not None else 0
        return age if age > rules.UNUSUAL_AGE else None

    def validate(self, extra_validators: object = None) -> bool:
        """Check each field, then those that hang together."""
        valid: bool = super().validate(extra_validators)
        age = self.unusual_age
        if age is not None and not self.is_age_right.data:
            question = ngettext(
                "This birth date makes you %(num)d year old. Change it, or confirm that it is right",
                "This birth date makes you %(num)d years old. Change it, or confirm that it is right",
                age,
            )
            self.is_age_right.errors = [question]
            valid = False
        names = [self.given_name.data or "", self.family_name.data or ""]
        if not self.password.errors and not check_new_password(self.password, names=names, email=self.email.data or ""):
            valid = False
        return valid

    def registration(self) -> Registration:
        """Return what the form says, once it is valid."""
        born = self.birth_date.data
        if born is None:
            raise ValueError("ask validate() first")
        return Registration(
            email=value_of(self.email),
            phone=value_of(self.phone),
            given_name=value_of(self.given_name),
            family_name=value_of(self.family_name),
            birth_date=born,
            language=self.language.data,
            password=self.password.data,
        )


class SignInForm(Form):
    """Address and password."""

    email = fields.email_field()
    password = fields.old_password_field(_l("Password"))


class CodeForm(Form):
    """Six digits."""

    code = fields.code_field()


class PhoneForm(Form):
    """A mobile number."""

    phone = fields.phone_field()


class EmailForm(Form):
    """An address."""

    email = fields.email_field()


class ResetPasswordForm(Form):
    """A code and the password that it allows to choose."""

    code = fields.code_field()
    password = fields.new_password_field(_l("New password"))


class ChangePasswordForm(Form):
    """The password until now and the next one."""

    old_password = fields.old_password_field(_l("Current password"))
    password = fields.new_password_field(_l("New password"))
