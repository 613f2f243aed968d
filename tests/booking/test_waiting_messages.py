"""What an offer says by SMS and e-mail."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from clinic_portal.booking.waiting_messages import offered_facts
from clinic_portal.core.clock import FixedClock
from clinic_portal.core.settings import Settings
from clinic_portal.notifications.rendering import render_email, render_sms
from clinic_portal.notifications.rules import sms_size
from clinic_portal.notifications.sources import MessageFacts
from tests.booking.waiting import TUESDAY, free_a_time, join, offer_all, offers
from tests.support.cast import Cast
from tests.support.clinic import Clinic


@pytest.mark.parametrize(
    ("language", "in_sms", "in_email", "segments"),
    [("en", "09:42 (Azores)", "09:42 (Azores time)", 1), ("pt_PT", "09:42 (Acores)", "09:42 (hora local: Açores)", 2)],
)
def test_until_when_says_on_whose_clock_where_there_are_several(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, settings: Settings,
    language: str, in_sms: str, in_email: str, segments: int,
) -> None:  # fmt: skip
    """Whoever reads it in Lisbon at 10:12 would take "by 09:42" for over."""
    cast.patient.language = cast.patient_person.language = language
    join(db, clock, clinic, cast.patient, cast.patient_person)
    there = {"facility_id": clinic.azores.id, "room_id": clinic.room_a.id, "practitioner": clinic.sofia}
    freed = free_a_time(
        db, clock, clinic, cast.stranger, cast.stranger_person, at=TUESDAY + timedelta(hours=1), **there
    )  # fmt: skip
    assert offer_all(db, clock, freed) == 1
    for has_many in (True, False):
        if not has_many:
            clinic.lisbon.tz = clinic.azores.tz
            db.commit()
        facts = offered_facts(db, clock, settings, offers(db)[0].id)
        assert facts is not None
        sms, email = render_sms(settings, "time_offered", facts), render_email(settings, "time_offered", facts)
        assert sms_size(sms.text).segments <= segments, sms.text
        for words, said in ((sms.text, in_sms), (email.text, in_email), (email.html or "", in_email)):
            assert "09:42" in words
            assert (said in words) is has_many, words


LONG = {
    "street": "Avenida Engenheiro Duarte Pacheco 123, 4.º esquerdo",
    "city": "Ponta Delgada",
    "link_path": "/offers/ACDEFGHJKMNPQRTWXY",
}
#: What an offer is worth nothing without.
NEVER_LEFT_OUT = ("Clinica Ribeira: Tue 24 Nov ", "came free", "Answer by 10:42")


@pytest.mark.parametrize(
    ("host", "name", "street", "said", "unsaid"),
    [
        ("portal.example", "", "Rua das Flores 12", "came free, Rua das Flores 12, Ponta Delgada", ""),
        ("portal.clinicaribeira.example", "Ana", LONG["street"], "came free for Ana, Ponta Delgada", "Avenida"),
        (
            "marcacoes.centromedicoribeira.example",
            "Maria Francisca",
            LONG["street"],
            "came free, Ponta Delgada",
            "Maria",
        ),
        ("marcacoes.centro-medico-da-ribeira.example.com", "Maria Francisca", LONG["street"], "came free. ", "Ponta"),
    ],
)
def test_an_offer_leaves_out_what_would_cost_a_segment_the_least_important_first(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, settings: Settings,
    host: str, name: str, street: str, said: str, unsaid: str,
) -> None:  # fmt: skip
    settings = replace(settings, public_url=f"https://{host}", clinic_name="Clínica Ribeira")
    facts = offer_facts(db, clock, clinic, cast, settings)
    facts = replace(facts, context={**facts.context, **LONG, "street": street, "for_name": name})
    text = render_sms(settings, "time_offered", facts).text
    assert sms_size(text).segments == 1, text
    assert said in text
    assert not unsaid or unsaid not in text
    for words in (*NEVER_LEFT_OUT, f"https://{host}{LONG['link_path']}"):
        assert words in text


def test_an_offer_online_always_says_so_and_on_whose_clock(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, settings: Settings
) -> None:
    settings = replace(settings, public_url="https://marcacoes.centromedicoribeira.example")
    facts = offer_facts(db, clock, clinic, cast, settings)
    facts = replace(facts, context={**facts.context, **LONG, "is_online": True, "for_name": "Maria Francisca"})
    text = render_sms(settings, "time_offered", facts).text
    assert "came free, online, Lisbon time. Answer by 10:42" in text
    assert sms_size(text).segments == 1, text


def offer_facts(db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, settings: Settings) -> MessageFacts:
    join(db, clock, clinic, cast.patient, cast.patient_person)
    offer_all(db, clock, free_a_time(db, clock, clinic, cast.stranger, cast.stranger_person))
    facts = offered_facts(db, clock, settings, offers(db)[0].id)
    assert facts is not None
    return facts
