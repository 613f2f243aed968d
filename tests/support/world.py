"""A patient with something of everything, for the tests that walk every route."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from urllib.parse import quote
from uuid import UUID

from flask import Flask
from sqlalchemy import select, text
from sqlalchemy.orm import Session
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from clinic_portal.accounts.models import Account, AccountSession, OneTimeCode
from clinic_portal.accounts.queries import token_hash
from clinic_portal.accounts.rules import CodePurpose, code_digits
from clinic_portal.booking.links import offer_link_path, visit_link_path
from clinic_portal.booking.models import Appointment, FreedTime, WaitingEntry, WaitingOffer
from clinic_portal.booking.queries import facts_of
from clinic_portal.booking.queries.stranded import token_of
from clinic_portal.booking.rules import AppointmentState, OfferState
from clinic_portal.booking.steps import hold_key_hash
from clinic_portal.booking.use_cases.renew_calendar_feed import renew_calendar_feed
from clinic_portal.core.clock import FixedClock
from clinic_portal.core.db import Base
from clinic_portal.core.ids import AppointmentId, new_id, spoken_code
from clinic_portal.core.modes import Mode
from clinic_portal.core.settings import Settings
from clinic_portal.notifications.models import Message
from clinic_portal.notifications.rules import Channel
from clinic_portal.practitioners.models import Absence, ExtraHours, WeeklyHours
from clinic_portal.providers.base import Channel as InboxChannel
from clinic_portal.providers.email.base import Attachment
from clinic_portal.providers.inbox import Letter, put
from clinic_portal.waiting_room.models import Screen
from clinic_portal.waiting_room.rules import SCREEN_COOKIE
from tests.booking.factory import make_appointment
from tests.booking.series import make_series
from tests.booking.waiting import join
from tests.support.cast import Cast
from tests.support.clinic import Clinic
from tests.support.page import PortalClient
from tests.waiting_room.visits import arrive

#: Nobody else of the cast was born then.
BIRTH_DATE = date(1979, 4, 17)
NOTE = "the left knee hurts on stairs"
HOLD_KEY = "the key of her browser"
#: A time that is free in Lisbon, and one that she holds.
FREE_SLOT = "2026-11-27T10:00Z"
OFFERED_AT = datetime(2026, 11, 25, 10, 0, tzinfo=UTC)
#: Her series: four Fridays.
SERIES_AT = datetime(2026, 12, 4, 9, 0, tzinfo=UTC)
HELD_AT = datetime(2026, 11, 26, 15, 0, tzinfo=UTC)


@dataclass(frozen=True)
class World:
    """Marta Araújo has a visit to come, a series, a time that her browser holds, a ticket in today's queue of Lisbon, a
    session, a code and messages; a screen hangs in Lisbon. `ids` are all ids that are hers alone (and the screen's).
    """

    cast: Cast
    clinic: Clinic
    db: Session
    booked: Appointment
    held: Appointment
    arrived: Appointment
    ticket_id: UUID
    session_id: UUID
    screen_id: UUID
    screen_token: str
    code: str
    email_id: str
    #: Opens her booked visit without signing in.
    visit_code: str
    #: Her place on the waiting list, and the code of the offer that she looks at.
    entry_id: UUID
    offer_id: UUID
    offer_code: str
    feed_token: str
    ids: frozenset[UUID]
    #: Hours, extra hours and an absence of Rui's, and a visit with him that lies outside of them.
    hours_id: UUID
    extra_id: UUID
    absence_id: UUID
    stranded: str
    series_id: UUID
    #: The first session of her series.
    session: Appointment

    def arguments(self) -> Mapping[str, Sequence[object]]:
        """Name of a URL part → her values. A route with another name must be thought about: add its name here."""
        return {
            "appointment_id": [self.booked.id, self.held.id, self.arrived.id, self.session.id],
            "series_id": [self.series_id],
            "ticket_id": [self.ticket_id],
            "patient_id": [self.cast.patient_person.id],
            "session_id": [self.session_id],
            "screen_id": [self.screen_id],
            "item_id": [self.email_id],
            "number": [0],
            "slug": ["lisbon"],
            "service": ["massage"],
            "state": ["called"],
            "channel": ["sms"],
            "practitioner_id": [self.clinic.rui.id],
            "hours_id": [self.hours_id],
            "absence_id": [self.absence_id],
            "extra_id": [self.extra_id],
            "place": ["lisbon"],
            "stranded": [self.stranded],
            "visit_code": [self.visit_code],
            "entry_id": [self.entry_id],
            "offer_id": [self.offer_id],
            "offer_code": [self.offer_code],
            "feed_token": [self.feed_token],
        }

    def secrets(self) -> list[str]:
        """What only she, those who act for her, and the desk of Lisbon may read."""
        references = [row.reference for row in (self.booked, self.held, self.arrived, self.session)]
        dates = ["1979-04-17", "17 April 1979", "17 de abril de 1979"]
        phones = ["+351912345601", "912345601", "912 345 601"]
        return ["Marta", "Araújo", "marta@example.org", NOTE, self.code, *references, *dates, *phones]

    def browser(self, who: str) -> PortalClient:
        """Somebody's browser: "patient" has her held time in it, "visitor" nothing, "screen" is the TV of Lisbon."""
        account = None if who in {"visitor", "screen"} else getattr(self.cast, who)
        client = self.cast.browser(account)
        if who == "patient":
            with client.session_transaction() as session:
                session["hold_key"] = HOLD_KEY
        if who == "screen":
            client.set_cookie(SCREEN_COOKIE, self.screen_token)
        return client


def make_world(db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, settings: Settings) -> World:
    """Insert it in the test's transaction."""
    marta, now = cast.patient_person, clock.now()
    marta.birth_date = cast.patient.birth_date = BIRTH_DATE
    db.merge(marta)
    db.merge(cast.patient)
    booked = make_appointment(db, clinic, marta, patient_note=NOTE, booked_by_account_id=cast.patient.id)
    held = make_appointment(
        db,
        clinic,
        marta,
        at=HELD_AT,
        state=AppointmentState.PROPOSED,
        held_until=now + timedelta(minutes=9),
        hold_key_hash=hold_key_hash(HOLD_KEY),
        patient_note=NOTE,
        booked_by_account_id=cast.patient.id,
        booked_at=None,
    )
    ticket_id = arrive(db, clock, cast, clinic, marta, minutes=3)
    arrived = db.scalars(select(Appointment).where(Appointment.state == AppointmentState.ARRIVED)).one()
    series, sessions = make_series(db, clinic, marta, at=SERIES_AT, booked_by_account_id=cast.patient.id)
    session = _session(db, clock, cast.patient)
    code = OneTimeCode(
        account_id=cast.patient.id, purpose=CodePurpose.RESET_PASSWORD, sent_to=cast.patient.email, created_at=now,
        expires_at=now + timedelta(minutes=10),
    )  # fmt: skip
    screen = Screen(
        token_hash=token_hash("the token of the screen"), created_at=now, facility_id=clinic.lisbon.id, name="Hall",
        paired_at=now, paired_by_account_id=cast.receptionist.id, last_seen_at=now,
    )  # fmt: skip
    message = Message(
        kind="appointment_booked", channel=Channel.EMAIL, subject_id=booked.id, dedupe_key=f"world:{booked.id}",
        created_at=now, due_at=now,
    )  # fmt: skip
    db.add_all([code, screen, message])
    entry, offer = _waiting(db, clock, cast, clinic, booked)
    db.commit()
    hers = (marta, cast.patient, booked, held, arrived, session, code, screen, message, entry, offer, series, *sessions)
    ids = {row.id for row in hers}
    return World(
        cast, clinic, db, booked, held, arrived, ticket_id, session.id, screen.id, "the token of the screen",
        code_digits(settings.secret_key, code.id), _letter(settings.inbox_folder, clock),
        visit_link_path(settings, facts_of(booked)).removeprefix("/v/"), entry.id, offer.id,
        offer_link_path(settings, offer.reference).removeprefix("/offers/"),
        renew_calendar_feed(db, clock, actor=cast.patient.actor(), settings=settings), frozenset({*ids, ticket_id}),
        *_hours(db, clinic, cast),
        series.id, sessions[0],
    )  # fmt: skip


def _hours(db: Session, clinic: Clinic, cast: Cast) -> tuple[UUID, UUID, UUID, str]:
    rui, saturday = clinic.rui.id, datetime(2026, 11, 28, 10, 0, tzinfo=UTC)
    extra = ExtraHours(
        practitioner_id=rui, facility_id=clinic.lisbon.id, room_id=clinic.room_2.id, mode=Mode.IN_PERSON,
        day=date(2026, 12, 27), starts_minute=600, ends_minute=660,
    )  # fmt: skip
    away = datetime(2026, 12, 30, 9, 0, tzinfo=UTC)
    absence = Absence(practitioner_id=rui, starts_at=away, ends_at=away + timedelta(hours=2), reason="training")
    db.add_all([extra, absence])
    db.commit()
    visit = make_appointment(db, clinic, cast.guardian_person, at=saturday, practitioner=clinic.rui)
    hours_id = db.scalars(select(WeeklyHours.id).where(WeeklyHours.practitioner_id == rui).limit(1)).one()
    return hours_id, extra.id, absence.id, token_of(AppointmentId(visit.id), visit.starts_at)


def _session(db: Session, clock: FixedClock, account: Account) -> AccountSession:
    now = clock.now()
    row = AccountSession(
        account_id=account.id, token_hash=token_hash("another browser of hers"), created_at=now, last_seen_at=now,
        expires_at=now + timedelta(days=3), user_agent="Firefox/140",
    )  # fmt: skip
    db.add(row)
    db.flush()
    return row


def _waiting(
    db: Session, clock: FixedClock, cast: Cast, clinic: Clinic, visit: Appointment
) -> tuple[WaitingEntry, WaitingOffer]:
    """She wants an earlier time than that of her visit, and one is offered to her, first come."""
    entry = join(db, clock, clinic, cast.patient, cast.patient_person, visit=visit)
    start, now = OFFERED_AT, clock.now()
    freed = FreedTime(
        practitioner_id=clinic.ines.id, facility_id=clinic.lisbon.id, starts_at=start, made_at=now,
        ends_at=start + timedelta(minutes=30),
    )  # fmt: skip
    db.add(freed)
    db.flush()
    offer = WaitingOffer(
        reference=spoken_code(8), entry_id=entry.id, freed_time_id=freed.id, practitioner_id=clinic.ines.id,
        facility_id=clinic.lisbon.id, starts_at=start, state=OfferState.OPEN, made_at=now,
        ends_at=now + timedelta(minutes=30),
    )  # fmt: skip
    db.add(offer)
    db.flush()
    return entry, offer


def _letter(folder: Path, clock: FixedClock) -> str:
    letter = Letter(
        channel=InboxChannel.EMAIL, to="marta@example.org", sender="clinic@example.org", subject="Your visit, Marta",
        text="Dear Marta Araújo", html="<p>Dear Marta Araújo</p>",
        attachments=(Attachment("visit.ics", "text/calendar", b"SUMMARY:Massage for Marta"),),
    )  # fmt: skip
    return put(folder, letter, idempotency_key=new_id(), now=clock.now).vendor_id.removeprefix("inbox:")


# --- walking


def rules_of(app: Flask) -> list[Rule]:
    """Every rule, in the order of its address."""
    return sorted(app.url_map.iter_rules(), key=lambda rule: (rule.rule, sorted(rule.methods or ())))


def methods_of(rule: Rule) -> list[str]:
    """What the rule serves: reading first."""
    return sorted(rule.methods or (), key=["GET", "HEAD", "OPTIONS", "POST"].index)


def path_of(rule: Rule, values: Mapping[str, object]) -> str:
    """The address of a rule with these URL parts."""
    return re.sub(r"<(?:[^<>:]+:)?(\w+)>", lambda part: quote(str(values[part[1]]), safe=""), rule.rule)


def csrf_token(client: PortalClient) -> str:
    """A token that this browser's forms may carry."""
    found = re.search(r'name="csrf-token" content="([^"]+)"', client.get("/accessibility").get_data(as_text=True))
    assert found is not None
    return found.group(1)


def snapshot(db: Session) -> frozenset[str]:
    """Every row of every table, as text that begins with the table's name."""
    parts = [f"SELECT '{name} ' || to_jsonb(t)::text FROM \"{name}\" t" for name in Base.metadata.tables]
    return frozenset(db.scalars(text(" UNION ALL ".join(parts))))


def naming(rows: Collection[str], ids: Collection[UUID]) -> list[str]:
    """The rows that name one of the ids."""
    wanted = [str(id_) for id_ in ids]
    return sorted(row for row in rows if any(id_ in row for id_ in wanted))


def is_sign_in(response: TestResponse) -> bool:
    """Whether the answer is: sign in first."""
    target = response.headers.get("Location", "") or response.headers.get("HX-Redirect", "")
    return target.split("?")[0].endswith("/sign-in")


def without_nonces(body: str) -> str:
    """A body without what is new in every answer: nonces and form tokens."""
    body = re.sub(r'nonce="[^"]*"', "", body)
    return re.sub(r'(name="csrf[-_]token"[^>]*?(?:content|value))="[^"]*"', r"\1", body)
