"""Reads of practitioners and their hours."""

from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from clinic_portal.core.errors import NotFound
from clinic_portal.core.ids import AccountId, FacilityId, PractitionerId, ServiceId, new_id
from clinic_portal.core.modes import Mode
from clinic_portal.practitioners import queries
from clinic_portal.practitioners.models import Absence, ExtraHours, WeeklyHours
from clinic_portal.practitioners.rules import initials, short_name
from tests.support.cast import Cast
from tests.support.clinic import Clinic

MONDAY = date(2026, 11, 23)


@pytest.mark.parametrize(
    ("given", "family", "short", "letters"),
    [
        ("Inês", "Carvalho", "Inês C.", "IC"),
        ("Ana Maria", "Sousa Lima", "Ana L.", "AL"),
        ("Zé", "", "Zé", "Z"),
        ("", "", "", ""),
    ],
)
def test_names_in_small_places(given: str, family: str, short: str, letters: str) -> None:
    assert (short_name(given, family), initials(given, family)) == (short, letters)


def hours(
    db: Session,
    clinic: Clinic,
    from_day: date = MONDAY,
    to_day: date = MONDAY + timedelta(days=6),
    **other: object,
) -> list[queries.HoursFacts]:
    who: dict[str, object] = {
        "service_id": ServiceId(clinic.shock_waves.id), "practitioner_id": None, "facility_id": None, **other
    }  # fmt: skip
    days = queries.hours_of_days(from_day, to_day)
    column = db.scalar(select(queries.hours_column(days, **who)))  # type: ignore[arg-type]
    return list(queries.read_hours(column))


def test_hours_are_those_of_who_gives_the_service(db: Session, clinic: Clinic) -> None:
    assert {row.practitioner_id for row in hours(db, clinic)} == {clinic.ines.id}
    assert len(hours(db, clinic)) == 10
    assert hours(db, clinic, facility_id=FacilityId(clinic.azores.id)) == []
    assert hours(db, clinic, practitioner_id=PractitionerId(clinic.rui.id)) == []
    clinic.ines.is_active = False
    db.commit()
    assert hours(db, clinic) == []


def test_hours_are_valid_from_and_until_a_day_included(db: Session, clinic: Clinic) -> None:
    for row in db.query(WeeklyHours).filter_by(practitioner_id=clinic.ines.id):
        row.valid_from, row.valid_until = MONDAY, MONDAY + timedelta(days=7)
    db.commit()
    (monday, *_) = hours(db, clinic)
    held = [MONDAY + timedelta(days=days) for days in range(-7, 21) if monday.holds_on(MONDAY + timedelta(days=days))]
    assert held == [MONDAY, MONDAY + timedelta(days=7)]
    assert hours(db, clinic, from_day=MONDAY + timedelta(days=8), to_day=MONDAY + timedelta(days=20)) == []


def test_absences_touch_the_stretch(db: Session, clinic: Clinic) -> None:
    noon = datetime(2026, 11, 23, 12, tzinfo=UTC)
    db.add(Absence(practitioner_id=clinic.ines.id, starts_at=noon, ends_at=noon + timedelta(hours=1), reason="x"))
    db.commit()
    massage, ines, rui = ServiceId(clinic.massage.id), PractitionerId(clinic.ines.id), PractitionerId(clinic.rui.id)

    def found(who: PractitionerId | None, start: float, end: float) -> list[queries.AbsenceFacts]:
        column = queries.absences_column(
            service_id=massage,
            practitioner_id=who,
            start=noon + timedelta(hours=start),
            end=noon + timedelta(hours=end),
        )
        return list(queries.read_absences(db.scalar(select(column))))

    for start, end, count in ((-1, 0, 0), (0, 1, 1), (-1, 0.5, 1), (0.5, 3, 1), (1, 2, 0)):
        assert len(found(None, start, end)) == count, (start, end)
    assert found(ines, 0, 1) == [queries.AbsenceFacts(ines, noon, noon + timedelta(hours=1))]
    assert found(rui, 0, 1) == []


def test_extra_hours_are_hours_of_one_day(db: Session, clinic: Clinic) -> None:
    sunday = MONDAY + timedelta(days=6)
    db.add(
        ExtraHours(practitioner_id=clinic.ines.id, facility_id=clinic.lisbon.id, room_id=clinic.room_1.id,
                   mode=Mode.IN_PERSON, day=sunday, starts_minute=600, ends_minute=660)
    )  # fmt: skip
    db.commit()
    (extra,) = [row for row in hours(db, clinic) if row.weekday == 6]
    assert extra.holds_on(sunday)
    assert not extra.holds_on(sunday + timedelta(days=7))
    assert (extra.starts_minute, extra.ends_minute) == (600, 660)
    assert len(hours(db, clinic, from_day=MONDAY + timedelta(days=7), to_day=MONDAY + timedelta(days=13))) == 10


def test_who_gives_what_where(db: Session, clinic: Clinic) -> None:
    places = queries.places_of_service(db, ServiceId(clinic.massage.id), from_day=MONDAY)
    assert [(one.practitioner.short_name, one.facility_id, one.mode) for one in places] == [
        ("Inês C.", clinic.lisbon.id, Mode.IN_PERSON),
        ("Rui M.", clinic.lisbon.id, Mode.IN_PERSON),
        ("Sofia P.", clinic.azores.id, Mode.IN_PERSON),
    ]


def test_practitioners_by_id_and_by_account(db: Session, clinic: Clinic, cast: Cast) -> None:
    rui = PractitionerId(clinic.rui.id)
    assert queries.practitioner_by_id(db, rui).full_name == "Dr. Rui Meireles"
    assert queries.practitioners(db, [rui])[rui].initials == "RM"
    assert queries.practitioners(db, []) == {}
    found = queries.find_practitioner_of(db, AccountId(cast.doctor.id))
    assert found is not None
    assert found.id == clinic.ines.id
    assert queries.find_practitioner_of(db, AccountId(cast.patient.id)) is None
    with pytest.raises(NotFound):
        queries.practitioner_by_id(db, PractitionerId(new_id()))
