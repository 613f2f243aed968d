"""The portal in this process, to see which statements each of its requests sends."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from flask.testing import FlaskClient
from sqlalchemy import Engine, event
from werkzeug.test import TestResponse

from bench.facts import Dataset, Person
from bench.statements import Script, Statement
from clinic_portal.app import create_app
from clinic_portal.booking import catalogue
from clinic_portal.core.clock import SystemClock
from config import load_settings
from tests.support.cast import PASSWORD

HOST = "https://clinic.example"
TOKEN = re.compile(r'name="csrf-token" content="([^"]+)"')


@contextmanager
def statements_of(engine: Engine) -> Iterator[list[Statement]]:
    """Note what is sent to the database meanwhile."""
    seen: list[Statement] = []

    def note(_connection: object, _cursor: object, sql: str, parameters: Mapping[str, Any], *_rest: object) -> None:
        seen.append(Statement(sql, parameters))

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(engine, "before_cursor_execute", note)


class Recorder:
    """A browser, a portal without a cache, and what the one makes the other ask the database."""

    def __init__(self, environment: Mapping[str, str], *, cache: bool = False) -> None:
        """Make the portal. Its catalogue is read once: what a process keeps for seconds is no part of a request."""
        catalogue.KEEP_FOR = timedelta(hours=1)
        self.app = create_app(load_settings({**environment, "AVAILABILITY_CACHE": "on" if cache else "off"}))
        with self.app.app_context():
            self.engine: Engine = self.app.extensions["sqlalchemy"].engine
        self._token = ""
        self._asked = 0
        self.client: FlaskClient = self.app.test_client()

    def sign_in(self, person: Person) -> None:
        """Be one of the invented people from now on."""
        self.client = self.app.test_client()
        self.get("/sign-in")
        self.post("/sign-in", email=person.email, password=PASSWORD)
        self.get("/accessibility")

    def get(self, path: str, **headers: str) -> TestResponse:
        """Fetch a page and keep its form token. Raises: RuntimeError."""
        answer = self.client.get(path, base_url=HOST, headers=self._headers(headers))
        found = TOKEN.search(answer.text)
        self._token = found.group(1) if found else self._token
        return _checked(path, answer, 200)

    def post(self, path: str, **form: str) -> TestResponse:
        """Send a form that succeeds. Raises: RuntimeError."""
        answer = self.client.post(
            path, base_url=HOST, headers=self._headers({}), data={"csrf_token": self._token, **form}
        )
        return _checked(path, answer, 303)

    def script_of_get(self, path: str, **headers: str) -> Script:
        """Return the statements of a page."""
        with statements_of(self.engine) as seen:
            self.get(path, **headers)
        return Script(seen, SystemClock().now())

    def script_of_post(self, path: str, **form: str) -> tuple[Script, str]:
        """Return the statements of a form, and where it leads."""
        with statements_of(self.engine) as seen:
            answer = self.post(path, **form)
        return Script(seen, SystemClock().now()), answer.location.removeprefix(HOST)

    def close(self) -> None:
        """Let go of the database."""
        self.engine.dispose()

    def _headers(self, more: Mapping[str, str]) -> dict[str, str]:
        self._asked += 1  # The limits count by address.
        address = f"10.9.{self._asked // 250 % 250}.{self._asked % 250}"
        return {"Referer": f"{HOST}/", "X-Forwarded-For": address, **more}


def _checked(path: str, answer: TestResponse, wanted: int) -> TestResponse:
    if answer.status_code != wanted:
        raise RuntimeError(f"{path}: {answer.status_code} {answer.text[:500]}")
    return answer


def without_sign_in(script: Script) -> Script:
    """Return a script without the statement that finds out who is signed in: the floor has no such thing."""
    return replace(script, statements=[one for one in script.statements if "FROM account_session" not in one.sql])


def record_booking(recorder: Recorder, data: Dataset, number: int) -> tuple[Script, Script]:
    """Return the statements of a hold and of the booking after it, by the client of that number. It stays booked."""
    person, place = data.people[number], data.places[number]
    recorder.sign_in(person)
    query = f"practitioner={place.practitioner}&facility=lisbon&patient={person.patient}"
    # The first one finds the catalogue; what it sends for that is no part of a booking.
    for slot in data.free[number][:2]:
        hold, check = recorder.script_of_post(f"/book/massage/times?{query}", slot=slot)
        book, _ = recorder.script_of_post(check, patient_note="", patient=person.patient)
    return hold, book


def start_of(slot: str) -> datetime:
    """Return the instant of a button."""
    return datetime.strptime(slot, "%Y-%m-%dT%H:%MZ").replace(tzinfo=UTC)


def day_paths(data: Dataset, today: datetime, days: int) -> list[str]:
    """Return the addresses of every practitioner's single days."""
    dates = [(today + timedelta(days=offset)).date() for offset in range(1, days + 1)]
    return [
        f"/book/massage/times?practitioner={place.practitioner}&facility=lisbon&from={day}&days=1"
        for place in data.places
        for day in dates
    ]
