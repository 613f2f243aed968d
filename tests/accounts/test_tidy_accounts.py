"""What nobody needs any more is forgotten after a month."""

from datetime import timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from clinic_portal.accounts import jobs
from clinic_portal.accounts.models import Account, AccountSession, GuessThrottle, OneTimeCode
from clinic_portal.accounts.steps import end_sessions
from clinic_portal.accounts.use_cases.register_account import register_account
from clinic_portal.accounts.use_cases.tidy_accounts import tidy_accounts
from clinic_portal.core.clock import FixedClock
from clinic_portal.core.ids import AccountId
from clinic_portal.core.settings import Settings
from tests.accounts.helpers import EMAIL, registration
from tests.support.cast import Cast


def counts(db: Session) -> list[int | None]:
    tables = (AccountSession, OneTimeCode, GuessThrottle)
    numbers = [db.scalar(select(func.count()).select_from(table)) for table in tables]
    return [*numbers, db.scalar(select(func.count()).select_from(Account).where(Account.email == EMAIL))]


def test_only_what_is_older_than_a_month_goes(cast: Cast, db: Session, clock: FixedClock, settings: Settings) -> None:
    register_account(db, clock, registration=registration(), secret_key=settings.secret_key)
    cast.browser(cast.patient)
    end_sessions(db, clock, account_id=AccountId(cast.patient.id))
    cast.browser(cast.patient)
    cast.doctor.email_confirmed_at = None
    db.commit()
    tidy_accounts(db, clock)
    assert counts(db) == [2, 1, 1, 1]
    clock.advance(timedelta(days=30, minutes=11))
    tidy_accounts(db, clock)
    assert counts(db) == [1, 0, 0, 0]
    clock.advance(timedelta(days=30))
    tidy_accounts(db, clock)
    tidy_accounts(db, clock)
    assert counts(db) == [0, 0, 0, 0]
    assert db.get(Account, cast.patient.id) is not None
    assert db.get(Account, cast.doctor.id) is not None


def test_the_job_tidies(cast: Cast, db: Session, clock: FixedClock) -> None:
    cast.browser(cast.patient)
    clock.advance(timedelta(days=61))
    jobs.tidy_accounts()
    assert counts(db) == [0, 0, 0, 0]
