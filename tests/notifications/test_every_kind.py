"""What is true of every kind of message, in every language. Walks the wiring, so a new kind is tested by being there."""

from pathlib import Path
from urllib.parse import urlsplit

import html5lib
import pytest
from flask import Flask

from clinic_portal.core.settings import Settings
from clinic_portal.core.text import LANGUAGES
from clinic_portal.notifications.rendering import render_email, render_sms
from clinic_portal.notifications.rules import sms_size
from clinic_portal.notifications.sources import MessageFacts
from clinic_portal.wiring import MESSAGE_SOURCES
from tests.notifications.conftest import Post
from tests.notifications.samples import SAMPLES, Stage
from tests.support.cast import Cast
from tests.support.clinic import Clinic
from tests.support.servers import ROOT

TEXTS = ROOT / "templates" / "messages"
EMAIL_FILES = {"subject.txt", "body.txt", "body.html"}
SMS_FILES = {"sms.txt"}

#: Every segment is paid for. Portuguese needs more words.
MAX_SEGMENTS = {"en": 1, "pt_PT": 2}
#: What a phone's mailbox shows of a subject, with some grace.
MAX_SUBJECT = 80

every_case = pytest.mark.parametrize(
    ("kind", "number", "language"),
    [
        (kind, number, language)
        for kind, samples in sorted(SAMPLES.items())
        for number in range(len(samples))
        for language in LANGUAGES
    ],
)


def files(kind: str) -> set[str]:
    return {path.name for path in (TEXTS / kind).iterdir()}


@pytest.fixture
def stage(post: Post, clinic: Clinic, cast: Cast) -> Stage:
    post.db.info["message_sources"] = MESSAGE_SOURCES
    return Stage(post.db, post.clock, clinic, cast)


def facts_of(stage: Stage, settings: Settings, kind: str, number: int, language: str) -> MessageFacts:
    for account in (stage.cast.patient, stage.cast.guardian):
        account.language = language
    stage.cast.patient_person.language = language
    stage.db.commit()
    subject_id = SAMPLES[kind][number](stage)
    facts = MESSAGE_SOURCES[kind](stage.db, stage.clock, settings, subject_id)
    assert facts is not None
    assert facts.language == language
    return facts


def test_every_kind_has_texts_a_source_and_a_sample() -> None:
    folders = {path.name for path in TEXTS.iterdir() if path.is_dir()}
    assert folders == set(MESSAGE_SOURCES) == set(SAMPLES)


@pytest.mark.parametrize("kind", sorted(SAMPLES))
def test_a_kind_has_all_texts_of_its_channels(kind: str) -> None:
    found = files(kind)
    assert found in (EMAIL_FILES, SMS_FILES, EMAIL_FILES | SMS_FILES)


@every_case
def test_every_email_can_be_written(
    app: Flask, stage: Stage, settings: Settings, kind: str, number: int, language: str
) -> None:
    if "body.html" not in files(kind):
        assert files(kind) == SMS_FILES
        return
    facts = facts_of(stage, settings, kind, number, language)
    email = render_email(settings, kind, facts)
    assert email.subject == email.subject.strip()
    assert len(email.subject.splitlines()) == 1
    assert 0 < len(email.subject) <= MAX_SUBJECT
    assert email.html is not None
    check_html(app, settings, email.html, language)
    # No line of a phone's mailbox tears a number; as text it is as people type it.
    assert "+351 2" not in email.html
    assert settings.clinic_phone.replace(" ", "\N{NO-BREAK SPACE}") in email.html
    for words in (email.subject, email.text, email.html):
        for trace in ("None", "{{", "{%", "%(", "Undefined", "<built-in", "lambda"):
            assert trace not in words, trace
    assert "\n\n\n" not in email.text
    assert "&amp;" not in email.text
    assert settings.clinic_phone in email.text
    assert settings.public_url in email.text


def check_html(app: Flask, settings: Settings, html: str, language: str) -> None:
    parser = html5lib.HTMLParser(namespaceHTMLElements=False)
    root = parser.parse(html)
    assert not parser.errors, parser.errors
    assert root.get("lang") == language.replace("_", "-")
    assert len(list(root.iter("h1"))) == 1
    # Nothing is loaded from anywhere: not from us, who would learn when it is read, nor from others.
    assert not [element.tag for element in root.iter() if element.tag in {"img", "link", "script", "iframe"}]
    routes = app.url_map.bind("")
    for link in root.iter("a"):
        href = link.get("href") or ""
        assert href.startswith(f"{settings.public_url}/"), href
        assert routes.test(urlsplit(href).path), f"no page answers {href}"
        assert link.get("target") == "_blank"


@every_case
def test_every_sms_is_short(stage: Stage, settings: Settings, kind: str, number: int, language: str) -> None:
    if "sms.txt" not in files(kind):
        assert files(kind) == EMAIL_FILES
        return
    facts = facts_of(stage, settings, kind, number, language)
    sms = render_sms(settings, kind, facts)
    size = sms_size(sms.text)
    assert size.segments <= MAX_SEGMENTS[language], f"{size} {sms.text}"
    for trace in ("None", "{{", "%(", "Undefined", "\n", "&amp;"):
        assert trace not in sms.text


def test_only_folders_are_kinds() -> None:
    shared = {path.name for path in Path(TEXTS).iterdir() if path.is_file()}
    assert shared
    assert all(name.startswith("_") for name in shared)
