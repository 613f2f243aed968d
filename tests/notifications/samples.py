"""A thing to write about for every kind of message. A new kind needs a line in SAMPLES, or `test_every_kind.py` says so."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from clinic_portal.accounts.rules import CodePurpose
from clinic_portal.accounts.steps import issue_code
from clinic_portal.booking.models import Appointment, WaitingEntry
from clinic_portal.booking.queries.staff import MOVED, MOVED_BY_CLINIC
from clinic_portal.booking.rules import AppointmentState, OfferMode, PartOfDay, Unserved
from clinic_portal.booking.use_cases.leave_by_phone import leave_by_phone
from clinic_portal.core.clock import FixedClock
from clinic_portal.core.db import transaction
from clinic_portal.core.ids import EntryId, FacilityId
from clinic_portal.core.modes import Mode
from clinic_portal.patients.models import Patient
from tests.booking.factory import make_appointment, tell_moved
from tests.booking.series import make_series, tell_of_series
from tests.booking.waiting import by_phone, first_come, free_a_time, join, offer_all, offers
from tests.support.cast import Cast
from tests.support.clinic import Clinic


@dataclass
class Stage:
    """What a sample is made of."""

    db: Session
    clock: FixedClock
    clinic: Clinic
    cast: Cast


Sample = Callable[[Stage], UUID]


def code(purpose: CodePurpose) -> Sample:
    def make(stage: Stage) -> UUID:
        with transaction(stage.db):
            return issue_code(stage.db, stage.clock, account=stage.cast.patient, purpose=purpose)

    return make


def account(stage: Stage) -> UUID:
    return stage.cast.patient.id


def visit(state: AppointmentState) -> Sample:
    return lambda stage: make_appointment(stage.db, stage.clinic, stage.cast.patient_person, state=state).id


def online_visit(state: AppointmentState) -> Sample:
    def make(stage: Stage) -> UUID:
        online = {"mode": Mode.ONLINE, "room_id": None}
        return make_appointment(stage.db, stage.clinic, stage.cast.patient_person, state=state, **online).id

    return make


def childs_visit(state: AppointmentState) -> Sample:
    """The child has no address: whoever booked is written to."""

    def make(stage: Stage) -> UUID:
        booked_by = {"booked_by_account_id": stage.cast.patient.id}
        return make_appointment(stage.db, stage.clinic, stage.cast.child, state=state, **booked_by).id

    return make


def visits(state: AppointmentState) -> list[Sample]:
    return [visit(state), online_visit(state), childs_visit(state)]


def moved(
    *, mode: Mode = Mode.IN_PERSON, is_child: bool = False, is_same_time: bool = False, reason: str = MOVED
) -> Sample:
    """A visit that has another time than it had, as the history says; or somebody else, or another place, at its time."""

    def make(stage: Stage) -> UUID:
        found = childs_visit if is_child else visit if mode is Mode.IN_PERSON else online_visit
        row = stage.db.get_one(Appointment, found(AppointmentState.BOOKED)(stage))
        was_at = {"was_at": row.starts_at} if is_same_time else {}
        tell_moved(stage.db, stage.clock, row, reason=reason, **was_at)
        return row.id

    return make


def offer(*, mode: OfferMode = OfferMode.ONE_AT_A_TIME, is_child: bool = False, has_visit: bool = False) -> Sample:
    """A time that came free: for somebody with or without a visit, for a child, held for them or not."""

    def make(stage: Stage) -> UUID:
        db, clock, clinic, cast = stage.db, stage.clock, stage.clinic, stage.cast
        if mode is OfferMode.FIRST_COME:
            first_come(db, clinic)
        cast.guardian.language = cast.patient.language
        account, patient = (cast.guardian, cast.child) if is_child else (cast.patient, cast.patient_person)
        visit = make_appointment(db, clinic, patient, practitioner=clinic.rui) if has_visit else None
        join(db, clock, clinic, account, patient, visit=visit)
        offer_all(db, clock, free_a_time(db, clock, clinic, cast.stranger, cast.stranger_person))
        return offers(db)[0].id

    return make


def place(*, is_child: bool = False, has_visit: bool = False, is_over: bool = False, **asked: Any) -> Sample:
    """A place on the waiting list that the desk wrote down, or took off."""

    def make(stage: Stage) -> UUID:
        db, clinic, cast = stage.db, stage.clinic, stage.cast
        cast.guardian.language = cast.patient.language
        patient = cast.child if is_child else cast.patient_person
        visit = make_appointment(db, clinic, patient, practitioner=clinic.rui) if has_visit else None
        who = clinic.ines.id if is_child else None
        entry = by_phone(db, stage.clock, clinic, cast, patient, visit=visit, **asked, practitioner_id=who)
        if is_over:
            here, desk = FacilityId(clinic.lisbon.id), cast.receptionist.actor()
            leave_by_phone(db, stage.clock, entry_id=EntryId(entry.id), facility_id=here, actor=desk)
        return entry.id

    return make


def in_vain(reason: Unserved, **one: Any) -> Sample:
    """A place on the waiting list of somebody to whom nothing can be offered any more."""

    def make(stage: Stage) -> UUID:
        entry = stage.db.get_one(WaitingEntry, place(**one)(stage))
        entry.unserved, entry.unserved_since = reason, stage.clock.now()
        stage.db.commit()
        return entry.id

    return make


PLACES: list[dict[str, Any]] = [
    {},
    {"is_child": True, "weekdays": frozenset({0, 4}), "parts": frozenset({PartOfDay.MORNING})},
    {"has_visit": True, "facility_id": None, "notice": timedelta(days=2)},
    {"mode": Mode.ONLINE},
]


def series(kind: str, *, moved: slice = slice(1, None), reason: str = MOVED) -> list[Sample]:
    def make(stage: Stage) -> UUID:
        return _series(stage, kind, stage.cast.patient_person, moved, reason)

    def childs(stage: Stage) -> UUID:
        return _series(stage, kind, stage.cast.child, moved, reason, booked_by_account_id=stage.cast.patient.id)

    return [make, childs]


def _series(stage: Stage, kind: str, patient: Patient, moved: slice, reason: str, **other: object) -> UUID:
    is_over = {"state": AppointmentState.CANCELLED, "cancelled_at": stage.clock.now()}
    values = other | (is_over if kind == "series_cancelled" else {})
    found, rows = make_series(stage.db, stage.clinic, patient, **values)  # type: ignore[arg-type]  # columns by name
    tell_of_series(stage.db, stage.clock, found, kind, rows[moved], reason=reason)
    return found.id


MOVES: list[dict[str, Any]] = [
    {"mode": mode, "is_child": is_child, "is_same_time": is_same_time}
    for mode, is_child in ((Mode.IN_PERSON, False), (Mode.ONLINE, False), (Mode.IN_PERSON, True))
    for is_same_time in (False, True)
]

#: Kind → one sample for each way in which its words differ.
SAMPLES: dict[str, Sequence[Sample]] = {
    "appointment_booked": visits(AppointmentState.BOOKED),
    "appointment_cancelled": visits(AppointmentState.CANCELLED),
    "appointment_cancelled_by_clinic": visits(AppointmentState.CANCELLED),
    "appointment_moved": [
        *visits(AppointmentState.BOOKED),
        *(moved(reason=reason, **one) for reason in (MOVED, MOVED_BY_CLINIC) for one in MOVES),
    ],
    "confirm_email": [code(CodePurpose.CONFIRM_EMAIL)],
    "confirm_phone": [code(CodePurpose.CONFIRM_PHONE)],
    "password_changed": [account],
    "registration_repeated": [account],
    "reminder": visits(AppointmentState.BOOKED),
    "reminder_early": visits(AppointmentState.BOOKED),
    "time_offered": [offer(), offer(has_visit=True), offer(is_child=True), offer(mode=OfferMode.FIRST_COME)],
    "waiting_joined": [place(**one) for one in PLACES],
    "waiting_left": [place(is_over=True, **one) for one in PLACES],
    "waiting_unserved": [
        in_vain(Unserved.MODE, mode=Mode.ONLINE),
        in_vain(Unserved.MODE),
        in_vain(Unserved.SERVICE, has_visit=True),
        in_vain(Unserved.PRACTITIONER, is_child=True),
        in_vain(Unserved.PLACE),
        in_vain(Unserved.DAYS),
    ],
    **{kind: series(kind) for kind in ("series_booked", "series_cancelled")},
    "series_moved": [
        one
        for reason in (MOVED, MOVED_BY_CLINIC)
        for moved_ones in (slice(1, None), slice(1, 2))
        for one in series("series_moved", moved=moved_ones, reason=reason)
    ],
    "reset_password": [code(CodePurpose.RESET_PASSWORD)],
    "test_message": [account],
}
