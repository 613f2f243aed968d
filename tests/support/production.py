"""Production as its files describe it: what the real Compose makes of compose.yaml, and the real Caddy of the Caddyfile."""

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from clinic_portal.core.processes import free_port
from tests.support.running import Running, running_portal
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


@dataclass
class Production(Running):
    """Pages and sockets with the commands and the environment of compose.yaml, behind the Caddy of our Caddyfile.

    What differs: all listens on the loopback address, and Caddy speaks plain HTTP there.
    """

    proxy_port: int = 0
    services: dict[str, Any] = field(default_factory=dict)

    @property
    def address(self) -> str:
        """What visitors type."""
        return f"127.0.0.1:{self.proxy_port}"

    def __post_init__(self) -> None:
        # One process of the pages is enough, and starts in half the time.
        self.services = compose_services(REQUIRED | {"SITE_ADDRESS": self.address, "WEB_WORKERS": "1"})
        given = self.services["web"]["environment"]
        ours = {name: self.environment[name] for name in ("DATABASE_URL", "REDIS_URL", "SECRET_KEY")}
        self.environment = self.environment | given | ours | homes(self.folder) | {"RATE_LIMITS": "on"}
        # `http://` keeps Caddy from asking for a certificate.
        caddy_environment = self.services["caddy"]["environment"] | {"SITE_ADDRESS": f"http://{self.address}"}
        configuration = adapted(self.folder, environ=caddy_environment)
        configuration["admin"] = {"disabled": True, "config": {"persist": False}}
        dialled = {"web:8000": f"127.0.0.1:{self.port}", "live:8000": f"127.0.0.1:{self.live_port}"}
        (self.folder / "caddy.json").write_text(json.dumps(_redialled(configuration, dialled)), encoding="utf-8")

    def ports(self) -> dict[str, int]:
        return super().ports() | {"caddy": self.proxy_port}

    def command(self, name: str) -> list[str]:
        if name == "caddy":
            return [str(PROGRAMS / "caddy"), "run", "--config", str(self.folder / "caddy.json")]
        if name not in {"web", "live"}:
            return super().command(name)
        command = list(self.services[name]["command"])
        command[command.index("--bind") + 1] = f"127.0.0.1:{self.port if name == 'web' else self.live_port}"
        return [sys.executable, "-m", *command]

    def option(self, name: str, option: str) -> int:
        """A number in the command of a service: `option("web", "--threads")`."""
        command = self.services[name]["command"]
        return int(command[command.index(option) + 1])


@contextlib.contextmanager
def running_production(folder: Path, name: str, first_port: int) -> Iterator[Production]:
    """Make a production; nothing is started yet."""
    with running_portal(folder, name, first_port) as portal:
        yield Production(**vars(portal), proxy_port=free_port(portal.live_port + 1))


def _redialled(part: Any, dialled: Mapping[str, str]) -> Any:
    """The same configuration with other upstreams."""
    if isinstance(part, dict):
        return {name: dialled[value] if name == "dial" else _redialled(value, dialled) for name, value in part.items()}
    return [_redialled(each, dialled) for each in part] if isinstance(part, list) else part
