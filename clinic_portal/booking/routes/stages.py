"""Where a page stands in the booking, for its step line: one number a question, none left out and none given twice."""

from dataclasses import dataclass
from enum import StrEnum

from clinic_portal.booking.routes.common import Way


class Question(StrEnum):
    """What a page of booking asks."""

    SERVICE = "service"
    #: Whom it is for: before the rest when the visitor is signed in, else once the time is held.
    PERSON = "person"
    PRACTITIONER = "practitioner"
    PLACE = "place"
    TIME = "time"
    #: The dates of several sessions.
    PLAN = "plan"
    PERSON_OF_TIME = "person_of_time"
    CHECK = "check"


@dataclass(frozen=True)
class Stage:
    """The number of a question, and how many there are."""

    step: int
    steps: int


def first_stage(*, has_choice_of_place: bool) -> Stage:
    """Return where the page of services stands."""
    return Stage(1, 6 if has_choice_of_place else 5)


def stage(question: Question, way: Way, *, is_series: bool = False) -> Stage:
    """Return where the page that asks a question stands on this way."""
    is_person_first = question is Question.PERSON or (
        question is not Question.PERSON_OF_TIME and way.person is not None
    )
    # Whom to see for all of the sessions is asked again with the plan: what there is to choose does not depend on it.
    has_choice = (way.with_anybody() if is_series else way).has_choice_of_place
    asked = [
        Question.SERVICE,
        *([Question.PERSON] if is_person_first else []),
        Question.PRACTITIONER,
        *([Question.PLACE] if question is Question.PLACE or has_choice else []),
        Question.TIME,
        *([Question.PLAN] if is_series else []),
        # Several sessions are checked, signed in for and given to somebody on one page.
        *([] if is_person_first or is_series else [Question.PERSON_OF_TIME]),
        Question.CHECK,
    ]
    return Stage(asked.index(question) + 1, len(asked))
