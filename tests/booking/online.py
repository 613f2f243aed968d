"""Online hours for tests."""

from datetime import date

from sqlalchemy.orm import Session

from clinic_portal.core.modes import Mode, Modes
from clinic_portal.facilities.models import Facility
from clinic_portal.practitioners.models import Practitioner, WeeklyHours
from tests.support.clinic import Clinic


def work_online(
    db: Session,
    clinic: Clinic,
    *,
    who: Practitioner | None = None,
    place: Facility | None = None,
    weekday: int = 3,
    at: tuple[int, int] = (1140, 1200),
) -> None:
    """Have Inês work online from Lisbon on Thursdays from 19:00 to 20:00, unless told otherwise."""
    db.add(
        WeeklyHours(
            practitioner_id=(who or clinic.ines).id, facility_id=(place or clinic.lisbon).id, room_id=None,
            mode=Mode.ONLINE, weekday=weekday, starts_minute=at[0], ends_minute=at[1], valid_from=date(2020, 1, 1),
        )
    )  # fmt: skip
    db.commit()


def only_online(db: Session) -> None:
    """Have everybody work online instead of in their rooms."""
    for hours in db.query(WeeklyHours).all():
        hours.mode, hours.room_id = Mode.ONLINE, None
    db.commit()


def give(db: Session, clinic: Clinic, modes: Modes) -> None:
    """Have massages given so from now on."""
    clinic.massage.modes = modes
    db.commit()
