"""Say where a practitioner meets patients online."""

from sqlalchemy.orm import Session

from clinic_portal.core.actor import Actor
from clinic_portal.core.clock import Clock
from clinic_portal.core.db import transaction
from clinic_portal.core.errors import Conflict
from clinic_portal.core.ids import PractitionerId
from clinic_portal.practitioners import steps
from clinic_portal.practitioners.rules import is_meeting_url


def change_meeting_url(
    db: Session, clock: Clock, *, practitioner_id: PractitionerId, meeting_url: str | None, actor: Actor
) -> None:
    """Give a practitioner the address of their room for online visits; None: they phone their patients.

    It counts for visits that are booked already as well: pages and messages read it when they are written.
    Raises: NotFound (no such, or a colleague); Forbidden; Conflict "practitioner.meeting_url_refused".
    """
    if meeting_url is not None and not is_meeting_url(meeting_url):
        raise Conflict("practitioner.meeting_url_refused")
    with transaction(db):
        steps.lock_practitioner(db, practitioner_id, actor=actor)
        steps.set_meeting_url(db, clock, practitioner_id, meeting_url, actor=actor)
