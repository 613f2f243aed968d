"""Whoever waits for what is no longer given keeps the place, is told, and is seen: nobody waits in silence for ever."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from clinic_portal.booking.jobs import sweep_waiting_list
from clinic_portal.booking.models import WaitingEntry
from clinic_portal.booking.rules import Unserved
from clinic_portal.booking.use_cases.note_unserved import note_unserved
from clinic_portal.booking.waiting_messages import unserved_facts
from clinic_portal.core.clock import FixedClock
from clinic_portal.core.ids import AppointmentId, EntryId, new_id
from clinic_portal.core.modes import Mode, Modes
from clinic_portal.core.settings import Settings
from clinic_portal.notifications.models import Message
from clinic_portal.notifications.rules import MessageState
from clinic_portal.practitioners.models import Absence, ExtraHours, PractitionerService, WeeklyHours
from tests.booking.factory import THURSDAY, make_appointment
from tests.booking.online import give, work_online
from tests.booking.waiting import entry_id, free_a_time, join, offer_all, offers, wait_unreachable
from tests.support.cast import Cast
from tests.support.clinic import Clinic

SEVEN = THURSDAY.replace(hour=19, minute=0)
ONLINE = {"mode": Mode.ONLINE, "room_id": None}


@pytest.fixture(autouse=True)
def online_hours(db: Session, clinic: Clinic) -> None:
    work_online(db, clinic)


def unserved(db: Session, entry: WaitingEntry) -> Unserved | None:
    return db.get_one(WaitingEntry, entry.id, populate_existing=True).unserved


def told(db: Session, entry: WaitingEntry) -> list[Message]:
    about = Message.subject_id == entry.id, Message.kind == "waiting_unserved", Message.state == MessageState.QUEUED
    return list(db.scalars(select(Message).where(*about).execution_options(populate_existing=True)))


def test_who_waits_online_for_what_is_given_at_the_clinic_only_is_told_once(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, settings: Settings
) -> None:
    online = join(db, clock, clinic, cast.patient, cast.patient_person, mode=Mode.ONLINE)
    other = join(db, clock, clinic, cast.guardian, cast.child)
    sweep_waiting_list()
    assert unserved(db, online) is None
    give(db, clinic, Modes.IN_PERSON)
    for _ in range(3):
        sweep_waiting_list()
    assert (unserved(db, online), unserved(db, other)) == (Unserved.MODE, None)
    assert {message.channel.value for message in told(db, online)} == {"sms", "email"}
    assert {message.due_at for message in told(db, online)} == {clock.now() + timedelta(hours=1)}
    facts = unserved_facts(db, clock, settings, online.id)
    assert facts is not None
    assert (facts.context["reason"], facts.not_before) == ("mode", clock.now())
    own = cast.browser(cast.patient)
    for path in (f"/waiting-list/{online.id}", "/visits"):
        assert "We no longer offer this online." in own.page(path).text
    desk = cast.browser(cast.receptionist)
    assert "1 patient is waiting for something we no longer offer" in desk.page("/desk/lisbon/waiting-list").text
    page = desk.page(f"/desk/lisbon/waiting-list/{online.id}")
    assert "We no longer offer this online. They keep their place, and we write to them." in " ".join(page.text.split())


def test_a_mistake_that_is_taken_back_within_the_hour_is_told_to_nobody(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, settings: Settings
) -> None:
    entry = join(db, clock, clinic, cast.patient, cast.patient_person, mode=Mode.ONLINE)
    give(db, clinic, Modes.IN_PERSON)
    sweep_waiting_list()
    give(db, clinic, Modes.BOTH)
    clock.advance(timedelta(minutes=59))
    sweep_waiting_list()
    assert (unserved(db, entry), told(db, entry)) == (None, [])
    assert unserved_facts(db, clock, settings, entry.id) is None
    # And when it is meant, they hear of it.
    give(db, clinic, Modes.IN_PERSON)
    sweep_waiting_list()
    assert len(told(db, entry)) == 2


def stops(clinic: Clinic, what: str) -> Callable[[Session], object]:
    """What somebody does to the clinic."""
    ines = WeeklyHours.practitioner_id == clinic.ines.id
    here = WeeklyHours.facility_id == clinic.lisbon.id
    gives = PractitionerService.practitioner_id == clinic.ines.id
    changes: dict[str, Callable[[Session], object]] = {
        "the service": lambda db: setattr(clinic.massage, "is_bookable", False),
        "Inês leaves": lambda db: setattr(clinic.ines, "is_active", False),
        "Inês gives it no more": lambda db: db.execute(delete(PractitionerService).where(gives)),
        "her hours end": lambda db: db.execute(update(WeeklyHours).where(ines).values(valid_until=date(2026, 11, 22))),
        "Lisbon": lambda db: db.execute(delete(WeeklyHours).where(here)),
        "the clinic": lambda db: setattr(clinic.massage, "modes", Modes.ONLINE),
        "her Tuesdays": lambda db: db.execute(delete(WeeklyHours).where(ines, WeeklyHours.weekday == 1)),
        "an absence": lambda db: db.add(
            Absence(
                practitioner_id=clinic.ines.id,
                starts_at=THURSDAY - timedelta(days=30),
                ends_at=THURSDAY + timedelta(days=90),
                reason="ill",
            )
        ),
        "nothing": lambda db: None,
    }
    return changes[what]


@pytest.mark.parametrize(
    ("what", "of_ines", "of_anybody"),
    [
        ("the service", Unserved.SERVICE, Unserved.SERVICE),
        ("Inês leaves", Unserved.PRACTITIONER, None),
        ("Inês gives it no more", Unserved.PRACTITIONER, None),
        ("her hours end", Unserved.PRACTITIONER, None),
        ("Lisbon", Unserved.PLACE, Unserved.PLACE),
        ("the clinic", Unserved.MODE, Unserved.MODE),
        ("her Tuesdays", Unserved.DAYS, None),
        # It ends, or is taken back; the place would be lost.
        ("an absence", None, None),
        ("nothing", None, None),
    ],
)
def test_whatever_ends_is_noted_with_its_reason(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, what: str, of_ines: Unserved | None,
    of_anybody: Unserved | None,
) -> None:  # fmt: skip
    lisbon = clinic.lisbon.id
    of_hers = {"practitioner_id": clinic.ines.id, "facility_id": lisbon, "weekdays": frozenset({1})}
    ines = join(db, clock, clinic, cast.patient, cast.patient_person, **of_hers)
    anybody = join(db, clock, clinic, cast.guardian, cast.child, facility_id=lisbon)
    anywhere = join(db, clock, clinic, cast.stranger, cast.stranger_person)
    stops(clinic, what)(db)
    db.commit()
    sweep_waiting_list()
    assert (unserved(db, ines), unserved(db, anybody)) == (of_ines, of_anybody)
    # Sofia gives it in Ponta Delgada.
    assert unserved(db, anywhere) == (None if of_anybody is Unserved.PLACE else of_anybody)
    page = cast.browser(cast.receptionist).page(f"/desk/lisbon/waiting-list/{ines.id}")
    assert ("Nothing can be offered to them" in page.text) == (of_ines is not None)
    assert ("Change what they are waiting for" in page.text) == (of_ines is not Unserved.SERVICE)


def test_a_visit_that_there_is_can_come_earlier_however_the_service_is_given_now(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast
) -> None:
    visit = make_appointment(db, clinic, cast.patient_person, at=SEVEN + timedelta(days=1), **ONLINE)
    entry = join(db, clock, clinic, cast.patient, cast.patient_person, visit=visit)
    assert entry.mode is Mode.ONLINE
    give(db, clinic, Modes.IN_PERSON)
    clinic.massage.is_bookable = False
    db.commit()
    sweep_waiting_list()
    assert unserved(db, entry) is None
    freed = free_a_time(db, clock, clinic, cast.stranger, cast.stranger_person, at=SEVEN, **ONLINE)
    assert offer_all(db, clock, freed) == 1
    assert offers(db)[0].starts_at == SEVEN
    again = join(db, clock, clinic, cast.patient, cast.patient_person, visit=visit, until_day=date(2026, 11, 27))
    assert (again.id, again.appointment_id) == (entry.id, AppointmentId(visit.id))


def test_who_asks_for_something_else_waits_again(db: Session, clock: FixedClock, clinic: Clinic, cast: Cast) -> None:
    entry = join(db, clock, clinic, cast.patient, cast.patient_person, mode=Mode.ONLINE)
    give(db, clinic, Modes.IN_PERSON)
    sweep_waiting_list()
    own, path = cast.browser(cast.patient), f"/book/massage/waiting-list?patient={cast.patient_person.id}"
    page = own.page(path, method="POST", data=own.page(path).fields())
    assert page.h1 == "You are on the waiting list"
    assert "We write to you when a time comes free." in page.text
    assert db.get_one(WaitingEntry, entry.id, populate_existing=True).mode is Mode.IN_PERSON
    assert (unserved(db, entry), told(db, entry)) == (None, [])
    sweep_waiting_list()
    assert unserved(db, entry) is None


def test_at_night_nobody_is_written_to_about_it(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, settings: Settings
) -> None:
    entry = join(db, clock, clinic, cast.patient, cast.patient_person, mode=Mode.ONLINE)
    give(db, clinic, Modes.IN_PERSON)
    clock.at = datetime(2026, 11, 23, 23, 30, tzinfo=UTC)
    sweep_waiting_list()
    facts = unserved_facts(db, clock, settings, entry.id)
    assert facts is not None
    assert facts.not_before == datetime(2026, 11, 24, 8, tzinfo=UTC)


def test_whom_no_message_reaches_the_desk_phones(db: Session, clock: FixedClock, clinic: Clinic, cast: Cast) -> None:
    entry = wait_unreachable(db, clock, clinic, cast, mode=Mode.ONLINE)
    give(db, clinic, Modes.IN_PERSON)
    sweep_waiting_list()
    page = cast.browser(cast.receptionist).page(f"/desk/lisbon/waiting-list/{entry.id}")
    assert "No message reaches them: please phone." in page.text


def test_the_administrator_reads_who_waits_before_changing_it(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast
) -> None:
    admin = cast.browser(cast.administrator)
    assert "On the waiting list" not in admin.page("/admin/services/massage").text
    join(db, clock, clinic, cast.patient, cast.patient_person, mode=Mode.ONLINE)
    join(db, clock, clinic, cast.guardian, cast.child)
    assert "On the waiting list: 1 online, 1 at the clinic." in admin.page("/admin/services/massage").text
    assert "On the waiting list" not in admin.page("/admin/services/evaluation").text


def test_nobody_is_noted_twice_or_after_the_end(db: Session, clock: FixedClock, clinic: Clinic, cast: Cast) -> None:
    entry = join(db, clock, clinic, cast.patient, cast.patient_person, mode=Mode.ONLINE)
    assert not note_unserved(db, clock, entry_id=entry_id(entry))
    give(db, clinic, Modes.IN_PERSON)
    assert [note_unserved(db, clock, entry_id=entry_id(entry)) for _ in range(2)] == [True, False]
    assert not note_unserved(db, clock, entry_id=EntryId(new_id()))


def test_who_waits_for_days_that_nobody_works_is_told_and_offered_the_day_that_comes(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, settings: Settings
) -> None:
    entry = join(db, clock, clinic, cast.patient, cast.patient_person, weekdays=frozenset({5}))
    sweep_waiting_list()
    assert unserved(db, entry) is Unserved.DAYS
    facts = unserved_facts(db, clock, settings, entry.id)
    assert facts is not None
    assert facts.context["reason"] == "days"
    words = "We do not offer this on the days and at the times that were chosen."
    assert words in cast.browser(cast.patient).page(f"/waiting-list/{entry.id}").text
    assert words in cast.browser(cast.receptionist).page(f"/desk/lisbon/waiting-list/{entry.id}").text
    db.add(
        ExtraHours(
            practitioner_id=clinic.ines.id, facility_id=clinic.lisbon.id, room_id=clinic.room_1.id, mode=Mode.IN_PERSON,
            day=date(2026, 12, 5), starts_minute=540, ends_minute=720,
        )
    )  # fmt: skip
    db.commit()
    sweep_waiting_list()
    assert (unserved(db, entry), told(db, entry)) == (None, [])


@pytest.mark.parametrize(
    ("field", "sent"), [("weekdays", ["5", "6"]), ("parts", ["after-work"])], ids=["weekdays", "parts"]
)
def test_nobody_begins_to_wait_for_days_or_hours_that_nobody_works(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, field: str, sent: list[str]
) -> None:
    db.execute(update(WeeklyHours).where(WeeklyHours.ends_minute == 18 * 60).values(ends_minute=17 * 60))
    db.commit()
    make_appointment(db, clinic, cast.patient_person, at=THURSDAY - timedelta(days=30))
    own, desk = cast.browser(cast.patient), cast.browser(cast.receptionist)
    words = "Nobody offers this then. Choose other days or times, or none of them if any suits"
    path = f"/book/massage/waiting-list?patient={cast.patient_person.id}"
    for client, where in ((own, path), (desk, f"/desk/lisbon/book/{cast.patient_person.id}/massage/waiting-list")):
        fields = client.page(where).fields() | {"mode": Mode.IN_PERSON.value}
        page = client.page(where, method="POST", status=422, data=fields | {field: sent})
        assert page.text.count(words) == 2
    assert db.scalars(select(WaitingEntry)).all() == []
