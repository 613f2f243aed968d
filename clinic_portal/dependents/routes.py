"""Pages of this feature."""

from uuid import UUID

from flask import Blueprint, flash, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from clinic_portal.core.errors import NotFound
from clinic_portal.core.ids import PatientId
from clinic_portal.dependents.forms import DisplayNameForm
from clinic_portal.dependents.queries import people_of, person_to_book_for
from clinic_portal.dependents.use_cases.choose_display_name import choose_display_name
from clinic_portal.patients.queries import display_choice
from clinic_portal.patients.rules import DisplayChoice, shown_name
from clinic_portal.web.access import Right, require_actor, right
from clinic_portal.web.database import clock, db_session
from clinic_portal.web.pages import render_page, see_other

blueprint = Blueprint("dependents", __name__)

#: How a ticket's code looks, for the example.
EXAMPLE_CODE = "A 17"


@blueprint.get("/account/waiting-room")
@right(Right.PATIENT)
def own_display_name() -> ResponseReturnValue:
    """Go to the own page; somebody who is no patient has none."""
    for person in people_of(db_session(), clock(), actor=require_actor()):
        if person.can_book:
            return see_other(url_for("dependents.display_name", patient_id=person.patient_id))
    raise NotFound


@blueprint.route("/account/waiting-room/<uuid:patient_id>", methods=["GET", "POST"])
@right(Right.PATIENT)
def display_name(patient_id: UUID) -> ResponseReturnValue:
    """Choose how the waiting room calls somebody."""
    db, time, actor = db_session(), clock(), require_actor()
    person = person_to_book_for(db, time, PatientId(patient_id), actor=actor)
    form = DisplayNameForm(choice=display_choice(db, person.patient_id).value)
    if form.validate_on_submit():
        choice = DisplayChoice(form.choice.data)
        choose_display_name(db, time, actor=actor, patient_id=person.patient_id, choice=choice)
        flash(_("Saved: from now on the waiting room calls %(name)s like this.", name=person.given_name))
        return see_other(url_for("accounts.account"))
    names = {"given_name": person.given_name, "family_name": person.family_name, "code": EXAMPLE_CODE}
    examples = {choice.value: shown_name(choice, **names) for choice in DisplayChoice}
    others = [other for other in people_of(db, time, actor=actor) if other.can_book and other != person]
    return render_page(
        "dependents/display_name.html",
        status=422 if form.errors else 200,
        form=form,
        person=person,
        examples=examples,
        others=others,
    )
