"""reminders, missed visits, calendar feeds

Revision ID: 0005
Revises: 0003
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0005"
down_revision: str | None = "0003"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


STATES = ("queued", "in_flight", "retry_wait", "sent", "delivered", "failed", "bounced", "cancelled", "expired")


def _states(states: tuple[str, ...]) -> None:
    listed = ", ".join(f"'{state}'" for state in states)
    op.drop_constraint(op.f("ck_message_message_state"), "message")
    op.create_check_constraint(op.f("ck_message_message_state"), "message", f"state IN ({listed})")


def _channel() -> sa.Enum:
    return sa.Enum("sms", "email", name="channel", native_enum=False, create_constraint=True, length=32)


def upgrade() -> None:
    op.add_column("message", sa.Column("joined_id", sa.Uuid(), nullable=True))
    op.create_foreign_key(op.f("fk_message_joined_id_message"), "message", "message", ["joined_id"], ["id"])
    _states((*STATES, "joined"))
    op.create_check_constraint(
        op.f("ck_message_joined_to_another"), "message", "(state = 'joined') = (joined_id IS NOT NULL)"
    )
    op.create_index("ix_message_joined", "message", ["joined_id"], postgresql_where=sa.text("joined_id IS NOT NULL"))
    op.create_index(
        "ix_message_ended",
        "message",
        ["due_at"],
        postgresql_where=sa.text("state IN ('sent', 'delivered', 'failed', 'bounced')"),
    )
    op.create_index("ix_appointment_booked", "appointment", ["starts_at"], postgresql_where=sa.text("state = 'booked'"))
    op.create_table(
        "heartbeat",
        sa.Column("job", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("job", name=op.f("pk_heartbeat")),
    )
    op.create_table(
        "reminder_opt_out",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("channel", _channel(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_reminder_opt_out_account_id_account")),
        sa.PrimaryKeyConstraint("account_id", "channel", name=op.f("pk_reminder_opt_out")),
    )
    op.create_table(
        "reminder_plan",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("service_id", sa.Uuid(), nullable=True),
        sa.Column("channel", _channel(), nullable=False),
        sa.Column("early_days", sa.SmallInteger(), nullable=True),
        sa.Column("last_days", sa.SmallInteger(), nullable=True),
        sa.Column("early_instead_after_days", sa.SmallInteger(), nullable=True),
        sa.Column("from_minute", sa.SmallInteger(), nullable=False),
        sa.Column("until_minute", sa.SmallInteger(), nullable=False),
        sa.Column("late_from_minute", sa.SmallInteger(), nullable=False),
        sa.Column("late_minutes", sa.SmallInteger(), nullable=True),
        sa.CheckConstraint("early_days BETWEEN 0 AND 60", name=op.f("ck_reminder_plan_early_days_sane")),
        sa.CheckConstraint("last_days BETWEEN 0 AND 60", name=op.f("ck_reminder_plan_last_days_sane")),
        sa.CheckConstraint("early_days > last_days", name=op.f("ck_reminder_plan_early_before_last")),
        sa.CheckConstraint(
            "0 <= from_minute AND from_minute <= until_minute AND until_minute < 1440",
            name=op.f("ck_reminder_plan_window"),
        ),
        sa.CheckConstraint("late_from_minute BETWEEN 0 AND 1440", name=op.f("ck_reminder_plan_late_from_sane")),
        sa.CheckConstraint("late_minutes BETWEEN 1 AND 1440", name=op.f("ck_reminder_plan_late_minutes_sane")),
        sa.ForeignKeyConstraint(["service_id"], ["service.id"], name=op.f("fk_reminder_plan_service_id_service")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reminder_plan")),
        sa.UniqueConstraint(
            "service_id",
            "channel",
            name=op.f("uq_reminder_plan_service_id_channel"),
            postgresql_nulls_not_distinct=True,
        ),
    )
    policy = op.create_table(
        "visit_policy",
        sa.Column("id", sa.SmallInteger(), nullable=False),
        sa.Column("quiet_from_minute", sa.SmallInteger(), nullable=False),
        sa.Column("quiet_until_minute", sa.SmallInteger(), nullable=False),
        sa.Column("noshow_limit", sa.SmallInteger(), nullable=True),
        sa.Column("noshow_days", sa.SmallInteger(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_visit_policy_one_row")),
        sa.CheckConstraint(
            "quiet_from_minute BETWEEN 0 AND 1439 AND quiet_until_minute BETWEEN 0 AND 1439",
            name=op.f("ck_visit_policy_quiet_hours"),
        ),
        sa.CheckConstraint("noshow_limit BETWEEN 1 AND 20", name=op.f("ck_visit_policy_noshow_limit_sane")),
        sa.CheckConstraint("noshow_days BETWEEN 1 AND 730", name=op.f("ck_visit_policy_noshow_days_sane")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_visit_policy")),
    )
    # Quiet from 21:00 to 08:00; missed visits limit nobody until the clinic says so.
    values = {"id": 1, "quiet_from_minute": 1260, "quiet_until_minute": 480, "noshow_limit": None, "noshow_days": 180}
    op.bulk_insert(policy, [values])
    op.create_table(
        "calendar_feed",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("seed", sa.Uuid(), nullable=False),
        sa.Column("token_hash", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_calendar_feed_account_id_account")),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_calendar_feed")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_calendar_feed_token_hash")),
    )


def downgrade() -> None:
    op.drop_table("calendar_feed")
    op.drop_table("visit_policy")
    op.drop_table("reminder_plan")
    op.drop_table("reminder_opt_out")
    op.drop_table("heartbeat")
    op.drop_index("ix_appointment_booked", "appointment")
    op.drop_index("ix_message_ended", "message")
    op.drop_index("ix_message_joined", "message")
    op.drop_constraint(op.f("ck_message_joined_to_another"), "message")
    op.execute("UPDATE message SET state = 'cancelled', error_code = 'message.joined' WHERE state = 'joined'")
    _states(STATES)
    op.drop_constraint(op.f("fk_message_joined_id_message"), "message")
    op.drop_column("message", "joined_id")
