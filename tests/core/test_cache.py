"""What is computed is kept until what it is about changes, and never longer than some seconds."""

import pytest
from redis import Redis
from sqlalchemy.orm import Session

from clinic_portal.core import cache as module
from clinic_portal.core.cache import KEEP_FOR_S, KEEP_VERSION_S, NOTHING, VersionedCache, forget_after_commit
from clinic_portal.core.db import transaction
from clinic_portal.core.ids import new_id
from clinic_portal.core.settings import Settings


@pytest.fixture
def cache(settings: Settings) -> VersionedCache:
    return VersionedCache(settings.redis_url, is_on=True)


@pytest.fixture
def subject() -> str:
    return f"test:{new_id()}"


def test_what_was_put_is_got_until_the_subject_changes(cache: VersionedCache, subject: str) -> None:
    asked = cache.get(subject, "a")
    assert asked.text is None
    cache.put(subject, "a", asked, "Ω 10:30\n11:00")
    assert cache.get(subject, "a").text == "Ω 10:30\n11:00"
    assert cache.get(subject, "b").text is None
    cache.changed(subject)
    assert cache.get(subject, "a").text is None


def test_what_was_computed_before_a_change_is_not_served_after_it(cache: VersionedCache, subject: str) -> None:
    asked = cache.get(subject, "a")
    cache.changed(subject)
    cache.put(subject, "a", asked, "old")
    assert cache.get(subject, "a").text is None


def test_nothing_is_kept_for_long(cache: VersionedCache, subject: str, valkey: Redis) -> None:
    cache.put(subject, "a", cache.get(subject, "a"), "text")
    (name,) = list(valkey.scan_iter(f"cache:{subject}:*"))
    assert 0 < valkey.ttl(name) <= KEEP_FOR_S


def test_off_it_remembers_nothing(settings: Settings, subject: str) -> None:
    off = VersionedCache(settings.redis_url, is_on=False)
    off.put(subject, "a", off.get(subject, "a"), "text")
    off.changed(subject)
    assert off.get(subject, "a") == NOTHING


def test_without_valkey_there_is_nothing_in_it_and_it_is_asked_once(
    caplog: pytest.LogCaptureFixture, subject: str
) -> None:
    dead = VersionedCache("redis://127.0.0.1:1/0", is_on=True)
    for _ in range(3):
        assert dead.get(subject, "a") == NOTHING
        dead.changed(subject)
    assert [record.message for record in caplog.records if record.name == module.__name__] == ["cache_failed"]


def test_a_change_forgets_once_and_only_when_it_is_committed(
    db: Session, settings: Settings, subject: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = db.info[module.SESSION_KEY] = VersionedCache(settings.redis_url, is_on=True)
    cache.put(subject, "a", cache.get(subject, "a"), "text")
    with pytest.raises(ZeroDivisionError), transaction(db):
        forget_after_commit(db, subject)
        raise ZeroDivisionError
    before = cache.get(subject, "a")
    assert (before.version, before.text) == ("0", "text")
    changes: list[str] = []
    changed = cache.changed

    def count(subject: str, *parts: str) -> None:
        changes.append(subject)
        changed(subject, *parts)

    monkeypatch.setattr(cache, "changed", count)
    with transaction(db):
        forget_after_commit(db, subject)
        forget_after_commit(db, subject)
    after = cache.get(subject, "a")
    assert after.text is None
    assert after.version not in {None, "0"}
    assert changes == [subject]


def test_every_change_has_a_version_of_its_own(cache: VersionedCache, subject: str, valkey: Redis) -> None:
    seen = set()
    for _ in range(20):
        cache.changed(subject)
        seen.add(cache.get(subject, "a").version)
    assert len(seen) == 20
    kept = [valkey.ttl(name) for name in valkey.scan_iter(f"*{subject}*")]
    assert all(KEEP_FOR_S < seconds <= KEEP_VERSION_S for seconds in kept), "it outlives answers, not for ever"
    assert kept


def test_what_depends_on_parts_outlives_a_change_of_others(cache: VersionedCache, subject: str) -> None:
    def keep() -> None:
        for key, of_parts in (("parts", True), ("whole", False)):
            cache.put(subject, key, cache.get(subject, key, parts=("mon", "tue")), key, of_parts=of_parts)

    def kept() -> set[str | None]:
        return {cache.get(subject, key, parts=("mon", "tue")).text for key in ("parts", "whole")} - {None}

    keep()
    assert kept() == {"parts", "whole"}
    cache.changed(subject, "wed")
    assert kept() == {"parts"}
    cache.changed(subject, "sun", "mon")
    assert kept() == set()
    keep()
    cache.changed(subject)
    assert kept() == set()


def test_without_named_parts_nothing_outlives_a_change(cache: VersionedCache, subject: str) -> None:
    cache.put(subject, "a", cache.get(subject, "a"), "text", of_parts=True)
    assert cache.get(subject, "a").text is None
