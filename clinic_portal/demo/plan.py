"""Which visits are booked on a day: by chance, but the same every time the day is planned."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, time, timedelta
from random import Random

from clinic_portal.booking.rules import Stretch
from clinic_portal.core.clock import wall_to_utc
from clinic_portal.demo.clinic import Person, Place, Wanted, Worker
from clinic_portal.demo.ledger import Ledger, Visit
from clinic_portal.demo.life import GIVEN_BACK, chance_of, give_back, pass_by, see
from clinic_portal.demo.people import MARTA

DAYS_BACK = DAYS_AHEAD = 30
#: How likely an hour of the past, of today and of tomorrow has a visit, and how much of that is left in a month.
PAST, SOON, LATE = 0.22, 0.33, 0.3
#: Most people come between these hours; to the others, so much less.
USUAL_HOURS, UNUSUAL = range(8, 20), 0.3
#: Two visits of one patient are further apart.
APART = timedelta(hours=5)
#: So many patients are asked whether they want a time.
ASKED = 8


def plan_past(ledger: Ledger, place: Place, today: date) -> None:
    """Fill the days of the past month on which nothing happened, and let it all have happened."""
    for back in range(DAYS_BACK, 0, -1):
        day = today - timedelta(days=back)
        if day in place.closed_days or ledger.at(place, place.bounds(day)):
            continue
        free_from: dict[object, datetime | None] = {}
        for visit in sorted(_plan(ledger, place, day, PAST), key=lambda one: one.start):
            free_from[visit.worker_id] = pass_by(ledger, place, visit, free_from=free_from.get(visit.worker_id))


def plan_ahead(ledger: Ledger, place: Place, today: date) -> None:
    """Book visits in the coming month: fewer the further away, and more as the day comes nearer."""
    for ahead in range(1, DAYS_AHEAD + 1):
        day = today + timedelta(days=ahead)
        if day not in place.closed_days:
            share = SOON * (1 - (1 - LATE) * ahead / DAYS_AHEAD)
            for visit in _plan(ledger, place, day, share, longest=place.content.longest_ahead):
                if chance_of(visit).randrange(100) < GIVEN_BACK:
                    give_back(ledger, place, visit, before=ledger.now)


def plan_today(ledger: Ledger, place: Place, today: date) -> None:
    """Book what is still missing today."""
    list(_plan(ledger, place, today, SOON, longest=place.content.longest_ahead))


def _plan(ledger: Ledger, place: Place, day: date, share: float, *, longest: int = 60) -> list[Visit]:
    return [
        visit
        for worker in place.workers
        for choices in _wishes(place, worker, day, share=share * place.content.demand, longest=longest)
        for visit in _book(ledger, choices)
    ]


def _wishes(place: Place, worker: Worker, day: date, *, share: float, longest: int) -> Iterator[list[Wanted]]:
    """Yield, for that share of the hours of work, a visit for whoever may want it.

    With a larger share it is the same visits and some more: a day fills up as it comes nearer.
    """
    chance = Random(f"{place.content.slug}:{worker.name}:{day}")  # noqa: S311 - a story, not a secret
    people, treatments = place.strangers, [one for one in worker.treatments if one.minutes <= longest]
    for hour in range(24):
        luck, minute = chance.random(), chance.choice((0, 0, 0, 15, 30))
        treatment, persons = chance.choice(treatments), chance.sample(people, min(ASKED, len(people)))
        if luck >= (share if hour in USUAL_HOURS else share * UNUSUAL):
            continue
        start = wall_to_utc(day, hour * 60 + minute, place.tz)
        if start is not None:
            choices = [Wanted(worker, treatment, person, start) for person in persons]
            if choices and choices[0].is_in_hours:
                yield choices


def _book(ledger: Ledger, choices: Sequence[Wanted]) -> Iterator[Visit]:
    """Yield the visit if it can be booked, for the first who has no other within some hours."""
    for wanted in choices:
        around = Stretch(wanted.start - APART, wanted.start + APART)
        if ledger.diary.is_free((wanted.person.id,), around):
            chance = Random(f"{wanted.worker.name}:{wanted.start}")  # noqa: S311 - a story, not a secret
            ago = timedelta(days=chance.randint(1, 24), minutes=chance.randint(0, 600))
            visit = ledger.book(wanted, booked_at=min(wanted.start, ledger.now) - ago, salt="plan")
            if visit is not None:
                yield visit
            return


#: Who of Marta's family comes to whom for what, in how many days, at what time. Negative days are long over.
_STORY = (
    ("Marta", "ines", "evaluation", -18, time(10, 30)),
    ("Marta", "ines", "musculoskeletal-physiotherapy", -7, time(10, 30)),
    ("Tomás", "rui", "evaluation", -24, time(16, 0)),
    ("Lina", "sofia", "massage", -4, time(11, 0)),
    ("Marta", "ines", "musculoskeletal-physiotherapy", 3, time(10, 30)),
    ("Tomás", "rui", "evaluation", 9, time(16, 0)),
    ("Lina", "sofia", "therapeutic-massage", 12, time(11, 0)),
)


def plan_family(ledger: Ledger, place: Place, today: date) -> None:
    """Give Marta, her son and his grandmother a past, and a next visit each whenever they have none."""
    bounds = place.bounds(today)
    since = bounds.start - timedelta(days=DAYS_BACK)
    known = {one.patient_id for one in ledger.visits if since <= one.start < bounds.start}
    expected = {one.patient_id for one in ledger.visits if one.start >= bounds.end and one.cancelled_at is None}
    people = {one.content.given_name: one for one in place.people if MARTA in {one.content.email, *_helpers(one)}}
    workers = {one.name: one for one in place.workers}
    for name, worker_name, slug, days, at in _STORY:
        person, worker = people.get(name), workers.get(worker_name)
        if person is None or worker is None or person.id in (known if days < 0 else expected):
            continue
        treatment = next(one for one in worker.treatments if one.slug == slug)
        day = today + timedelta(days=days)
        choices = [Wanted(worker, treatment, person, start) for start in _starts(place, day, at)]
        visit = _first_free(ledger, [wanted for wanted in choices if wanted.is_in_hours])
        if visit is not None and days < 0:
            see(ledger, place, visit, latest=visit.end + timedelta(minutes=20))


def _helpers(person: Person) -> tuple[str, str]:
    return person.content.parent, person.content.carer


def _starts(place: Place, day: date, at: time) -> Iterator[datetime]:
    """Yield this time and the quarters of an hour after it, on this day and on the open days after it."""
    for later in range(7):
        tried = day + timedelta(days=later)
        for quarter in range(12 if tried not in place.closed_days else 0):
            start = wall_to_utc(tried, at.hour * 60 + at.minute + 15 * quarter, place.tz)
            if start is not None:
                yield start


def _first_free(ledger: Ledger, choices: Iterable[Wanted]) -> Visit | None:
    for wanted in choices:
        booked_at = min(wanted.start, ledger.now) - timedelta(days=2, hours=5)
        visit = ledger.book(wanted, booked_at=booked_at, salt="family")
        if visit is not None:
            return visit
    return None
