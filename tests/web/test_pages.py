"""Page or fragment, error pages, security headers: on routes made for the purpose beside the real ones."""

import pytest
from flask import Blueprint, Flask

from clinic_portal.app import create_app
from clinic_portal.core.errors import Busy, Conflict, Forbidden, NotFound
from clinic_portal.core.settings import Settings
from clinic_portal.web.access import Right, right
from clinic_portal.web.pages import render_page, see_other
from tests.support.cast import Cast
from tests.support.page import PortalClient

blueprint = Blueprint("probe", __name__)

ERRORS = {
    "missing": (NotFound(), 404),
    "forbidden": (Forbidden(), 403),
    "taken": (Conflict("appointment.slot_taken"), 409),
    "unknown": (Conflict("some.code_without_words"), 409),
    "busy": (Busy(), 503),
    "bug": (ValueError("secret detail"), 500),
}


@blueprint.get("/probe/page")
@right(Right.PUBLIC)
def page():
    return render_page("web/accessibility.html")


@blueprint.get("/probe/error/<name>")
@right(Right.PUBLIC)
def error(name):
    raise ERRORS[name][0]


@blueprint.post("/probe/form")
@right(Right.PUBLIC)
def form():
    return see_other("/accessibility")


@blueprint.get("/probe/desk")
@right(Right.DESK)
def desk():
    return render_page("web/accessibility.html")


@pytest.fixture(scope="module")
def probed(settings: Settings) -> Flask:
    app = create_app(settings)
    app.test_client_class = PortalClient
    app.config["PROPAGATE_EXCEPTIONS"] = False
    app.register_blueprint(blueprint)
    return app


@pytest.fixture
def probe(probed: Flask) -> PortalClient:
    client = probed.test_client()
    assert isinstance(client, PortalClient)
    return client


def test_a_page_is_whole_for_a_browser_and_a_block_for_htmx(probe: PortalClient) -> None:
    page = probe.page("/probe/page")
    fragment = probe.fragment("/probe/page")
    assert fragment.html.strip() in page.html
    for header in ("HX-Request", "HX-Boosted", "HX-History-Restore-Request"):
        assert header in page.response.headers["Vary"]


@pytest.mark.parametrize("header", ["HX-Boosted", "HX-History-Restore-Request"])
def test_a_boosted_link_and_a_restored_history_get_the_whole_page(probe: PortalClient, header: str) -> None:
    assert "<html" in probe.get("/probe/page", headers={"HX-Request": "true", header: "true"}).get_data(as_text=True)


@pytest.mark.parametrize("name", ERRORS)
def test_every_domain_error_is_a_full_page_that_says_what_to_do(probe: PortalClient, name: str) -> None:
    page = probe.page(f"/probe/error/{name}", status=ERRORS[name][1])
    assert "secret detail" not in page.html
    assert [href for href in page.links() if href == "/"]


def test_an_error_is_a_block_for_htmx(probe: PortalClient) -> None:
    fragment = probe.fragment("/probe/error/taken", status=409)
    assert "Nothing was booked" in fragment.text


def test_busy_says_when_to_come_back(probe: PortalClient) -> None:
    assert probe.get("/probe/error/busy").headers["Retry-After"] == "3"


def test_a_bug_is_logged_under_the_reference_that_the_page_shows(
    probe: PortalClient, caplog: pytest.LogCaptureFixture
) -> None:
    page = probe.page("/probe/error/bug", status=500)
    (record,) = [record for record in caplog.records if record.message == "unexpected_error"]
    assert record.reference in page.text


@pytest.mark.parametrize("path", ["/nowhere", "/static/nowhere.css", "/visits/not-an-id", "/probe/page%00"])
def test_an_unknown_address_is_a_404_page(probe: PortalClient, path: str) -> None:
    assert probe.get(path).status_code == 404


def test_the_proxy_finds_a_page_for_what_is_too_much_to_send(client: PortalClient) -> None:
    assert "Shorten what you wrote" in client.page("/too-much", status=413).text
    block = client.get("/too-much", headers={"HX-Request": "true"})
    assert block.status_code == 413
    assert "<html" not in block.get_data(as_text=True)


def test_a_form_without_its_token_changes_nothing(probe: PortalClient) -> None:
    page = probe.page("/probe/form", method="POST", status=400)
    assert "open for too long" in page.text
    assert "Open the page again" not in page.text, "there is no such page"


def test_a_form_without_its_token_leads_back_to_its_page(probe: PortalClient) -> None:
    page = probe.page("/sign-in?next=/visits", method="POST", status=400)
    assert page.one("a", href="/sign-in?next=/visits", **{"class": "row"})


def test_a_wrong_method_is_a_405_page_that_names_the_right_one(probe: PortalClient) -> None:
    response = probe.get("/probe/form")
    assert response.status_code == 405
    assert "POST" in response.headers["Allow"]


def test_a_visitor_is_sent_to_sign_in_and_back(probe: PortalClient) -> None:
    response = probe.get("/probe/desk?day=2026-11-23")
    assert response.status_code == 303
    assert response.headers["Location"] == "/sign-in?next=/probe/desk?day%3D2026-11-23"
    assert probe.get("/probe/desk", headers={"HX-Request": "true"}).headers["HX-Redirect"].startswith("/sign-in")


@pytest.mark.parametrize(
    ("where", "back"),
    [
        ("/visits?page=2", "next=/visits?page%3D2&ended=yes"),
        ("https://elsewhere.example/visits", "ended=yes"),
        ("/probe/form", "ended=yes"),  # It answers to sending only.
        ("http://[no/address", "ended=yes"),
        ("", "ended=yes"),
    ],
)
def test_who_sends_a_form_after_the_session_ended_comes_back_to_its_page(
    probe: PortalClient, where: str, back: str
) -> None:
    """A booking in the middle would be lost otherwise, and nobody would say that nothing was booked."""
    origin = probe.get("/accessibility").request.host_url.rstrip("/")
    page = origin + where if where.startswith("/") else where
    token = probe.page("/sign-in").fields()["csrf_token"]
    sent = {"Referer": page} if page else {}
    answer = probe.post("/account/calendar", data={"csrf_token": token}, headers=sent)
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/sign-in?{back}")
    by_script = {"HX-Request": "true", "HX-Current-URL": page, "Referer": f"{origin}/book"}
    if page:
        answer = probe.post("/account/calendar", data={"csrf_token": token}, headers=by_script)
        assert (answer.status_code, answer.headers["HX-Redirect"]) == (401, f"/sign-in?{back}")
    said = "You are no longer signed in, so nothing was changed."
    assert said in probe.page(f"/sign-in?{back}").text
    assert said not in probe.page("/sign-in?next=/visits").text


def test_security_headers(probe: PortalClient) -> None:
    headers = probe.get("/probe/page").headers
    policy = headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    nonces = {probe.get("/probe/page").headers["Content-Security-Policy"] for _ in range(3)}
    assert len(nonces) == 3


def test_static_files_are_served_and_found_by_their_content(probe: PortalClient) -> None:
    page = probe.page("/probe/page")
    (sheet,) = [link.get("href", "") for link in page.all("link") if link.get("rel") == "stylesheet"]
    assert "?v=" in sheet
    with probe.get(sheet) as response:
        assert response.status_code == 200


def test_an_address_with_any_letters_fits_into_a_header_for_htmx(probed: Flask) -> None:
    """An address that somebody wrote by hand comes back from `next`; a header holds Latin-1 at most."""
    with probed.test_request_context("/", headers={"HX-Request": "true"}):
        response = probed.make_response(see_other("/book?q=visão 日本"))
    assert response.headers["HX-Redirect"] == "/book?q=vis%C3%A3o%20%E6%97%A5%E6%9C%AC"


@pytest.mark.parametrize(
    ("who", "path", "status", "way_on"),
    [
        ("receptionist", "/desk/nowhere", 404, "/desk"),
        ("receptionist", "/admin", 403, "/desk"),
        ("doctor", "/admin", 403, "/own/hours"),
        ("patient", "/desk/lisbon", 403, "/"),
    ],
)
def test_whoever_works_here_goes_on_where_they_work(cast: Cast, who: str, path: str, status: int, way_on: str) -> None:
    page = cast.browser(getattr(cast, who)).page(path, status=status)
    (rows,) = page.all("ul", class_="rows")
    assert [link.get("href") for link in rows.iter("a")] == [way_on]
