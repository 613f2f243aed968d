"""Staff put a patient who phones, or stands at the desk, on the waiting list."""

from sqlalchemy.orm import Session

from clinic_portal.booking.queries.desk_waiting import known_wishes
from clinic_portal.booking.queries.staff import visit_at_desk
from clinic_portal.booking.queries.waiting import EntryFacts
from clinic_portal.booking.steps.waiting import tell_of_entry
from clinic_portal.booking.steps.wishes import Wanted, judge_wanted, write_wishes
from clinic_portal.core.actor import Actor
from clinic_portal.core.audit import record
from clinic_portal.core.clock import Clock
from clinic_portal.core.db import transaction
from clinic_portal.core.errors import NotFound
from clinic_portal.core.ids import FacilityId
from clinic_portal.facilities.queries import works_at
from clinic_portal.patients.steps import lock_patient


def join_by_phone(
    db: Session, clock: Clock, *, wanted: Wanted, facility_id: FacilityId, actor: Actor
) -> EntryFacts:  # fmt: skip
    """Put a patient on the list of a service, at a facility of the actor's. The caller has checked that the desk knows them.

    Who is on the list already keeps the place, with the new wishes. The rule about missed visits does not hold them back:
    that they wait is what staff decided. They are told what they wait for, unless they knew.
    Raises: NotFound (no such service or patient, or visit at this facility); Conflict "waiting.days_over",
    "waiting.days_reversed", "waiting.too_much_notice", "waiting.not_given_so", "appointment.already_started".
    """
    with transaction(db):
        if not works_at(db, facility_id, actor=actor):
            raise NotFound
        visit_id = wanted.appointment_id
        visit = visit_at_desk(db, visit_id, facility_id=facility_id, actor=actor) if visit_id else None
        judge_wanted(db, clock, wanted, visit)
        lock_patient(db, wanted.patient_id)
        known = known_wishes(db, wanted.patient_id, wanted.service_id)
        entry = write_wishes(db, clock, wanted, visit, account_id=None)
        if known is None or (known.id, known.asked) != (entry.id, entry.asked):
            tell_of_entry(db, clock, entry.id, "waiting_joined")
        record(
            db, clock, actor=actor, action="waiting.joined_by_staff", subject_kind="waiting_entry", subject_id=entry.id
        )  # fmt: skip
        return entry
