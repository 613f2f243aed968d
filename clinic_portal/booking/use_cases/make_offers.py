"""Offer a time that came free to those who wait for one."""

from sqlalchemy.orm import Session

from clinic_portal.booking.models import FreedTime
from clinic_portal.booking.queries.reminders import quiet_hours
from clinic_portal.booking.queries.waiting import (
    candidates,
    entry_over,
    is_undecided,
    lock_entry,
    lock_freed,
    lock_open_offer,
    waiting_rules,
)
from clinic_portal.booking.rules import MANY_AT_ONCE, EntryState, OfferMode, WaitingRules, is_quiet
from clinic_portal.booking.steps.waiting import end_entry, find_time, make_offer, note_freed_room
from clinic_portal.core.clock import Clock
from clinic_portal.core.db import transaction
from clinic_portal.core.ids import EntryId, FacilityId, FreedTimeId
from clinic_portal.facilities.queries import FacilityFacts, facility_by_id


def make_offers(db: Session, clock: Clock, *, freed_time_id: FreedTimeId) -> int:
    """Offer some of a freed time to the next who fits, or to many when the first to come has it; return to how many.

    One at a time: a call offers one time, so call it until it returns 0 (a long stretch holds times for several). When
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
        made, is_deciding = _offer(db, clock, freed, facility, rules)
        if not made and not is_deciding and not is_undecided(db, freed, now=clock.now()):
            freed.closed_at = clock.now()
            note_freed_room(db, clock, freed, tz=facility.tz)
        return made


def _offer(
    db: Session, clock: Clock, freed: FreedTime, facility: FacilityFacts, rules: WaitingRules
) -> tuple[int, bool]:
    """Return how many offers were made, and whether somebody who may want it is still looking at another offer."""
    made, deciding = 0, False
    most = 1 if rules.mode is OfferMode.ONE_AT_A_TIME else MANY_AT_ONCE
    for entry_id, looks_elsewhere in candidates(db, freed, tz=facility.tz):
        if looks_elsewhere:
            deciding = True
            continue
        outcome = _offer_to(db, clock, entry_id, freed, facility, rules)
        deciding = deciding or outcome is None
        made += bool(outcome)
        # A hold is the last row that a transaction may take: the next time is offered in the next one.
        if made >= most:
            break
    return made, deciding


def _offer_to(
    db: Session, clock: Clock, entry_id: EntryId, freed: FreedTime, facility: FacilityFacts, rules: WaitingRules
) -> bool | None:
    """Return whether an offer was made; None when somebody else is just changing this entry."""
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
    found = next(find_time(db, clock, entry, freed, facility, rules), None)
    if found is not None:
        make_offer(db, clock, entry, freed, found, mode=rules.mode)
    return found is not None
