"""what did not go because of a STOP is found by when it is worth something, not among all the years

Revision ID: 0020
Revises: 0019
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision: str = "0020"
down_revision: str | None = "0019"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

STOPPED = sa.text("error_code = 'sms.opted_out'")


def upgrade() -> None:
    # What such a message was to say of others as well did not go either, and says so itself from now on.
    op.execute(
        "UPDATE message SET error_code = head.error_code FROM message head"
        " WHERE head.id = message.joined_id AND head.error_code = 'sms.opted_out'"
    )
    op.drop_index("ix_message_opted_out", table_name="message")
    op.create_index("ix_message_opted_out", "message", ["expires_at"], postgresql_where=STOPPED)


def downgrade() -> None:
    op.execute("UPDATE message SET error_code = NULL WHERE joined_id IS NOT NULL AND error_code = 'sms.opted_out'")
    op.drop_index("ix_message_opted_out", table_name="message")
    op.create_index("ix_message_opted_out", "message", ["subject_id"], postgresql_where=STOPPED)
