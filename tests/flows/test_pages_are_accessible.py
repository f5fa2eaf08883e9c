"""Every page with Chromium: no complaint in the console, nothing serious for axe, wide and narrow, light and dark."""

from __future__ import annotations

import shutil
import subprocess
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.flows.browsing import log_in
from tests.flows.conftest import PASSWORD

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from tests.flows.living_home import Home
    from tests.flows.product import Product, StaffClient

pytestmark = [pytest.mark.flow, pytest.mark.browser, pytest.mark.long]
AXE = "axe-core@4.14.1"
RUN = "axe.run(document, {resultTypes: ['violations'], runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa']})"
LOOKS = [(scheme, width) for scheme in ("light", "dark") for width in (1366, 390)]


@pytest.fixture(scope="module")
def axe(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The script of axe-core, from npm."""
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("npm is not installed")
    folder = tmp_path_factory.mktemp("axe")
    got = subprocess.run([npm, "pack", AXE, "--silent"], cwd=folder, capture_output=True, text=True, check=False)
    if got.returncode:
        pytest.skip("axe-core cannot be had from npm")
    with tarfile.open(folder / got.stdout.strip().splitlines()[-1]) as package:
        package.extract("package/axe.min.js", folder, filter="data")
    return Path(folder / "package" / "axe.min.js").read_text()


def judge(page: Page, axe: str, url: str, found: list[str], looks: list[tuple[str, int]]) -> None:
    """Adds what is critical or serious on that page to `found`."""
    for scheme, width in looks:
        page.set_viewport_size({"width": width, "height": 844})
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
        page.goto(url)
        page.locator("main, body").first.wait_for()
        page.evaluate(axe)  # from outside the page, so that its policy stays what it is
        violations: list[dict[str, Any]] = page.evaluate(RUN)["violations"]
        for one in violations:
            if one["impact"] in {"critical", "serious"}:
                places = [node["html"][:110] for node in one["nodes"][:3]]
                found.append(f"{url} {scheme} {width}: {one['id']} x{len(one['nodes'])} {places}")
        wide = page.evaluate("document.documentElement.scrollWidth")
        if wide > width:
            found.append(f"{url} {scheme} {width}: wider than the screen by {wide - width}")


def test_nothing_serious_on_the_pages_that_matter(
    page: Page, browser: Browser, product: Product, home: Home, supervisor: StaffClient, axe: str, complaints: list[str]
) -> None:
    home.press()
    (row,) = [one for one in supervisor.get("/emergencies")["results"] if one["senior_id"] == home.senior_id]
    hub_id = next(
        one["hub"]["hub_id"] for one in supervisor.get("/seniors")["results"] if one["senior_id"] == home.senior_id
    )
    care = f"/admin/care/{home.senior_id}/"
    found: list[str] = []
    both = ["/admin/", care, f"/admin/emergencies/{row['log_id']}/", "/admin/installation/", "/admin/today/"]
    once = [f"/admin/installation/{hub_id}/", "/admin/today/handover/", f"/admin/visits/{home.senior_id}/"]
    once += ["/admin/care/", "/admin/roster/", "/admin/statistics/", "/account/notifications/"]
    once += [f"{care}{tab}/" for tab in ("activity", "profile", "home", "model", "events", "access", "card")]
    for path in both:
        judge(page, axe, product.url + path, found, LOOKS)
    for path in once:
        judge(page, axe, product.url + path, found, [("light", 390)])
    supervisor.call("POST", f"/emergencies/{row['log_id']}/resolve", {"outcome": "test", "note": ""})

    stranger = browser.new_context(locale="ko-KR").new_page()
    judge(stranger, axe, f"{product.url}/admin/login/", found, LOOKS)
    email = f"family-{home.senior_id}@anbu.example"
    arguments = ["--full-name", "박가족", "--role", "guardian", "--senior", str(home.senior_id), "--password-stdin"]
    product.manage("create_staff", email, *arguments, stdin=PASSWORD)
    log_in(stranger, product.url, email, PASSWORD)
    judge(stranger, axe, f"{product.url}/family/", found, LOOKS)
    stranger.context.close()
    assert not found, "\n".join(found)
    assert complaints == []
