"""Versions of the reader: which files a release reads again, and that it does so if it reads other lines from them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any, get_args

import pytest

from finance_platform.deliveries.commits import delivery_id
from finance_platform.feeds.read_file import FileToRead, read_file
from finance_platform.feeds.reader_versions import (
    OF_ALL_FILES,
    OF_FORMAT,
    OF_KIND,
    FileFormat,
    file_format,
    reader_version,
    total_version,
)
from finance_platform.feeds.resolved import Kind, Reader
from finance_platform.storage.local import LocalStore
from finance_platform_tests.unit.factories import feed
from finance_platform_tests.workbooks import as_text, ods, xls, xlsx

KINDS: tuple[Kind, ...] = get_args(Kind)
READERS: tuple[Reader, ...] = (*KINDS, "ledger_with_sides")
OF_ENDING = {"csv": None, "xlsx": xlsx, "xls": xls, "ods": ods}
NOT_LINES = {"delivery_id", "source_file", "reasons", "raw_row", "findings", "header", "line_id"}
"""Columns that say where a row comes from, or something in words about it."""

DESCRIPTORS: dict[Kind, str] = {
    "ledger": """
columns:
  date: {from: Date, formats: [yyyy-MM-dd, dd.MM.yyyy]}
  department: {from: Dept}
  account: {from: Account}
  amount: {from: Amount, thousands: ","}
  description: {from: Text, required: false}
constants: {scenario: Actual}
""",
    "departments": "\ncolumns: {code: Code, name: Name, business_unit: Unit, parent: Parent}\n",
    "accounts": "\ncolumns: {number: No, name: Name, type: Type, category: {from: Category, required: false}}\n",
    "lookup": "\ncolumns: {key: Journal, date: {from: Date, formats: [yyyy-MM-dd]}, department: Dept}\n",
    "comments": "\ncolumns: {period: Month, department: Dept, account: Account, comment: Text}\n",
    "statement_lines": "\ncolumns: {category: Category, section: Section, line: Line, order: Order}\n",
    "balances": "\ncolumns: {period: Month, account: Account, balance: {from: {debit: Debit, credit: Credit}}}\n",
}
ROWS: dict[Kind, Sequence[Sequence[Any]]] = {
    "ledger": [
        ("Date", "Dept", "Account", "Amount", "Text"),
        (date(2025, 1, 15), "D100", 4000, 1250.5, "Sales"),
        ("15.01.2025", " d100 ", "4000", "1,250.505", "Caf\u00e9"),
        (date(2025, 2, 28), "D200", "0450", -1250, None),
        (date(2025, 2, 28), "D200", "0450", "(7)", None),
        ("2025-02-30", "D200", "0450", 1, "no such day"),
        (date(2025, 3, 1), None, "0450", "1O0", "two rules"),
    ],
    "departments": [
        ("Code", "Name", "Unit", "Parent"),
        ("D1", "Sales", "Trade", None),
        (2, "IT", "Trade", "D1"),
        (None, "x", "y", None),
    ],
    "accounts": [("No", "Name", "Type", "Category"), (4000, "Sales", "revenue", "Net"), ("0450", "Rent", "?", None)],
    "lookup": [("Journal", "Date", "Dept"), ("J1", date(2025, 1, 1), "D1"), (2, "2025-01-02", "D2"), (None, "x", "D3")],
    "comments": [
        ("Month", "Dept", "Account", "Text"),
        ("2025-01", "D1", 4000, "One-off"),
        ("2025-13", "D1", 4000, "x"),
    ],
    "statement_lines": [
        ("Category", "Section", "Line", "Order"),
        ("Net", "Revenue", "Sales", 1),
        ("Rent", "?", "x", "a"),
    ],
    "balances": [
        ("Month", "Account", "Debit", "Credit"),
        ("2025-01", 1000, 5.25, None),
        ("2025-01", "1010", 1, 7.5),
        ("2025-01", "1020", None, "1O"),
    ],
}

LINES: dict[tuple[FileFormat, Kind], tuple[int, str]] = {
    ("text", "ledger"): (11, "0af141dcb730869c"),
    ("text", "departments"): (11, "0bf5f561718d45ac"),
    ("text", "accounts"): (11, "54e382e96577d624"),
    ("text", "lookup"): (11, "a56077e5fe44a85e"),
    ("text", "comments"): (11, "5966cc9949e71b21"),
    ("text", "statement_lines"): (11, "5d229aa1de47df3d"),
    ("text", "balances"): (13, "794c25feaa397164"),
    ("workbook", "ledger"): (13, "be8f56b913265b55"),
    ("workbook", "departments"): (13, "fa4f26e84232b5b8"),
    ("workbook", "accounts"): (13, "f2b105ea64e2b0fc"),
    ("workbook", "lookup"): (13, "58b4803e4fc9a675"),
    ("workbook", "comments"): (13, "1c2103e00473a2aa"),
    ("workbook", "statement_lines"): (13, "a2da10895f4e78c2"),
    ("workbook", "balances"): (15, "234201485f2d4db6"),
}
"""The version of the reader, and a hash of the lines that it reads, by format and kind."""


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("of_format", get_args(FileFormat))
def test_other_lines_of_the_same_bytes_have_a_higher_version(of_format: FileFormat, kind: Kind, tmp_path: Path) -> None:
    version, lines = (
        reader_version(f"x.{'csv' if of_format == 'text' else 'xlsx'}", kind),
        hashes(of_format, kind, tmp_path),
    )
    recorded = LINES[of_format, kind]
    assert lines == recorded[1] or version > recorded[0], (
        f"{of_format} files of kind {kind} give other lines than at version {version}: increase a number in "
        "`reader_versions`, or such files of a home are not read again"
    )
    assert (version, lines) == recorded, f"record the version and its lines: {(version, lines)}"


def hashes(of_format: FileFormat, kind: Kind, folder: Path) -> str:
    """Return a hash of the lines of files of a format."""
    digest = hashlib.sha256()
    for ending in ("csv",) if of_format == "text" else ("xlsx", "xls", "ods"):
        for row in lines_of(kind, ending, folder):
            digest.update(json.dumps(row, default=str, sort_keys=True).encode())
    return digest.hexdigest()[:16]


def lines_of(kind: Kind, ending: str, folder: Path) -> list[dict[str, Any]]:
    """Return the rows of a file as the job reads them, and the money that was counted before any rule."""
    rows, name = ROWS[kind], f"x.{ending}"
    write = OF_ENDING[ending]
    if write is None:
        cells = [[as_text(value) for value in row] for row in rows]
        data = "".join(",".join(f'"{cell}"' if "," in cell else cell for cell in row) + "\n" for row in cells).encode()
    else:
        # The tests' writer of xls has no dates.
        cells = [[str(cell) if ending == "xls" and isinstance(cell, date) else cell for cell in row] for row in rows]
        data = write({"Sheet": cells})
    (folder / name).write_bytes(data)
    store = LocalStore(folder)
    resolved = feed(f"feed: x\nkind: {kind}\npath: x.{ending}{DESCRIPTORS[kind]}")
    file = FileToRead("id", name, "x", store.fingerprint(name))
    read = [row for batch in read_file(kind, resolved, store, file) for row in batch.to_pylist()]
    assert read[-1]["outcome"] == "measured", read[-1]
    # A column that a release adds is no other line where it is blank.
    return [{name: value for name, value in row.items() if name not in NOT_LINES and value is not None} for row in read]


@pytest.mark.parametrize("ending", OF_ENDING)
def test_the_samples_have_accepted_and_rejected_lines(ending: str, tmp_path: Path) -> None:
    for kind in KINDS:
        assert {row["outcome"] for row in lines_of(kind, ending, tmp_path)} >= {"accepted", "rejected"}, kind


def identities() -> dict[tuple[str, Kind], str]:
    return {
        (ending, kind): delivery_id(f"x.{ending}", "f", "x", "rules", kind) for ending in OF_ENDING for kind in KINDS
    }


def changed(before: dict[tuple[str, Kind], str]) -> set[tuple[str, Kind]]:
    now = identities()
    return {name for name in now if now[name] != before[name]}


def test_another_way_to_read_workbooks_reads_no_text_again(monkeypatch: pytest.MonkeyPatch) -> None:
    before, total = identities(), total_version()
    monkeypatch.setitem(OF_FORMAT, "workbook", OF_FORMAT["workbook"] + 1)
    assert changed(before) == {(ending, kind) for ending in ("xlsx", "xls", "ods") for kind in KINDS}
    assert total_version() > total


def test_another_way_to_read_departments_reads_no_ledger_again(monkeypatch: pytest.MonkeyPatch) -> None:
    before, total = identities(), total_version()
    monkeypatch.setitem(OF_KIND, "departments", OF_KIND["departments"] + 1)
    assert changed(before) == {(ending, "departments") for ending in OF_ENDING}
    assert total_version() > total


@pytest.mark.parametrize(
    ("key", "of_format"),
    [
        ("a/b.csv", "text"),
        ("b.csv.gz", "text"),
        ("b.TSV", "text"),
        ("b.xlsx", "workbook"),
        ("A/B.XLS", "workbook"),
        ("b.ods", "workbook"),
        ("xlsx", "text"),
        ("a.xlsx/b.csv", "text"),
        ("a/.xlsx", "text"),
    ],
)
def test_the_format_of_a_file_is_that_by_which_it_is_opened(key: str, of_format: FileFormat) -> None:
    assert file_format(key) == of_format


def test_each_kind_of_feed_has_a_version() -> None:
    assert set(OF_KIND) == set(READERS)
    assert OF_KIND["ledger_with_sides"] >= OF_KIND["ledger"]


@pytest.mark.parametrize(
    ("rules", "reader"),
    [
        ("sign: debit_positive\ncolumns: {amount: Amount", "ledger_with_sides"),
        ("columns: {amount: Amount", "ledger"),
        ("sign: credit_positive\ncolumns: {amount: Amount", "ledger"),
        ("columns: {amount: {from: {debit: Dr, credit: Cr}}", "ledger_with_sides"),
        ("sign: debit_positive\ncolumns: {amount: {from: Amount, sign_column: {from: DC, negative: [C]}}", "ledger"),
    ],
)
def test_only_ledgers_whose_amounts_may_state_their_side_are_read_again_for_another_way_to_read_sides(
    rules: str, reader: Reader
) -> None:
    others = ", date: Date, department: Dept, account: Account}\nconstants: {scenario: Actual}\n"
    assert feed(f"feed: x\nkind: ledger\npath: x.csv\n{rules}{others}").rules.reader == reader


def test_files_of_homes_of_the_first_release_with_versions_by_format_keep_their_identity() -> None:
    """All had version 10 before; a number that was lowered would give an identity that other lines had."""
    assert OF_ALL_FILES >= 10
    assert min(*OF_FORMAT.values(), *OF_KIND.values()) >= 0
