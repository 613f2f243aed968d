"""Staff write down somebody new."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date

from sqlalchemy.orm import Session

from clinic_portal.core.actor import Actor
from clinic_portal.core.audit import record
from clinic_portal.core.clock import Clock
from clinic_portal.core.db import transaction
from clinic_portal.core.errors import Conflict, Forbidden
from clinic_portal.core.ids import PatientId
from clinic_portal.patients.queries import same_people
from clinic_portal.patients.steps import create_patient


@dataclass(frozen=True)
class NewPatient:
    """Who somebody is, as they say on the phone. `phone` is E.164."""

    given_name: str
    family_name: str
    birth_date: date
    phone: str
    language: str


def add_patient(
    db: Session, clock: Clock, *, new: NewPatient, actor: Actor, others: Collection[PatientId] = ()
) -> PatientId:  # fmt: skip
    """Add a patient without an account; messages go to the number that they gave.

    `others`: those with the same name and birth date of whom staff say that the new one is none. Pressed twice, or at two
    desks at once, the database lets one through.
    Raises: Forbidden (not staff); Conflict "patient.known" when somebody else has this name and birth date.
    """
    if not actor.is_staff:
        raise Forbidden
    with transaction(db):
        same = same_people(db, given_name=new.given_name, family_name=new.family_name, birth_date=new.birth_date)
        if not set(same.ids) <= set(others):
            raise Conflict("patient.known")
        patient_id = create_patient(
            db, clock, given_name=new.given_name, family_name=new.family_name, birth_date=new.birth_date,
            phone=new.phone, email=None, language=new.language, namesake=same.next,
        )  # fmt: skip
        record(
            db, clock, actor=actor, action="patient.added", subject_kind="patient", subject_id=patient_id,
            namesakes=str(len(same.ids)),
        )  # fmt: skip
        return patient_id
