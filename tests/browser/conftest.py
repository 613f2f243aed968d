"""A real Chromium, and a portal of real processes for it to look at."""

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from datetime import date, datetime
from functools import cache
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from flask import Flask
from playwright.sync_api import Browser, BrowserContext, Error, Page, Playwright, ViewportSize, expect, sync_playwright
from sqlalchemy import delete, update
from sqlalchemy.orm import Session, sessionmaker
from werkzeug.serving import make_server

from clinic_portal.core.actor import Role
from clinic_portal.core.clock import FixedClock, SystemClock
from clinic_portal.core.db import make_engine
from clinic_portal.core.modes import Mode
from clinic_portal.core.settings import Settings
from clinic_portal.facilities.models import Facility, FacilityStaff
from clinic_portal.practitioners.models import WeeklyHours
from tests.support.cast import Cast, make_account, make_patient
from tests.support.clinic import Clinic, make_clinic
from tests.support.running import Running, running_portal
from tests.support.world import World, make_world

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
HOW = "There is no Chromium for the browser tests: `make test` gets one, or set CHROMIUM_PATH to one."

#: The narrowest window in which nothing may scroll sideways.
NARROW = ViewportSize(width=320, height=844)
PHONE = ViewportSize(width=390, height=844)
DESK = ViewportSize(width=1280, height=900)
TV = ViewportSize(width=1920, height=1080)


@pytest.fixture(scope="session")
def playwright() -> Iterator[Playwright]:
    expect.set_options(timeout=15_000)
    with sync_playwright() as running:
        yield running


@pytest.fixture(scope="session")
def chromium(playwright: Playwright) -> Iterator[Browser]:
    path = os.environ.get("CHROMIUM_PATH") or next((found for name in NAMES if (found := shutil.which(name))), None)
    try:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
    except Error:
        if "CI" in os.environ:
            pytest.fail(HOW)
        pytest.skip(HOW)
    yield browser
    browser.close()


@pytest.fixture
def open_browser(chromium: Browser) -> Iterator[Callable[..., Page]]:
    """Open a window of a size; every page error and every message of the console fails the test at its end."""
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    def opened(
        viewport: ViewportSize, *, language: str = "en-GB", javascript: bool = True, zone: str | None = None
    ) -> Page:
        context = chromium.new_context(
            viewport=viewport,
            locale=language,
            java_script_enabled=javascript,
            timezone_id=zone,
        )
        context.set_default_timeout(15_000)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "console", lambda message: complaints.append(message.text) if "Content Security" in message.text else None
        )
        return page

    yield opened
    for context in contexts:
        context.close()
    assert complaints == []


def check_accessible(page: Page) -> None:
    """No axe violation, and nothing that scrolls sideways."""
    found = Axe().run(page)
    assert found.violations_count == 0, f"{page.url}\n{found.generate_report()}"
    assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"), (
        f"{page.url} scrolls sideways"
    )


def zone_of_ten_at(now: datetime) -> str:
    """A zone whose wall clock shows ten in the morning at `now`, in UTC: every hour of the day has one."""
    ahead = 10 - now.hour
    if ahead < -12:
        # At 23:00 it is ten of the next day: no zone lies thirteen hours behind.
        ahead += 24
    # The names are those of POSIX: the sign says how far UTC is ahead.
    return f"Etc/GMT{-ahead:+d}" if ahead else "Etc/GMT"


@cache
def zone_where_it_is_ten() -> str:
    """The tests walk through a working day at any hour; one zone for a process, for the hour may end in a test."""
    return zone_of_ten_at(SystemClock().now())


def open_every_day(clinic: Clinic, factory: sessionmaker) -> None:
    """Lisbon's practitioners work from 07:00 to 20:00 every day of the week."""
    with factory() as db:
        db.execute(update(Facility).where(Facility.id == clinic.lisbon.id).values(tz=zone_where_it_is_ten()))
        db.execute(delete(WeeklyHours).where(WeeklyHours.facility_id == clinic.lisbon.id))
        for person, room in ((clinic.ines, clinic.room_1), (clinic.rui, clinic.room_2)):
            for weekday in range(7):
                hours = WeeklyHours(
                    practitioner_id=person.id,
                    facility_id=clinic.lisbon.id,
                    room_id=room.id,
                    mode=Mode.IN_PERSON,
                    weekday=weekday,
                    starts_minute=7 * 60,
                    ends_minute=20 * 60,
                    valid_from=date(2020, 1, 1),
                )
                db.add(hours)
        db.commit()


@pytest.fixture
def world(db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, settings: Settings, inbox: Path) -> World:
    assert not list(inbox.iterdir())
    return make_world(db, clock, clinic, cast, settings)


def as_somebody(page: Page, world: World, address: str, who: str) -> Page:
    """Give a window what somebody's browser has: then it is theirs."""
    cookie = world.browser(who).get_cookie("clinic_session")
    if cookie is not None:
        page.context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": address}])
    return page


@pytest.fixture
def address(app: Flask) -> Iterator[str]:
    """Where this process serves the application: one request at a time, as the test has one transaction."""
    server = make_server("127.0.0.1", 0, app, threaded=False)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def portal(tmp_path_factory: pytest.TempPathFactory, worker_number: int) -> Iterator[Running]:
    """Pages, sockets, worker and scheduler with the small clinic, one patient and one receptionist (see tests/support/cast)."""
    folder: Path = tmp_path_factory.mktemp("browser")
    with running_portal(folder, f"clinic_browser_{worker_number}", 8400 + 40 * worker_number) as running:
        engine = make_engine(running.database)
        factory = sessionmaker(engine, expire_on_commit=False)
        clock = FixedClock(SystemClock().now())
        with factory() as db:
            clinic = make_clinic(db, clock)
            make_patient(db, clock, "Marta", "Araújo", "marta@example.org", "+351912345601")
            paula = make_account(db, clock, Role.RECEPTIONIST, "Paula", "Reis", "paula@clinic.example")
            db.add(FacilityStaff(facility_id=clinic.lisbon.id, account_id=paula.id))
            db.commit()
        open_every_day(clinic, factory)
        engine.dispose()
        running.start("web", "live", "worker", "scheduler")
        yield running
