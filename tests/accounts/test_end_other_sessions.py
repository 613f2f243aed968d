"""Ending all other browsers."""

from tests.support.cast import Cast
from tests.support.page import PortalClient


def test_only_this_browser_and_other_people_stay(cast: Cast) -> None:
    here, there, elsewhere = (cast.browser(cast.patient) for _ in range(3))
    stranger = cast.browser(cast.stranger)
    token = here.page("/account/browsers").fields()["csrf_token"]
    page = here.page("/account/browsers/end-others", method="POST", data={"csrf_token": token})
    assert "2 other browsers are signed out." in page.text
    assert "Sign out all other browsers" not in page.text
    for browser in (there, elsewhere):
        assert browser.get("/account").headers["Location"].startswith("/sign-in")
    assert stranger.get("/account").status_code == 200


def test_the_ladder(cast: Cast, client: PortalClient) -> None:
    token = client.page("/sign-in").fields()["csrf_token"]
    answer = client.post("/account/browsers/end-others", data={"csrf_token": token})
    assert answer.headers["Location"].startswith("/sign-in")
    browser = cast.browser(cast.patient)
    assert browser.get("/account/browsers/end-others").status_code == 405
    assert browser.post("/account/browsers/end-others").status_code == 400
