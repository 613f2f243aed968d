"""What goes out about several sessions: an SMS that stays short however many there are, an e-mail with all of them."""

from dataclasses import replace

import pytest
from sqlalchemy.orm import Session

from clinic_portal.booking.rules import AppointmentState
from clinic_portal.booking.series_messages import series_booked_facts, series_cancelled_facts, series_moved_facts
from clinic_portal.core.clock import FixedClock
from clinic_portal.core.settings import Settings
from clinic_portal.notifications.rendering import render_email, render_sms
from clinic_portal.notifications.rules import sms_size
from clinic_portal.notifications.sources import MessageFacts, MessageSource
from tests.booking.series import make_series, tell_of_series
from tests.support.cast import Cast
from tests.support.clinic import Clinic

SOURCES: list[tuple[str, MessageSource]] = [
    ("series_booked", series_booked_facts),
    ("series_moved", series_moved_facts),
    ("series_cancelled", series_cancelled_facts),
]
LONG_STREET = "Avenida Engenheiro Duarte Pacheco 123, 4.º esquerdo"


def facts_of_ten(
    source: MessageSource, db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, settings: Settings
) -> MessageFacts:
    kind = next(kind for kind, known in SOURCES if known is source)
    cancelled = kind == "series_cancelled"
    series, rows = make_series(
        db, clinic, cast.patient_person, sessions=10,
        state=AppointmentState.CANCELLED if cancelled else AppointmentState.BOOKED,
        **({"cancelled_at": clock.now()} if cancelled else {}),
    )  # fmt: skip
    tell_of_series(db, clock, series, kind, rows)
    found = source(db, clock, settings, series.id)
    assert found is not None
    return found


@pytest.mark.parametrize("name", ["", "Maria Guadalupe da Conceição"])
@pytest.mark.parametrize("language", ["en", "pt_PT"])
@pytest.mark.parametrize(
    ("kind", "source"),
    SOURCES,
)
def test_ten_sessions_are_an_sms_of_two_parts_at_the_most_and_an_email_with_all(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, settings: Settings,
    kind: str, source: MessageSource, language: str, name: str,
) -> None:  # fmt: skip
    found = facts_of_ten(source, db, clock, clinic, cast, settings)
    found = replace(
        found, language=language, context={**found.context, "for_name": name, "street": LONG_STREET}
    )  # fmt: skip
    long = replace(
        settings,
        clinic_name="Clínica de Fisioterapia e Reabilitação da Ribeira",
        public_url="https://marcacoes.clinica-da-ribeira.example",
    )
    sms = render_sms(long, kind, found)
    size = sms_size(sms.text)
    assert size.is_gsm
    assert size.segments <= 2, sms.text
    assert f"{long.public_url}/visits" in sms.text
    assert "10" in sms.text
    email = render_email(long, kind, found)
    for body in (email.text, email.html or ""):
        assert body.count("10:30") >= 10


def test_the_sms_of_a_series_names_the_first_time(
    db: Session, clock: FixedClock, clinic: Clinic, cast: Cast, settings: Settings
) -> None:
    found = facts_of_ten(series_booked_facts, db, clock, clinic, cast, settings)
    assert render_sms(settings, "series_booked", found).text == (
        "Clinica Ribeira: 10 sessions booked, the first Thu 26 Nov 10:30, Rua das Flores 12."
        f" See all: {settings.public_url}/visits"
    )
