"""What `rejected` exports, opened in LibreOffice: every text is a text, every amount a number, and nothing is computed.

Belongs here: files that a spreadsheet reads. Does not belong here: what is written into them (see
`unit/reports/test_rejected_report`).
"""

from __future__ import annotations

import io
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from python_calamine import CalamineWorkbook

from finance_platform.cli.console import SafeConsole
from finance_platform.cli.rendering import print_rows
from finance_platform.reports.rejected_rows import COLUMNS, RejectedTotals
from finance_platform.reports.rejected_workbook import write_rejected_workbook
from finance_platform_tests.office import converted
from finance_platform_tests.profiles import at_night

pytestmark = pytest.mark.office

TEXTS = [
    "=1+1", "+1+1", "-1+1", "@SUM(A1)", "＝1+1", "\t=1+1", "\r=1+1", "=HYPERLINK(\"https://example.com\")",
    "=cmd|' /C calc'!A0", "https://example.com", "1e5", "0460", "2025-01-31", "TRUE", "é\x1b[31m", "two\nlines", '"',
]  # fmt: skip


def rows() -> list[dict[str, Any]]:
    """Return a rejected row for each text, which is in all of its fields that a file gives."""
    return [
        dict.fromkeys(COLUMNS)
        | {"feed": "ledger", "source_file": text, "source_row": line, "outcome": "rejected", "state": "live"}
        | {"rules": "invalid_date", "reasons": text, "amount": Decimal("1234567890123.45"), "raw_row": text}
        | {"scenario": text, "details": [{"rule": "invalid_date", "column": text, "value": text, "words": text}]}
        for line, text in enumerate(TEXTS, 2)
    ]


@at_night("`unit/reports/test_rejected_report` reads its cells")
def test_the_workbook_opens_with_the_cells_that_were_written(tmp_path: Path):
    path, totals = tmp_path / "rejected.xlsx", RejectedTotals()
    write_rejected_workbook(path, rows(), totals)
    written = CalamineWorkbook.from_path(path)
    (tmp_path / "again").mkdir()
    opened = CalamineWorkbook.from_path(converted(path, "xlsx", tmp_path / "again"))
    assert opened.sheet_names == written.sheet_names
    for name in written.sheet_names:
        assert opened.get_sheet_by_name(name).to_python() == written.get_sheet_by_name(name).to_python()
    header, *cells = opened.get_sheet_by_name("Rejected rows").to_python()
    assert {row[header.index("amount")] for row in cells} == {1234567890123.45}
    assert [row[header.index("file")] for row in cells][:5] == TEXTS[:5]


@at_night("`test_hostile_text` has the cells of such a file")
def test_no_text_of_the_csv_file_is_computed(tmp_path: Path):
    stream = io.StringIO()
    print_rows(SafeConsole(file=stream), ["text", "line"], [[text, 2] for text in TEXTS], "csv")
    path = tmp_path / "rejected.csv"
    path.write_text(stream.getvalue(), encoding="utf-8", newline="")
    (tmp_path / "again").mkdir()
    opened = CalamineWorkbook.from_path(converted(path, "xlsx", tmp_path / "again", "--infilter=CSV:44,34,76,1"))
    header, *cells = opened.get_sheet_by_index(0).to_python()
    assert header == ["text", "line"]
    assert [row[0] for row in cells][:5] == [f"'{text}" for text in TEXTS[:5]]
    assert len(cells) == len(TEXTS)
