"""Visits that a change of hours leaves outside of them: asked about before anything happens, and listed until none is left."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from flask import flash, request, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _
from flask_babel import ngettext

from clinic_portal.admin.routes.pages import blueprint
from clinic_portal.booking.queries.stranded import StrandedVisit, visits_outside_hours
from clinic_portal.booking.rules import StrandedAnswer
from clinic_portal.booking.steps.stranding import Answers, Settled, VisitsStranded
from clinic_portal.booking.use_cases.settle_stranded import settle_stranded
from clinic_portal.web.access import Right, require_actor, right
from clinic_portal.web.database import clock, db_session
from clinic_portal.web.pages import render_page, see_other

ANSWER = "answer-"


@dataclass(frozen=True)
class Sent:
    """What came back from a page that asked: the visits that it showed, and what was chosen."""

    shown: tuple[str, ...]
    answers: Mapping[str, StrandedAnswer]
    for_all: str = ""

    @property
    def missing(self) -> frozenset[str]:
        """The visits for which nothing was chosen."""
        return frozenset(self.shown) - self.answers.keys()


def sent_answers() -> Sent:
    """Read them from the request. A choice for one visit counts more than the one for all."""
    shown = tuple(dict.fromkeys(request.form.getlist("shown")))
    for_all = request.form.get("for_all", "")
    found = {token: request.form.get(ANSWER + token) or for_all for token in shown}
    known = {answer.value: answer for answer in StrandedAnswer}
    return Sent(shown, {token: known[chosen] for token, chosen in found.items() if chosen in known}, for_all)


def carry_out(
    run: Callable[[Answers], Settled], *, what: str, fields: Mapping[str, str], back: str
) -> ResponseReturnValue:
    """Make a change. When it strands visits, show them and ask; `fields` is the form that is sent again with the answers.

    `what` says the change in a few words; `back` is where to go on and where "change nothing" leads.
    """
    sent = sent_answers()
    try:
        settled = _run(run, {} if sent.missing else sent.answers)
    except VisitsStranded as stranded:
        tokens = {one.token for one in stranded.visits}
        is_new = bool(sent.shown) and tokens != set(sent.shown)
        no_room = {one.token for one in stranded.visits if one.new_room is None}
        roomless = {token for token in no_room if sent.answers.get(token) is StrandedAnswer.ROOM}
        return render_page(
            "admin/stranded.html",
            status=409 if is_new else 422 if sent.shown else 200,
            visits=stranded.visits,
            sent=sent,
            is_new=is_new,
            missing=frozenset() if is_new else sent.missing | roomless,
            what=what,
            fields=fields,
            back=back,
        )
    tell(settled, what)
    return see_other(url_for("admin.outside_hours") if settled.to_move else back)


def _run(run: Callable[[Answers], Settled], answers: Answers) -> Settled:
    try:
        return run(answers)
    except VisitsStranded as stranded:
        if stranded.visits:
            raise
        return run({})  # All that were shown are gone by themselves: nothing is left to ask.


def tell(settled: Settled, what: str = "") -> None:
    """Have the next page say what was done."""
    if what:
        flash(_("Saved: %(what)s", what=what))
    told = settled.cancelled - settled.unreachable
    if told:
        flash(ngettext("%(num)d visit cancelled; the patient gets a message",
                       "%(num)d visits cancelled; each patient gets a message", told))  # fmt: skip
    if settled.unreachable:
        flash(ngettext("%(num)d visit of a patient without phone or e-mail is cancelled: the front desk is asked to tell them",
                       "%(num)d visits of patients without phone or e-mail are cancelled: the front desk is asked to tell them",
                       settled.unreachable))  # fmt: skip
    if settled.other_room:
        flash(ngettext("%(num)d visit stays at its time, in another room",
                       "%(num)d visits stay at their times, in another room", settled.other_room))  # fmt: skip
    if settled.kept:
        flash(ngettext("%(num)d visit stays although it is outside the hours",
                       "%(num)d visits stay although they are outside the hours", settled.kept))  # fmt: skip
    if settled.to_move:
        flash(ngettext("%(num)d visit is to be moved: choose its new time below",
                       "%(num)d visits are to be moved: choose their new times below", settled.to_move))  # fmt: skip


@blueprint.get("/hours/outside")
@right(Right.HOURS)
def outside_hours() -> ResponseReturnValue:
    """List the visits outside the hours; those that somebody decided to keep come last."""
    return _list(Sent((), {}))


@blueprint.post("/hours/outside")
@right(Right.HOURS)
def settle_outside() -> ResponseReturnValue:
    """Keep, set down to be moved, or cancel with a message."""
    sent = sent_answers()
    if not sent.answers:
        return _list(sent, status=422)
    tell(settle_stranded(db_session(), clock(), answers=sent.answers, actor=require_actor()))
    return see_other(url_for("admin.outside_hours"))


def _list(sent: Sent, status: int = 200) -> ResponseReturnValue:
    visits = visits_outside_hours(db_session(), clock(), actor=require_actor())

    def is_kept(one: StrandedVisit) -> bool:
        return one.answer is StrandedAnswer.KEEP

    return render_page(
        "admin/outside_hours.html",
        status=status,
        visits=[one for one in visits if not is_kept(one)],
        kept=[one for one in visits if is_kept(one)],
        sent=sent,
        is_empty_answer=status != 200,
    )
