"""the house

Revision ID: 0001
Revises:
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision: str = "0001"
down_revision: str | None = None
branch_labels: str | Sequence[str] | None = None
depends_on: str | Sequence[str] | None = None


#: Tables whose rows are never changed or deleted.
APPEND_ONLY = ("appointment_history", "audit_entry")


def upgrade() -> None:
    # A range over ids makes `&&` mean "the same one", so that the exclusion constraints need no extension.
    op.execute("CREATE TYPE uuidrange AS RANGE (subtype = uuid)")
    op.create_table(
        "account",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "role",
            sa.Enum(
                "patient",
                "receptionist",
                "doctor",
                "administrator",
                "system",
                name="role",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("email_confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("phone", sa.Text(), nullable=True),
        sa.Column("phone_confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("given_name", sa.Text(), nullable=False),
        sa.Column("family_name", sa.Text(), nullable=False),
        sa.Column("birth_date", sa.Date(), nullable=True),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("email = lower(email)", name=op.f("ck_account_email_lower")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account")),
        sa.UniqueConstraint("email", name=op.f("uq_account_email")),
    )
    op.create_table(
        "facility",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("names", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("street", sa.Text(), nullable=False),
        sa.Column("postal_code", sa.Text(), nullable=False),
        sa.Column("city", sa.Text(), nullable=False),
        sa.Column("country", sa.Text(), nullable=False),
        sa.Column("region", sa.Text(), nullable=True),
        sa.Column("tz", sa.Text(), nullable=False),
        sa.Column("phone", sa.Text(), nullable=False),
        sa.Column("directions", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_facility")),
        sa.UniqueConstraint("slug", name=op.f("uq_facility_slug")),
    )
    op.create_table(
        "guess_throttle",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("last_failure_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_guess_throttle")),
    )
    op.create_table(
        "message",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column(
            "channel",
            sa.Enum("sms", "email", name="channel", native_enum=False, create_constraint=True, length=32),
            nullable=False,
        ),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("dedupe_key", sa.Text(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "queued",
                "in_flight",
                "retry_wait",
                "sent",
                "delivered",
                "failed",
                "bounced",
                "cancelled",
                "expired",
                name="message_state",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("claimed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("provider", sa.Text(), nullable=True),
        sa.Column("provider_id", sa.Text(), nullable=True),
        sa.Column("error_code", sa.Text(), nullable=True),
        sa.CheckConstraint(
            "(state = 'in_flight') = (claimed_at IS NOT NULL)", name=op.f("ck_message_claimed_while_in_flight")
        ),
        sa.CheckConstraint("attempts >= 0", name=op.f("ck_message_attempts_not_negative")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_message")),
        sa.UniqueConstraint("dedupe_key", name=op.f("uq_message_dedupe_key")),
    )
    op.create_index(
        "ix_message_due",
        "message",
        ["due_at"],
        unique=False,
        postgresql_where=sa.text("state IN ('queued', 'retry_wait', 'in_flight')"),
    )
    op.create_index("ix_message_subject", "message", ["subject_id", "kind"], unique=False)
    op.create_table(
        "patient",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("given_name", sa.Text(), nullable=False),
        sa.Column("family_name", sa.Text(), nullable=False),
        sa.Column("birth_date", sa.Date(), nullable=False),
        sa.Column("phone", sa.Text(), nullable=True),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column(
            "display_choice",
            sa.Enum(
                "full",
                "first_initial",
                "code",
                name="display_choice",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_patient")),
    )
    op.create_index("ix_patient_family_name", "patient", ["family_name", "given_name"], unique=False)
    op.create_table(
        "service",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("names", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("summaries", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("preparations", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("minutes", sa.Integer(), nullable=False),
        sa.Column("price_minor", sa.Integer(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("is_bookable", sa.Boolean(), nullable=False),
        sa.CheckConstraint("minutes BETWEEN 5 AND 480", name=op.f("ck_service_minutes_sane")),
        sa.CheckConstraint("price_minor > 0", name=op.f("ck_service_price_positive")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_service")),
        sa.UniqueConstraint("slug", name=op.f("uq_service_slug")),
    )
    op.create_table(
        "account_session",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("token_hash", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("user_agent", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_account_session_account_id_account")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account_session")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_account_session_token_hash")),
    )
    op.create_index("ix_account_session_account", "account_session", ["account_id"], unique=False)
    op.create_table(
        "audit_entry",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=True),
        sa.Column("actor_name", sa.Text(), nullable=False),
        sa.Column("actor_role", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("subject_kind", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=True),
        sa.Column("detail", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_audit_entry_account_id_account")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_entry")),
    )
    op.create_index("ix_audit_entry_subject", "audit_entry", ["subject_kind", "subject_id", "at"], unique=False)
    op.create_table(
        "closure",
        sa.Column("facility_id", sa.Uuid(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["facility_id"], ["facility.id"], name=op.f("fk_closure_facility_id_facility")),
        sa.PrimaryKeyConstraint("facility_id", "day", name=op.f("pk_closure")),
    )
    op.create_table(
        "facility_staff",
        sa.Column("facility_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_facility_staff_account_id_account")),
        sa.ForeignKeyConstraint(["facility_id"], ["facility.id"], name=op.f("fk_facility_staff_facility_id_facility")),
        sa.PrimaryKeyConstraint("facility_id", "account_id", name=op.f("pk_facility_staff")),
    )
    op.create_table(
        "one_time_code",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column(
            "purpose",
            sa.Enum(
                "confirm_email",
                "confirm_phone",
                "reset_password",
                name="code_purpose",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("sent_to", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("attempts >= 0", name=op.f("ck_one_time_code_attempts_not_negative")),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_one_time_code_account_id_account")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_one_time_code")),
    )
    op.create_index(
        "ix_one_time_code_account_purpose", "one_time_code", ["account_id", "purpose", "created_at"], unique=False
    )
    op.create_table(
        "practitioner",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=True),
        sa.Column("prefix", sa.Text(), nullable=False),
        sa.Column("given_name", sa.Text(), nullable=False),
        sa.Column("family_name", sa.Text(), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_practitioner_account_id_account")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_practitioner")),
        sa.UniqueConstraint("account_id", name=op.f("uq_practitioner_account_id")),
    )
    op.create_table(
        "queue",
        sa.Column("facility_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("last_number", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["facility_id"], ["facility.id"], name=op.f("fk_queue_facility_id_facility")),
        sa.PrimaryKeyConstraint("facility_id", name=op.f("pk_queue")),
    )
    op.create_table(
        "relationship",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column(
            "kind",
            sa.Enum(
                "self",
                "parent",
                "carer",
                name="relationship_kind",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("can_book", sa.Boolean(), nullable=False),
        sa.Column("can_see_records", sa.Boolean(), nullable=False),
        sa.Column("can_see_prescriptions", sa.Boolean(), nullable=False),
        sa.Column("can_pay", sa.Boolean(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_relationship_account_id_account")),
        sa.ForeignKeyConstraint(["patient_id"], ["patient.id"], name=op.f("fk_relationship_patient_id_patient")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_relationship")),
        sa.UniqueConstraint("account_id", "patient_id", name=op.f("uq_relationship_account_id_patient_id")),
    )
    op.create_index("ix_relationship_patient", "relationship", ["patient_id"], unique=False)
    op.create_index(
        "uq_relationship_one_self_per_account",
        "relationship",
        ["account_id"],
        unique=True,
        postgresql_where=sa.text("kind = 'self'"),
    )
    op.create_table(
        "room",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("facility_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column(
            "direction",
            sa.Enum(
                "left",
                "right",
                "straight",
                "upstairs",
                "downstairs",
                name="direction",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.ForeignKeyConstraint(["facility_id"], ["facility.id"], name=op.f("fk_room_facility_id_facility")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_room")),
        sa.UniqueConstraint("facility_id", "name", name=op.f("uq_room_facility_id_name")),
    )
    op.create_table(
        "screen",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("token_hash", sa.Text(), nullable=False),
        sa.Column("pairing_code", sa.Text(), nullable=True),
        sa.Column("pairing_expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("facility_id", sa.Uuid(), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("paired_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("paired_by_account_id", sa.Uuid(), nullable=True),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(paired_at IS NULL) = (facility_id IS NULL)", name=op.f("ck_screen_facility_once_paired")),
        sa.ForeignKeyConstraint(["facility_id"], ["facility.id"], name=op.f("fk_screen_facility_id_facility")),
        sa.ForeignKeyConstraint(
            ["paired_by_account_id"], ["account.id"], name=op.f("fk_screen_paired_by_account_id_account")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_screen")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_screen_token_hash")),
    )
    op.create_index("ix_screen_facility", "screen", ["facility_id"], unique=False)
    op.create_index(
        "uq_screen_pairing_code",
        "screen",
        ["pairing_code"],
        unique=True,
        postgresql_where=sa.text("pairing_code IS NOT NULL"),
    )
    op.create_table(
        "absence",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("practitioner_id", sa.Uuid(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.CheckConstraint("starts_at < ends_at", name=op.f("ck_absence_period")),
        sa.ForeignKeyConstraint(
            ["practitioner_id"], ["practitioner.id"], name=op.f("fk_absence_practitioner_id_practitioner")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_absence")),
    )
    op.create_index("ix_absence_practitioner", "absence", ["practitioner_id", "starts_at"], unique=False)
    op.create_table(
        "appointment",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "proposed",
                "pending",
                "booked",
                "arrived",
                "checked-in",
                "fulfilled",
                "cancelled",
                "noshow",
                "entered-in-error",
                name="appointment_state",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("practitioner_id", sa.Uuid(), nullable=False),
        sa.Column("service_id", sa.Uuid(), nullable=False),
        sa.Column("facility_id", sa.Uuid(), nullable=False),
        sa.Column("room_id", sa.Uuid(), nullable=True),
        sa.Column(
            "mode",
            sa.Enum("in_person", "online", name="mode", native_enum=False, create_constraint=True, length=32),
            nullable=False,
        ),
        sa.Column("patient_id", sa.Uuid(), nullable=True),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("price_minor", sa.Integer(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("held_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("hold_key_hash", sa.Text(), nullable=True),
        sa.Column("any_practitioner", sa.Boolean(), nullable=False),
        sa.Column("patient_note", sa.Text(), nullable=False),
        sa.Column("booked_by_account_id", sa.Uuid(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("booked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cancelled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sequence", sa.Integer(), nullable=False),
        postgresql.ExcludeConstraint(
            (sa.literal_column("uuidrange(patient_id, patient_id, '[]')"), "&&"),
            (sa.literal_column("tstzrange(starts_at, ends_at)"), "&&"),
            where=sa.text(
                "state IN ('proposed', 'pending', 'booked', 'arrived', 'checked-in', 'fulfilled') AND patient_id IS NOT NULL"
            ),
            using="gist",
            name="ex_appointment_patient",
        ),
        postgresql.ExcludeConstraint(
            (sa.literal_column("uuidrange(practitioner_id, practitioner_id, '[]')"), "&&"),
            (sa.literal_column("tstzrange(starts_at, ends_at)"), "&&"),
            where=sa.text("state IN ('proposed', 'pending', 'booked', 'arrived', 'checked-in', 'fulfilled')"),
            using="gist",
            name="ex_appointment_practitioner",
        ),
        postgresql.ExcludeConstraint(
            (sa.literal_column("uuidrange(room_id, room_id, '[]')"), "&&"),
            (sa.literal_column("tstzrange(starts_at, ends_at)"), "&&"),
            where=sa.text(
                "state IN ('proposed', 'pending', 'booked', 'arrived', 'checked-in', 'fulfilled') AND room_id IS NOT NULL"
            ),
            using="gist",
            name="ex_appointment_room",
        ),
        sa.CheckConstraint("(mode = 'online') = (room_id IS NULL)", name=op.f("ck_appointment_room_unless_online")),
        sa.CheckConstraint(
            "(state = 'proposed') = (held_until IS NOT NULL)", name=op.f("ck_appointment_held_while_proposed")
        ),
        sa.CheckConstraint(
            "patient_id IS NOT NULL OR state IN ('proposed', 'cancelled')",
            name=op.f("ck_appointment_patient_once_booked"),
        ),
        sa.CheckConstraint("price_minor > 0", name=op.f("ck_appointment_price_positive")),
        sa.CheckConstraint("starts_at < ends_at", name=op.f("ck_appointment_period")),
        sa.ForeignKeyConstraint(
            ["booked_by_account_id"], ["account.id"], name=op.f("fk_appointment_booked_by_account_id_account")
        ),
        sa.ForeignKeyConstraint(["facility_id"], ["facility.id"], name=op.f("fk_appointment_facility_id_facility")),
        sa.ForeignKeyConstraint(["patient_id"], ["patient.id"], name=op.f("fk_appointment_patient_id_patient")),
        sa.ForeignKeyConstraint(
            ["practitioner_id"], ["practitioner.id"], name=op.f("fk_appointment_practitioner_id_practitioner")
        ),
        sa.ForeignKeyConstraint(["room_id"], ["room.id"], name=op.f("fk_appointment_room_id_room")),
        sa.ForeignKeyConstraint(["service_id"], ["service.id"], name=op.f("fk_appointment_service_id_service")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_appointment")),
        sa.UniqueConstraint("reference", name=op.f("uq_appointment_reference")),
    )
    op.create_index("ix_appointment_facility_starts", "appointment", ["facility_id", "starts_at"], unique=False)
    op.create_index(
        "ix_appointment_held_until",
        "appointment",
        ["held_until"],
        unique=False,
        postgresql_where=sa.text("state = 'proposed'"),
    )
    op.create_index(
        "ix_appointment_hold_key",
        "appointment",
        ["hold_key_hash"],
        unique=True,
        postgresql_where=sa.text("state = 'proposed'"),
    )
    op.create_index("ix_appointment_patient_starts", "appointment", ["patient_id", "starts_at"], unique=False)
    op.create_index("ix_appointment_practitioner_starts", "appointment", ["practitioner_id", "starts_at"], unique=False)
    op.create_table(
        "practitioner_service",
        sa.Column("practitioner_id", sa.Uuid(), nullable=False),
        sa.Column("service_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(
            ["practitioner_id"], ["practitioner.id"], name=op.f("fk_practitioner_service_practitioner_id_practitioner")
        ),
        sa.ForeignKeyConstraint(
            ["service_id"], ["service.id"], name=op.f("fk_practitioner_service_service_id_service")
        ),
        sa.PrimaryKeyConstraint("practitioner_id", "service_id", name=op.f("pk_practitioner_service")),
    )
    op.create_table(
        "weekly_hours",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("practitioner_id", sa.Uuid(), nullable=False),
        sa.Column("facility_id", sa.Uuid(), nullable=False),
        sa.Column("room_id", sa.Uuid(), nullable=True),
        sa.Column(
            "mode",
            sa.Enum("in_person", "online", name="mode", native_enum=False, create_constraint=True, length=32),
            nullable=False,
        ),
        sa.Column("weekday", sa.Integer(), nullable=False),
        sa.Column("starts_minute", sa.Integer(), nullable=False),
        sa.Column("ends_minute", sa.Integer(), nullable=False),
        sa.Column("valid_from", sa.Date(), nullable=False),
        sa.Column("valid_until", sa.Date(), nullable=True),
        postgresql.ExcludeConstraint(
            (sa.literal_column("uuidrange(practitioner_id, practitioner_id, '[]')"), "&&"),
            (sa.literal_column("int4range(weekday, weekday, '[]')"), "&&"),
            (sa.literal_column("int4range(starts_minute, ends_minute)"), "&&"),
            (sa.literal_column("daterange(valid_from, valid_until, '[]')"), "&&"),
            using="gist",
            name="ex_weekly_hours_practitioner",
        ),
        sa.CheckConstraint("(mode = 'online') = (room_id IS NULL)", name=op.f("ck_weekly_hours_room_unless_online")),
        sa.CheckConstraint(
            "0 <= starts_minute AND starts_minute < ends_minute AND ends_minute <= 1440",
            name=op.f("ck_weekly_hours_minutes"),
        ),
        sa.CheckConstraint("weekday BETWEEN 0 AND 6", name=op.f("ck_weekly_hours_weekday")),
        sa.ForeignKeyConstraint(["facility_id"], ["facility.id"], name=op.f("fk_weekly_hours_facility_id_facility")),
        sa.ForeignKeyConstraint(
            ["practitioner_id"], ["practitioner.id"], name=op.f("fk_weekly_hours_practitioner_id_practitioner")
        ),
        sa.ForeignKeyConstraint(["room_id"], ["room.id"], name=op.f("fk_weekly_hours_room_id_room")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_weekly_hours")),
    )
    op.create_index("ix_weekly_hours_facility", "weekly_hours", ["facility_id"], unique=False)
    op.create_table(
        "appointment_history",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("appointment_id", sa.Uuid(), nullable=False),
        sa.Column(
            "from_state",
            sa.Enum(
                "proposed",
                "pending",
                "booked",
                "arrived",
                "checked-in",
                "fulfilled",
                "cancelled",
                "noshow",
                "entered-in-error",
                name="from_state",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=True,
        ),
        sa.Column(
            "to_state",
            sa.Enum(
                "proposed",
                "pending",
                "booked",
                "arrived",
                "checked-in",
                "fulfilled",
                "cancelled",
                "noshow",
                "entered-in-error",
                name="to_state",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=True),
        sa.Column("actor_name", sa.Text(), nullable=False),
        sa.Column("patient_id", sa.Uuid(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_appointment_history_account_id_account")),
        sa.ForeignKeyConstraint(
            ["appointment_id"], ["appointment.id"], name=op.f("fk_appointment_history_appointment_id_appointment")
        ),
        sa.ForeignKeyConstraint(["patient_id"], ["patient.id"], name=op.f("fk_appointment_history_patient_id_patient")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_appointment_history")),
    )
    op.create_index("ix_appointment_history_appointment", "appointment_history", ["appointment_id", "id"], unique=False)
    op.create_table(
        "ticket",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("facility_id", sa.Uuid(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column(
            "state",
            sa.Enum(
                "waiting",
                "called",
                "in_room",
                "done",
                "left",
                name="ticket_state",
                native_enum=False,
                create_constraint=True,
                length=32,
            ),
            nullable=False,
        ),
        sa.Column("appointment_id", sa.Uuid(), nullable=True),
        sa.Column("patient_id", sa.Uuid(), nullable=False),
        sa.Column("practitioner_id", sa.Uuid(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("minutes", sa.Integer(), nullable=False),
        sa.Column("arrived_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("called_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("calls", sa.Integer(), nullable=False),
        sa.Column("entered_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("room_id", sa.Uuid(), nullable=True),
        sa.Column("wait_from_minutes", sa.Integer(), nullable=True),
        sa.Column("wait_to_minutes", sa.Integer(), nullable=True),
        sa.CheckConstraint(
            "state = 'waiting' OR state = 'left' OR called_at IS NOT NULL", name=op.f("ck_ticket_called_before_room")
        ),
        sa.CheckConstraint("wait_from_minutes <= wait_to_minutes", name=op.f("ck_ticket_wait_range")),
        sa.CheckConstraint(
            "wait_from_minutes IS NULL OR 0 <= wait_from_minutes", name=op.f("ck_ticket_wait_not_negative")
        ),
        sa.ForeignKeyConstraint(
            ["appointment_id"], ["appointment.id"], name=op.f("fk_ticket_appointment_id_appointment")
        ),
        sa.ForeignKeyConstraint(["facility_id"], ["facility.id"], name=op.f("fk_ticket_facility_id_facility")),
        sa.ForeignKeyConstraint(["patient_id"], ["patient.id"], name=op.f("fk_ticket_patient_id_patient")),
        sa.ForeignKeyConstraint(
            ["practitioner_id"], ["practitioner.id"], name=op.f("fk_ticket_practitioner_id_practitioner")
        ),
        sa.ForeignKeyConstraint(["room_id"], ["room.id"], name=op.f("fk_ticket_room_id_room")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ticket")),
        sa.UniqueConstraint("appointment_id", name=op.f("uq_ticket_appointment_id")),
        sa.UniqueConstraint("facility_id", "day", "code", name=op.f("uq_ticket_facility_id_day_code")),
        sa.UniqueConstraint("facility_id", "day", "number", name=op.f("uq_ticket_facility_id_day_number")),
    )
    op.create_index("ix_ticket_facility_day", "ticket", ["facility_id", "day", "state"], unique=False)
    op.create_index(
        "uq_ticket_room_in_use",
        "ticket",
        ["room_id", "day"],
        unique=True,
        postgresql_where=sa.text("state = 'in_room'"),
    )
    op.execute(
        """
        CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
        END $$
        """
    )
    for table in APPEND_ONLY:
        op.execute(
            f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON {table}"
            " FOR EACH ROW EXECUTE FUNCTION refuse_change()"
        )


def downgrade() -> None:
    op.drop_index("uq_ticket_room_in_use", table_name="ticket", postgresql_where=sa.text("state = 'in_room'"))
    op.drop_index("ix_ticket_facility_day", table_name="ticket")
    op.drop_table("ticket")
    op.drop_index("ix_appointment_history_appointment", table_name="appointment_history")
    op.drop_table("appointment_history")
    op.drop_index("ix_weekly_hours_facility", table_name="weekly_hours")
    op.drop_table("weekly_hours")
    op.drop_table("practitioner_service")
    op.drop_index("ix_appointment_practitioner_starts", table_name="appointment")
    op.drop_index("ix_appointment_patient_starts", table_name="appointment")
    op.drop_index("ix_appointment_hold_key", table_name="appointment", postgresql_where=sa.text("state = 'proposed'"))
    op.drop_index("ix_appointment_held_until", table_name="appointment", postgresql_where=sa.text("state = 'proposed'"))
    op.drop_index("ix_appointment_facility_starts", table_name="appointment")
    op.drop_table("appointment")
    op.drop_index("ix_absence_practitioner", table_name="absence")
    op.drop_table("absence")
    op.drop_index("uq_screen_pairing_code", table_name="screen", postgresql_where=sa.text("pairing_code IS NOT NULL"))
    op.drop_index("ix_screen_facility", table_name="screen")
    op.drop_table("screen")
    op.drop_table("room")
    op.drop_index(
        "uq_relationship_one_self_per_account", table_name="relationship", postgresql_where=sa.text("kind = 'self'")
    )
    op.drop_index("ix_relationship_patient", table_name="relationship")
    op.drop_table("relationship")
    op.drop_table("queue")
    op.drop_table("practitioner")
    op.drop_index("ix_one_time_code_account_purpose", table_name="one_time_code")
    op.drop_table("one_time_code")
    op.drop_table("facility_staff")
    op.drop_table("closure")
    op.drop_index("ix_audit_entry_subject", table_name="audit_entry")
    op.drop_table("audit_entry")
    op.drop_index("ix_account_session_account", table_name="account_session")
    op.drop_table("account_session")
    op.drop_table("service")
    op.drop_index("ix_patient_family_name", table_name="patient")
    op.drop_table("patient")
    op.drop_index("ix_message_subject", table_name="message")
    op.drop_index(
        "ix_message_due",
        table_name="message",
        postgresql_where=sa.text("state IN ('queued', 'retry_wait', 'in_flight')"),
    )
    op.drop_table("message")
    op.drop_table("guess_throttle")
    op.drop_table("facility")
    op.drop_table("account")
    op.execute("DROP FUNCTION refuse_change()")
    op.execute("DROP TYPE uuidrange")
