"""The form of the waiting list: which days, with whom, where. Patients fill it in, and the desk does for who phones."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from flask import request
from flask_babel import gettext as _

from clinic_portal.booking.forms import ANY, WaitingForm
from clinic_portal.booking.queries import PartOfDay, VisitFacts
from clinic_portal.booking.queries.unserved import judge_wish
from clinic_portal.booking.queries.waiting import EntryFacts
from clinic_portal.booking.routes.times_shown import part_name
from clinic_portal.booking.rules import ASKED_NOTICES, ASKED_PARTS, Asked, Unserved, judge_asked
from clinic_portal.booking.steps.wishes import Wanted
from clinic_portal.core.clock import local_day
from clinic_portal.core.ids import PatientId
from clinic_portal.core.modes import Mode
from clinic_portal.core.wording import span_in_words, weekday_in_words, weekdays_in_words
from clinic_portal.facilities.queries import FacilityFacts, ServiceFacts, find_facilities
from clinic_portal.practitioners.queries import PractitionerFacts, ServicePlace, places_of_service
from clinic_portal.web.database import clock, db_session
from clinic_portal.web.filters import local_text
from clinic_portal.web.i18n import current_language


@dataclass(frozen=True)
class Asking:
    """Whose form it is: for what, for whom, and what there is to choose from."""

    service: ServiceFacts
    #: Names of those for whom it may be.
    people: Mapping[PatientId, str]
    practitioners: tuple[PractitionerFacts, ...]
    facilities: tuple[FacilityFacts, ...]
    #: In person, online: what there is, or what the visit is.
    modes: tuple[Mode, ...]
    now: datetime
    back: str
    #: Who gives it where, and how.
    places: tuple[ServicePlace, ...]
    #: The visit to bring forward.
    visit: VisitFacts | None = None

    def today(self, where: FacilityFacts | None = None) -> date:
        """What day it is at a place; at none in particular, where it is the earliest: nobody is asked for yesterday."""
        places = [where] if where else self.facilities or ([self.visit.facility] if self.visit else [])
        return min((local_day(self.now, one.tz) for one in places), default=self.now.date())

    def last_day(self, where: FacilityFacts | None = None) -> date:
        """The last day that helps: the visit's own, or as far as the calendar is open."""
        if self.visit is not None:
            return local_day(self.visit.appointment.starts_at, self.visit.tz)
        return self.today(where) + timedelta(days=self.service.rules.horizon_days)

    @property
    def has_choice_of_place(self) -> bool:
        """Whether "where" is a question."""
        return len({place.facility_id for place in self.places if place.mode is Mode.IN_PERSON}) > 1


def asking_for(
    service: ServiceFacts,
    people: Mapping[PatientId, str],
    *,
    back: str,
    visit: VisitFacts | None = None,
    at: FacilityFacts | None = None,
) -> Asking:
    """Return what there is to choose from: everywhere, or `at` one place, with "anywhere" as the other choice."""
    now = clock().now()
    places = places_of_service(db_session(), service.id, from_day=now.date())
    if visit is not None and not service.rules.modes.allow(visit.appointment.mode):
        # It stays what it is, also where the service is given otherwise by now: an earlier time of it may come free.
        places = [ServicePlace(visit.practitioner, visit.facility.id, visit.appointment.mode)]
    facilities = find_facilities(db_session(), {place.facility_id for place in places})
    near = [place for place in places if at is None or place.facility_id == at.id]
    who = {place.practitioner.id: place.practitioner for place in near}
    modes = {visit.appointment.mode} if visit else {place.mode for place in near}
    return Asking(
        service, people, tuple(who.values()), (at,) if at else tuple(facilities.values()), tuple(sorted(modes)), now, back,
        tuple(places), visit,
    )  # fmt: skip


def suggested(
    asking: Asking, patient_id: PatientId, practitioner: PractitionerFacts | None, facility: FacilityFacts | None
) -> dict[str, object]:
    """Return what stands in a form that nobody filled in yet."""
    return {
        "patient": str(patient_id),
        "from_day": asking.today(facility).isoformat(),
        "until_day": asking.last_day(facility).isoformat(),
        "practitioner": str(practitioner.id) if practitioner else ANY,
        "facility": facility.slug if facility else ANY,
        "notice": "0",
        "mode": (asking.modes or (Mode.IN_PERSON,))[0].value,
    }


def as_asked(asking: Asking, entry: EntryFacts) -> dict[str, object]:
    """Return what stands in the form of somebody who waits already."""
    asked = entry.asked
    who = next((one for one in asking.practitioners if one.id == asked.practitioner_id), None)
    where = next((one for one in asking.facilities if one.id == asked.facility_id), None)
    return suggested(asking, entry.patient_id, who, where) | {
        "mode": asked.mode.value,
        "weekdays": [str(day) for day in sorted(asked.weekdays)],
        "parts": [part.value for part in asked.parts],
        "from_day": max(asked.from_day, asking.today(where)).isoformat(),
        "until_day": asked.until_day.isoformat(),
        "notice": str(asked.notice.days),
    }


def wish_form(asking: Asking, values: dict[str, object], kind: type[WaitingForm] = WaitingForm) -> WaitingForm:
    """Return the form with its choices; what there is only one of need not be sent."""
    form = kind(data=values)
    form.patient.choices = [(str(id_), name) for id_, name in asking.people.items()]
    form.weekdays.choices = [(str(day), weekday_in_words(day, current_language())) for day in range(7)]
    form.parts.choices = [(part.value, part_name(part)) for part in ASKED_PARTS]
    form.notice.choices = [(str(span.days), _notice_in_words(span)) for span in ASKED_NOTICES]
    form.practitioner.choices = [
        (ANY, _("No preference")),
        *((str(one.id), one.full_name) for one in asking.practitioners),
    ]
    form.facility.choices = [(ANY, _("Anywhere")), *((one.slug, local_text(one.names)) for one in asking.facilities)]
    modes = {Mode.IN_PERSON: _("At the clinic"), Mode.ONLINE: _("Online, by video or phone")}
    form.mode.choices = [(mode.value, modes[mode]) for mode in asking.modes]
    if len(asking.modes) < 2:
        # There is nothing to choose, so nothing was sent. Who waits for what is no longer given waits for what is.
        form.mode.data = asking.modes[0].value if asking.modes else str(values["mode"])
        form.mode.validators = ()
        form.mode.validate_choice = False
    if request.method == "POST" and len(asking.people) == 1:
        form.patient.data = str(next(iter(asking.people)))  # There is nothing to choose, so nothing was sent.
        form.patient.validators = ()
    return form


def is_filled_in(form: WaitingForm, asking: Asking) -> bool:
    """Whether the form was sent and makes sense; otherwise each field says what is wrong with it."""
    return bool(form.validate_on_submit()) and _days_are_right(form, asking) and _is_given(form, asking)


def wanted_of(form: WaitingForm, asking: Asking) -> Wanted:
    """Return what a form that makes sense asks for."""
    from_day, until_day = _days(form, asking)
    who = next((one for one in asking.practitioners if str(one.id) == form.practitioner.data), None)
    where, mode = _where(form, asking), Mode(form.mode.data)
    asked = Asked(
        from_day=from_day,
        until_day=until_day,
        weekdays=frozenset(int(day) for day in form.weekdays.data),
        parts=frozenset(PartOfDay(part) for part in form.parts.data),
        practitioner_id=who.id if who else None,
        facility_id=where.id if where and mode is Mode.IN_PERSON else None,
        mode=mode,
        notice=timedelta(days=int(form.notice.data)),
    )
    visit_id = asking.visit.appointment.id if asking.visit else None
    return Wanted(PatientId(UUID(form.patient.data)), asking.service.id, asked, visit_id)


def wish_in_words(asked: Asked) -> str:
    """Return days, parts of the day and notice: "Monday and Friday; morning", "Any day; morning; notice: 2 days"."""
    days = weekdays_in_words(asked.weekdays, current_language()) or _("any day")
    parts = ", ".join(part_name(part) for part in ASKED_PARTS if part in asked.parts) or _("any time of day")
    said = [f"{days[0].upper()}{days[1:]}", parts]
    if asked.notice:
        said.append(_("notice: %(time)s", time=_notice_in_words(asked.notice)))
    return "; ".join(said)


def _notice_in_words(notice: timedelta) -> str:
    return span_in_words(notice, current_language()) if notice else _("None: short notice is fine")


def _where(form: WaitingForm, asking: Asking) -> FacilityFacts | None:
    return next((one for one in asking.facilities if one.slug == form.facility.data), None)


def _days(form: WaitingForm, asking: Asking) -> tuple[date, date]:
    where = _where(form, asking)
    return form.from_day.value or asking.today(where), form.until_day.value or asking.last_day(where)


def _days_are_right(form: WaitingForm, asking: Asking) -> bool:
    (first, last), today = _days(form, asking), asking.today(_where(form, asking))
    code = judge_asked(first, last, today=today).code
    if code:
        words = {
            "waiting.days_over": _("Choose a day that is still to come"),
            "waiting.days_reversed": _("The last day is before the first"),
        }
        form.until_day.errors = [words[code]]
    elif asking.visit and first > asking.last_day():
        code = "waiting.days_after_visit"
        form.from_day.errors = [_("Your visit is before that day")]
    else:
        helps = min(last, asking.last_day()) if asking.visit else last
        code = judge_asked(first, max(first, helps), today=today, notice=timedelta(days=int(form.notice.data))).code
        if code:
            form.notice.errors = [_("With so much notice no day is left. Choose less, or a later last day")]
    return not code


def _is_given(form: WaitingForm, asking: Asking) -> bool:
    """Whether somebody gives the service as it is asked for: nobody waits for what cannot come."""
    asked = wanted_of(form, asking).asked
    is_given = any(
        asked.mode is place.mode
        and asked.practitioner_id in (None, place.practitioner.id)
        and asked.facility_id in (None, place.facility_id)
        for place in asking.places
    )
    if not is_given:
        words = _("This person does not offer the service there. Choose somebody else, another place, or no preference")
        (form.practitioner if asked.practitioner_id else form.facility).errors = [words]
        return False
    has_visit = asking.visit is not None
    reason = judge_wish(db_session(), asking.service.id, asked, has_visit=has_visit, now=asking.now)
    if reason is Unserved.DAYS:
        field = form.weekdays if asked.weekdays else form.parts if asked.parts else form.until_day
        field.errors = [_("Nobody offers this then. Choose other days or times, or none of them if any suits")]
    return reason is not Unserved.DAYS
