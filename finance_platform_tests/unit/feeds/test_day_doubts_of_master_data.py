"""Days of files without money: two forms that read one text as different days hold the file, or are a warning."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from finance_platform.refresh.file_check.feed_check import FileCheck
from finance_platform_tests.unit.checked_files import check_written

KINDS = {
    "departments": "code: Code, valid_from",
    "accounts": "number: Code, valid_from",
    "lookup": "key: Code, date",
    "comments": "department: Code, account: Code, comment: Code, period",
    "balances": "account: Code, balance: Amount, period",
}


def check(folder: Path, kind: str, days: Sequence[str], formats: str = "[dd/MM/yyyy, MM/dd/yyyy]") -> FileCheck:
    rows = "".join(f"{number},{day},1.00\n" for number, day in enumerate(days, start=100))
    (folder / "x.csv").write_text(f"Code,Day,Amount\n{rows}", encoding="utf-8")
    text = f"feed: x\nkind: {kind}\npath: x.csv\ncolumns: {{{KINDS[kind]}: {{from: Day, formats: {formats}}}}}\n"
    return check_written(folder, text)


@pytest.mark.parametrize("kind", KINDS)
def test_a_day_that_another_row_shows_to_be_another_day_holds_the_file(tmp_path: Path, kind: str):
    held = check(tmp_path, kind, ["03/04/2025", "01/31/2025"])
    (reason,) = held.holds
    assert "'03/04/2025' on line 2 was read as 2025-04-03, by the form dd/MM/yyyy" in reason
    assert "'01/31/2025' on line 3" in reason


@pytest.mark.parametrize("kind", KINDS)
def test_days_that_two_forms_read_without_proof_are_a_warning(tmp_path: Path, kind: str):
    found = check(tmp_path, kind, ["03/04/2025", "05/04/2025"])
    assert not found.holds
    assert [text for text in found.findings.notes if "every such day is valid by the forms" in text]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("days", "formats"),
    [
        (["03/04/2025", "31/01/2025"], "[dd/MM/yyyy]"),
        (["03/03/2025", "01/31/2025"], "[dd/MM/yyyy, MM/dd/yyyy]"),
        (["2025-04-03", "31/01/2025"], "[dd/MM/yyyy, yyyy-MM-dd]"),
        (["03/04/2025", "31/01/2025"], "[dd/MM/yyyy, MM/dd/yyyy]"),
        (["2025-04", "2025-01-31"], "[yyyy-MM-dd, yyyy-MM]"),
    ],
)
def test_days_that_can_be_read_in_one_way_alone_are_right(tmp_path: Path, kind: str, days: list[str], formats: str):
    found = check(tmp_path, kind, days, formats)
    assert not found.holds
    assert not found.findings.notes
