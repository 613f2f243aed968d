"""Staff give a visit back: the patient always hears of it."""

from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from clinic_portal.booking.messages import cancelled_facts
from clinic_portal.booking.models import AppointmentHistory
from clinic_portal.booking.queries.staff import untold
from clinic_portal.booking.rules import AppointmentState, ClinicReason
from clinic_portal.booking.use_cases.cancel_by_clinic import cancel_by_clinic
from clinic_portal.booking.use_cases.mark_told import mark_told
from clinic_portal.core.audit import AuditEntry
from clinic_portal.core.clock import FixedClock
from clinic_portal.core.errors import Conflict, NotFound
from clinic_portal.core.ids import AppointmentId, FacilityId
from clinic_portal.core.settings import Settings
from clinic_portal.dependents.models import Relationship
from clinic_portal.dependents.rules import RelationshipKind
from clinic_portal.notifications.models import Message
from clinic_portal.notifications.rules import Channel, MessageState
from tests.booking.factory import THURSDAY, make_appointment, set_rules
from tests.booking.holding import code_of
from tests.booking.test_messages import facts
from tests.booking.waiting import somebody
from tests.support.cast import Cast
from tests.support.clinic import Clinic
from tests.support.statements import statements


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
    assert actions == ["appointment.cancelled_by_staff"]


@pytest.mark.parametrize("minutes_before", [600, -5])
def test_the_clinic_is_not_bound_by_the_patients_cut_off(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, minutes_before: int
) -> None:
    set_rules(db, clinic.massage, change_cutoff_minutes=1440)
    id_ = AppointmentId(make_appointment(db, clinic, cast.patient_person).id)
    clock.at = THURSDAY - timedelta(minutes=minutes_before)
    assert cancel(db, clock, clinic, cast, id_).state is AppointmentState.CANCELLED


def test_for_a_patient_who_asks_late_a_written_reason_is_needed(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast
) -> None:
    set_rules(db, clinic.massage, change_cutoff_minutes=1440)
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


@pytest.mark.parametrize("state", [MessageState.QUEUED, MessageState.RETRY_WAIT])
def test_the_desk_does_not_wait_for_a_vendor_that_does_not_answer(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, state: MessageState
) -> None:
    """It is tried for a day, and the visit may be in an hour."""
    id_, lisbon = AppointmentId(make_appointment(db, clinic, cast.patient_person).id), FacilityId(clinic.lisbon.id)
    actor = cast.receptionist.actor()
    cancel(db, clock, clinic, cast, id_)
    rows = {row.channel: row for row in db.scalars(select(Message))}
    rows[Channel.SMS].state = rows[Channel.EMAIL].state = state
    db.commit()
    clock.advance(timedelta(minutes=14))
    assert untold(db, lisbon, now=clock.now(), actor=actor) == []
    clock.advance(timedelta(minutes=1))
    assert [one.appointment_id for one in untold(db, lisbon, now=clock.now(), actor=actor)] == [id_]
    rows[Channel.EMAIL].state = MessageState.SENT
    db.commit()
    assert untold(db, lisbon, now=clock.now(), actor=actor) == [], "it went out after all"


def test_the_desk_must_phone_at_once_when_there_is_no_address(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast
) -> None:
    relationship(db, cast).ends_on = clock.now().date() - timedelta(days=1)
    id_ = AppointmentId(make_appointment(db, clinic, cast.child, booked_by_account_id=cast.guardian.id).id)
    cancel(db, clock, clinic, cast, id_)
    (one,) = untold(db, FacilityId(clinic.lisbon.id), now=clock.now(), actor=cast.receptionist.actor())
    assert (one.patient, one.phone) == ("Tomás Araújo", "")


def test_many_who_were_told_cost_the_desk_as_much_as_one(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast
) -> None:
    """A month of somebody's visits may be cancelled at once, and the desk asks who is to phone every few seconds."""
    counts = []
    for number in range(5):
        patient = somebody(db, clock, phone=f"+35191234568{number}")
        visit = make_appointment(db, clinic, patient, at=THURSDAY + number * timedelta(minutes=30))
        cancel(db, clock, clinic, cast, AppointmentId(visit.id))
        db.expire_all()
        with statements(db) as seen:
            found = untold(db, FacilityId(clinic.lisbon.id), now=clock.now(), actor=cast.receptionist.actor())
        assert found == []
        counts.append(len(seen))
    assert counts[0] == counts[4] > 0


def relationship(db: Session, cast: Cast) -> Relationship:
    return db.scalars(select(Relationship).where(Relationship.patient_id == cast.child.id)).one()


def test_who_does_not_act_for_a_child_any_more_is_not_written_to(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, settings: Settings
) -> None:
    """The message goes to who does now, also about a visit that somebody else had booked."""
    row = make_appointment(db, clinic, cast.child, booked_by_account_id=cast.guardian.id)
    cancel(db, clock, clinic, cast, AppointmentId(row.id))
    assert facts(cancelled_facts(db, clock, settings, row.id)).email == "lina@example.org"
    relationship(db, cast).ends_on = clock.now().date() - timedelta(days=1)
    db.add(Relationship(account_id=cast.stranger.id, patient_id=cast.child.id, kind=RelationshipKind.PARENT))
    db.commit()
    found = facts(cancelled_facts(db, clock, settings, row.id))
    assert (found.email, found.phone) == ("duarte@example.org", "+351912345603")
    assert untold(db, FacilityId(clinic.lisbon.id), now=clock.now(), actor=cast.receptionist.actor()) == []
