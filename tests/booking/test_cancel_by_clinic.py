"""Staff give a visit back: the patient always hears of it."""

from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from clinic_portal.booking.models import AppointmentHistory
from clinic_portal.booking.queries.staff import untold
from clinic_portal.booking.rules import AppointmentState, ClinicReason
from clinic_portal.booking.use_cases.cancel_by_clinic import cancel_by_clinic
from clinic_portal.booking.use_cases.mark_told import mark_told
from clinic_portal.core.audit import AuditEntry
from clinic_portal.core.clock import FixedClock
from clinic_portal.core.errors import Conflict, NotFound
from clinic_portal.core.ids import AppointmentId, FacilityId
from clinic_portal.notifications.models import Message
from clinic_portal.notifications.rules import Channel, MessageState
from tests.booking.factory import THURSDAY, make_appointment
from tests.booking.test_hold_time import code_of
from tests.support.cast import Cast
from tests.support.clinic import Clinic


def cancel(db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, id_: AppointmentId, **other):
    values = {"reason": ClinicReason.PRACTITIONER_AWAY, "actor": cast.receptionist.actor()} | other
    return cancel_by_clinic(db, clock, appointment_id=id_, facility_id=FacilityId(clinic.lisbon.id), **values)


def messages(db: Session) -> list[str]:
    return sorted(f"{row.kind} {row.channel} {row.state}" for row in db.scalars(select(Message)))


def test_a_reason_of_the_clinic_comes_with_its_own_message_on_every_channel(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast
) -> None:
    id_ = AppointmentId(make_appointment(db, clinic, cast.patient_person).id)
    for _ in range(2):
        assert cancel(db, clock, clinic, cast, id_, note=" ill since noon ").state is AppointmentState.CANCELLED
    assert messages(db) == [
        "appointment_cancelled_by_clinic email queued",
        "appointment_cancelled_by_clinic sms queued",
    ]
    (line,) = db.scalars(select(AppointmentHistory))
    assert (line.reason, line.note, line.actor_name) == (
        "clinic.practitioner_away", "ill since noon", cast.receptionist.actor().name,
    )  # fmt: skip
    actions = [entry.action for entry in db.scalars(select(AuditEntry))]
    assert set(actions) == {"appointment.cancelled_by_staff"}


@pytest.mark.parametrize("minutes_before", [600, -5])
def test_the_clinic_is_not_bound_by_the_patients_cut_off(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, minutes_before: int
) -> None:
    clinic.massage.change_cutoff_minutes = 1440
    db.merge(clinic.massage)
    id_ = AppointmentId(make_appointment(db, clinic, cast.patient_person).id)
    clock.at = THURSDAY - timedelta(minutes=minutes_before)
    assert cancel(db, clock, clinic, cast, id_).state is AppointmentState.CANCELLED


def test_for_a_patient_who_asks_late_a_written_reason_is_needed(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast
) -> None:
    clinic.massage.change_cutoff_minutes = 1440
    db.merge(clinic.massage)
    id_ = AppointmentId(make_appointment(db, clinic, cast.patient_person).id)
    clock.at = THURSDAY - timedelta(hours=2)
    with pytest.raises(Conflict) as refusal:
        cancel(db, clock, clinic, cast, id_, reason=ClinicReason.PATIENT_ASKED, note="  ")
    assert code_of(refusal) == "appointment.too_late_to_change"
    done = cancel(db, clock, clinic, cast, id_, reason=ClinicReason.PATIENT_ASKED, note="child has fever")
    assert done.state is AppointmentState.CANCELLED
    assert messages(db) == ["appointment_cancelled email queued", "appointment_cancelled sms queued"]
    assert untold(db, FacilityId(clinic.lisbon.id), now=clock.now(), actor=cast.receptionist.actor()) == []


@pytest.mark.parametrize("state", [AppointmentState.ARRIVED, AppointmentState.FULFILLED, AppointmentState.NOSHOW])
def test_whoever_has_arrived_is_not_cancelled(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, state: AppointmentState
) -> None:
    id_ = AppointmentId(make_appointment(db, clinic, cast.patient_person, state=state).id)
    with pytest.raises(Conflict) as refusal:
        cancel(db, clock, clinic, cast, id_)
    assert code_of(refusal) == "appointment.already_started"


def test_only_staff_of_the_facility(db: Session, clock: FixedClock, clinic: Clinic, cast: Cast) -> None:
    id_ = AppointmentId(make_appointment(db, clinic, cast.patient_person).id)
    for account in (cast.far_receptionist, cast.patient, cast.stranger):
        with pytest.raises(NotFound):
            cancel(db, clock, clinic, cast, id_, actor=account.actor())
    held = make_appointment(
        db, clinic, None, at=THURSDAY + timedelta(hours=1), state=AppointmentState.PROPOSED, booked_at=None
    )
    with pytest.raises(NotFound):
        cancel(db, clock, clinic, cast, AppointmentId(held.id))


def test_the_desk_must_phone_when_no_message_gets_through(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast
) -> None:
    id_, lisbon = AppointmentId(make_appointment(db, clinic, cast.patient_person).id), FacilityId(clinic.lisbon.id)
    actor = cast.receptionist.actor()
    cancel(db, clock, clinic, cast, id_)
    rows = {row.channel: row for row in db.scalars(select(Message))}
    steps = [
        (Channel.SMS, MessageState.FAILED, 0), (Channel.EMAIL, MessageState.SENT, 0),
        (Channel.EMAIL, MessageState.BOUNCED, 1), (Channel.SMS, MessageState.DELIVERED, 0),
        (Channel.SMS, MessageState.EXPIRED, 1),
    ]  # fmt: skip
    for channel, state, count in steps:
        rows[channel].state = state
        db.commit()
        assert len(untold(db, lisbon, now=clock.now(), actor=actor)) == count, (channel, state)
    (one,) = untold(db, lisbon, now=clock.now(), actor=actor)
    assert (one.appointment_id, one.patient, one.phone) == (id_, "Marta Araújo", "+351912345601")
    assert untold(db, FacilityId(clinic.azores.id), now=clock.now(), actor=actor) == []
    assert untold(db, lisbon, now=THURSDAY, actor=actor) == [], "afterwards nobody phones any more"
    mark_told(db, clock, appointment_id=id_, facility_id=lisbon, actor=actor)
    assert untold(db, lisbon, now=clock.now(), actor=actor) == []


def test_the_desk_must_phone_at_once_when_there_is_no_address(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast
) -> None:
    id_ = AppointmentId(make_appointment(db, clinic, cast.child).id)
    cancel(db, clock, clinic, cast, id_)
    (one,) = untold(db, FacilityId(clinic.lisbon.id), now=clock.now(), actor=cast.receptionist.actor())
    assert (one.patient, one.phone) == ("Tomás Araújo", "")
