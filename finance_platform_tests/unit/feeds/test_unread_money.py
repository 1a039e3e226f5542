"""Columns of money that nothing reads: when they are named, when they hold the file, and when neither."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from finance_platform.refresh.file_check.feed_check import FileCheck
from finance_platform_tests.unit.checked_files import check_text

AMOUNTS = ("120.50", "75.25", "310.00", "18.40", "99.99", "42.10")
LEDGER: dict[str, Any] = {
    "feed": "x",
    "kind": "ledger",
    "path": "x.csv",
    "columns": {"date": "Date", "department": "Dept", "account": "Account", "amount": "Amount"},
    "constants": {"scenario": "Actual"},
}


def check(folder: Path, table: str, descriptor: dict[str, Any]) -> FileCheck:
    return check_text(folder, table, descriptor)


def beside(header: str, values: tuple[str, ...]) -> str:
    rows = zip(AMOUNTS, values, strict=True)
    lines = [f"2025-01-{day:02d},D1,6000,{amount},{value}" for day, (amount, value) in enumerate(rows, 1)]
    return "\n".join([f"Date,Dept,Account,Amount,{header}", *lines, ""])


def notes(folder: Path, header: str, values: tuple[str, ...], **changes: Any) -> dict[str, str]:
    read = check(folder, beside(header, values), LEDGER | changes)
    assert not read.findings.doubts
    return {text: note.fix for text, note in read.findings.notes.items()}


OTHERS = ("12.05", "7.53", "31.00", "", "9.99", "4.21")


def test_a_column_of_money_that_nothing_reads_is_named_and_ignored_by_the_fix(tmp_path: Path):
    ((text, fix),) = notes(tmp_path, "Freight", OTHERS).items()
    assert text == (
        "nothing reads the column 'Freight', which has amounts in most lines, such as '12.05': its money is in no total"
    )
    assert fix.endswith('add "Freight" to ignore_columns')
    assert not notes(tmp_path, "Freight", OTHERS, ignore_columns=["Freight"])


def test_whole_amounts_are_named_under_a_header_of_amounts_alone(tmp_path: Path):
    whole = ("120", "75", "310", "18", "99", "42")
    assert notes(tmp_path, "Net Amount", whole)
    assert not notes(tmp_path, "Voucher", whole)


@pytest.mark.parametrize(
    ("header", "values"),
    [
        ("Running", ("120.50", "195.75", "505.75", "524.15", "624.14", "666.24")),
        ("After", ("120.50", "195.75", "505.75", "524.15", "624.14", "666.24")),
        ("Quantity", ("12.50", "7.25", "31.00", "1.75", "9.50", "4.25")),
        ("Kurs", ("1.08", "1.09", "1.07", "1.08", "1.10", "1.11")),
        ("Factor", ("1.08", "1.09", "1.07", "1.08", "1.10", "1.11")),
        ("Posting", ("1", "2", "3", "4", "5", "6")),
        ("Measured", ("12.505", "7.253", "31.004", "1.751", "9.502", "4.253")),
        ("Charge", ("19.00", "19.00", "7.50", "19.00", "7.50", "19.00")),
        ("Extra", ("12.05", "", "", "", "9.99", "4.21")),
        ("Text", ("12.05", "see 7", "31.00", "n/a", "9.99", "4.21")),
        ("In books", AMOUNTS),
        ("Other side", tuple(f"-{amount}" for amount in AMOUNTS)),
        ("Total", ("132.55", "82.78", "341.00", "18.40", "109.98", "46.31")),
        ("VAT", OTHERS),
        ("Var.(%)", OTHERS),
    ],
)
def test_numbers_that_are_no_money_of_their_own_are_not_named(tmp_path: Path, header: str, values: tuple[str, ...]):
    assert not notes(tmp_path, header, values)


MEASURES: dict[str, Any] = {
    **LEDGER,
    "columns": {"date": "Date", "department": "Dept"},
    "measures": {"Sales": {"account": "4000"}, "Costs": {"account": "6000"}},
}


def of_measures(*others: str, cell: str = "5.25") -> str:
    lines = [
        f"2025-01-{day:02d},D1,{amount},{amount}{f',{cell}' * len(others)}" for day, amount in enumerate(AMOUNTS, 1)
    ]
    return "\n".join([",".join(["Date,Dept,Sales,Costs", *others]), *lines, ""])


def test_months_beside_measures_without_dates_hold_the_file(tmp_path: Path):
    holds = check(tmp_path, of_measures("Jan 2025", "Feb 2025"), MEASURES).holds
    (first, fix), (second, _) = holds.items()
    assert first == "the column 'Jan 2025' looks like the month 2025-01 and is not read; its 6 amounts add up to 31.50"
    assert second.startswith("the column 'Feb 2025'")
    assert 'add ["Jan 2025", "Feb 2025"] to measures in the descriptor, each with account, period' in fix
    ignored = MEASURES | {"ignore_columns": ["Jan 2025", "Feb 2025"]}
    assert not check(tmp_path, of_measures("Jan 2025", "Feb 2025"), ignored).findings.doubts


@pytest.mark.parametrize(("others", "cell"), [(("May",), "5.25"), (("Jan", "Feb"), "yes"), (("Jan", "Feb"), "")])
def test_columns_with_names_of_months_and_without_money_hold_nothing(
    tmp_path: Path, others: tuple[str, ...], cell: str
):
    assert not check(tmp_path, of_measures(*others, cell=cell), MEASURES).findings.doubts


def test_months_beside_the_total_of_their_year_hold_nothing(tmp_path: Path):
    table = of_measures("Jan", "Feb").replace("Sales", "Total")
    of_total = MEASURES | {"measures": {"Total": {"account": "4000"}, "Costs": {"account": "6000"}}}
    assert not check(tmp_path, table, of_total).findings.doubts
