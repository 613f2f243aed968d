"""The person who is treated."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import Index
from sqlalchemy.orm import Mapped, mapped_column

from clinic_portal.core.db import Base, state_type
from clinic_portal.core.ids import new_id
from clinic_portal.patients.rules import DisplayChoice


class Patient(Base):
    """Somebody who is treated; a child or a relative has no account of their own."""

    __tablename__ = "patient"
    __table_args__ = (Index("ix_patient_family_name", "family_name", "given_name"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    given_name: Mapped[str]
    family_name: Mapped[str]
    birth_date: Mapped[date]
    #: E.164. None for a child: messages then go to who acts for them.
    phone: Mapped[str | None]
    email: Mapped[str | None]
    language: Mapped[str]
    display_choice: Mapped[DisplayChoice] = mapped_column(
        state_type(DisplayChoice), default=DisplayChoice.FIRST_INITIAL
    )
    created_at: Mapped[datetime]

    @property
    def full_name(self) -> str:
        """Given and family name."""
        return f"{self.given_name} {self.family_name}"
