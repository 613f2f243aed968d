"""Reads of facilities and services."""

from datetime import date

import pytest
from sqlalchemy.orm import Session

from clinic_portal.core.errors import NotFound
from clinic_portal.core.ids import FacilityId, RoomId, ServiceId, new_id
from clinic_portal.facilities import queries
from clinic_portal.facilities.models import Closure
from tests.support.clinic import Clinic


def test_services_are_in_the_clinics_order_and_without_those_not_given(db: Session, clinic: Clinic) -> None:
    clinic.massage.position = 2
    clinic.evaluation.position = 1
    clinic.shock_waves.is_bookable = False
    db.commit()
    assert [service.slug for service in queries.bookable_services(db)] == ["evaluation", "massage"]
    with pytest.raises(NotFound):
        queries.service_by_slug(db, "shock-waves")
    # What was booked before keeps its name.
    assert queries.service_by_id(db, ServiceId(clinic.shock_waves.id)).slug == "shock-waves"


def test_a_service_and_where_it_is_closed(db: Session, clinic: Clinic) -> None:
    for day in (1, 8, 25):
        db.add(Closure(facility_id=clinic.lisbon.id, day=date(2026, 12, day), reason="holiday"))
    db.commit()
    service, facilities = queries.service_with_facilities(
        db,
        service_id=ServiceId(clinic.massage.id),
        facility_id=None,
        from_day=date(2026, 12, 1),
        to_day=date(2026, 12, 8),
    )
    assert service.minutes == 30
    closed = {one.tz: one.closed_days for one in facilities.values()}
    assert closed == {
        "Europe/Lisbon": frozenset({date(2026, 12, 1), date(2026, 12, 8)}),
        "Atlantic/Azores": frozenset(),
    }


def test_things_are_found_by_id_or_not_at_all(db: Session, clinic: Clinic) -> None:
    lisbon = FacilityId(clinic.lisbon.id)
    assert queries.find_facilities(db, [lisbon])[lisbon].address == "Rua das Flores 12, 1200-195 Lisboa"
    assert len(queries.find_facilities(db)) == 2
    assert queries.find_rooms(db, [RoomId(clinic.room_2.id)])[RoomId(clinic.room_2.id)].name == "2"
    assert queries.find_rooms(db, []) == queries.find_services(db, []) == queries.find_facilities(db, []) == {}
    for find in (
        lambda: queries.service_by_id(db, ServiceId(new_id())),
        lambda: queries.facility_by_id(db, FacilityId(new_id())),
        lambda: queries.facility_by_slug(db, "nowhere"),
    ):
        with pytest.raises(NotFound):
            find()
