"""The environment: everything that is missing or wrong is said at once."""

import pytest

from config import DEVELOPMENT_SECRET, ConfigurationError, load_settings

GOOD = {
    "CLINIC_ENV": "production",
    "SECRET_KEY": "k" * 40,
    "DATABASE_URL": "postgresql://user:pw@db/clinic",
    "REDIS_URL": "redis://broker:6379/0",
    "PUBLIC_URL": "https://portal.clinic.example/",
    "CLINIC_NAME": "Clínica Ribeira",
    "CLINIC_PHONE": "+351 210 000 000",
    "SMS_PROVIDER": "sns",
    "EMAIL_PROVIDER": "smtp",
    "EMAIL_SENDER": "visits@clinic.example",
    "SMTP_HOST": "mail.clinic.example",
}


def test_a_complete_production_environment_starts() -> None:
    settings = load_settings(GOOD)
    assert settings.is_production
    assert not settings.has_inbox_page
    assert settings.database_url == "postgresql+psycopg://user:pw@db/clinic"
    assert settings.public_url == "https://portal.clinic.example"
    assert settings.smtp is not None
    assert settings.smtp.security == "starttls"


def test_reports_everything_that_is_missing_together() -> None:
    with pytest.raises(ConfigurationError) as refused:
        load_settings({"CLINIC_ENV": "production", "SMTP_PORT": "many", "EMAIL_PROVIDER": "smtp"})
    text = str(refused.value)
    for name in (
        "SECRET_KEY",
        "DATABASE_URL",
        "REDIS_URL",
        "PUBLIC_URL",
        "CLINIC_NAME",
        "SMTP_HOST",
        "SMTP_PORT",
        "SMS_PROVIDER",
    ):
        assert name in text, name


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"SECRET_KEY": DEVELOPMENT_SECRET}, "development secret"),
        ({"SECRET_KEY": "short"}, "fewer than 32"),
        ({"SMS_PROVIDER": "inbox"}, "no patient would get a text"),
        ({"EMAIL_PROVIDER": "inbox"}, "no patient would get an e-mail"),
        ({"PUBLIC_URL": "http://portal.clinic.example"}, "PUBLIC_URL"),
        ({"RATE_LIMITS": "off"}, "RATE_LIMITS"),
        ({"DATABASE_URL": "sqlite:///clinic.db"}, "DATABASE_URL"),
        ({"LIVE_URL": "live.example.org/socket"}, "LIVE_URL"),
        ({"TRUSTED_PROXIES": "²"}, "TRUSTED_PROXIES"),
        ({"CLINIC_ENV": "prod"}, "CLINIC_ENV"),
    ],
)
def test_refuses_what_is_not_for_production(change: dict[str, str], named: str) -> None:
    with pytest.raises(ConfigurationError, match=named):
        load_settings(GOOD | change)


def test_a_laptop_needs_no_settings() -> None:
    settings = load_settings({})
    assert settings.environment == "development"
    assert settings.has_inbox_page


@pytest.mark.parametrize("left", ["SECRET_KEY", "DATABASE_URL", "SMTP_PASSWORD", "PUBLIC_URL"])
def test_production_never_starts_as_development_because_nobody_said_so(left: str) -> None:
    everything = GOOD | {"SMTP_PASSWORD": "secret"}
    with pytest.raises(ConfigurationError, match="CLINIC_ENV is missing beside") as refused:
        load_settings({left: everything[left]})
    assert everything[left] not in str(refused.value)
    with pytest.raises(ConfigurationError, match="CLINIC_ENV is missing"):
        load_settings(everything | {"CLINIC_ENV": " "})
    assert load_settings({left: everything[left], "CLINIC_ENV": "development"}).environment == "development"
