"""What production is made of: compose.yaml, Dockerfile, Caddyfile, judged by the real tools where there is one."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask, url_for

from bench.facts import THREADS, WORKERS
from clinic_portal.launch import WEB_THREADS, WEB_WORKERS
from tests.support.production import PROGRAMS, REQUIRED, adapted, caddy, compose_config, compose_services
from tests.support.servers import ROOT

PORTAL = {"migrate", "web", "live", "worker", "scheduler"}


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    """The services of compose.yaml with the required values set."""
    return compose_services(REQUIRED)


def test_compose_has_every_part(services: dict[str, Any]) -> None:
    assert set(services) == PORTAL | {"caddy", "postgres", "valkey"}


@pytest.mark.parametrize("name", REQUIRED)
def test_compose_names_a_value_that_is_missing(name: str) -> None:
    refused = compose_config({key: value for key, value in REQUIRED.items() if key != name})
    assert refused.returncode != 0
    assert name in refused.stderr


def test_only_the_proxy_is_reached_from_outside(services: dict[str, Any]) -> None:
    assert [name for name, service in services.items() if service.get("ports")] == ["caddy"]
    assert list(services["postgres"]["networks"]) == ["data"]
    assert list(services["valkey"]["networks"]) == ["data"]


def test_everything_waits_for_the_migrations(services: dict[str, Any]) -> None:
    for name in PORTAL - {"migrate"}:
        assert services[name]["depends_on"]["migrate"]["condition"] == "service_completed_successfully"
    assert services["migrate"]["depends_on"]["postgres"]["condition"] == "service_healthy"


def test_the_portal_runs_without_rights_on_a_read_only_disk(services: dict[str, Any]) -> None:
    for name in PORTAL:
        assert services[name]["read_only"]
        assert services[name]["cap_drop"] == ["ALL"]
    assert re.search(r"^USER 10001$", (ROOT / "Dockerfile").read_text(encoding="utf-8"), re.MULTILINE)


def test_compose_sets_only_what_the_configuration_reads_and_the_page_names_all(services: dict[str, Any]) -> None:
    read = set(re.findall(r'read\.\w+\(\s*"([A-Z_]+)"', (ROOT / "config.py").read_text(encoding="utf-8")))
    aws = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}  # read by boto3 itself
    assert set(services["web"]["environment"]) - aws <= read
    page = (ROOT / "docs" / "running.md").read_text(encoding="utf-8")
    assert sorted(name for name in read | set(REQUIRED) if f"`{name}`" not in page) == []


def test_the_settings_that_compose_gives_are_accepted(services: dict[str, Any]) -> None:
    for name in PORTAL:
        loaded = subprocess.run(
            [sys.executable, "-c", "from config import load_settings; print(load_settings().is_production)"],
            cwd=ROOT,
            env={"PATH": os.environ["PATH"], **services[name]["environment"]},
            capture_output=True,
            text=True,
            check=False,
        )
        assert loaded.stdout == "True\n", f"{name}: {loaded.stderr}"


def test_gunicorn_knows_every_option_of_the_commands(services: dict[str, Any]) -> None:
    for name in ("web", "live"):
        _, *options = services[name]["command"]
        checked = subprocess.run(
            [str(PROGRAMS / "gunicorn"), *options, "--print-config"],
            cwd=ROOT,
            env={"PATH": os.environ["PATH"], **services[name]["environment"]},
            capture_output=True,
            text=True,
            check=False,
        )
        assert checked.returncode == 0, checked.stderr
        assert re.search(r"^control_socket_disable\s+= True$", checked.stdout, re.MULTILINE)


def test_pages_are_measured_and_shown_as_compose_runs_them(services: dict[str, Any]) -> None:
    command = services["web"]["command"]
    workers, threads = (int(command[command.index(name) + 1]) for name in ("--workers", "--threads"))
    assert (workers, threads) == (WORKERS, THREADS) == (WEB_WORKERS, WEB_THREADS)


def test_the_live_server_has_a_thread_for_each_socket_and_some_more(services: dict[str, Any]) -> None:
    command = services["live"]["command"]
    threads = int(command[command.index("--threads") + 1])
    assert command[command.index("--workers") + 1] == "1"
    assert int(services["live"]["environment"]["LIVE_MAX_CONNECTIONS"]) + 50 <= threads


def test_the_dockerfile_is_clean_and_copies_what_there_is() -> None:
    linted = subprocess.run(
        [str(PROGRAMS / "hadolint"), "Dockerfile"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert linted.returncode == 0, linted.stdout
    allowed = {
        line[1:] for line in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines() if line.startswith("!")
    }
    copied = set()
    for line in (ROOT / "Dockerfile").read_text(encoding="utf-8").splitlines():
        if line.startswith("COPY ") and "--from" not in line:
            copied |= set(line.split()[1:-1])
    assert copied == allowed
    assert [name for name in copied if not (ROOT / name).exists()] == []


def handlers(part: dict[str, Any], matched: tuple[str, ...] = ()) -> Iterator[tuple[str, dict[str, Any]]]:
    """What Caddy does with requests, in its order: (whose, how). Whose: the matchers' values, "" for all of the site."""
    for route in part["routes"]:
        matchers = [str(value) for each in route.get("match", []) for name, value in each.items() if name != "host"]
        for handler in route["handle"]:
            if handler["handler"] == "subroute":
                yield from handlers(handler, (*matched, *matchers))
            else:
                yield " ".join((*matched, *matchers)), handler


@pytest.fixture(scope="module")
def proxy(services: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What Caddy makes of the Caddyfile in its container."""
    return adapted(tmp_path_factory.mktemp("adapted"), environ=services["caddy"]["environment"])


def test_caddy_takes_the_caddyfile_without_a_word(services: dict[str, Any], tmp_path: Path) -> None:
    environ = services["caddy"]["environment"]
    checked = caddy(tmp_path, "validate", "--config", "Caddyfile", environ=environ)
    assert (checked.returncode, checked.stdout) == (0, "Valid configuration\n"), checked.stderr
    assert [line for line in checked.stderr.splitlines() if json.loads(line)["level"] != "info"] == []
    assert caddy(tmp_path, "fmt", "--diff", "Caddyfile", environ=environ).returncode == 0


def test_the_image_of_the_proxy_mixes_up_no_forms(services: dict[str, Any]) -> None:
    # Before 2.11.2, a form that waited in a buffer for a restart could be sent as another visitor's (tried with 2.10.2).
    # Source: https://github.com/caddyserver/caddy/pull/7547
    image = re.fullmatch(r"caddy:(\d+)\.(\d+)(?:\.(\d+))?-alpine", services["caddy"]["image"])
    assert image
    assert tuple(int(part or 99) for part in image.groups()) >= (2, 11, 2)


def test_the_proxy_sends_sockets_to_live_and_the_rest_to_web(services: dict[str, Any], proxy: dict[str, Any]) -> None:
    (server,) = proxy["apps"]["http"]["servers"].values()
    assert server["listen"] == [":443"]
    assert [route["match"] for route in server["routes"]] == [[{"host": [REQUIRED["SITE_ADDRESS"]]}]]
    dialled = [(whose, how["upstreams"]) for whose, how in handlers(server) if how["handler"] == "reverse_proxy"]
    assert dialled[0] == ("['/socket.io', '/socket.io/*']", [{"dial": "live:8000"}])
    assert dialled[-1] == ("", [{"dial": "web:8000"}])
    for name in ("web", "live"):
        assert "0.0.0.0:8000" in services[name]["command"]


def test_the_proxy_takes_a_whole_form_and_no_more_than_the_portal(app: Flask, proxy: dict[str, Any]) -> None:
    (server,) = proxy["apps"]["http"]["servers"].values()
    everything = [how for whose, how in handlers(server) if whose == ""]
    (most,) = [how["max_size"] for how in everything if how["handler"] == "request_body"]
    (pages,) = [how for how in everything if how["handler"] == "reverse_proxy"]
    # What comes waits in the proxy, to the last byte, and so does every page.
    assert most < pages["request_buffers"] == pages["response_buffers"]
    assert app.config["MAX_FORM_MEMORY_SIZE"] < most <= app.config["MAX_CONTENT_LENGTH"]


def test_the_proxys_log_opens_nothing(app: Flask, proxy: dict[str, Any]) -> None:
    (log,) = proxy["logging"]["logs"].values()
    hidden = log["encoder"]["fields"]["request>uri"]
    pattern, instead = hidden["regexp"], hidden["value"].replace("$1", r"\1")
    keys = [
        rule for rule in app.url_map.iter_rules() if any(re.search("_(code|token)$", name) for name in rule.arguments)
    ]
    assert {rule.endpoint for rule in keys} > {"booking.linked_visit", "booking.calendar_feed"}
    with app.test_request_context():
        shown = {
            re.sub(pattern, instead, url_for(rule.endpoint, **dict.fromkeys(rule.arguments, "KEY"))) for rule in keys
        }
    assert [address for address in shown if "KEY" in address] == []
