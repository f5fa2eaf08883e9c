"""Every page with the demo's data, in Chromium: Korean and English, light and dark, wide and narrow.

    make demo            (in another terminal)
    make screenshots

The demo's password is read from `ANBU_DATA`. Pages complain here too: an error in the console or a refusal of the
content security policy ends the run with 1.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from playwright.sync_api import sync_playwright

from tests.flows.browsing import FLAGS, listen, log_in
from tests.optional_tools import require_tool

if TYPE_CHECKING:
    from collections.abc import Iterable

    from playwright.sync_api import Browser, Page

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "screenshots"
WIDTHS = {"wide": (1366, 860), "narrow": (390, 844)}
SUPERVISOR, CASEWORKER, GUARDIAN = "supervisor@anbu.example", "kim@anbu.example", "guardian@anbu.example"


@dataclass(frozen=True)
class Shot:
    """`path` may hold {senior}, {emergency} and {hub}; `ready` is a selector that must be there first."""

    name: str
    path: str
    who: str | None = SUPERVISOR
    ready: str = "main"


SHOTS = (
    Shot("login", "/admin/login/", None),
    Shot("desk", "/admin/", ready=".card"),
    Shot("today", "/admin/today/"),
    Shot("handover", "/admin/today/handover/"),
    Shot("visit", "/admin/visits/{senior}/"),
    Shot("seniors", "/admin/care/"),
    Shot("senior", "/admin/care/{senior}/"),
    Shot("senior-activity", "/admin/care/{senior}/activity/"),
    Shot("senior-home", "/admin/care/{senior}/home/"),
    Shot("senior-profile", "/admin/care/{senior}/profile/"),
    Shot("senior-model", "/admin/care/{senior}/model/"),
    Shot("senior-camera", "/admin/care/{senior}/camera/"),
    Shot("senior-card", "/admin/care/{worried}/card/"),
    Shot("emergency", "/admin/emergencies/{emergency}/"),
    Shot("install", "/admin/installation/"),
    Shot("install-walk", "/admin/installation/{hub}/"),
    Shot("roster", "/admin/roster/"),
    Shot("statistics", "/admin/statistics/"),
    Shot("emergencies", "/admin/monitoring/emergencylog/"),
    Shot("hubs", "/admin/devices/iothub/"),
    Shot("weights", "/admin/ai/aiweight/"),
    Shot("access-log", "/admin/seniors/accesslog/"),
    Shot("notifications", "/account/notifications/", CASEWORKER),
    Shot("family", "/family/", GUARDIAN, ".family-person"),
)


@dataclass(frozen=True)
class Look:
    language: str
    scheme: str
    width: str

    @property
    def suffix(self) -> str:
        return f"{self.language}-{self.scheme}-{self.width}"


LOOKS = [Look(language, scheme, width) for language in ("ko", "en") for scheme in ("light", "dark") for width in WIDTHS]


def find_places(page: Page, url: str) -> dict[str, str]:
    """Whom and what the pages are about: the one who fell, and their emergency."""
    open_one = page.request.get(f"{url}/api/v1/emergencies?status=open").json()["results"]
    inactive = [row for row in open_one if row["event_type"] != "fall_detection"] or open_one
    seniors = page.request.get(f"{url}/api/v1/seniors?page_size=100&ordering=senior_id").json()["results"]
    emergency = inactive[0] if inactive else page.request.get(f"{url}/api/v1/emergencies").json()["results"][0]
    calm = next(
        (row for row in seniors if not row["open_emergencies"] and row["risk"]["level"] == "normal"), seniors[0]
    )
    return {
        "senior": str(calm["senior_id"]),
        "worried": str(emergency["senior_id"]),
        "emergency": str(emergency["log_id"]),
        "hub": str(calm["hub"]["hub_id"]) if calm["hub"] else "0",
    }


def take_shots(browser: Browser, url: str, password: str, names: set[str], looks: Iterable[Look], folder: Path) -> int:
    """How many complaints there were."""
    complaints: list[str] = []
    wanted = [shot for shot in SHOTS if not names or shot.name in names]
    for who in (None, SUPERVISOR, CASEWORKER, GUARDIAN):
        shots = [shot for shot in wanted if shot.who == who]
        if not shots:
            continue
        with_session = browser.new_context(locale="ko-KR", viewport={"width": 1366, "height": 860})
        page = with_session.new_page()
        listen(page, complaints)
        places: dict[str, str] = {}
        if who:
            log_in(page, url, who, password)
            if who != GUARDIAN:
                places = find_places(page, url)
        for look in looks:
            for shot in shots:
                draw(page, url, shot, look, places, folder)
        if who:
            choose_language(page, url, "ko")
        with_session.close()
    for complaint in complaints:
        say(f"complaint: {complaint}")
    return len(complaints)


def draw(page: Page, url: str, shot: Shot, look: Look, places: dict[str, str], folder: Path) -> None:
    width, height = WIDTHS[look.width]
    page.set_viewport_size({"width": width, "height": height})
    page.emulate_media(color_scheme=look.scheme, reduced_motion="reduce")  # type: ignore[arg-type]
    choose_language(page, url, look.language)
    page.goto(url + shot.path.format(**places))
    page.locator(shot.ready).first.wait_for(timeout=15_000)
    page.wait_for_timeout(350)
    target = folder / f"{shot.name}-{look.suffix}.png"
    # as high as the page, so that what sticks to the foot of the screen stands at the foot of the picture
    tall = page.evaluate("document.documentElement.scrollHeight")
    page.set_viewport_size({"width": width, "height": max(height, min(tall, 6000))})
    page.screenshot(path=target)
    overflow = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    say(f"{target.name} wider than the screen by {overflow}" if overflow > 0 else target.name)


def say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def choose_language(page: Page, url: str, language: str) -> None:
    """By the same request as the button's."""
    current = {cookie["name"]: cookie["value"] for cookie in page.context.cookies()}
    if current.get("django_language") == language:
        return
    if "csrftoken" not in current:
        page.goto(f"{url}/admin/login/")
        current = {cookie["name"]: cookie["value"] for cookie in page.context.cookies()}
    page.request.post(
        f"{url}/account/language/",
        form={"language": language, "next": "/healthz"},
        headers={"X-CSRFToken": current.get("csrftoken", "")},
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", required=True)
    parser.add_argument("--password", default="")
    parser.add_argument("--only", default="", help="names with commas between")
    parser.add_argument("--looks", default="", help="such as ko-light-wide, with commas between")
    parser.add_argument("--to", type=Path, default=FOLDER)
    options = parser.parse_args()
    password = options.password
    if not password:
        note = Path(os.environ.get("ANBU_DATA", "var")) / "run" / "demo.json"
        password = json.loads(note.read_text())["password"]
    names = set(filter(None, options.only.split(",")))
    chosen = set(filter(None, options.looks.split(",")))
    looks = [look for look in LOOKS if not chosen or look.suffix in chosen]
    options.to.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=require_tool("chromium"), args=FLAGS)
        complaints = take_shots(browser, options.url, password, names, looks, options.to)
        browser.close()
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
