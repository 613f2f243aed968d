"""Choose what the waiting room shows."""

from sqlalchemy.orm import Session

from clinic_portal.core import audit
from clinic_portal.core.actor import Actor
from clinic_portal.core.clock import Clock
from clinic_portal.core.db import transaction
from clinic_portal.core.ids import PatientId
from clinic_portal.dependents.queries import person_to_book_for
from clinic_portal.patients.rules import DisplayChoice
from clinic_portal.patients.steps import set_display_choice


def choose_display_name(
    db: Session, clock: Clock, *, actor: Actor, patient_id: PatientId, choice: DisplayChoice
) -> None:
    """Set how the waiting room's screen calls a patient for whom the actor may book.

    Raises: NotFound (no such, or none of the actor's); Forbidden.
    """
    with transaction(db):
        person = person_to_book_for(db, clock, patient_id, actor=actor)
        set_display_choice(db, person.patient_id, choice=choice)
        audit.record(
            db,
            clock,
            actor=actor,
            action="patient.display_name_chosen",
            subject_kind="patient",
            subject_id=person.patient_id,
            choice=choice.value,
        )
