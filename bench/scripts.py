"""What the floor's server needs: the portal's own statements, recorded before the first round."""

import contextlib
import json
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from bench.data import DAYS_AHEAD
from bench.facts import Place
from bench.recording import Recorder, day_paths, record_booking, without_sign_in
from bench.site import Site
from bench.statements import Rewriter, Script, Statement

ANY = "/book/massage/times?practitioner=any&facility=lisbon"
TWO_WEEKS = f"{ANY}&days=14"


@dataclass(frozen=True)
class Recorded:
    """What was recorded, and the most statements that one request of a kind needed."""

    days: list[str]
    most: dict[str, int]


def record(site: Site) -> Recorded:
    """Write the scripts for the floor: each practitioner's single days, two weeks of anybody's, a hold and a booking."""
    site.forget_jobs()  # The cache as well: every page is computed.
    with contextlib.closing(Recorder(site.portal.environment, cache=True)) as recorder:
        recorder.get(ANY)
        days = day_paths(site.data, datetime.fromisoformat(site.data.made_at), DAYS_AHEAD)
        first = [recorder.script_of_get(path, **{"HX-Request": "true"}) for path in days[:DAYS_AHEAD]]
        two_weeks = recorder.script_of_get(TWO_WEEKS, **{"HX-Request": "true"})
        hold, book = record_booking(recorder, site.data, 0)
    single = [_of_place(site, script, place) for place in site.data.places for script in first]
    most = {
        "day": max(len(script.statements) for script in single),
        "two weeks": len(two_weeks.statements),
        "hold": len(hold.statements),
        "book": len(book.statements),
    }
    hold, book = without_sign_in(hold), without_sign_in(book)
    for name, scripts in {"day": single, "two-weeks": [two_weeks], "hold": [hold], "book": [book]}.items():
        (site.folder / f"{name}.scripts").write_text("".join(f"{script.dump()}\n" for script in scripts))
    (site.folder / "recorded.json").write_text(json.dumps(_known(site, hold)))
    site.undo()
    return Recorded(days, most)


def _of_place(site: Site, script: Script, place: Place) -> Script:
    """Return what the first practitioner's page sends as another one's: all work the same hours, each in their room."""
    data, first = site.data, site.data.places[0]
    same = {first.practitioner: place.practitioner, first.room: place.room}
    same |= {data.service: data.service, data.facility: data.facility}
    rewriter = Rewriter(script, same, timedelta())
    return replace(script, statements=[Statement(one.sql, rewriter.parameters(one)) for one in script.statements])


def _known(site: Site, hold: Script) -> dict[str, str]:
    """Return what the recorded booking is about, by the names that the floor's forms have."""
    data, insert = site.data, next(one for one in hold.statements if one.sql.startswith("INSERT INTO appointment "))
    facts = insert.parameters
    return {
        "service": data.service,
        "facility": data.facility,
        "practitioner": data.places[0].practitioner,
        "room": data.places[0].room,
        "patient": data.people[0].patient,
        "account": data.people[0].account,
        "appointment": str(facts["id"]),
        "slot": facts["starts_at"].strftime("%Y-%m-%dT%H:%MZ"),
    }
