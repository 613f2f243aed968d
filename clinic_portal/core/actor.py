"""Who acts: made once per request, or a named system actor in jobs."""

from dataclasses import dataclass
from enum import StrEnum

from clinic_portal.core.ids import AccountId


class Role(StrEnum):
    """What an account is in the clinic. `system` is no account: a job or a command."""

    PATIENT = "patient"
    RECEPTIONIST = "receptionist"
    DOCTOR = "doctor"
    ADMINISTRATOR = "administrator"
    SYSTEM = "system"


@dataclass(frozen=True)
class Actor:
    """The account on whose behalf something happens.

    `account_id` is None only for the system. `name` is what history and the page header show. `language` is "en" or "pt_PT".
    """

    account_id: AccountId | None
    role: Role
    name: str
    language: str = "en"

    @property
    def is_staff(self) -> bool:
        """Whether this is somebody who works at the clinic."""
        return self.role in (Role.RECEPTIONIST, Role.DOCTOR, Role.ADMINISTRATOR)

    @property
    def display_name(self) -> str:
        """The name as pages show it."""
        return self.name


def system(name: str) -> Actor:
    """Return the actor of a job or command, for example `system("hold-sweeper")`."""
    return Actor(account_id=None, role=Role.SYSTEM, name=name)
