"""When periodic jobs ran last, so that a scheduler that stands still is noticed."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from clinic_portal.core.clock import Clock
from clinic_portal.core.db import Base, transaction


class Heartbeat(Base):
    """One periodic job, by its name."""

    __tablename__ = "heartbeat"

    job: Mapped[str] = mapped_column(primary_key=True)
    #: When it finished last without an error.
    at: Mapped[datetime]


def beat(db: Session, clock: Clock, job: str) -> None:
    """Write down, in a transaction of its own, that the job has just run through."""
    with transaction(db):
        statement = insert(Heartbeat).values(job=job, at=clock.now())
        db.execute(statement.on_conflict_do_update(index_elements=["job"], set_={"at": statement.excluded.at}))


def last_beat(db: Session, job: str) -> datetime | None:
    """Return when the job ran through last; None: never."""
    return db.scalar(select(Heartbeat.at).where(Heartbeat.job == job))
