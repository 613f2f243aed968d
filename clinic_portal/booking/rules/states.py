"""Pure decisions about appointments: states, which change may follow which, when a visit may be given back."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


class AppointmentState(StrEnum):
    """FHIR R4 appointment status. Source: https://hl7.org/fhir/R4/valueset-appointmentstatus.html."""

    PROPOSED = "proposed"
    PENDING = "pending"
    BOOKED = "booked"
    ARRIVED = "arrived"
    CHECKED_IN = "checked-in"
    FULFILLED = "fulfilled"
    CANCELLED = "cancelled"
    NOSHOW = "noshow"
    ENTERED_IN_ERROR = "entered-in-error"


#: The states that take up the practitioner's, the room's and the patient's time. A held time is one of them.
LIVE_STATES = (
    AppointmentState.PROPOSED,
    AppointmentState.PENDING,
    AppointmentState.BOOKED,
    AppointmentState.ARRIVED,
    AppointmentState.CHECKED_IN,
    AppointmentState.FULFILLED,
)

#: The live states but for holds, which end by themselves.
FIRM_STATES = tuple(state for state in LIVE_STATES if state is not AppointmentState.PROPOSED)

#: The states that a front desk sees in its day: everything that was promised to a patient and not taken back.
DESK_STATES = (
    AppointmentState.PENDING,
    AppointmentState.BOOKED,
    AppointmentState.ARRIVED,
    AppointmentState.CHECKED_IN,
    AppointmentState.FULFILLED,
    AppointmentState.NOSHOW,
)

#: State → states that may follow. What goes backwards is somebody's "undo" at the desk.
NEXT_STATES: Mapping[AppointmentState, frozenset[AppointmentState]] = {
    AppointmentState.PROPOSED: frozenset(
        {AppointmentState.PENDING, AppointmentState.BOOKED, AppointmentState.CANCELLED}
    ),
    AppointmentState.PENDING: frozenset({AppointmentState.BOOKED, AppointmentState.CANCELLED}),
    AppointmentState.BOOKED: frozenset(
        {
            AppointmentState.ARRIVED,
            AppointmentState.CANCELLED,
            AppointmentState.NOSHOW,
            AppointmentState.ENTERED_IN_ERROR,
        }
    ),
    AppointmentState.ARRIVED: frozenset({AppointmentState.BOOKED, AppointmentState.CHECKED_IN}),
    AppointmentState.CHECKED_IN: frozenset({AppointmentState.ARRIVED, AppointmentState.FULFILLED}),
    AppointmentState.FULFILLED: frozenset({AppointmentState.CHECKED_IN}),
    AppointmentState.CANCELLED: frozenset(),
    AppointmentState.NOSHOW: frozenset({AppointmentState.BOOKED, AppointmentState.FULFILLED}),
    AppointmentState.ENTERED_IN_ERROR: frozenset(),
}

#: What a patient may write for the practitioner.
MAX_NOTE = 500

#: How long a chosen time is kept for somebody who has not yet booked it.
HOLD_FOR = timedelta(minutes=10)


class CancelReason(StrEnum):
    """Why a patient gives a visit back. Stored as a code in the history, never as free text."""

    NOT_NEEDED = "patient.not_needed"
    UNWELL = "patient.unwell"
    CANNOT_COME = "patient.cannot_come"
    OTHER_TIME = "patient.other_time"
    OTHER = "patient.other"
    #: Nobody has to say why.
    NOT_SAID = "patient.not_said"


class ClinicReason(StrEnum):
    """Why staff give a visit back. Stored as a code in the history; what staff write beside it is its note."""

    PRACTITIONER_AWAY = "clinic.practitioner_away"
    CLOSED = "clinic.closed"
    OTHER = "clinic.other"
    #: The patient phoned: nothing that the clinic has to explain.
    PATIENT_ASKED = "clinic.patient_asked"


@dataclass(frozen=True)
class Verdict:
    """Whether something is allowed; if not, the code that says why."""

    code: str = ""

    @property
    def allowed(self) -> bool:
        """Whether nothing speaks against it."""
        return not self.code


ALLOWED = Verdict()


def may_follow(state: AppointmentState, wanted: AppointmentState) -> bool:
    """Say whether `wanted` may come straight after `state`."""
    return wanted in NEXT_STATES[state]


def judge_change(state: AppointmentState, starts_at: datetime, *, cutoff: timedelta, now: datetime) -> Verdict:
    """Say whether a patient may still move the visit or give it back: before they arrive, and `cutoff` before it starts."""
    if not may_follow(state, AppointmentState.CANCELLED) or now >= starts_at:
        return Verdict("appointment.already_started")
    if now > starts_at - cutoff:
        return Verdict("appointment.too_late_to_change")
    return ALLOWED


def judge_change_by_staff(state: AppointmentState) -> Verdict:
    """Say whether staff may move the visit or give it back: until the patient has arrived, whatever the clock says."""
    return ALLOWED if may_follow(state, AppointmentState.CANCELLED) else Verdict("appointment.already_started")


def judge_noshow(starts_at: datetime, *, now: datetime) -> Verdict:
    """Say whether somebody can have failed to come: not before the visit starts."""
    return ALLOWED if now >= starts_at else Verdict("appointment.not_started")


def judge_hold(state: AppointmentState, held_until: datetime | None, *, now: datetime) -> Verdict:
    """Say whether a held time can still be booked."""
    if state is AppointmentState.PROPOSED and held_until is not None and now < held_until:
        return ALLOWED
    return Verdict("appointment.hold_expired")
