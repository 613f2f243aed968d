"""What is done with a press at the desk. Each is a form that works without JavaScript; pressing twice is harmless."""

from uuid import UUID

from flask.typing import ResponseReturnValue

from clinic_portal.check_in.use_cases import finish_online_visit as ending
from clinic_portal.check_in.use_cases import mark_arrived as arriving
from clinic_portal.check_in.use_cases import mark_noshow as missing
from clinic_portal.check_in.use_cases import start_online_visit as starting
from clinic_portal.check_in.use_cases import undo_arrival as undoing
from clinic_portal.check_in.use_cases import undo_noshow as coming
from clinic_portal.front_desk.routes.pages import blueprint, chosen_id, press
from clinic_portal.waiting_room.queries import TicketState
from clinic_portal.waiting_room.use_cases import call_next as next_calling
from clinic_portal.waiting_room.use_cases import call_ticket as calling
from clinic_portal.waiting_room.use_cases import enter_room as entering
from clinic_portal.waiting_room.use_cases import finish_ticket as finishing
from clinic_portal.waiting_room.use_cases import mark_left as leaving
from clinic_portal.waiting_room.use_cases import put_back as putting_back
from clinic_portal.waiting_room.use_cases import recall_ticket as recalling
from clinic_portal.waiting_room.use_cases import undo_move as moving_back
from clinic_portal.web.access import Right, right

VISIT = "/desk/<slug>/visits/<uuid:appointment_id>"
TICKET = "/desk/<slug>/tickets/<uuid:ticket_id>"


@blueprint.post(f"{VISIT}/arrived")
@right(Right.DESK)
def mark_arrived(slug: str, appointment_id: UUID) -> ResponseReturnValue:
    """The patient is here."""
    return press(slug, arriving.mark_arrived, appointment_id=appointment_id)


@blueprint.post(f"{VISIT}/not-arrived")
@right(Right.DESK)
def undo_arrival(slug: str, appointment_id: UUID) -> ResponseReturnValue:
    """The patient is not here after all."""
    return press(slug, undoing.undo_arrival, appointment_id=appointment_id)


@blueprint.post(f"{VISIT}/no-show")
@right(Right.DESK)
def mark_noshow(slug: str, appointment_id: UUID) -> ResponseReturnValue:
    """The patient did not come."""
    return press(slug, missing.mark_noshow, appointment_id=appointment_id)


@blueprint.post(f"{VISIT}/came")
@right(Right.DESK)
def undo_noshow(slug: str, appointment_id: UUID) -> ResponseReturnValue:
    """The patient did come."""
    return press(slug, coming.undo_noshow, appointment_id=appointment_id)


@blueprint.post(f"{VISIT}/online-started")
@right(Right.DESK)
def start_online_visit(slug: str, appointment_id: UUID) -> ResponseReturnValue:
    """They have met online."""
    return press(slug, starting.start_online_visit, appointment_id=appointment_id)


@blueprint.post(f"{VISIT}/online-done")
@right(Right.DESK)
def finish_online_visit(slug: str, appointment_id: UUID) -> ResponseReturnValue:
    """The online visit is over."""
    return press(slug, ending.finish_online_visit, appointment_id=appointment_id)


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


@blueprint.post(f"{TICKET}/call-again")
@right(Right.DESK)
def recall_ticket(slug: str, ticket_id: UUID) -> ResponseReturnValue:
    """Call this one once more."""
    return press(slug, recalling.recall_ticket, ticket_id=ticket_id)


@blueprint.post(f"{TICKET}/entered")
@right(Right.DESK)
def enter_room(slug: str, ticket_id: UUID) -> ResponseReturnValue:
    """They are in the room."""
    return press(slug, entering.enter_room, ticket_id=ticket_id)


@blueprint.post(f"{TICKET}/done")
@right(Right.DESK)
def finish_ticket(slug: str, ticket_id: UUID) -> ResponseReturnValue:
    """The consultation is over."""
    return press(slug, finishing.finish_ticket, ticket_id=ticket_id)


@blueprint.post(f"{TICKET}/put-back")
@right(Right.DESK)
def put_back(slug: str, ticket_id: UUID) -> ResponseReturnValue:
    """Nobody answered the call, or somebody who had left is back."""
    return press(slug, putting_back.put_back, ticket_id=ticket_id)


@blueprint.post(f"{TICKET}/left")
@right(Right.DESK)
def mark_left(slug: str, ticket_id: UUID) -> ResponseReturnValue:
    """They went away."""
    return press(slug, leaving.mark_left, ticket_id=ticket_id)


@blueprint.post(f"{TICKET}/undo/<any(called, in_room, done, left):state>")
@right(Right.DESK)
def undo_move(slug: str, ticket_id: UUID, state: str) -> ResponseReturnValue:
    """The last press was a mistake; `state` is what it led to."""
    return press(slug, moving_back.undo_move, ticket_id=ticket_id, state=TicketState(state))
