"""Staff move a session and all later ones: told once, reach checked, the cut-off set aside with a written reason only."""

from datetime import datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from clinic_portal.booking.models import Appointment, AppointmentHistory
from clinic_portal.booking.queries.staff import MOVED, MOVED_BY_CLINIC, untold
from clinic_portal.booking.rules import StrandedAnswer
from clinic_portal.booking.series_messages import series_moved_facts
from clinic_portal.booking.use_cases.move_sessions_by_clinic import move_sessions_by_clinic
from clinic_portal.core.audit import AuditEntry
from clinic_portal.core.clock import FixedClock
from clinic_portal.core.errors import Conflict, NotFound
from clinic_portal.core.ids import AppointmentId, FacilityId
from clinic_portal.core.settings import Settings
from clinic_portal.notifications.models import Message
from clinic_portal.notifications.rendering import render_email, render_sms
from clinic_portal.notifications.rules import MessageState
from tests.booking.factory import decide, make_appointment, set_rules
from tests.booking.holding import code_of
from tests.booking.series import A_DAY, A_WEEK, late_for_the_first, make_series, times, told
from tests.support.cast import Cast
from tests.support.clinic import Clinic

WHY = "She is in hospital until then"


@pytest.fixture
def move(app: object, db: Session, clock: FixedClock, clinic: Clinic, cast: Cast):
    def done(row: Appointment, *starts: datetime, **other: object) -> list[AppointmentId]:
        values = {"actor": cast.receptionist.actor(), "facility_id": FacilityId(clinic.lisbon.id)} | other
        return move_sessions_by_clinic(db, clock, appointment_id=AppointmentId(row.id), starts=starts, **values)

    return done


def test_the_patient_is_told_once_and_the_history_says_who_moved(db: Session, clinic: Clinic, cast: Cast, move) -> None:
    _, rows = make_series(db, clinic, cast.patient_person)
    wanted = [rows[1].starts_at, rows[2].starts_at + A_DAY, rows[3].starts_at + A_DAY]
    assert move(rows[1], *wanted) == [rows[2].id, rows[3].id]
    assert times(db, rows) == [rows[0].starts_at, *wanted]
    assert told(db) == ["series_moved"] * 2
    lines = db.scalars(select(AppointmentHistory)).all()
    actor = cast.receptionist.actor()
    assert [(line.reason, line.account_id) for line in lines] == [("moved", actor.account_id)] * 2
    entries = db.scalars(select(AuditEntry)).all()
    assert [(one.action, one.detail) for one in entries] == [("appointment.moved_by_staff", {"rules": "kept"})] * 2
    # Pressed again.
    assert move(rows[1], *wanted) == []
    assert told(db) == ["series_moved"] * 2
    assert len(db.scalars(select(AuditEntry)).all()) == 2


def test_the_cut_off_counts_unless_staff_write_why_not(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, move
) -> None:
    rows = late_for_the_first(db, clock, clinic, cast.patient_person)
    wanted = [row.starts_at + A_DAY for row in rows]
    for note in ("", "  "):
        with pytest.raises(Conflict) as refusal:
            move(rows[0], *wanted, note=note)
        assert code_of(refusal) == "appointment.too_late_to_change"
    assert len(move(rows[0], *wanted, note=WHY)) == 2
    assert times(db, rows) == wanted
    assert set(db.scalars(select(AppointmentHistory.note))) == {WHY}
    assert [entry.detail for entry in db.scalars(select(AuditEntry))] == [{"rules": "set_aside"}] * 2


def test_horizon_and_visits_a_day_are_set_aside_too_what_somebody_has_never(
    db: Session, clinic: Clinic, cast: Cast, move
) -> None:
    set_rules(db, clinic.massage, visits_per_day=1, horizon_days=30)
    _, rows = make_series(db, clinic, cast.patient_person, sessions=2)
    make_appointment(db, clinic, cast.patient_person, at=rows[0].starts_at + timedelta(days=1, hours=4))
    make_appointment(db, clinic, cast.stranger_person, at=rows[1].starts_at + A_DAY)
    beside, late = rows[0].starts_at + A_DAY, rows[1].starts_at + 10 * A_WEEK
    with pytest.raises(Conflict) as refusal:
        move(rows[0], beside, late)
    assert refusal.value.values["lost"] == {beside: "appointment.too_many_that_day", late: "appointment.slot_taken"}
    with pytest.raises(Conflict) as refusal:
        move(rows[0], beside, rows[1].starts_at + A_DAY, note=WHY)
    assert refusal.value.values["lost"] == {rows[1].starts_at + A_DAY: "appointment.slot_taken"}
    move(rows[0], beside, late, note=WHY)
    assert times(db, rows) == [beside, late]


def test_only_a_series_of_this_facility(db: Session, clinic: Clinic, cast: Cast, move) -> None:
    _, rows = make_series(db, clinic, cast.patient_person)
    alone = make_appointment(db, clinic, cast.patient_person, at=rows[0].starts_at + timedelta(hours=4))
    wanted = [row.starts_at + A_DAY for row in rows]
    for actor in (cast.far_receptionist.actor(), cast.patient.actor()):
        with pytest.raises(NotFound):
            move(rows[0], *wanted, actor=actor)
    with pytest.raises(NotFound):
        move(alone, wanted[0])
    assert times(db, rows) == [row.starts_at for row in rows]
    # What takes place elsewhere is that facility's: it stays, and is not counted.
    rows[3].facility_id, rows[3].room_id = clinic.azores.id, clinic.room_a.id
    db.commit()
    with pytest.raises(Conflict) as refusal:
        move(rows[2], *wanted[2:])
    assert code_of(refusal) == "series.changed"
    assert move(rows[2], wanted[2]) == [rows[2].id]


def test_what_a_change_of_hours_moves_is_told_with_regret_and_the_desk_sees_that_it_is_told(
    app: object, db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, settings: Settings, move
) -> None:
    series, rows = make_series(db, clinic, cast.patient_person)
    for row, answer in ((rows[1], StrandedAnswer.MOVE), (rows[2], StrandedAnswer.KEEP)):
        decide(db, clock, row, answer)
    decide(db, clock, rows[3], StrandedAnswer.MOVE, at=rows[3].starts_at - A_DAY)  # Of a time that it had before.
    move(rows[1], *(row.starts_at + A_DAY for row in rows[1:]))
    reasons = dict(db.execute(select(AppointmentHistory.appointment_id, AppointmentHistory.reason)).all())
    assert [reasons[row.id] for row in rows[1:]] == [MOVED_BY_CLINIC, MOVED, MOVED]
    facts = series_moved_facts(db, clock, settings, series.id)
    assert facts is not None
    email = render_email(settings, "series_moved", facts)
    assert email.subject == "We had to move 3 sessions, the next to Fri 4 Dec 10:30"
    assert "We are sorry. If the new times do not suit you, choose others, or call us on +351 21" in email.text
    assert "find some for you.\n\n1. Friday 4 December" in email.text
    sms = render_sms(settings, "series_moved", facts)
    assert "sorry, we had to move 3 sessions, the first to Fri 4 Dec" in sms.text
    lisbon, actor = FacilityId(clinic.lisbon.id), cast.receptionist.actor()

    def to_phone() -> list[UUID]:
        return [one.appointment_id for one in untold(db, lisbon, now=clock.now(), actor=actor)]

    assert to_phone() == []
    for state, left in ((MessageState.FAILED, [rows[1].id]), (MessageState.SENT, [])):
        for message in db.scalars(select(Message).where(Message.kind == "series_moved")):
            message.state = state
        db.commit()
        assert to_phone() == left, state
    # A message about other sessions, later, says nothing of this one.
    for message in db.scalars(select(Message).where(Message.kind == "series_moved")):
        message.state = MessageState.FAILED
    db.commit()
    clock.advance(timedelta(minutes=1))
    move(rows[3], rows[3].starts_at)
    assert to_phone() == [rows[1].id]


def test_what_the_desk_moves_without_a_change_of_hours_is_told_without_regret(
    app: object, db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, settings: Settings, move
) -> None:
    series, rows = make_series(db, clinic, cast.patient_person)
    move(rows[3], rows[3].starts_at + A_DAY)
    facts = series_moved_facts(db, clock, settings, series.id)
    assert facts is not None
    email = render_email(settings, "series_moved", facts)
    assert email.subject == "1 session has a new time: Fri 18 Dec 10:30"
    assert "sorry" not in email.text
