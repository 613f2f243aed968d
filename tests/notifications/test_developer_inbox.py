"""The developer's inbox in the browser."""

from dataclasses import replace
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from flask import Flask

from clinic_portal.app import create_app
from clinic_portal.core.clock import FixedClock
from clinic_portal.core.settings import Environment, Settings
from clinic_portal.notifications.rules import Channel
from clinic_portal.providers.inbox import opted_out, read_inbox
from tests.notifications.conftest import Post, make_person
from tests.support.page import PortalClient

URL = "/developer/inbox"


@pytest.fixture
def sent(post: Post) -> list[UUID]:
    """A text and an e-mail to Marta, a text to Duarte."""
    marta = post.queue(make_person(post.db), Channel.SMS, Channel.EMAIL)
    duarte = post.queue(make_person(post.db, "Duarte", phone="+351912345603"))
    post.sweep()
    return marta + duarte


def email_url(inbox: Path) -> str:
    [item] = [item for item in read_inbox(inbox) if item.channel == "email"]
    return f"{URL}/{item.id}"


def test_an_empty_inbox_says_what_to_do(client: PortalClient, inbox: Path) -> None:
    page = client.page(URL)
    assert "No texts yet" in page.text
    assert "No e-mails yet" in page.text


@pytest.mark.usefixtures("sent")
def test_texts_are_bubbles_and_emails_are_a_list(client: PortalClient) -> None:
    page = client.page(URL)
    bubbles = [element for element in page.all("li") if "bubble" in (element.get("class") or "")]
    assert len(bubbles) == 2
    assert "http://localhost/visits" in page.links()
    assert "Good day, Marta" in page.text
    assert "marta@example.org" in page.text
    assert "1 file" in page.text


@pytest.mark.usefixtures("sent")
def test_the_newest_text_comes_first(client: PortalClient, post: Post, clock: FixedClock) -> None:
    clock.at = clock.at.replace(hour=11)
    post.queue(make_person(post.db, "Newest"))
    post.sweep()
    page = client.page(URL)
    bubbles = ["".join(element.itertext()) for element in page.all("li") if "bubble" in (element.get("class") or "")]
    assert "Newest" in bubbles[0]
    assert "11:12" in bubbles[0]


@pytest.mark.usefixtures("sent")
def test_one_address_can_be_looked_at_alone(client: PortalClient) -> None:
    page = client.page(URL, query_string={"to": "+351912345603"})
    assert "Good day, Duarte" in page.text
    assert "Good day, Marta" not in page.text
    assert "No e-mails to +351912345603. Show those to everybody" in page.text
    assert "No e-mails yet" not in page.text
    mail = client.page(URL, query_string={"to": "marta@example.org"})
    assert "No texts to marta@example.org. Show those to everybody" in mail.text
    assert URL in mail.links()
    options = {option.get("value") for option in page.all("option")}
    assert {"", "+351912345601", "+351912345603", "marta@example.org"} <= options
    assert "to=%2B351912345603" in page.one("div", id="inbox-news").get("hx-get", "")


@pytest.mark.usefixtures("sent")
def test_a_poll_hears_nothing_until_there_is_something_new(client: PortalClient, post: Post) -> None:
    poll = client.page(URL).one("div", id="inbox-news").get("hx-get", "")
    client.fragment(poll, status=204)
    post.queue(make_person(post.db, "Later"))
    post.sweep()
    news = client.fragment(poll)
    assert "Good day, Later" in news.text
    assert news.all("h1") == []
    client.fragment(news.one("div", id="inbox-news").get("hx-get", ""), status=204)


@pytest.mark.usefixtures("sent")
def test_an_email_is_shown_in_a_frame_that_can_do_nothing(client: PortalClient, inbox: Path) -> None:
    page = client.page(email_url(inbox))
    frame = page.one("iframe")
    sandbox = (frame.get("sandbox") or "").split()
    assert not {"allow-scripts", "allow-same-origin", "allow-forms", "allow-top-navigation"} & set(sandbox)
    body = client.get(frame.get("src", ""))
    assert "Good day, Marta" in body.text
    policy = body.headers.getlist("Content-Security-Policy")
    assert len(policy) == 1
    assert policy[0].startswith("default-src 'none'")
    assert "script-src" not in policy[0]
    assert "frame-ancestors 'self'" in policy[0]
    assert body.headers["X-Frame-Options"] == "SAMEORIGIN"
    assert body.headers["Cache-Control"] == "no-store"


@pytest.mark.usefixtures("sent")
def test_other_pages_keep_their_own_policy(client: PortalClient) -> None:
    headers = client.get(URL).headers
    assert headers["X-Frame-Options"] == "DENY"
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]


@pytest.mark.usefixtures("sent")
def test_an_email_can_be_read_as_text(client: PortalClient, inbox: Path) -> None:
    page = client.page(f"{email_url(inbox)}?as=text")
    assert page.all("iframe") == []
    assert "Thursday 26 November 2026 10:30" in page.text


@pytest.mark.usefixtures("sent")
def test_attachments_can_be_downloaded(client: PortalClient, inbox: Path) -> None:
    [link] = [href for href in client.page(email_url(inbox)).links() if "/attachments/" in href]
    response = client.get(link)
    assert response.data == b"BEGIN:VCALENDAR\r\n"
    assert response.mimetype == "text/calendar"
    assert response.headers["Content-Disposition"] == "attachment; filename=visit.ics"
    assert client.get(link.replace("/0", "/1")).status_code == 404


@pytest.mark.usefixtures("sent")
@pytest.mark.parametrize("name", ["email-01936e1a-0000-7000-8000-000000000000", "sms", "..%2f..%2fconfig", "\x00", "é"])
def test_what_is_not_there_is_not_found(client: PortalClient, name: str) -> None:
    assert client.get(f"{URL}/{name}").status_code == 404
    assert client.get(f"{URL}/{name}/html").status_code == 404
    assert client.get(f"{URL}/{name}/attachments/0").status_code == 404


@pytest.mark.usefixtures("sent")
def test_the_inbox_can_be_cleared(client: PortalClient, inbox: Path) -> None:
    page = client.page(URL)
    page = client.page(f"{URL}/clear", method="POST", data=page.fields())
    assert "No texts yet" in page.text
    assert read_inbox(inbox) == []


@pytest.mark.usefixtures("sent")
def test_the_inbox_is_not_cleared_without_the_token_of_the_page(client: PortalClient, inbox: Path) -> None:
    client.page(f"{URL}/clear", method="POST", status=400)
    assert len(read_inbox(inbox)) == 3


@pytest.mark.usefixtures("sent")
def test_hostile_words_stay_words(client: PortalClient, post: Post) -> None:
    post.queue(make_person(post.db, "<script>alert(1)</script>"), Channel.SMS, Channel.EMAIL)
    post.sweep()
    page = client.page(URL)
    assert "<script>alert(1)" not in page.html
    assert "Good day, <script>alert(1)</script>" in page.text


def test_in_production_there_is_no_inbox(app: Flask, settings: Settings, inbox: Path) -> None:
    live = create_app(replace(settings, environment=Environment.PRODUCTION))
    live.test_client_class = PortalClient
    visitor = live.test_client()
    paths = [rule.rule for rule in live.url_map.iter_rules() if rule.rule.startswith(URL)]
    assert len(paths) == 6
    for path in paths:
        address = path.replace("<item_id>", f"email-{uuid4()}").replace("<int:number>", "0")
        method = "POST" if path.endswith("clear") else "GET"
        # Without a token a POST is refused before the view is asked.
        assert visitor.open(address, method=method).status_code in ({400} if method == "POST" else {404}), path
    live.config["WTF_CSRF_ENABLED"] = False
    assert visitor.post(f"{URL}/clear").status_code == 404


@pytest.mark.usefixtures("sent")
def test_a_phone_can_answer_stop_and_start(client: PortalClient, inbox: Path) -> None:
    everybody = client.page(URL)
    assert "Answer STOP" not in everybody.text
    number = next(item.to for item in read_inbox(inbox) if item.to.startswith("+"))
    mine = client.page(f"{URL}?to=%2B{number[1:]}")
    token = mine.fields()["csrf_token"]
    page = client.page(f"{URL}/answer", method="POST", data={"csrf_token": token, "from": number, "answer": "STOP"})
    assert opted_out(inbox) == {number}
    assert "Answer START" in page.text
    client.post(f"{URL}/answer", data={"csrf_token": token, "from": "+351912345698", "answer": "STOP"})
    assert opted_out(inbox) == {number}
    client.post(f"{URL}/answer", data={"csrf_token": token, "from": number, "answer": "START"})
    assert opted_out(inbox) == frozenset()
