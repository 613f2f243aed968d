"""A browser that costs next to nothing: HTTP/1.1 over a plain socket, with cookies. What it saves is left to the server."""

import re
import socket
from dataclasses import dataclass
from urllib.parse import urlencode

TOKEN = re.compile(r'name="csrf-token" content="([^"]+)"')
TIMEOUT_S = 30.0
#: In production the portal answers to its own name only: that of `bench.site.PRODUCTION`.
HOST = "clinic.example"


@dataclass(frozen=True)
class Answer:
    """What came back. Names of headers are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode()


class Client:
    """One connection that is kept. `address` is where a proxy says that we come from (rate limits count by it)."""

    def __init__(self, port: int, address: str = "10.0.0.1") -> None:
        self.port = port
        self.address = address
        self.cookies: dict[str, str] = {}
        self.token = ""
        #: Whether it asks as HTMX does, for a part of the page.
        self.wants_fragment = False
        self._socket: socket.socket | None = None

    def get(self, path: str) -> Answer:
        """Fetch a page; the first form token that is seen is kept."""
        answer = self._send("GET", path, b"")
        found = TOKEN.search(answer.text) if not self.token else None
        if found:
            self.token = found.group(1)
        return answer

    def post(self, path: str, **form: str) -> Answer:
        """Send a form."""
        return self._send("POST", path, urlencode({"csrf_token": self.token, **form}).encode())

    def sign_in(self, email: str, password: str) -> None:
        """Sign in as one of the invented people. Raises: RuntimeError."""
        self.get("/sign-in")
        answer = self.post("/sign-in", email=email, password=password)
        if answer.status != 303:
            raise RuntimeError(f"sign-in: {answer.status}")
        self.token = ""  # It belongs to the session, which is a new one now.
        self.get("/accessibility")

    def close(self) -> None:
        """Let go of the connection; the next request makes another."""
        if self._socket:
            self._socket.close()
            self._socket = None

    def _send(self, method: str, path: str, body: bytes) -> Answer:
        head = f"{method} {path} HTTP/1.1\r\nHost: {HOST}\r\nX-Forwarded-For: {self.address}\r\n"
        if self.cookies:
            head += "Cookie: " + "; ".join(f"{name}={value}" for name, value in self.cookies.items()) + "\r\n"
        if self.wants_fragment:
            head += "HX-Request: true\r\n"
        if method == "POST":
            head += f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(body)}\r\n"
        request = f"{head}\r\n".encode() + body
        kept = self._socket is not None
        try:
            return self._exchange(request)
        except ConnectionError:
            self.close()
            if not kept:
                raise
            return self._exchange(request)  # The server had closed a connection that was idle for long.

    def _exchange(self, request: bytes) -> Answer:
        if self._socket is None:
            self._socket = socket.create_connection(("127.0.0.1", self.port), TIMEOUT_S)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._socket.sendall(request)
        data = b""
        while (end := data.find(b"\r\n\r\n")) < 0:
            data += self._receive()
        first, *lines = data[:end].decode("latin-1").split("\r\n")
        headers: dict[str, str] = {}
        for line in lines:
            name, _, value = line.partition(": ")
            if name.lower() == "set-cookie":
                cookie, _, content = value.partition(";")[0].partition("=")
                self.cookies[cookie] = content
            headers[name.lower()] = value
        parts, missing = [data[end + 4 :]], int(headers.get("content-length", "0")) - (len(data) - end - 4)
        while missing > 0:
            parts.append(self._receive())
            missing -= len(parts[-1])
        if headers.get("connection", "").lower() == "close":
            self.close()
        return Answer(int(first.split()[1]), headers, b"".join(parts))

    def _receive(self) -> bytes:
        assert self._socket
        data = self._socket.recv(262_144)
        if not data:
            raise ConnectionResetError("the server closed the connection")
        return data
