"""What follows from visits to which a patient did not come: pure."""

from dataclasses import dataclass

from clinic_portal.booking.rules.states import ALLOWED, Verdict

#: The refusal that another time does not cure: it leads to the phone.
MISSED_TOO_OFTEN = "appointment.missed_too_often"
DEFAULT_DAYS = 180


@dataclass(frozen=True)
class MissedRule:
    """Who missed `limit` visits in the last `days` books by phone. `limit` None: missed visits limit nobody."""

    limit: int | None
    days: int = DEFAULT_DAYS


def judge_missed(missed: int, rule: MissedRule) -> Verdict:
    """Say whether somebody who missed so many visits in the rule's days may book on the portal."""
    if rule.limit is None or missed < rule.limit:
        return ALLOWED
    return Verdict(MISSED_TOO_OFTEN)
