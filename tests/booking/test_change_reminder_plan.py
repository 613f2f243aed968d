"""A plan of one channel, for all services or one."""

from dataclasses import replace

from sqlalchemy.orm import Session

from clinic_portal.booking.queries.reminders import own_plans, reminding
from clinic_portal.booking.rules.reminders import EMAIL_PLAN, SMS_PLAN
from clinic_portal.booking.use_cases.change_reminder_plan import change_reminder_plan
from clinic_portal.core.clock import FixedClock
from clinic_portal.core.ids import ServiceId
from clinic_portal.notifications.queries import Channel
from tests.support.cast import Cast
from tests.support.clinic import Clinic


def test_the_nearest_plan_holds(db: Session, clock: FixedClock, clinic: Clinic, cast: Cast) -> None:
    massage = ServiceId(clinic.massage.id)
    for_all, own = replace(SMS_PLAN, last_days=3, early_days=5), replace(SMS_PLAN, last_days=4, early_days=6)

    def change(service_id: ServiceId | None, plan: object) -> None:
        change_reminder_plan(
            db, clock, actor=cast.administrator.actor(), service_id=service_id, channel=Channel.SMS, plan=plan
        )  # type: ignore[arg-type]

    change(massage, own)
    assert reminding(db, massage).plans == {Channel.SMS: own, Channel.EMAIL: EMAIL_PLAN}
    assert reminding(db, None).plans == {Channel.SMS: SMS_PLAN, Channel.EMAIL: EMAIL_PLAN}
    change(None, for_all)
    change(None, for_all)
    assert reminding(db, massage).plans[Channel.SMS] == own
    assert reminding(db, ServiceId(clinic.evaluation.id)).plans[Channel.SMS] == for_all
    assert own_plans(db) == {(None, Channel.SMS): for_all, (massage, Channel.SMS): own}
    change(massage, None)
    assert reminding(db, massage).plans[Channel.SMS] == for_all
