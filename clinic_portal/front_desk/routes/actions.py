"""What is done with a press at the desk. Each is a form that works without JavaScript; pressing twice is harmless."""

from uuid import UUID

from flask import request
from flask.typing import ResponseReturnValue

from clinic_portal.check_in.use_cases.finish_online_visit import finish_online_visit
from clinic_portal.check_in.use_cases.mark_arrived import mark_arrived
from clinic_portal.check_in.use_cases.mark_noshow import mark_noshow
from clinic_portal.check_in.use_cases.start_online_visit import start_online_visit
from clinic_portal.check_in.use_cases.undo_arrival import undo_arrival
from clinic_portal.check_in.use_cases.undo_noshow import undo_noshow
from clinic_portal.front_desk.routes.pages import Press, blueprint, chosen_id, press
from clinic_portal.waiting_room.queries import TicketState
from clinic_portal.waiting_room.use_cases import call_next as next_calling
from clinic_portal.waiting_room.use_cases import call_ticket as calling
from clinic_portal.waiting_room.use_cases import undo_move as moving_back
from clinic_portal.waiting_room.use_cases.enter_room import enter_room
from clinic_portal.waiting_room.use_cases.finish_ticket import finish_ticket
from clinic_portal.waiting_room.use_cases.mark_left import mark_left
from clinic_portal.waiting_room.use_cases.put_back import put_back
from clinic_portal.waiting_room.use_cases.recall_ticket import recall_ticket
from clinic_portal.web.access import Right, right

VISIT = "/desk/<slug>/visits/<uuid:appointment_id>"
TICKET = "/desk/<slug>/tickets/<uuid:ticket_id>"

#: Button → what it does. Nothing but the address says to whom, so one view serves all of them, under the use case's name.
BUTTONS: dict[str, Press] = {
    f"{VISIT}/arrived": mark_arrived,
    f"{VISIT}/not-arrived": undo_arrival,
    f"{VISIT}/no-show": mark_noshow,
    f"{VISIT}/came": undo_noshow,
    f"{VISIT}/online-started": start_online_visit,
    f"{VISIT}/online-done": finish_online_visit,
    f"{TICKET}/call-again": recall_ticket,
    f"{TICKET}/entered": enter_room,
    f"{TICKET}/done": finish_ticket,
    # Nobody answered the call, or somebody who had left is back.
    f"{TICKET}/put-back": put_back,
    f"{TICKET}/left": mark_left,
}


@right(Right.DESK)
def press_button(slug: str, **whom: UUID) -> ResponseReturnValue:
    """Do what the button of this address does to the visit or the ticket that it names."""
    rule = "" if request.url_rule is None else request.url_rule.rule
    return press(slug, BUTTONS[rule], **whom)


for address, act in BUTTONS.items():
    blueprint.add_url_rule(address, act.__name__, press_button, methods=["POST"])


@blueprint.post("/desk/<slug>/call-next")
@right(Right.DESK)
def call_next(slug: str) -> ResponseReturnValue:
    """Call whoever is next, to one practitioner or any."""
    return press(slug, next_calling.call_next, practitioner_id=chosen_id("practitioner"), room_id=chosen_id("room"))


@blueprint.post(f"{TICKET}/call")
@right(Right.DESK)
def call_ticket(slug: str, ticket_id: UUID) -> ResponseReturnValue:
    """Call this one, to the appointment's room or another."""
    return press(slug, calling.call_ticket, ticket_id=ticket_id, room_id=chosen_id("room"))


@blueprint.post(f"{TICKET}/undo/<any(called, in_room, done, left):state>")
@right(Right.DESK)
def undo_move(slug: str, ticket_id: UUID, state: str) -> ResponseReturnValue:
    """The last press was a mistake; `state` is what it led to."""
    return press(slug, moving_back.undo_move, ticket_id=ticket_id, state=TicketState(state))
