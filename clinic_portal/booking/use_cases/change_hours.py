"""Change when a practitioner works."""

from sqlalchemy.orm import Session

from clinic_portal.booking.queries.work import Scope
from clinic_portal.booking.rules import ClinicReason
from clinic_portal.booking.steps.stranding import Answers, Edit, Settled, change_with_visits
from clinic_portal.core.actor import Actor
from clinic_portal.core.clock import Clock
from clinic_portal.core.db import transaction
from clinic_portal.facilities import steps as facilities
from clinic_portal.practitioners import steps as practitioners
from clinic_portal.practitioners.steps import PractitionerChange


def change_hours(db: Session, clock: Clock, *, change: PractitionerChange, answers: Answers, actor: Actor) -> Settled:
    """Change weekly hours, extra hours or absences, and do what was chosen for each visit that this leaves outside.

    Asking without answers shows what would be left: nothing is changed as long as a visit is not answered for. Times that
    come free are noted for those who wait.
    Raises: VisitsStranded; NotFound (no such, or a colleague's); Forbidden; Conflict "weekly_hours.overlap",
    "weekly_hours.room_taken".
    """
    with transaction(db):
        facilities.keep_days(db)
        practitioners.lock_practitioner(db, change.practitioner_id, actor=actor)
        edit = Edit(
            scope=Scope(practitioner_id=change.practitioner_id),
            make=lambda: practitioners.change_hours(db, clock, change, actor=actor),
            reason=ClinicReason.PRACTITIONER_AWAY,
        )
        return change_with_visits(db, clock, edit=edit, answers=answers, actor=actor)
