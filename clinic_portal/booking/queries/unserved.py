"""Who waits in vain: for what is no longer given, or not by whom, where or how they asked for it."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from clinic_portal.booking.models import WaitingEntry
from clinic_portal.booking.queries.waiting import entry_facts
from clinic_portal.booking.rules import EntryState, Given, Unserved, judge_served
from clinic_portal.core.ids import EntryId, ServiceId
from clinic_portal.core.modes import Mode
from clinic_portal.facilities.queries import all_services
from clinic_portal.practitioners.queries import given_places


def changed_entries(db: Session, *, now: datetime) -> Sequence[EntryId]:
    """Return whoever waits in vain and is not known to, or no longer does: in three statements."""
    waiting = select(WaitingEntry).where(WaitingEntry.state == EntryState.WAITING).order_by(WaitingEntry.id)
    rows = db.scalars(waiting.execution_options(populate_existing=True)).all()
    if not rows:
        return []
    given = _given(db, now=now)
    return [EntryId(row.id) for row in rows if judge_entry(row, given) is not row.unserved]


def judge_now(db: Session, row: WaitingEntry, *, now: datetime) -> Unserved | None:
    """Return why nothing can be offered to an entry; None when something can."""
    return judge_entry(row, _given(db, now=now))


def judge_entry(row: WaitingEntry, given: Mapping[ServiceId, Given]) -> Unserved | None:
    """Say the same, knowing what is given."""
    entry = entry_facts(row)
    return judge_served(entry.asked, given[entry.service_id], has_visit=entry.appointment_id is not None)


def waiting_by_mode(db: Session, service_id: ServiceId) -> Mapping[Mode, int]:
    """Return how many wait for a first visit of a service, by how they want to meet. For staff."""
    rows = db.scalars(
        select(WaitingEntry.mode).where(
            WaitingEntry.service_id == service_id,
            WaitingEntry.state == EntryState.WAITING,
            WaitingEntry.appointment_id.is_(None),
        )
    )
    return Counter(rows)


def _given(db: Session, *, now: datetime) -> Mapping[ServiceId, Given]:
    places = defaultdict[ServiceId, set[tuple[UUID, UUID, Mode]]](set)
    for service_id, who, where, mode in given_places(db, from_day=now.date()):
        places[service_id].add((who, where, mode))
    return {
        one.id: Given(one.is_bookable, one.rules.modes, frozenset(places[one.id])) for one in all_services(db)
    }  # fmt: skip
