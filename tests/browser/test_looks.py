"""What was once crooked, measured: lines that must not wrap, edges that must meet, marks that must stand alone."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from playwright.sync_api import Page
from sqlalchemy.orm import Session

from clinic_portal.core.clock import FixedClock
from tests.booking.factory import make_appointment
from tests.browser.conftest import DESK, NARROW, PHONE, as_somebody
from tests.support.world import World

pytestmark = pytest.mark.browser

TIMES = "/book/massage/times?practitioner=any&facility=lisbon"


def window(world: World, address: str, open_browser: Callable[..., Page], who: str, language: str = "en-GB") -> Page:
    return as_somebody(open_browser(PHONE, language=language), world, address, who)


@pytest.mark.parametrize("language", ["en-GB", "pt-PT"])
def test_the_parts_of_a_day_stand_in_one_line_or_two_and_two(
    world: World, address: str, open_browser: Callable[..., Page], language: str
) -> None:
    page = window(world, address, open_browser, "visitor", language)
    page.goto(address + TIMES)
    tops = "[...document.querySelectorAll('.parts a')].map((one) => one.getBoundingClientRect().top)"
    assert len(set(page.evaluate(tops))) == 1
    page.set_viewport_size(NARROW)
    first, second, third, fourth = page.evaluate(tops)
    assert first == second < third == fourth


def test_answers_begin_and_end_where_the_heading_and_the_buttons_do(
    world: World, address: str, open_browser: Callable[..., Page]
) -> None:
    page = window(world, address, open_browser, "patient")
    page.goto(f"{address}/book/hold/{world.held.id}/check")
    for size in (PHONE, DESK):
        page.set_viewport_size(size)
        edges = page.evaluate(
            """() => ["h1", ".answers", ".answers dt", "textarea"].map((one) => {
                 const box = document.querySelector(`main ${one}`).getBoundingClientRect();
                 return [box.left, box.right];
               })"""
        )
        assert len({left for left, _ in edges}) == 1, size
        assert edges[1][1] == edges[3][1], size


def test_a_question_that_is_a_label_looks_like_every_heading(
    world: World, address: str, open_browser: Callable[..., Page]
) -> None:
    page = window(world, address, open_browser, "patient")
    weights = []
    for path, heading in (("/account/phone", "h1 label"), ("/account/password", "h1")):
        page.goto(address + path)
        weights.append(page.evaluate(f"getComputedStyle(document.querySelector('{heading}')).fontWeight"))
    assert weights[0] == weights[1]


#: Where the day's table begins to be one, where the queue comes to stand beside it, and where there is room for both.
EDGES = (320, 390, 767, 768, 900, 959, 960, 1024, 1119, 1120, 1200, 1279, 1280, 1440)


@pytest.mark.parametrize("language", ["en-GB", "pt-PT"])
def test_the_desks_day_fits_at_every_width(
    world: World, db: Session, clock: FixedClock, address: str, open_browser: Callable[..., Page], language: str
) -> None:
    """Seven columns beside a queue: a long name, a long word and long waits; nothing scrolls, overlaps or breaks a state."""
    cast, clinic = world.cast, world.clinic
    late = make_appointment(
        db, clinic, cast.stranger_person, at=clock.now() - timedelta(minutes=142), practitioner=clinic.rui
    )
    cast.stranger_person.given_name = "Maria do Carmo Albuquerque de Vasconcelos"
    cast.stranger_person.family_name = "e Sousa Pimentel"
    clinic.rui.given_name, clinic.rui.family_name = "Maximiliano", "Albuquerque"
    clinic.massage.names = {"en": "Musculoskeletal physiotherapy", "pt_PT": "Fisioterapia musculoesquelética"}
    db.commit()
    page = window(world, address, open_browser, "receptionist", language)
    page.goto(f"{address}/desk/lisbon")
    token = page.locator("meta[name=csrf-token]").get_attribute("content") or ""
    page.request.post(f"{address}/desk/lisbon/visits/{late.id}/arrived", form={"csrf_token": token})
    clock.at += timedelta(minutes=125)
    crooked = {}
    for width in EDGES:
        page.set_viewport_size({"width": width, "height": 900})
        page.goto(f"{address}/desk/lisbon")
        assert page.locator(".tag--bad").count()
        found = page.evaluate(
            """() => {
                 const box = (one) => document.querySelector(one).getBoundingClientRect();
                 const [table, queue, root] = [box(".dayt--visits"), box(".side"), document.documentElement];
                 const scrolls = [root, ...document.querySelectorAll(".table-scroll")]
                   .filter((one) => one.scrollWidth > one.clientWidth).length;
                 const broken = [...document.querySelectorAll(".dayt--visits td .tag")]
                   .filter((one) => one.getBoundingClientRect().height > 32).length;
                 return {scrolls, broken, overlaps: table.right > queue.left && table.bottom > queue.top};
               }"""
        )
        if any(found.values()):
            crooked[width] = found
    assert crooked == {}


def test_a_menu_of_the_desks_rows_stays_on_a_phone(
    world: World, db: Session, clock: FixedClock, address: str, open_browser: Callable[..., Page]
) -> None:
    visit = make_appointment(
        db, world.clinic, world.cast.stranger_person, at=clock.now(), practitioner=world.clinic.rui
    )
    page = window(world, address, open_browser, "receptionist", "pt-PT")
    page.goto(f"{address}/desk/lisbon")
    page.locator(f"#v-{visit.id} [data-key='a']").click()
    page.set_viewport_size(NARROW)
    page.locator(f"#v-{visit.id} .more summary").click()
    edges = page.locator(f"#v-{visit.id} .menu__panel").evaluate(
        "(one) => { const box = one.getBoundingClientRect(); return [box.left, box.right]; }"
    )
    assert 0 <= edges[0] < edges[1] <= NARROW["width"]


def test_the_desks_rows_on_a_phone(
    world: World, db: Session, clock: FixedClock, address: str, open_browser: Callable[..., Page]
) -> None:
    late = clock.now() - timedelta(minutes=42)
    make_appointment(db, world.clinic, world.cast.stranger_person, at=late, practitioner=world.clinic.rui)
    page = window(world, address, open_browser, "receptionist")
    page.goto(f"{address}/desk/lisbon")
    bars = "(one) => getComputedStyle(one).boxShadow"
    assert page.locator("tr.late").evaluate(bars) != "none"
    assert page.locator("tr.late td").first.evaluate(bars) == "none"
    # The key is hidden on a phone, and leaves no room behind.
    left, right = page.locator("tr.late [data-key='a']").evaluate(
        """(button) => {
             const words = document.createRange();
             words.selectNode(button.firstChild);
             const [inner, outer] = [words.getBoundingClientRect(), button.getBoundingClientRect()];
             return [inner.left - outer.left, outer.right - inner.right];
           }"""
    )
    assert abs(left - right) < 1.5


def test_a_row_of_reminders_begins_at_one_height(world: World, address: str, open_browser: Callable[..., Page]) -> None:
    page = window(world, address, open_browser, "administrator")
    page.set_viewport_size(DESK)
    page.goto(f"{address}/admin/reminders")
    tops = page.locator("tbody tr").first.evaluate(
        """(row) => [...row.cells].map((cell) => {
             const words = document.createRange();
             words.selectNodeContents(cell);
             return words.getClientRects()[0].top;
           })"""
    )
    assert max(tops) - min(tops) < 2


#: What a line tears at a hyphen or a space, that reads as one word.
TORN = r"""() => {
  const found = [], texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let text; (text = texts.nextNode());)
    for (const word of text.data.matchAll(/e-mails?|opor-se|912\s345\s678|\+351[\s\d]+\d/gi)) {
      const range = document.createRange();
      range.setStart(text, word.index);
      range.setEnd(text, word.index + word[0].length);
      if (new Set([...range.getClientRects()].map((line) => line.top)).size > 1) found.push(word[0]);
    }
  return found;
}"""


@pytest.mark.parametrize("language", ["en-GB", "pt-PT"])
def test_no_line_of_a_phone_ends_inside_of_a_number_or_of_an_e_mail(
    world: World, address: str, open_browser: Callable[..., Page], language: str
) -> None:
    pages = {"visitor": ["/register", "/privacy"], "patient": ["/account/phone", "/book/massage/waiting-list"]}
    for who, paths in pages.items():
        page = window(world, address, open_browser, who, language)
        for path in paths:
            page.goto(address + path)
            assert page.url.endswith(path)
            for width in range(320, 431, 10):
                page.set_viewport_size({"width": width, "height": 800})
                assert page.evaluate(TORN) == [], (path, width)
