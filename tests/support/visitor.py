"""A browser over real HTTP, without JavaScript: signs in, holds a time, books it. Used by races, kills and benchmarks."""

import re
from dataclasses import dataclass, field

import requests

from tests.support.cast import PASSWORD

TOKEN = re.compile(r'name="csrf-token" content="([^"]+)"')
TIMEOUT_S = 30.0


@dataclass
class Visitor:
    """One browser with its cookies. Every call gives the bare response; redirects are not followed."""

    url: str
    session: requests.Session = field(default_factory=requests.Session)
    token: str = ""

    def get(self, path: str) -> requests.Response:
        response = self.session.get(self.url + path, allow_redirects=False, timeout=TIMEOUT_S)
        self._keep_token(response)
        return response

    def post(self, path: str, **form: str) -> requests.Response:
        data = {"csrf_token": self.token, **form}
        response = self.session.post(self.url + path, data=data, allow_redirects=False, timeout=TIMEOUT_S)
        self._keep_token(response)
        return response

    def _keep_token(self, response: requests.Response) -> None:
        found = TOKEN.search(response.text) if response.text else None
        if found:
            self.token = found.group(1)

    def sign_in(self, email: str) -> None:
        self.get("/sign-in")
        response = self.post("/sign-in", email=email, password=PASSWORD)
        assert response.status_code == 303, response.text[:500]
        # The token belongs to the session, which is a new one after signing in.
        self.get("/accessibility")

    def hold(
        self, service: str, slot: str, *, practitioner: str = "any", facility: str = "lisbon"
    ) -> requests.Response:
        """Press a time ("2026-11-24T09:00Z"). 303 leads to the page that checks the answers; 409: somebody was faster."""
        return self.post(f"/book/{service}/times?practitioner={practitioner}&facility={facility}", slot=slot)

    def book(self, check_path: str) -> requests.Response:
        """Press Book on the page that checks the answers. 303 leads to the confirmation."""
        return self.post(check_path, patient_note="")

    def move(self, visit: str, slot: str, *, practitioner: str = "any", facility: str = "lisbon") -> requests.Response:
        """Press "Move the visit" for a time. 303 leads to the visit; 409: somebody was faster."""
        return self.post(f"/visits/{visit}/move/check?slot={slot}&practitioner={practitioner}&facility={facility}")
