"""The environment, read once into `Settings`. All that is missing or wrong is reported together."""

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path

from clinic_portal.core.settings import Environment, Settings, SmtpSettings
from clinic_portal.core.text import LANGUAGES

ROOT = Path(__file__).resolve().parent
#: Written by `clinic run`: where the embedded servers listen.
SERVERS_FILE = ROOT / "var" / "servers.json"
DEVELOPMENT_SECRET = "development-only-secret-never-use-in-production"  # noqa: S105 - refused in production below
MIN_SECRET_LENGTH = 32
#: Set where patients are served, hardly ever on a laptop: then nobody may fall into development by forgetting to say so.
SIGNS_OF_PRODUCTION = ("SECRET_KEY", "DATABASE_URL", "SMTP_PASSWORD")


class ConfigurationError(SystemExit):
    """The environment cannot be used. Printed by the interpreter, one problem a line."""

    def __init__(self, problems: list[str]) -> None:
        """Join the problems into one message."""
        lines = "\n".join(f"  - {problem}" for problem in problems)
        super().__init__(f"The portal cannot start, because of its settings:\n{lines}\nSee docs/running.md.")
        self.problems = problems


class _Reader:
    """Reads variables and collects what is wrong with them."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self.environ = environ
        self.problems: list[str] = []

    def text(self, name: str, default: str | None = None) -> str:
        value = self.environ.get(name, "").strip() or default
        if value is None:
            self.problems.append(f"{name} is missing")
            return ""
        return value

    def choice(self, name: str, options: tuple[str, ...], default: str) -> str:
        value = self.text(name, default)
        if value not in options:
            self.problems.append(f"{name} is {value!r}, it must be one of: {', '.join(options)}")
            return default
        return value

    def integer(self, name: str, default: int, low: int, high: int) -> int:
        value = self.text(name, str(default))
        if not (value.isascii() and value.isdigit() and low <= int(value) <= high):
            self.problems.append(f"{name} is {value!r}, it must be a whole number from {low} to {high}")
            return default
        return int(value)

    def url(self, name: str, schemes: tuple[str, ...], default: str | None = None) -> str:
        value = self.text(name, default).rstrip("/")
        if value and not value.startswith(tuple(f"{scheme}://" for scheme in schemes)):
            self.problems.append(f"{name} must start with {' or '.join(f'{scheme}://' for scheme in schemes)}")
        return value


def load_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Return the settings of this process. Raises: ConfigurationError with every problem that there is."""
    read = _Reader(os.environ if environ is None else environ)
    environment = Environment(read.choice("CLINIC_ENV", tuple(Environment), Environment.DEVELOPMENT))
    production = environment is Environment.PRODUCTION
    read.problems.extend(_unsaid_environment(read.environ))
    embedded = {} if production else _embedded_servers()
    email_provider = read.choice("EMAIL_PROVIDER", ("inbox", "smtp", "ses"), "inbox")
    settings = Settings(
        environment=environment,
        secret_key=read.text("SECRET_KEY", None if production else DEVELOPMENT_SECRET),
        database_url=read.url(
            "DATABASE_URL", ("postgresql", "postgresql+psycopg"), embedded.get("DATABASE_URL")
        ).replace("postgresql://", "postgresql+psycopg://", 1),
        redis_url=read.url("REDIS_URL", ("redis", "rediss", "unix"), embedded.get("REDIS_URL")),
        public_url=read.url(
            "PUBLIC_URL",
            ("https",) if production else ("http", "https"),
            None if production else "http://127.0.0.1:8000",
        ),
        live_url=read.text("LIVE_URL", ""),
        clinic_name=read.text("CLINIC_NAME", None if production else "Clínica Ribeira"),
        clinic_phone=read.text("CLINIC_PHONE", None if production else "+351 210 000 000"),
        root=ROOT,
        inbox_folder=Path(read.text("INBOX_FOLDER", str(ROOT / "var" / "inbox"))),
        sms_provider=read.choice("SMS_PROVIDER", ("inbox", "sns"), "inbox"),
        sms_sender=read.text("SMS_SENDER", "Clinic"),
        email_provider=email_provider,
        email_sender=read.text("EMAIL_SENDER", None if production else "Clínica Ribeira <visits@clinic.example>"),
        smtp=_smtp(read) if email_provider == "smtp" else None,
        aws_region=read.text("AWS_REGION", "eu-west-1"),
        aws_endpoint_url=read.url("AWS_ENDPOINT_URL", ("http", "https"), "") or None,
        trusted_proxies=read.integer("TRUSTED_PROXIES", 1 if production else 0, 0, 5),
        rate_limits=read.choice("RATE_LIMITS", ("on", "off"), "on") == "on",
        availability_cache=read.choice("AVAILABILITY_CACHE", ("on", "off"), "on") == "on",
        default_language=read.choice("DEFAULT_LANGUAGE", LANGUAGES, "en"),
        database_pool_size=read.integer("DATABASE_POOL_SIZE", 8, 1, 100),
        live_max_connections=read.integer("LIVE_MAX_CONNECTIONS", 240, 1, 10_000),
    )
    if settings.live_url and not re.fullmatch(r":\d{2,5}|https?://[^/]+", settings.live_url):
        read.problems.append("LIVE_URL must be an address without a path (https://live.example.org) or a port (:8001)")
    if production:
        read.problems.extend(_production_problems(settings))
    if read.problems:
        raise ConfigurationError(read.problems)
    return settings


def _unsaid_environment(environ: Mapping[str, str]) -> list[str]:
    if environ.get("CLINIC_ENV", "").strip():
        return []
    signs = [name for name in SIGNS_OF_PRODUCTION if environ.get(name, "").strip()]
    if environ.get("PUBLIC_URL", "").strip().startswith("https://"):
        signs.append("PUBLIC_URL")
    if not signs:
        return []
    return [
        f"CLINIC_ENV is missing beside {', '.join(signs)}: it must be said whether this is production or development"
    ]


def _embedded_servers() -> dict[str, str]:
    """Return the addresses of the servers that `make run` started, so that commands beside it find them.

    Before the first start nothing listens there; the run command starts the servers and passes on where they are.
    """
    addresses = {"DATABASE_URL": "postgresql+psycopg://127.0.0.1/not-started", "REDIS_URL": "redis://127.0.0.1:1/0"}
    if SERVERS_FILE.exists():
        addresses |= json.loads(SERVERS_FILE.read_text())
    return addresses


def _smtp(read: _Reader) -> SmtpSettings:
    return SmtpSettings(
        host=read.text("SMTP_HOST"),
        port=read.integer("SMTP_PORT", 587, 1, 65_535),
        user=read.text("SMTP_USER", ""),
        password=read.text("SMTP_PASSWORD", ""),
        security=read.choice("SMTP_TLS", ("starttls", "tls", "none"), "starttls"),
    )


def _production_problems(settings: Settings) -> list[str]:
    problems = []
    if settings.secret_key == DEVELOPMENT_SECRET:
        problems.append("SECRET_KEY is the development secret")
    elif settings.secret_key and len(settings.secret_key) < MIN_SECRET_LENGTH:
        problems.append(f"SECRET_KEY has fewer than {MIN_SECRET_LENGTH} characters")
    if settings.sms_provider == "inbox":
        problems.append("SMS_PROVIDER is the developer's inbox: no patient would get a text")
    if settings.email_provider == "inbox":
        problems.append("EMAIL_PROVIDER is the developer's inbox: no patient would get an e-mail")
    if not settings.rate_limits:
        problems.append("RATE_LIMITS is off")
    return problems
