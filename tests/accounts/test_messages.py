"""The messages about accounts: what they say is true when they go out, or they do not go out."""

from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from clinic_portal.accounts.rules import CodePurpose
from clinic_portal.accounts.use_cases.confirm_email import confirm_email
from clinic_portal.accounts.use_cases.issue_email_code import issue_email_code
from clinic_portal.accounts.use_cases.register_account import register_account
from clinic_portal.core.clock import FixedClock
from clinic_portal.core.ids import CodeId
from clinic_portal.core.settings import Settings
from clinic_portal.notifications.account_messages import account_facts, code_facts
from clinic_portal.notifications.rendering import render_email, render_sms
from clinic_portal.wiring import MESSAGE_SOURCES
from tests.accounts.helpers import EMAIL, PHONE, codes_of, newest_digits, registration
from tests.support.cast import Cast


def test_the_code_messages_say_the_digits_and_where_they_go(db: Session, clock: FixedClock, settings: Settings) -> None:
    pending = register_account(db, clock, registration=registration(), secret_key=settings.secret_key)
    code = codes_of(db, EMAIL, CodePurpose.CONFIRM_EMAIL)[-1]
    digits = newest_digits(db, settings.secret_key)
    clock.advance(timedelta(minutes=2, seconds=1))
    facts = code_facts(db, clock, settings, code.id)
    assert facts is not None
    email = render_email(settings, "confirm_email", facts)
    assert email.to == EMAIL
    assert digits in email.subject
    assert digits in email.text
    assert digits in email.html
    assert "8 minutes" in email.text
    confirm_email(db, clock, pending=pending, typed=digits, secret_key=settings.secret_key, user_agent="")
    phone_code = codes_of(db, EMAIL, CodePurpose.CONFIRM_PHONE)[-1]
    by_phone = code_facts(db, clock, settings, phone_code.id)
    assert by_phone is not None
    sms = render_sms(settings, "confirm_phone", by_phone)
    assert sms.to == PHONE
    sms_digits = newest_digits(db, settings.secret_key, purpose=CodePurpose.CONFIRM_PHONE)
    assert sms.text == f"{settings.clinic_name}: your code is {sms_digits}."


def test_a_used_replaced_or_late_code_is_not_sent(db: Session, clock: FixedClock, settings: Settings) -> None:
    key = settings.secret_key
    pending = register_account(db, clock, registration=registration(), secret_key=key)
    first = CodeId(codes_of(db, EMAIL, CodePurpose.CONFIRM_EMAIL)[-1].id)
    issue_email_code(db, clock, pending=pending, secret_key=key)
    second = CodeId(codes_of(db, EMAIL, CodePurpose.CONFIRM_EMAIL)[-1].id)
    assert code_facts(db, clock, settings, first) is None
    assert code_facts(db, clock, settings, second) is not None
    clock.advance(timedelta(minutes=10))
    assert code_facts(db, clock, settings, second) is None
    issue_email_code(db, clock, pending=pending, secret_key=key)
    third = CodeId(codes_of(db, EMAIL, CodePurpose.CONFIRM_EMAIL)[-1].id)
    digits = newest_digits(db, key)
    confirm_email(db, clock, pending=pending, typed=digits, secret_key=key, user_agent="")
    assert code_facts(db, clock, settings, third) is None


@pytest.mark.parametrize("kind", ["registration_repeated", "password_changed"])
@pytest.mark.parametrize("language", ["en", "pt_PT"])
def test_warnings_go_to_the_account_s_address(
    cast: Cast, db: Session, clock: FixedClock, settings: Settings, kind: str, language: str
) -> None:
    cast.patient.language = language
    db.commit()
    facts = MESSAGE_SOURCES[kind](db, clock, settings, cast.patient.id)
    assert facts is not None
    email = render_email(settings, kind, facts)
    assert email.to == "marta@example.org"
    assert "Marta" in email.text
    assert f"{settings.public_url}/forgotten-password" in email.text
    assert f"{settings.public_url}/forgotten-password" in email.html


def test_an_account_that_is_gone_gets_no_message(
    cast: Cast, db: Session, clock: FixedClock, settings: Settings
) -> None:
    assert account_facts(db, clock, settings, cast.patient_person.id) is None


@pytest.mark.parametrize("kind", ["confirm_email", "reset_password"])
def test_the_reset_mail_names_its_purpose(kind: str, db: Session, clock: FixedClock, settings: Settings) -> None:
    register_account(db, clock, registration=registration(), secret_key=settings.secret_key)
    facts = code_facts(db, clock, settings, codes_of(db, EMAIL, CodePurpose.CONFIRM_EMAIL)[-1].id)
    assert facts is not None
    email = render_email(settings, kind, facts)
    assert ("password" in email.subject) == (kind == "reset_password")
