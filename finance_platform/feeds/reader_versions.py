"""The version of the reader that a file is read with; part of a delivery's identity.

Belongs here: what is increased when a release reads other lines from the same bytes under the same rules, so that each
file that it concerns is read again, and no other one. Does not belong here: identities (see `deliveries.commits`).

Increase one number by one, that of the fewest files among which all are whose lines change:

- `OF_FORMAT["workbook"]`: `files/workbook*`, `files/xls*`, `files/ods*`, `files/number_formats`, and what else only
  cells of a sheet are read by;
- `OF_FORMAT["text"]`: `files/delimited_file`, `files/packed_text`, `files/shipped_dialect`;
- `OF_KIND["ledger"]`: `lines/ledger_lines`, `lines/line_*`, and what else only lines of a ledger are derived by;
  each time with `OF_KIND["ledger_with_sides"]`, which is increased alone, with that of balances, for amounts that
  state their side;
- `OF_KIND` of another kind: `lines/reference_rows` and other modules of that kind of feed;
- `OF_ALL_FILES`: `values`, `cells` and what else all files share.

Two are increased if lines change in two groups. No number is ever lowered: the sum of those that concern a file is its
version, and a version that was used before would give a delivery an identity that it had under other lines.
`unit/feeds/test_reader_versions.py` reads a file of each format and kind, and fails if its lines change and its version
does not. A new doubt, note or check changes no line.
"""

from __future__ import annotations

from typing import Final, Literal

from finance_platform.feeds.file_names import TEXT_ENDINGS, WORKBOOK_ENDINGS, file_ending
from finance_platform.feeds.resolved import Reader

FileFormat = Literal["text", "workbook"]

OF_ALL_FILES: Final = 11

OF_FORMAT: Final[dict[FileFormat, int]] = {"text": 0, "workbook": 2}

OF_KIND: Final[dict[Reader, int]] = {
    "ledger": 0,
    "ledger_with_sides": 2,
    "departments": 0,
    "accounts": 0,
    "lookup": 0,
    "comments": 0,
    "statement_lines": 0,
    "balances": 2,
}


def file_format(object_key: str) -> FileFormat:
    """Return the format of an object by its name, as `files.tables` opens it."""
    # A path is taken apart only where its end may matter: a scan asks for thousands of names.
    if object_key.endswith(TEXT_ENDINGS) or not object_key.lower().endswith(WORKBOOK_ENDINGS):
        return "text"
    return "workbook" if file_ending(object_key) in WORKBOOK_ENDINGS else "text"


def reader_version(object_key: str, reader: Reader) -> int:
    """Return the version of the reader for an object of a feed whose rules have this `reader`."""
    return OF_ALL_FILES + OF_FORMAT[file_format(object_key)] + OF_KIND[reader]


def total_version() -> int:
    """Return a number that is higher in each release that reads other lines from any file."""
    return OF_ALL_FILES + sum(OF_FORMAT.values()) + sum(OF_KIND.values())
