"""Pure decisions about arriving."""

from datetime import date

#: The refusal codes of `judge_day`.
EARLIER_DAY = "check_in.earlier_day"
LATER_DAY = "check_in.later_day"


def judge_day(visit_day: date, today: date) -> str:
    """Return why nobody can arrive for a visit of that day, empty when they can. Days are those of the facility."""
    if visit_day < today:
        return EARLIER_DAY
    return LATER_DAY if visit_day > today else ""
