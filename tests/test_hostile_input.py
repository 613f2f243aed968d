"""Bad input at every route: a clear answer, never a 5xx. Values are thrown at every URL part, query and form field."""

import re
from pathlib import Path
from urllib.parse import quote
from uuid import UUID

import pytest
from flask import Flask
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session
from werkzeug.routing import Rule

from clinic_portal.core.ids import new_id
from tests.booking.series import make_series
from tests.support.cast import Cast
from tests.support.clinic import Clinic
from tests.support.page import PortalClient

ROOT = Path(__file__).resolve().parents[1]

HOSTILE = st.one_of(
    st.sampled_from(
        [
            *("", " ", "0", "-1", "1e309", "NaN", "null", "true", "en", "pt_PT", "é"),
            *("\x00", "\ufffd", "\u202eabc", "\r\nSet-Cookie: a=b", "\u0968\u0969"),
            *("' OR 1=1 --", "<script>alert(1)</script>", "{{ 7*7 }}", "%(x)s %s %d", "../../etc/passwd", "//evil.example"),
            *("\u0662\u0660\u0662\u0666-11-23", "2026-02-30", "9999-12-31", "0001-01-01", "99999999999999999999"),
            *("2026-11-24T09:00", "2026-11-24T09:00Z", "2026-11-24T09:00+00:00", "2026-11-24T09:00+99:00"),
            "00000000-0000-0000-0000-000000000000",
            *("\U0001f489" * 300, "\ufdfa" * 100, "a" * 20_000),
        ]
    ),
    st.text(max_size=60),
    st.integers().map(str),
)  # fmt: skip


def parameter_names() -> list[str]:
    """Every name that a template or a view reads: fields of forms and arguments of URLs."""
    names: set[str] = set()
    for path in [*(ROOT / "templates").rglob("*.html"), *(ROOT / "clinic_portal").rglob("*.py")]:
        text = path.read_text()
        names.update(re.findall(r"""\bname=["']([a-z_\-]+)["']""", text))
        names.update(re.findall(r"""(?:args|form)(?:\.get(?:list)?\(|\[)\s*["']([a-z_\-]+)["']""", text))
        if path.name.startswith("forms"):
            names.update(re.findall(r"^    ([a-z_]+)(?:: [^=]+)? = [\w.]*[Ff]ield\(", text, re.M))
    return sorted(names - {"csrf_token"})


NAMES = parameter_names()


def test_the_names_were_found() -> None:
    assert {"email", "password", "given_name"} <= set(NAMES)


def routes(app: Flask) -> list[tuple[Rule, str]]:
    found = [
        (rule, method)
        for rule in app.url_map.iter_rules()
        for method in sorted(rule.methods or ())
        if method in {"GET", "POST"}
    ]
    return sorted(found, key=lambda item: (item[0].rule, item[1]))


def csrf_token(client: PortalClient) -> str:
    return str(client.page("/accessibility").one("meta", name="csrf-token").get("content"))


@pytest.mark.parametrize("who", ["visitor", "patient", "receptionist", "administrator"])
def test_no_input_is_a_server_error(app: Flask, cast: Cast, who: str) -> None:
    account = None if who == "visitor" else getattr(cast, who)
    known: list[UUID] = [cast.patient_person.id, cast.child.id, new_id()]
    client = cast.browser(account)
    token = csrf_token(client)
    fields = st.dictionaries(
        st.sampled_from(NAMES), st.one_of(HOSTILE, st.sampled_from([str(one) for one in known])), max_size=6
    )

    @settings(
        max_examples=250,
        deadline=None,
        database=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )
    @given(
        route=st.sampled_from(routes(app)),
        raw=HOSTILE,
        plain_id=st.sampled_from(known),
        use_raw=st.booleans(),
        query=fields,
        form=fields,
        htmx=st.booleans(),
    )
    def throw(
        route: tuple[Rule, str],
        raw: str,
        plain_id: UUID,
        use_raw: bool,
        query: dict[str, str],
        form: dict[str, str],
        htmx: bool,
    ) -> None:
        rule, method = route
        if rule.endpoint == "accounts.sign_out":
            return
        path = re.sub(r"<uuid:\w+>", lambda _: quote(raw, safe="") if use_raw else str(plain_id), rule.rule)
        path = re.sub(r"<(?:\w+:)?\w+>", lambda _: quote(raw, safe="") or "x", path)
        headers = {"HX-Request": "true"} if htmx else {}
        data = form | {"csrf_token": token} if method == "POST" else None
        response = client.open(path, method=method, query_string=query, data=data, headers=headers)
        text = response.get_data(as_text=True)
        assert response.status_code < 500, f"{method} {path} {query} {form}: {response.status_code} {text[:2000]}"
        if response.mimetype == "text/html":
            assert "<script>alert(1)</script>" not in text

    throw()


#: What a browser sends of a wish for several sessions, or for the waiting list: hostile values take the place of some.
WISH = {
    "count": "4", "per_week": "1", "weekday": "3", "at": "10:30", "first": "2026-11-23", "facility": "lisbon",
    "practitioner": "any", "time": "2026-11-26T10:30Z", "patient": "", "reason": "unwell", "aside": "y", "seen": "0.0.0",
    "note": "agreed by phone", "own_day": "2026-12-05", "own_time": "19:30", "own_room": "", "more": "",
    "from_day": "2026-11-23", "until_day": "2026-12-20", "weekdays": "3", "parts": "morning", "mode": "in_person",
    "on": "2026-12-05", "room": "",
}  # fmt: skip


@pytest.mark.parametrize(
    ("path", "method"),
    [
        ("/book/massage/series", "GET"),
        ("/book/massage/series/plan", "GET"),
        ("/book/massage/series/check", "GET"),
        ("/book/massage/series/check", "POST"),
        ("/visits/{session}/move-later", "GET"),
        ("/visits/{session}/plan-later", "GET"),
        ("/visits/{session}/plan-later", "POST"),
        ("/visits/{session}/cancel-later", "GET"),
        ("/visits/{session}/cancel-later", "POST"),
        ("/visits/series/{series}", "GET"),
        ("/visits/series/{series}/booked", "GET"),
        ("/desk/lisbon/book/{patient}/massage/series", "GET"),
        ("/desk/lisbon/book/{patient}/massage/series/plan", "GET"),
        ("/desk/lisbon/book/{patient}/massage/series/check", "GET"),
        ("/desk/lisbon/book/{patient}/massage/series/check", "POST"),
        ("/desk/lisbon/visits/{session}/move-later", "GET"),
        ("/desk/lisbon/visits/{session}/plan-later", "GET"),
        ("/desk/lisbon/visits/{session}/plan-later", "POST"),
        ("/desk/lisbon/book/{patient}/massage/anyway", "POST"),
        ("/desk/lisbon/visits/{session}/move/anyway", "POST"),
        ("/book/massage/waiting-list", "POST"),
        ("/visits/{session}/earlier", "POST"),
        ("/desk/lisbon/book/{patient}/massage/waiting-list", "POST"),
        ("/desk/lisbon/visits/{session}/earlier", "POST"),
    ],
)
def test_no_wish_is_a_server_error(db: Session, cast: Cast, clinic: Clinic, path: str, method: str) -> None:
    series, sessions = make_series(db, clinic, cast.patient_person)
    client = cast.browser(cast.receptionist if path.startswith("/desk") else cast.patient)
    token = csrf_token(client)
    target = path.format(session=sessions[1].id, series=series.id, patient=cast.patient_person.id)
    # Several times may be sent under one name, as checkboxes and the plan's lists are.
    hostile = st.dictionaries(
        st.sampled_from(sorted({*WISH, "session"})), st.one_of(HOSTILE, st.lists(HOSTILE, max_size=3)), max_size=4
    )

    @settings(
        max_examples=40, deadline=None, database=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )  # fmt: skip
    @example(query={}, form={"from_day": "9999-12-31", "until_day": "9999-12-31", "weekdays": [], "parts": []})
    @given(query=hostile, form=hostile)
    def throw(query: dict[str, str | list[str]], form: dict[str, str | list[str]]) -> None:
        data = WISH | form | {"csrf_token": token} if method == "POST" else None
        response = client.open(target, method=method, query_string=WISH | query, data=data)
        text = response.get_data(as_text=True)
        assert response.status_code < 500, f"{target} {query} {form}: {response.status_code} {text[:2000]}"
        assert "<script>alert(1)</script>" not in text

    throw()


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("junk", [b"\xff\xfe", b"a=%ff%fe&b=%", b"&" * 5000, b"--x\r\n"])
def test_broken_bodies_are_a_client_error(client: PortalClient, method: str, junk: bytes) -> None:
    for content_type in (
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/json",
        "text/plain",
    ):
        response = client.open("/sign-in", method=method, data=junk, content_type=content_type)
        assert response.status_code < 500


def test_a_body_that_is_too_large_is_refused(client: PortalClient) -> None:
    token = csrf_token(client)
    response = client.post("/sign-in", data={"csrf_token": token, "email": "a" * 2_000_000})
    assert response.status_code == 413
