"""Who waits in vain: for what is no longer given, or not by whom, where, how or on which days they asked for it."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from clinic_portal.booking.models import WaitingEntry
from clinic_portal.booking.queries.waiting import entry_facts
from clinic_portal.booking.rules import Asked, EntryState, Given, GivenHours, Unserved, judge_served
from clinic_portal.core.ids import EntryId, ServiceId
from clinic_portal.core.modes import Mode
from clinic_portal.facilities.queries import all_services
from clinic_portal.practitioners.queries import hours_between, who_gives


def changed_entries(db: Session, *, now: datetime) -> Sequence[EntryId]:
    """Return whoever waits in vain and is not known to, or no longer does: in four statements."""
    waiting = select(WaitingEntry).where(WaitingEntry.state == EntryState.WAITING).order_by(WaitingEntry.id)
    rows = db.scalars(waiting.execution_options(populate_existing=True)).all()
    if not rows:
        return []
    given = _given(db, now=now)
    return [EntryId(row.id) for row in rows if _judge(row, given, now=now) is not row.unserved]


def judge_now(db: Session, row: WaitingEntry, *, now: datetime) -> Unserved | None:
    """Return why nothing can be offered to an entry; None when something can."""
    return _judge(row, _given(db, now=now), now=now)


def judge_wish(db: Session, service_id: ServiceId, asked: Asked, *, has_visit: bool, now: datetime) -> Unserved | None:
    """Say the same of who does not wait yet."""
    return judge_served(asked, _given(db, now=now)[service_id], has_visit=has_visit, today=now.date())


def _judge(row: WaitingEntry, given: Mapping[ServiceId, Given], *, now: datetime) -> Unserved | None:
    entry = entry_facts(row)
    has_visit = entry.appointment_id is not None
    return judge_served(entry.asked, given[entry.service_id], has_visit=has_visit, today=now.date())


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
    hours = [
        GivenHours(
            one.practitioner_id, one.facility_id, one.mode, one.weekday, one.starts_minute, one.ends_minute,
            one.valid_from, one.valid_until,
        )
        for one in hours_between(db, None, from_day=now.date(), to_day=date.max)
    ]  # fmt: skip
    gives = who_gives(db)
    return {
        one.id: Given(
            one.is_bookable, one.rules.modes, one.minutes,
            [of for of in hours if of.practitioner_id in gives.get(one.id, ())],
        )
        for one in all_services(db)
    }  # fmt: skip
