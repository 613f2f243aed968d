"""Plain facts about what is measured. They import nothing of the portal, so that helpers and baselines start at once."""

from dataclasses import dataclass
from datetime import timedelta

VISIT = timedelta(minutes=30)
SCREENS = 200
#: Processes, and threads of each, of every gunicorn, the portal's and the floor's: as in compose.yaml.
WORKERS, THREADS = 2, 4


@dataclass(frozen=True)
class Place:
    """A practitioner and their room."""

    practitioner: str
    room: str


@dataclass(frozen=True)
class Person:
    """A patient with an account."""

    email: str
    account: str
    patient: str


@dataclass(frozen=True)
class Dataset:
    """What the measurements need to know of the database. Plain values, so that other processes can have it."""

    service: str
    facility: str
    places: list[Place]
    people: list[Person]
    receptionist: str
    #: Place number → free starts in the coming days, as the buttons say them.
    free: list[list[str]]
    #: Screens' cookies.
    screens: list[str]
    appointments: int
    #: Everything that was made before is the starting state; rounds are undone back to it.
    made_at: str


def libpq(url: str) -> str:
    """Turn SQLAlchemy's URL into the one that psycopg takes."""
    return url.replace("+psycopg", "")
