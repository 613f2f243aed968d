"""The state machine, the retry schedule and the size of an SMS, without a database."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clinic_portal.notifications.rules import (
    ENDS,
    LEASE,
    MAX_ATTEMPTS,
    RETRY_DELAYS,
    TIMEOUT_S,
    MessageEvent,
    MessageState,
    is_due,
    is_exhausted,
    is_outdated,
    next_state,
    retry_at,
    sms_size,
)

NOW = datetime(2026, 11, 23, 10, 12, tzinfo=UTC)

#: How far a message has come. in_flight and retry_wait take turns, as do queued and joined; a deferred one is queued
#: again without having been tried; everything else only grows.
PROGRESS = {
    MessageState.QUEUED: 0,
    MessageState.JOINED: 0,
    MessageState.IN_FLIGHT: 1,
    MessageState.RETRY_WAIT: 1,
    MessageState.SENT: 2,
    **dict.fromkeys(ENDS, 3),
}

#: Every change that is legal, as the design draws it.
LEGAL = {
    MessageState.QUEUED: {
        MessageState.IN_FLIGHT,
        MessageState.CANCELLED,
        MessageState.EXPIRED,
        MessageState.JOINED,
    },
    MessageState.JOINED: {MessageState.QUEUED, MessageState.CANCELLED},
    MessageState.IN_FLIGHT: set(MessageState) - {MessageState.JOINED},
    MessageState.RETRY_WAIT: {
        MessageState.IN_FLIGHT,
        MessageState.SENT,
        MessageState.DELIVERED,
        MessageState.BOUNCED,
        MessageState.CANCELLED,
        MessageState.EXPIRED,
    },
    MessageState.SENT: {MessageState.DELIVERED, MessageState.BOUNCED},
    **{state: set() for state in ENDS},
}


def run(*events: MessageEvent) -> MessageState:
    state = MessageState.QUEUED
    for event in events:
        state = next_state(state, event)
    return state


@given(st.lists(st.sampled_from(MessageEvent), max_size=30))
def test_whatever_happens_only_legal_changes_follow_and_nothing_moves_backwards(events: list[MessageEvent]) -> None:
    state = MessageState.QUEUED
    for event in events:
        after = next_state(state, event)
        assert after is state or after in LEGAL[state]
        assert PROGRESS[after] >= PROGRESS[state] or event is MessageEvent.DEFERRED
        state = after


@given(st.sampled_from(sorted(ENDS)), st.sampled_from(MessageEvent))
def test_an_end_is_an_end(end: MessageState, event: MessageEvent) -> None:
    assert next_state(end, event) is end


@given(st.lists(st.sampled_from(MessageEvent), max_size=20))
def test_what_the_vendor_took_is_never_taken_again(events: list[MessageEvent]) -> None:
    after = run(MessageEvent.CLAIMED, MessageEvent.ACCEPTED, *events)
    assert after in {MessageState.SENT, MessageState.DELIVERED, MessageState.BOUNCED}


@given(st.lists(st.sampled_from(MessageEvent), max_size=30))
def test_nothing_is_sent_before_somebody_took_it(events: list[MessageEvent]) -> None:
    without_claim = [event for event in events if event is not MessageEvent.CLAIMED]
    unsent = {MessageState.QUEUED, MessageState.JOINED, MessageState.CANCELLED, MessageState.EXPIRED}
    assert run(*without_claim) in unsent


def test_every_state_can_be_reached_and_every_legal_change_happens() -> None:
    seen = {(state, next_state(state, event)) for state in MessageState for event in MessageEvent}
    changes = {(before, after) for before, after in seen if before is not after}
    assert changes == {(before, after) for before, legal in LEGAL.items() for after in legal if after is not before}


def test_the_good_way() -> None:
    assert run(MessageEvent.CLAIMED) is MessageState.IN_FLIGHT
    assert run(MessageEvent.CLAIMED, MessageEvent.POSTPONED) is MessageState.RETRY_WAIT
    assert run(MessageEvent.CLAIMED, MessageEvent.POSTPONED, MessageEvent.CLAIMED) is MessageState.IN_FLIGHT
    assert run(MessageEvent.CLAIMED, MessageEvent.ACCEPTED) is MessageState.SENT
    assert run(MessageEvent.CLAIMED, MessageEvent.ACCEPTED, MessageEvent.RECEIPT_DELIVERED) is MessageState.DELIVERED


def test_receipts_in_the_wrong_order_do_not_undo_each_other() -> None:
    assert run(MessageEvent.CLAIMED, MessageEvent.RECEIPT_DELIVERED, MessageEvent.ACCEPTED) is MessageState.DELIVERED
    bounced = run(
        MessageEvent.CLAIMED, MessageEvent.ACCEPTED, MessageEvent.RECEIPT_BOUNCED, MessageEvent.RECEIPT_DELIVERED
    )
    assert bounced is MessageState.BOUNCED


def test_retries_grow_and_end_after_about_a_day() -> None:
    assert retry_at(1, now=NOW) == NOW + timedelta(seconds=30)
    assert retry_at(2, now=NOW) == NOW + timedelta(minutes=2)
    assert list(RETRY_DELAYS) == sorted(RETRY_DELAYS)
    assert timedelta(hours=23) <= sum(RETRY_DELAYS, timedelta()) <= timedelta(hours=25)
    assert retry_at(MAX_ATTEMPTS - 1, now=NOW) is not None
    assert retry_at(MAX_ATTEMPTS, now=NOW) is None
    assert is_exhausted(MAX_ATTEMPTS)


def test_a_vendor_answers_well_within_the_lease() -> None:
    assert timedelta(seconds=TIMEOUT_S) * 2 < LEASE


def test_a_message_may_be_taken_when_it_is_due() -> None:
    assert is_due(MessageState.QUEUED, due_at=NOW, now=NOW)
    assert is_due(MessageState.RETRY_WAIT, due_at=NOW, now=NOW)
    assert not is_due(MessageState.QUEUED, due_at=NOW + timedelta(seconds=1), now=NOW)


@pytest.mark.parametrize("state", sorted(ENDS | {MessageState.SENT, MessageState.IN_FLIGHT}))
def test_a_message_that_is_over_or_under_way_is_not_taken(state: MessageState) -> None:
    assert not is_due(state, due_at=NOW, now=NOW + timedelta(days=400))


def test_a_code_that_ran_out_is_outdated_at_that_very_moment() -> None:
    assert is_outdated(NOW, now=NOW)
    assert not is_outdated(NOW + timedelta(seconds=1), now=NOW)
    assert not is_outdated(None, now=NOW)


@pytest.mark.parametrize(
    ("text", "units", "segments", "is_gsm"),
    [
        ("", 0, 1, True),
        ("a" * 160, 160, 1, True),
        ("a" * 161, 161, 2, True),
        ("a" * 306, 306, 2, True),
        ("a" * 307, 307, 3, True),
        ("€" * 80, 160, 1, True),
        # 76 euro signs are 152 septets; the 77th does not fit into the last one.
        ("€" * 81, 162, 2, True),
        ("€" * 153, 306, 3, True),
        ("à" * 160, 160, 1, True),
        ("ã" * 70, 70, 1, False),
        ("ã" * 71, 71, 2, False),
        ("ã" * 134, 134, 2, False),
        ("😀" * 35, 70, 1, False),
        ("😀" * 67, 134, 3, False),
        ("\ud800", 1, 1, False),
    ],
)
def test_an_sms_is_counted_as_vendors_do(text: str, units: int, segments: int, is_gsm: bool) -> None:
    size = sms_size(text)
    assert (size.units, size.segments, size.is_gsm) == (units, segments, is_gsm)


@given(st.text(max_size=400))
def test_segments_hold_what_the_text_needs(text: str) -> None:
    size = sms_size(text)
    room = 153 if size.is_gsm else 67
    assert size.segments >= -(-size.units // room) or size.segments == 1
    assert size.units <= (160 if size.is_gsm else 70) or size.segments > 1
