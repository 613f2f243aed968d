"""A day that is none: a browser's date box sends nothing of it, so nothing is sent at all until it is put right."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from clinic_portal.practitioners.models import Absence
from tests.browser.conftest import DESK, as_somebody
from tests.support.world import World

pytestmark = pytest.mark.browser


@pytest.mark.parametrize("javascript", [True, False])
def test_half_a_date_is_not_taken_for_none(
    db: Session, world: World, address: str, open_browser: Callable[..., Page], javascript: bool
) -> None:
    before = db.scalar(select(func.count()).select_from(Absence))
    page = as_somebody(open_browser(DESK, javascript=javascript), world, address, "administrator")
    path = f"{address}/hours/{world.clinic.ines.id}/absences/add"
    page.goto(path)
    page.fill("[name=first_day]", "2026-12-01")
    page.fill("[name=reason]", "holiday")
    last = page.locator("[name=last_day]")
    last.click()
    # Whatever comes first in this browser's language: a day, a month, or a part of a year.
    page.keyboard.type("11")
    page.keyboard.press("Enter")
    assert page.locator("[name=last_day]:invalid:focus").count() == 1
    assert page.url == path
    last.fill("2026-12-02")
    page.locator("form.card button[type=submit]").click()
    page.wait_for_url(lambda url: url != path)
    db.expire_all()
    assert db.scalar(select(func.count()).select_from(Absence)) == before + 1
