"""The vendor is told whose phones want SMS again."""

from dataclasses import dataclass
from datetime import timedelta

import pytest
from sqlalchemy import select

from clinic_portal.core.db import transaction
from clinic_portal.notifications.delivery import Senders
from clinic_portal.notifications.models import StoppedAddress
from clinic_portal.notifications.queries import sms_stop, stopped_numbers
from clinic_portal.notifications.steps import note_stop
from clinic_portal.notifications.use_cases.opt_in_numbers import opt_in_numbers
from clinic_portal.notifications.use_cases.read_stops import read_stops
from clinic_portal.providers.sms.inbox import InboxSmsSender
from tests.notifications.conftest import Post, make_person
from tests.providers.servers import LISTED_STOP, CannedAws, sns_error, sns_list

#: What SNS says to a second time within 30 days.
REFUSED = "InvalidParameter"


def ask(post: Post, number: str = LISTED_STOP) -> None:
    with transaction(post.db):
        note_stop(post.db, post.clock, number)
        row = post.db.get_one(StoppedAddress, ("sms", number), populate_existing=True)
        row.asked_at = post.clock.now()


def test_the_vendor_lets_the_phone_in_and_texts_go_there(post: Post, sns: Senders) -> None:
    make_person(post.db, phone=LISTED_STOP)
    ask(post)
    assert LISTED_STOP in sns.sms.opted_out(timeout_s=30)
    assert opt_in_numbers(post.db, post.clock, sender=sns.sms) == 1
    assert LISTED_STOP not in sns.sms.opted_out(timeout_s=30)
    assert not stopped_numbers(post.db, [LISTED_STOP])
    row = post.db.scalars(select(StoppedAddress)).one()
    assert (row.opted_in_at, row.asked_at, row.error_code) == (post.clock.now(), None, None)
    assert opt_in_numbers(post.db, post.clock, sender=sns.sms) == 0


def test_nobody_is_let_in_who_did_not_ask(post: Post, sns: Senders) -> None:
    with transaction(post.db):
        note_stop(post.db, post.clock, LISTED_STOP)
    assert opt_in_numbers(post.db, post.clock, sender=sns.sms) == 0
    assert LISTED_STOP in sns.sms.opted_out(timeout_s=30)


@pytest.mark.parametrize(("status", "code", "is_asked_again"), [(429, "Throttled", True), (400, REFUSED, False)])
def test_a_refusal_is_told_and_an_outage_is_tried_again(
    post: Post, canned_aws: CannedAws, status: int, code: str, is_asked_again: bool
) -> None:
    ask(post)
    canned_aws.status, canned_aws.body = status, sns_error(code)
    assert opt_in_numbers(post.db, post.clock, sender=canned_aws.sender) == 0
    stop = sms_stop(post.db, post.clock, LISTED_STOP)
    assert stop is not None
    assert (stop.is_asked, stop.is_refused) == (is_asked_again, not is_asked_again)
    opt_in_numbers(post.db, post.clock, sender=canned_aws.sender)
    assert canned_aws.actions == ["OptInPhoneNumber"] * (2 if is_asked_again else 1)


def test_a_worker_that_died_after_the_vendor_did_it_is_put_right_by_the_list(post: Post, canned_aws: CannedAws) -> None:
    # It asks a second time, which the vendor refuses: the phone is in already.
    make_person(post.db, phone=LISTED_STOP)
    ask(post)
    canned_aws.answers = {
        "OptInPhoneNumber": [(400, sns_error(REFUSED))],
        "ListPhoneNumbersOptedOut": [(200, sns_list())],
    }
    post.clock.at += timedelta(hours=2)
    opt_in_numbers(post.db, post.clock, sender=canned_aws.sender)
    assert sms_stop(post.db, post.clock, LISTED_STOP) is not None
    read_stops(post.db, post.clock, sender=canned_aws.sender)
    assert sms_stop(post.db, post.clock, LISTED_STOP) is None


@dataclass
class OvertakenSender(InboxSmsSender):
    """While the vendor is asked, somebody else reads that the phone is in again."""

    post: Post

    def __post_init__(self) -> None:
        super().__init__(folder=self.post.settings.inbox_folder, now=self.post.clock.now)

    def opt_in(self, number: str, *, timeout_s: float) -> None:
        super().opt_in(number, timeout_s=timeout_s)
        with transaction(self.post.db):
            self.post.db.get_one(StoppedAddress, ("sms", number)).open_again(now=self.post.clock.now())


def test_a_phone_that_somebody_opened_meanwhile_keeps_what_is_known(post: Post) -> None:
    ask(post)
    assert opt_in_numbers(post.db, post.clock, sender=OvertakenSender(post)) == 1
    assert post.db.scalars(select(StoppedAddress.opted_in_at)).one() is None
