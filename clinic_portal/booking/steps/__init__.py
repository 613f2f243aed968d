"""What happens to appointments inside somebody's transaction. Every change of state leaves a history row.

Each step locks the row, is refused with Conflict "appointment.state_changed" when the change may not follow the state
that it finds, and returns the facts unchanged when the appointment is already there: repeating is harmless.
"""

from clinic_portal.booking.steps.appointments import (
    end_holds,
    fulfil,
    give_to_patient,
    hold_key_hash,
    insert_hold,
    mark_arrived,
    mark_noshow,
    move,
    start_consultation,
    undo_arrival,
    write_history,
)
from clinic_portal.booking.steps.cancelling import cancel_as_staff, cancel_visit
from clinic_portal.booking.steps.moving import NewTime, move_visit
from clinic_portal.booking.steps.returning import undo_noshow

__all__ = [
    "NewTime",
    "cancel_as_staff",
    "cancel_visit",
    "end_holds",
    "fulfil",
    "give_to_patient",
    "hold_key_hash",
    "insert_hold",
    "mark_arrived",
    "mark_noshow",
    "move",
    "move_visit",
    "start_consultation",
    "undo_arrival",
    "undo_noshow",
    "write_history",
]
