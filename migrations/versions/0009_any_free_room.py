"""hours in any room that is free

Revision ID: 0009
Revises: 0008
"""

from collections.abc import Sequence

from alembic import op

revision: str = "0009"
down_revision: str | None = "0008"
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None

TABLES = ("weekly_hours", "extra_hours")


def upgrade() -> None:
    for table in TABLES:
        op.drop_constraint(op.f(f"ck_{table}_room_unless_online"), table, type_="check")
        op.create_check_constraint(op.f(f"ck_{table}_no_room_online"), table, "mode <> 'online' OR room_id IS NULL")


def downgrade() -> None:
    for table in TABLES:
        # Hours in any room get the first one of their facility; where there is none, nobody can have worked in it.
        op.execute(
            f"UPDATE {table} h SET room_id = (SELECT id FROM room WHERE facility_id = h.facility_id ORDER BY name LIMIT 1)"
            " WHERE room_id IS NULL AND mode <> 'online'"
        )
        op.execute(f"DELETE FROM {table} WHERE room_id IS NULL AND mode <> 'online'")
        op.drop_constraint(op.f(f"ck_{table}_no_room_online"), table, type_="check")
        op.create_check_constraint(
            op.f(f"ck_{table}_room_unless_online"), table, "(mode = 'online') = (room_id IS NULL)"
        )
