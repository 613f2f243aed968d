"""The way into the administration."""

import pytest

from clinic_portal.admin.sections import SECTIONS
from tests.support.cast import Cast


def test_the_start_page_leads_to_every_section(cast: Cast) -> None:
    page = cast.browser(cast.administrator).page("/admin")
    assert page.title.startswith("Administration")
    for section in SECTIONS:
        assert str(section.title) in page.text


@pytest.mark.parametrize("who", ["receptionist", "doctor", "patient"])
def test_nobody_else_gets_in(cast: Cast, who: str) -> None:
    assert cast.browser(getattr(cast, who)).get("/admin").status_code == 403


def test_administrators_find_it_in_their_menus(cast: Cast) -> None:
    administrator = cast.browser(cast.administrator)
    for path in ("/desk/lisbon", "/account"):
        assert 'href="/admin"' in administrator.get(path).get_data(as_text=True)
    assert 'href="/admin"' not in cast.browser(cast.receptionist).get("/desk/lisbon").get_data(as_text=True)
