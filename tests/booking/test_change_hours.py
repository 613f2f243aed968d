"""Changing when a practitioner works, and the visits that this leaves outside."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event, select
from sqlalchemy.orm import Session

from clinic_portal.booking.models import Appointment, AppointmentHistory, OutsideHours
from clinic_portal.booking.queries.stranded import visits_outside_hours
from clinic_portal.booking.rules import AppointmentState, StrandedAnswer
from clinic_portal.booking.steps import hold_key_hash
from clinic_portal.booking.steps.stranding import Settled, VisitsStranded
from clinic_portal.booking.use_cases.change_hours import change_hours
from clinic_portal.core.audit import AuditEntry
from clinic_portal.core.clock import FixedClock
from clinic_portal.core.errors import Conflict, Forbidden, NotFound
from clinic_portal.core.ids import AbsenceId, ExtraHoursId, PractitionerId, WeeklyHoursId, new_id
from clinic_portal.core.modes import Mode
from clinic_portal.notifications.models import Message
from clinic_portal.practitioners.models import Absence, ExtraHours, WeeklyHours
from clinic_portal.practitioners.steps import (
    AddExtra,
    AddWeekly,
    ChangeWeekly,
    EndWeekly,
    PractitionerChange,
    RemoveAbsence,
    RemoveExtra,
)
from tests.booking.factory import THURSDAY, make_appointment
from tests.booking.hours import DAY, away, extra, hours, row_id, same_for_all
from tests.support.cast import Cast
from tests.support.clinic import Clinic


class Office:
    """An administrator who changes hours."""

    def __init__(self, db: Session, clock: FixedClock, cast: Cast) -> None:
        self.db, self.clock, self.actor = db, clock, cast.administrator.actor()

    def change(self, change: PractitionerChange, **other: Any) -> Settled:
        return change_hours(self.db, self.clock, change=change, **{"answers": {}, "actor": self.actor} | other)

    def refused(self, change: PractitionerChange) -> VisitsStranded:
        with pytest.raises(VisitsStranded) as caught:
            self.change(change)
        self.db.expire_all()
        return caught.value

    def weekly(self) -> list[tuple[int, int, int, date, date | None]]:
        """Thursday's hours, all of Lisbon's and Ponta Delgada's."""
        self.db.expire_all()
        return sorted(
            (row.starts_minute, row.ends_minute, row.weekday, row.valid_from, row.valid_until)
            for row in self.db.scalars(select(WeeklyHours).where(WeeklyHours.weekday >= 3))
            if row.practitioner_id == self.ines
        )

    ines: object = None


@pytest.fixture
def office(db: Session, clock: FixedClock, cast: Cast, clinic: Clinic) -> Office:
    office = Office(db, clock, cast)
    office.ines = clinic.ines.id
    return office


def test_hours_are_added_and_written_down(office: Office, clinic: Clinic) -> None:
    office.change(AddWeekly(hours(clinic, weekday=5, at=(600, 720))))
    assert (600, 720, 5, DAY, None) in office.weekly()
    entry = office.db.scalars(select(AuditEntry).where(AuditEntry.action == "weekly_hours.added")).one()
    assert (entry.subject_id, entry.account_id) == (clinic.ines.id, office.actor.account_id)
    assert entry.detail["minutes"] == "600-720"


def test_a_change_ends_the_old_hours_the_day_before(office: Office, clinic: Clinic) -> None:
    office.change(ChangeWeekly(row_id(office.db, clinic.ines), hours(clinic, at=(480, 780), since=date(2026, 12, 3))))
    thursday = [row for row in office.weekly() if row[2] == 3 and row[0] < 800]
    assert thursday == [(480, 780, 3, date(2026, 12, 3), None), (540, 780, 3, date(2020, 1, 1), date(2026, 12, 2))]


def test_hours_that_have_not_begun_are_replaced_not_ended(office: Office, clinic: Clinic) -> None:
    office.change(AddWeekly(hours(clinic, weekday=5, since=date(2027, 1, 2))))
    change = ChangeWeekly(
        row_id(office.db, clinic.ines, weekday=5), hours(clinic, weekday=5, at=(600, 660), since=date(2026, 12, 5))
    )
    office.change(change)
    assert [row for row in office.weekly() if row[2] == 5] == [(600, 660, 5, date(2026, 12, 5), None)]


def test_ended_hours_end_and_those_to_come_are_gone(office: Office, clinic: Clinic) -> None:
    ines = PractitionerId(clinic.ines.id)
    office.change(EndWeekly(ines, row_id(office.db, clinic.ines), date(2026, 12, 31)))
    assert (540, 780, 3, date(2020, 1, 1), date(2026, 12, 31)) in office.weekly()
    office.change(AddWeekly(hours(clinic, weekday=5, since=date(2027, 1, 2))))
    office.change(EndWeekly(ines, row_id(office.db, clinic.ines, weekday=5), date(2026, 11, 30)))
    assert not [row for row in office.weekly() if row[2] == 5]


def test_ones_own_hours_are_not_planned_twice(office: Office, clinic: Clinic) -> None:
    for change in (
        AddWeekly(hours(clinic, place=clinic.azores, room=clinic.room_a, at=(720, 800))),
        AddWeekly(hours(clinic, mode=Mode.ONLINE, at=(779, 800))),
        AddExtra(extra(clinic, DAY, at=(1079, 1100))),
    ):
        with pytest.raises(Conflict, match="overlap") as caught:
            office.change(change)
        assert caught.value.values["other"].practitioner_id == clinic.ines.id
    office.change(AddExtra(extra(clinic, DAY, at=(1080, 1100))))
    with pytest.raises(Conflict, match="overlap"):
        office.change(AddWeekly(hours(clinic, at=(1090, 1110))))
    office.change(AddWeekly(hours(clinic, at=(1090, 1110), since=DAY + timedelta(days=1))))


def test_a_room_is_for_one_at_a_time(office: Office, clinic: Clinic) -> None:
    for change in (
        AddWeekly(hours(clinic, room=clinic.room_2, weekday=3, at=(770, 790))),
        AddExtra(extra(clinic, DAY, room=clinic.room_2, at=(770, 790))),
    ):
        office.db.execute(WeeklyHours.__table__.delete().where(WeeklyHours.practitioner_id == clinic.ines.id))
        office.db.commit()
        with pytest.raises(Conflict, match="room_taken") as caught:
            office.change(change)
        assert caught.value.values["who"] == "Dr. Rui Meireles"
    office.change(AddWeekly(hours(clinic, room=clinic.room_2, at=(780, 840))))


def test_a_room_of_another_place_is_none(office: Office, clinic: Clinic) -> None:
    with pytest.raises(NotFound):
        office.change(AddWeekly(hours(clinic, weekday=6, room=clinic.room_a)))


@pytest.mark.parametrize(
    ("at", "room", "stranded"),
    [
        ((540, 660), 1, False),
        ((540, 659), 1, True),
        ((631, 780), 1, True),
        ((630, 780), 1, False),
        ((540, 780), 2, True),
    ],
)
def test_only_visits_outside_the_new_hours_are_stranded(
    office: Office, clinic: Clinic, cast: Cast, at: tuple[int, int], room: int, stranded: bool
) -> None:
    """The visit is on Thursday from 10:30 to 11:00 in room 1."""
    make_appointment(office.db, clinic, cast.patient_person)
    office.db.execute(WeeklyHours.__table__.delete().where(WeeklyHours.practitioner_id == clinic.rui.id))
    office.db.commit()
    wanted = hours(clinic, at=at, room=clinic.room_1 if room == 1 else clinic.room_2)
    change = ChangeWeekly(row_id(office.db, clinic.ines), wanted)
    if stranded:
        (found,) = office.refused(change).visits
        assert (found.patient.full_name, found.patient.phone) == ("Marta Araújo", "+351912345601")
        assert found.visit.appointment.starts_at == THURSDAY
        assert (540, 780, 3, date(2020, 1, 1), None) in office.weekly()
    else:
        assert office.change(change) == Settled()


def test_hours_cut_in_two_without_a_pause_strand_nobody(office: Office, clinic: Clinic, cast: Cast) -> None:
    make_appointment(office.db, clinic, cast.patient_person)
    office.change(AddExtra(extra(clinic, DAY + timedelta(days=3), at=(600, 640))))
    office.change(AddExtra(extra(clinic, DAY + timedelta(days=3), at=(640, 700))))
    across = datetime(2026, 11, 29, 10, 30, tzinfo=UTC)
    make_appointment(office.db, clinic, cast.stranger_person, at=across)
    assert visits_outside_hours(office.db, office.clock, actor=office.actor) == ()


def test_an_absence_lists_its_visits_and_does_what_was_chosen(office: Office, clinic: Clinic, cast: Cast) -> None:
    people = (cast.patient_person, cast.stranger_person, cast.child, cast.guardian_person)
    rows = [
        make_appointment(office.db, clinic, person, at=THURSDAY + timedelta(minutes=30 * number))
        for number, person in enumerate(people)
    ]
    change = away(clinic.ines, "2026-11-26T10:00", 2)
    shown = office.refused(change).visits
    assert [one.visit.appointment.id for one in shown] == [row.id for row in rows[:3]]
    assert not list(office.db.scalars(select(Absence)))
    chosen = [StrandedAnswer.CANCEL, StrandedAnswer.KEEP, StrandedAnswer.MOVE]
    answers = {one.token: answer for one, answer in zip(shown, chosen, strict=True)}
    assert office.change(change, answers=answers) == Settled(kept=1, to_move=1, cancelled=1)
    office.db.expire_all()
    states = [office.db.get_one(Appointment, row.id).state for row in rows]
    assert states == [AppointmentState.CANCELLED] + [AppointmentState.BOOKED] * 3
    history = office.db.scalars(select(AppointmentHistory)).one()
    assert (history.appointment_id, history.account_id) == (rows[0].id, office.actor.account_id)
    assert history.reason == "clinic.practitioner_away"
    messages = {(row.kind, row.subject_id, row.channel.value) for row in office.db.scalars(select(Message))}
    assert messages == {("appointment_cancelled_by_clinic", rows[0].id, channel) for channel in ("sms", "email")}
    left = visits_outside_hours(office.db, office.clock, actor=office.actor)
    assert [(one.visit.appointment.id, one.answer) for one in left] == [
        (rows[1].id, StrandedAnswer.KEEP),
        (rows[2].id, StrandedAnswer.MOVE),
    ]
    assert office.db.scalars(select(Absence.reason)).one() == "training"
    # What was decided is not asked again.
    assert office.change(away(clinic.ines, "2026-11-26T10:00", 1)) == Settled()


def test_somebody_who_books_meanwhile_is_shown_too(office: Office, clinic: Clinic, cast: Cast) -> None:
    make_appointment(office.db, clinic, cast.patient_person)
    change = away(clinic.ines, "2026-11-26T10:00", 2)
    shown = office.refused(change).visits
    make_appointment(office.db, clinic, cast.stranger_person, at=THURSDAY + timedelta(minutes=30))
    with pytest.raises(VisitsStranded) as caught:
        office.change(change, answers=same_for_all(shown, StrandedAnswer.CANCEL))
    assert len(caught.value.visits) == 2
    assert not list(office.db.scalars(select(Absence)))
    assert not list(office.db.scalars(select(Message)))
    answers = same_for_all(caught.value.visits, StrandedAnswer.CANCEL)
    assert office.change(change, answers=answers).cancelled == 2


def test_a_visit_that_was_moved_meanwhile_is_shown_at_its_new_time(office: Office, clinic: Clinic, cast: Cast) -> None:
    row = make_appointment(office.db, clinic, cast.patient_person)
    change = away(clinic.ines, "2026-11-26T10:00", 2)
    shown = office.refused(change).visits
    row = office.db.get_one(Appointment, row.id)
    row.starts_at, row.ends_at = THURSDAY + timedelta(minutes=30), THURSDAY + timedelta(minutes=60)
    row.busy_from, row.busy_until = row.starts_at, row.ends_at
    office.db.commit()
    with pytest.raises(VisitsStranded):
        office.change(change, answers=same_for_all(shown, StrandedAnswer.CANCEL))


def test_a_visit_that_was_cancelled_meanwhile_is_not_cancelled_again(
    office: Office, clinic: Clinic, cast: Cast
) -> None:
    row = make_appointment(office.db, clinic, cast.patient_person)
    change = away(clinic.ines, "2026-11-26T10:00", 2)
    shown = office.refused(change).visits
    row = office.db.get_one(Appointment, row.id)
    row.state, row.cancelled_at = AppointmentState.CANCELLED, office.clock.now()
    office.db.commit()
    with pytest.raises(VisitsStranded) as caught:
        office.change(change, answers=same_for_all(shown, StrandedAnswer.CANCEL))
    assert caught.value.visits == ()
    assert office.change(change) == Settled()


def test_a_time_that_somebody_holds_is_released(office: Office, clinic: Clinic, cast: Cast) -> None:
    later = office.clock.now() + timedelta(minutes=9)
    held = make_appointment(
        office.db, clinic, None, state=AppointmentState.PROPOSED, held_until=later, hold_key_hash=hold_key_hash("x"),
        booked_at=None,
    )  # fmt: skip
    assert office.change(away(clinic.ines, "2026-11-26T10:00", 2)) == Settled()
    assert office.db.get_one(Appointment, held.id, populate_existing=True).state is AppointmentState.CANCELLED


def test_visits_that_are_over_or_going_on_are_left_alone(office: Office, clinic: Clinic, cast: Cast) -> None:
    make_appointment(office.db, clinic, cast.patient_person, at=datetime(2026, 11, 23, 10, 0, tzinfo=UTC))
    assert office.change(away(clinic.ines, "2026-11-23T09:00", 3)) == Settled()


def test_extra_hours_and_absences_are_taken_back(office: Office, clinic: Clinic, cast: Cast) -> None:
    ines, sunday = PractitionerId(clinic.ines.id), DAY + timedelta(days=3)
    office.change(AddExtra(extra(clinic, sunday, at=(600, 720))))
    row = make_appointment(office.db, clinic, cast.patient_person, at=datetime(2026, 11, 29, 10, 0, tzinfo=UTC))
    change = RemoveExtra(ines, ExtraHoursId(office.db.scalars(select(ExtraHours.id)).one()))
    (shown,) = office.refused(change).visits
    assert shown.visit.appointment.id == row.id
    office.change(change, answers={shown.token: StrandedAnswer.KEEP})
    assert not list(office.db.scalars(select(ExtraHours)))
    assert office.db.scalars(select(OutsideHours.answer)).one() is StrandedAnswer.KEEP
    office.change(away(clinic.ines, "2026-12-03T09:00", 1))
    office.change(RemoveAbsence(ines, AbsenceId(office.db.scalars(select(Absence.id)).one())))
    assert not list(office.db.scalars(select(Absence)))


def test_rights(office: Office, clinic: Clinic, cast: Cast) -> None:
    own, others = away(clinic.ines, "2026-12-03T09:00", 1), away(clinic.rui, "2026-12-03T09:00", 1)
    office.change(own, actor=cast.doctor.actor())
    with pytest.raises(NotFound):
        office.change(others, actor=cast.doctor.actor())
    for account in (cast.receptionist, cast.patient):
        with pytest.raises(Forbidden):
            office.change(own, actor=account.actor())
    rui = PractitionerId(clinic.rui.id)
    foreign = row_id(office.db, clinic.ines)
    for change in (
        EndWeekly(rui, foreign, DAY),
        EndWeekly(rui, WeeklyHoursId(new_id()), DAY),
        RemoveExtra(rui, ExtraHoursId(new_id())),
        RemoveAbsence(rui, AbsenceId(office.db.scalars(select(Absence.id)).one())),
        EndWeekly(PractitionerId(new_id()), foreign, DAY),
    ):
        with pytest.raises(NotFound):
            office.change(change)


def test_a_visit_that_lost_its_room_stays_at_its_time_in_the_new_one(
    office: Office, clinic: Clinic, cast: Cast
) -> None:
    """Nobody is told, because the patient comes to the same place; history and calendar know."""
    office.db.execute(WeeklyHours.__table__.delete().where(WeeklyHours.practitioner_id == clinic.rui.id))
    rows = [make_appointment(office.db, clinic, cast.patient_person)]
    rows.append(make_appointment(office.db, clinic, cast.stranger_person, at=THURSDAY + timedelta(minutes=30)))
    # Somebody is in the new room during the second one; another one held it before, and did not book.
    make_appointment(office.db, clinic, cast.child, practitioner=clinic.rui, at=THURSDAY + timedelta(minutes=45))
    make_appointment(office.db, clinic, None, practitioner=clinic.sofia, state=AppointmentState.PROPOSED,
                     held_until=office.clock.now() - timedelta(minutes=1), booked_at=None)  # fmt: skip
    change = ChangeWeekly(row_id(office.db, clinic.ines), hours(clinic, room=clinic.room_2))
    shown = office.refused(change).visits
    assert [one.new_room.name if one.new_room else None for one in shown] == ["2", None]
    with pytest.raises(VisitsStranded):
        office.change(change, answers=same_for_all(shown, StrandedAnswer.ROOM))
    office.db.expire_all()
    chosen = [StrandedAnswer.ROOM, StrandedAnswer.KEEP]
    answers = {one.token: answer for one, answer in zip(shown, chosen, strict=True)}
    assert office.change(change, answers=answers) == Settled(kept=1, other_room=1)
    moved = office.db.get_one(Appointment, rows[0].id, populate_existing=True)
    assert (moved.starts_at, moved.room_id, moved.state) == (THURSDAY, clinic.room_2.id, AppointmentState.BOOKED)
    assert moved.sequence == 1
    lines = {line.reason: line for line in office.db.scalars(select(AppointmentHistory))}
    assert (lines["room.changed"].appointment_id, lines["room.changed"].actor_name) == (moved.id, office.actor.name)
    assert not list(office.db.scalars(select(Message)))
    left = visits_outside_hours(
        office.db, office.clock, actor=office.actor, practitioner_id=PractitionerId(clinic.ines.id)
    )
    assert [one.visit.appointment.id for one in left] == [rows[1].id]


def test_an_absence_has_no_other_room(office: Office, clinic: Clinic, cast: Cast) -> None:
    make_appointment(office.db, clinic, cast.patient_person)
    (shown,) = office.refused(away(clinic.ines, "2026-11-26T10:00", 2)).visits
    assert shown.new_room is None


def test_only_what_the_change_touches_is_read(office: Office, clinic: Clinic, cast: Cast) -> None:
    """The visit that touches the absence, with some columns of it; whatever else is to come is not looked at."""
    for day in range(5):
        make_appointment(office.db, clinic, cast.patient_person, at=THURSDAY + timedelta(days=7 * day))
    seen: list[str] = []

    def note(_row: Appointment, _context: object) -> None:
        seen.append("row")

    office.db.expunge_all()
    event.listen(Appointment, "load", note)
    try:
        (shown,) = office.refused(away(clinic.ines, "2026-11-26T10:00", 2)).visits
    finally:
        event.remove(Appointment, "load", note)
    assert len(seen) == 1
    assert shown.visit.appointment.starts_at == THURSDAY
