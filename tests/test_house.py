"""The house itself: what is true of every route, template, use case and catalogue."""

import importlib
import inspect
import re
from collections import defaultdict
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po
from flask import Flask
from jinja2 import StrictUndefined

from clinic_portal.booking.steps import reminders, waiting
from clinic_portal.cli import PERIODIC
from clinic_portal.core.ids import new_id
from clinic_portal.core.jobs import QUEUES
from clinic_portal.notifications import steps
from clinic_portal.notifications.use_cases import ask_for_sms_again
from clinic_portal.web.access import ATTRIBUTE
from tests.support.page import PortalClient
from tests.support.world import methods_of, path_of, rules_of

ROOT = Path(__file__).resolve().parents[1]
TEMPLATES = sorted(path.relative_to(ROOT / "templates").as_posix() for path in (ROOT / "templates").rglob("*.*"))


def test_every_route_declares_its_right(app: Flask) -> None:
    missing = [
        rule.endpoint for rule in app.url_map.iter_rules() if not hasattr(app.view_functions[rule.endpoint], ATTRIBUTE)
    ]
    assert missing == []


def test_no_form_is_taken_without_its_token(app: Flask, client: PortalClient) -> None:
    """Forms make and check no token of their own: that of every POST is checked before its view."""
    posts = [rule for rule in rules_of(app) if "POST" in methods_of(rule)]
    assert len(posts) > 50
    parts = defaultdict(new_id, state="called", channel="sms")
    assert [rule.rule for rule in posts if client.post(path_of(rule, parts)).status_code != 400] == []


def test_health_reaches_the_database(client: PortalClient) -> None:
    assert client.get("/health").status_code == 200


#: Job → how often it is due by itself, in seconds: as the docs and the pages say.
DUE_EVERY = {
    "accounts.jobs.tidy_accounts": 3600,
    "booking.jobs.plan_missing_reminders": 600,
    "booking.jobs.sweep_holds": 60,
    "booking.jobs.sweep_waiting_list": 60,
    "check_in.jobs.mark_missed_visits": 1800,
    "notifications.jobs.read_stops": 600,
    "notifications.jobs.sweep_outbox": 10,
}
#: What use cases and steps nudge by its name, and nobody else.
NUDGED = {steps.DELIVER, waiting.OFFER, reminders.REPLAN, ask_for_sms_again.OPT_IN}


def test_every_job_is_due_by_itself_or_nudged() -> None:
    """A reminder, a no-show at the end of the day, an offer that ran out: nothing else would ever make them happen."""
    scheduled = {f"{job.__module__}.{job.__name__}": seconds for job, _, seconds in PERIODIC}
    assert scheduled == {f"clinic_portal.{name}": seconds for name, seconds in DUE_EVERY.items()}
    assert {queue for _, queue, _ in PERIODIC} <= set(QUEUES)
    written = set[str]()
    for path in sorted((ROOT / "clinic_portal").glob("*/jobs.py")):
        module = importlib.import_module(f"clinic_portal.{path.parent.name}.jobs")
        jobs = {
            name for name, one in inspect.getmembers(module, inspect.isfunction) if one.__module__ == module.__name__
        }
        written |= {f"{module.__name__}.{name}" for name in jobs if path.parent.name != "core" and name[0] != "_"}
    assert written == scheduled.keys() | NUDGED


@pytest.mark.parametrize("name", TEMPLATES)
def test_every_template_compiles(app: Flask, name: str) -> None:
    environment = app.jinja_env.overlay(undefined=StrictUndefined)
    environment.get_template(name)


@pytest.mark.parametrize("name", [name for name in TEMPLATES if name.endswith(".html")])
def test_templates_hold_no_inline_code(name: str) -> None:
    text = re.sub(r"\{[{%#].*?[}%#]\}", "", (ROOT / "templates" / name).read_text(), flags=re.S)
    assert not re.search(r"\son[a-z]+\s*=\s*[\"']", text), "inline event handler"
    if not name.startswith("messages/"):  # mail clients know no style sheets
        assert not re.search(r"\sstyle\s*=\s*[\"']", text), "inline style"
    assert "|safe" not in (ROOT / "templates" / name).read_text().replace(" ", ""), "unescaped output"


def test_every_use_case_has_a_test_module() -> None:
    missing = []
    for path in sorted((ROOT / "clinic_portal").glob("*/use_cases/*.py")):
        feature = path.parts[-3]
        if path.stem != "__init__" and not (ROOT / "tests" / feature / f"test_{path.stem}.py").exists():
            missing.append(f"{feature}/test_{path.stem}.py")
    assert missing == []


def collected() -> Catalog:
    """The words of code and templates, as `make translations` collects them."""
    catalogue = Catalog()
    keywords = {
        "_": None,
        "gettext": None,
        "ngettext": (1, 2),
        "lazy_gettext": None,
        "_l": None,
        "pgettext": ((1, "c"), 2),
    }
    options = {"jinja2": {"silent": "false"}}
    for folder in ("clinic_portal", "templates"):
        found = extract_from_dir(
            str(ROOT / folder),
            method_map=[("**.py", "python"), ("**.html", "jinja2"), ("**.txt", "jinja2")],
            options_map={"**.html": options["jinja2"], "**.txt": options["jinja2"]},
            keywords=keywords,
        )
        for filename, line, message, comments, context in found:
            catalogue.add(message, locations=[(filename, line)], auto_comments=comments, context=context)
    return catalogue


def test_portuguese_is_complete() -> None:
    with (ROOT / "clinic_portal" / "translations" / "pt_PT" / "LC_MESSAGES" / "messages.po").open("rb") as file:
        portuguese = read_po(file, locale="pt_PT")
    missing = []
    for message in collected():
        if not message.id:
            continue
        translated = portuguese.get(message.id if isinstance(message.id, str) else message.id[0], message.context)
        texts = (
            []
            if translated is None
            else [translated.string]
            if isinstance(translated.string, str)
            else list(translated.string)
        )
        if translated is None or translated.fuzzy or not texts or not all(texts):
            missing.append(message.id)
    assert missing == []


def test_portuguese_keeps_every_placeholder() -> None:
    with (ROOT / "clinic_portal" / "translations" / "pt_PT" / "LC_MESSAGES" / "messages.po").open("rb") as file:
        portuguese = read_po(file, locale="pt_PT")
    placeholder = re.compile(r"%\((\w+)\)[sd]")
    wrong = []
    for message in portuguese:
        ids = [message.id] if isinstance(message.id, str) else list(message.id)
        strings = [message.string] if isinstance(message.string, str) else list(message.string)
        wanted = {name for text in ids for name in placeholder.findall(text)}
        if message.id and any(set(placeholder.findall(text)) - wanted for text in strings):
            wrong.append(message.id)
        if message.id and isinstance(message.id, str) and set(placeholder.findall(strings[0])) != wanted:
            wrong.append(message.id)
    assert wrong == []
