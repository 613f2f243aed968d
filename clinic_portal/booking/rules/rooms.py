"""When none of several rooms is free: pure."""

from collections.abc import Iterable, Sequence

from clinic_portal.booking.rules.slots import Need, Stretch


def without_room(rooms: Iterable[Sequence[Stretch]], need: Need) -> Sequence[Stretch]:
    """Return stretches, in order, that a visit touches exactly when every room is busy in some of what it takes up.

    `rooms` has for each of one or more rooms what is busy there. Not the time in which all are busy: where one room is
    free until ten and the other one from ten on, nobody can begin at half past nine. So these are made of starts, and
    such a stretch may even end before it begins; `free_starts` and `fits` read it like any other.
    """
    blocked: Sequence[Stretch] | None = None
    for busy in rooms:
        starts = _blocked_starts(busy, need)
        blocked = starts if blocked is None else _common(blocked, starts)
        if not blocked:
            return ()
    back, ahead = need.length + need.after, need.before
    return [Stretch(first + back, last - ahead) for first, last in blocked or ()]


def _blocked_starts(busy: Sequence[Stretch], need: Need) -> Sequence[Stretch]:
    """Return between which starts (neither included) a visit would be in the way, in order and apart from each other."""
    back, ahead = need.length + need.after, need.before
    found: list[Stretch] = []
    for start, end in sorted(busy):
        first, last = start - back, end + ahead
        if found and first < found[-1].end:
            found[-1] = Stretch(found[-1].start, max(found[-1].end, last))
        else:
            found.append(Stretch(first, last))
    return found


def _common(ours: Sequence[Stretch], theirs: Sequence[Stretch]) -> Sequence[Stretch]:
    found: list[Stretch] = []
    i = j = 0
    while i < len(ours) and j < len(theirs):
        first, last = max(ours[i].start, theirs[j].start), min(ours[i].end, theirs[j].end)
        if first < last:
            found.append(Stretch(first, last))
        if ours[i].end < theirs[j].end:
            i += 1
        else:
            j += 1
    return found
