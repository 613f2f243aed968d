"""Reminders turned off, and on again, from the link in one: also by who has no account."""

from sqlalchemy.orm import Session

from clinic_portal.booking.links import visit_link_path
from clinic_portal.booking.models import Appointment
from clinic_portal.booking.queries.appointments import facts_of
from clinic_portal.booking.queries.visits import LinkHolder
from clinic_portal.booking.reminder_messages import reminder_facts
from clinic_portal.booking.use_cases.turn_reminders import turn_reminders
from clinic_portal.core.clock import FixedClock
from clinic_portal.core.ids import AccountId, AppointmentId
from clinic_portal.core.settings import Settings
from clinic_portal.notifications.queries import Channel, unwanted_channels
from tests.booking.factory import make_appointment
from tests.support.cast import Cast
from tests.support.clinic import Clinic
from tests.support.page import PortalClient
from tests.waiting_room.visits import make_person


def by_phone(db: Session, clock: FixedClock, clinic: Clinic) -> Appointment:
    """A visit of somebody whom the desk booked in, without an account."""
    person = make_person(db, clock, "Rita", "Sousa", phone="+351912345699")
    return make_appointment(db, clinic, person, practitioner=clinic.rui)


def test_who_has_no_account_turns_them_off_and_on(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, settings: Settings
) -> None:
    row, other = by_phone(db, clock, clinic), make_appointment(db, clinic, cast.patient_person)
    link = LinkHolder(AppointmentId(row.id))
    before = reminder_facts(db, clock, settings, row.id)
    assert before is not None
    for _ in range(2):
        turn_reminders(db, clock, by=link, on=False)
        assert reminder_facts(db, clock, settings, row.id) is None
    assert reminder_facts(db, clock, settings, other.id) is not None, "nobody else's"
    turn_reminders(db, clock, by=link, on=True)
    assert reminder_facts(db, clock, settings, row.id) == before


def test_a_childs_reminders_are_the_choice_of_the_account_that_gets_them(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, settings: Settings
) -> None:
    row = make_appointment(db, clinic, cast.child, booked_by_account_id=cast.guardian.id)
    turn_reminders(db, clock, by=LinkHolder(AppointmentId(row.id)), on=False)
    assert reminder_facts(db, clock, settings, row.id) is None
    guardian_id = AccountId(cast.guardian.id)
    assert unwanted_channels(db, [guardian_id]) == {guardian_id: frozenset(Channel)}
    assert "by_sms" not in cast.browser(cast.guardian).page("/account/reminders").fields()


def test_the_page_changes_nothing_until_a_button_is_pressed(
    client: PortalClient, db: Session, clock: FixedClock, clinic: Clinic, settings: Settings
) -> None:
    row = by_phone(db, clock, clinic)
    home = visit_link_path(settings, facts_of(row))
    assert f"{home}/reminders" in client.page(home).links()
    for words, button, value in (
        ("some days ahead", "Stop reminders", "off"),
        ("we no longer remind you", "Remind me again", "on"),
    ):
        for _ in range(2):
            page = client.page(f"{home}/reminders")
            assert words in page.text
            assert button in page.text
        assert "Rita" not in page.text
        data = {"csrf_token": page.fields()["csrf_token"], "remind": value}
        client.page(f"{home}/reminders", method="POST", data=data)
    assert "some days ahead" in client.page(f"{home}/reminders").text
