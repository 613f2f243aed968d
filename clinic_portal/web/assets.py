"""Static files under names that carry their content's hash, so that browsers keep them for a year."""

import functools
import hashlib
from pathlib import Path

from flask import Flask
from whitenoise import WhiteNoise

from clinic_portal.core.settings import Settings


@functools.cache
def _fingerprint(path: Path, modified_ns: int) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]


def init_assets(app: Flask, settings: Settings) -> None:
    """Serve `static/` through WhiteNoise and give templates `asset(name)`."""
    folder = settings.root / "static"
    known: dict[str, str] = {}

    def asset(name: str) -> str:
        """Return the URL of a static file, with the version that its content has."""
        if name not in known or not settings.is_production:
            path = folder / name
            known[name] = f"/static/{name}?v={_fingerprint(path, path.stat().st_mtime_ns)}"
        return known[name]

    app.wsgi_app = WhiteNoise(  # type: ignore[method-assign]
        app.wsgi_app,
        root=str(folder),
        prefix="static/",
        autorefresh=not settings.is_production,
        max_age=31_536_000 if settings.is_production else 0,
    )
    app.jinja_env.globals["asset"] = asset
