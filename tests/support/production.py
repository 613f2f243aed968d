"""Production as its files describe it: what the real Compose makes of compose.yaml, and the real Caddy of the Caddyfile."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.support.servers import ROOT

PROGRAMS = Path(sys.executable).parent
#: What has no default in compose.yaml.
REQUIRED = {
    "SECRET_KEY": "x" * 40,
    "POSTGRES_PASSWORD": "database-password",
    "SITE_ADDRESS": "portal.clinic.example",
    "CLINIC_NAME": "Clínica Ribeira",
    "CLINIC_PHONE": "+351 210 000 000",
    "EMAIL_SENDER": "visits@clinic.example",
}


def compose_config(environ: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
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


def compose_services(environ: Mapping[str, str]) -> dict[str, Any]:
    """The services of compose.yaml with these values."""
    shown = compose_config(environ)
    assert shown.returncode == 0, shown.stderr
    return json.loads(shown.stdout)["services"]  # type: ignore[no-any-return]  # JSON


def caddy(folder: Path, *arguments: str, environ: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
    """Ask the real Caddy about the Caddyfile. What it keeps goes to the folder."""
    return subprocess.run(
        [str(PROGRAMS / "caddy"), *arguments],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], **homes(folder), **environ},
        capture_output=True,
        text=True,
        check=False,
    )


def adapted(folder: Path, *, environ: Mapping[str, str]) -> dict[str, Any]:
    """Caddy's own configuration, made of the Caddyfile with this environment."""
    made = caddy(folder, "adapt", "--config", "Caddyfile", environ=environ)
    assert made.returncode == 0, made.stderr
    return json.loads(made.stdout)  # type: ignore[no-any-return]  # JSON


def homes(folder: Path) -> dict[str, str]:
    """Where Caddy keeps certificates and its last configuration."""
    return {"XDG_DATA_HOME": str(folder / "caddy-data"), "XDG_CONFIG_HOME": str(folder / "caddy-config")}
