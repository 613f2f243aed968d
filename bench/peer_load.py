"""The load on django-appointment, made as that on the portal is (`bench.load`), in the same process."""

import itertools
from contextlib import ExitStack, closing
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from bench.client import Client
from bench.facts import VISIT
from bench.load import Step, Unexpected, closed_loop
from bench.stats import Round

#: After the days that `peer_fill` has filled.
FIRST_DAY = date(2031, 1, 1)
A_DAY = 24

#: Every booking of a run is at another time.
_bookings = itertools.count()


@dataclass(frozen=True)
class Visitor:
    """A client of the peer's who is signed in, and the member of staff with whom only they book."""

    session: str
    service: str
    staff: str


def book_at_peer(port: int, visitors: list[Visitor], seconds: float) -> Round:
    """Ask for a time, then give one's details, as signed-in clients do: two POSTs a booking."""
    with ExitStack() as stack:
        return closed_loop(
            [_booking(visitor, stack.enter_context(closing(Client(port)))) for visitor in visitors], seconds
        )


def _booking(visitor: Visitor, browser: Client) -> Step:
    browser.token = "peer" * 8  # Django compares the cookie with the form, nothing else.
    browser.cookies = {"sessionid": visitor.session, "csrftoken": browser.token}

    def post(path: str, **form: str) -> str:
        answer = browser.post(path, csrfmiddlewaretoken=browser.token, **form)
        if answer.status != 302:
            raise Unexpected(f"django-appointment, {path}: {answer.status}")
        return answer.headers["location"]

    def step() -> bool:
        day, slot = divmod(next(_bookings), A_DAY)
        start = datetime.combine(FIRST_DAY + timedelta(days=day), time(8)) + slot * VISIT
        details = post(
            "/appointment/request-submit/", date=f"{start:%Y-%m-%d}", start_time=f"{start:%H:%M:%S}",
            end_time=f"{start + VISIT:%H:%M:%S}", service=visitor.service, staff_member=visitor.staff,
        )  # fmt: skip
        post(
            details, name="Ana Silva", email="ana@example.org", phone_0="PT", phone_1="912345678",
            address="Rua da Ribeira 1",
            additional_info="", payment_type="full",
        )  # fmt: skip
        return True

    return step
