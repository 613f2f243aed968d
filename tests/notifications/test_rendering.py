"""Facts become words."""

from dataclasses import replace
from pathlib import Path

import pytest
from jinja2 import UndefinedError

from clinic_portal.core.settings import Settings
from clinic_portal.notifications.rendering import render_email, render_sms
from clinic_portal.notifications.rules import plain_sms, sms_size
from clinic_portal.notifications.sources import MessageFacts
from tests.notifications.conftest import Post, make_person, probe_source


@pytest.fixture
def facts(post: Post) -> MessageFacts:
    found = probe_source(post.db, post.clock, post.settings, make_person(post.db))
    assert found is not None
    return found


@pytest.fixture
def portal(post: Post) -> Settings:
    return post.settings


def hostile(facts: MessageFacts, name: str) -> MessageFacts:
    return replace(facts, context={**facts.context, "name": name})


def test_an_email_in_english(portal: Settings, facts: MessageFacts) -> None:
    email = render_email(portal, "probe", facts)
    assert email.text == (
        "Good day, Marta\n\nThursday 26 November 2026 10:30\n€45.00 Massage\nhttp://localhost/visits\n\n--\n"
        "Clínica Ribeira\nQuestions? Call us: +351 210 000 000\nhttp://localhost/\n"
    )


def test_an_email_in_portuguese(portal: Settings, facts: MessageFacts) -> None:
    email = render_email(portal, "probe", replace(facts, language="pt_PT"))
    assert email.subject == "Bom dia, Marta"
    assert "Quinta-feira, 26 de novembro de 2026 10:30\n45,00\xa0€ Massagem" in email.text
    assert email.html is not None
    assert '<html lang="pt-PT">' in email.html
    assert "Bom dia, Marta" in email.html


def test_the_languages_do_not_mix(portal: Settings, facts: MessageFacts) -> None:
    """Environments are kept: what one language was given must not leak into the next message."""
    portuguese = replace(facts, language="pt_PT")
    subjects = [render_email(portal, "probe", each).subject for each in (facts, portuguese, facts, portuguese)]
    assert subjects == ["Good day, Marta", "Bom dia, Marta"] * 2


def test_html_is_escaped_and_text_is_not(portal: Settings, facts: MessageFacts) -> None:
    email = render_email(portal, "probe", hostile(facts, "<b>R&D</b>"))
    assert email.html is not None
    assert "<b>R&D</b>" not in email.html
    assert "&lt;b&gt;R&amp;D&lt;/b&gt;" in email.html
    assert "Good day, <b>R&D</b>" in email.text
    assert "Good day, <b>R&D</b>" in render_sms(portal, "probe", hostile(facts, "<b>R&D</b>")).text


@pytest.mark.parametrize(
    "name", ["Marta\nBcc: all@example.org", "Marta\r\n\r\nHello", "Marta\u2028x", "%(name)s", "{{ 7*7 }}"]
)
def test_a_subject_is_one_line_whatever_somebody_is_called(portal: Settings, facts: MessageFacts, name: str) -> None:
    subject = render_email(portal, "probe", hostile(facts, name)).subject
    assert len(subject.splitlines()) == 1
    assert "49" not in subject


def test_a_missing_name_is_an_error_and_never_an_empty_place(portal: Settings, facts: MessageFacts) -> None:
    with pytest.raises(UndefinedError, match="name"):
        render_email(portal, "probe", replace(facts, context={}))
    with pytest.raises(UndefinedError, match="name"):
        render_sms(portal, "probe", replace(facts, context={}))


def test_nobody_without_an_address_is_rendered_for(portal: Settings, facts: MessageFacts) -> None:
    with pytest.raises(ValueError, match="address"):
        render_email(portal, "probe", replace(facts, email=None))
    with pytest.raises(ValueError, match="number"):
        render_sms(portal, "probe", replace(facts, phone=None))


def test_links_lead_to_the_public_address(portal: Settings, facts: MessageFacts) -> None:
    email = render_email(replace(portal, public_url="https://visits.example.org"), "probe", facts)
    assert email.html is not None
    assert 'href="https://visits.example.org/visits"' in email.html
    assert ">visits.example.org</a>" in email.html
    assert "localhost" not in email.html


def test_an_sms_is_one_plain_paragraph(portal: Settings, facts: MessageFacts) -> None:
    text = render_sms(portal, "probe", hostile(facts, "“Ana” –\n\n  it’s…\u202fyou")).text
    assert text.startswith('Good day, "Ana" - it\'s... you:')
    assert sms_size(text).is_gsm


def test_an_sms_keeps_its_letters_where_they_cost_nothing() -> None:
    assert plain_sms("Tomás, não à Ponte da Conceição") == "Tomás, não à Ponte da Conceição"


def test_an_sms_gives_up_accents_that_would_cost_a_segment() -> None:
    dear = "Clínica Ribeira: a sua consulta é amanhã às 10:30, Rua da Conceição 12, São João da Madeira."
    text = plain_sms(dear)
    assert text == "Clinica Ribeira: a sua consulta é amanha às 10:30, Rua da Conceicao 12, Sao Joao da Madeira."
    assert (sms_size(dear).segments, sms_size(text).segments) == (2, 1)


def test_letters_without_a_plain_form_stay() -> None:
    dear = "Магда " * 20
    assert plain_sms(dear) == dear.strip()


def test_a_language_without_a_catalogue_is_english(portal: Settings, facts: MessageFacts, tmp_path: Path) -> None:
    (tmp_path / "templates").symlink_to(portal.root / "templates")
    email = render_email(replace(portal, root=tmp_path), "probe", replace(facts, language="pt_PT"))
    assert email.subject == "Good day, Marta"
