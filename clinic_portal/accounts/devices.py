"""Browsers that have signed in before: strangers' wrong guesses at an address do not keep its owner out of them.

Source: OWASP, "Slow down online guessing attacks with device cookies". A browser keeps a number of its own, with a mark for
each account that signed in there: a keyed hash of the number and the address. Wrong guesses in a browser that has the mark
of an address are counted for that browser alone; everywhere else they are counted for the address, whoever makes them.
"""

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass, replace
from typing import Self

#: A desk's browser has several people; the last few are known.
MANY = 8
_COOKIE = re.compile(r"[A-Za-z0-9_-]{22}(?:\.[0-9a-f]{32}){0,8}")


@dataclass(frozen=True)
class Device:
    """A browser, as its cookie says. It names nobody."""

    number: str
    marks: tuple[str, ...] = ()

    @classmethod
    def read(cls, cookie: str) -> Self:
        """Return what a cookie says; a new browser when it says nothing, or nothing that we wrote."""
        if _COOKIE.fullmatch(cookie) is None:
            return cls(secrets.token_urlsafe(16))
        number, *marks = cookie.split(".")
        return cls(number, tuple(marks))

    def __str__(self) -> str:
        """The cookie."""
        return ".".join([self.number, *self.marks])

    def knows(self, secret_key: str, email: str) -> bool:
        """Whether somebody signed in here with this address before."""
        mark = self._mark(secret_key, email)
        return any(hmac.compare_digest(mark, one) for one in self.marks)

    def with_owner(self, secret_key: str, email: str) -> Self:
        """The same browser, once somebody has signed in."""
        mark = self._mark(secret_key, email)
        return replace(self, marks=(mark, *(one for one in self.marks if one != mark))[:MANY])

    def purpose(self, secret_key: str, email: str) -> str:
        """Return as what its guesses at an address are counted (`rules.throttle_key`)."""
        return f"password:{self.number}" if self.knows(secret_key, email) else "password"

    def _mark(self, secret_key: str, email: str) -> str:
        return hmac.new(secret_key.encode(), f"device:{self.number}:{email}".encode(), hashlib.sha256).hexdigest()[:32]
