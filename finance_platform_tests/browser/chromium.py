"""Chromium: the driver comes with playwright, the browser with the system's packages.

Belongs here: finding it, opening a page in it. Does not belong here: the content of pages (see `person`).
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from playwright.sync_api import Page, expect, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")
_TIMEOUT_MS = 60_000


def require_chromium() -> str:
    """Return the path of a Chromium; without one, skip the calling test, or fail it in CI."""
    try:
        return find_chromium()
    except LookupError as error:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(str(error))


def find_chromium() -> str:
    """Return the path of a Chromium.

    Raises:
        LookupError: PATH has no Chromium.
    """
    executable = next((path for name in NAMES if (path := shutil.which(name))), None)
    if not executable:
        raise LookupError(f"the UI is driven in Chromium, and PATH has none of {', '.join(NAMES)}")
    return executable


@contextmanager
def opened_page(executable: str, url: str) -> Iterator[Page]:
    """Yield a page with `url` as base address; the browser is closed afterwards."""
    with sync_playwright() as playwright:
        # The sandbox needs rights that a container does not have; only our own UI is opened.
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(
            base_url=url, viewport={"width": 1600, "height": 1000}, timezone_id="UTC", reduced_motion="reduce"
        )
        page.set_default_timeout(_TIMEOUT_MS)
        expect.set_options(timeout=_TIMEOUT_MS)
        yield page
        browser.close()
