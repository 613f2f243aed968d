"""SMS again, for a phone that answered STOP: asked for on the account's page, or at the desk."""

from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from clinic_portal.core import jobs
from clinic_portal.core.actor import system
from clinic_portal.core.clock import FixedClock
from clinic_portal.core.db import transaction
from clinic_portal.core.errors import Conflict, Forbidden, NotFound
from clinic_portal.core.ids import PatientId
from clinic_portal.notifications.models import StoppedAddress
from clinic_portal.notifications.queries import Channel, sms_stop, unwanted_channels
from clinic_portal.notifications.rules import OPT_IN_EVERY
from clinic_portal.notifications.steps import note_stop
from clinic_portal.notifications.use_cases.ask_for_sms_again import OPT_IN, ask_for_sms_again
from clinic_portal.notifications.use_cases.choose_reminders import choose_reminders
from tests.booking.factory import make_appointment
from tests.support.cast import Cast
from tests.support.clinic import Clinic

MARTA = "+351912345601"


@pytest.fixture(autouse=True)
def stopped(db: Session, clock: FixedClock, cast: Cast) -> None:
    with transaction(db):
        note_stop(db, clock, MARTA)


def row_of(db: Session) -> StoppedAddress:
    return db.scalars(select(StoppedAddress).execution_options(populate_existing=True)).one()


def test_the_account_page_says_it_and_one_press_asks(db: Session, clock: FixedClock, cast: Cast) -> None:
    browser = cast.browser(cast.patient)
    page = browser.page("/account")
    assert "This number answered STOP" in page.text
    answer = browser.post("/account/sms", data={"csrf_token": page.fields()["csrf_token"]})
    assert answer.status_code == 303
    page = browser.page("/account")
    assert page.text.count("SMS are being turned on again") == 2
    assert "Send me SMS again" not in page.text
    assert row_of(db).asked_at == clock.now()
    # Nobody else's page says anything.
    assert "STOP" not in cast.browser(cast.guardian).page("/account").text


class Nudges(list[tuple[object, ...]]):
    """A nudger that remembers."""

    def nudge(self, queue: str, function: str, *args: str | int) -> None:
        self.append((queue, function, *args))


def test_asking_twice_nudges_once(db: Session, clock: FixedClock, cast: Cast) -> None:
    db.info[jobs.SESSION_KEY] = nudges = Nudges()
    ask_for_sms_again(db, clock, actor=cast.patient.actor())
    first = clock.now()
    clock.at += timedelta(minutes=1)
    ask_for_sms_again(db, clock, actor=cast.patient.actor())
    assert nudges == [("notify", OPT_IN)]
    assert row_of(db).asked_at == first


def test_the_choice_of_reminders_says_it_and_stays_what_it_is(db: Session, cast: Cast) -> None:
    page = cast.browser(cast.patient).page("/account/reminders")
    assert "+351 912 345 601: no SMS, because this number answered STOP." in page.text
    assert page.fields()["by_sms"] == "y"
    assert unwanted_channels(db, [cast.patient.id]) == {cast.patient.id: frozenset()}
    assert "STOP" not in cast.browser(cast.guardian).page("/account/reminders").text


def test_who_wants_reminders_by_sms_alone_reads_that_none_comes_and_what_to_do(
    db: Session, clock: FixedClock, cast: Cast
) -> None:
    words = "No reminder reaches you"
    marta = cast.browser(cast.patient)
    assert words not in marta.page("/account").text, "by e-mail they do"
    choose_reminders(db, clock, actor=cast.patient.actor(), wanted=[])
    assert words not in marta.page("/account").text, "as she wishes"
    for who, number in ((cast.patient, MARTA), (cast.guardian, None)):
        choose_reminders(db, clock, actor=who.actor(), wanted=[Channel.SMS])
        browser = cast.browser(who)
        if number is None:  # Theirs is confirmed, and has said nothing.
            assert words not in browser.page("/account").text
            who.phone_confirmed_at = None
            db.commit()
        page = browser.page("/account")
        assert words in page.text
        assert "/account/reminders" in page.links()
        choose_reminders(db, clock, actor=who.actor(), wanted=[Channel.EMAIL])
        assert words not in browser.page("/account").text


def test_it_is_possible_once_in_thirty_days(db: Session, clock: FixedClock, cast: Cast) -> None:
    row_of(db).opted_in_at = clock.now()
    db.commit()
    clock.at += OPT_IN_EVERY - timedelta(seconds=1)
    with pytest.raises(Conflict, match="opt_in_too_soon"):
        ask_for_sms_again(db, clock, actor=cast.patient.actor())
    page = cast.browser(cast.patient).page("/account")
    assert "once in 30 days: next on Wednesday 23 December" in page.text
    assert "/account/sms" not in page.html
    clock.at += timedelta(seconds=1)
    ask_for_sms_again(db, clock, actor=cast.patient.actor())
    assert row_of(db).asked_at == clock.now()


def test_what_the_vendor_refused_is_told_and_may_be_asked_again(db: Session, clock: FixedClock, cast: Cast) -> None:
    row_of(db).error_code = "sms.opt_in_refused"
    db.commit()
    assert "The SMS service did not turn them on" in cast.browser(cast.patient).page("/account").text
    ask_for_sms_again(db, clock, actor=cast.patient.actor())
    stop = sms_stop(db, clock, MARTA)
    assert stop is not None
    assert (stop.is_asked, stop.is_refused) == (True, False)


def test_for_a_phone_to_which_sms_go_nothing_happens(db: Session, clock: FixedClock, cast: Cast) -> None:
    ask_for_sms_again(db, clock, actor=cast.guardian.actor())
    assert row_of(db).asked_at is None


def test_only_who_proved_the_phone_may_ask(db: Session, clock: FixedClock, cast: Cast) -> None:
    cast.patient.phone_confirmed_at = None
    db.commit()
    with pytest.raises(NotFound):
        ask_for_sms_again(db, clock, actor=cast.patient.actor())
    with pytest.raises(NotFound):
        ask_for_sms_again(db, clock, actor=system("job"))
    # Where the code is asked for it says why none comes, and offers no way to open somebody else's phone.
    page = cast.browser(cast.patient).page("/account/phone/code")
    assert "We cannot send SMS to +351 912 345 601" in page.text
    assert "/account/sms" not in page.html


def test_the_desk_asks_for_its_patient_and_nobody_else_for_another(
    db: Session, clock: FixedClock, cast: Cast, clinic: Clinic
) -> None:
    patient_id = PatientId(cast.patient_person.id)
    with pytest.raises(Forbidden):
        ask_for_sms_again(db, clock, actor=cast.stranger.actor(), patient_id=patient_id)
    with pytest.raises(NotFound):
        ask_for_sms_again(db, clock, actor=cast.receptionist.actor(), patient_id=PatientId(cast.child.id))
    visit = make_appointment(db, clinic, cast.patient_person)
    browser = cast.browser(cast.receptionist)
    path = f"/desk/{clinic.lisbon.slug}/visits/{visit.id}"
    page = browser.page(path)
    assert "no SMS" in page.text
    assert "We write e-mails instead." in page.text
    assert browser.post(f"{path}/sms", data={"csrf_token": page.fields()["csrf_token"]}).status_code == 303
    assert row_of(db).asked_at == clock.now()
    assert "The patient asks for SMS again" not in browser.page(path).text


def test_the_desk_hears_why_not_yet(db: Session, clock: FixedClock, cast: Cast, clinic: Clinic) -> None:
    visit = make_appointment(db, clinic, cast.patient_person)
    browser = cast.browser(cast.receptionist)
    path = f"/desk/{clinic.lisbon.slug}/visits/{visit.id}"
    fields = browser.page(path).fields()
    row_of(db).opted_in_at = clock.now()
    db.commit()
    answer = browser.post(f"{path}/sms", data={"csrf_token": fields["csrf_token"]})
    assert answer.status_code == 409
    assert "only once in 30 days" in answer.text
