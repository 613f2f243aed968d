"""Cross-patient access is impossible: every route is walked with another patient's ids, by everybody who is not hers.

Each request is sent with her ids in the address, in the query and in the form. It must be refused, or be answered word for
word as with ids that nobody has; it must show nothing of her, and no row that names her may come, go or change.
"""

import html
import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import text
from sqlalchemy.orm import Session
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from clinic_portal.booking.links import SIGNATURE_LENGTH
from clinic_portal.booking.queries.calendars import TOKEN_LENGTH
from clinic_portal.booking.queries.stranded import token_of
from clinic_portal.core.clock import FixedClock
from clinic_portal.core.ids import AppointmentId, new_id
from clinic_portal.core.settings import Environment, Settings
from clinic_portal.web.access import ATTRIBUTE, Right
from tests.booking.factory import make_appointment
from tests.support.cast import Cast
from tests.support.clinic import Clinic
from tests.support.page import PortalClient
from tests.support.world import (
    FREE_SLOT,
    NOTE,
    World,
    csrf_token,
    is_sign_in,
    make_world,
    methods_of,
    naming,
    path_of,
    rules_of,
    snapshot,
    without_nonces,
)

PACKAGE = Path(__file__).resolve().parents[1] / "clinic_portal"

#: Anybody may have these write to the owner of an address: a code, or "somebody registered with your address". The answer
#: does not say whether the address has an account, which the comparison below shows.
MAY_WRITE_TO_HER = {"accounts.request_password_reset", "accounts.register"}
WRITTEN_TO_HER = ("one_time_code ", "message ")

#: What these change is the walker's own browser: a second try would be somebody else's.
# Whoever was written down by the first try is known to the second.
ONCE = {"accounts.sign_out", "front_desk.add_new_patient"}


@dataclass(frozen=True)
class Pair:
    """A value of hers, and one of the same kind that nobody has."""

    hers: str
    nobodys: str


def unknown() -> str:
    return str(new_id())


def parameters(world: World) -> Mapping[str, Pair]:
    """Name of a query argument or form field → what is sent. A view that reads another name must be thought about."""
    same = {
        "change": "time", "choice": "full", "day": "", "days": "14", "from": "", "part": "morning", "language": "en",
        "name": "Hall", "next": "/visits", "old_password": "not her password", "password": "seven green kettles sing",
        "patient_note": "mine", "reason": "patient.other", "slot": FREE_SLOT, "version": "", "seen": "",
        "as": "text", "past": "40",
        "count": "4", "per_week": "1", "weekday": "3", "first": "2026-11-23", "time": FREE_SLOT, "was": FREE_SLOT,
        "moved": "1", "answer": "STOP", "by_sms": "y", "by_email": "y", "remind": "on",
        "noshow_limit": "3", "noshow_days": "180",
        "quiet_from": "21:00", "quiet_until": "08:00", "early_days": "7", "last_days": "1",
        "early_instead_after_days": "7", "from_time": "14:00", "until_time": "16:00", "late_from": "13:00",
        "late_minutes": "10",
        "on": "2026-11-27", "at": "10:00", "note": "she cannot come earlier",
        "given_name": "Rita", "family_name": "Lopes", "birth_date-day": "3", "birth_date-month": "4",
        "birth_date-year": "1990", "is_age_right": "y", "phone": "+351 912 345 699", "facility": "lisbon",
        "weekdays": "1", "parts": "morning", "from_day": "2026-11-24", "until_day": "2026-12-24",
        "practitioner": str(world.clinic.ines.id), "room": str(world.clinic.room_1.id),
    } | {
        "starts": "", "ends": "", "where": "", "weekday": "", "valid_from": "", "valid_until": "", "first_day": "",
        "last_day": "", "before": "", "after": "", "notice": "", "notice_unit": "", "horizon": "", "cutoff": "",
        "cutoff_unit": "", "per_day": "", "series": "", "mode": "", "modes": "", "stands": "", "stop": "", "stop_unit": "",
        "keep": "", "meeting_url": "", "year": "2026", "for_all": "cancel", "later": "y", "aside": "y", "another": "y",
    }  # fmt: skip
    return {name: Pair(value, value) for name, value in same.items()} | {
        "patient": Pair(str(world.cast.patient_person.id), unknown()),
        "shown": Pair(token_of(AppointmentId(world.booked.id), world.booked.starts_at), f"{unknown()}@20261126T1030"),
        "namesake": Pair(str(world.cast.patient_person.id), unknown()),
        "instead": Pair(str(world.held.id), unknown()),
        "session": Pair(str(world.booked.id), unknown()),
        "said": Pair(str(world.arrived.id), unknown()),
        "email": Pair("marta@example.org", f"nobody-{unknown()}@example.org"),
        "to": Pair("marta@example.org", f"nobody-{unknown()}@example.org"),
        "open": Pair(world.email_id, f"email-{unknown()}"),
        "code": Pair(world.code, "000000"),
        "q": Pair("Marta", "Xenia"),
    }


@dataclass(frozen=True)
class Variant:
    """Which names are left out of query and form, and whether HTMX asks."""

    words: str
    left_out: frozenset[str] = frozenset()
    htmx: bool = False


ALL = Variant("everything")
#: In booking a refusal because of one name must not hide what another would have shown.
BOOKING = (ALL, Variant("all but the patient", frozenset({"patient"})))
BARE = Variant("neither patient nor hold", frozenset({"patient", "instead"}), htmx=True)


@dataclass(frozen=True)
class Try:
    """One request of the walk."""

    rule: Rule
    method: str
    values: Mapping[str, object]
    variant: Variant

    def __str__(self) -> str:
        return f"{self.method} {path_of(self.rule, self.values)} with {self.variant.words}"


@dataclass
class Walk:
    """One person's walk; `findings` says what should not have happened, by endpoint."""

    world: World
    who: str
    unknown_arguments: Mapping[str, object]
    findings: dict[str, list[str]] = field(default_factory=dict)
    requests: int = 0

    def over(self, rules: Sequence[Rule]) -> None:
        """Try every method of every rule with every combination of her ids."""
        before = snapshot(self.world.db)
        for rule in rules:
            self._rule(rule)
            if "POST" not in methods_of(rule) and rule is not rules[-1]:
                continue  # Looked at together with the next rule that may write.
            after = snapshot(self.world.db)
            touched = naming(before ^ after, self.world.ids)
            if rule.endpoint in MAY_WRITE_TO_HER:
                touched = [row for row in touched if not row.startswith(WRITTEN_TO_HER)]
            if touched:
                self._find(rule, f"changed {touched}")
            before = after

    def _rule(self, rule: Rule) -> None:
        client = self.world.browser(self.who)
        token = csrf_token(client) if "POST" in methods_of(rule) else ""
        variants = (*BOOKING, BARE) if rule.endpoint.startswith("booking.") else (ALL, BARE)
        for values, method in itertools.product(self._addresses(rule), methods_of(rule)):
            for variant in variants:
                is_refused = self._is_refused_to(Try(rule, method, values, variant), client, token)
                if is_refused or method in {"HEAD", "OPTIONS"} or rule.endpoint in ONCE:
                    break

    def _addresses(self, rule: Rule) -> Iterator[dict[str, object]]:
        """Her values for every URL part; the far receptionist also tries her own facility with the other's ids."""
        known = dict(self.world.arguments())
        # Whoever has the code has the link; others may have heard the reference.
        known["feed_token"] = ["A" * TOKEN_LENGTH]
        known["visit_code"] = [self.world.booked.reference + "A" * SIGNATURE_LENGTH]
        known["offer_code"] = [self.world.offer_code[:-SIGNATURE_LENGTH] + "A" * SIGNATURE_LENGTH]
        if self.who == "far_receptionist":
            known["slug"] = ["ponta-delgada", "lisbon"]
        names = sorted(rule.arguments)
        for values in itertools.product(*(known[name] for name in names)):
            yield dict(zip(names, values, strict=True))

    def _is_refused_to(self, tried: Try, client: PortalClient, token: str) -> bool:
        """Send it; return whether whoever asks may not use the route at all, whatever they send."""
        pairs = parameters(self.world)
        sent = {name: pair for name, pair in pairs.items() if name not in tried.variant.left_out}
        response = self._send(tried, client, token, {name: pair.hers for name, pair in sent.items()})
        self._look_for_secrets(tried, response, {pair.hers for pair in sent.values()})
        if response.status_code in {401, 403, 404, 405} or is_sign_in(response):
            return response.status_code in {401, 403, 405} or is_sign_in(response)
        if tried.method != "OPTIONS" and tried.rule.endpoint not in ONCE:
            others = {name: self.unknown_arguments.get(name, value) for name, value in tried.values.items()}
            again = replace(tried, values=others)
            twin = self._send(again, client, token, {name: pair.nobodys for name, pair in sent.items()})
            if self._plain(response, tried.values, sent) != self._plain(twin, others, sent):
                self._find(
                    tried.rule, f"{tried}: {response.status_code}, but {twin.status_code} with ids that nobody has"
                )
        return False

    def _send(self, tried: Try, client: PortalClient, token: str, query: dict[str, str]) -> TestResponse:
        self.requests += 1
        if tried.method == "POST" and tried.rule.endpoint.startswith("accounts."):
            # Each request is the first try: what is compared are answers, not the patience of the guess counter.
            self.world.db.execute(text("DELETE FROM guess_throttle"))
            self.world.db.commit()
        return client.open(
            path_of(tried.rule, tried.values),
            method=tried.method,
            query_string=query,
            data=query | {"csrf_token": token} if tried.method == "POST" else None,
            headers={"HX-Request": "true"} if tried.variant.htmx else {},
        )

    def _look_for_secrets(self, tried: Try, response: TestResponse, typed: set[str]) -> None:
        body = html.unescape(response.get_data(as_text=True)) + str(response.headers)
        # What the walker typed may stand in the form again; that it says no more, the comparison shows.
        shown = [secret for secret in self.world.secrets() if secret in body and secret not in typed]
        if shown:
            self._find(tried.rule, f"{tried} shows {shown}")

    def _plain(self, response: TestResponse, address: Mapping[str, object], sent: Mapping[str, Pair]) -> str:
        """The answer with names in place of what was sent, so that two answers can be compared."""
        target = response.headers.get("Location", "") + response.headers.get("HX-Redirect", "")
        body = f"{response.status_code} {target} {without_nonces(response.get_data(as_text=True))}"
        values = {str(value): name for name, value in address.items() if name in self.unknown_arguments}
        for name, pair in sent.items():
            if pair.hers != pair.nobodys:
                values |= {pair.hers: name, pair.nobodys: name, pair.hers.replace("@", "%40"): name}
                values |= {pair.nobodys.replace("@", "%40"): name}
        for value in sorted(values, key=len, reverse=True):
            body = body.replace(value, "…")
        return body

    def _find(self, rule: Rule, what: str) -> None:
        self.findings.setdefault(rule.endpoint, []).append(what)


@pytest.fixture
def world(db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, settings: Settings, inbox: Path) -> World:
    """Built after `inbox` has emptied its folder."""
    assert not list(inbox.iterdir())
    return make_world(db, clock, clinic, cast, settings)


@pytest.fixture
def in_production(app: Flask, settings: Settings) -> Iterator[None]:
    """The developer's inbox shows everything to everybody, and is not there in production: so walk there."""
    extension = app.extensions["clinic_portal"]
    extension["settings"] = replace(settings, environment=Environment.PRODUCTION)
    yield
    extension["settings"] = settings


def unknown_arguments() -> Mapping[str, object]:
    names = (
        "appointment_id",
        "entry_id",
        "offer_id",
        "ticket_id",
        "patient_id",
        "session_id",
        "screen_id",
        "series_id",
    )
    return {name: unknown() for name in names} | {"item_id": f"email-{unknown()}"}


def right_of(app: Flask, rule: Rule) -> Right:
    declared: Right = getattr(app.view_functions[rule.endpoint], ATTRIBUTE)
    return declared


def test_every_url_part_is_known(app: Flask, world: World) -> None:
    parts = {name for rule in rules_of(app) for name in rule.arguments}
    assert parts == set(world.arguments()), (
        "a new URL part: say in tests/support/world.py what a stranger would put there"
    )


def test_every_parameter_is_known(world: World) -> None:
    names: set[str] = set()
    for path in PACKAGE.rglob("*.py"):
        code = path.read_text()
        names.update(
            re.findall(r"""\brequest\.(?:args|form|values)(?:\.get(?:list)?\(|\[)\s*["']([\w\-]+)["']""", code)
        )
        names.update(re.findall(r"""\bchosen_id\(["'](\w+)["']""", code))
        if path.name.startswith("forms"):
            names.update(re.findall(r"^    ([a-z_]+)(?:: [^=]+)? = [\w.]*[Ff]ield\(", code, re.M))
    assert {"patient", "instead", "room", "email", "said"} <= names
    sent = {name.split("-")[0] for name in parameters(world)}
    assert names <= sent, "a new parameter: say in parameters() what a stranger would send"


@pytest.mark.parametrize("who", ["visitor", "stranger", "far_receptionist", "doctor", "screen"])
@pytest.mark.usefixtures("in_production")
def test_nobody_reaches_another_patient(app: Flask, world: World, who: str) -> None:
    rules = rules_of(app)
    if who == "stranger":
        make_appointment(world.db, world.clinic, world.cast.stranger_person, practitioner=world.clinic.rui)
    if who in {"far_receptionist", "doctor", "screen"}:
        # Pages for everybody that take no id show them what they show to the visitor and the stranger, who walk them all.
        public = {Right.PUBLIC, Right.SCREEN} if who == "screen" else {Right.PUBLIC}
        ids = unknown_arguments().keys()
        rules = [rule for rule in rules if right_of(app, rule) not in public or rule.arguments & ids]
    walk = Walk(world, who, unknown_arguments())
    walk.over(rules)
    assert walk.findings == {}
    assert walk.requests >= len(rules)


def test_control_her_own_browser_and_her_desk_do_reach_her(app: Flask, world: World) -> None:
    """The walk can fail: with the rights, every route that takes an id of hers is found, and her data is seen."""
    rules = [rule for rule in rules_of(app) if rule.arguments & unknown_arguments().keys()]
    walks = [Walk(world, who, unknown_arguments()) for who in ("receptionist", "patient")]
    for walk in walks:
        walk.over(rules)
    assert walks[0].findings.keys() | walks[1].findings.keys() == {rule.endpoint for rule in rules}
    found = " ".join(what for walk in walks for whats in walk.findings.values() for what in whats)
    for what in ("'Araújo'", world.booked.reference, NOTE, "changed", "with ids that nobody has"):
        assert what in found
