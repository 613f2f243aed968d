"""Relationships between accounts and patients."""

from datetime import date
from uuid import UUID

from sqlalchemy import ForeignKey, Index, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from clinic_portal.core.db import Base, state_type
from clinic_portal.core.ids import new_id
from clinic_portal.dependents.rules import RelationshipKind


class Relationship(Base):
    """One account may act for one patient."""

    __tablename__ = "relationship"
    __table_args__ = (
        UniqueConstraint("account_id", "patient_id"),
        Index(
            "uq_relationship_one_self_per_account",
            "account_id",
            unique=True,
            postgresql_where=text("kind = 'self'"),
            info={"error": "relationship.self_exists"},
        ),
        Index("ix_relationship_patient", "patient_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    account_id: Mapped[UUID] = mapped_column(ForeignKey("account.id"))
    patient_id: Mapped[UUID] = mapped_column(ForeignKey("patient.id"))
    kind: Mapped[RelationshipKind] = mapped_column(state_type(RelationshipKind))
    can_book: Mapped[bool] = mapped_column(default=True)
    can_see_records: Mapped[bool] = mapped_column(default=True)
    can_see_prescriptions: Mapped[bool] = mapped_column(default=True)
    can_pay: Mapped[bool] = mapped_column(default=True)
    #: The last day on which the rights hold; None is until further notice.
    ends_on: Mapped[date | None]
