"""The vendor is told whose phones want SMS again."""

from dataclasses import dataclass, field
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
from clinic_portal.providers.base import Accepted
from clinic_portal.providers.errors import ProviderError
from tests.notifications.conftest import Post, make_person
from tests.providers.servers import LISTED_STOP


@dataclass
class RefusingSender:
    """A vendor that lets nobody in."""

    retryable: bool
    asked: list[str] = field(default_factory=list)

    name = "refusing"
    deduplicates = True

    def send(self, *_args: object, **_options: object) -> Accepted:
        raise NotImplementedError

    def opted_out(self, *, timeout_s: float) -> frozenset[str]:
        return frozenset()

    def opt_in(self, number: str, *, timeout_s: float) -> None:
        self.asked.append(number)
        raise ProviderError("sms.throttled" if self.retryable else "sms.opt_in_refused", retryable=self.retryable)


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


@pytest.mark.parametrize("retryable", [True, False])
def test_a_refusal_is_told_and_an_outage_is_tried_again(post: Post, retryable: bool) -> None:
    ask(post)
    vendor = RefusingSender(retryable)
    assert opt_in_numbers(post.db, post.clock, sender=vendor) == 0
    stop = sms_stop(post.db, post.clock, LISTED_STOP)
    assert stop is not None
    assert (stop.is_asked, stop.is_refused) == (retryable, not retryable)
    opt_in_numbers(post.db, post.clock, sender=vendor)
    assert len(vendor.asked) == (2 if retryable else 1)


def test_a_worker_that_died_after_the_vendor_did_it_is_put_right_by_the_list(post: Post) -> None:
    # It asks a second time, which the vendor refuses: the phone is in already.
    make_person(post.db, phone=LISTED_STOP)
    ask(post)
    vendor = RefusingSender(retryable=False)
    post.clock.at += timedelta(hours=2)
    opt_in_numbers(post.db, post.clock, sender=vendor)
    read_stops(post.db, post.clock, sender=vendor)
    assert sms_stop(post.db, post.clock, LISTED_STOP) is None


def test_a_phone_that_somebody_opened_meanwhile_keeps_what_is_known(post: Post, sns: Senders) -> None:
    ask(post)

    class Overtaken(RefusingSender):
        def opt_in(self, number: str, *, timeout_s: float) -> None:
            with transaction(post.db):
                post.db.get_one(StoppedAddress, ("sms", number)).open_again(now=post.clock.now())

    opt_in_numbers(post.db, post.clock, sender=Overtaken(retryable=False))
    assert post.db.scalars(select(StoppedAddress.opted_in_at)).one() is None
