"""A plain Jinja page of the same bytes, slots and links as the page of free times."""

import json
import re

from bench.client import Client
from bench.site import Site

DAY = re.compile(r'<section class="day" id="([^"]+)".*?<h2[^>]*>(.*?)<span>.*?</section>', re.DOTALL)
SLOT = re.compile(r'name="slot" value="([^"]+)">([^<]+)(?:<small>([^<]+)</small>)?</button>')


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
