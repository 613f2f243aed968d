"""The people of the demo clinic, all invented: who works at the desks, and sixty patients."""

import unicodedata
from dataclasses import dataclass
from datetime import date

from clinic_portal.core.actor import Role
from clinic_portal.patients.rules import DisplayChoice


@dataclass(frozen=True)
class StaffContent:
    """Somebody with a sign-in who treats nobody."""

    role: Role
    given_name: str
    family_name: str
    email: str
    facilities: tuple[str, ...]
    language: str


@dataclass(frozen=True)
class PatientContent:
    """A patient. Without an account somebody else may act for them, or they book by phone."""

    given_name: str
    family_name: str
    birth_date: date
    facility: str
    language: str
    display_choice: DisplayChoice
    has_account: bool
    #: E-mail of the account that acts for them as a parent, or as a carer.
    parent: str = ""
    carer: str = ""

    @property
    def email(self) -> str:
        """The address of an account."""
        plain = unicodedata.normalize("NFKD", f"{self.given_name}.{self.family_name.split()[-1]}").encode(
            "ascii", "ignore"
        )
        return (
            "".join(letter for letter in plain.decode().lower() if letter.isalpha() or letter == ".") + "@example.org"
        )

    @property
    def is_dependent(self) -> bool:
        """Whether messages go to somebody else."""
        return bool(self.parent or self.carer)


STAFF = (
    StaffContent(Role.RECEPTIONIST, "Paula", "Reis", "paula", ("lisbon",), "en"),
    StaffContent(Role.RECEPTIONIST, "Vera", "Melo", "vera", ("ponta-delgada",), "pt_PT"),
    StaffContent(Role.ADMINISTRATOR, "Artur", "Dias", "artur", ("lisbon", "ponta-delgada"), "en"),
)

MARTA = "marta.araujo@example.org"
#: Meets a doctor online.
HELENA = "helena.brandao@example.org"

#: given | family | born | language | what the screen shows (full, first, code) | account (yes, no, parent:…, carer:…)
_LISBON = """
Marta | Araújo | 1986-03-09 | en | first | yes
Tomás | Araújo | 2018-05-04 | en | first | parent:marta.araujo@example.org
Lina | Araújo | 1948-11-02 | pt | first | carer:marta.araujo@example.org
Beatriz | Fontes | 1991-07-21 | pt | first | yes
Duarte | Nogueira | 1979-01-30 | pt | full | yes
Helena | Brandão | 1968-09-14 | pt | first | yes
Joaquim | Sá | 1955-04-02 | pt | code | no
Carlos | Vaz Teixeira | 1983-12-11 | pt | first | yes
Noor | Haddad | 1994-06-06 | en | code | yes
Paulo | Ribas | 1972-08-27 | pt | first | no
Oluwaseun | Adeyemi | 1988-02-17 | en | full | yes
Siobhán | O'Sullivan | 1990-10-31 | en | first | yes
Maria do Carmo Antónia de Jesus | Vasconcelos e Sousa de Albuquerque Mascarenhas Pimentel | 1941-12-24 | pt | full | no
Ó | Lam | 1999-05-19 | en | first | yes
Leonor | Guimarães | 2012-03-03 | pt | first | parent:helena.brandao@example.org
Ruben | D'Almeida | 1981-11-08 | pt | first | yes
Anastasiia | Shevchenko | 1996-01-25 | en | first | yes
Bohdan | Shevchenko | 2019-09-09 | en | code | parent:anastasiia.shevchenko@example.org
Prakash | Gurung | 1985-07-07 | en | first | no
Gabriela | Nascimento | 1993-04-18 | pt | full | yes
Wanderley | Conceição | 1966-06-29 | pt | first | no
Amélia | Figueiredo | 1937-02-02 | pt | code | no
Yasmin | Rahman | 2001-12-12 | en | first | yes
Zé | Pereira | 1975-05-01 | pt | full | no
Matilde | Quintela | 2004-08-15 | pt | first | yes
Xiaoming | Zhang | 1989-03-28 | en | first | no
Afonso | Henriques Leal | 1962-10-05 | pt | first | yes
Conceição | Barros | 1950-07-13 | pt | first | no
Ivone | Tavares | 1978-09-23 | pt | code | yes
Edson | Lopes Cabral | 1987-01-11 | pt | first | yes
Chiara | Dell'Acqua | 1995-11-27 | en | first | yes
Vicente | Moura | 2015-06-18 | pt | first | parent:ivone.tavares@example.org
Francisca | Ornelas | 1998-04-30 | pt | full | no
Günther | Weiß | 1953-08-08 | en | first | no
Rosário | Cunha | 1960-12-01 | pt | first | no
Thandiwe | Mbeki-Nunes | 1984-02-29 | en | first | yes
Simão | Alçada | 1992-10-10 | pt | code | no
Luzia | Évora | 1970-03-15 | pt | first | yes
"""
_PONTA_DELGADA = """
Mariana | Arruda | 1982-05-22 | pt | first | yes
Vasco | Arruda | 2016-01-17 | pt | first | parent:mariana.arruda@example.org
Hortênsia | Câmara | 1946-06-13 | pt | code | carer:mariana.arruda@example.org
Gil | Borges | 1977-12-03 | pt | full | yes
Natália | Botelho | 1990-02-08 | pt | first | yes
Manuel | Raposo | 1958-09-19 | pt | first | no
Filomena | Amaral | 1964-04-26 | pt | first | no
Ewan | MacGregor | 1980-07-04 | en | first | yes
Estêvão | Pacheco | 1973-11-15 | pt | code | no
Dulce | Rego | 1952-03-31 | pt | full | no
Kateryna | Bondarenko | 1997-08-20 | en | first | yes
Bruno | Tavares Melo | 1986-10-28 | pt | first | yes
Sara | Quental | 2003-01-09 | pt | first | yes
Hermano | Dutra | 1949-05-05 | pt | first | no
Clarisse | Ponte | 1969-06-24 | pt | first | no
Jean-Luc | Lefèvre | 1959-02-14 | en | full | no
Benedita | Sousa | 2013-12-20 | pt | first | parent:natalia.botelho@example.org
Tiago | Correia | 1994-09-02 | pt | code | yes
Aurora | Faria | 1975-07-30 | pt | first | yes
Quintino | Leite | 1963-11-11 | pt | first | no
Fabiana | Rocha | 1991-05-16 | pt | first | yes
Delfim | Ávila | 1956-08-12 | pt | first | no
"""
_SHOWN = {"full": DisplayChoice.FULL, "first": DisplayChoice.FIRST_INITIAL, "code": DisplayChoice.CODE}
_LANGUAGES = {"en": "en", "pt": "pt_PT"}


def _patients(table: str, facility: str) -> tuple[PatientContent, ...]:
    return tuple(_patient(line, facility) for line in table.strip().splitlines())


def _patient(line: str, facility: str) -> PatientContent:
    given, family, born, language, shown, account = (cell.strip() for cell in line.split("|"))
    kind, _, helper = account.partition(":")
    return PatientContent(
        given_name=given,
        family_name=family,
        birth_date=date.fromisoformat(born),
        facility=facility,
        language=_LANGUAGES[language],
        display_choice=_SHOWN[shown],
        has_account=kind == "yes",
        parent=helper if kind == "parent" else "",
        carer=helper if kind == "carer" else "",
    )


PATIENTS = _patients(_LISBON, "lisbon") + _patients(_PONTA_DELGADA, "ponta-delgada")
#: Marta and those for whom she acts: their visits are told in `family`, so that chance puts no others into her list.
FAMILY = frozenset(person for person in PATIENTS if MARTA in {person.email, person.parent, person.carer})
