"""Reads of facilities and services."""

from datetime import date

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from clinic_portal.core.errors import NotFound
from clinic_portal.core.ids import FacilityId, RoomId, ServiceId, new_id
from clinic_portal.facilities import queries
from clinic_portal.facilities.models import Closure, OpenHoliday
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
        db.add(Closure(facility_id=clinic.lisbon.id, day=date(2026, 12, day), reason="works"))
    db.commit()
    first, last = date(2026, 12, 1), date(2026, 12, 8)
    column = db.scalar(select(queries.open_facilities_column(None, from_day=first, to_day=last)))
    closed = {
        one.tz: one.closed_days for one in queries.read_open_facilities(column, from_day=first, to_day=last).values()
    }
    assert closed == {"Europe/Lisbon": frozenset({first, last}), "Atlantic/Azores": frozenset()}


def test_public_holidays_are_closed_where_they_are_kept_until_somebody_opens_them(db: Session, clinic: Clinic) -> None:
    lisbon, azores = FacilityId(clinic.lisbon.id), FacilityId(clinic.azores.id)
    year = {"from_day": date(2027, 1, 1), "to_day": date(2027, 12, 31)}
    assert queries.closed_days_of(db, azores, **year) == frozenset()
    clinic.lisbon.observes_holidays = clinic.azores.observes_holidays = True
    db.commit()
    # Whit Monday is the day of the Azores.
    assert queries.closed_days_of(db, azores, **year) - queries.closed_days_of(db, lisbon, **year) == {
        date(2027, 5, 17)
    }
    db.add(OpenHoliday(facility_id=lisbon, day=date(2027, 12, 8)))
    db.commit()
    assert date(2027, 12, 8) in queries.closed_days_of(db, azores, **year)
    assert date(2027, 12, 8) not in queries.closed_days_of(db, lisbon, **year)
    assert date(2027, 12, 25) in queries.closed_days_of(db, lisbon, **year)


def test_things_are_found_by_id_or_not_at_all(db: Session, clinic: Clinic) -> None:
    lisbon = FacilityId(clinic.lisbon.id)
    assert queries.find_facilities(db, [lisbon])[lisbon].address == "Rua das Flores 12, 1200-195 Lisboa"
    assert [one.slug for one in queries.find_facilities(db).values()] == ["lisbon", "ponta-delgada"]
    assert queries.facility_by_id(db, lisbon).names == {"en": "Lisbon", "pt_PT": "Lisboa"}
    assert queries.find_rooms(db, [RoomId(clinic.room_2.id)])[RoomId(clinic.room_2.id)].name == "2"
    assert queries.find_rooms(db, []) == queries.find_services(db, []) == queries.find_facilities(db, []) == {}
    for find in (
        lambda: queries.service_by_id(db, ServiceId(new_id())),
        lambda: queries.facility_by_id(db, FacilityId(new_id())),
        lambda: queries.facility_by_slug(db, "nowhere"),
    ):
        with pytest.raises(NotFound):
            find()
