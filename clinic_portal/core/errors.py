"""Domain errors. They carry a stable dotted code and values; the words live in templates. `web/errors.py` maps them to HTTP."""


class DomainError(Exception):
    """A refusal that the domain can explain. `code` is stable and dotted; `values` fill the sentence."""

    def __init__(self, code: str, **values: object) -> None:
        """Keep the code and the values."""
        super().__init__(code)
        self.code = code
        self.values = values


class NotFound(DomainError):
    """No such thing, or none that the actor is related to: the two read the same. HTTP 404."""

    def __init__(self, code: str = "not_found", **values: object) -> None:
        """Default to the code that says nothing."""
        super().__init__(code, **values)


class Forbidden(DomainError):
    """The actor is related to the thing but lacks the right. HTTP 403."""

    def __init__(self, code: str = "forbidden", **values: object) -> None:
        """Default to the code that says nothing."""
        super().__init__(code, **values)


class Conflict(DomainError):
    """The rules or a lost race refuse it. HTTP 409."""


class Busy(DomainError):
    """A lock was not granted in time; the same call may succeed later. HTTP 503 with Retry-After."""

    def __init__(self, code: str = "busy", **values: object) -> None:
        """Default to the code that says nothing."""
        super().__init__(code, **values)
