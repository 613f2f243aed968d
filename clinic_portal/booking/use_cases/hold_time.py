"""Hold a free time for ten minutes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from clinic_portal.booking import steps
from clinic_portal.booking.models import Appointment
from clinic_portal.booking.queries import AppointmentFacts, Taker, Wish, facts_of, takers
from clinic_portal.booking.queries.holds import (
    PatientsTime,
    check_patients_time,
    live_hold,
    lock_holds,
    own_hold,
)
from clinic_portal.booking.queries.rota import need_of
from clinic_portal.booking.rules import Need
from clinic_portal.booking.steps.missed import check_missed
from clinic_portal.core.actor import Actor
from clinic_portal.core.clock import Clock
from clinic_portal.core.db import transaction
from clinic_portal.core.errors import Conflict
from clinic_portal.core.ids import AppointmentId, FacilityId, PatientId, PractitionerId, ServiceId
from clinic_portal.core.modes import Mode
from clinic_portal.dependents.steps import lock_person_to_book_for
from clinic_portal.facilities.queries import ServiceFacts


@dataclass(frozen=True)
class Choice:
    """The time that was chosen. `practitioner_id` None: whoever is free."""

    service_id: ServiceId
    facility_id: FacilityId
    starts_at: datetime
    practitioner_id: PractitionerId | None = None
    #: Whom it is for, when that is known already.
    patient_id: PatientId | None = None
    #: The hold that this one replaces: who it is for, and what was written, are taken over.
    instead_of: AppointmentId | None = None
    mode: Mode = Mode.IN_PERSON
    #: Whether the place was chosen with the time, of all that fit.
    any_facility: bool = False


def hold_time(db: Session, clock: Clock, *, choice: Choice, hold_key: str, actor: Actor | None) -> AppointmentFacts:
    """Hold a time for whoever has the key, and release what that browser (and the patient signed in there) held before.

    Repeating the call returns the same hold. With no preference the practitioners are asked in turn until one is free.
    Raises: Conflict "appointment.slot_taken" (taken, or no longer offered), "appointment.patient_overlap",
    "appointment.too_many_that_day", "appointment.missed_too_often"; NotFound (no such service or facility, or none of
    the actor's people); Forbidden (may not book for this person).
    """
    key = steps.hold_key_hash(hold_key)
    with transaction(db):
        patient_id, note = _carried_over(db, choice, key)
        wish = Wish(choice.service_id, choice.practitioner_id, choice.facility_id, mode=choice.mode, own_hold=key)
        service, candidates = takers(db, clock, wish, start=choice.starts_at, only_offered=True)
        need = need_of(service)
        if patient_id is not None:
            # A visitor who signed out meanwhile keeps the time and is asked again whom it is for.
            patient_id = lock_person_to_book_for(db, clock, patient_id, actor=actor).patient_id if actor else None
        now = clock.now()
        rows = lock_holds(
            db,
            wanted=need.busy(choice.starts_at),
            now=now,
            takers=candidates,
            patient_id=patient_id,
            hold_key_hash=key,
            # What staff hold, they hold for others.
            account_id=actor.account_id if actor is not None and not actor.is_staff else None,
        )
        kept = _same_again(rows, choice, key, now)
        if kept is not None and kept.patient_id == patient_id:
            return facts_of(kept)
        if patient_id is not None:
            check_missed(db, clock, patient_id, actor=actor)
        gives_up = any(row.held_until is not None and row.held_until > now for row in rows)
        steps.end_holds(db, clock, rows, actor=actor, now=now)
        draft = _draft(choice, service, need, actor=actor) | {"patient_id": patient_id, "patient_note": note}
        theirs = PatientsTime(patient_id, service, choice.facility_id, choice.starts_at) if patient_id else None
        if theirs is not None and service.rules.visits_per_day is not None:
            check_patients_time(db, theirs, now=now)
        draft |= {"hold_key_hash": key}
        return _first_free(db, clock, candidates, draft, actor=actor, theirs=theirs, gave_up=gives_up)


def _carried_over(db: Session, choice: Choice, key: str) -> tuple[PatientId | None, str]:
    if choice.instead_of is None:
        return choice.patient_id, ""
    before = own_hold(db, choice.instead_of, hold_key_hash=key)
    return choice.patient_id or before.patient_id, before.patient_note


def _same_again(rows: Sequence[Appointment], choice: Choice, key: str, now: datetime) -> Appointment | None:
    for row in rows:
        mine = row.hold_key_hash == key and row.held_until is not None and now < row.held_until
        same = (row.service_id, row.facility_id, row.starts_at, row.mode) == (
            choice.service_id,
            choice.facility_id,
            choice.starts_at,
            choice.mode,
        )
        if mine and same and choice.practitioner_id in (row.practitioner_id, None):
            return row
    return None


def _draft(choice: Choice, service: ServiceFacts, need: Need, *, actor: Actor | None) -> dict[str, object]:
    busy = need.busy(choice.starts_at)
    return {
        "service_id": service.id,
        "facility_id": choice.facility_id,
        "starts_at": choice.starts_at,
        "ends_at": choice.starts_at + need.length,
        "busy_from": busy.start,
        "busy_until": busy.end,
        "price_minor": service.price.minor,
        "currency": service.price.currency,
        "any_practitioner": choice.practitioner_id is None,
        "any_facility": choice.any_facility,
        "booked_by_account_id": actor.account_id if actor else None,
    }


def _first_free(  # noqa: PLR0913 - all by name
    db: Session,
    clock: Clock,
    candidates: Sequence[Taker],
    draft: dict[str, object],
    *,
    actor: Actor | None,
    theirs: PatientsTime | None,
    gave_up: bool,
) -> AppointmentFacts:
    for taker in candidates:
        row = steps.insert_hold(db, clock, taker, draft, actor=actor, gave_up=gave_up)
        if row is not None:
            return facts_of(row)
        if theirs is not None:
            # The database refused: because of the patient, whom no other practitioner would help?
            check_patients_time(db, theirs, now=clock.now())
    # The same browser may have asked twice at once: what it holds by now is its answer.
    held = live_hold(db, str(draft["hold_key_hash"]), now=clock.now())
    if held is not None and (held.service_id, held.starts_at) == (draft["service_id"], draft["starts_at"]):
        return held
    raise Conflict("appointment.slot_taken")
