"""My visits: what can be done with each, and a series as one."""

from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from clinic_portal.core.clock import FixedClock
from tests.booking.factory import THURSDAY, make_appointment
from tests.support.cast import Cast
from tests.support.clinic import Clinic

LATE = "It could be moved or cancelled here until Wednesday 25 November, 10:30."
BEGUN = "It is time for this visit."


def with_cutoff(db: Session, clinic: Clinic) -> None:
    """Massages are changed here until a day before."""
    clinic.massage.change_cutoff_minutes = 24 * 60
    db.merge(clinic.massage)
    db.commit()


@pytest.mark.parametrize(
    ("ahead", "may_change", "words"),
    [
        (timedelta(hours=24), True, ""),
        (timedelta(hours=23, minutes=59), False, LATE),
        (timedelta(0), False, BEGUN),
    ],
)
def test_what_can_no_longer_be_done_is_not_offered(
    db: Session, clock: FixedClock, cast: Cast, clinic: Clinic, ahead: timedelta, may_change: bool, words: str
) -> None:
    with_cutoff(db, clinic)
    row = make_appointment(db, clinic, cast.patient_person)
    clock.at = THURSDAY - ahead
    page = cast.browser(cast.patient).page("/visits")
    assert f"/visits/{row.id}" in page.links()
    for act in ("move", "cancel"):
        assert (f"/visits/{row.id}/{act}" in page.links()) == may_change
    for said in (LATE, BEGUN):
        assert (said in page.text.replace("\N{NO-BREAK SPACE}", " ")) == (said == words)
    assert ("tel:+351210000001" in page.links()) == (not may_change)
