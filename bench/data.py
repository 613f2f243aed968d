"""The clinic that is measured: 20 practitioners in Lisbon, 60 days ahead, many appointments, some screens."""

import random
import secrets
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import psycopg
from sqlalchemy.orm import Session

from bench.facts import SCREENS, VISIT, Dataset, Person, Place, libpq
from clinic_portal.accounts.queries import token_hash
from clinic_portal.core.actor import Role
from clinic_portal.core.clock import FixedClock, SystemClock, local_day, wall_to_utc
from clinic_portal.core.db import make_engine
from clinic_portal.core.ids import new_id, spoken_code
from clinic_portal.core.modes import Mode
from clinic_portal.facilities.models import FacilityStaff, Room
from clinic_portal.facilities.rules import Direction
from clinic_portal.practitioners.models import Practitioner, PractitionerService, WeeklyHours
from clinic_portal.waiting_room.models import Ticket
from clinic_portal.waiting_room.rules import free_codes
from tests.support.cast import make_account, make_patient
from tests.support.clinic import Clinic, make_clinic

TZ = "Europe/Lisbon"
PRACTITIONERS = 20
DAYS_AHEAD = 60
STRETCHES = ((540, 780), (840, 1080))
#: How much of the coming days is taken at most; more appointments than that lie in the past.
FULL = 0.6
#: How many of the appointments are to come, as long as that is not more than FULL of the times.
COMING = 0.8
PATIENTS = 200
TICKETS = 12


def make_dataset(database: str, appointments: int, practitioners: int = PRACTITIONERS) -> Dataset:
    """Fill an empty, migrated database (at least two practitioners). The same numbers on every run."""
    engine = make_engine(database)
    clock = FixedClock(SystemClock().now() - timedelta(minutes=5))
    with Session(engine, expire_on_commit=False) as db:
        clinic = make_clinic(db, clock)
        places = [Place(str(clinic.ines.id), str(clinic.room_1.id)), Place(str(clinic.rui.id), str(clinic.room_2.id))]
        places += [_practitioner(db, clinic, number) for number in range(2, practitioners)]
        people = []
        for number in range(PATIENTS):
            email = f"patient{number}@example.org"
            account, patient = make_patient(
                db, clock, f"Given{number}", f"Family{number}", email, f"+3519123{number:05d}"
            )
            people.append(Person(email, str(account.id), str(patient.id)))
        receptionist = make_account(db, clock, Role.RECEPTIONIST, "Paula", "Reis", "paula@clinic.example")
        db.add(FacilityStaff(facility_id=clinic.lisbon.id, account_id=receptionist.id))
        _tickets(db, clinic, places, people, clock.now())
        db.commit()
    engine.dispose()
    with psycopg.connect(libpq(database)) as connection:
        free = _appointments(connection, clinic, places, people, appointments, clock.now())
        screens = _screens(connection, clinic, clock.now())
        connection.commit()
        connection.autocommit = True
        connection.execute("VACUUM ANALYZE")
    return Dataset(
        service=str(clinic.massage.id),
        facility=str(clinic.lisbon.id),
        places=places,
        people=people,
        receptionist=str(receptionist.id),
        free=free,
        screens=screens,
        appointments=appointments,
        made_at=(clock.now() + timedelta(minutes=1)).isoformat(),
    )


def undo_rounds(database: str, data: Dataset) -> None:
    """Take back all that was booked since the dataset was made, so that every round starts from the same state."""
    with psycopg.connect(libpq(database)) as connection:
        # History is append-only: a trigger guards it, which a replica role does not run.
        connection.execute("SET session_replication_role = replica")
        connection.execute("DELETE FROM message WHERE created_at >= %s", [data.made_at])
        connection.execute("DELETE FROM appointment_history WHERE at >= %s", [data.made_at])
        connection.execute("DELETE FROM appointment WHERE created_at >= %s", [data.made_at])
        connection.commit()
        connection.autocommit = True
        connection.execute("VACUUM message, appointment_history, appointment")


def count_booked(database: str, data: Dataset) -> int:
    """How many visits were booked since the dataset was made: each with two lines of history, and told in two messages."""
    query = """
        SELECT count(*) FROM appointment a WHERE created_at >= %s AND state = 'booked'
        AND (SELECT count(*) FROM appointment_history h WHERE h.appointment_id = a.id) = 2
        AND (SELECT count(*) FROM message m WHERE m.subject_id = a.id AND m.kind = 'appointment_booked') = 2
    """
    with psycopg.connect(libpq(database)) as connection:
        row = connection.execute(query, [data.made_at]).fetchone()
    return int(row[0]) if row else 0


def _practitioner(db: Session, clinic: Clinic, number: int) -> Place:
    person = Practitioner(given_name=f"Therapist{number}", family_name=f"Family{number}")
    room = Room(facility_id=clinic.lisbon.id, name=str(number + 1), direction=Direction.STRAIGHT)
    db.add_all([person, room])
    db.flush()
    db.add(PractitionerService(practitioner_id=person.id, service_id=clinic.massage.id))
    db.add_all(
        WeeklyHours(
            practitioner_id=person.id, facility_id=clinic.lisbon.id, room_id=room.id, mode=Mode.IN_PERSON, weekday=weekday,
            starts_minute=starts, ends_minute=ends, valid_from=date(2020, 1, 1),
        )
        for weekday in range(5)
        for starts, ends in STRETCHES
    )  # fmt: skip
    return Place(str(person.id), str(room.id))


def _tickets(db: Session, clinic: Clinic, places: list[Place], people: list[Person], now: datetime) -> None:
    """A waiting room with some people in it."""
    codes = iter(free_codes(set()))
    for number in range(min(TICKETS, len(places))):
        db.add(
            Ticket(
                facility_id=clinic.lisbon.id, day=local_day(now, TZ), number=number + 1, code=next(codes), minutes=30,
                patient_id=UUID(people[number].patient), practitioner_id=UUID(places[number].practitioner),
                room_id=UUID(places[number].room), due_at=now + timedelta(minutes=number), arrived_at=now,
            )
        )  # fmt: skip


def _starts(day: date) -> Iterator[datetime]:
    """The starts of a working day."""
    if day.weekday() < 5:
        for starts, ends in STRETCHES:
            for minute in range(starts, ends, 30):
                start = wall_to_utc(day, minute, TZ)
                if start is not None:
                    yield start


def _appointments(
    connection: psycopg.Connection, clinic: Clinic, places: list[Place], people: list[Person], count: int, now: datetime
) -> list[list[str]]:
    """Insert the appointments and return what is free in the coming days."""
    today = local_day(now, TZ)
    coming = [
        (start, number)
        for offset in range(1, DAYS_AHEAD + 1)
        for start in _starts(today + timedelta(days=offset))
        for number in range(len(places))
    ]
    chance = random.Random(20261123)
    taken = set(chance.sample(range(len(coming)), min(int(count * COMING), int(len(coming) * FULL))))
    rows = [coming[index] for index in sorted(taken)] + _past(today, len(places), count - len(taken))
    columns = (
        "id, reference, state, practitioner_id, service_id, facility_id, room_id, mode, patient_id, starts_at, ends_at,"
        " busy_from, busy_until,"
        " price_minor, currency, any_practitioner, patient_note, booked_by_account_id, created_at, booked_at, sequence"
    )
    ids = [new_id() for _ in rows]
    references: set[str] = set()
    while len(references) < len(rows):
        references.add(spoken_code(8))
    turn: dict[datetime, int] = {}
    others = people[len(places) :]  # Those before have the coming days to themselves: they book.
    with connection.cursor().copy(f"COPY appointment ({columns}) FROM STDIN") as copy:
        for id_, reference, (start, number) in zip(ids, references, rows, strict=True):
            turn[start] = turn.get(start, chance.randrange(PATIENTS)) + 1  # Nobody is in two rooms at once.
            person, place = others[turn[start] % len(others)], places[number]
            state = "booked" if start > now else "fulfilled"
            copy.write_row(
                (id_, reference, state, place.practitioner, clinic.massage.id, clinic.lisbon.id, place.room, "in_person",
                 person.patient, start, start + VISIT, start, start + VISIT, 3000,
                 "EUR", False, "", person.account, now, now, 0)
            )  # fmt: skip
    columns = (
        "id, appointment_id, from_state, to_state, at, account_id, actor_name, patient_id, reason, starts_at, note"
    )
    with connection.cursor().copy(f"COPY appointment_history ({columns}) FROM STDIN") as copy:
        for id_, (start, _) in zip(ids, rows, strict=True):
            copy.write_row((new_id(), id_, None, "proposed", now, None, "bench", None, "hold", start, ""))
            copy.write_row((new_id(), id_, "proposed", "booked", now, None, "bench", None, "booked", start, ""))
    free: list[list[str]] = [[] for _ in places]
    for index, (start, number) in enumerate(coming):
        if index not in taken:
            free[number].append(start.astimezone(UTC).strftime("%Y-%m-%dT%H:%MZ"))
    return free


def _past(today: date, places: int, count: int) -> list[tuple[datetime, int]]:
    """As many times of the past, the newest first."""
    rows: list[tuple[datetime, int]] = []
    day = today
    while len(rows) < count:
        day -= timedelta(days=1)
        rows += [(start, number) for start in _starts(day) for number in range(places)]
    return rows[:count]


def _screens(connection: psycopg.Connection, clinic: Clinic, now: datetime) -> list[str]:
    tokens = [secrets.token_urlsafe(32) for _ in range(SCREENS)]
    with connection.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO screen (id, token_hash, created_at, facility_id, name, language, paired_at, last_seen_at)"
            " VALUES (%s, %s, %s, %s, %s, 'pt_PT', %s, now())",
            [
                (new_id(), token_hash(token), now, clinic.lisbon.id, f"Screen {number}", now)
                for number, token in enumerate(tokens)
            ],
        )
    return tokens
