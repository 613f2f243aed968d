"""Ask to be told when a time, or an earlier one, comes free."""

from sqlalchemy.orm import Session

from clinic_portal.booking.queries.visits import visit_of
from clinic_portal.booking.queries.waiting import EntryFacts
from clinic_portal.booking.steps.missed import check_missed
from clinic_portal.booking.steps.wishes import Wanted, judge_wanted, write_wishes
from clinic_portal.core.actor import Actor
from clinic_portal.core.clock import Clock
from clinic_portal.core.db import transaction
from clinic_portal.core.errors import NotFound
from clinic_portal.dependents.queries import person_to_book_for
from clinic_portal.patients.steps import lock_patient


def join_waiting_list(db: Session, clock: Clock, *, wanted: Wanted, actor: Actor) -> EntryFacts:
    """Put a patient on the list of a service. Who is on it already keeps the place, with the new wishes.

    Raises: NotFound (no such service or visit, or none of the actor's people); Forbidden (may not book for them);
    Conflict "waiting.days_over", "waiting.days_reversed", "waiting.too_much_notice", "waiting.not_given_so" (online, or not),
    "appointment.already_started" (the visit is no longer to come), "appointment.missed_too_often" (who books by
    phone only is offered no first time either).
    """
    with transaction(db):
        person_to_book_for(db, clock, wanted.patient_id, actor=actor)
        if actor.account_id is None:
            raise NotFound
        visit = visit_of(db, clock, wanted.appointment_id, actor=actor).appointment if wanted.appointment_id else None
        judge_wanted(db, clock, wanted, visit)
        lock_patient(db, wanted.patient_id)
        if visit is None:
            check_missed(db, clock, wanted.patient_id, actor=actor)
        return write_wishes(db, clock, wanted, visit, account_id=actor.account_id)
