"""What a running portal needs to know, typed and frozen. `config.py` builds it from the environment, once."""

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class Environment(StrEnum):
    """Where the program runs."""

    DEVELOPMENT = "development"
    TEST = "test"
    PRODUCTION = "production"


@dataclass(frozen=True)
class SmtpSettings:
    """The mail server, when the e-mail provider is `smtp`. `security` is "starttls", "tls" or "none"."""

    host: str
    port: int
    user: str
    password: str
    security: str


@dataclass(frozen=True)
class Settings:
    """Everything that differs between two installations."""

    environment: Environment
    secret_key: str
    database_url: str
    redis_url: str
    #: Where patients reach the portal, without a slash at the end: links in messages are built from it.
    public_url: str
    #: Where browsers reach the socket server: empty when it is the same origin (behind the proxy), ":8001" when it is
    #: another port of the host that the page came from, else an origin.
    live_url: str
    clinic_name: str
    clinic_phone: str
    root: Path
    inbox_folder: Path
    sms_provider: str = "inbox"
    sms_sender: str = "Clinic"
    email_provider: str = "inbox"
    email_sender: str = "clinic@example.org"
    smtp: SmtpSettings | None = None
    aws_region: str = "eu-west-1"
    aws_endpoint_url: str | None = None
    #: How many reverse proxies stand in front (X-Forwarded-* is believed that often).
    trusted_proxies: int = 0
    #: Off only in load tests and in those browser tests that sign in many times a minute.
    rate_limits: bool = True
    #: Keeps computed free times for seconds. What is booked never depends on it.
    availability_cache: bool = True
    default_language: str = "en"
    database_pool_size: int = 8
    live_max_connections: int = 240

    @property
    def is_production(self) -> bool:
        """Whether real patients use it."""
        return self.environment is Environment.PRODUCTION

    @property
    def has_inbox_page(self) -> bool:
        """Whether the developer's inbox may be looked at in the browser: never in production."""
        return not self.is_production
