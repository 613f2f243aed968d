"""What production is made of: compose.yaml, Dockerfile, Caddyfile, judged by the real tools where there is one."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bench.facts import THREADS, WORKERS
from clinic_portal.launch import WEB_THREADS, WEB_WORKERS

ROOT = Path(__file__).parents[1]
PROGRAMS = Path(sys.executable).parent
REQUIRED = {
    "SECRET_KEY": "x" * 40,
    "POSTGRES_PASSWORD": "database-password",
    "SITE_ADDRESS": "portal.clinic.example",
    "CLINIC_NAME": "Clínica Ribeira",
    "CLINIC_PHONE": "+351 210 000 000",
    "EMAIL_SENDER": "visits@clinic.example",
}
PORTAL = {"migrate", "web", "live", "worker", "scheduler"}


def compose_config(environ: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """What the real Compose makes of compose.yaml."""
    return subprocess.run(
        [str(PROGRAMS / "docker-compose"), "-f", "compose.yaml", "config", "--format", "json"],
        cwd=ROOT,
        env={
            "PATH": os.environ["PATH"],
            "HOME": os.environ.get("HOME", "/"),
            "COMPOSE_DISABLE_ENV_FILE": "1",
            **environ,
        },
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    """The services of compose.yaml with the required values set."""
    shown = compose_config(REQUIRED)
    assert shown.returncode == 0, shown.stderr
    return json.loads(shown.stdout)["services"]  # type: ignore[no-any-return]  # JSON


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


def test_the_proxy_sends_sockets_to_live_and_the_rest_to_web(services: dict[str, Any]) -> None:
    caddyfile = (ROOT / "Caddyfile").read_text(encoding="utf-8")
    assert re.findall(r"reverse_proxy (\w+):(\d+)", caddyfile) == [("live", "8000"), ("web", "8000")]
    assert re.search(r"@live path /socket\.io /socket\.io/\*\n\thandle @live \{\n\t\treverse_proxy live:", caddyfile)
    assert caddyfile.count("{") == caddyfile.count("}")
    for name in ("web", "live"):
        assert "0.0.0.0:8000" in services[name]["command"]
