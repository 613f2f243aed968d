"""Whose place on the waiting list is over: looked for among everybody at once, every minute."""

from collections.abc import Sequence

from sqlalchemy import and_, exists, or_, select
from sqlalchemy.orm import Session

from clinic_portal.accounts.queries import closed_accounts
from clinic_portal.booking.models import Appointment, WaitingEntry
from clinic_portal.booking.queries.waiting import COMING_STATES, ONE_DAY, found_alone
from clinic_portal.booking.rules import EntryState
from clinic_portal.core.clock import Clock
from clinic_portal.core.ids import AccountId, EntryId, PatientId
from clinic_portal.dependents.queries import accounts_for


def over_entries(db: Session, clock: Clock) -> Sequence[EntryId]:
    """Return the places on the list to which nothing may be offered any more, as `entry_over` says: in three statements."""
    now = clock.now()
    coming = exists().where(
        Appointment.id == WaitingEntry.appointment_id, Appointment.state.in_(COMING_STATES), Appointment.starts_at > now
    )
    found = and_(WaitingEntry.appointment_id.is_(None), exists().where(found_alone(WaitingEntry, now)))
    is_over = or_(
        WaitingEntry.until_day < now.date() - ONE_DAY, and_(WaitingEntry.appointment_id.is_not(None), ~coming), found
    )
    waiting = WaitingEntry.state == EntryState.WAITING
    rows = db.execute(
        select(WaitingEntry.id, WaitingEntry.patient_id, WaitingEntry.account_id, is_over).where(waiting)
    ).all()  # fmt: skip
    asked = {(PatientId(patient_id), AccountId(account_id)) for _, patient_id, account_id, _ in rows if account_id}
    acting = accounts_for(db, {patient_id for patient_id, _ in asked}, today=now.date())
    closed = closed_accounts(db, {account_id for _, account_id in asked})
    may = {(patient_id, one) for patient_id, accounts in acting.items() for one in accounts if one not in closed}
    return [
        EntryId(id_)
        for id_, patient_id, account_id, over in rows
        if over or (account_id is not None and (PatientId(patient_id), AccountId(account_id)) not in may)
    ]
