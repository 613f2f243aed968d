"""Pure facts about practitioners: their names in small places."""


def short_name(given_name: str, family_name: str) -> str:
    """Return the first given name and the initial of the last family name: "Inês C."."""
    given, family = _first(given_name), _last(family_name)
    return f"{given} {family[:1]}." if family else given


def initials(given_name: str, family_name: str) -> str:
    """Return the two letters that stand for a face: "IC"."""
    return (_first(given_name)[:1] + _last(family_name)[:1]).upper()


def _first(name: str) -> str:
    return (name.split(maxsplit=1) or [""])[0]


def _last(name: str) -> str:
    return (name.rsplit(maxsplit=1) or [""])[-1]
