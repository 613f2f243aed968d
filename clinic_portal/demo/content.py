"""What the demo clinic is: places, rooms, services, who works there and when."""

from dataclasses import dataclass

from clinic_portal.core.modes import Modes
from clinic_portal.core.text import LocalizedText
from clinic_portal.facilities.rules import Direction

#: All demo sign-ins have it. It is printed at every start: a demo clinic is not for patients.
PASSWORD = "ribeira-demo-clinic"  # noqa: S105 - printed on purpose
STAFF_DOMAIN = "clinic.example"


@dataclass(frozen=True)
class RoomContent:
    """A room: what stands on its door and where it is."""

    name: str
    direction: Direction


@dataclass(frozen=True)
class FacilityContent:
    """A site, and how its day in full swing looks."""

    slug: str
    names: LocalizedText
    street: str
    postal_code: str
    city: str
    #: The subdivision of the `holidays` package; None where only national holidays count.
    region: str | None
    tz: str
    phone: str
    directions: LocalizedText
    rooms: tuple[RoomContent, ...]
    #: Practitioners at work at once in the session around now; the first `in_room` of them are with a patient.
    at_work: int
    in_room: int
    waiting: int
    #: How far around now the session is packed with visits.
    minutes_before: int
    minutes_after: int
    #: Visits booked ahead are no longer than this, so that a session fits between them.
    longest_ahead: int
    #: How full the days are, beside those of the first facility.
    demand: float


@dataclass(frozen=True)
class ServiceContent:
    """Something that can be booked."""

    slug: str
    minutes: int
    price_minor: int
    names: LocalizedText
    summaries: LocalizedText
    preparations: LocalizedText
    #: How many sessions can be booked as a series.
    series_max: int | None = None
    #: Minutes that practitioner and room are kept free for, before and after.
    buffers: tuple[int, int] = (0, 0)
    #: A patient moves or cancels a visit up to so many hours before.
    cutoff_hours: int = 0
    visits_per_day: int | None = None
    modes: Modes = Modes.IN_PERSON


@dataclass(frozen=True)
class PractitionerContent:
    """Somebody who treats patients: every day, in these hours (wall clock), in this room."""

    prefix: str
    given_name: str
    family_name: str
    email: str
    facility: str
    room: str
    #: (from, to) in hours of the day.
    hours: tuple[tuple[float, float], ...]
    services: tuple[str, ...]
    language: str = "pt_PT"
    #: Their hours are in any free room; the visits of the demo's own story take place in `room` all the same.
    is_in_any_room: bool = False


@dataclass(frozen=True)
class OnlineContent:
    """Somebody who meets patients online only, every day in these hours. The demo's story knows nothing of them."""

    prefix: str
    given_name: str
    family_name: str
    facility: str
    hours: tuple[tuple[float, float], ...]
    services: tuple[str, ...]
    meeting_url: str


LISBON = FacilityContent(
    slug="lisbon",
    names={"en": "Lisbon", "pt_PT": "Lisboa"},
    street="Rua das Flores 12",
    postal_code="1200-195",
    city="Lisboa",
    region=None,
    tz="Europe/Lisbon",
    phone="+351210000001",
    directions={
        "en": "First floor, above the pharmacy; there is a lift. Metro Baixa-Chiado is four minutes away on foot.",
        "pt_PT": "Primeiro andar, por cima da farmácia; há elevador. O metro Baixa-Chiado fica a quatro minutos a pé.",
    },
    rooms=(
        RoomContent("1", Direction.LEFT),
        RoomContent("2", Direction.RIGHT),
        RoomContent("3", Direction.STRAIGHT),
        RoomContent("5", Direction.UPSTAIRS),
    ),
    at_work=4,
    in_room=3,
    waiting=6,
    minutes_before=105,
    minutes_after=75,
    longest_ahead=60,
    demand=1.0,
)
PONTA_DELGADA = FacilityContent(
    slug="ponta-delgada",
    names={"en": "Ponta Delgada", "pt_PT": "Ponta Delgada"},
    street="Rua do Mar 3",
    postal_code="9500-001",
    city="Ponta Delgada",
    region="20",
    tz="Atlantic/Azores",
    phone="+351296000001",
    directions={
        "en": "Ground floor, the blue door beside the bakery. Parking in front of the house is free for one hour.",
        "pt_PT": "Rés do chão, a porta azul ao lado da padaria. O estacionamento em frente é gratuito durante uma hora.",
    },
    rooms=(RoomContent("A", Direction.LEFT), RoomContent("B", Direction.RIGHT)),
    at_work=2,
    in_room=1,
    waiting=5,
    minutes_before=110,
    minutes_after=85,
    longest_ahead=30,
    demand=1.5,
)
FACILITIES = (LISBON, PONTA_DELGADA)

_LIGHT_CLOTHES: LocalizedText = {
    "en": "Wear comfortable clothes and eat nothing heavy in the hour before. Tell us if you have a fever or a skin rash.",
    "pt_PT": "Venha com roupa confortável. Não faça refeições pesadas na hora anterior e avise-nos se tiver febre ou alguma "
    "erupção na pele.",
}
SERVICES = (
    ServiceContent(
        "massage",
        30,
        3000,
        {"en": "Massage", "pt_PT": "Massagem"},
        {
            "en": "A relaxing massage of the back, neck or legs that eases tension.",
            "pt_PT": "Massagem relaxante das costas, do pescoço ou das pernas, para aliviar a tensão.",
        },
        _LIGHT_CLOTHES,
    ),
    ServiceContent(
        "evaluation",
        45,
        4500,
        {"en": "Evaluation", "pt_PT": "Avaliação"},
        {
            "en": "A first visit: we listen, examine how you move, and agree with you on what to do.",
            "pt_PT": "A primeira consulta: ouvimos, observamos como se move e decidimos consigo o que fazer.",
        },
        {
            "en": "Bring recent scans or reports if you have them, and a list of the medicines that you take.",
            "pt_PT": "Traga exames ou relatórios recentes, se os tiver, e a lista dos medicamentos que toma.",
        },
        cutoff_hours=4,
    ),
    ServiceContent(
        "musculoskeletal-physiotherapy",
        45,
        4500,
        {"en": "Musculoskeletal physiotherapy", "pt_PT": "Fisioterapia musculoesquelética"},
        {
            "en": "Treatment of muscles and joints after an injury or an operation, or when moving hurts.",
            "pt_PT": "Tratamento de músculos e articulações depois de uma lesão ou cirurgia, ou quando há dor ao mover-se.",
        },
        {
            "en": "Wear clothes and shoes in which you can exercise. You can change here.",
            "pt_PT": "Venha com roupa e calçado para fazer exercício. Pode mudar de roupa na clínica.",
        },
        series_max=12,
        cutoff_hours=4,
    ),
    ServiceContent(
        "therapeutic-massage",
        60,
        5500,
        {"en": "Therapeutic massage", "pt_PT": "Massagem terapêutica"},
        {
            "en": "A deep massage by a physiotherapist, aimed at a certain pain or stiffness.",
            "pt_PT": "Massagem profunda feita por um fisioterapeuta, dirigida a uma dor ou rigidez específica.",
        },
        _LIGHT_CLOTHES,
        series_max=12,
        buffers=(0, 15),
        cutoff_hours=4,
        visits_per_day=1,
    ),
    ServiceContent(
        "shock-waves",
        30,
        6000,
        {"en": "Shock waves", "pt_PT": "Ondas de choque"},
        {
            "en": "Sound waves through the skin against long-lasting tendon pain, for example in the heel or shoulder.",
            "pt_PT": "Ondas sonoras através da pele para dores persistentes nos tendões, por exemplo no calcanhar ou no ombro.",
        },
        {
            "en": "Tell us beforehand if you are pregnant, have a pacemaker or take blood thinners.",
            "pt_PT": "Avise-nos antes se estiver grávida, tiver um pacemaker ou tomar anticoagulantes.",
        },
        series_max=6,
        cutoff_hours=4,
        visits_per_day=1,
    ),
    ServiceContent(
        "general-practice",
        20,
        4000,
        {"en": "General practice consultation", "pt_PT": "Consulta de clínica geral"},
        {
            "en": "A doctor looks at whatever troubles you and says what comes next.",
            "pt_PT": "Um médico avalia o que o preocupa e explica os passos seguintes.",
        },
        {
            "en": "Bring your identity card and a list of the medicines that you take.",
            "pt_PT": "Traga o seu documento de identificação e a lista dos medicamentos que toma.",
        },
        modes=Modes.BOTH,
    ),
)

_PHYSIO = ("massage", "evaluation", "musculoskeletal-physiotherapy", "therapeutic-massage", "shock-waves")
_NO_WAVES = _PHYSIO[:-1]
#: In the order in which the session around now prefers them.
PRACTITIONERS = (
    PractitionerContent("", "Inês", "Carvalho", "ines", "lisbon", "3", ((7, 14),), _PHYSIO, "en"),
    PractitionerContent("Dr.", "Rui", "Meireles", "rui", "lisbon", "2", ((8, 13), (14, 20)), _NO_WAVES),
    PractitionerContent("", "Sofia", "Pinto", "sofia", "lisbon", "5", ((8, 14),), _PHYSIO),
    PractitionerContent(
        "Dr.", "Nuno", "Salgado", "nuno", "lisbon", "1", ((8, 13), (14, 20)), ("general-practice", "evaluation")
    ),
    PractitionerContent("", "Teresa", "Vasconcelos", "teresa", "lisbon", "3", ((14, 18.5), (19, 23)), _PHYSIO),
    PractitionerContent("", "Miguel", "Antunes", "miguel", "lisbon", "5", ((14, 20),), _PHYSIO, "en", is_in_any_room=True),
    PractitionerContent("", "João", "Furtado", "joao", "ponta-delgada", "A", ((7, 13), (14, 20)), _PHYSIO),
    PractitionerContent(
        "Dra.", "Catarina", "Medeiros", "catarina", "ponta-delgada", "B", ((9, 14), (15, 23)),
        ("general-practice", "evaluation", "massage"),
    ),
)  # fmt: skip

ONLINE = OnlineContent(
    "Dra.", "Beatriz", "Lobo", "lisbon", ((9, 12), (18, 21)), ("general-practice",),
    "https://meet.clinic.example/beatriz-lobo",
)  # fmt: skip

#: Who is away for some days soon, and who works some hours more one evening.
AWAY, AWAY_DAYS = "miguel", 3
EXTRA, EXTRA_HOURS = "rui", (20, 22)
