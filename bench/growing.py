"""More appointments: years of the past, in bulk."""

import time
from datetime import UTC, date, datetime, timedelta

import psycopg
from psycopg import sql

from bench.data import STRETCHES, TZ
from bench.facts import VISIT, Dataset, libpq
from clinic_portal.core.clock import SystemClock, local_day

TABLES = ("appointment", "appointment_history")

DAYS = """
    CREATE TEMPORARY TABLE bench_time AS
    SELECT row_number() OVER (ORDER BY starts_at DESC) AS number, starts_at FROM (
        SELECT (day + make_interval(mins => minute)) AT TIME ZONE %(tz)s AS starts_at
        FROM generate_series(%(first)s::date, %(last)s::date, interval '1 day') AS day,
             (SELECT unnest(%(minutes)s::int[]) AS minute) AS minutes
        WHERE extract(isodow FROM day) < 6
    ) AS times
"""
APPOINTMENTS = """
    INSERT INTO appointment (id, reference, state, practitioner_id, service_id, facility_id, room_id, mode, patient_id,
        starts_at, ends_at, busy_from, busy_until, price_minor, currency, any_practitioner, patient_note,
        booked_by_account_id, created_at, booked_at, sequence)
    SELECT uuidv7(), upper(lpad(to_hex(16777216 + %(known)s + (t.number - 1) * %(places)s + p.number), 8, 'Z')), 'fulfilled',
        p.practitioner, %(service)s, %(facility)s, p.room, 'in_person', (%(patients)s::uuid[])[who.number],
        t.starts_at, t.starts_at + %(visit)s, t.starts_at, t.starts_at + %(visit)s, 3000, 'EUR', false, '',
        (%(accounts)s::uuid[])[who.number], %(now)s, %(now)s, 0
    FROM bench_time AS t,
         unnest(%(practitioners)s::uuid[], %(rooms)s::uuid[]) WITH ORDINALITY AS p (practitioner, room, number),
         LATERAL (SELECT (t.number * 7 + p.number) %% cardinality(%(patients)s::uuid[]) + 1 AS number) AS who
    ORDER BY t.number, p.number LIMIT %(count)s
"""
HISTORY = """
    INSERT INTO appointment_history (id, appointment_id, from_state, to_state, at, account_id, actor_name, patient_id,
        reason, starts_at, note)
    SELECT uuidv7(), a.id, line.from_state, line.to_state, %(now)s, NULL, 'bench', NULL, line.reason, a.starts_at, ''
    FROM appointment AS a,
         (VALUES (NULL, 'proposed', 'hold'), ('proposed', 'booked', 'booked')) AS line (from_state, to_state, reason)
    WHERE a.starts_at < %(before)s
"""


def grow(database: str, data: Dataset, appointments: int) -> float:
    """Fill the past until there are so many appointments, each with its history; return how many seconds that took.

    The days ahead stay as they are, so only the table is larger.
    """
    started = time.monotonic()
    with psycopg.connect(libpq(database)) as connection:
        row = connection.execute("SELECT count(*), min(starts_at) FROM appointment").fetchone()
        known, oldest = row if row else (0, datetime.now(UTC))  # noqa: TID251 - an empty database is not grown
        if appointments <= known:
            return 0.0
        connection.execute("SET maintenance_work_mem = '512MB'")
        connection.execute("SET work_mem = '128MB'")
        # No trigger looks at every row: what is inserted refers to what is there.
        connection.execute("SET session_replication_role = replica")
        again = _stop_indexing(connection)
        before = min(oldest, datetime.combine(local_day(SystemClock().now(), TZ), datetime.min.time(), UTC))
        _fill(connection, data, known, appointments - known, before)
        for statement in again:
            connection.execute(statement)
        connection.commit()
        connection.autocommit = True
        # Writes the tables and every index anew.
        connection.execute("VACUUM (FULL, ANALYZE) appointment")
        connection.execute("VACUUM ANALYZE")
        connection.execute("CHECKPOINT")
    return time.monotonic() - started


def _fill(
    connection: "psycopg.Connection[tuple[object, ...]]", data: Dataset, known: int, count: int, before: datetime
) -> None:
    minutes = [
        minute for starts, ends in STRETCHES for minute in range(starts, ends, int(VISIT / timedelta(minutes=1)))
    ]
    places, others = data.places, data.people[len(data.places) :]
    last = before.date() - timedelta(days=1)
    # Five days of seven, and some more.
    first: date = last - timedelta(days=count // (len(minutes) * len(places)) * 7 // 5 + 14)
    connection.execute(DAYS, {"tz": TZ, "first": first, "last": last, "minutes": minutes})
    facts = {
        "known": known, "places": len(places), "count": count, "now": data.made_at, "visit": VISIT,
        "service": data.service, "facility": data.facility,
        "practitioners": [one.practitioner for one in places], "rooms": [one.room for one in places],
        "patients": [one.patient for one in others], "accounts": [one.account for one in others],
    }  # fmt: skip
    # Made before the rounds of the measure, which are undone by that time.
    facts["now"] = (datetime.fromisoformat(data.made_at) - timedelta(minutes=1)).isoformat()
    connection.execute(APPOINTMENTS, facts)
    connection.execute(HISTORY, {"now": facts["now"], "before": before})
    connection.execute("DROP TABLE bench_time")


def _stop_indexing(connection: "psycopg.Connection[tuple[object, ...]]") -> list[sql.Composed]:
    """Stop keeping up to date, at every row, what is quicker made once; return how to go on.

    Plain indexes are dropped and made again. An exclusion constraint that is added looks up every row, a minute for a
    million, though these rows cannot overlap: so it stays, its index rests (the catalogue says that it takes no rows
    yet), and the VACUUM FULL afterwards fills it. Rows that are booked later are checked against all of them.
    """
    again: list[sql.Composed] = []
    for table in TABLES:
        indexes = connection.execute(
            "SELECT i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid) FROM pg_index AS i"
            " WHERE i.indrelid = %s::regclass"
            " AND NOT EXISTS (SELECT FROM pg_constraint AS c WHERE c.conindid = i.indexrelid AND c.contype <> 'f')",
            [table],
        ).fetchall()
        for index, definition in indexes:
            connection.execute(sql.SQL("DROP INDEX {}").format(sql.Identifier(str(index))))
            again.append(sql.Composed([sql.SQL(str(definition))]))  # type: ignore[arg-type]  # PostgreSQL's own words
    rest = "UPDATE pg_index SET indisready = {} WHERE indrelid = 'appointment'::regclass AND indisexclusion"
    connection.execute(sql.SQL(rest).format(sql.Literal(False)))
    connection.commit()
    again.append(sql.SQL(rest).format(sql.Literal(True)))
    return again
