"""Background work of booking."""

import logging
from collections.abc import Callable, Sequence
from typing import TypeVar
from uuid import UUID

from sqlalchemy.exc import SQLAlchemyError

from clinic_portal.booking.queries.over import over_entries
from clinic_portal.booking.queries.phoning import unheard_offers
from clinic_portal.booking.queries.unserved import changed_entries
from clinic_portal.booking.queries.waiting import open_freed_times, open_offers
from clinic_portal.booking.use_cases.end_entries import end_entries
from clinic_portal.booking.use_cases.end_expired_holds import BATCH, end_expired_holds
from clinic_portal.booking.use_cases.end_offers import end_offers
from clinic_portal.booking.use_cases.give_desk_time import give_desk_time
from clinic_portal.booking.use_cases.make_offers import make_offers
from clinic_portal.booking.use_cases.note_unserved import note_unserved
from clinic_portal.booking.use_cases.replan_reminders import replan_reminders as replan
from clinic_portal.core.db import end_read
from clinic_portal.core.errors import Busy, DomainError
from clinic_portal.core.ids import FreedTimeId
from clinic_portal.core.jobs import Job, open_job

log = logging.getLogger(__name__)

Id = TypeVar("Id", bound=UUID)


def sweep_holds() -> None:
    """Give back every time whose hold ran out. Called every minute; safe to run twice at once."""
    with open_job() as job:
        ended = BATCH
        while ended == BATCH:
            ended = end_expired_holds(job.db, job.clock)
            if ended:
                log.info("holds_expired", extra={"count": ended})


def replan_reminders() -> None:
    """Plan the reminders of all visits to come anew: nudged when the clinic's plans change."""
    with open_job() as job:
        log.info("reminders_replanned", extra={"count": replan(job.db, job.clock)})


def plan_missing_reminders() -> None:
    """Plan the reminders of visits that have none: booked before there were any, or taken over from another system.

    Called every ten minutes; safe to run twice at once.
    """
    with open_job() as job:
        count = replan(job.db, job.clock, missing_only=True)
        if count:
            log.info("missing_reminders_planned", extra={"count": count})


def offer_freed_time(freed_time_id: str) -> None:
    """Offer a time that came free to the next who waits. Safe to run twice at once; the sweep repairs what was lost."""
    with open_job() as job:
        _offer(job, FreedTimeId(UUID(freed_time_id)))


def sweep_waiting_list() -> None:
    """End what is over, offer what is free, and note who waits in vain. Called every minute; safe to run twice at once."""
    with open_job() as job:
        offers, entries = open_offers(job.db), over_entries(job.db, job.clock)
        unheard = unheard_offers(job.db, now=job.clock.now())
        counts = {
            "unheard_offers_changed": _each(job, unheard, lambda one: give_desk_time(job.db, job.clock, offer_id=one)),
            "offers_ended": _each(job, offers, lambda one: end_offers(job.db, job.clock, offer_id=one)),
            "entries_ended": _each(job, entries, lambda one: end_entries(job.db, job.clock, entry_id=one)),
            "offers_made": _each(job, open_freed_times(job.db), lambda one: _offer(job, one)),
        }
        changed = changed_entries(job.db, now=job.clock.now())
        counts["unserved_noted"] = _each(job, changed, lambda one: note_unserved(job.db, job.clock, entry_id=one))
        if any(counts.values()):
            log.info("waiting_list_swept", extra=counts)


def _each(job: Job, ids: Sequence[Id], do: Callable[[Id], int]) -> int:
    """Do it for each, and return how much was done. What is broken, or locked for long, keeps nothing from the others."""
    end_read(job.db)
    done = 0
    for one in ids:
        try:
            done += do(one)
        except (DomainError, SQLAlchemyError):
            log.exception("waiting_list_item_failed", extra={"id": str(one)})  # The next sweep comes in a minute.
    return done


def _offer(job: Job, freed_time_id: FreedTimeId) -> int:
    made = 0
    try:
        while make_offers(job.db, job.clock, freed_time_id=freed_time_id):
            made += 1
    except Busy:
        log.info("freed_time_busy", extra={"freed_time_id": str(freed_time_id)})  # The next sweep comes in a minute.
    return made
