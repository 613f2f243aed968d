"""The audit log: who did what to whose data. Append-only; the database refuses changes (trigger in the migration)."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, Session, mapped_column

from clinic_portal.core.actor import Actor
from clinic_portal.core.clock import Clock
from clinic_portal.core.db import Base
from clinic_portal.core.ids import new_id


class AuditEntry(Base):
    """One act."""

    __tablename__ = "audit_entry"
    __table_args__ = (Index("ix_audit_entry_subject", "subject_kind", "subject_id", "at"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    at: Mapped[datetime]
    #: None for the system; `actor_name` then says which job.
    account_id: Mapped[UUID | None] = mapped_column(ForeignKey("account.id"))
    actor_name: Mapped[str]
    actor_role: Mapped[str]
    #: Verb and noun, for example "screen.paired".
    action: Mapped[str]
    subject_kind: Mapped[str]
    subject_id: Mapped[UUID | None]
    #: Ids and codes only, never clinical text.
    detail: Mapped[dict[str, str]] = mapped_column(JSONB, default=dict)


def record(
    db: Session,
    clock: Clock,
    *,
    actor: Actor,
    action: str,
    subject_kind: str,
    subject_id: UUID | None,
    **detail: str,
) -> None:
    """Write one line of the audit log in the running transaction."""
    db.add(
        AuditEntry(
            at=clock.now(),
            account_id=actor.account_id,
            actor_name=actor.name,
            actor_role=actor.role.value,
            action=action,
            subject_kind=subject_kind,
            subject_id=subject_id,
            detail=detail,
        )
    )
