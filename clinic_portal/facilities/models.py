"""Sites, rooms, services and closed days."""

from datetime import date, timedelta
from uuid import UUID

from sqlalchemy import CheckConstraint, ForeignKey, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from clinic_portal.core.db import Base, state_type
from clinic_portal.core.ids import new_id
from clinic_portal.core.modes import Modes
from clinic_portal.core.money import Money
from clinic_portal.core.text import LocalizedText
from clinic_portal.facilities.rules import BookingRules, Direction


class Facility(Base):
    """A site of the clinic."""

    __tablename__ = "facility"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    #: In URLs: "lisbon".
    slug: Mapped[str] = mapped_column(unique=True)
    #: What patients call it, per language: "Lisbon", "Lisboa".
    names: Mapped[LocalizedText] = mapped_column(JSONB)
    street: Mapped[str]
    postal_code: Mapped[str]
    city: Mapped[str]
    #: ISO 3166-1 alpha-2, and the region code that the `holidays` package knows (or None).
    country: Mapped[str]
    region: Mapped[str | None]
    #: IANA zone: its opening hours are on this wall clock, and so is every time that a page or message shows.
    tz: Mapped[str]
    #: E.164.
    phone: Mapped[str]
    #: How to find the place, per language.
    directions: Mapped[LocalizedText] = mapped_column(JSONB, default=dict)
    #: Whether it is closed on the public holidays of its country and region.
    observes_holidays: Mapped[bool] = mapped_column(default=True)


class FacilityStaff(Base):
    """Who works at which front desk. Elsewhere the desk does not exist for them."""

    __tablename__ = "facility_staff"

    facility_id: Mapped[UUID] = mapped_column(ForeignKey("facility.id"), primary_key=True)
    account_id: Mapped[UUID] = mapped_column(ForeignKey("account.id"), primary_key=True)


class Room(Base):
    """A room in which patients are seen."""

    __tablename__ = "room"
    __table_args__ = (UniqueConstraint("facility_id", "name"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    facility_id: Mapped[UUID] = mapped_column(ForeignKey("facility.id"))
    #: What stands on the door: "1", "2", "Gym". Pages say "Room 1".
    name: Mapped[str]
    direction: Mapped[Direction] = mapped_column(state_type(Direction))


class Service(Base):
    """What can be booked."""

    __tablename__ = "service"
    __table_args__ = (
        CheckConstraint("minutes BETWEEN 5 AND 480", name="minutes_sane"),
        CheckConstraint("price_minor > 0", name="price_positive"),
        CheckConstraint(
            "buffer_before_minutes BETWEEN 0 AND 120 AND buffer_after_minutes BETWEEN 0 AND 120", name="buffers_sane"
        ),
        CheckConstraint("notice_minutes BETWEEN 0 AND 20160", name="notice_sane"),
        CheckConstraint("horizon_days BETWEEN 1 AND 365", name="horizon_sane"),
        CheckConstraint("change_cutoff_minutes BETWEEN 0 AND 10080", name="cutoff_sane"),
        CheckConstraint("visits_per_day BETWEEN 1 AND 10", name="visits_per_day_sane"),
        CheckConstraint("series_max BETWEEN 2 AND 20", name="series_max_sane"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    slug: Mapped[str] = mapped_column(unique=True)
    names: Mapped[LocalizedText] = mapped_column(JSONB)
    #: One sentence that a patient understands.
    summaries: Mapped[LocalizedText] = mapped_column(JSONB, default=dict)
    #: How to prepare, what to bring.
    preparations: Mapped[LocalizedText] = mapped_column(JSONB, default=dict)
    minutes: Mapped[int]
    price_minor: Mapped[int]
    currency: Mapped[str] = mapped_column(default="EUR")
    #: Order on the page where a patient chooses.
    position: Mapped[int] = mapped_column(default=0)
    is_bookable: Mapped[bool] = mapped_column(default=True)
    # What `BookingRules` says of each.
    buffer_before_minutes: Mapped[int] = mapped_column(default=0)
    buffer_after_minutes: Mapped[int] = mapped_column(default=0)
    notice_minutes: Mapped[int] = mapped_column(default=60)
    horizon_days: Mapped[int] = mapped_column(default=90)
    change_cutoff_minutes: Mapped[int] = mapped_column(default=0)
    visits_per_day: Mapped[int | None]
    series_max: Mapped[int | None]
    modes: Mapped[Modes] = mapped_column(state_type(Modes, "modes"), default=Modes.BOTH, server_default=Modes.BOTH)

    @property
    def rules(self) -> BookingRules:
        """What it asks of those who book it."""
        return BookingRules(
            before=timedelta(minutes=self.buffer_before_minutes),
            after=timedelta(minutes=self.buffer_after_minutes),
            notice=timedelta(minutes=self.notice_minutes),
            horizon_days=self.horizon_days,
            change_cutoff=timedelta(minutes=self.change_cutoff_minutes),
            visits_per_day=self.visits_per_day,
            series_max=self.series_max,
            modes=self.modes,
        )

    @property
    def price(self) -> Money:
        """The price as money."""
        return Money(self.price_minor, self.currency)


class Closure(Base):
    """A day on which a facility is closed although it is no public holiday."""

    __tablename__ = "closure"

    facility_id: Mapped[UUID] = mapped_column(ForeignKey("facility.id"), primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    reason: Mapped[str]


class OpenHoliday(Base):
    """A public holiday on which a facility is open all the same."""

    __tablename__ = "open_holiday"

    facility_id: Mapped[UUID] = mapped_column(ForeignKey("facility.id"), primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
