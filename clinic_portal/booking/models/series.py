"""Sessions that were booked together."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from clinic_portal.core.db import Base
from clinic_portal.core.ids import new_id


class Series(Base):
    """Sessions that were booked together, with one practitioner. Its visits name it; each lives on by itself."""

    __tablename__ = "series"
    __table_args__ = (
        CheckConstraint("per_week BETWEEN 1 AND 2", name="per_week_sane"),
        CheckConstraint("planned BETWEEN 1 AND 20", name="planned_sane"),
        Index("ix_series_patient", "patient_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    patient_id: Mapped[UUID] = mapped_column(ForeignKey("patient.id"))
    service_id: Mapped[UUID] = mapped_column(ForeignKey("service.id"))
    practitioner_id: Mapped[UUID] = mapped_column(ForeignKey("practitioner.id"))
    facility_id: Mapped[UUID] = mapped_column(ForeignKey("facility.id"))
    #: Who booked it; for a child, the parent.
    account_id: Mapped[UUID | None] = mapped_column(ForeignKey("account.id"))
    created_at: Mapped[datetime]
    #: How many sessions a week were wished.
    per_week: Mapped[int]
    #: How many sessions were booked at first.
    planned: Mapped[int]
    #: Counts what was said about all of it: a message each.
    version: Mapped[int] = mapped_column(default=0)
