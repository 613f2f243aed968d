"""The page of free times, against a plain Jinja page of the same bytes, slots and links."""

import functools
import json
import re
import time

from bench.client import Client
from bench.load import get_pages
from bench.site import Site
from bench.stats import Round, Series, report_throughput, turns

DAY = re.compile(r'<section class="day" id="([^"]+)".*?<h2[^>]*>(.*?)<span>.*?</section>', re.DOTALL)
SLOT = re.compile(r'name="slot" value="([^"]+)">([^<]+)(?:<small>([^<]+)</small>)?</button>')


def measure(site: Site, *, clients: int, seconds: float, rounds: int, until: float) -> None:
    """No preference (all practitioners) and one practitioner."""
    one, now = site.data.places[5].practitioner, time.monotonic()
    for name, practitioner, end in (("no preference", "any", (now + until) / 2), ("one practitioner", one, until)):
        path = f"/book/massage/times?practitioner={practitioner}&facility=lisbon"
        key = name.replace(" ", "-")
        described = copy_page(site, path, key)
        ours, plain = Series("portal"), Series("plain Flask + Jinja")
        pair = ((ours, "portal", site.portal.port, path), (plain, "floor", site.floor_port, f"/page/{key}"))
        for number in turns(rounds, end):
            found = []
            for series, server, port, url in pair if number % 2 else reversed(pair):
                fetch = functools.partial(_fetch, site, port, url, clients, seconds if number >= 0 else 0.5)
                found.append((series, site.timed(fetch, server)))
            if number >= 0:  # The round before the first warms up.
                for series, result in found:
                    series.rounds.append(result)
        print(f"\nAvailability page, {name}: {described}, {clients} clients")
        report_throughput(ours, [plain])


def _fetch(site: Site, port: int, path: str, clients: int, seconds: float) -> Round:
    return site.load.submit(get_pages, port, path, clients, seconds).result()


def copy_page(site: Site, path: str, key: str) -> str:
    """Give the plain application what it needs for a page like this one; return how that is described."""
    client = Client(site.portal.port)
    client.get(path)
    answer = client.get(path)
    client.close()
    if answer.status != 200:
        raise RuntimeError(f"{path}: {answer.status}")
    html = answer.text
    days = [
        {
            "anchor": found.group(1),
            "title": found.group(2).strip(),
            "slots": [{"value": value, "text": text, "who": who} for value, text, who in SLOT.findall(found.group(0))],
        }
        for found in DAY.finditer(html)
    ]
    slots, links = sum(len(day["slots"]) for day in days), html.count("<a ")
    if not slots:
        raise RuntimeError(f"{path} offers no times")
    page = {"title": "Times", "days": days, "links": links, "bytes": len(answer.body)}
    (site.folder / f"{key}.json").write_text(json.dumps(page))
    plain = Client(site.floor_port)
    size = len(plain.get(f"/page/{key}").body)
    plain.close()
    if size != len(answer.body):
        raise RuntimeError(f"the plain page has {size} bytes, not {len(answer.body)}")
    return f"{len(answer.body):,} bytes, {len(days)} days, {slots} times, {links} links"
