"""How one is reminded: chosen on the account's page, holds for what already waits."""

from sqlalchemy.orm import Session

from clinic_portal.booking.reminder_messages import reminder_facts
from clinic_portal.core.clock import FixedClock
from clinic_portal.core.settings import Settings
from clinic_portal.notifications.queries import Channel, unwanted_channels
from clinic_portal.notifications.use_cases.choose_reminders import choose_reminders
from tests.booking.factory import make_appointment
from tests.support.cast import Cast
from tests.support.clinic import Clinic


def test_nobody_is_reminded_on_a_channel_that_they_do_not_want(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, settings: Settings
) -> None:
    row = make_appointment(db, clinic, cast.patient_person)
    child = make_appointment(db, clinic, cast.child, booked_by_account_id=cast.guardian.id, practitioner=clinic.rui)
    before = reminder_facts(db, clock, settings, row.id)
    assert before is not None
    assert (before.phone, before.email) == ("+351912345601", "marta@example.org")
    choose_reminders(db, clock, actor=cast.patient.actor(), wanted=[Channel.EMAIL])
    choose_reminders(db, clock, actor=cast.guardian.actor(), wanted=[Channel.SMS])
    facts, childs = (reminder_facts(db, clock, settings, visit.id) for visit in (row, child))
    assert facts is not None
    assert childs is not None
    assert (facts.phone, facts.email) == (None, "marta@example.org")
    assert (childs.phone, childs.email) == ("+351912345602", None)
    choose_reminders(db, clock, actor=cast.patient.actor(), wanted=[])
    assert reminder_facts(db, clock, settings, row.id) is None
    choose_reminders(db, clock, actor=cast.patient.actor(), wanted=list(Channel))
    assert reminder_facts(db, clock, settings, row.id) == before


def test_the_page_says_and_changes_it(db: Session, cast: Cast) -> None:
    browser = cast.browser(cast.patient)
    assert "/account/reminders" in browser.page("/account").links()
    page = browser.page("/account/reminders")
    assert page.h1 == "How should we remind you?"
    fields = page.fields()
    assert {name: fields[name] for name in ("by_sms", "by_email")} == {"by_sms": "y", "by_email": "y"}
    del fields["by_sms"]
    answer = browser.post("/account/reminders", data=fields)
    assert answer.status_code == 303
    assert "Saved: this is how we remind you" in browser.page("/account").text
    assert unwanted_channels(db, [cast.patient.id]) == {cast.patient.id: {Channel.SMS}}
    assert "by_sms" not in browser.page("/account/reminders").fields()
