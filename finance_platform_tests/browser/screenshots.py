"""The screenshots of the documentation, taken from the sample: `make screenshots`.

Belongs here: the pages and their size. Does not belong here: assertions (see `test_ui`).

The home is a neutral folder, because pages show its path.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from playwright.sync_api import FloatRect, expect

import finance_platform
from finance_platform_tests.browser.chromium import find_chromium, opened_page
from finance_platform_tests.browser.person import Person
from finance_platform_tests.browser.sample_deliveries import BAD, BAD_NAME, sample_home, send
from finance_platform_tests.browser.ui_process import running_ui
from finance_platform_tests.end_to_end.home import Home

IMAGES = Path(str(finance_platform.__file__)).parent.parent / "docs" / "images"
HOME = Path("/tmp/finance-sample/home")  # noqa: S108  it is deleted and created again

FACT = "warehouse/fact_financials"
_CANVAS = FloatRect(x=368, y=108, width=832, height=2192)


def make_screenshots() -> None:
    """Take the screenshots of a fresh sample home after a refresh, and after a delivery that is held."""
    shutil.rmtree(HOME.parent, ignore_errors=True)
    log = HOME.parent / "ui.log"
    sample_home(HOME)
    with running_ui(HOME, log, "--no-auto-refresh") as ui, opened_page(find_chromium(), ui.url) as page:
        person = Person(page)
        person.opens_lineage()
        person.materializes_all()
        ui.wait_for_run([])

        person.opens_lineage()
        person.expands_lineage()
        page.set_viewport_size({"width": 1200, "height": 2300})
        person.button("Hide navigation").click()
        page.goto("/asset-groups")
        person.sees("variance_report", "transactions")
        page.wait_for_load_state("networkidle")
        page.screenshot(path=IMAGES / "lineage.png", clip=_CANVAS)

        page.set_viewport_size({"width": 1600, "height": 1000})
        person.read(f"/assets/{FACT}", "Grain", "Row count", "Show schema")
        page.wait_for_load_state("networkidle")
        page.screenshot(path=IMAGES / "fact-table.png")

        earlier = ui.runs()
        send(HOME, f"raw/{BAD_NAME}", BAD)
        person.opens_lineage()
        person.materializes_all()
        ui.wait_for_run(earlier)
        person.reads_check("processed/rejected_rows", "deliveries_are_within_tolerance")
        page.wait_for_load_state("networkidle")
        page.screenshot(path=IMAGES / "red-check.png", clip=FloatRect(x=0, y=0, width=1600, height=860))
    # A process has one browser of Playwright at a time.
    (HOME / "raw" / BAD_NAME).unlink()
    picture_report_pack(Home(HOME))
    shutil.rmtree(HOME.parent)


def picture_report_pack(home: Home) -> None:
    """Take the screenshots of a home's report pack: its first screen, and its bridge on a phone at night."""
    folder = home.path.parent / "pack"
    result = home.command("report", "--out", str(folder), FINANCE_PLATFORM_ENTITY="Sample company")
    if result.returncode:
        raise RuntimeError(result.stderr)
    (file,) = folder.glob("*.html")
    with opened_page(find_chromium(), file.as_uri()) as page:
        page.set_viewport_size({"width": 1440, "height": 980})
        page.goto(file.as_uri())
        expect(page.locator("#bridge svg")).to_be_visible()
        page.screenshot(path=IMAGES / "report-pack.png")
        page.emulate_media(color_scheme="dark")
        page.set_viewport_size({"width": 390, "height": 780})
        page.reload()
        expect(page.locator("#bridge svg")).to_be_visible()
        page.evaluate("document.getElementById('bridges').scrollIntoView()")
        page.screenshot(path=IMAGES / "report-pack-phone.png")


if __name__ == "__main__":
    make_screenshots()
