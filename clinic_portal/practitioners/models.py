"""Doctors and therapists and when they work."""

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, Index, literal_column
from sqlalchemy.dialects.postgresql import ExcludeConstraint
from sqlalchemy.orm import Mapped, mapped_column

from clinic_portal.core.db import Base, state_type
from clinic_portal.core.ids import new_id
from clinic_portal.core.modes import Mode


class Practitioner(Base):
    """Somebody who treats patients."""

    __tablename__ = "practitioner"
    __table_args__ = (
        CheckConstraint(
            "meeting_url ~ '^https://[^[:space:]]+$' AND length(meeting_url) <= 300", name="meeting_url_https"
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    #: Whose sign-in this is; None for somebody without one.
    account_id: Mapped[UUID | None] = mapped_column(ForeignKey("account.id"), unique=True)
    #: "Dr.", "Dra." or empty.
    prefix: Mapped[str] = mapped_column(default="")
    given_name: Mapped[str]
    family_name: Mapped[str]
    is_active: Mapped[bool] = mapped_column(default=True)
    #: Where patients meet them online; None: they phone their patients.
    meeting_url: Mapped[str | None]

    @property
    def full_name(self) -> str:
        """Prefix, given and family name."""
        return " ".join(part for part in (self.prefix, self.given_name, self.family_name) if part)


class PractitionerService(Base):
    """A service that a practitioner gives."""

    __tablename__ = "practitioner_service"

    practitioner_id: Mapped[UUID] = mapped_column(ForeignKey("practitioner.id"), primary_key=True)
    service_id: Mapped[UUID] = mapped_column(ForeignKey("service.id"), primary_key=True)


class WeeklyHours(Base):
    """A stretch of one weekday on which a practitioner works, on the facility's wall clock."""

    __tablename__ = "weekly_hours"
    __table_args__ = (
        CheckConstraint("weekday BETWEEN 0 AND 6", name="weekday"),
        CheckConstraint("0 <= starts_minute AND starts_minute < ends_minute AND ends_minute <= 1440", name="minutes"),
        CheckConstraint("mode <> 'online' OR room_id IS NULL", name="no_room_online"),
        ExcludeConstraint(
            (literal_column("uuidrange(practitioner_id, practitioner_id, '[]')"), "&&"),
            (literal_column("int4range(weekday, weekday, '[]')"), "&&"),
            (literal_column("int4range(starts_minute, ends_minute)"), "&&"),
            (literal_column("daterange(valid_from, valid_until, '[]')"), "&&"),
            name="ex_weekly_hours_practitioner",
            info={"error": "weekly_hours.overlap"},
        ),
        Index("ix_weekly_hours_facility", "facility_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    practitioner_id: Mapped[UUID] = mapped_column(ForeignKey("practitioner.id"))
    facility_id: Mapped[UUID] = mapped_column(ForeignKey("facility.id"))
    #: None when online, and in person: any room of the facility that is free.
    room_id: Mapped[UUID | None] = mapped_column(ForeignKey("room.id"))
    mode: Mapped[Mode] = mapped_column(state_type(Mode))
    #: 0 is Monday.
    weekday: Mapped[int]
    #: Minutes after midnight on the wall clock; the end is not included.
    starts_minute: Mapped[int]
    ends_minute: Mapped[int]
    valid_from: Mapped[date]
    #: The last day; None is until further notice.
    valid_until: Mapped[date | None]


class ExtraHours(Base):
    """Hours of one day beside the weekly ones, on the facility's wall clock."""

    __tablename__ = "extra_hours"
    __table_args__ = (
        CheckConstraint("0 <= starts_minute AND starts_minute < ends_minute AND ends_minute <= 1440", name="minutes"),
        CheckConstraint("mode <> 'online' OR room_id IS NULL", name="no_room_online"),
        ExcludeConstraint(
            (literal_column("uuidrange(practitioner_id, practitioner_id, '[]')"), "&&"),
            (literal_column("daterange(day, day, '[]')"), "&&"),
            (literal_column("int4range(starts_minute, ends_minute)"), "&&"),
            name="ex_extra_hours_practitioner",
            info={"error": "extra_hours.overlap"},
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    practitioner_id: Mapped[UUID] = mapped_column(ForeignKey("practitioner.id"))
    facility_id: Mapped[UUID] = mapped_column(ForeignKey("facility.id"))
    #: None when online, and in person: any room of the facility that is free.
    room_id: Mapped[UUID | None] = mapped_column(ForeignKey("room.id"))
    mode: Mapped[Mode] = mapped_column(state_type(Mode))
    day: Mapped[date]
    #: Minutes after midnight on the wall clock; the end is not included.
    starts_minute: Mapped[int]
    ends_minute: Mapped[int]


class Absence(Base):
    """A stretch of time in which a practitioner does not work although the weekly hours say so."""

    __tablename__ = "absence"
    __table_args__ = (
        CheckConstraint("starts_at < ends_at", name="period"),
        Index("ix_absence_practitioner", "practitioner_id", "starts_at"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    practitioner_id: Mapped[UUID] = mapped_column(ForeignKey("practitioner.id"))
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    #: For staff only.
    reason: Mapped[str]
