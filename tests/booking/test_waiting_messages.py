"""What an offer says by SMS and e-mail."""

from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from clinic_portal.booking.waiting_messages import offered_facts
from clinic_portal.core.clock import FixedClock
from clinic_portal.core.settings import Settings
from clinic_portal.notifications.rendering import render_email, render_sms
from clinic_portal.notifications.rules import sms_size
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
