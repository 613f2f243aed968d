"""Pure decisions about signing in: codes, sessions, guessing, passwords, birth dates."""

import hashlib
import hmac
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from uuid import UUID

CODE_DIGITS = 6
CODE_LIFETIME = timedelta(minutes=10)
#: Wrong guesses that a code survives, less one: the fifth kills it.
CODE_ATTEMPTS = 5

MIN_PASSWORD = 10
MAX_PASSWORD = 256

#: A first registration that nobody confirmed, a code, a session and a wrong guess are of no use after this time.
KEEP_FOR = timedelta(days=30)

#: Older than this: asked again, because it is more often a slip than an age. Source: field.md, section 5 (age 109).
UNUSUAL_AGE = 110
IMPOSSIBLE_AGE = 130


class CodePurpose(StrEnum):
    """What a one-time code proves."""

    CONFIRM_EMAIL = "confirm_email"
    CONFIRM_PHONE = "confirm_phone"
    RESET_PASSWORD = "reset_password"  # noqa: S105 - a purpose, not a password


# --- slowing down


@dataclass(frozen=True)
class Slowdown:
    """How repeating something is slowed down: some free tries, then a wait that doubles, forgotten after quiet."""

    free: int
    first_wait: timedelta
    longest_wait: timedelta
    forgotten_after: timedelta


#: Wrong passwords and codes for one address, whether it has an account or not.
GUESSES = Slowdown(5, timedelta(seconds=15), timedelta(minutes=15), timedelta(hours=1))
#: Codes sent to one address or number.
SENDINGS = Slowdown(3, timedelta(seconds=30), timedelta(minutes=15), timedelta(hours=1))


def remembered(slowdown: Slowdown, *, count: int, last_at: datetime, now: datetime) -> int:
    """Return how many earlier tries still count."""
    return 0 if now - last_at >= slowdown.forgotten_after else count


def wait_before_next(slowdown: Slowdown, *, count: int, last_at: datetime, now: datetime) -> timedelta:
    """Return how long the next try must wait from now on; zero when it may be made at once."""
    counted = remembered(slowdown, count=count, last_at=last_at, now=now)
    if counted < slowdown.free:
        return timedelta(0)
    # The exponent is bounded before it is used: a count of a thousand must not make a number of 300 digits.
    doublings = min(counted - slowdown.free, 16)
    wait = min(slowdown.first_wait * (1 << doublings), slowdown.longest_wait)
    return max(last_at + wait - now, timedelta(0))


# --- codes


def code_digits(secret_key: str, code_id: UUID) -> str:
    """Return the six digits of a code. They are derived, so that no table and no log holds them."""
    digest = hmac.new(secret_key.encode(), b"one-time-code:" + code_id.bytes, hashlib.sha256).digest()
    return f"{int.from_bytes(digest[:8], 'big') % 10**CODE_DIGITS:0{CODE_DIGITS}d}"


def same_code(expected: str, typed: str) -> bool:
    """Compare in constant time what was typed, with or without spaces, with the digits that were sent."""
    folded = unicodedata.normalize("NFKC", typed)
    digits = "".join(letter for letter in folded if not letter.isspace() and letter != "-")
    return hmac.compare_digest(expected.encode(), digits.encode(errors="replace"))


def registration_mark(secret_key: str, password_hash: str) -> str:
    """Return the mark of one registration, which the browser that made it keeps.

    Only that browser may confirm: a later registration of the same address has another salt, so another mark, and a
    password that somebody else chose is never activated by a code that the address's owner typed for their own.
    """
    return hmac.new(secret_key.encode(), b"registration:" + password_hash.encode(), hashlib.sha256).hexdigest()


def throttle_key(secret_key: str, purpose: str, address: str) -> str:
    """Return the key under which tries for an address are counted; it names nobody."""
    return hmac.new(secret_key.encode(), f"throttle:{purpose}:{address}".encode(), hashlib.sha256).hexdigest()


# --- passwords


def normal_password(typed: str) -> str:
    """Return the form in which a password is hashed, so that two keyboards give the same. Source: NIST SP 800-63B."""
    return unicodedata.normalize("NFKC", typed)


def is_common(password: str, common: Iterable[str]) -> bool:
    """Whether everybody would guess it: listed (with or without digits or signs at the end), or one or two signs repeated."""
    folded = fold(password)
    stem = folded.rstrip("0123456789!.?*_-#@$%& ")
    return len(set(folded)) <= 2 or any(folded == word or (stem and stem == word) for word in common)


def is_about_oneself(password: str, names: Iterable[str], email: str) -> bool:
    """Whether little is left of it once the person's own names and address are taken out."""
    left = fold(password)
    words = {fold(part) for name in names for part in re.split(r"[\s'-]+", name)}
    words |= set(re.split(r"[@._+-]+", fold(email))) | {fold(email), fold(email).split("@")[0]}
    for word in sorted((word for word in words if len(word) >= 3), key=len, reverse=True):
        left = left.replace(word, "")
    return len(left) < MIN_PASSWORD // 2 and left != fold(password)


# --- names and dates


def fold(text: str) -> str:
    """Return text without accents and capitals, for comparing."""
    plain = unicodedata.normalize("NFKD", text)
    return "".join(letter for letter in plain if not unicodedata.combining(letter)).casefold().strip()


MONTHS: tuple[tuple[str, ...], ...] = (
    ("january", "janeiro"),
    ("february", "fevereiro"),
    ("march", "marco"),
    ("april", "abril"),
    ("may", "maio"),
    ("june", "junho"),
    ("july", "julho"),
    ("august", "agosto"),
    ("september", "setembro"),
    ("october", "outubro"),
    ("november", "novembro"),
    ("december", "dezembro"),
)


class BirthDateProblem(StrEnum):
    """Why three boxes are no birth date."""

    MISSING = "missing"
    INCOMPLETE = "incomplete"
    SHORT_YEAR = "short_year"
    NOT_A_DATE = "not_a_date"
    IN_FUTURE = "in_future"
    IMPOSSIBLE = "impossible"


def read_birth_date(day: str, month: str, year: str, *, today: date) -> date | BirthDateProblem:
    """Return the date that three boxes say: 3 or 03, a month's number or its (short) name in English or Portuguese."""
    parts = [fold(part) for part in (day, month, year)]
    if not any(parts):
        return BirthDateProblem.MISSING
    if not all(parts):
        return BirthDateProblem.INCOMPLETE
    numbers = (_number(parts[0], 2), _month(parts[1]), _number(parts[2], 4))
    if numbers[2] is not None and len(parts[2]) < 4:
        return BirthDateProblem.SHORT_YEAR
    if numbers[0] is None or numbers[1] is None or numbers[2] is None:
        return BirthDateProblem.NOT_A_DATE
    try:
        born = date(numbers[2], numbers[1], numbers[0])
    except ValueError:
        return BirthDateProblem.NOT_A_DATE
    if born > today:
        return BirthDateProblem.IN_FUTURE
    return BirthDateProblem.IMPOSSIBLE if age_on(born, today) > IMPOSSIBLE_AGE else born


def age_on(born: date, today: date) -> int:
    """Return the completed years."""
    return today.year - born.year - ((today.month, today.day) < (born.month, born.day))


def _number(text: str, longest: int) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) <= longest else None


def _month(text: str) -> int | None:
    number = _number(text, 2)
    if number is not None:
        return number
    word = text.rstrip(".")
    fits = [place for place, names in enumerate(MONTHS, 1) if any(name.startswith(word) for name in names)]
    return fits[0] if len(word) >= 3 and len(fits) == 1 else None


# --- browsers

#: In this order: a later one also names the earlier ones in its own words.
BROWSERS = (
    ("SamsungBrowser/", "Samsung Internet"),
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("CrOS", "ChromeOS"),
    ("Mac OS X", "Mac"),
    ("Linux", "Linux"),
)


def browser_words(user_agent: str) -> tuple[str, str]:
    """Return the names of a browser and its system as people know them; empty where they cannot be told."""
    return _first_named(user_agent, BROWSERS), _first_named(user_agent, SYSTEMS)


def _first_named(user_agent: str, known: tuple[tuple[str, str], ...]) -> str:
    return next((words for sign, words in known if sign in user_agent), "")
