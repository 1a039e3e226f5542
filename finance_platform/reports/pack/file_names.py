"""Names of the files of a report pack.

Belongs here: the names. Does not belong here: writing the files (see `refresh.report_pack`). A file of its own, because
a run with nothing new needs the names and must not import what the pack is made with.
"""

from __future__ import annotations

import hashlib
import re

PACK_FILE = "report_pack.html"
"""The page that each refresh writes."""

PACK_PATH = "/report_pack/"
"""Where the UI serves these files."""


def workbook_file(page: str) -> str:
    """Return the name of the workbook that is written with a page."""
    return page.removesuffix(".html") + ".xlsx"


WORKBOOK_FILE = workbook_file(PACK_FILE)
"""The workbook that each refresh writes."""


def pack_file(period: str, reference: str, unit: str, as_of: str, attributes: str) -> str:
    """Return the name of the file of a pack that a person asked for; what they left open is not in it."""
    asked = [_slug(text) for text in (period, reference, unit, as_of, attributes) if text]
    return "-".join([PACK_FILE.removesuffix(".html"), *asked]) + ".html"


def _slug(text: str) -> str:
    """Return a text as part of a file name; two texts never have the same."""
    plain = re.sub(r"[^A-Za-z0-9-]+", "_", text).strip("_")
    return plain if plain == text else f"{plain}_{hashlib.sha256(text.encode()).hexdigest()[:6]}"
