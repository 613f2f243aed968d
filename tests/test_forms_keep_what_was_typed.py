"""Every form that refuses says so with 422, names the field in the summary, and keeps what was typed (passwords excepted)."""

from dataclasses import dataclass, replace

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from tests.booking.factory import make_appointment
from tests.booking.series import make_series
from tests.support.cast import Cast
from tests.support.clinic import Clinic
from tests.support.page import Page, PortalClient

#: As a person may paste it: any script, signs, markup; no control characters and line ends, which boxes drop.
TYPED = st.text(
    st.characters(blacklist_categories=["C", "Zl", "Zp"]), min_size=1, max_size=60
).map(str.strip).filter(bool)  # fmt: skip


@dataclass(frozen=True)
class Form:
    """A form, who fills it in, the boxes that take any text, and values that make sure that it is refused."""

    path: str
    who: str | None
    boxes: tuple[str, ...]
    wrong: tuple[tuple[str, str], ...]
    #: Where it is sent, when that is not its own address.
    send_to: str = ""
    method: str = "POST"


PLAN = "count=4&per_week=1&at=any&first=2026-11-23&facility=lisbon&practitioner={}&aside=y&time=2026-11-27T10:30Z"
NAMES = ("given_name", "family_name", "email", "phone")
FORMS = [
    Form("/register", None, NAMES, (("password", ""), ("birth_date-month", "Mrch"))),
    Form("/sign-in", None, ("email",), (("password", ""),)),
    Form("/forgotten-password", None, (), (("email", "nobody"),)),
    Form("/account/phone", "patient", (), (("phone", "12"),)),
    Form("/account/password", "patient", (), (("password", "short"),)),
    Form("/book/massage/waiting-list", "patient", (), (("until_day", "31/2/2027"), ("from_day", "tomorrow"))),
    Form(
        "/book/massage/series",
        "patient",
        (),
        (("per_week", "2"), ("weekday", "3"), ("count", "7"), ("at", "10:30")),
        send_to="/book/massage/series/plan",
        method="GET",
    ),
    Form(
        "/visits/{session}/move-later",
        "patient",
        (),
        (("weekday", "4"), ("at", "afternoon"), ("first", "1999-01-01")),
        send_to="/visits/{session}/plan-later",
        method="GET",
    ),
    Form("/desk/lisbon/visits/{visit}/earlier", "receptionist", (), (("until_day", "31/2/2027"), ("from_day", "soon"))),
    Form(
        "/desk/lisbon/book/{patient}/massage/series",
        "receptionist",
        (),
        (("per_week", "2"), ("weekday", "3"), ("count", "17"), ("at", "10:30"), ("aside", "y")),
        send_to="/desk/lisbon/book/{patient}/massage/series/plan",
        method="GET",
    ),
    Form(
        "/desk/lisbon/visits/{session}/move-later",
        "receptionist",
        (),
        (("weekday", "4"), ("at", "afternoon"), ("aside", "y"), ("first", "1999-01-01")),
        send_to="/desk/lisbon/visits/{session}/plan-later",
        method="GET",
    ),
    Form(
        "/desk/lisbon/book/{patient}/massage/series/check?{plan}",
        "receptionist",
        (),
        (("note", "x" * 301),),
    ),
    Form(
        "/desk/lisbon/book/{patient}/massage/series/plan?{plan}",
        "receptionist",
        (),
        (("own_day", "31/2/2027"), ("own_time", "7 pm")),
        send_to="/desk/lisbon/book/{patient}/massage/series/check",
        method="GET",
    ),
    Form(
        "/desk/lisbon/book/{patient}/massage/anyway",
        "receptionist",
        (),
        (("on", "31/2/2027"), ("at", "7 pm"), ("note", "")),
    ),
    Form("/desk/lisbon/visits/{visit}/move/anyway", "receptionist", ("note",), (("on", "24/12/26"), ("at", "24:00"))),
    Form("/desk/lisbon/screens", "receptionist", ("name",), (("code", ""),)),
    Form("/admin/closed-days/lisbon", "administrator", ("reason",), (("day", "31/11/2026"),)),
    Form("/admin/services/massage", "administrator", (), (("before", "many"), ("horizon", "0"), ("per_day", "11"))),
    Form("/admin/services/massage", "administrator", (), (("series", "1"),)),
    Form("/admin/reminders", "administrator", (), (("quiet_from", "9 pm"), ("quiet_until", "24:00"))),
    Form("/admin/reminders/usual/sms", "administrator", (), (("early_days", "few"), ("from_time", "9:5"))),
    Form("/admin/missed-visits", "administrator", (), (("noshow_limit", "1e"), ("noshow_days", "-"))),
    Form("/admin/waiting-list/lisbon", "administrator", (), (("stands", "4"), ("stop", "soon"))),
    Form("/admin/waiting-list/ponta-delgada", "administrator", (), (("stop", "8"), ("stop_unit", "days"))),
    Form("/hours/{ines}/absences/add", "doctor", ("reason",), (("starts", "noon"), ("first_day", "tomorrow"))),
    Form("/hours/{ines}/weekly/add", "doctor", (), (("starts", "25"), ("ends", "9:0"), ("valid_from", "1.1"))),
    Form("/hours/{ines}/meeting", "doctor", (), (("meeting_url", "http://meet.example.org/ines"),)),
    Form("/hours/{ines}/extra/add", "doctor", (), (("starts", ":"), ("day", "9999-12-31"))),
]


@pytest.mark.parametrize("form", FORMS, ids=[form.path for form in FORMS])
def test_a_refused_form_keeps_what_was_typed(db: Session, cast: Cast, clinic: Clinic, form: Form) -> None:
    _, sessions = make_series(db, clinic, cast.patient_person)
    visit = make_appointment(db, clinic, cast.stranger_person, practitioner=clinic.rui)
    ids = {
        "ines": clinic.ines.id, "session": sessions[1].id, "visit": visit.id, "patient": cast.patient_person.id,
        "plan": PLAN.format(clinic.ines.id),
    }  # fmt: skip
    form = replace(form, path=form.path.format(**ids), send_to=form.send_to.format(**ids))
    client = cast.browser(getattr(cast, form.who) if form.who else None)
    blank = client.page(form.path)
    fields = form_with(blank, form).fields()

    @settings(
        max_examples=10, deadline=None, database=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
    )
    @example(typed="<script>alert(1)</script>\" '&amp;")
    @example(typed="Ω🙂 D'Almeida-Sá")
    @given(typed=TYPED)
    def refuse(typed: str) -> None:
        sent = fields | dict.fromkeys(form.boxes, typed) | dict(form.wrong)
        as_sent = {"data": sent} if form.method == "POST" else {"query_string": sent}
        page = client.page(form.send_to or form.path, method=form.method, status=422, **as_sent)
        kept = form_with(page, form).fields()
        typed_in = dict.fromkeys(form.boxes, typed) | {name: value for name, value in form.wrong if name != "password"}
        assert {name: kept[name] for name in typed_in} == typed_in
        assert not [field for field in page.all("input", type="password") if field.get("value")]
        check_summary(page)

    refuse()


def form_with(page: Page, form: Form) -> Page:
    """The page reduced to the form in question: pages start and end with small ones."""
    wanted = {*form.boxes, *(name for name, _ in form.wrong)}
    for candidate in page.all("form"):
        names = {element.get("name") for element in candidate.iter()}
        if wanted <= names:
            return OneForm(page, candidate)
    raise AssertionError(f"no form with {wanted}")


class OneForm(Page):
    """A page of which only one form is looked at."""

    def __init__(self, page: Page, form) -> None:
        super().__init__(page.response)
        self.root = page.root
        self._form = form

    def all(self, tag: str, **attributes: str):
        return [self._form] if tag == "form" else super().all(tag, **attributes)


def check_summary(page: Page) -> None:
    """The title says Error, the summary on top links to fields that exist, and each has the same words beside it."""
    assert page.title.startswith("Error: ")
    summaries = [
        element for element in page.all("div") if "nhsuk-error-summary" in (element.get("class") or "").split()
    ]
    assert len(summaries) == 1
    links = list(summaries[0].iter("a"))
    assert links
    for link in links:
        target = (link.get("href") or "").removeprefix("#")
        assert [element for element in page.root.iter() if element.get("id") == target], f"#{target} leads nowhere"
        words = "".join(link.itertext()).strip()
        assert page.text.count(words) >= 2, f"{words!r} is not said beside the field"


def test_a_note_that_is_too_long_is_kept(cast: Cast) -> None:
    client: PortalClient = cast.browser(cast.patient)
    times = client.page("/book/massage/times?practitioner=any&facility=lisbon")
    slot = next(button.get("value", "") for button in times.all("button") if button.get("name") == "slot")
    token = times.fields()["csrf_token"]
    check = client.page(
        "/book/massage/times?practitioner=any&facility=lisbon", method="POST", data={"slot": slot, "csrf_token": token}
    )
    assert check.h1 == "Check your answers"
    note = "My back hurts. " * 60
    path = check.response.request.path
    page = client.page(path, method="POST", status=422, data={"csrf_token": token, "patient_note": note})
    assert note.strip() in "".join(page.one("textarea").itertext())
    check_summary(page)
