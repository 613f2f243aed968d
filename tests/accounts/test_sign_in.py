"""Signing in: one answer for wrong and for unknown, slowed down, and the browser's own session is new."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import argon2
import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sqlalchemy import func, select
from sqlalchemy.orm import Session, sessionmaker

from clinic_portal import wiring
from clinic_portal.accounts.devices import MANY, Device
from clinic_portal.accounts.errors import MustWait, WrongGuess
from clinic_portal.accounts.models import AccountSession, GuessThrottle
from clinic_portal.accounts.passwords import HASHER, STAND_IN_HASH, hash_password, is_outdated, verify_password
from clinic_portal.accounts.rules import CodePurpose, throttle_key
from clinic_portal.accounts.use_cases.register_account import register_account
from clinic_portal.accounts.use_cases.sign_in import sign_in
from clinic_portal.core.actor import Role
from clinic_portal.core.clock import FixedClock
from clinic_portal.core.db import make_engine
from clinic_portal.core.settings import Settings
from tests.accounts.helpers import EMAIL, GOOD_PASSWORD, codes_of, newest_digits, registration, send
from tests.support import servers
from tests.support.cast import PASSWORD, Cast, make_account
from tests.support.page import PortalClient

MARTA = "marta@example.org"


def try_password(
    db: Session, clock: FixedClock, settings: Settings, email: str, password: str, device: Device | None = None
) -> str:
    key, browser = settings.secret_key, device or Device.read("")
    try:
        sign_in(db, clock, email=email, password=password, secret_key=key, user_agent="", device=browser)
    except WrongGuess:
        return "wrong"
    except MustWait as refusal:
        return f"wait {refusal.values['wait_s']}"
    return "in"


def test_a_patient_signs_in_and_lands_on_the_home_page(cast: Cast, db: Session) -> None:
    browser = cast.browser(None)
    fields = browser.page("/sign-in").fields() | {"email": " Marta@EXAMPLE.org", "password": PASSWORD}
    answer = browser.post("/sign-in", data=fields)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")
    assert browser.page("/account").h1 == "My account"
    row = db.scalars(select(AccountSession).where(AccountSession.account_id == cast.patient.id)).one()
    assert row.user_agent.startswith("Werkzeug")


@pytest.mark.parametrize("role", [Role.RECEPTIONIST, Role.DOCTOR, Role.ADMINISTRATOR])
def test_staff_land_on_their_first_page(cast: Cast, role: Role) -> None:
    account = {Role.RECEPTIONIST: cast.receptionist, Role.DOCTOR: cast.doctor, Role.ADMINISTRATOR: cast.administrator}[
        role
    ]
    browser = cast.browser(None)
    fields = browser.page("/sign-in").fields() | {"email": account.email, "password": PASSWORD}
    answer = browser.post("/sign-in", data=fields)
    assert answer.headers["Location"] == ("/own/hours" if role is Role.DOCTOR else "/desk")
    assert browser.get(answer.headers["Location"], follow_redirects=True).status_code == 200


def test_wrong_and_unknown_are_answered_alike(cast: Cast) -> None:
    pages = []
    for email in (MARTA, "nobody@example.org"):
        page = send(cast.browser(None), "/sign-in", status=422, email=email, password="not the password")
        assert "The e-mail address or the password is not right" in page.text
        assert page.one("input", name="email").get("value") == email
        assert page.one("input", name="password").get("value") in (None, "")
        assert "not the password" not in page.html
        pages.append(page.text.replace(email, "…"))
    assert pages[0] == pages[1]


def test_an_unknown_address_costs_a_hash_of_today_s_strength() -> None:
    """The stand-in takes as long as a real one because it has the parameters of every hash that is made today."""
    assert argon2.extract_parameters(STAND_IN_HASH) == argon2.extract_parameters(hash_password("some password"))
    assert not is_outdated(STAND_IN_HASH)
    assert not verify_password(None, PASSWORD)
    stand_in_password = "the stand-in for nobody"
    assert verify_password(HASHER.hash(stand_in_password), stand_in_password)


def test_after_five_wrong_guesses_each_address_waits_whether_it_exists_or_not(
    cast: Cast, db: Session, clock: FixedClock, settings: Settings
) -> None:
    for email in (MARTA, "nobody@example.org"):
        assert [try_password(db, clock, settings, email, "wrong") for _ in range(5)] == ["wrong"] * 5
        assert try_password(db, clock, settings, email, PASSWORD) == "wait 15"
    clock.advance(timedelta(seconds=15))
    assert try_password(db, clock, settings, MARTA, "wrong") == "wrong"
    assert try_password(db, clock, settings, MARTA, PASSWORD) == "wait 30"
    clock.advance(timedelta(seconds=30))
    assert try_password(db, clock, settings, MARTA, PASSWORD) == "in"
    assert try_password(db, clock, settings, MARTA, "wrong") == "wrong"


def test_strangers_do_not_keep_the_owner_out_of_a_browser_that_knows_her(
    cast: Cast, db: Session, clock: FixedClock, settings: Settings
) -> None:
    hers = Device.read("").with_owner(settings.secret_key, MARTA)
    for _ in range(5):
        try_password(db, clock, settings, MARTA, "wrong")
    assert try_password(db, clock, settings, MARTA, PASSWORD) == "wait 15"
    assert try_password(db, clock, settings, MARTA, PASSWORD, hers) == "in"
    # That she is in is no new chance for them.
    assert try_password(db, clock, settings, MARTA, PASSWORD) == "wait 15"
    # Her own browser knows her alone.
    for _ in range(5):
        try_password(db, clock, settings, "lina@example.org", "wrong", hers)
    assert try_password(db, clock, settings, "lina@example.org", PASSWORD) == "wait 15"


def test_guesses_in_a_browser_that_knows_the_owner_are_slowed_down_too(
    cast: Cast, db: Session, clock: FixedClock, settings: Settings
) -> None:
    stolen = Device.read("").with_owner(settings.secret_key, MARTA)
    assert [try_password(db, clock, settings, MARTA, "wrong", stolen) for _ in range(5)] == ["wrong"] * 5
    assert try_password(db, clock, settings, MARTA, PASSWORD, stolen) == "wait 15"
    assert try_password(db, clock, settings, MARTA, PASSWORD) == "in"


@pytest.mark.parametrize(
    "forge",
    [
        lambda device: f"{Device.read('').number}.{device.marks[0]}",  # Another browser's mark.
        lambda device: str(replace(device, marks=("0" * 32,))),
        lambda device: str(device) + "\n",
        lambda device: str(device).upper(),
        lambda device: ".".join([device.number, *device.marks * 9]),
        lambda device: "é" * 22,
        lambda device: "",
    ],
)
def test_a_cookie_that_we_did_not_write_knows_nobody(settings: Settings, forge: Callable[[Device], str]) -> None:
    device = Device.read("").with_owner(settings.secret_key, MARTA)
    assert Device.read(str(device)) == device
    assert Device.read(str(device)).knows(settings.secret_key, MARTA)
    assert not Device.read(forge(device)).knows(settings.secret_key, MARTA)
    assert not device.knows("another secret key, as long as the first one", MARTA)
    assert "marta" not in str(device)


def test_a_browser_knows_its_last_few_owners(settings: Settings) -> None:
    device, key = Device.read(""), settings.secret_key
    for number in (*range(MANY + 2), MANY):
        device = Device.read(str(device.with_owner(key, f"a{number}@example.org")))
    assert [device.knows(key, f"a{number}@example.org") for number in range(MANY + 2)] == [False] * 2 + [True] * MANY


def test_the_page_remembers_who_signed_in_and_lets_them_in_again(cast: Cast) -> None:
    browser = cast.browser(None)
    send(browser, "/sign-in", email=MARTA, password=PASSWORD)
    cookie = browser.get_cookie("clinic_device")
    assert cookie is not None
    assert (cookie.http_only, cookie.same_site, cookie.path) == (True, "Lax", "/")
    browser.post("/sign-out", data={"csrf_token": browser.page("/").one("meta", name="csrf-token").get("content")})
    stranger = cast.browser(None)
    for _ in range(5):
        send(stranger, "/sign-in", status=422, email=MARTA, password="wrong")
    send(stranger, "/sign-in", status=429, email=MARTA, password=PASSWORD)
    assert send(browser, "/sign-in", email=MARTA, password=PASSWORD).response.status_code == 200
    assert browser.page("/account").h1 == "My account"


def test_an_hour_of_quiet_forgets_the_guesses(cast: Cast, db: Session, clock: FixedClock, settings: Settings) -> None:
    for _ in range(5):
        try_password(db, clock, settings, MARTA, "wrong")
    clock.advance(timedelta(hours=1))
    assert [try_password(db, clock, settings, MARTA, "wrong") for _ in range(5)] == ["wrong"] * 5


def test_one_address_does_not_slow_down_another(cast: Cast, db: Session, clock: FixedClock, settings: Settings) -> None:
    for _ in range(6):
        try_password(db, clock, settings, MARTA, "wrong")
    assert try_password(db, clock, settings, "lina@example.org", PASSWORD) == "in"


def test_the_table_of_guesses_names_nobody(cast: Cast, db: Session, clock: FixedClock, settings: Settings) -> None:
    try_password(db, clock, settings, MARTA, "wrong")
    keys = db.scalars(select(GuessThrottle.key)).all()
    assert keys == [throttle_key(settings.secret_key, "password", MARTA)]
    assert "marta" not in keys[0]


def test_waiting_is_told_on_the_page(cast: Cast) -> None:
    browser = cast.browser(None)
    for _ in range(5):
        send(browser, "/sign-in", status=422, email=MARTA, password="wrong")
    page = send(browser, "/sign-in", status=429, email=MARTA, password=PASSWORD)
    assert "Too many tries. Wait 15 seconds" in page.text
    assert page.response.headers["Retry-After"] == "15"


def test_a_hash_with_old_parameters_is_renewed(cast: Cast, db: Session, clock: FixedClock, settings: Settings) -> None:
    assert is_outdated(cast.patient.password_hash)
    assert try_password(db, clock, settings, MARTA, PASSWORD) == "in"
    db.refresh(cast.patient)
    assert not is_outdated(cast.patient.password_hash)
    assert try_password(db, clock, settings, MARTA, PASSWORD) == "in"


def test_an_unconfirmed_account_goes_to_the_code_page(
    client: PortalClient, db: Session, clock: FixedClock, settings: Settings
) -> None:
    register_account(db, clock, registration=registration(), secret_key=settings.secret_key)
    page = send(client, "/sign-in?next=/book", email=EMAIL, password=GOOD_PASSWORD)
    assert page.h1 == "Check your e-mail"
    assert len(codes_of(db, EMAIL, CodePurpose.CONFIRM_EMAIL)) == 2
    assert client.get("/account").status_code == 303
    token = page.fields(0)["csrf_token"]
    digits = newest_digits(db, settings.secret_key)
    answer = client.post("/register/code?next=/book", data={"csrf_token": token, "code": digits})
    assert answer.headers["Location"] == "/account/phone/code?next=/book"


def test_an_unconfirmed_account_with_a_wrong_password_is_not_told_apart(
    client: PortalClient, db: Session, clock: FixedClock, settings: Settings
) -> None:
    register_account(db, clock, registration=registration(), secret_key=settings.secret_key)
    page = send(client, "/sign-in", status=422, email=EMAIL, password="not the password")
    assert "The e-mail address or the password is not right" in page.text
    assert len(codes_of(db, EMAIL, CodePurpose.CONFIRM_EMAIL)) == 1


def test_a_closed_account_signs_nobody_in(cast: Cast, db: Session, clock: FixedClock, settings: Settings) -> None:
    cast.patient.ended_at = clock.now()
    db.commit()
    assert try_password(db, clock, settings, MARTA, PASSWORD) == "wrong"


def test_what_the_browser_held_stays_but_its_form_token_and_session_are_new(cast: Cast) -> None:
    browser = cast.browser(None)
    fields = browser.page("/sign-in").fields() | {"email": MARTA, "password": PASSWORD}
    with browser.session_transaction() as session:
        session["hold"] = "kept"
        token_before = session["csrf_token"]
    browser.post("/sign-in", data=fields)
    with browser.session_transaction() as session:
        assert session["hold"] == "kept"
        assert session.get("csrf_token") != token_before
        assert session["_user_id"]


def test_a_session_that_was_planted_is_worth_nothing(cast: Cast, db: Session) -> None:
    """Fixation: whatever session a browser comes with, signing in opens another one."""
    browser = cast.browser(None)
    with browser.session_transaction() as session:
        session["_user_id"] = "planted"
    fields = browser.page("/sign-in").fields() | {"email": MARTA, "password": PASSWORD}
    browser.post("/sign-in", data=fields)
    with browser.session_transaction() as session:
        assert session["_user_id"] != "planted"
    other = cast.browser(None)
    with other.session_transaction() as session:
        session["_user_id"] = "planted"
    assert other.get("/account").status_code == 303


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example",
        "//evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "javascript:alert(1)",
        "/\n/evil",
        "//[",
        "evil",
    ],
)
def test_a_next_that_leads_elsewhere_is_not_followed(cast: Cast, target: str) -> None:
    browser = cast.browser(None)
    fields = browser.page("/sign-in").fields() | {"email": MARTA, "password": PASSWORD}
    answer = browser.post("/sign-in", query_string={"next": target}, data=fields)
    assert answer.headers["Location"] == "/"


@given(target=st.text(alphabet=st.sampled_from("/\\.:@?#%[]evilhtps \t\n\r\x00é"), max_size=20) | st.text(max_size=20))
@hypothesis_settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_next_ever_leaves_the_site(cast: Cast, target: str) -> None:
    answer = cast.browser(cast.patient).get("/sign-in", query_string={"next": target})
    location = answer.headers["Location"]
    assert answer.status_code == 303
    assert location.startswith("/")
    assert not location.startswith(("//", "/\\"))


def test_signing_in_goes_on_to_where_the_visitor_was_going(cast: Cast) -> None:
    browser = cast.browser(None)
    page = send(browser, "/sign-in?next=/account/browsers", email=MARTA, password=PASSWORD)
    assert page.response.request.path == "/account/browsers"


@pytest.mark.parametrize(
    ("email", "password"), [("", ""), ("x", "y"), (MARTA, ""), ("a" * 5000, "b"), (MARTA, "x" * 300)]
)
def test_a_form_with_a_mistake_comes_back(client: PortalClient, email: str, password: str) -> None:
    page = send(client, "/sign-in", status=422, email=email, password=password)
    assert page.one("input", name="email").get("value", "") == email
    assert page.one("input", name="password").get("value") in (None, "")


def test_wrong_method_missing_token_and_fragment(client: PortalClient) -> None:
    assert client.put("/sign-in").status_code == 405
    assert client.post("/sign-in", data={"email": MARTA, "password": PASSWORD}).status_code == 400
    assert client.fragment("/sign-in").h1 == client.page("/sign-in").h1


@pytest.fixture
def committed(settings: Settings, worker_number: int) -> Iterator[sessionmaker[Session]]:
    """Sessions of separate connections to a database of its own, where commits are commits."""
    name = f"clinic_guess_{worker_number}"
    engine = make_engine(servers.clone_template(name), pool_size=20)
    yield sessionmaker(bind=engine, expire_on_commit=False, info=dict(wiring.session_info(settings)))
    engine.dispose()
    servers.drop_database(name)


def test_guesses_made_at_the_same_time_cannot_slip_past(
    committed: sessionmaker[Session], clock: FixedClock, settings: Settings
) -> None:
    with committed() as db:
        make_account(db, clock, Role.PATIENT, "Marta", "Araújo", MARTA)
        db.commit()

    def guess(number: int) -> str:
        with committed() as db:
            return try_password(db, clock, settings, MARTA, f"guess {number}")

    with ThreadPoolExecutor(max_workers=16) as pool:
        answers = list(pool.map(guess, range(32)))
    assert answers.count("wrong") == 5
    assert answers.count("wait 15") == 27
    with committed() as db:
        assert db.scalar(select(GuessThrottle.failures)) == 5


def test_right_sign_ins_at_the_same_time_do_not_disturb_each_other(
    committed: sessionmaker[Session], clock: FixedClock, settings: Settings
) -> None:
    with committed() as db:
        account = make_account(db, clock, Role.PATIENT, "Marta", "Araújo", MARTA)
        account.password_hash = hash_password(PASSWORD)
        db.commit()

    def enter(_: int) -> str:
        with committed() as db:
            return try_password(db, clock, settings, MARTA, PASSWORD)

    with ThreadPoolExecutor(max_workers=4) as pool:
        assert set(pool.map(enter, range(12))) <= {"in", "wait 15"}
    with committed() as db:
        assert db.scalar(select(func.count()).select_from(AccountSession)) >= 4
