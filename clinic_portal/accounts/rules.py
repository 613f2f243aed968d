"""Pure decisions about signing in: codes, sessions, guessing."""

from enum import StrEnum


class CodePurpose(StrEnum):
    """What a one-time code proves."""

    CONFIRM_EMAIL = "confirm_email"
    CONFIRM_PHONE = "confirm_phone"
    RESET_PASSWORD = "reset_password"  # noqa: S105 - a purpose, not a password
