"""Staff give back a session and all later ones: told once when the patient asked, one by one when the clinic did it."""

from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from clinic_portal.booking.models import Appointment
from clinic_portal.booking.queries.staff import untold
from clinic_portal.booking.rules import ClinicReason
from clinic_portal.booking.use_cases.cancel_sessions_by_clinic import cancel_sessions_by_clinic
from clinic_portal.core.audit import AuditEntry
from clinic_portal.core.clock import FixedClock
from clinic_portal.core.errors import Conflict, NotFound
from clinic_portal.core.ids import AppointmentId, FacilityId
from clinic_portal.notifications.models import Message
from clinic_portal.notifications.rules import MessageState
from tests.booking.factory import make_appointment, set_rules
from tests.booking.holding import code_of
from tests.booking.series import make_series
from tests.support.cast import Cast
from tests.support.clinic import Clinic

ASKED = ClinicReason.PATIENT_ASKED


@pytest.fixture
def cancel(db: Session, clock: FixedClock, clinic: Clinic, cast: Cast):
    def done(row: Appointment, **other: object) -> list[AppointmentId]:
        values = {"reason": ASKED, "actor": cast.receptionist.actor(), "facility_id": FacilityId(clinic.lisbon.id)}
        return cancel_sessions_by_clinic(db, clock, appointment_id=AppointmentId(row.id), **values | other)

    return done


def states(db: Session, rows: list[Appointment]) -> list[str]:
    db.expire_all()
    return [row.state.value for row in rows]


def kinds(db: Session) -> list[str]:
    return sorted(db.scalars(select(Message.kind)))


def test_the_patient_phones_and_hears_of_all_in_one_message(db: Session, clinic: Clinic, cast: Cast, cancel) -> None:
    _, rows = make_series(db, clinic, cast.patient_person)
    for count in (3, 0):
        assert len(cancel(rows[1])) == count
    assert states(db, rows) == ["booked", "cancelled", "cancelled", "cancelled"]
    assert kinds(db) == ["series_cancelled"] * 2
    assert len(list(db.scalars(select(AuditEntry.action)))) == 3


def test_what_the_clinic_cancels_is_told_one_by_one_and_the_desk_sees_of_each_whether_it_arrived(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, cancel
) -> None:
    _, rows = make_series(db, clinic, cast.patient_person)
    cancel(rows[2], reason=ClinicReason.PRACTITIONER_AWAY)
    assert kinds(db) == ["appointment_cancelled_by_clinic"] * 4
    for message in db.scalars(select(Message).where(Message.subject_id == rows[3].id)):
        message.state = MessageState.FAILED
    db.commit()
    found = untold(db, FacilityId(clinic.lisbon.id), now=clock.now(), actor=cast.receptionist.actor())
    assert [one.appointment_id for one in found] == [rows[3].id]


def test_the_cut_off_counts_unless_staff_write_why_not(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, cancel
) -> None:
    set_rules(db, clinic.massage, change_cutoff_minutes=1440)
    _, rows = make_series(db, clinic, cast.patient_person)
    clock.at = rows[2].starts_at - timedelta(hours=1)
    assert cancel(rows[2]) == [rows[3].id]
    for note in ("", "  "):
        with pytest.raises(Conflict) as refusal:
            cancel(rows[2], note=note)
        assert code_of(refusal) == "appointment.too_late_to_change"
    assert cancel(rows[2], note="in hospital") == [rows[2].id]


def test_only_a_series_of_this_facility(db: Session, clinic: Clinic, cast: Cast, cancel) -> None:
    _, rows = make_series(db, clinic, cast.patient_person)
    alone = make_appointment(db, clinic, cast.patient_person, at=rows[0].starts_at + timedelta(hours=4))
    for row, other in ((alone, {}), (rows[0], {"actor": cast.far_receptionist.actor()})):
        with pytest.raises(NotFound):
            cancel(row, **other)
    rows[3].facility_id, rows[3].room_id = clinic.azores.id, clinic.room_a.id
    db.commit()
    assert cancel(rows[2]) == [rows[2].id]
