"""Rate limits, counted in Valkey; when that is down, in this process, so that sign-in and booking go on."""

from flask import Flask
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address

from clinic_portal.core.settings import Settings

limiter = Limiter(key_func=get_remote_address, strategy="fixed-window")


def init_limits(app: Flask, settings: Settings) -> None:
    """Tie the limiter to the application."""
    app.config.update(
        RATELIMIT_ENABLED=settings.rate_limits,
        RATELIMIT_STORAGE_URI=settings.redis_url,
        RATELIMIT_STORAGE_OPTIONS={"socket_timeout": 0.3, "socket_connect_timeout": 0.3},
        RATELIMIT_IN_MEMORY_FALLBACK_ENABLED=True,
        RATELIMIT_HEADERS_ENABLED=False,
    )
    limiter.init_app(app)
