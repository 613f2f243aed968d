"""A small clinic for tests."""

from dataclasses import dataclass
from datetime import date

from sqlalchemy.orm import Session

from clinic_portal.core.clock import FixedClock
from clinic_portal.core.modes import Mode
from clinic_portal.facilities.models import Facility, Room, Service
from clinic_portal.facilities.rules import Direction
from clinic_portal.practitioners.models import Practitioner, PractitionerService, WeeklyHours


@dataclass(frozen=True)
class Clinic:
    """Lisbon: Inês (room 1) and Rui (room 2), Monday to Friday 09:00–13:00 and 14:00–18:00. Azores: Sofia (room A), mornings.

    Everybody gives massage (30 minutes, €30, up to 12 as a series) and evaluation (60 minutes, €45); Inês alone gives shock
    waves (45 minutes).
    """

    lisbon: Facility
    azores: Facility
    room_1: Room
    room_2: Room
    room_a: Room
    massage: Service
    evaluation: Service
    shock_waves: Service
    ines: Practitioner
    rui: Practitioner
    sofia: Practitioner


def make_clinic(db: Session, clock: FixedClock) -> Clinic:
    """Insert the clinic in the test's transaction."""
    lisbon = Facility(
        slug="lisbon", names={"en": "Lisbon", "pt_PT": "Lisboa"}, street="Rua das Flores 12", postal_code="1200-195",
        city="Lisboa", country="PT", region=None, tz="Europe/Lisbon", phone="+351210000001",
        observes_holidays=False, directions={"en": "Second floor."},
    )  # fmt: skip
    azores = Facility(
        slug="ponta-delgada", names={"en": "Ponta Delgada", "pt_PT": "Ponta Delgada"}, street="Rua do Mar 3",
        postal_code="9500-001", city="Ponta Delgada", country="PT", region="20",
        tz="Atlantic/Azores", phone="+351296000001", observes_holidays=False, directions={},
    )  # fmt: skip
    massage = _service("massage", "Massage", "Massagem", 30, 3000)
    massage.series_max = 12
    evaluation = _service("evaluation", "Evaluation", "Avaliação", 60, 4500)
    shock_waves = _service("shock-waves", "Shock waves", "Ondas de choque", 45, 5500)
    ines = Practitioner(given_name="Inês", family_name="Carvalho")
    rui = Practitioner(prefix="Dr.", given_name="Rui", family_name="Meireles")
    sofia = Practitioner(given_name="Sofia", family_name="Pinto")
    db.add_all([lisbon, azores, massage, evaluation, shock_waves, ines, rui, sofia])
    db.flush()
    room_1 = Room(facility_id=lisbon.id, name="1", direction=Direction.LEFT)
    room_2 = Room(facility_id=lisbon.id, name="2", direction=Direction.RIGHT)
    room_a = Room(facility_id=azores.id, name="A", direction=Direction.STRAIGHT)
    db.add_all([room_1, room_2, room_a])
    db.flush()
    for person, services in (
        (ines, (massage, evaluation, shock_waves)),
        (rui, (massage, evaluation)),
        (sofia, (massage, evaluation)),
    ):
        db.add_all(PractitionerService(practitioner_id=person.id, service_id=service.id) for service in services)
    stretches = [(540, 780), (840, 1080)]
    for person, facility, room, hours in (
        (ines, lisbon, room_1, stretches),
        (rui, lisbon, room_2, stretches),
        (sofia, azores, room_a, stretches[:1]),
    ):
        for weekday in range(5):
            for starts, ends in hours:
                db.add(_hours(person, facility, room, weekday, starts, ends))
    db.commit()
    return Clinic(lisbon, azores, room_1, room_2, room_a, massage, evaluation, shock_waves, ines, rui, sofia)


def _service(slug: str, english: str, portuguese: str, minutes: int, price_minor: int) -> Service:
    return Service(
        slug=slug,
        names={"en": english, "pt_PT": portuguese},
        summaries={"en": f"{english} by a therapist.", "pt_PT": f"{portuguese} por um terapeuta."},
        preparations={"en": "Wear comfortable clothes.", "pt_PT": "Traga roupa confortável."},
        minutes=minutes,
        price_minor=price_minor,
    )


def _hours(person: Practitioner, facility: Facility, room: Room, weekday: int, starts: int, ends: int) -> WeeklyHours:
    return WeeklyHours(
        practitioner_id=person.id, facility_id=facility.id, room_id=room.id, mode=Mode.IN_PERSON, weekday=weekday,
        starts_minute=starts, ends_minute=ends, valid_from=date(2020, 1, 1),
    )  # fmt: skip
