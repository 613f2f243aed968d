"""Change on which days a facility is open."""

from sqlalchemy.orm import Session

from clinic_portal.booking.queries.work import Scope
from clinic_portal.booking.rules import ClinicReason
from clinic_portal.booking.steps.stranding import Answers, Edit, Settled, change_with_visits
from clinic_portal.core.actor import Actor
from clinic_portal.core.clock import Clock
from clinic_portal.core.db import transaction
from clinic_portal.facilities import steps as facilities
from clinic_portal.facilities.steps import FacilityChange, KeepHolidays


def change_opening(db: Session, clock: Clock, *, change: FacilityChange, answers: Answers, actor: Actor) -> Settled:
    """Close or open days, and do what was chosen for each visit that this leaves on a closed day.

    Asking without answers shows what would be left: nothing is changed as long as a visit is not answered for. Times of a
    day that opens are noted for those who wait.
    Raises: VisitsStranded; NotFound; Forbidden (no administrator).
    """
    with transaction(db):
        facilities.lock_facility(db, change.facility_id, actor=actor)
        day = None if isinstance(change, KeepHolidays) else change.day
        edit = Edit(
            scope=Scope(facility_id=change.facility_id, day=day),
            make=lambda: facilities.change_days(db, clock, change, actor=actor),
            reason=ClinicReason.CLOSED,
        )
        return change_with_visits(db, clock, edit=edit, answers=answers, actor=actor)
