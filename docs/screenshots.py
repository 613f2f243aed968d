"""Takes the README's pictures from the running program with its demo clinic: `make screenshots`."""

import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Browser, Page, expect, sync_playwright

from clinic_portal.core.processes import free_port
from clinic_portal.demo.content import PASSWORD

ROOT = Path(__file__).resolve().parents[1]
PICTURES = ROOT / "docs" / "pictures"
ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
START_TIMEOUT_S = 90.0


def page_of(
    browser: Browser, url: str, width: int, height: int, email: str | None = None, language: str = "en"
) -> Page:
    context = browser.new_context(viewport={"width": width, "height": height})
    context.add_cookies([{"name": "clinic_language", "value": language, "url": url}])
    page = context.new_page()
    if email:
        page.goto(f"{url}/sign-in")
        page.get_by_label("E-mail address").fill(email)
        page.get_by_label("Password", exact=True).fill(PASSWORD)
        page.get_by_role("main").get_by_role("button", name="Sign in").click()
        page.wait_for_load_state()
    return page


def take(url: str, path: str | None) -> None:
    """Take the three pictures; the TV is paired at the desk and somebody is called."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        phone = page_of(browser, url, 390, 844, "marta.araujo@example.org")
        phone.goto(url)
        phone.screenshot(path=PICTURES / "phone.png")
        tv = page_of(browser, url, 1920, 1080)
        tv.goto(f"{url}/tv")
        code = re.sub(r"\W", "", tv.locator(".tv-code").inner_text())
        desk = page_of(browser, url, 1440, 900, "paula@clinic.example")
        desk.goto(f"{url}/desk/lisbon/screens")
        desk.get_by_label(re.compile("code", re.I)).fill(code)
        desk.get_by_label("Name").fill("Sala de espera A")
        desk.get_by_role("button", name="Pair the screen").click()
        expect(tv.get_by_text("Sala de espera A")).to_be_visible(timeout=15_000)
        desk.goto(f"{url}/desk/lisbon")
        desk.wait_for_timeout(1500)
        desk.screenshot(path=PICTURES / "desk.png")
        tv.screenshot(path=PICTURES / "tv.png")
        browser.close()


def main() -> None:
    """Start a portal of its own in a copy without data, take the pictures, stop it."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    chromium = next((found for name in names if (found := shutil.which(name))), None)
    port = free_port(8700)
    with tempfile.TemporaryDirectory() as folder, (Path(folder) / "log").open("w+") as log:
        command = [
            sys.executable,
            "-m",
            "flask",
            "--app",
            "wsgi",
            "clinic",
            "run",
            "--port",
            str(port),
            "--folder",
            f"{folder}/var",
        ]
        portal = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)
        try:
            deadline = time.monotonic() + START_TIMEOUT_S
            while "The portal runs" not in (text := (Path(folder) / "log").read_text()):
                if portal.poll() is not None or time.monotonic() > deadline:
                    raise SystemExit(f"the portal does not start:\n{text}")
                time.sleep(0.2)
            take(f"http://127.0.0.1:{port}", chromium)
        finally:
            portal.send_signal(2)
            portal.wait(30)


if __name__ == "__main__":
    main()
