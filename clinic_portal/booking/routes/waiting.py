"""The waiting list: asking to be told of a time, what somebody waits for, and stopping to wait."""

from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

from flask import redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from clinic_portal.booking.forms import ANY, WaitingForm
from clinic_portal.booking.links import offer_link_path
from clinic_portal.booking.queries import PartOfDay, VisitFacts, visit_of
from clinic_portal.booking.queries.waiting_views import EntryView, entries_of, entry_of, waiting_for
from clinic_portal.booking.routes.common import Way, blueprint, bookable_people, way_so_far
from clinic_portal.booking.routes.times import part_name
from clinic_portal.booking.rules import ASKED_PARTS, Asked, judge_asked
from clinic_portal.booking.use_cases.join_waiting_list import Wanted, join_waiting_list
from clinic_portal.booking.use_cases.leave_waiting_list import leave_waiting_list
from clinic_portal.core.clock import local_day
from clinic_portal.core.errors import NotFound
from clinic_portal.core.ids import AppointmentId, EntryId, PatientId
from clinic_portal.core.modes import Mode
from clinic_portal.core.wording import weekday_in_words
from clinic_portal.dependents.queries import PersonFacts
from clinic_portal.facilities.queries import FacilityFacts, ServiceFacts, find_facilities
from clinic_portal.practitioners.queries import PractitionerFacts, ServicePlace, places_of_service
from clinic_portal.web.access import Right, require_actor, right
from clinic_portal.web.database import clock, db_session, settings
from clinic_portal.web.filters import local_text
from clinic_portal.web.i18n import current_language
from clinic_portal.web.limits import limiter
from clinic_portal.web.pages import render_page, see_other

ENTRY = "/waiting-list/<uuid:entry_id>"


@dataclass(frozen=True)
class Asking:
    """Whose form it is: for what, for whom, and what there is to choose from."""

    service: ServiceFacts
    people: tuple[PersonFacts, ...]
    practitioners: tuple[PractitionerFacts, ...]
    facilities: tuple[FacilityFacts, ...]
    #: In person, online: what there is, or what the visit is.
    modes: tuple[Mode, ...]
    today: date
    back: str
    #: Who gives it where, and how.
    places: tuple[ServicePlace, ...]
    #: The visit to bring forward.
    visit: VisitFacts | None = None

    @property
    def last_day(self) -> date:
        """The last day that helps: the visit's own, or as far as the calendar is open."""
        if self.visit is not None:
            return local_day(self.visit.appointment.starts_at, self.visit.tz)
        return self.today + timedelta(days=self.service.rules.horizon_days)


@blueprint.route("/visits/<uuid:appointment_id>/earlier", methods=["GET", "POST"])
@right(Right.PATIENT)
@limiter.limit("40 per minute")
def ask_for_earlier(appointment_id: UUID) -> ResponseReturnValue:
    """Ask to be told when an earlier time than a visit's comes free."""
    actor, id_ = require_actor(), AppointmentId(appointment_id)
    visit, back = visit_of(db_session(), clock(), id_, actor=actor), url_for("booking.visit", appointment_id=id_)
    if not visit.judge_change(clock().now()).allowed or visit.person is None:
        return redirect(back, 303)
    asking = _asking(visit.service, [visit.person], back=back, visit=visit)
    known = waiting_for(db_session(), clock(), id_, actor=actor)
    return _ask(asking, _known(asking, known) if known else _suggested(asking, visit.person, None, None))


@blueprint.route("/book/<service>/waiting-list", methods=["GET", "POST"])
@right(Right.PATIENT)
@limiter.limit("40 per minute")
def ask_for_time(service: str) -> ResponseReturnValue:
    """Ask to be told when a time comes free. What was chosen on the way here stands in the form already."""
    way, people = way_so_far(service), bookable_people()
    if not people:
        raise NotFound
    asking = _asking(way.service, people, back=_back(way))
    person = way.person or people[0]
    mine = [one for one in entries_of(db_session(), clock(), actor=require_actor()) if one.entry.appointment_id is None]
    known = [one for one in mine if (one.person, one.service.id) == (person, way.service.id)]
    values = _known(asking, known[0]) if known else _suggested(asking, person, way.practitioner, way.facility)
    if way.is_online and not known:
        values["mode"] = way.mode.value
    if way.part is not PartOfDay.ANY and not known:
        values["parts"] = [way.part.value]
    return _ask(asking, values)


@blueprint.get(ENTRY)
@right(Right.PATIENT)
def waiting(entry_id: UUID) -> ResponseReturnValue:
    """Show what somebody waits for, and what happens next."""
    view = entry_of(db_session(), clock(), EntryId(entry_id), actor=require_actor())
    return render_page("booking/waiting.html", view=view, wish=wish_in_words(view), offer_path=path_of_offer(view))


@blueprint.post(f"{ENTRY}/end")
@right(Right.PATIENT)
def stop_waiting(entry_id: UUID) -> ResponseReturnValue:
    """Take somebody off the list."""
    leave_waiting_list(db_session(), clock(), entry_id=EntryId(entry_id), actor=require_actor())
    return see_other(url_for("booking.my_visits", _anchor="waiting"))


def path_of_offer(view: EntryView) -> str:
    """Return where the offer of an entry is answered; empty without one."""
    return offer_link_path(settings(), view.offer.reference) if view.offer else ""


def wish_in_words(view: EntryView) -> str:
    """Return days and parts of the day: "Monday, Wednesday; morning"."""
    asked, language = view.entry.asked, current_language()
    days = ", ".join(weekday_in_words(day, language) for day in sorted(asked.weekdays)) or _("any day")
    parts = ", ".join(part_name(part) for part in ASKED_PARTS if part in asked.parts) or _("any time of the day")
    return f"{days}; {parts}"


def _asking(service: ServiceFacts, people: list[PersonFacts], *, back: str, visit: VisitFacts | None = None) -> Asking:
    today = clock().now().date()
    places = places_of_service(db_session(), service.id, from_day=today)
    facilities = find_facilities(db_session(), {place.facility_id for place in places})
    who = {place.practitioner.id: place.practitioner for place in places}
    modes = {visit.appointment.mode} if visit else {place.mode for place in places}
    return Asking(
        service, tuple(people), tuple(who.values()), tuple(facilities.values()), tuple(sorted(modes)), today, back,
        tuple(places), visit,
    )  # fmt: skip


def _back(way: Way) -> str:
    return way.link("choose_time" if way.is_placed else "choose_facility")


def _suggested(
    asking: Asking, person: PersonFacts, practitioner: PractitionerFacts | None, facility: FacilityFacts | None
) -> dict[str, object]:
    return {
        "patient": str(person.patient_id),
        "from_day": asking.today.isoformat(),
        "until_day": asking.last_day.isoformat(),
        "practitioner": str(practitioner.id) if practitioner else ANY,
        "facility": facility.slug if facility else ANY,
        "mode": (asking.modes or (Mode.IN_PERSON,))[0].value,
    }


def _known(asking: Asking, view: EntryView) -> dict[str, object]:
    asked = view.entry.asked
    return _suggested(asking, view.person, view.practitioner, view.facility) | {
        "mode": asked.mode.value,
        "weekdays": [str(day) for day in sorted(asked.weekdays)],
        "parts": [part.value for part in asked.parts],
        "from_day": max(asked.from_day, asking.today).isoformat(),
        "until_day": asked.until_day.isoformat(),
    }


def _form(asking: Asking, values: dict[str, object]) -> WaitingForm:
    form = WaitingForm(data=values)
    form.patient.choices = [(str(one.patient_id), one.full_name) for one in asking.people]
    form.weekdays.choices = [(str(day), weekday_in_words(day, current_language())) for day in range(7)]
    form.parts.choices = [(part.value, part_name(part)) for part in ASKED_PARTS]
    form.practitioner.choices = [
        (ANY, _("No preference")),
        *((str(one.id), one.full_name) for one in asking.practitioners),
    ]
    form.facility.choices = [(ANY, _("Anywhere")), *((one.slug, local_text(one.names)) for one in asking.facilities)]
    modes = {Mode.IN_PERSON: _("At the clinic"), Mode.ONLINE: _("Online, by video or phone")}
    form.mode.choices = [(mode.value, modes[mode]) for mode in asking.modes]
    if len(asking.modes) < 2:
        form.mode.data = str(values["mode"])  # There is nothing to choose, so nothing was sent.
        form.mode.validators = ()
        form.mode.validate_choice = False
    if request.method == "POST" and len(asking.people) == 1:
        form.patient.data = str(asking.people[0].patient_id)  # There is nothing to choose, so nothing was sent.
        form.patient.validators = ()
    return form


def _ask(asking: Asking, values: dict[str, object]) -> ResponseReturnValue:
    form = _form(asking, values)
    if form.validate_on_submit() and _days_are_right(form, asking) and _is_given(form, asking):
        entry = join_waiting_list(db_session(), clock(), wanted=_wanted(form, asking), actor=require_actor())
        return see_other(url_for("booking.waiting", entry_id=entry.id))
    status = 422 if form.errors else 200
    return render_page("booking/ask_for_time.html", status=status, form=form, asking=asking, visit=asking.visit)


def _days(form: WaitingForm, asking: Asking) -> tuple[date, date]:
    return form.from_day.value or asking.today, form.until_day.value or asking.last_day


def _days_are_right(form: WaitingForm, asking: Asking) -> bool:
    code = judge_asked(*_days(form, asking), today=asking.today).code
    if code:
        words = {
            "waiting.days_over": _("Choose a day that is still to come"),
            "waiting.days_reversed": _("The last day is before the first"),
        }
        form.until_day.errors = [words[code]]
    elif asking.visit and _days(form, asking)[0] > asking.last_day:
        code = "waiting.days_after_visit"
        form.from_day.errors = [_("Your visit is before that day")]
    return not code


def _is_given(form: WaitingForm, asking: Asking) -> bool:
    """Whether somebody gives the service as it is asked for: nobody waits for what cannot come."""
    asked = _wanted(form, asking).asked
    is_given = any(
        asked.mode is place.mode
        and asked.practitioner_id in (None, place.practitioner.id)
        and asked.facility_id in (None, place.facility_id)
        for place in asking.places
    )
    if not is_given:
        words = _("This person does not give the service there. Choose somebody else, another place, or no preference")
        (form.practitioner if asked.practitioner_id else form.facility).errors = [words]
    return is_given


def _wanted(form: WaitingForm, asking: Asking) -> Wanted:
    from_day, until_day = _days(form, asking)
    who = next((one for one in asking.practitioners if str(one.id) == form.practitioner.data), None)
    where = next((one for one in asking.facilities if one.slug == form.facility.data), None)
    mode = Mode(form.mode.data)
    asked = Asked(
        from_day=from_day,
        until_day=until_day,
        weekdays=frozenset(int(day) for day in form.weekdays.data),
        parts=frozenset(PartOfDay(part) for part in form.parts.data),
        practitioner_id=who.id if who else None,
        facility_id=where.id if where and mode is Mode.IN_PERSON else None,
        mode=mode,
    )
    visit_id = asking.visit.appointment.id if asking.visit else None
    return Wanted(PatientId(UUID(form.patient.data)), asking.service.id, asked, visit_id)
