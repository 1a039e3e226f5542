"""Rows that give several lines: `unpivot` and `measures`, from a file's bytes to its staged rows.

Does not belong here: typing a cell (see `test_ledger_lines`), what a descriptor may say (see `vocabulary/shapes.yaml`).
"""

from __future__ import annotations

import hashlib
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finance_platform.errors import DescriptorError
from finance_platform.feeds.lines import shapes
from finance_platform.feeds.read_file import FileToRead, read_file
from finance_platform.feeds.resolved import ResolvedFeed
from finance_platform.storage.local import LocalStore
from finance_platform_tests.unit.factories import feed, write

WIDE = """
feed: wide
kind: ledger
path: wide_*.csv
columns:
  department: Dept
  account: Acc
  date: {formats: [MMM], map: {Maerz: Mar}}
unpivot: {columns: [Jan, Feb, Maerz], into: date, year: 2025}
constants: {scenario: Budget}
"""
MEASURED = """
feed: wide
kind: ledger
path: wide_*.csv
columns: {date: Day, department: Shop}
measures:
  Sales: {account: "4000", scenario: Actual}
  COGS: {account: "5000", scenario: Actual}
  Target: {account: "4000", scenario: Budget}
"""


def staged(root: Path, content: str, text: str = WIDE, name: str = "wide_2025.csv") -> list[dict[str, Any]]:
    """The rows of a file; the last one is its summary row. The rules travel as JSON, as they do to Glue."""
    data = content.encode()
    write(root / name, data)
    rules = ResolvedFeed.from_json(json.loads(json.dumps(feed(text).to_json())))
    assert rules.rules.identity == feed(text).rules.identity
    file = FileToRead("d1", name, "wide", hashlib.sha256(data).hexdigest())
    return [row for batch in read_file("ledger", rules, LocalStore(root), file) for row in batch.to_pylist()]


def lines(rows: list[dict[str, Any]], *names: str) -> list[tuple[str, ...]]:
    return [tuple(str(row[name]) for name in names) for row in rows[:-1]]


def test_each_cell_that_is_not_blank_is_a_line_with_its_row_and_its_column(tmp_path: Path) -> None:
    rows = staged(tmp_path, "Dept,Acc,Jan,Feb,Maerz\nD1,6000,1.00,,3.50\nD2,6100,-4,0,\n")
    assert lines(rows, "source_row", "source_column", "department_code", "posting_date", "amount", "outcome") == [
        ("2", "Jan", "D1", "2025-01-01", "1.00", "accepted"),
        ("2", "Maerz", "D1", "2025-03-01", "3.50", "accepted"),
        ("3", "Jan", "D2", "2025-01-01", "-4.00", "accepted"),
        ("3", "Feb", "D2", "2025-02-01", "0.00", "accepted"),
    ]
    assert (rows[-1]["measured_rows"], rows[-1]["measured_amount"]) == (4, "0.50")


def test_a_row_without_an_amount_and_a_blank_row_are_one_skipped_row_each(tmp_path: Path) -> None:
    rows = staged(tmp_path, "Dept,Acc,Jan,Feb,Maerz\n,Personnel,,,\n\nD1,6000,1,,\n")
    assert lines(rows, "source_row", "source_column", "outcome", "rules") == [
        ("2", "None", "skipped", "no_amount"),
        ("3", "None", "skipped", "blank_row"),
        ("4", "Jan", "accepted", "None"),
    ]
    assert rows[-1]["measured_rows"] == 3


def test_a_cell_that_does_not_parse_rejects_its_line_and_no_other_of_the_row(tmp_path: Path) -> None:
    rows = staged(tmp_path, "Dept,Acc,Jan,Feb,Maerz\nD1,6000,1O0,2,3\n")
    assert lines(rows, "source_column", "outcome", "rules") == [
        ("Jan", "rejected", "invalid_amount"),
        ("Feb", "accepted", "None"),
        ("Maerz", "accepted", "None"),
    ]
    assert json.loads(rows[0]["raw_row"]) == {"Dept": "D1", "Acc": "6000", "Jan": "1O0", "Feb": "2", "Maerz": "3"}


def test_a_malformed_row_is_one_rejected_row_and_says_nothing_else(tmp_path: Path) -> None:
    rows = staged(tmp_path, "Dept,Acc,Jan,Feb,Maerz\nD1,6000,1,2,3,4\nD1,6000,1,2,3\n")
    assert lines(rows, "source_row", "outcome", "rules")[0] == ("2", "rejected", "malformed_row")
    assert "blank" not in rows[0]["reasons"]
    assert len(rows) == 5


@pytest.mark.parametrize(
    ("year", "header", "row", "expected"),
    [
        ("{from_name: '([0-9]{4})'}", "Dept,Acc,Jan,Feb,Maerz", "D1,6000,1,,", "2024-01-01"),
        ("{column: FY}", "FY,Dept,Acc,Jan,Feb,Maerz", "2023,D1,6000,,5,", "2023-02-01"),
        ("2026", "Dept,Acc,Jan,Feb,Maerz", "D1,6000,,,7", "2026-03-01"),
    ],
)
def test_the_year_comes_from_the_descriptor_the_name_or_a_column(
    tmp_path: Path, year: str, header: str, row: str, expected: str
) -> None:
    text = WIDE.replace("year: 2025", f"year: {year}")
    (line, _) = staged(tmp_path, f"{header}\n{row}\n", text, "wide_2024.csv")
    assert (str(line["posting_date"]), line["outcome"]) == (expected, "accepted")


def test_a_name_without_the_year_and_a_header_without_a_column_refuse_the_file(tmp_path: Path) -> None:
    text = WIDE.replace("year: 2025", "year: {from_name: '_([0-9]{4})'}")
    (refused,) = staged(tmp_path, "Dept,Acc,Jan,Feb,Maerz\nD1,6000,1,2,3\n", text, "wide_x.csv")
    assert "the name gives no year" in refused["reasons"]
    (refused,) = staged(tmp_path, "Dept,Acc,Jan,Feb,March\nD1,6000,1,2,3\n")
    assert (
        "the header lacks the column 'Maerz' of unpivot.columns, found Dept, Acc, Jan, Feb, March" in refused["reasons"]
    )
    (refused,) = staged(tmp_path, "Dept,Acc,1,2\nD1,6000,1,2\n", WIDE.replace("[Jan, Feb, Maerz]", '"[A-Z][a-z]{2}"'))
    assert "no column of the header matches unpivot.columns, '[A-Z][a-z]{2}'" in refused["reasons"]


def test_a_header_below_other_rows_is_found(tmp_path: Path) -> None:
    (refused,) = staged(tmp_path, "Budget 2025,,,,\nDept,Acc,Jan,Feb,Maerz\nD1,6000,1,2,3\n")
    assert refused["raw_row"] == "set dialect.header_row: 2 in the descriptor"


def test_a_blank_year_is_the_reason_and_not_the_form_of_the_header(tmp_path: Path) -> None:
    text = WIDE.replace("year: 2025", "year: {column: Year}")
    rows = staged(tmp_path, "Dept,Acc,Year,Jan,Feb,Maerz\nD1,6000,,1,,\nD1,6000,2025,1,,\nD1,6000,20x5,1,,\n", text)
    words = [json.loads(row["reasons"])[0]["words"] if row["reasons"] else "" for row in rows[:-1]]
    assert words == [
        "date: the year beside 'Jan' is blank, in the column 'Year' of unpivot.year",
        "",
        "date: '20x5 Jan' is not a valid date of the form yyyy MMM",
    ]
    (refused, summary) = staged(tmp_path, "Dept,Acc,Year,Jan,Feb,Maerz\nD1,6000,,1,,\n", text)
    assert refused["outcome"] == "rejected"
    assert "the column 'Year', which gives the year, is blank in every row" in summary["findings"]


def test_the_header_of_a_file_without_a_column_is_listed_whole(tmp_path: Path) -> None:
    (refused,) = staged(tmp_path, "Datum,Shop,Sales,COGS,Target,Tax\n2025-01-02,S1,100,40,1,2\n", MEASURED)
    assert "expected 'Day', found Datum, Shop, Sales, COGS, Target, Tax; is it 'Datum'?" in refused["reasons"]


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        (MEASURED.replace("{date: Day,", "{date: Day, account_name: sales,"), "'sales' is one of measures"),
        (MEASURED.replace("{date: Day,", '{date: Day, description: "{Shop} {COGS}",'), "'COGS' is one of measures"),
        (WIDE.replace("department: Dept", "department: Jan"), "'Jan' is one of unpivot.columns"),
        (WIDE.replace("year: 2025", "year: {column: Feb}"), "'Feb' is one of unpivot.columns"),
    ],
)
def test_a_column_gives_an_amount_or_a_field_and_not_both(text: str, mistake: str) -> None:
    with pytest.raises(DescriptorError, match=mistake):
        feed(text)


def test_blank_cells_are_rejected_on_request_where_another_cell_of_the_row_is_not_blank(tmp_path: Path) -> None:
    text = WIDE.replace("year: 2025", "year: 2025, blank: reject")
    rows = staged(tmp_path, "Dept,Acc,Jan,Feb,Maerz\nD1,6000,1,,3\n,Staff,,,\n", text)
    assert lines(rows, "source_column", "rules") == [
        ("Jan", "None"),
        ("Feb", "blank_amount"),
        ("Maerz", "None"),
        ("None", "no_amount"),
    ]


@pytest.mark.parametrize(
    ("into", "columns", "header", "field", "expected"),
    [
        (
            "scenario",
            "scenario: {map: {Plan: Budget, Ist: Actual}}, date: Day",
            "Plan,Ist",
            "scenario",
            ["Budget", "Actual"],
        ),
        ("department", "date: Day, scenario: S", "D1,D2", "department_code", ["D1", "D2"]),
        ("period", "scenario: S", "2025-01,2025-02", "period", ["2025-01", "2025-02"]),
    ],
)
def test_the_header_goes_into_any_field(
    tmp_path: Path, into: str, columns: str, header: str, field: str, expected: list[str]
) -> None:
    department = "" if into == "department" else ", department: Dept"
    text = (
        f"feed: wide\nkind: ledger\npath: w.csv\ncolumns: {{account: Acc, {columns}{department}}}\n"
        f"unpivot: {{columns: [{header}], into: {into}}}\n"
    )
    rows = staged(tmp_path, f"Dept,Acc,Day,S,{header}\nD9,6000,2025-01-15,Budget,1,2\n", text, "w.csv")
    assert [row[field] for row in rows[:-1]] == expected
    assert {row["outcome"] for row in rows[:-1]} == {"accepted"}


def test_each_measure_is_a_line_with_fields_of_its_own(tmp_path: Path) -> None:
    rows = staged(tmp_path, "Day,Shop,Sales,COGS,Target\n2025-01-02,S1,100,40,90\n2025-01-03,S1,,5,\n", MEASURED)
    assert lines(rows, "source_row", "source_column", "account_number", "scenario", "amount") == [
        ("2", "Sales", "4000", "Actual", "100.00"),
        ("2", "COGS", "5000", "Actual", "40.00"),
        ("2", "Target", "4000", "Budget", "90.00"),
        ("3", "COGS", "5000", "Actual", "5.00"),
    ]
    assert json.loads(rows[-1]["extra_columns"]) == []


def test_a_file_without_a_measure_is_refused(tmp_path: Path) -> None:
    (refused,) = staged(tmp_path, "Day,Shop,Sales,COGS\n2025-01-02,S1,100,40\n", MEASURED)
    assert "the header lacks the column 'Target' of measures.Target" in refused["reasons"]
    assert "a file that has fewer such columns, as that of an earlier month, needs a descriptor" in refused["raw_row"]


def test_a_column_that_another_measure_reads_is_not_suggested_for_a_missing_one(tmp_path: Path) -> None:
    text = MEASURED.replace("Target", "Sales 2")
    (refused,) = staged(tmp_path, "Day,Shop,Sales,COGS\n2025-01-02,S1,100,40\n", text)
    assert "the header lacks the column 'Sales 2'" in refused["reasons"]
    assert "is it" not in refused["reasons"]


@pytest.mark.parametrize(
    ("text", "table"),
    [(MEASURED, "Day,Shop,Sales,COGS\n2025-01-02,S1,100,40\n"), (WIDE, "Dept,Acc,Jan,Feb\nD1,6000,1.00,2.00\n")],
)
def test_the_header_of_a_refused_file_is_without_the_columns_of_lines_as_that_of_others(
    text: str, table: str, tmp_path: Path
) -> None:
    """A file that was read again by a descriptor with one more month gave all months as new ones, or as gone."""
    (refused,) = staged(tmp_path, table, text)
    assert refused["outcome"] == "refused"
    assert list(json.loads(refused["header"])) == table.split(",")[:2]


CELLS = st.sampled_from(["", " ", "1", "2.50", "x", "-3"])


@given(st.lists(st.lists(CELLS, min_size=3, max_size=3), max_size=12), st.integers(1, 7))
def test_wide_rows_give_the_lines_of_the_same_data_in_a_long_file(
    tmp_path_factory: pytest.TempPathFactory, table: list[list[str]], batch: int
) -> None:
    """Whatever the size of a batch; each row of the file is accounted for."""
    root = tmp_path_factory.mktemp("law")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(shapes, "_MAX_LINES", batch)
        rows = staged(root, "Dept,Acc,Jan,Feb,Maerz\n" + "".join(f"D1,6000,{','.join(row)}\n" for row in table))
    expected = [
        (number, name, cell)
        for number, row in enumerate(table, 2)
        for name, cell in zip(("Jan", "Feb", "Maerz"), row, strict=True)
        if cell.strip()
    ]
    found = [(row["source_row"], row["source_column"]) for row in rows[:-1] if row["source_column"]]
    assert found == [(number, name) for number, name, _ in expected]
    assert {row["source_row"] for row in rows[:-1]} == set(range(2, len(table) + 2))
    total = sum((Decimal(cell) for _, _, cell in expected if cell != "x"), Decimal(0))
    assert Decimal(rows[-1]["measured_amount"]) == total
    assert rows[-1]["measured_rows"] == len(rows) - 1
