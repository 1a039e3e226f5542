"""Chromium, as the machine has it: playwright brings the driver, the system's packages bring the browser.

Belongs here: finding it, opening a page in it. Does not belong here: what is on a page (see `person`).
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Page, expect, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")
_PATIENCE_MS = 60_000


def chromium() -> str:
    """Return the path of a Chromium; skip the test that asks where there is none, or fail it in CI."""
    try:
        return found_chromium()
    except LookupError as error:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(str(error))


def found_chromium() -> str:
    """Return the path of a Chromium.

    Raises:
        LookupError: there is none.
    """
    found = next((path for name in NAMES if (path := shutil.which(name))), None)
    if not found:
        raise LookupError(f"the UI is driven in Chromium, and PATH has none of {', '.join(NAMES)}")
    return found


@contextmanager
def opened_page(executable: str, url: str) -> Iterator[Page]:
    """Yield a page whose addresses begin with `url`; the browser is closed afterwards."""
    with sync_playwright() as playwright:
        # The sandbox needs rights that a container does not give; nothing but our own UI is opened.
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        page = browser.new_page(base_url=url, viewport={"width": 1600, "height": 1000}, timezone_id="UTC")
        page.set_default_timeout(_PATIENCE_MS)
        expect.set_options(timeout=_PATIENCE_MS)
        yield page
        browser.close()
