"""What a phone loads for the first booking page, served as production serves it: few bytes, few requests, one host."""

import gzip
import http.client
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import pytest
from sqlalchemy.orm import Session

from clinic_portal.core.db import make_engine
from clinic_portal.demo.place_rows import insert_places
from tests.support import servers
from tests.support.running import Running

pytestmark = pytest.mark.processes

MAX_BYTES = 60_000
MAX_REQUESTS = 6
#: What the Dockerfile copies.
PARTS = ("wsgi.py", "config.py", "migrations", "templates", "static", "clinic_portal")
PRODUCTION = {
    "CLINIC_ENV": "production",
    "PUBLIC_URL": "https://portal.clinic.example",
    "CLINIC_NAME": "Clínica Ribeira",
    "CLINIC_PHONE": "+351 210 000 000",
    "EMAIL_SENDER": "visits@clinic.example",
    "EMAIL_PROVIDER": "ses",
    "SMS_PROVIDER": "sns",
    "LIVE_URL": "",
    "RATE_LIMITS": "on",
}


class Loaded(HTMLParser):
    """The addresses that a browser loads with a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.addresses: set[str] = set()
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag == "link" and values.get("rel") in {"stylesheet", "preload", "icon", "manifest", "modulepreload"}:
            self.addresses.add(values["href"] or "")
        elif tag in {"script", "img", "iframe", "source", "video", "audio"} and values.get("src"):
            self.addresses.add(values["src"] or "")


def get(portal: Running, address: str) -> tuple[bytes, bytes, dict[str, str]]:
    """Return what came over the wire (head and body), the readable body, and the headers."""
    connection = http.client.HTTPConnection("127.0.0.1", portal.port, timeout=20)
    asked = {"Host": "portal.clinic.example", "X-Forwarded-Proto": "https"}
    asked |= {"Accept-Encoding": "gzip, deflate, br", "Accept-Language": "pt-PT"}
    connection.request("GET", address, headers=asked)
    response = connection.getresponse()
    body = response.read()
    connection.close()
    assert response.status == 200, address
    head = "".join(f"{name}: {value}\r\n" for name, value in response.getheaders()).encode()
    headers = {name.lower(): value for name, value in response.getheaders()}
    return head + body, gzip.decompress(body) if headers.get("content-encoding") == "gzip" else body, headers


@pytest.fixture
def image(portal: Running, tmp_path: Path) -> Running:
    """The pages, from a folder made like the image, with the demo's services."""
    root = tmp_path / "image"
    root.mkdir()
    for part in PARTS:
        source = servers.ROOT / part
        if source.is_dir():
            shutil.copytree(source, root / part, ignore=shutil.ignore_patterns("node_modules", "__pycache__"))
        else:
            shutil.copy(source, root / part)
    subprocess.run([sys.executable, "-m", "whitenoise.compress", "--quiet", "static"], cwd=root, check=True)
    engine = make_engine(portal.database)
    with Session(engine) as db:
        insert_places(db)
        db.commit()
    engine.dispose()
    portal.root = root
    portal.environment |= PRODUCTION
    portal.start("web")
    return portal


def test_the_first_booking_page_is_light(image: Running) -> None:
    wire, html, headers = get(image, "/book")
    sizes = {"/book": len(wire)}
    waiting = set(Loaded(html.decode()).addresses)
    while waiting:
        address = waiting.pop()
        assert urlsplit(address).netloc == "", f"another host: {address}"
        wire, body, headers = get(image, address)
        sizes[address] = len(wire)
        if headers["content-type"].startswith("text/css"):
            found = {urljoin(address, url) for url in re.findall(r"url\(\"?([^\")]+)\"?\)", body.decode())}
            waiting |= {url for url in found if not url.startswith("data:")} - sizes.keys()
    report = "\n".join(f"{size:7} {address}" for address, size in sorted(sizes.items(), key=lambda one: -one[1]))
    assert any("figtree" in address for address in sizes), report
    assert len(sizes) <= MAX_REQUESTS, report
    assert sum(sizes.values()) <= MAX_BYTES, report


def test_pages_with_a_forms_secret_are_not_compressed_and_static_files_are(image: Running) -> None:
    # BREACH: a page that repeats what the visitor sent beside a secret would give it away by its length.
    assert "content-encoding" not in get(image, "/book")[2]
    assert get(image, "/static/portal.css")[2]["content-encoding"] == "gzip"
