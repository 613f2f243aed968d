"""Where a practitioner meets patients online: who may say it, and what is no address."""

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from clinic_portal.core.audit import AuditEntry
from clinic_portal.core.clock import FixedClock
from clinic_portal.core.errors import Conflict, Forbidden, NotFound
from clinic_portal.core.ids import PractitionerId
from clinic_portal.practitioners.rules import is_meeting_url
from clinic_portal.practitioners.use_cases.change_meeting_url import change_meeting_url
from tests.support.cast import Cast
from tests.support.clinic import Clinic
from tests.support.page import PortalClient

ROOM = "https://meet.example.org/ines"
WRONG = [
    "http://meet.example.org", "javascript:alert(1)", "https://", "https:///room", "https://meet", "meet.example.org",
    "https://ana:secret@meet.example.org", "https://meet.example.org/a b", " https://meet.example.org", "https://[::1",
    "https://meet.example.org/\u202e", "https://meet.example.org/" + "a" * 300, "HTTPS://meet.example.org",
]  # fmt: skip


@pytest.mark.parametrize("url", WRONG)
def test_what_is_no_address_is_refused(db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, url: str) -> None:
    assert not is_meeting_url(url)
    who = PractitionerId(clinic.ines.id)
    with pytest.raises(Conflict, match="meeting_url_refused"):
        change_meeting_url(db, clock, practitioner_id=who, meeting_url=url, actor=cast.administrator.actor())


def test_it_is_changed_once_and_written_down(db: Session, clock: FixedClock, clinic: Clinic, cast: Cast) -> None:
    who, actor = PractitionerId(clinic.ines.id), cast.doctor.actor()
    for url in (ROOM, ROOM, None):
        change_meeting_url(db, clock, practitioner_id=who, meeting_url=url, actor=actor)
    assert clinic.ines.meeting_url is None
    lines = db.scalars(select(AuditEntry).where(AuditEntry.action == "practitioner.meeting_url_changed"))
    assert sorted(line.detail["meeting_url"] for line in lines) == ["", ROOM]


def test_a_colleagues_is_not_found_and_the_desks_is_forbidden(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast
) -> None:
    rui = PractitionerId(clinic.rui.id)
    with pytest.raises(NotFound):
        change_meeting_url(db, clock, practitioner_id=rui, meeting_url=ROOM, actor=cast.doctor.actor())
    with pytest.raises(Forbidden):
        change_meeting_url(db, clock, practitioner_id=rui, meeting_url=ROOM, actor=cast.receptionist.actor())


def test_the_database_refuses_what_is_not_https(db: Session, clinic: Clinic) -> None:
    with pytest.raises(IntegrityError, match="meeting_url_https"), db.begin_nested():
        db.execute(text("UPDATE practitioner SET meeting_url = 'http://meet.example.org'"))


def test_a_practitioner_writes_it_on_their_hours_page(cast: Cast, clinic: Clinic, db: Session) -> None:
    client: PortalClient = cast.browser(cast.doctor)
    hours = f"/hours/{clinic.ines.id}"
    page = client.page(hours)
    assert "patients read that we call them" in page.text
    assert f"{hours}/meeting" in page.links()
    form = client.page(f"{hours}/meeting")
    response = client.post(f"{hours}/meeting", data=form.fields() | {"meeting_url": f" {ROOM} "})
    assert (response.status_code, response.location) == (303, hours)
    assert ROOM in client.page(hours).text
    assert client.page(f"{hours}/meeting").fields()["meeting_url"] == ROOM
