"""A person at the UI: what they click and what they read.

Belongs here: the pages of the UI. Does not belong here: expectations, the UI's process.

Elements are found by their text or role; where a page has neither, by position, with a comment.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from playwright.sync_api import Locator, Page, expect
from playwright.sync_api import TimeoutError as NotSeenError

from finance_platform_tests.browser.ui_process import wait_until

# The graph draws only what is on the screen, so reading all of it needs a big screen.
_BIG_SCREEN = 2600, 4400
_SCREEN = 1600, 1000
_USUAL_SCREEN = 1920, 1080
_SECONDS = 60.0
_MENU_MS = 2_000


@dataclass(frozen=True)
class Person:
    """A person with a browser."""

    page: Page

    def text(self) -> str:
        """Return the text of the page."""
        return self.page.locator("body").inner_text()

    def read(self, path: str, *until: str) -> str:
        """Go to a page, wait until it shows all of these texts, and return its text."""
        self.goes_to(path)
        self.sees(*until)
        return self.text()

    def reads_lines(self, path: str, name: str, until: Callable[[list[str]], bool]) -> list[str]:
        """Go to a page that is drawn bit by bit, and return its lines of text as soon as a condition on them is true.

        Args:
            path: the page.
            name: the condition, for the message if it does not become true.
            until: the condition.
        """
        self.goes_to(path)
        return wait_until(lambda: lines if until(lines := self.text().splitlines()) else None, name, _SECONDS)

    def goes_to(self, path: str) -> None:
        """Go to a page: from another page of the UI as a click on a link does, which does not load the UI again."""
        if self.page.url == "about:blank":
            self.page.goto(path)
        else:
            self.page.evaluate(
                "path => { history.pushState({}, '', path); dispatchEvent(new PopStateEvent('popstate')) }", path
            )

    def leaves(self) -> None:
        """Close the page, which asks the server for news and draws what is at work as long as it is open."""
        self.page.goto("about:blank")

    def sees(self, *texts: str) -> None:
        """Wait until the page shows all of these texts."""
        for text in texts:
            expect(self.page.get_by_text(text).filter(visible=True).first).to_be_visible()

    def button(self, name: str) -> Locator:
        """Return a button by its label."""
        return self.page.get_by_role("button", name=name)

    # The lineage of all assets

    def opens_lineage(self) -> str:
        """Open the graph of all groups, as the menu on the left does, and return its text."""
        self.goes_to("/asset-groups")
        expect(self.button("Materialize all")).to_be_enabled()
        self.sees("raw", "deliveries", "processed", "warehouse", "reporting")
        return self.text()

    def expands_lineage(self) -> None:
        """Expand all groups of the open graph by its menu; the page remembers that."""
        item = self.page.get_by_role("menuitem", name="Expand all groups")

        def opens_menu() -> bool:
            # On the empty canvas at the lower right of the graph, which has no menu until it is drawn.
            self.page.mouse.click(1000, 900, button="right")
            try:
                item.wait_for(timeout=_MENU_MS)
            except NotSeenError:
                return False
            return True

        wait_until(opens_menu, "the graph has its menu", _SECONDS)
        item.click()
        self.page.wait_for_url("**/asset-groups?expanded=*")

    def reads_expanded_lineage(self, least: int) -> list[str]:
        """Return the lines of text of the whole graph once it shows so many assets with their latest state."""
        self.page.set_viewport_size({"width": _BIG_SCREEN[0], "height": _BIG_SCREEN[1]})
        lines = self.reads_lines(
            "/asset-groups",
            f"the graph shows {least} assets with their state",
            lambda lines: "Loading..." not in lines and lines.count("Materialized") >= least,
        )
        self.page.set_viewport_size({"width": _SCREEN[0], "height": _SCREEN[1]})
        return lines

    def materializes_all(self) -> None:
        """Click the button of the open graph that brings everything up to date."""
        self.button("Materialize all").click()

    # Assets

    def reads_checks(self, asset: str, names: Sequence[str], count: int) -> dict[str, str]:
        """Return, by check, the text of its page, after a click on it in the asset's list of `count` checks."""
        self.read(f"/assets/{asset}?view=checks", f"Checks ({count})", "Latest execution")
        pages = {}
        for name in names:
            self.page.get_by_title(name, exact=True).first.click()
            pages[name] = self._open_check(name)
        return pages

    def reads_check(self, asset: str, name: str) -> str:
        """Return the text of a check's page."""
        self.goes_to(f"/assets/{asset}?view=checks&checkDetail={name}")
        return self._open_check(name)

    def _open_check(self, name: str) -> str:
        expect(self.page).to_have_url(re.compile(f"checkDetail={name}"))
        # The heading of the page; the list beside it has all names, each in an element with a title.
        heading = self.page.locator("span:not([title] *)").filter(has_text=re.compile(f"^{name}$"))
        expect(heading.first).to_be_visible()
        # Description and result come from two queries of the page.
        self.sees("About", "When it is", "Latest execution", "Evaluation result")
        return self.text().rpartition("About")[2]

    def reads_period(self, asset: str, period: str, *until: str) -> str:
        """Return the text of a partitioned asset's page after a click on one period, once it shows these texts."""
        self.goes_to(f"/assets/{asset}?view=partitions")
        self.page.get_by_placeholder("Filter by name…").fill(period)
        self.page.get_by_text(period).first.click()
        # In the list and as the heading: until then the page may show the period that was chosen before.
        expect(self.page.get_by_title(period, exact=True).nth(1)).to_be_visible()
        self.sees("load_number", "is_restated", *until)
        return self.text()

    # Runs of a selection

    def materializes(self, asset: str) -> None:
        """Click the button of one asset's page."""
        self.goes_to(f"/assets/{asset}")
        self.button("Materialize").first.click()

    def executes_check(self, asset: str, name: str) -> None:
        """Click the button of one check's page."""
        self.reads_check(asset, name)
        self.page.get_by_text("Execute", exact=True).click()

    def rebuilds_periods(self, grid: str, periods: str) -> None:
        """Follow the link on the page of the grid of months, type periods, and launch the run."""
        self.goes_to(f"/assets/{grid}?view=overview")
        self.page.get_by_role("link", name="Launchpad of rebuild_periods").click()
        self.page.locator(".CodeMirror").first.click()
        self.page.keyboard.press("Control+A")
        self.page.keyboard.insert_text(f"periods: {periods}")
        self.sees("No errors")
        self.button("Launch Run").click()

    def screens_of(self, asset: str, *until: str) -> float:
        """Return how many screens of a usual size an asset's page fills."""
        width, height = _USUAL_SCREEN
        self.page.set_viewport_size({"width": width, "height": height})
        self.read(f"/assets/{asset}", *until)
        longest = self.page.evaluate(
            "Math.max(...[...document.querySelectorAll('*')]"
            ".filter(one => getComputedStyle(one).overflowY !== 'visible').map(one => one.scrollHeight))"
        )
        self.page.set_viewport_size({"width": _SCREEN[0], "height": _SCREEN[1]})
        return float(longest) / height

    # Automation

    def switches_on(self, sensors: Sequence[str]) -> None:
        """Turn sensors on by their switches."""
        self.goes_to("/automation")
        for name in sensors:
            row = self.page.locator("[data-index]").filter(has=self.page.get_by_text(name, exact=True))
            # The first box of a row selects it; the second is the switch.
            switch = row.locator("label").nth(1)
            switch.click()
            expect(switch.get_by_role("checkbox")).to_be_checked()
