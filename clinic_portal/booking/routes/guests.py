"""Times that visitors without an account hold: a few for each network, so that nobody empties the calendar."""

from collections.abc import Iterator
from contextlib import contextmanager

from clinic_portal.booking.routes.common import TOO_MANY_GUESTS, make_hold_key
from clinic_portal.booking.rules import HOLD_FOR
from clinic_portal.booking.steps import hold_key_hash
from clinic_portal.core.errors import Conflict
from clinic_portal.web.access import current_actor
from clinic_portal.web.database import clock, settings
from clinic_portal.web.limits import at_once, visitors_network

#: Browsers without an account that may hold a time at once from one network: a waiting room's, a family's.
GUESTS_AT_ONCE = 10


@contextmanager
def one_of_few() -> Iterator[None]:
    """Count what a visitor without an account holds inside. A browser counts once, however often it chooses anew.

    Raises: Conflict "hold.too_many".
    """
    if current_actor() is not None or not settings().rate_limits:
        yield
        return
    group, member, now = f"guests:{visitors_network()}", hold_key_hash(make_hold_key()), clock().now()
    place = at_once().enter(group, member, limit=GUESTS_AT_ONCE, now=now, until=now + HOLD_FOR)
    if not place.is_free:
        raise Conflict(TOO_MANY_GUESTS)
    try:
        yield
    except Conflict:
        if place.is_new:
            at_once().leave(group, member)
        raise
