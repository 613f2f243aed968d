"""What a service asks of those who book it."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from clinic_portal.core.audit import AuditEntry
from clinic_portal.core.clock import FixedClock
from clinic_portal.core.errors import Forbidden, NotFound
from clinic_portal.core.ids import ServiceId, new_id
from clinic_portal.core.modes import Modes
from clinic_portal.facilities.queries import service_by_id
from clinic_portal.facilities.rules import BookingRules
from clinic_portal.facilities.use_cases.change_service_rules import change_service_rules
from tests.support.cast import Cast
from tests.support.clinic import Clinic

RULES = BookingRules(
    before=timedelta(minutes=5), after=timedelta(minutes=10), notice=timedelta(hours=2), horizon_days=30,
    change_cutoff=timedelta(hours=24), visits_per_day=1, series_max=8,
    modes=Modes.ONLINE,
)  # fmt: skip


def test_all_of_them_are_kept_and_the_change_is_written_down(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast
) -> None:
    massage = ServiceId(clinic.massage.id)
    for _ in range(2):
        facts = change_service_rules(db, clock, service_id=massage, rules=RULES, actor=cast.administrator.actor())
        assert facts.rules == RULES
    db.expire_all()
    assert service_by_id(db, massage).rules == RULES
    assert service_by_id(db, ServiceId(clinic.evaluation.id)).rules == BookingRules()
    (entry,) = db.scalars(select(AuditEntry))
    assert (entry.action, entry.subject_id, entry.detail["horizon_days"]) == ("service.rules_changed", massage, "30")
    assert entry.detail["series_max"] == "8"


def test_a_series_that_is_no_longer_offered(db: Session, clock: FixedClock, clinic: Clinic, cast: Cast) -> None:
    massage = ServiceId(clinic.massage.id)
    now = service_by_id(db, massage).rules
    assert now.series_max == 12
    booked_singly = replace(now, series_max=None)
    change_service_rules(db, clock, service_id=massage, rules=booked_singly, actor=cast.administrator.actor())
    db.expire_all()
    assert service_by_id(db, massage).rules == booked_singly
    assert db.scalars(select(AuditEntry.detail)).one() == {"series_max": "None"}


def test_rights(db: Session, clock: FixedClock, clinic: Clinic, cast: Cast) -> None:
    massage = ServiceId(clinic.massage.id)
    for account in (cast.doctor, cast.receptionist, cast.patient):
        with pytest.raises(Forbidden):
            change_service_rules(db, clock, service_id=massage, rules=RULES, actor=account.actor())
    with pytest.raises(NotFound):
        change_service_rules(db, clock, service_id=ServiceId(new_id()), rules=RULES, actor=cast.administrator.actor())
    assert service_by_id(db, massage).rules == BookingRules(series_max=12)
