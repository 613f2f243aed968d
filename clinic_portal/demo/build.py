"""Makes the demo clinic, and moves one that exists into today."""

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from clinic_portal.accounts.models import Account
from clinic_portal.accounts.passwords import hash_password
from clinic_portal.core.actor import Role
from clinic_portal.core.clock import Clock, local_day
from clinic_portal.core.db import transaction
from clinic_portal.demo.clinic import Place, load_places
from clinic_portal.demo.content import FACILITIES, PASSWORD, PRACTITIONERS
from clinic_portal.demo.ledger import UNFINISHED, Ledger
from clinic_portal.demo.life import pass_by
from clinic_portal.demo.online import plan_online
from clinic_portal.demo.people import MARTA, PATIENTS, STAFF
from clinic_portal.demo.people_rows import insert_patients, insert_staff, staff_email
from clinic_portal.demo.place_rows import STORY_BACK, insert_places, insert_practitioners, open_today, plan_absence
from clinic_portal.demo.plan import plan_ahead, plan_family, plan_past, plan_today
from clinic_portal.demo.store import read_ledger, turn_queue, write_hours, write_ledger
from clinic_portal.demo.today import Session as TodaySession
from clinic_portal.demo.today import is_stale
from clinic_portal.demo.waiting_rows import insert_waiting
from clinic_portal.facilities.models import Facility

#: Doctors whose sign-ins are shown at the start, one a facility; the others have one as well.
SHOWN_DOCTORS = ("ines", "catarina")


@dataclass(frozen=True)
class SignIn:
    """Somebody as whom the demo can be tried."""

    role: Role
    name: str
    email: str
    password: str


@dataclass(frozen=True)
class DemoSummary:
    """What to print: the sign-ins, patient first, and the facilities' slugs for the addresses of desks."""

    sign_ins: tuple[SignIn, ...]
    facility_slugs: tuple[str, ...]


def build_demo(db: Session, clock: Clock) -> DemoSummary:
    """Make the demo clinic if there is none, and have its today in full swing. Repeating the call changes nothing."""
    if not _is_built(db):
        password_hash = hash_password(PASSWORD)  # Slow on purpose, so once for all and before the transaction.
        with transaction(db):
            _insert(db, clock, password_hash)
            _bring_up_to_date(db, clock, is_new=True)
            insert_waiting(db, clock.now())
    else:
        refresh_demo(db, clock)
    return _summary()


def refresh_demo(db: Session, clock: Clock) -> None:
    """Move the demo clinic into today: past days are over, coming days are filled, today is in full swing.

    Changes nothing while the session around now still goes on, and nothing without a demo clinic.
    """
    if _is_built(db):
        with transaction(db):
            _bring_up_to_date(db, clock)


def _is_built(db: Session) -> bool:
    places = set(db.scalars(select(Facility.slug)))
    people = db.scalar(select(Account.id).where(Account.email == MARTA))
    return people is not None and places >= {place.slug for place in FACILITIES}


def _insert(db: Session, clock: Clock, password_hash: str) -> None:
    now = clock.now()
    facilities = insert_places(db)
    accounts = insert_staff(db, facilities, password_hash=password_hash, now=now)
    since = now.date() - STORY_BACK - timedelta(days=30)
    insert_practitioners(db, facilities, accounts, since=since)
    insert_patients(db, password_hash=password_hash, now=now)


def _bring_up_to_date(db: Session, clock: Clock, *, is_new: bool = False) -> None:
    now = clock.now()
    for slug, facility_id, tz in db.execute(select(Facility.slug, Facility.id, Facility.tz)).all():
        if slug in {place.slug for place in FACILITIES}:
            open_today(db, facility_id, today=local_day(now, tz))
    plan_absence(db, today=now.date(), is_new=is_new)
    places = load_places(db, now.date())
    ledger = read_ledger(db, now)
    swinging = [place for place in places if _go_on(db, ledger, place)]
    write_ledger(db, ledger, places)
    for place in swinging:
        turn_queue(db, place, local_day(now, place.tz))


def _go_on(db: Session, ledger: Ledger, place: Place) -> bool:
    """Bring one facility to now; returns whether a new session began."""
    today = local_day(ledger.now, place.tz)
    _end_earlier_days(ledger, place)
    plan_online(db, ledger, place)
    plan_past(ledger, place, today)
    plan_family(ledger, place, today)
    plan_ahead(ledger, place, today)
    if not is_stale(ledger, place, today):
        return False
    session = TodaySession(ledger, place)
    write_hours(db, session.cover())
    session.pack()
    plan_today(ledger, place, today)
    session.play()
    return True


def _end_earlier_days(ledger: Ledger, place: Place) -> None:
    today = place.bounds(local_day(ledger.now, place.tz))
    for visit in [one for one in ledger.visits if one.facility_id == place.id and one.start < today.start]:
        if visit.state in UNFINISHED and visit.room_id is not None:
            pass_by(ledger, place, visit, free_from=None)


def _summary() -> DemoSummary:
    marta = next(one for one in PATIENTS if one.email == MARTA)
    people = [SignIn(Role.PATIENT, f"{marta.given_name} {marta.family_name}", MARTA, PASSWORD)]
    people += [
        SignIn(one.role, f"{one.given_name} {one.family_name}", staff_email(one.email), PASSWORD) for one in STAFF
    ]
    people += [
        SignIn(Role.DOCTOR, f"{one.given_name} {one.family_name}", staff_email(one.email), PASSWORD)
        for one in PRACTITIONERS
        if one.email in SHOWN_DOCTORS
    ]
    return DemoSummary(tuple(people), tuple(place.slug for place in FACILITIES))
