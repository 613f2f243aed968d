"""Refusals of this feature."""

from datetime import timedelta

from clinic_portal.core.errors import Conflict


class WrongGuess(Conflict):
    """The password or the code is not right, or (which is not said) nothing is there that it could be right for."""


class MustWait(Conflict):
    """There were too many tries for this address. `values["wait_s"]` says how long to wait, in seconds."""

    def __init__(self, wait: timedelta) -> None:
        """Keep the wait, rounded up to whole seconds."""
        super().__init__("account.must_wait", wait_s=max(1, -(-wait // timedelta(seconds=1))))
