"""Get a private calendar address, or a new one in its place."""

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from clinic_portal.booking.models import CalendarFeed
from clinic_portal.booking.queries.calendars import feed_token, feed_token_hash, has_feed
from clinic_portal.core import audit
from clinic_portal.core.actor import Actor
from clinic_portal.core.clock import Clock
from clinic_portal.core.db import transaction
from clinic_portal.core.errors import NotFound
from clinic_portal.core.ids import new_id
from clinic_portal.core.settings import Settings


def renew_calendar_feed(db: Session, clock: Clock, *, actor: Actor, settings: Settings) -> str:
    """Return the token of a new address; the old one, if there was one, is nobody's from now on.

    Raises: NotFound for staff who treat nobody: they have no calendar of their own.
    """
    with transaction(db):
        if not has_feed(db, actor=actor):
            raise NotFound
        seed = new_id()
        token = feed_token(settings, seed)
        values = {"seed": seed, "token_hash": feed_token_hash(token), "created_at": clock.now()}
        statement = insert(CalendarFeed).values(account_id=actor.account_id, **values)
        db.execute(statement.on_conflict_do_update(index_elements=["account_id"], set_=values))
        audit.record(
            db,
            clock,
            actor=actor,
            action="calendar_feed.renewed",
            subject_kind="account",
            subject_id=actor.account_id,
        )
        return token
