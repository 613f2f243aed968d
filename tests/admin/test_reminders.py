"""When patients are reminded, as the administrator sets it."""

import pytest
from sqlalchemy.orm import Session

from clinic_portal.booking.queries.reminders import own_plans, quiet_hours, reminding
from clinic_portal.booking.rules.reminders import EMAIL_PLAN, SMS_PLAN, QuietHours
from clinic_portal.notifications.queries import Channel
from tests.support.cast import Cast
from tests.support.clinic import Clinic

MASSAGE = "/admin/reminders/massage/sms"


def test_the_usual_plans_are_shown_in_words(cast: Cast) -> None:
    text = cast.browser(cast.administrator).page("/admin/reminders").text
    assert "2 days before if booked more than 7 days ahead; otherwise 1 day before, 14:00–16:00" in text
    assert "Booked later than the day before at 13:00: after 10 minutes" in text
    assert "7 days before and 1 day before, 14:00–16:00" in text
    assert "as for all services" in text


def test_a_service_gets_a_plan_of_its_own_and_loses_it(db: Session, clinic: Clinic, cast: Cast) -> None:
    administrator = cast.browser(cast.administrator)
    page = administrator.page(MASSAGE)
    assert page.h1 == "SMS reminders: Massage"
    fields = page.fields() | {"early_days": "", "last_days": "3", "early_instead_after_days": "", "late_minutes": ""}
    assert administrator.post(MASSAGE, data=fields).status_code == 303
    plan = reminding(db, clinic.massage.id).plans[Channel.SMS]
    assert (plan.early_days, plan.last_days, plan.late_minutes) == (None, 3, None)
    assert reminding(db, clinic.evaluation.id).plans == {Channel.SMS: SMS_PLAN, Channel.EMAIL: EMAIL_PLAN}
    page = administrator.page("/admin/reminders")
    assert "3 days before, 14:00–16:00" in page.text
    assert administrator.post(f"{MASSAGE}/as-usual", data=page.fields()).status_code == 303
    assert own_plans(db) == {}


def test_a_plan_for_all_holds_for_all_that_have_none(db: Session, clinic: Clinic, cast: Cast) -> None:
    administrator = cast.browser(cast.administrator)
    path = "/admin/reminders/usual/email"
    fields = administrator.page(path).fields() | {"early_days": "10"}
    assert administrator.post(path, data=fields).status_code == 303
    assert reminding(db, clinic.massage.id).plans[Channel.EMAIL].early_days == 10


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        (
            {"early_days": "1", "last_days": "2"},
            "The last reminder must come fewer days before the visit than the first",
        ),
        ({"early_days": "seven"}, "Enter a number from 0 to 60"),
        ({"early_days": "", "last_days": "1e", "early_instead_after_days": ""}, "Enter a number from 0 to 60"),
        ({"last_days": "61"}, "Enter a number from 0 to 60"),
        ({"from_time": "17:00", "until_time": "16:00"}, "The second time must not be before the first"),
        ({"from_time": "25:00"}, "Enter a time of day, for example 14:00"),
        ({"late_minutes": "0"}, "Enter a number from 1 to 1440"),
        ({"early_days": "", "early_instead_after_days": "7"}, "Enter both reminders, or leave this empty"),
    ],
)
def test_a_plan_that_cannot_be_is_refused_and_kept(cast: Cast, wrong: dict[str, str], words: str) -> None:
    administrator = cast.browser(cast.administrator)
    fields = administrator.page(MASSAGE).fields() | wrong
    page = administrator.page(MASSAGE, method="POST", status=422, data=fields)
    assert page.text.count(words) == 2
    assert len(page.all("p", class_="nhsuk-error-message")) == 1, "one mistake, one answer"
    kept = page.fields()
    assert {name: kept[name] for name in wrong} == wrong


def test_quiet_hours_are_the_clinics(db: Session, cast: Cast) -> None:
    administrator = cast.browser(cast.administrator)
    fields = administrator.page("/admin/reminders").fields()
    assert (fields["quiet_from"], fields["quiet_until"]) == ("21:00", "08:00")
    page = administrator.page("/admin/reminders", method="POST", status=422, data=fields | {"quiet_until": "late"})
    assert "Enter a time of day" in page.text
    administrator.post("/admin/reminders", data=fields | {"quiet_from": "20:30", "quiet_until": "09:00"})
    assert quiet_hours(db) == QuietHours(20 * 60 + 30, 9 * 60)
