"""The log keeps the fields of an event; production writes JSON."""

import json
import logging
from collections.abc import Iterator
from dataclasses import replace

import pytest

from clinic_portal.core.logs import init_logging
from clinic_portal.core.settings import Environment, Settings


@pytest.fixture
def untouched_root() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


@pytest.mark.usefixtures("untouched_root")
def test_production_writes_json_with_the_fields(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    init_logging(replace(settings, environment=Environment.PRODUCTION))
    logging.getLogger("clinic_portal.x").warning("nudge_failed", extra={"queue": "notify"})
    line = json.loads(capsys.readouterr().err)
    assert (line["event"], line["queue"], line["level"]) == ("nudge_failed", "notify", "warning")


@pytest.mark.usefixtures("untouched_root")
def test_a_laptop_writes_text(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    init_logging(replace(settings, environment=Environment.DEVELOPMENT))
    logging.getLogger("clinic_portal.x").warning("nudge_failed", extra={"queue": "notify"})
    assert "queue=notify" in capsys.readouterr().err
