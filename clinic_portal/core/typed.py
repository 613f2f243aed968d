"""What people type into boxes: shown again as it was typed, stored tidied."""

import unicodedata

#: Control signs, halves of surrogate pairs, private and unassigned places. Source: Unicode, general categories.
NOT_TYPED = frozenset({"Cc", "Cs", "Co", "Cn"})


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


def _kept(letter: str) -> str:
    if letter in "\t\n\r\v\f\x1c\x1d\x1e\x1f\x85":
        return " "
    return "" if unicodedata.category(letter) in NOT_TYPED else letter
