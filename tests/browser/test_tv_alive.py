"""A TV in a real browser: it turns into the board by itself, lives without sockets, says when the server is silent."""

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select
from sqlalchemy.orm import Session

from clinic_portal import wiring
from clinic_portal.accounts.models import Account
from clinic_portal.core.clock import SystemClock
from clinic_portal.core.db import make_engine
from clinic_portal.core.ids import FacilityId
from clinic_portal.facilities.queries import facility_by_slug
from clinic_portal.waiting_room.queries import facility_screens
from clinic_portal.waiting_room.rules import ScreenLabel
from clinic_portal.waiting_room.use_cases.change_screen import change_screen
from clinic_portal.waiting_room.use_cases.pair_screen import pair_screen
from config import load_settings
from tests.browser.conftest import TV, check_accessible
from tests.support.running import Running

pytestmark = [pytest.mark.browser, pytest.mark.processes]


class Office:
    """Somebody at the desk of Lisbon, without a browser."""

    def __init__(self, db: Session) -> None:
        self.db = db
        self.clock = SystemClock()
        self.facility_id: FacilityId = facility_by_slug(db, "lisbon").id
        self.actor = db.scalars(select(Account).where(Account.email == "paula@clinic.example")).one().actor()

    def pair(self, code: str) -> None:
        label = ScreenLabel("Waiting room A", "en")
        pair_screen(self.db, self.clock, facility_id=self.facility_id, actor=self.actor, code=code, label=label)

    def rename(self, name: str) -> None:
        screen = facility_screens(self.db, self.facility_id)[0]
        label = ScreenLabel(name, "en")
        change_screen(
            self.db, self.clock, screen_id=screen.id, facility_id=self.facility_id, actor=self.actor, label=label
        )


@pytest.fixture
def office(portal: Running) -> Iterator[Office]:
    engine = make_engine(portal.database)
    settings = load_settings(portal.environment)
    with Session(engine, expire_on_commit=False, info=dict(wiring.session_info(settings))) as db:
        yield Office(db)
    engine.dispose()


def test_a_screen_that_nobody_touches(
    portal: Running,
    office: Office,
    open_browser: Callable[..., Page],
) -> None:
    tv = open_browser(TV)
    tv.goto(f"{portal.url}/tv")
    check_accessible(tv)
    office.pair(tv.locator(".tv-code").get_attribute("aria-label") or "")
    expect(tv.get_by_text("Waiting room A")).to_be_visible(timeout=15_000)
    check_accessible(tv)

    tv.wait_for_timeout(1_500)  # The socket is open now; a change comes by it, before the next poll.
    office.rename("Corridor")
    expect(tv.get_by_text("Corridor")).to_be_visible()

    portal.kill("live")
    office.rename("Hall")
    expect(tv.get_by_text("Hall", exact=True)).to_be_visible(timeout=15_000)

    portal.kill("web")
    bar = tv.get_by_role("status")
    expect(bar).to_contain_text("No connection since", timeout=20_000)
    expect(tv.get_by_text("Hall", exact=True)).to_be_visible()
    check_accessible(tv)

    portal.start("web", "live")
    office.rename("Garden")
    expect(tv.get_by_text("Garden")).to_be_visible(timeout=15_000)
    expect(bar).to_be_hidden()


def test_without_javascript_the_page_refreshes_itself(
    portal: Running,
    open_browser: Callable[..., Page],
) -> None:
    tv = open_browser(TV, javascript=False)
    tv.goto(f"{portal.url}/tv")
    with tv.expect_navigation(timeout=15_000):
        pass
    expect(tv.locator(".tv-code")).to_be_visible()
