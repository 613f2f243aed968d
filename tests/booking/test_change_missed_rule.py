"""The clinic's rule about missed visits."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from clinic_portal.booking.queries.missed import MissedRule, missed_rule
from clinic_portal.core.audit import AuditEntry
from tests.support.cast import Cast


def test_an_administrator_sets_it_and_takes_it_back(db: Session, cast: Cast) -> None:
    browser = cast.browser(cast.administrator)
    page = browser.page("/admin/missed-visits")
    assert "Missed visits limit nobody now." in page.text
    fields = page.fields()
    assert (fields["noshow_limit"], fields["noshow_days"]) == ("", "180")
    assert browser.post("/admin/missed-visits", data=fields | {"noshow_limit": "3"}).status_code == 303
    assert missed_rule(db) == MissedRule(3, 180)
    text = browser.page("/admin/missed-visits").text
    assert "A patient who missed 3 visits in the last 180 days books by phone only." in text
    browser.post("/admin/missed-visits", data=fields)
    assert missed_rule(db) == MissedRule(None, 180)
    entries = db.scalars(select(AuditEntry).where(AuditEntry.action == "missed_rule.changed").order_by(AuditEntry.id))
    assert [entry.detail["limit"] for entry in entries] == ["3", ""]


def test_what_cannot_be_is_refused_and_kept(cast: Cast) -> None:
    browser = cast.browser(cast.administrator)
    wrong = {"noshow_limit": "21", "noshow_days": "0"}
    fields = browser.page("/admin/missed-visits").fields() | wrong
    page = browser.page("/admin/missed-visits", method="POST", status=422, data=fields)
    assert page.text.count("Enter a number from 1 to 20") == 2
    assert {name: page.fields()[name] for name in wrong} == wrong
