"""What tests of accounts share: filled-in forms, and the codes that were sent."""

from dataclasses import replace
from datetime import date
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from clinic_portal.accounts.models import Account, OneTimeCode
from clinic_portal.accounts.rules import CodePurpose, code_digits
from clinic_portal.accounts.use_cases.register_account import Registration
from clinic_portal.notifications.models import Message
from tests.support.page import Page, PortalClient

EMAIL = "nina@example.org"
PHONE = "+351912345678"
GOOD_PASSWORD = "violeta janela comboio"

REGISTRATION = Registration(
    email=EMAIL,
    phone=PHONE,
    given_name="Nina",
    family_name="Faria",
    birth_date=date(1990, 3, 31),
    language="en",
    password=GOOD_PASSWORD,
)


def registration(**changes: object) -> Registration:
    return replace(REGISTRATION, **changes)  # type: ignore[arg-type]


def filled(page: Page, **changes: str) -> dict[str, str]:
    """The registration form as somebody sends it."""
    typed = {
        "given_name": "Nina",
        "family_name": "Faria",
        "birth_date-day": "31",
        "birth_date-month": "3",
        "birth_date-year": "1990",
        "email": EMAIL,
        "phone": "912 345 678",
        "language": "en",
        "password": GOOD_PASSWORD,
    }
    return page.fields() | typed | {name.replace("__", "-"): value for name, value in changes.items()}


def send(client: PortalClient, path: str, form: int = -1, *, status: int = 200, **typed: str) -> Page:
    """Open a page, fill its form and send it."""
    fields = client.page(path).fields(form) | {name.replace("__", "-"): value for name, value in typed.items()}
    return client.page(path, method="POST", data=fields, status=status)


def post(client: PortalClient, path: str, *, form_page: str | None = None, **typed: str) -> int:
    """Send a form without following the answer; return its status."""
    token = client.page(form_page or path).fields()["csrf_token"]
    return client.post(path, data={"csrf_token": token, **typed}).status_code


def account_of(db: Session, email: str = EMAIL) -> Account:
    return db.scalars(select(Account).where(Account.email == email).execution_options(populate_existing=True)).one()


def codes_of(db: Session, email: str, purpose: CodePurpose) -> list[OneTimeCode]:
    """The account's codes of a purpose, the newest last."""
    return list(
        db.scalars(
            select(OneTimeCode)
            .join(Account, Account.id == OneTimeCode.account_id)
            .where(Account.email == email, OneTimeCode.purpose == purpose)
            .order_by(OneTimeCode.created_at, OneTimeCode.id)
            .execution_options(populate_existing=True)
        )
    )


def newest_digits(
    db: Session, secret_key: str, email: str = EMAIL, purpose: CodePurpose = CodePurpose.CONFIRM_EMAIL
) -> str:
    return code_digits(secret_key, codes_of(db, email, purpose)[-1].id)


def wrong_digits(right: str) -> str:
    return f"{(int(right) + 1) % 1_000_000:06d}"


def queued(db: Session, subject_id: UUID) -> list[tuple[str, str]]:
    """Kind and channel of the messages about something."""
    rows = db.execute(
        select(Message.kind, Message.channel).where(Message.subject_id == subject_id).order_by(Message.kind)
    )
    return [(kind, channel.value) for kind, channel in rows]


def register_in_browser(client: PortalClient, path: str = "/register", **changes: str) -> Page:
    page = client.page(path)
    return client.page(path, method="POST", data=filled(page, **changes))
