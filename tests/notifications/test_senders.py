"""The settings choose the vendors."""

from dataclasses import replace

import pytest

from clinic_portal.core.clock import FixedClock
from clinic_portal.core.settings import Settings, SmtpSettings
from clinic_portal.notifications.delivery import make_senders

SMTP = SmtpSettings(host="127.0.0.1", port=25, user="", password="", security="none")


@pytest.mark.parametrize(
    ("changes", "sms", "email"),
    [
        ({}, "inbox", "inbox"),
        ({"sms_provider": "sns"}, "sns", "inbox"),
        ({"email_provider": "ses"}, "inbox", "ses"),
        ({"email_provider": "smtp", "smtp": SMTP}, "inbox", "smtp"),
        ({"email_provider": "smtp", "smtp": replace(SMTP, security="tls", user="u", password="p")}, "inbox", "smtp"),
    ],
)
def test_the_settings_choose(
    settings: Settings, clock: FixedClock, changes: dict[str, object], sms: str, email: str
) -> None:
    senders = make_senders(replace(settings, **changes), clock.now)  # type: ignore[arg-type]
    assert (senders.sms.name, senders.email.name) == (sms, email)


def test_only_the_inbox_drops_a_repeat(settings: Settings, clock: FixedClock) -> None:
    """What docs/messages.md says about vendors."""
    inbox = make_senders(settings, clock.now)
    vendors = make_senders(replace(settings, sms_provider="sns", email_provider="ses"), clock.now)
    smtp = make_senders(replace(settings, email_provider="smtp", smtp=SMTP), clock.now)
    assert inbox.sms.deduplicates
    assert inbox.email.deduplicates
    assert not any((vendors.sms.deduplicates, vendors.email.deduplicates, smtp.email.deduplicates))


@pytest.mark.parametrize(
    "changes",
    [
        {"sms_provider": "pigeon"},
        {"email_provider": "pigeon"},
        {"email_provider": "smtp", "smtp": None},
        {"email_provider": "smtp", "smtp": replace(SMTP, user="u", password="p")},
    ],
)
def test_nonsense_is_refused_before_anything_is_sent(
    settings: Settings, clock: FixedClock, changes: dict[str, object]
) -> None:
    with pytest.raises(ValueError, match=r"provider|sign-in"):
        make_senders(replace(settings, **changes), clock.now)  # type: ignore[arg-type]
