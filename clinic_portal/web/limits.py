"""Rate limits, counted in Valkey; when that is down, in this process, so that sign-in and booking go on.

The counting is that of the library `limits`, on which Flask-Limiter stands: that looks for a request's limits twice and
asks each through a dozen proxies, at three times the cost.
"""

import functools
import logging
from collections.abc import Callable, Collection, Sequence
from ipaddress import ip_address, ip_network
from typing import ParamSpec

from flask import Flask, abort, current_app, request
from flask.typing import ResponseReturnValue
from limits import RateLimitItem, parse_many
from limits.storage import MemoryStorage, RedisStorage
from limits.strategies import FixedWindowRateLimiter
from redis.exceptions import RedisError

from clinic_portal.core.at_once import AtOnce
from clinic_portal.core.settings import Settings
from clinic_portal.core.valkey import Pause, impatient_client

log = logging.getLogger(__name__)

P = ParamSpec("P")

AT_ONCE = "at_once"
COUNTS = "counts"
#: What one household or one hired machine has of IPv6.
IPV6_PREFIX = 64


class Counts:
    """How often each visitor asked for something in the running minutes and hours. Never raises."""

    def __init__(self, redis_url: str) -> None:
        """Connect lazily."""
        pool = impatient_client(redis_url).connection_pool
        self._shared = FixedWindowRateLimiter(RedisStorage(redis_url, connection_pool=pool))
        self._own = FixedWindowRateLimiter(MemoryStorage())
        self._pause = Pause()

    def hit(self, limit: RateLimitItem, *names: str) -> bool:
        """Count one more. Returns whether it is within the limit."""
        if not self._pause.is_on:
            try:
                return self._shared.hit(limit, *names)
            except RedisError as error:
                self._pause.begin()
                log.warning("limits_failed", extra={"error": type(error).__name__})
        return self._own.hit(limit, *names)


def init_limits(app: Flask, settings: Settings) -> None:
    """Give the application what its limits count with."""
    app.extensions[COUNTS] = Counts(settings.redis_url) if settings.rate_limits else None
    app.extensions[AT_ONCE] = AtOnce(settings.redis_url)


def limited(
    text: str, *, methods: Collection[str] = (), exempt_when: Callable[[], bool] | None = None
) -> Callable[[Callable[P, ResponseReturnValue]], Callable[P, ResponseReturnValue]]:
    """Let a visitor use a view this often ("6 per minute; 20 per hour"); more is answered with 429.

    `methods` are those that count (none: all); `exempt_when` says for whom nothing counts.
    """
    limits: Sequence[RateLimitItem] = parse_many(text)

    def decorate(view: Callable[P, ResponseReturnValue]) -> Callable[P, ResponseReturnValue]:
        name = f"{view.__module__}.{view.__name__}"

        @functools.wraps(view)
        def counted(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
            counts: Counts | None = current_app.extensions[COUNTS]
            counts_now = not methods or request.method in methods
            if counts is not None and counts_now and not (exempt_when is not None and exempt_when()):
                visitor = visitors_network()
                within = [counts.hit(limit, name, visitor) for limit in limits]  # Each counts, whatever the others say.
                if not all(within):
                    abort(429)
            return view(*args, **kwargs)

        return counted

    return decorate


def at_once() -> AtOnce:
    """Return what counts how many things somebody has at the same time."""
    counter: AtOnce = current_app.extensions[AT_ONCE]
    return counter


def visitors_network() -> str:
    """Return where the request comes from: an address, or the network of an IPv6 one, of which a visitor has billions."""
    address = request.remote_addr or "127.0.0.1"
    if ":" not in address:
        return address
    try:
        return str(ip_network((ip_address(address), IPV6_PREFIX), strict=False))
    except ValueError:
        return address
