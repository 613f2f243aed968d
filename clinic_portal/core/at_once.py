"""How many things somebody may have at the same time, counted in Valkey. Without Valkey nobody is refused."""

import logging
from dataclasses import dataclass
from datetime import datetime

from redis.exceptions import RedisError

from clinic_portal.core.valkey import Pause, impatient_client

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Place:
    """Whether there was room for one more, and whether it was there already."""

    is_free: bool
    is_new: bool


class AtOnce:
    """Counts what is live in a group, each for as long as it lasts. Never raises."""

    def __init__(self, redis_url: str) -> None:
        """Connect lazily."""
        self._redis = impatient_client(redis_url)
        self._pause = Pause()

    def enter(self, group: str, member: str, *, limit: int, now: datetime, until: datetime) -> Place:
        """Count the member until then, unless `limit` others are there. Who is there already stays, for longer."""
        if self._pause.is_on:
            return Place(is_free=True, is_new=False)
        name = _name(group)
        try:
            # One transaction: of those who come at the same time each sees all that came before.
            with self._redis.pipeline(transaction=True) as pipe:
                pipe.zremrangebyscore(name, "-inf", now.timestamp())
                pipe.zadd(name, {member: until.timestamp()})
                pipe.zcard(name)
                pipe.expireat(name, int(until.timestamp()) + 1)
                _, added, count, _ = pipe.execute()
            if added and count > limit:
                self._redis.zrem(name, member)
                return Place(is_free=False, is_new=True)
        except RedisError as error:
            self._failed(error)
            return Place(is_free=True, is_new=False)
        return Place(is_free=True, is_new=bool(added))

    def leave(self, group: str, member: str) -> None:
        """Count the member no longer."""
        if self._pause.is_on:
            return
        try:
            self._redis.zrem(_name(group), member)
        except RedisError as error:
            self._failed(error)

    def _failed(self, error: RedisError) -> None:
        self._pause.begin()
        log.warning("at_once_failed", extra={"error": type(error).__name__})


def _name(group: str) -> str:
    return f"at-once:{group}"
