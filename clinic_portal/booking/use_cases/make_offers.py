"""Offer a time that came free to those who wait for one."""

from collections.abc import Sequence
from datetime import timedelta
from functools import cached_property

from sqlalchemy.orm import Session

from clinic_portal.booking.models import FreedTime, WaitingEntry
from clinic_portal.booking.queries.desk_hours import desk_hours
from clinic_portal.booking.queries.phoning import hears_of_offers
from clinic_portal.booking.queries.reminders import quiet_hours
from clinic_portal.booking.queries.waiting import (
    candidates,
    entry_over,
    first_come_times,
    is_undecided,
    lock_entry,
    lock_freed,
    lock_open_offer,
    waiting_rules,
)
from clinic_portal.booking.rules import MANY_AT_ONCE, EntryState, OfferMode, Stretch, WaitingRules, is_quiet, open_from
from clinic_portal.booking.steps.waiting import Telling, Told, end_entry, find_time, make_offer, note_freed_room
from clinic_portal.core.clock import Clock
from clinic_portal.core.db import transaction
from clinic_portal.core.ids import EntryId, FacilityId, FreedTimeId
from clinic_portal.facilities.queries import FacilityFacts, facility_by_id


def make_offers(db: Session, clock: Clock, *, freed_time_id: FreedTimeId) -> int:
    """Offer some of a freed time to the next who fits, or to many when the first to come has it; return to how many.

    One at a time: a call offers one time, so call it until it returns 0 (a long stretch holds times for several). First
    come: of each time ten are told at most before somebody answers, and the times of a long stretch are shared out. When
    nothing of it is left to offer, or nobody to offer it to, the freed time is closed, and its room is looked at: a colleague
    who was free and had none may have a time now, which is noted as freed. Two callers at once take turns.
    Raises: Busy when somebody took the time meanwhile: the next call looks again.
    """
    with transaction(db):
        freed = lock_freed(db, freed_time_id)
        if freed is None:
            return 0
        facility_id = FacilityId(freed.facility_id)
        facility, rules = facility_by_id(db, facility_id), waiting_rules(db, facility_id)
        if freed.ends_at <= clock.now():
            freed.closed_at = clock.now()
            return 0
        if is_quiet(quiet_hours(db), clock.now(), facility.tz):
            return 0
        # Of a room alone nothing is offered: who works in it then is asked for below.
        made, is_wanted = (0, False) if freed.is_room_only else _offer(db, clock, freed, facility, rules)
        if not made and not is_wanted and not is_undecided(db, freed, now=clock.now()):
            freed.closed_at = clock.now()
            note_freed_room(db, clock, freed, tz=facility.tz)
        return made


def _offer(
    db: Session, clock: Clock, freed: FreedTime, facility: FacilityFacts, rules: WaitingRules
) -> tuple[int, bool]:
    """Return how many offers were made, and whether somebody may want it who cannot be asked just now."""
    made, is_wanted = 0, False
    most = 1 if rules.mode is OfferMode.ONE_AT_A_TIME else MANY_AT_ONCE
    offering = _Offering(db, clock, freed, facility, rules)
    for entry_id, looks_elsewhere in candidates(db, freed, tz=facility.tz):
        if looks_elsewhere:
            is_wanted = True
            continue
        outcome = offering.offer_to(entry_id)
        is_wanted = is_wanted or outcome is None
        made += bool(outcome)
        # A hold is the last row that a transaction may take: the next time is offered in the next one.
        if made >= most:
            break
    return made, is_wanted


class _Offering:
    """A freed time that is being offered to one after the other."""

    def __init__(
        self, db: Session, clock: Clock, freed: FreedTime, facility: FacilityFacts, rules: WaitingRules
    ) -> None:
        self._db, self._clock = db, clock
        self._freed, self._facility, self._rules = freed, facility, rules

    def offer_to(self, entry_id: EntryId) -> bool | None:
        """Return whether an offer was made; None when they have to be asked later.

        Somebody else is just changing this entry, its patient can only be phoned and the desk is closed, or enough others
        are told of what there is.
        """
        db, clock = self._db, self._clock
        entry = lock_entry(db, entry_id, skip_locked=True)
        if entry is None:
            return None
        if entry.state is not EntryState.WAITING:
            return False
        if lock_open_offer(db, entry_id) is not None:
            return None
        reason = entry_over(db, clock, entry)
        if reason is not None:
            end_entry(db, clock, entry, reason)
            return False
        return self._offer_time(entry)

    def _offer_time(self, entry: WaitingEntry) -> bool | None:
        """Return the same of somebody who waits, and looks at no other offer."""
        db, clock, telling = self._db, self._clock, self._telling(entry)
        if telling is None:
            return False
        told = Told(self._told)
        found = next(find_time(db, clock, entry, self._freed, self._facility, self._rules, telling, told), None)
        if found is None:
            return False
        if found.is_told_enough or telling.at > clock.now():
            return None
        make_offer(db, clock, entry, self._freed, found, mode=self._rules.mode)
        if self._rules.mode is OfferMode.FIRST_COME:
            length = timedelta(minutes=found.service.minutes)
            self._told.append(Stretch(found.starts_at, found.starts_at + length))
        return True

    def _telling(self, entry: WaitingEntry) -> Telling | None:
        """Return how and when this one can be told; None: nobody is at the desk any more before the time is over."""
        now = self._clock.now()
        if hears_of_offers(self._db, entry, today=now.date()):
            return Telling(now)
        opens = open_from(self._desk, now)
        return None if opens is None else Telling(opens, self._desk)

    @cached_property
    def _told(self) -> list[Stretch]:
        is_first_come = self._rules.mode is OfferMode.FIRST_COME
        return list(first_come_times(self._db, self._freed)) if is_first_come else []

    @cached_property
    def _desk(self) -> Sequence[Stretch]:
        return desk_hours(self._db, self._facility, now=self._clock.now(), until=self._freed.ends_at)
