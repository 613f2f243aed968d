"""Answers kept in Valkey for as long as what they are about has not changed. Losing all of them costs only time.

A version is kept for each subject, and for parts of it (some hours, say), so that what depends on a few of them outlives
a change of the others. What is computed is stored beside the version that was read before the computing began, and is
served only while that version is still the subject's. After a change there is a new version.
Should that be lost with the process or with Valkey, an answer lives `KEEP_FOR_S` longer: whoever acts on one
therefore has it judged again by the database.
"""

import hashlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass

from redis.exceptions import RedisError
from sqlalchemy.orm import Session

from clinic_portal.core.db import after_commit
from clinic_portal.core.ids import new_id
from clinic_portal.core.valkey import Pause, impatient_client

log = logging.getLogger(__name__)

SESSION_KEY = "cache"

#: A subject: the free times of the whole clinic, because facilities share practitioners. Appointments, hours, closed days
#: and the rules of services change them.
FREE_TIMES = "free-times"

KEEP_FOR_S = 60
#: A version of which nothing is heard for a day is forgotten: by then every answer of that time is gone.
KEEP_VERSION_S = 86_400

#: Instead of a part: what every change renews, and what a change of no part in particular renews.
ANY_PART, NO_PART = "*", ""

_SEPARATOR = "\n"


@dataclass(frozen=True)
class Answer:
    """What is kept under a key: `text` None when nothing is. A newly computed answer is stored with one of the versions."""

    #: Of the whole subject: every change renews it.
    version: str | None
    text: str | None
    #: Of the parts that were named: only changes of these, or of no part in particular, renew it.
    parts_version: str | None = None


NOTHING = Answer(None, None)


class VersionedCache:
    """Keeps texts by subject and key. Never raises: without Valkey there is simply nothing in it."""

    def __init__(self, redis_url: str, *, is_on: bool) -> None:
        """Connect lazily. `is_on` False: remembers nothing."""
        self._redis = impatient_client(redis_url, decode_responses=True)
        self._is_on = is_on
        self._pause = Pause()

    def get(self, subject: str, key: str, *, parts: Sequence[str] = ()) -> Answer:
        """Return what is kept, in one round trip. `parts` are those of the subject on which it may depend."""
        if not self._may_ask():
            return NOTHING
        names = [_version_name(subject, part) for part in (ANY_PART, NO_PART, *parts)]
        try:
            *versions, kept = self._redis.mget([*names, _name(subject, key)])
        except RedisError as error:
            self._failed(error)
            return NOTHING
        whole, *others = [str(version or 0) for version in versions]
        of_parts = "/".join(others) if parts else None
        stored, _, text = str(kept or "").partition(_SEPARATOR)
        return Answer(whole, text if kept and stored in (whole, of_parts) else None, of_parts)

    def put(self, subject: str, key: str, answer: Answer, text: str, *, of_parts: bool = False) -> None:
        """Keep a text that was computed after `answer` was read. `of_parts`: it depends on the named parts alone."""
        version = answer.parts_version if of_parts else answer.version
        if version is None or not self._may_ask():
            return
        try:
            self._redis.set(_name(subject, key), version + _SEPARATOR + text, ex=KEEP_FOR_S)
        except RedisError as error:
            self._failed(error)

    def changed(self, subject: str, *parts: str) -> None:
        """Forget what is kept about a subject; with parts, only what depends on one of these or on all of it."""
        if not self._may_ask():
            return
        try:
            with self._redis.pipeline(transaction=False) as pipe:
                for part in (ANY_PART, *(parts or (NO_PART,))):
                    pipe.set(_version_name(subject, part), new_id().hex, ex=KEEP_VERSION_S)
                pipe.execute()
        except RedisError as error:
            self._failed(error)

    def _may_ask(self) -> bool:
        return self._is_on and not self._pause.is_on

    def _failed(self, error: RedisError) -> None:
        self._pause.begin()
        log.warning("cache_failed", extra={"error": type(error).__name__})


def forget_after_commit(db: Session, subject: str, *parts: str) -> None:
    """Forget what is kept about a subject, or about parts of it, once the running transaction is committed.

    Once, however often it is asked.
    """
    cache: VersionedCache = db.info[SESSION_KEY]
    after_commit(db, lambda: cache.changed(subject, *parts), key=_version_name(subject, "/".join(parts)))


def cache_of(db: Session) -> VersionedCache:
    """Return the cache that the session carries."""
    cache: VersionedCache = db.info[SESSION_KEY]
    return cache


def _version_name(subject: str, part: str) -> str:
    return f"cache:{subject}:version:{part}"


def _name(subject: str, key: str) -> str:
    return f"cache:{subject}:{hashlib.sha256(key.encode()).hexdigest()}"
