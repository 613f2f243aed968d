"""The person who is treated."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import Index, SmallInteger, text
from sqlalchemy.orm import Mapped, mapped_column

from clinic_portal.core.db import Base, state_type
from clinic_portal.core.ids import new_id
from clinic_portal.patients.rules import DisplayChoice

#: What a search takes for the same letter.
ACCENTED, PLAIN = "áàâãäåéèêëíìîïóòôõöúùûüçñý", "aaaaaaeeeeiiiiooooouuuucny"
#: A name, accents and case aside; as PostgreSQL writes it, so that a change of it is noticed.
PLAIN_NAME = f"translate(lower((given_name || ' '::text) || family_name), '{ACCENTED}'::text, '{PLAIN}'::text)"


class Patient(Base):
    """Somebody who is treated; a child or a relative has no account of their own."""

    __tablename__ = "patient"
    __table_args__ = (
        Index("ix_patient_family_name", "family_name", "given_name"),
        # Two presses, or two desks, write somebody down once.
        Index(
            "ix_patient_namesake", "birth_date", text(PLAIN_NAME), "namesake", unique=True,
            info={"error": "patient.known"},
        ),
    )  # fmt: skip

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
    #: Which of those with this name and birth date whom staff wrote down, from 0 on. None: staff did not.
    namesake: Mapped[int | None] = mapped_column(SmallInteger)

    @property
    def full_name(self) -> str:
        """Given and family name."""
        return f"{self.given_name} {self.family_name}"
