"""Have SMS go to a phone again that answered STOP."""

from sqlalchemy.orm import Session

from clinic_portal.accounts.queries import get_account
from clinic_portal.core import audit
from clinic_portal.core.actor import Actor
from clinic_portal.core.clock import Clock
from clinic_portal.core.db import transaction
from clinic_portal.core.errors import Conflict, NotFound
from clinic_portal.core.ids import PatientId
from clinic_portal.core.jobs import nudge_after_commit
from clinic_portal.notifications.queries import lock_stop
from clinic_portal.notifications.rules import opt_in_from
from clinic_portal.patients.queries import patients_for_staff

OPT_IN = "clinic_portal.notifications.jobs.opt_in_numbers"


def ask_for_sms_again(db: Session, clock: Clock, *, actor: Actor, patient_id: PatientId | None = None) -> None:
    """Note that the actor wants SMS on their confirmed phone again; for staff, that this patient of theirs asked for it.

    A worker tells the vendor at once. Repeating the call, or asking for a phone to which SMS go, changes nothing.
    Raises: NotFound (no phone); Forbidden (a patient is named by who is not staff); Conflict "sms.opt_in_too_soon".
    """
    with transaction(db):
        number = _number(db, actor, patient_id)
        row = lock_stop(db, number)
        if row is None or row.ended_at is not None or row.asked_at is not None:
            return
        now = clock.now()
        if opt_in_from(row.opted_in_at, now=now) is not None:
            raise Conflict("sms.opt_in_too_soon")
        row.asked_at, row.error_code = now, None
        audit.record(
            db,
            clock,
            actor=actor,
            action="sms.asked_again",
            subject_kind="patient" if patient_id else "account",
            subject_id=patient_id or actor.account_id,
        )
        nudge_after_commit(db, "notify", OPT_IN)


def _number(db: Session, actor: Actor, patient_id: PatientId | None) -> str:
    if patient_id is None:
        number = get_account(db, actor.account_id).confirmed_phone
    else:
        known = patients_for_staff(db, [patient_id], actor=actor).get(patient_id)
        number = known.phone if known else None
    if number is None:
        raise NotFound
    return number
