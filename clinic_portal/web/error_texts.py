"""What an error page says: a heading, an explanation, and ways on. One entry a code; the status is the fallback."""

from flask import current_app, g, request, url_for
from flask_babel import lazy_gettext as _

from clinic_portal.core.actor import Role
from clinic_portal.web.access import current_actor
from clinic_portal.web.database import settings

#: Domain code → heading and explanation.
BY_CODE = {
    "csrf": (
        _("This page was open for too long"),
        _("For your safety the form was not sent. Go back, reload the page and send it again."),
    ),
    "appointment.slot_taken": (
        _("Someone else has just taken this time"),
        _("Nothing was booked. Please choose another time."),
    ),
    "appointment.patient_overlap": (
        _("There is already a visit at this time"),
        _("Nothing was booked: this person has another visit that overlaps with it."),
    ),
    "appointment.hold_expired": (
        _("The time is no longer held for you"),
        _("Nothing was booked. We hold a time for ten minutes. Please choose a time again."),
    ),
    "sms.opt_in_too_soon": (
        _("SMS can be turned on again only once in 30 days"),
        _("Nothing was changed. Answer START to one of our SMS from that phone, or try again later."),
    ),
    "hold.too_many": (
        _("Many times are already held from your network"),
        _(
            "Nothing was held. Sign in and choose the time again: with an account you can go on at once. Or wait ten"
            " minutes, or phone us: %(phone)s"
        ),
    ),
    "appointment.patient_missing": (
        _("Who is the visit for?"),
        _("Nothing was booked. Please choose the person first."),
    ),
    "appointment.already_started": (
        _("This visit can no longer be changed here"),
        _("It has already started or is over. Nothing was changed. Please talk to the front desk."),
    ),
    "appointment.cancelled_before": (
        _("This visit was cancelled before"),
        _("Nothing was changed, and the patient was not told again."),
    ),
    "appointment.too_late_to_change": (
        _("It is too late to change this visit here"),
        _("Nothing was changed. Please phone us: the number is below."),
    ),
    "appointment.missed_too_often": (
        _("Please call us to book"),
        _(
            "Nothing was booked. Some visits were missed lately, so we arrange the next one with you by phone: %(phone)s"
        ),
    ),
    "appointment.too_many_that_day": (
        _("There is already a visit of this kind on that day"),
        _("Nothing was booked. Please choose a time on another day, or phone us."),
    ),
    "series.changed": (
        _("These sessions have changed in the meantime"),
        _("Nothing was changed. Look at the sessions as they are now, then decide again."),
    ),
    "series.not_offered": (
        _("These sessions cannot be booked together"),
        _("Nothing was booked. Choose other dates, or fewer of them, or phone us."),
    ),
    "series.times_lost": (
        _("Some of the times are no longer free"),
        _("Nothing was changed. Go back and choose other times."),
    ),
    "appointment.state_changed": (
        _("This visit has changed in the meantime"),
        _("Nothing was changed. Look at the visit as it is now, then decide again."),
    ),
    "appointment.time_given_away": (
        _("Somebody else has this time now"),
        _("Nothing was changed. To see the patient today, book another visit by phone."),
    ),
    "appointment.not_started": (
        _("The time of this visit has not come yet"),
        _("Nothing was changed. A visit can only be marked as missed after it was due to start."),
    ),
    "offer.over": (
        _("This offer is over"),
        _("Nothing was booked. You are still told when another time comes free."),
    ),
    "offer.lost": (
        _("This time is no longer free"),
        _("Nothing was booked. You are still told when another time comes free."),
    ),
    "offer.withdrawn": (
        _("This offer was withdrawn"),
        _("Nothing was booked. The time no longer fits what is waited for."),
    ),
    "waiting.already_waiting": (
        _("You are on this waiting list already"),
        _("Nothing was changed. Look at your waiting list below your visits."),
    ),
    "waiting.days_over": (
        _("These days have passed"),
        _("Nothing was changed. Please choose days that are still to come."),
    ),
    "waiting.too_much_notice": (
        _("That is more notice than there is time"),
        _("Nothing was changed. Please choose less notice, or a later last day."),
    ),
    "waiting.days_reversed": (
        _("The last day is before the first"),
        _("Nothing was changed. Please choose the days again."),
    ),
    "waiting.not_given_so": (
        _("This service is not available like that"),
        _("Nothing was changed. Please choose again whether to come or to meet online."),
    ),
    "check_in.earlier_day": (
        _("This visit was on an earlier day"),
        _("Nothing was changed. Arrivals can only be recorded for today's visits."),
    ),
    "check_in.later_day": (
        _("This visit is on a later day"),
        _("Nothing was changed. Arrivals can only be recorded for today's visits."),
    ),
    "ticket.moved_on": (
        _("The queue has changed in the meantime"),
        _("Nothing was changed. Someone else was faster; this is how it looks now."),
    ),
    "ticket.room_needed": (
        _("Choose a room"),
        _("Nobody was called: this visit has no room of its own. Choose the room to which you call."),
    ),
    "ticket.nobody_waiting": (_("Nobody is waiting"), _("There is nobody to call at the moment.")),
    "ticket.room_in_use": (
        _("Someone is still in this room"),
        _("Nothing was changed. Finish the visit in the room first, or call to another room."),
    ),
    "screen.code_unknown": (
        _("No screen shows this code"),
        _("Nothing was paired. Check the code on the screen; it changes every ten minutes."),
    ),
}

#: Codes whose explanation names the clinic's phone number.
WITH_PHONE = frozenset({"appointment.missed_too_often", "hold.too_many"})

#: HTTP status → the same, where the code has no words of its own.
BY_STATUS = {
    400: (_("We could not understand the request"), _("Nothing was changed. Go back and try again.")),
    401: (_("Please sign in"), _("You need to be signed in to see this page.")),
    403: (
        _("You cannot open this page"),
        _("Your account does not have the right to do this. Nothing was changed."),
    ),
    404: (
        _("Page not found"),
        _("The address may be mistyped, or the page may have moved. Your visits are not affected."),
    ),
    405: (_("This page cannot be opened this way"), _("Nothing was changed. Start again from the home page.")),
    409: (_("This is no longer possible"), _("Something changed in the meantime. Nothing was booked or changed.")),
    413: (_("That was too much to send"), _("Nothing was changed. Shorten what you wrote and send it again.")),
    429: (_("Too many tries"), _("Please wait a minute and try again. Nothing was changed.")),
    503: (_("We are very busy right now"), _("Nothing was changed. Please try again in a few seconds.")),
}

#: Where the links in our messages lead, and what is said of one that opens nothing.
LINKS = ("/v/", "/offers/")
DEAD_LINK = (
    _("This link does not work"),
    _("It may have been cut short, or it is no longer valid. Open it again from our message, or look at your visits."),
)

#: Where staff work, and what they read of an address there that leads nowhere.
STAFF_PAGES = ("/desk", "/admin", "/hours")
NOTHING_THERE = (
    _("Page not found"),
    _("The address may be mistyped, or what it showed is no longer there. Nothing was changed."),
)

UNEXPECTED = (
    _("Sorry, something went wrong"),
    _("We have been told about it. If you were booking, look at your visits to see whether it was booked."),
)


def explain(status: int, code: str) -> dict[str, object]:
    """Return heading, explanation and next steps [(label, URL)] for a domain code or an HTTP status."""
    heading, explanation = _texts(status, code)
    if code in WITH_PHONE:
        explanation = str(explanation) % {"phone": settings().clinic_phone.replace(" ", "\N{NO-BREAK SPACE}")}
    return {"heading": heading, "explanation": explanation, "next_steps": _ways_on(status, code)}


def _texts(status: int, code: str) -> tuple[object, object]:
    if status == 404 and request.path.startswith(LINKS):
        return DEAD_LINK
    if status == 404 and request.path.startswith(STAFF_PAGES):
        return NOTHING_THERE
    return BY_CODE.get(code) or BY_STATUS.get(status) or UNEXPECTED


def _page_of_times() -> str:
    """Return the page on which the time was pressed; after "hold it again", the services."""
    is_list = request.endpoint == "booking.hold_chosen_time"
    return request.full_path if is_list else url_for("booking.choose_service")


def _work_page() -> tuple[object, str] | None:
    """Return where staff go on; None for everybody else. Nobody is looked up for it: the database may be what broke."""
    actor = current_actor() if "_login_user" in g else None
    if actor is None:
        return None
    if actor.role in {Role.RECEPTIONIST, Role.ADMINISTRATOR}:
        return _("Front desk"), url_for("front_desk.day_redirect")
    return (_("My hours"), url_for("admin.own_hours")) if actor.role is Role.DOCTOR else None


def _has_page() -> bool:
    """Whether the form that was sent stands on a page with its own address."""
    adapter = current_app.create_url_adapter(request)
    return adapter is not None and adapter.test(request.path, method="GET")


def _ways_on(status: int, code: str) -> list[tuple[object, str]]:
    steps: list[tuple[object, str]] = []
    if status == 503 and request.method == "GET":
        steps.append((_("Try again"), request.full_path.rstrip("?")))
    if code == "csrf" and _has_page():
        steps.append((_("Open the page again"), request.full_path.rstrip("?")))
    work = _work_page() if request.path.startswith(STAFF_PAGES) else None
    if work:
        return [*steps, work]
    if code == "hold.too_many":
        steps.append((_("Sign in"), url_for("accounts.sign_in", next=_page_of_times())))
    if code == "appointment.missed_too_often":  # No other time helps.
        steps.append((_("Call the clinic"), f"tel:{settings().clinic_phone.replace(' ', '')}"))
    elif code.startswith(("appointment.", "hold.")):
        steps.append((_("Choose another time"), url_for("booking.choose_service")))
    if status in {409, 500} or (status == 404 and request.path.startswith(LINKS)):
        steps.append((_("See my visits"), url_for("booking.my_visits")))
    steps.append((_("Go to the home page"), url_for("booking.home")))
    return steps
