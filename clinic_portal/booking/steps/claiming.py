"""Claiming a time beside something that one has, or gave up: the way that cannot end in a deadlock (ADR 5)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, cast

from sqlalchemy import ColumnElement, Table, and_, exists, literal, or_, select, type_coerce
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session
from sqlalchemy.sql.dml import ReturningInsert

from clinic_portal.booking.models import Appointment
from clinic_portal.booking.queries.rota import LONGEST_BUFFER, LONGEST_VISIT
from clinic_portal.booking.rules import LIVE_STATES
from clinic_portal.core.statements import built_once, read_objects

_APPOINTMENTS = cast("Table", Appointment.__table__)

#: What a row has that nothing was said about.
DEFAULTS: Mapping[str, object] = {"any_practitioner": False, "any_facility": False, "patient_note": ""}


def look_and_claim(db: Session, values: Mapping[str, object]) -> Appointment | None:
    """Insert a live row, unless somebody else is seen to have the time; return it.

    As every claim it waits for a rival who has not committed. But one who is just giving the time up is still seen to
    have it, and not waited for: they may be waiting for what this transaction has. `values` has every column that
    is not empty by itself.
    """
    row: dict[str, Any] = {**DEFAULTS, **values}
    # The same once more, as the indexes know it.
    after, before = row["busy_from"] - LONGEST_VISIT, row["busy_until"] + LONGEST_BUFFER
    found = read_objects(db, Appointment, *_claimed(starts_after=after, starts_before=before, **row))
    return found[0] if found else None


@built_once
def _claimed(*, starts_after: datetime, starts_before: datetime, **row: object) -> ReturningInsert[*tuple[Any, ...]]:
    chosen = [
        literal(None, _APPOINTMENTS.c[name].type) if value is None else type_coerce(value, _APPOINTMENTS.c[name].type)
        for name, value in row.items()
    ]
    free = ~_seen_taken(row, starts_after, starts_before)
    claim = insert(_APPOINTMENTS).from_select(list(row), select(*chosen).where(free), include_defaults=False)
    return claim.on_conflict_do_nothing().returning(*_APPOINTMENTS.c)


def _seen_taken(row: Mapping[str, Any], starts_after: datetime, starts_before: datetime) -> ColumnElement[bool]:
    """What the exclusion constraints say of practitioner and room, as far as others have committed it."""
    whose: ColumnElement[bool] = Appointment.practitioner_id == row["practitioner_id"]
    if row["room_id"] is not None:
        room = and_(Appointment.facility_id == row["facility_id"], Appointment.room_id == row["room_id"])
        whose = or_(whose, room)
    return exists().where(
        whose,
        Appointment.state.in_(LIVE_STATES),
        Appointment.busy_from < row["busy_until"],
        Appointment.busy_until > row["busy_from"],
        Appointment.starts_at > starts_after,
        Appointment.starts_at < starts_before,
    )
