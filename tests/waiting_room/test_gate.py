"""How many sockets one session or screen may hold open."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from flask import Flask
from werkzeug.test import EnvironBuilder, run_wsgi_app

from clinic_portal.waiting_room.sockets import PATH, PER_OWNER, Gate
from tests.support.cast import Cast

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment


class Crowd:
    """A socket server on which each open socket opens one more, until it is refused."""

    def __init__(self, app: Flask, limit: int) -> None:
        self.gate = Gate(app, self._opened, limit)
        self.most = self.open = 0

    def _opened(self, environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        self.open += 1
        self.most = max(self.most, self.open)
        answer = self.gate(environ, start_response)
        self.open -= 1
        return answer

    def ask(self, cookie: str) -> int:
        """Open as many as can be; returns how many there were at once. The next one is answered 503."""
        self.most = 0
        environ = EnvironBuilder(path=f"{PATH}/", headers={"Cookie": cookie}).get_environ()
        _, status, _ = run_wsgi_app(self.gate, environ)
        assert status == "503 Service Unavailable"
        return self.most


def cookie_of(cast: Cast, who: str) -> str:
    cookie = cast.browser(getattr(cast, who)).get_cookie("clinic_session")
    assert cookie is not None
    return f"clinic_session={cookie.value}"


def test_one_session_holds_a_few_and_all_together_as_many_as_there_are_threads(app: Flask, cast: Cast) -> None:
    paula = cookie_of(cast, "receptionist")
    crowd = Crowd(app, limit=PER_OWNER * 2)
    assert crowd.ask(paula) == PER_OWNER
    # All were closed again: nothing stays counted.
    assert crowd.ask(paula) == PER_OWNER
    assert Crowd(app, limit=3).ask(paula) == 3


def test_another_session_has_its_own(app: Flask, cast: Cast) -> None:
    paula, artur = cookie_of(cast, "receptionist"), cookie_of(cast, "administrator")
    outer = Crowd(app, limit=PER_OWNER * 4)
    found: list[int] = []

    def at_the_end(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        # As many of hers are open as may be: his are still let in.
        if outer.open < PER_OWNER - 1:
            outer.open += 1
            return outer.gate(environ, start_response)
        outer.gate._inner = outer._opened
        outer.open = 0
        found.append(outer.ask(artur))
        start_response("200 OK", [])
        return [b""]

    outer.gate._inner = at_the_end
    environ = EnvironBuilder(path=f"{PATH}/", headers={"Cookie": paula}).get_environ()
    assert run_wsgi_app(outer.gate, environ)[1] == "200 OK"
    assert found == [PER_OWNER]


def test_strangers_are_refused_before_they_are_counted(app: Flask, cast: Cast) -> None:
    crowd = Crowd(app, limit=1)
    environ = EnvironBuilder(path=f"{PATH}/").get_environ()
    assert run_wsgi_app(crowd.gate, environ)[1] == "403 Forbidden"
    assert crowd.ask(cookie_of(cast, "receptionist")) == 1
