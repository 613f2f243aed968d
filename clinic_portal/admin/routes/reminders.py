"""When patients are reminded: a plan for each channel, for all services and for single ones, and the quiet hours."""

from dataclasses import dataclass

from flask import flash, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from clinic_portal.admin.fields import written
from clinic_portal.admin.forms import QuietHoursForm, ReminderPlanForm
from clinic_portal.admin.labels import CHANNELS
from clinic_portal.admin.routes.pages import blueprint
from clinic_portal.booking.queries.reminders import DEFAULTS, Channel, Plan, QuietHours, own_plans, quiet_hours
from clinic_portal.booking.use_cases import change_quiet_hours as quieting
from clinic_portal.booking.use_cases import change_reminder_plan as planning
from clinic_portal.core.typed import write_time
from clinic_portal.facilities.queries import ServiceFacts, bookable_services, service_by_slug
from clinic_portal.web.access import Right, require_actor, right
from clinic_portal.web.database import clock, db_session
from clinic_portal.web.pages import render_page, see_other

#: Stands in an address for all services that have no plan of their own.
USUAL = "usual"
PLAN = "/admin/reminders/<service>/<any(sms, email):channel>"


@dataclass(frozen=True)
class Line:
    """One service (None: all others) with its plans; `own` are the channels on which it has one of its own."""

    service: ServiceFacts | None
    slug: str
    plans: dict[str, Plan]
    own: frozenset[str]


@blueprint.route("/admin/reminders", methods=["GET", "POST"])
@right(Right.ADMIN)
def reminders() -> ResponseReturnValue:
    """Show every plan; set the quiet hours."""
    db = db_session()
    now = quiet_hours(db)
    form = QuietHoursForm(quiet_from=write_time(now.from_minute), quiet_until=write_time(now.until_minute))
    if form.validate_on_submit():
        quiet = QuietHours(form.quiet_from.value, form.quiet_until.value)
        quieting.change_quiet_hours(db, clock(), actor=require_actor(), quiet=quiet)
        return _saved()
    status = 422 if form.errors else 200
    return render_page("admin/reminders.html", status=status, form=form, lines=_lines(), channels=CHANNELS)


@blueprint.route(PLAN, methods=["GET", "POST"])
@right(Right.ADMIN)
def reminder_plan(service: str, channel: str) -> ResponseReturnValue:
    """Show and change one plan."""
    line = _line(service)
    plan = line.plans[channel]
    form = ReminderPlanForm(
        data={
            "early_days": written(plan.early_days),
            "last_days": written(plan.last_days),
            "early_instead_after_days": written(plan.early_instead_after_days),
            "from_time": write_time(plan.from_minute),
            "until_time": write_time(plan.until_minute),
            "late_from": write_time(plan.late_from_minute),
            "late_minutes": written(plan.late_minutes),
        }
    )
    if form.validate_on_submit():
        return _change(line, channel, _plan_of(form))
    status = 422 if form.errors else 200
    name = CHANNELS[channel]
    return render_page("admin/reminder_plan.html", status=status, form=form, line=line, channel=channel, name=name)


@blueprint.post(f"{PLAN}/as-usual")
@right(Right.ADMIN)
def reminder_plan_as_usual(service: str, channel: str) -> ResponseReturnValue:
    """Drop a plan: the one above it holds again."""
    return _change(_line(service), channel, None)


def _plan_of(form: ReminderPlanForm) -> Plan:
    return Plan(
        early_days=form.early_days.value,
        last_days=form.last_days.value,
        early_instead_after_days=form.early_instead_after_days.value,
        from_minute=form.from_time.value,
        until_minute=form.until_time.value,
        late_from_minute=form.late_from.value,
        late_minutes=form.late_minutes.value,
    )


def _change(line: Line, channel: str, plan: Plan | None) -> ResponseReturnValue:
    planning.change_reminder_plan(
        db_session(),
        clock(),
        actor=require_actor(),
        service_id=line.service.id if line.service else None,
        channel=Channel(channel),
        plan=plan,
    )
    return _saved()


def _saved() -> ResponseReturnValue:
    flash(_("Saved. What already waits is planned anew within a minute."))
    return see_other(url_for("admin.reminders"))


def _lines() -> list[Line]:
    found = own_plans(db_session())
    services: list[ServiceFacts | None] = [None, *bookable_services(db_session())]
    lines = []
    for service in services:
        own = {channel.value for channel in Channel if (service.id if service else None, channel) in found}
        plans = {
            channel.value: found.get((service.id if service else None, channel))
            or found.get((None, channel))
            or DEFAULTS[channel]
            for channel in Channel
        }
        lines.append(Line(service, service.slug if service else USUAL, plans, frozenset(own)))
    return lines


def _line(slug: str) -> Line:
    """Return one line. Raises: NotFound."""
    wanted = None if slug == USUAL else service_by_slug(db_session(), slug).id
    return next(line for line in _lines() if (line.service.id if line.service else None) == wanted)
