"""Hashing passwords with argon2id. Slow on purpose (tens of milliseconds): never call it inside a transaction."""

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from clinic_portal.accounts.rules import normal_password

#: 19 MiB, two passes, one lane. Source: OWASP Password Storage Cheat Sheet, argon2id.
HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)

#: Verified when an address has no account, so that the answer takes as long as for one that has. Nobody knows its password.
STAND_IN_HASH = "$argon2id$v=19$m=19456,t=2,p=1$ejQNhs9x+f9Ckpzd0CT7fw$FrEViB2cm+yCrW5p7d4920s2zQyt+dzKPtALp99d2lo"


def hash_password(password: str) -> str:
    """Return what is stored of a password: its salted hash with the parameters."""
    return HASHER.hash(normal_password(password))


def verify_password(stored: str | None, password: str) -> bool:
    """Whether the password is right. Without a stored hash it is not, and finding that out takes as long."""
    try:
        HASHER.verify(stored or STAND_IN_HASH, normal_password(password))
    except (VerificationError, InvalidHashError):
        return False
    return stored is not None


def is_outdated(stored: str) -> bool:
    """Whether a hash was made with other parameters than today's."""
    return HASHER.check_needs_rehash(stored)
