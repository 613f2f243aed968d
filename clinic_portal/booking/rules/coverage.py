"""Whether a visit lies in hours that are worked: pure."""

from collections.abc import Iterable, Sequence
from enum import StrEnum

from clinic_portal.booking.rules.slots import Stretch


class StrandedAnswer(StrEnum):
    """What becomes of a visit that a change of hours leaves outside of them."""

    KEEP = "keep"
    #: At its time, in the room that the practitioner has then. Done at once, and so never remembered.
    ROOM = "room"
    MOVE = "move"
    CANCEL = "cancel"


def is_covered(visit: Stretch, worked: Iterable[Stretch], away: Iterable[Stretch]) -> bool:
    """Say whether the visit lies in one stretch of work, and nobody is away.

    The work is `joined`: stretches without a pause between them are one.
    """
    first, last = visit
    for start, end in worked:
        if start <= first and last <= end:
            return not any(visit.touches(one) for one in away)
    return False


def without(stretches: Sequence[Stretch], others: Sequence[Stretch]) -> Sequence[Stretch]:
    """Return what is left of the stretches where none of the others is. Both are in order, and apart from each other."""
    found: list[Stretch] = []
    first = 0
    for stretch in stretches:
        while first < len(others) and others[first].end <= stretch.start:
            first += 1
        begin, index = stretch.start, first
        while index < len(others) and others[index].start < stretch.end:
            if begin < others[index].start:
                found.append(Stretch(begin, others[index].start))
            begin, index = max(begin, others[index].end), index + 1
        if begin < stretch.end:
            found.append(Stretch(begin, stretch.end))
    return found


def joined(stretches: Iterable[Stretch]) -> Sequence[Stretch]:
    """Return the stretches in order, those that touch or overlap made one."""
    found: list[Stretch] = []
    for start, end in sorted(stretches):
        if found and start <= found[-1].end:
            found[-1] = Stretch(found[-1].start, max(found[-1].end, end))
        else:
            found.append(Stretch(start, end))
    return found
