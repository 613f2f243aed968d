"""How a facility offers times that come free."""

from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from clinic_portal.booking.models import WaitingPolicy
from clinic_portal.booking.queries.waiting import waiting_rules
from clinic_portal.booking.rules import OfferMode, WaitingRules
from clinic_portal.booking.use_cases.change_waiting_policy import change_waiting_policy
from clinic_portal.core.audit import AuditEntry
from clinic_portal.core.clock import FixedClock
from clinic_portal.core.errors import Forbidden, NotFound
from clinic_portal.core.ids import FacilityId, new_id
from tests.booking.waiting import TUESDAY, free_a_time, join, offer_all, offers
from tests.support.cast import Cast
from tests.support.clinic import Clinic

TOGETHER = WaitingRules(OfferMode.FIRST_COME, stands=timedelta(hours=2), stop_before=timedelta(days=1))


def test_it_counts_for_its_facility_alone_and_each_change_is_written_down(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast
) -> None:
    lisbon, office = FacilityId(clinic.lisbon.id), cast.administrator.actor()
    for rules in (WaitingRules(), TOGETHER, TOGETHER, WaitingRules(stands=timedelta(minutes=5))):
        change_waiting_policy(db, clock, facility_id=lisbon, rules=rules, actor=office)
        db.expire_all()
        assert waiting_rules(db, lisbon) == rules
    assert waiting_rules(db, FacilityId(clinic.azores.id)) == WaitingRules()
    first, second = db.scalars(select(AuditEntry).order_by(AuditEntry.id))
    assert (first.action, first.subject_id) == ("waiting_policy.changed", lisbon)
    assert first.detail == {"mode": "first-come", "stands": "2:00:00", "stop_before": "1 day, 0:00:00"}
    assert second.detail == {"mode": "one-at-a-time", "stands": "0:05:00", "stop_before": "2:00:00"}


def test_the_next_offers_follow_it_and_those_made_stand(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast
) -> None:
    lisbon, office = FacilityId(clinic.lisbon.id), cast.administrator.actor()
    join(db, clock, clinic, cast.guardian, cast.child)
    freed = free_a_time(db, clock, clinic, cast.stranger, cast.stranger_person)
    offer_all(db, clock, freed)
    (made,) = offers(db)
    until = made.ends_at
    join(db, clock, clinic, cast.patient, cast.patient_person)
    other = free_a_time(db, clock, clinic, cast.stranger, cast.stranger_person, TUESDAY + timedelta(hours=1))
    rules = WaitingRules(OfferMode.FIRST_COME, stands=timedelta(minutes=45), stop_before=timedelta(hours=1))
    change_waiting_policy(db, clock, facility_id=lisbon, rules=rules, actor=office)
    offer_all(db, clock, other)
    first, second = sorted(offers(db), key=lambda one: one.starts_at)
    assert (first.id, first.ends_at) == (made.id, until)
    assert (second.hold_id, second.ends_at) == (None, clock.now() + timedelta(minutes=45))


def test_rights(db: Session, clock: FixedClock, clinic: Clinic, cast: Cast) -> None:
    lisbon = FacilityId(clinic.lisbon.id)
    for account in (cast.doctor, cast.receptionist, cast.patient):
        with pytest.raises(Forbidden):
            change_waiting_policy(db, clock, facility_id=lisbon, rules=TOGETHER, actor=account.actor())
    nowhere = FacilityId(new_id())
    with pytest.raises(NotFound):
        change_waiting_policy(db, clock, facility_id=nowhere, rules=TOGETHER, actor=cast.administrator.actor())
    assert db.scalars(select(WaitingPolicy)).all() == []
