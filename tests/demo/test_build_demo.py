"""The demo clinic, made at any hour of any day."""

from collections import Counter
from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from clinic_portal.accounts.models import Account
from clinic_portal.accounts.passwords import verify_password
from clinic_portal.booking.models import Appointment, FreedTime, WaitingEntry, WaitingOffer
from clinic_portal.booking.queries.free_times import free_times
from clinic_portal.booking.queries.rota import Wish
from clinic_portal.booking.queries.stranded import visits_outside_hours
from clinic_portal.booking.rules import AppointmentState
from clinic_portal.booking.use_cases.make_offers import make_offers
from clinic_portal.booking.use_cases.replan_reminders import replan_reminders
from clinic_portal.core.actor import Role
from clinic_portal.core.clock import FixedClock, local_day
from clinic_portal.core.ids import FacilityId, FreedTimeId, ServiceId
from clinic_portal.core.modes import Mode
from clinic_portal.demo.build import build_demo
from clinic_portal.demo.people import MARTA
from clinic_portal.dependents.models import Relationship
from clinic_portal.dependents.rules import RelationshipKind
from clinic_portal.facilities.models import Facility, Room, Service
from clinic_portal.facilities.queries import closed_days_of
from clinic_portal.notifications.models import Message
from clinic_portal.notifications.rules import Channel
from clinic_portal.patients.models import Patient
from clinic_portal.practitioners.models import Absence, ExtraHours, Practitioner
from clinic_portal.practitioners.queries import practitioners
from tests.booking.rivals import INFO
from tests.demo.story import assert_holds_together, day_at, utc

#: Monday morning, Sunday afternoon, New Year's Day at 03:00, Christmas at noon, lunch time.
USUAL = ["2026-11-23T10:12", "2026-11-22T16:47", "2027-01-01T03:04", "2026-12-25T12:00", "2026-11-25T13:31"]
#: The nights in which the clock changes, in Lisbon and, an hour of the wall clock earlier, in the Azores.
CLOCK_CHANGES = ["2026-03-29T01:01", "2026-03-29T04:30", "2026-10-25T01:20", "2026-10-25T03:10"]
#: The day has only begun, or is nearly over: there was no time for visits that are done, or there is none for later ones.
MIDNIGHT = ["2026-11-24T00:00", "2026-11-24T00:09", "2026-11-23T21:40", "2026-11-23T23:58"]


@pytest.mark.parametrize("moment", [*USUAL, *CLOCK_CHANGES, *MIDNIGHT])
def test_today_is_in_full_swing(db: Session, clock: FixedClock, moment: str) -> None:
    clock.at = utc(moment)
    build_demo(db, clock)
    assert_holds_together(db, clock.now())
    lisbon, azores = (day_at(db, slug, clock.now()) for slug in ("lisbon", "ponta-delgada"))
    assert (lisbon.in_room, azores.in_room) == (3, 1)
    assert 5 <= lisbon.waiting <= 7
    assert 5 <= azores.waiting <= 7
    if moment in USUAL:
        for day in (lisbon, azores):
            assert (day.called, day.late) == (1, 1)
            assert day.done >= 3
            assert day.later >= 2


def test_the_cast_is_complete(db: Session, clock: FixedClock) -> None:
    summary = build_demo(db, clock)
    assert Counter(one.role for one in summary.sign_ins) == {
        Role.PATIENT: 1,
        Role.RECEPTIONIST: 2,
        Role.ADMINISTRATOR: 1,
        Role.DOCTOR: 2,
    }
    accounts = {row.email: row for row in db.scalars(select(Account))}
    for one in summary.sign_ins:
        account = accounts[one.email]
        assert (account.role, account.full_name) == (one.role, one.name)
        assert verify_password(account.password_hash, one.password)
        assert account.email_confirmed_at is not None
    assert len({row.password_hash for row in accounts.values()}) == 1
    assert len(list(db.scalars(select(Patient)))) == 60
    assert sum(1 for row in accounts.values() if row.role is Role.PATIENT) == 30
    people = list(db.scalars(select(Practitioner)))
    # All but who meets patients online only can sign in.
    assert len(people) == 9
    assert {one.account_id for one in people if one.meeting_url is None} == {
        row.id for row in accounts.values() if row.role is Role.DOCTOR
    }
    assert len(list(db.scalars(select(Room)))) == 6
    assert set(summary.facility_slugs) == {row.slug for row in db.scalars(select(Facility))}


def test_marta_comes_in_three_days_and_acts_for_two(db: Session, clock: FixedClock) -> None:
    build_demo(db, clock)
    account = db.scalars(select(Account).where(Account.email == "marta.araujo@example.org")).one()
    rows = db.scalars(select(Relationship).where(Relationship.account_id == account.id)).all()
    assert {row.kind for row in rows} == {RelationshipKind.SELF, RelationshipKind.PARENT, RelationshipKind.CARER}
    theirs = select(Appointment).where(Appointment.patient_id.in_({row.patient_id for row in rows}))
    coming = db.scalars(theirs.where(Appointment.starts_at > clock.now()).order_by(Appointment.starts_at)).all()
    own = next(row.patient_id for row in rows if row.kind is RelationshipKind.SELF)
    assert [coming[0].patient_id, coming[0].starts_at] == [own, datetime.fromisoformat("2026-11-26T10:30Z")]
    assert all(visit.booked_by_account_id == account.id for visit in coming)
    assert {visit.patient_id for visit in coming} == {row.patient_id for row in rows}
    assert db.scalars(theirs.where(Appointment.state == AppointmentState.FULFILLED)).first() is not None


def test_visits_to_come_are_reminded_of(db: Session, clock: FixedClock) -> None:
    """As the job does it that runs every ten minutes; Marta's on Thursday has its e-mail and its SMS."""
    db.info.update(INFO)
    build_demo(db, clock)
    assert replan_reminders(db, clock, missing_only=True) > 100
    martas = db.scalars(
        select(Appointment).where(Appointment.starts_at == datetime.fromisoformat("2026-11-26T10:30Z"))
    ).all()
    planned = db.scalars(select(Message).where(Message.subject_id.in_({row.id for row in martas}))).all()
    assert {row.channel for row in planned} == set(Channel)
    assert all(clock.now() < row.due_at < row.expires_at for row in planned if row.expires_at)


def test_the_past_month_has_every_ending_and_the_next_one_is_booked(db: Session, clock: FixedClock) -> None:
    build_demo(db, clock)
    rows = db.execute(select(Appointment.starts_at, Appointment.state)).all()
    past = Counter(state for at, state in rows if at < clock.now() - timedelta(days=1))
    assert past[AppointmentState.FULFILLED] > 200
    assert past[AppointmentState.NOSHOW] > 5
    assert past[AppointmentState.CANCELLED] > 5
    first, last = min(at for at, _ in rows), max(at for at, _ in rows)
    assert clock.now() - first > timedelta(days=28)
    assert last - clock.now() > timedelta(days=28)


def test_every_service_has_free_times_tomorrow_at_both_places(db: Session, clock: FixedClock) -> None:
    build_demo(db, clock)
    for service in db.scalars(select(Service)):
        for facility in db.scalars(select(Facility)):
            wish = Wish(ServiceId(service.id), facility_id=FacilityId(facility.id))
            tomorrow = local_day(clock.now(), facility.tz) + timedelta(days=1)
            (day,) = free_times(db, clock, wish, from_day=tomorrow, days=1).days
            assert len(day.times) >= 4, (service.slug, facility.slug)


def test_one_service_is_given_online_too_with_a_room_to_join(db: Session, clock: FixedClock) -> None:
    build_demo(db, clock)
    given: dict[str, set[str | None]] = {}
    for service in db.scalars(select(Service)):
        wish = Wish(ServiceId(service.id), mode=Mode.ONLINE)
        tomorrow = local_day(clock.now(), "Europe/Lisbon") + timedelta(days=1)
        for day in free_times(db, clock, wish, from_day=tomorrow, days=1).days:
            who = practitioners(db, {id_ for time in day.times for id_ in time.practitioner_ids})
            given.setdefault(service.slug, set()).update(one.meeting_url for one in who.values())
    assert given == {"general-practice": {"https://meet.clinic.example/beatriz-lobo"}}


def test_public_holidays_are_closed_for_a_year_but_not_today(db: Session, clock: FixedClock) -> None:
    clock.at = utc("2026-12-25T10:00")
    build_demo(db, clock)
    first, last = date(2026, 12, 1), date(2027, 12, 1)
    closed = {
        row.slug: closed_days_of(db, FacilityId(row.id), from_day=first, to_day=last)
        for row in db.scalars(select(Facility))
    }
    azores_day = date(2027, 5, 17)
    assert closed["ponta-delgada"] - closed["lisbon"] == {azores_day}
    assert {date(2026, 12, 8), date(2027, 1, 1), date(2027, 4, 25)} <= closed["lisbon"]
    assert date(2026, 12, 25) not in closed["lisbon"] | closed["ponta-delgada"]


def test_every_text_is_in_both_languages(db: Session, clock: FixedClock) -> None:
    build_demo(db, clock)
    for service in db.scalars(select(Service)):
        for texts in (service.names, service.summaries, service.preparations):
            assert set(texts) == {"en", "pt_PT"}
            assert texts["en"] != texts["pt_PT"]
    names = {place.slug: place.names for place in db.scalars(select(Facility))}
    assert names["lisbon"] == {"en": "Lisbon", "pt_PT": "Lisboa"}
    assert names["ponta-delgada"] == {"en": "Ponta Delgada", "pt_PT": "Ponta Delgada"}


def test_there_are_rules_an_absence_and_extra_hours_to_look_at(db: Session, clock: FixedClock) -> None:
    build_demo(db, clock)
    administrator = db.scalars(select(Account).where(Account.role == Role.ADMINISTRATOR)).one().actor()
    assert visits_outside_hours(db, clock, actor=administrator) == ()
    absence, extra = db.scalars(select(Absence)).one(), db.scalars(select(ExtraHours)).one()
    assert clock.now() < absence.starts_at < clock.now() + timedelta(days=14)
    assert clock.now().date() < extra.day
    buffered = select(Appointment).where(Appointment.busy_until > Appointment.ends_at)
    assert len(list(db.scalars(buffered))) >= 5
    assert db.scalar(select(func.count()).select_from(Service).where(Service.change_cutoff_minutes == 240))


def test_a_few_patients_wait_for_an_earlier_time_and_one_is_free(db: Session, clock: FixedClock) -> None:
    build_demo(db, clock)
    entries = db.scalars(select(WaitingEntry).order_by(WaitingEntry.created_at)).all()
    assert len(entries) == len({entry.account_id for entry in entries}) == 3
    freed = db.scalars(select(FreedTime.id)).one()
    assert make_offers(db, clock, freed_time_id=FreedTimeId(freed)) == 1
    offer = db.scalars(select(WaitingOffer)).one()
    assert offer.entry_id == entries[0].id
    assert entries[0].account_id == db.scalar(select(Account.id).where(Account.email == MARTA))
