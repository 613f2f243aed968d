"""Claiming a time beside something that one has, or gave up: the way that cannot end in a deadlock (ADR 5)."""

from collections.abc import Mapping
from datetime import datetime
from typing import cast

from sqlalchemy import ColumnElement, and_, exists, literal, or_, select
from sqlalchemy.dialects.postgresql import Insert, insert

from clinic_portal.booking.models import Appointment
from clinic_portal.booking.queries.rota import LONGEST_BUFFER, LONGEST_VISIT
from clinic_portal.booking.rules import LIVE_STATES, Stretch

#: What a row has that nothing was said about.
DEFAULTS: Mapping[str, object] = {"any_practitioner": False, "any_facility": False, "patient_note": ""}


def look_and_claim(values: Mapping[str, object]) -> Insert:
    """Return the INSERT of a live row, which inserts nothing when somebody else is seen to have the time.

    As every claim it waits for a rival who has not committed. But one who is just giving the time up is still seen to
    have it, and not waited for: they may be waiting for what this transaction has. `values` has every column that
    is not empty by itself.
    """
    columns, row = Appointment.__table__.c, {**DEFAULTS, **values}
    chosen = [literal(value, columns[name].type) for name, value in row.items()]
    return insert(Appointment).from_select(
        list(row), select(*chosen).where(~_seen_taken(row)), include_defaults=False
    ).on_conflict_do_nothing()  # fmt: skip


def _seen_taken(row: Mapping[str, object]) -> ColumnElement[bool]:
    """What the exclusion constraints say of practitioner and room, as far as others have committed it."""
    busy = Stretch(cast("datetime", row["busy_from"]), cast("datetime", row["busy_until"]))
    whose: ColumnElement[bool] = Appointment.practitioner_id == row["practitioner_id"]
    if row["room_id"] is not None:
        room = and_(Appointment.facility_id == row["facility_id"], Appointment.room_id == row["room_id"])
        whose = or_(whose, room)
    return exists().where(
        whose,
        Appointment.state.in_(LIVE_STATES),
        Appointment.busy_from < busy.end,
        Appointment.busy_until > busy.start,
        # The same once more, as the indexes know it.
        Appointment.starts_at > busy.start - LONGEST_VISIT,
        Appointment.starts_at < busy.end + LONGEST_BUFFER,
    )
