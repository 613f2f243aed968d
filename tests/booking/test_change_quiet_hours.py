"""The hours in which nobody is reminded."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from clinic_portal.booking.queries.reminders import quiet_hours
from clinic_portal.booking.rules.reminders import QUIET_HOURS, QuietHours
from clinic_portal.booking.use_cases.change_quiet_hours import change_quiet_hours
from clinic_portal.core.audit import AuditEntry
from clinic_portal.core.clock import FixedClock
from tests.support.cast import Cast


def test_they_are_one_for_the_clinic_and_their_change_is_written_down(
    db: Session, clock: FixedClock, cast: Cast
) -> None:
    assert quiet_hours(db) == QUIET_HOURS
    change_quiet_hours(db, clock, actor=cast.administrator.actor(), quiet=QuietHours(60, 420))
    assert quiet_hours(db) == QuietHours(60, 420)
    entry = db.scalars(select(AuditEntry).where(AuditEntry.action == "quiet_hours.changed")).one()
    assert (entry.account_id, entry.detail) == (cast.administrator.id, {"from_minute": "60", "until_minute": "420"})
