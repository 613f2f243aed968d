"""What happens to patients inside somebody's transaction."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from clinic_portal.core.errors import NotFound
from clinic_portal.core.ids import PatientId
from clinic_portal.patients.models import Patient


def lock_patient(db: Session, patient_id: PatientId) -> None:
    """Lock the patient until the end of the transaction: whoever gives a patient a time does this first.

    The lock lets foreign keys to the patient through, so history and tickets are written beside it. Raises: NotFound.
    """
    found = db.scalar(select(Patient.id).where(Patient.id == patient_id).with_for_update(key_share=True))
    if found is None:
        raise NotFound
