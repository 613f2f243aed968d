"""The vendor's list of phones that answered STOP becomes ours."""

from datetime import timedelta

from sqlalchemy import select

from clinic_portal.core.db import transaction
from clinic_portal.notifications.delivery import Senders
from clinic_portal.notifications.models import StoppedAddress
from clinic_portal.notifications.queries import stopped_numbers
from clinic_portal.notifications.rules import LIST_LAG
from clinic_portal.notifications.steps import note_stop
from clinic_portal.notifications.use_cases.read_stops import read_stops
from clinic_portal.providers.inbox import opt_in, opt_out
from clinic_portal.providers.sms.sns import SnsSmsSender
from tests.notifications.conftest import Post, make_person
from tests.providers.servers import LISTED_STOP

MARTA = "+351912345601"


def read(post: Post) -> bool:
    """Read the list of the developer's inbox."""
    return read_stops(post.db, post.clock, sender=post.senders.sms)


def kept(post: Post) -> list[str]:
    return sorted(post.db.scalars(select(StoppedAddress.address)))


def test_only_numbers_that_the_clinic_knows_are_kept(post: Post, sns: Senders) -> None:
    # moto's list has eight numbers.
    make_person(post.db, phone=LISTED_STOP)
    assert len(sns.sms.opted_out(timeout_s=30)) > 1
    assert read_stops(post.db, post.clock, sender=sns.sms)
    assert kept(post) == [LISTED_STOP]
    assert stopped_numbers(post.db, [LISTED_STOP]) == {LISTED_STOP}


def test_reading_it_twice_changes_nothing(post: Post) -> None:
    make_person(post.db)
    opt_out(post.settings.inbox_folder, MARTA)
    read(post)
    since = post.db.scalars(select(StoppedAddress.noticed_at)).one()
    post.clock.at += timedelta(days=1)
    read(post)
    assert post.db.scalars(select(StoppedAddress.noticed_at)).all() == [since]


def test_who_is_in_again_gets_texts_again(post: Post) -> None:
    make_person(post.db)
    opt_out(post.settings.inbox_folder, MARTA)
    read(post)
    opt_in(post.settings.inbox_folder, MARTA)
    post.clock.at += LIST_LAG
    read(post)
    assert not stopped_numbers(post.db, [MARTA])
    opt_out(post.settings.inbox_folder, MARTA)
    read(post)
    assert stopped_numbers(post.db, [MARTA]) == {MARTA}


def test_a_refusal_is_newer_than_a_list_that_does_not_know_it_yet(post: Post) -> None:
    make_person(post.db)
    with transaction(post.db):
        note_stop(post.db, post.clock, MARTA)
    post.clock.at += LIST_LAG - timedelta(seconds=1)
    read(post)
    assert stopped_numbers(post.db, [MARTA]) == {MARTA}


def test_what_was_just_turned_on_is_newer_than_a_list_that_still_has_it(post: Post) -> None:
    make_person(post.db)
    opt_out(post.settings.inbox_folder, MARTA)
    read(post)
    row = post.db.scalars(select(StoppedAddress)).one()
    row.open_again(now=post.clock.now())
    row.opted_in_at = post.clock.now()
    post.db.commit()
    read(post)
    assert not stopped_numbers(post.db, [MARTA])
    post.clock.at += LIST_LAG
    read(post)
    assert stopped_numbers(post.db, [MARTA]) == {MARTA}


def test_a_number_that_nobody_has_any_more_is_forgotten(post: Post) -> None:
    with transaction(post.db):
        note_stop(post.db, post.clock, MARTA)
    opt_out(post.settings.inbox_folder, MARTA)
    read(post)
    assert kept(post) == []


def test_a_vendor_that_does_not_answer_changes_nothing(post: Post) -> None:
    make_person(post.db)
    with transaction(post.db):
        note_stop(post.db, post.clock, MARTA)
    post.clock.at += timedelta(days=1)
    away = SnsSmsSender(region="eu-west-1", endpoint_url="http://127.0.0.1:9", access_key_id="a", secret_access_key="b")
    assert not read_stops(post.db, post.clock, sender=away)
    assert stopped_numbers(post.db, [MARTA]) == {MARTA}
