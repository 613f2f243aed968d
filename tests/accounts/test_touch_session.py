"""When a browser was last seen is written down at most once a minute."""

from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from clinic_portal.accounts.models import AccountSession
from clinic_portal.accounts.use_cases.touch_session import touch_session
from clinic_portal.core.clock import FixedClock
from clinic_portal.core.ids import AccountSessionId
from tests.support.cast import Cast
from tests.support.statements import statements


def last_seen(db: Session) -> object:
    return db.scalar(select(AccountSession.last_seen_at).execution_options(populate_existing=True))


def test_a_visit_after_a_minute_is_written_down(cast: Cast, db: Session, clock: FixedClock) -> None:
    browser = cast.browser(cast.patient)
    opened = clock.now()
    clock.advance(timedelta(seconds=59))
    browser.get("/account")
    assert last_seen(db) == opened
    clock.advance(timedelta(seconds=1))
    browser.get("/account")
    assert last_seen(db) == clock.now()


def test_within_the_minute_a_page_writes_nothing(cast: Cast, db: Session) -> None:
    browser = cast.browser(cast.patient)
    with statements(db) as seen:
        assert browser.get("/account").status_code == 200
    assert [statement for statement in seen if not statement.startswith(("SELECT", "WITH"))] == []


def test_touching_an_early_session_changes_nothing(cast: Cast, db: Session, clock: FixedClock) -> None:
    cast.browser(cast.patient)
    session = db.scalars(select(AccountSession)).one()
    opened = session.last_seen_at
    clock.advance(timedelta(seconds=30))
    touch_session(db, clock, session_id=AccountSessionId(session.id))
    assert last_seen(db) == opened
