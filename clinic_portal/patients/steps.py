"""What happens to patients inside somebody's transaction."""

from datetime import date

from sqlalchemy import select
from sqlalchemy.orm import Session

from clinic_portal.core.clock import Clock
from clinic_portal.core.errors import NotFound
from clinic_portal.core.ids import PatientId, new_id
from clinic_portal.patients.models import Patient
from clinic_portal.patients.rules import DisplayChoice


def lock_patient(db: Session, patient_id: PatientId) -> None:
    """Lock the patient until the end of the transaction: whoever gives a patient a time does this first.

    The lock lets foreign keys to the patient through, so history and tickets are written beside it. Raises: NotFound.
    """
    found = db.scalar(select(Patient.id).where(Patient.id == patient_id).with_for_update(key_share=True))
    if found is None:
        raise NotFound


def create_patient(  # noqa: PLR0913 - a person has that many sides
    db: Session,
    clock: Clock,
    *,
    given_name: str,
    family_name: str,
    birth_date: date,
    phone: str | None,
    email: str | None,
    language: str,
    namesake: int | None = None,
) -> PatientId:
    """Add somebody who is treated. The waiting room shows the first name and an initial until they choose otherwise.

    Whom staff write down have a number among those with their name and birth date (`queries.SamePeople.next`).
    Raises: Conflict "patient.known" at the transaction's end, when somebody with that number was added meanwhile.
    """
    patient = Patient(
        id=new_id(),
        given_name=given_name,
        family_name=family_name,
        birth_date=birth_date,
        phone=phone,
        email=email,
        language=language,
        created_at=clock.now(),
        namesake=namesake,
    )
    db.add(patient)
    db.flush()
    return PatientId(patient.id)


def set_contact(db: Session, patient_id: PatientId, *, phone: str | None, language: str) -> None:
    """Set where the patient is reached and in which language. Raises: NotFound."""
    patient = _locked(db, patient_id)
    patient.phone = phone
    patient.language = language


def set_display_choice(db: Session, patient_id: PatientId, *, choice: DisplayChoice) -> None:
    """Set what the waiting room's screen shows of the patient. Raises: NotFound."""
    _locked(db, patient_id).display_choice = choice


def _locked(db: Session, patient_id: PatientId) -> Patient:
    lock_patient(db, patient_id)
    return db.scalars(select(Patient).where(Patient.id == patient_id).execution_options(populate_existing=True)).one()
