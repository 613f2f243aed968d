"""Background work: the nudge after a commit, and what a job function finds when the worker runs it."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

from redis.exceptions import RedisError
from rq import Queue
from sqlalchemy.orm import Session

from clinic_portal.core.clock import Clock
from clinic_portal.core.db import after_commit
from clinic_portal.core.settings import Settings
from clinic_portal.core.valkey import Pause, impatient_client

log = logging.getLogger(__name__)

#: By urgency; a worker empties them in this order.
QUEUES = ("sos", "notify", "default")

SESSION_KEY = "nudger"


class Nudger(Protocol):
    """Tells a worker that there is something to do."""

    def nudge(self, queue: str, function: str, *args: str | int) -> None:
        """Ask for `function(*args)` soon. Never raises: a lost nudge is repaired by the sweeper."""


class RqNudger:
    """Nudges through RQ. The time limit is short, because a request waits for it."""

    def __init__(self, redis_url: str) -> None:
        """Connect lazily to Valkey or Redis."""
        self._redis = impatient_client(redis_url)
        self._pause = Pause()

    def nudge(self, queue: str, function: str, *args: str | int) -> None:
        """Enqueue the call; when the broker does not answer, log it and go on."""
        if self._pause.is_on:
            return
        try:
            with self._redis.pipeline(transaction=True) as pipe:  # Left alone, RQ asks twice.
                Queue(queue, connection=self._redis).enqueue(
                    function, *args, result_ttl=0, failure_ttl=86_400, pipeline=pipe
                )
                pipe.execute()
        except RedisError as error:
            self._pause.begin()
            log.warning("nudge_failed", extra={"queue": queue, "function": function, "error": type(error).__name__})


def nudge_after_commit(db: Session, queue: str, function: str, *args: str | int) -> None:
    """Have a job run soon after the running transaction is committed."""
    nudger: Nudger = db.info[SESSION_KEY]
    after_commit(db, lambda: nudger.nudge(queue, function, *args))


@dataclass(frozen=True)
class Job:
    """What a job function works with; the session is its own."""

    db: Session
    clock: Clock
    settings: Settings


@dataclass(frozen=True)
class JobRuntime:
    """What the worker made once at its start."""

    make_session: Callable[[], Session]
    clock: Clock
    settings: Settings


_runtime: JobRuntime | None = None


def start_runtime(runtime: JobRuntime) -> None:
    """Give this process what its jobs need. Called once by the worker (and by the tests)."""
    global _runtime  # noqa: PLW0603 - RQ calls plain functions by name, so what they need cannot be handed to them
    _runtime = runtime


@contextmanager
def open_job() -> Iterator[Job]:
    """Open a job's session and close it at the end. Raises: RuntimeError when no runtime was started."""
    if _runtime is None:
        raise RuntimeError("jobs run in a worker: `flask --app wsgi clinic worker`")
    db = _runtime.make_session()
    try:
        yield Job(db=db, clock=_runtime.clock, settings=_runtime.settings)
    finally:
        db.close()
