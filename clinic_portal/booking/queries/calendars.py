"""Reads of calendar feeds: whose an address is, and what it shows."""

import base64
import hashlib
import hmac
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from clinic_portal.accounts.queries import find_actor
from clinic_portal.booking.models import Appointment, AppointmentHistory, CalendarFeed
from clinic_portal.booking.queries.appointments import facts_of
from clinic_portal.booking.queries.staff import MOVED, MOVED_BY_CLINIC
from clinic_portal.booking.queries.visits import VisitFacts, describe, visits_of
from clinic_portal.booking.rules import DESK_STATES, AppointmentState
from clinic_portal.core.actor import Actor
from clinic_portal.core.clock import Clock
from clinic_portal.core.errors import NotFound
from clinic_portal.core.ids import AccountId, AppointmentId, PractitionerId
from clinic_portal.core.settings import Settings
from clinic_portal.patients.queries import find_patients
from clinic_portal.practitioners.queries import find_practitioner_of

#: 192 bits.
TOKEN_LENGTH = 32
PAST = timedelta(days=30)
FUTURE = timedelta(days=366)

#: What never was, or is not certain, is in nobody's calendar.
_UNSEEN = frozenset({AppointmentState.CANCELLED, AppointmentState.ENTERED_IN_ERROR, AppointmentState.PROPOSED})


@dataclass(frozen=True)
class OwnDays:
    """A practitioner's visits, with the initials of their patients."""

    visits: Sequence[VisitFacts]
    initials: dict[AppointmentId, str]


def feed_token(settings: Settings, seed: UUID) -> str:
    """Return the secret part of a feed's address, derived from its seed, so that it can be shown again."""
    digest = hmac.digest(settings.secret_key.encode(), f"calendar-feed:{seed}".encode(), hashlib.sha256)
    return base64.urlsafe_b64encode(digest).decode()[:TOKEN_LENGTH]


def feed_token_hash(token: str) -> str:
    """Return what is stored of a token."""
    return hashlib.sha256(token.encode()).hexdigest()


def has_feed(db: Session, *, actor: Actor) -> bool:
    """Whether the actor has a calendar of their own: patients (for all for whom they book), and practitioners."""
    if actor.account_id is None:
        return False
    return not actor.is_staff or find_practitioner_of(db, actor.account_id) is not None


def own_feed_token(db: Session, settings: Settings, *, actor: Actor) -> str | None:
    """Return the token of the actor's feed; None when there is none, or when the installation's secret has changed."""
    row = db.get(CalendarFeed, actor.account_id, populate_existing=True)
    token = feed_token(settings, row.seed) if row else None
    return token if row and token and feed_token_hash(token) == row.token_hash else None


def actor_of_feed(db: Session, token: str) -> Actor:
    """Return whose feed it is. Raises: NotFound (nobody's, renewed, or of an account that was closed)."""
    account_id = db.scalar(select(CalendarFeed.account_id).where(CalendarFeed.token_hash == feed_token_hash(token)))
    actor = find_actor(db, AccountId(account_id)) if account_id else None
    if actor is None:
        raise NotFound
    return actor


def visits_in_feed(db: Session, clock: Clock, *, actor: Actor) -> Sequence[VisitFacts]:
    """Return the visits of everybody for whom the actor books now, those of the last days included, without cancelled ones."""
    found = visits_of(db, clock, actor=actor)
    since = clock.now() - PAST
    past = [visit for visit in found.past if visit.appointment.starts_at >= since]
    return [visit for visit in [*past, *found.coming] if visit.appointment.state not in _UNSEEN]


def days_in_feed(db: Session, clock: Clock, *, actor: Actor) -> OwnDays:
    """Return the actor's own days as a practitioner. Raises: NotFound for anybody who is none."""
    practitioner = find_practitioner_of(db, actor.account_id) if actor.account_id else None
    if practitioner is None:
        raise NotFound
    return _own_days(db, clock, practitioner.id)


def _own_days(db: Session, clock: Clock, practitioner_id: PractitionerId) -> OwnDays:
    now = clock.now()
    rows = db.scalars(
        select(Appointment).where(
            Appointment.practitioner_id == practitioner_id,
            Appointment.starts_at >= now - PAST,
            Appointment.starts_at < now + FUTURE,
            Appointment.state.in_(DESK_STATES),
        )
    )
    # What is still to be paid for may yet go away.
    facts = [facts_of(row) for row in rows if row.state is not AppointmentState.PENDING]
    patients = find_patients(db, {visit.known_patient_id for visit in facts})
    initials = {
        visit.id: _initials(patients[visit.known_patient_id].given_name, patients[visit.known_patient_id].family_name)
        for visit in facts
    }
    return OwnDays([replace(visit, person=None) for visit in describe(db, facts)], initials)


def last_changes(db: Session, visits: Iterable[VisitFacts]) -> Mapping[AppointmentId, datetime]:
    """Return when each visit got the time that it has: booked, or moved since."""
    rows = [visit.appointment for visit in visits]
    moves = db.execute(
        select(AppointmentHistory.appointment_id, func.max(AppointmentHistory.at))
        .where(
            AppointmentHistory.appointment_id.in_({row.id for row in rows}),
            AppointmentHistory.reason.in_((MOVED, MOVED_BY_CLINIC)),
        )
        .group_by(AppointmentHistory.appointment_id)
    )
    moved = {AppointmentId(id_): at for id_, at in moves}
    return {row.id: moved.get(row.id) or row.booked_at or row.starts_at for row in rows}


def _initials(given_name: str, family_name: str) -> str:
    return " ".join(f"{name.strip()[:1].upper()}." for name in (given_name, family_name) if name.strip())
