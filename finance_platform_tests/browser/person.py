"""A person at the UI: what they click, and what they then read.

Belongs here: the pages by what is written on them. Does not belong here: expectations, the UI's process.

Everything is found by its text or role. Where a page has neither, the place in the row is used and said.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from playwright.sync_api import Locator, Page, expect

# The whole graph is legible at once on a big screen only; what is outside of the screen is not drawn.
_BIG = 2600, 4400
_USUAL = 1600, 1000


@dataclass(frozen=True)
class Person:
    """Somebody with a browser."""

    page: Page

    def text(self) -> str:
        """Return all that is written on the page."""
        return self.page.locator("body").inner_text()

    def read(self, path: str, *until: str) -> str:
        """Open a page, wait until it says all of that, and return what it says."""
        self.page.goto(path)
        self.sees(*until)
        return self.text()

    def sees(self, *texts: str) -> None:
        """Wait until the page says all of that."""
        for text in texts:
            expect(self.page.get_by_text(text).filter(visible=True).first).to_be_visible()

    def button(self, name: str) -> Locator:
        """Return a button by what is on it."""
        return self.page.get_by_role("button", name=name)

    # The lineage of all assets

    def opens_lineage(self) -> str:
        """Open the graph of all groups, as the menu on the left does, and return what it says."""
        self.page.goto("/asset-groups")
        expect(self.button("Materialize all")).to_be_enabled()
        self.sees("warehouse", "reporting")
        return self.text()

    def expands_lineage(self) -> None:
        """Open all groups of the graph by its menu; the page remembers that."""
        self.opens_lineage()
        # On the free ground at the lower right of the graph.
        self.page.mouse.click(1000, 900, button="right")
        self.page.get_by_role("menuitem", name="Expand all groups").click()
        self.page.wait_for_url("**/asset-groups?expanded=*")

    def reads_expanded_lineage(self) -> list[str]:
        """Return the lines of the whole graph, each asset with its latest state."""
        self.page.set_viewport_size({"width": _BIG[0], "height": _BIG[1]})
        self.page.goto("/asset-groups")
        self.sees("variance_report")
        expect(self.page.get_by_text("Loading...")).to_have_count(0)
        said = self.text().splitlines()
        self.page.set_viewport_size({"width": _USUAL[0], "height": _USUAL[1]})
        return said

    def materializes_all(self) -> None:
        """Click the button that brings everything up to date."""
        self.opens_lineage()
        self.button("Materialize all").click()

    # Assets

    def reads_checks(self, asset: str, names: Sequence[str]) -> dict[str, str]:
        """Return, by check, what an asset's page of checks says of it, clicking through their list."""
        self.read(f"/assets/{asset}?view=checks", f"Checks ({len(names)})", "Latest execution")
        found = {}
        for name in names:
            self.page.get_by_title(name, exact=True).first.click()
            found[name] = self._check_that_is_open(name)
        return found

    def reads_check(self, asset: str, name: str) -> str:
        """Return what the page of a check says, from what it is about."""
        self.page.goto(f"/assets/{asset}?view=checks&checkDetail={name}")
        return self._check_that_is_open(name)

    def _check_that_is_open(self, name: str) -> str:
        expect(self.page).to_have_url(re.compile(f"checkDetail={name}"))
        self.sees("About", "Latest execution", "Evaluation result")
        return self.text().rpartition("About")[2]

    def reads_period(self, asset: str, period: str) -> str:
        """Return what a partitioned asset's page says of one period, found by its name."""
        self.page.goto(f"/assets/{asset}?view=partitions")
        self.page.get_by_placeholder("Filter by name…").fill(period)
        self.page.get_by_text(period).first.click()
        self.sees("load_number")
        return self.text()

    # Automation

    def switches_on(self, sensors: Sequence[str]) -> None:
        """Turn sensors on by their switches."""
        self.page.goto("/automation")
        for name in sensors:
            row = self.page.locator("[data-index]").filter(has=self.page.get_by_text(name, exact=True))
            # The first box of a row selects it; the second is the switch.
            switch = row.locator("label").nth(1)
            switch.click()
            expect(switch.get_by_role("checkbox")).to_be_checked()
