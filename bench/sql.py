"""The bare transaction: the statements that a booking cannot do without, and nothing else."""

from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg

from bench.facts import VISIT
from clinic_portal.core.ids import new_id, spoken_code

Connection = psycopg.Connection[Any]

INSERT = """
    INSERT INTO appointment (id, reference, state, practitioner_id, service_id, facility_id, room_id, mode, patient_id,
        starts_at, ends_at, busy_from, busy_until, price_minor, currency, held_until, hold_key_hash, any_practitioner,
        patient_note,        booked_by_account_id, created_at, sequence)
    VALUES (%s, %s, 'proposed', %s, %s, %s, %s, 'in_person', %s, %s, %s, %s, %s, 3000, 'EUR', %s, %s, false, '', %s, %s, 0)
    ON CONFLICT DO NOTHING RETURNING id
"""
HISTORY = """
    INSERT INTO appointment_history (id, appointment_id, from_state, to_state, at, account_id, actor_name, patient_id, reason,
        starts_at, note)
    SELECT %s, id, %s, %s, %s, %s, 'bench', %s, %s, starts_at, '' FROM appointment WHERE id = %s
"""
UPDATE = """
    UPDATE appointment SET state = 'booked', held_until = NULL, booked_at = %s, booked_by_account_id = %s, patient_note = %s
    WHERE id = %s AND state = 'proposed' AND held_until > %s
"""
MESSAGE = """
    INSERT INTO message (id, kind, channel, subject_id, dedupe_key, state, created_at, due_at, attempts)
    VALUES (%s, 'appointment_booked', 'email', %s, %s, 'queued', %s, %s, 0),
           (%s, 'appointment_booked', 'sms', %s, %s, 'queued', %s, %s, 0)
    ON CONFLICT (dedupe_key) DO NOTHING RETURNING id
"""


def hold(  # noqa: PLR0913 - a row has that many columns
    db: Connection, facts: dict[str, str], *, practitioner: str, room: str, slot: str, patient: str, account: str
) -> str:
    """Two statements. Gives the appointment's id, or nothing when somebody was faster."""
    now, start = datetime.now(UTC), datetime.strptime(slot, "%Y-%m-%dT%H:%MZ").replace(tzinfo=UTC)  # noqa: TID251 - the baseline has no Clock
    id_ = new_id()
    row = db.execute(
        INSERT,
        [
            id_, spoken_code(8), practitioner, facts["service"], facts["facility"], room, patient, start, start + VISIT,
            start, start + VISIT,
            now + timedelta(minutes=10), spoken_code(20), account, now,
        ],
    ).fetchone()  # fmt: skip
    if row is None:
        return ""
    db.execute(HISTORY, [new_id(), None, "proposed", now, account, patient, "hold", id_])
    return str(id_)


def book(db: Connection, *, appointment: str, patient: str, account: str) -> None:
    """Three statements."""
    now = datetime.now(UTC)  # noqa: TID251 - the baseline has no Clock
    db.execute(UPDATE, [now, account, "", appointment, now])
    db.execute(HISTORY, [new_id(), "proposed", "booked", now, account, patient, "booked", appointment])
    mail, sms = (f"appointment_booked:{appointment}:{channel}:" for channel in ("email", "sms"))
    db.execute(MESSAGE, [new_id(), appointment, mail, now, now, new_id(), appointment, sms, now, now])
