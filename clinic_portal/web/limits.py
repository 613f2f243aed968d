"""Rate limits, counted in Valkey; when that is down, in this process, so that sign-in and booking go on."""

from ipaddress import ip_address, ip_network

from flask import Flask, current_app
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address

from clinic_portal.core.at_once import AtOnce
from clinic_portal.core.settings import Settings

AT_ONCE = "at_once"
#: What one household or one hired machine has of IPv6.
IPV6_PREFIX = 64

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
    app.extensions[AT_ONCE] = AtOnce(settings.redis_url)


def at_once() -> AtOnce:
    """Return what counts how many things somebody has at the same time."""
    counter: AtOnce = current_app.extensions[AT_ONCE]
    return counter


def visitors_network() -> str:
    """Return where the request comes from: an address, or the network of an IPv6 one, of which a visitor has billions."""
    address = get_remote_address()
    try:
        found = ip_address(address)
    except ValueError:
        return address
    return str(found if found.version == 4 else ip_network((found, IPV6_PREFIX), strict=False))
