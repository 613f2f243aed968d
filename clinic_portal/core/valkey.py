"""A Valkey that may be away: requests wait only briefly for it, and leave it alone for a moment after it did not answer."""

import time

from redis import Redis
from redis.backoff import NoBackoff
from redis.retry import Retry

#: A request waits for an answer, so it does not wait long.
TIMEOUT_S = 0.3
#: After a failure Valkey is left alone for this long, so that a dead one costs one request 0.3 s and not every one.
PAUSE_AFTER_FAILURE_S = 2.0


def impatient_client(redis_url: str, *, decode_responses: bool = False) -> Redis:
    """Return a client that connects lazily, waits `TIMEOUT_S` and asks once."""
    return Redis.from_url(
        redis_url,
        decode_responses=decode_responses,
        socket_timeout=TIMEOUT_S,
        socket_connect_timeout=TIMEOUT_S,
        retry=Retry(NoBackoff(), 0),
    )


class Pause:
    """The moment after a failure in which Valkey is not asked."""

    def __init__(self) -> None:
        """Ask from the start."""
        self._until_s = 0.0

    def begin(self) -> None:
        """Leave it alone from now on."""
        self._until_s = time.monotonic() + PAUSE_AFTER_FAILURE_S

    @property
    def is_on(self) -> bool:
        """Whether it is left alone now."""
        return time.monotonic() < self._until_s
