"""Staff take a patient off the waiting list who says so by phone or at the desk."""

from sqlalchemy.orm import Session

from clinic_portal.booking.queries.desk_waiting import entry_at_desk
from clinic_portal.booking.queries.waiting import lock_entry
from clinic_portal.booking.rules import EntryEnd, EntryState
from clinic_portal.booking.steps.waiting import end_entry, tell_of_entry
from clinic_portal.core.actor import Actor
from clinic_portal.core.audit import record
from clinic_portal.core.clock import Clock
from clinic_portal.core.db import transaction
from clinic_portal.core.errors import NotFound
from clinic_portal.core.ids import EntryId, FacilityId


def leave_by_phone(db: Session, clock: Clock, *, entry_id: EntryId, facility_id: FacilityId, actor: Actor) -> None:
    """Take a patient off the list and tell them; a time that is offered to them goes to the next.

    Repeating it changes nothing.
    Raises: NotFound (no such entry in the list of a facility of the actor's, nor one that looks at an offer of its times).
    """
    with transaction(db):
        view = entry_at_desk(db, clock, entry_id, facility_id=facility_id, actor=actor)
        if not (view.is_here or view.open_offer(facility_id, now=clock.now())):
            raise NotFound
        entry = lock_entry(db, entry_id)
        if entry is not None and entry.state is EntryState.WAITING:
            end_entry(db, clock, entry, EntryEnd.PATIENT)
            tell_of_entry(db, clock, entry_id, "waiting_left")
            record(
                db, clock, actor=actor, action="waiting.left_by_staff", subject_kind="waiting_entry", subject_id=entry.id
            )  # fmt: skip
