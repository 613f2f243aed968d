"""The one error that leaves a provider."""

from functools import partial


class ProviderError(Exception):
    """A vendor did not take what it was given.

    `code` is stable and dotted, e.g. "sms.throttled". `retryable` says whether the same call may succeed later: true
    for an outage, a timeout or a wrong credential of ours; false when the vendor or the content itself says no.
    """

    def __init__(self, code: str, *, retryable: bool) -> None:
        super().__init__(code)
        self.code = code
        self.retryable = retryable

    # The default would call `ProviderError(code)` without `retryable`, so an error could not cross to another process.
    def __reduce__(self) -> tuple[partial["ProviderError"], tuple[()]]:
        return partial(ProviderError, self.code, retryable=self.retryable), ()
