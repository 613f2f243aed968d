"""What people type into boxes: shown again as it was typed, stored tidied; days and times of day as people write them."""

import re
import unicodedata
from datetime import date

#: Control signs, halves of surrogate pairs, private and unassigned places. Source: Unicode, general categories.
NOT_TYPED = frozenset({"Cc", "Cs", "Co", "Cn"})

#: "9", "9:00", "09.30", "9h30", "0930".
_TIME = re.compile(r"([0-9]{1,2})(?:[:.h]([0-9]{2})?|([0-9]{2}))?h?", re.ASCII | re.IGNORECASE)


def one_line(typed: str | None) -> str:
    """Return what was typed without signs that no keyboard has: neither a page nor the database can hold them."""
    return "".join(_kept(letter) for letter in typed or "")


def many_lines(typed: str | None) -> str:
    """The same for a box of several lines: their ends become one sign each."""
    lines = (typed or "").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return "\n".join(one_line(line) for line in lines).strip()


def is_blank(typed: str | None) -> bool:
    """Whether nothing of it can be seen."""
    return not any(letter.isprintable() and not letter.isspace() for letter in typed or "")


def tidy(typed: str | None) -> str:
    """Return what is stored of one line: single spaces, and none at its ends."""
    return " ".join(unicodedata.normalize("NFC", one_line(typed)).split())


def read_day(typed: str) -> date | None:
    """Return the day of "2026-12-24", "24/12/2026", "24-12-2026" or "24.12.2026", of any year; None when it is none."""
    parts = [part.strip() for part in typed.replace(".", "/").replace("-", "/").split("/")]
    if len(parts) != 3 or not all(part.isascii() and part.isdigit() and len(part) <= 4 for part in parts):
        return None
    year, month, day = parts if len(parts[0]) == 4 else reversed(parts)
    try:
        return date(int(year), int(month), int(day))
    except ValueError:
        return None


def read_time(typed: str) -> int | None:
    """Return minutes after midnight of a time as people write it, 24:00 included; None when it is none."""
    found = _TIME.fullmatch("".join(typed.split()))
    if found is None:
        return None
    hour, minute = int(found[1]), int(found[2] or found[3] or 0)
    total = hour * 60 + minute
    return total if minute < 60 and total <= 1440 else None


def write_time(minute: int) -> str:
    """Return minutes after midnight as a clock shows them: "09:30"."""
    return f"{minute // 60:02}:{minute % 60:02}"


def _kept(letter: str) -> str:
    if letter in "\t\n\r\v\f\x1c\x1d\x1e\x1f\x85":
        return " "
    return "" if unicodedata.category(letter) in NOT_TYPED else letter
