"""Lines that are not whole: a file that was cut off in its last line, and lines that a quote hides."""

from __future__ import annotations

import gzip
from decimal import Decimal
from pathlib import Path

import pytest

from finance_platform.refresh.file_check.feed_check import FileCheck
from finance_platform_tests.unit.checked_files import check_text, check_written, net
from finance_platform_tests.workbooks import Rows, xlsx

DESCRIPTOR = """\
feed: x
kind: ledger
path: x.{csv,csv.gz}
dialect: {delimiter: "%s", encoding: %s}
columns: {date: Date, department: Unit, account: Account, amount: {from: Amount, decimal: "%s"}}
constants: {scenario: Actual}
tolerance: {rejected_rows: 0.9}
"""
HEADER = "Date,Unit,Account,Amount,Text\n"
AT_END = "Date,Unit,Account,Amount\n"


def check(
    folder: Path, text: str, delimiter: str = ",", decimal: str = ".", encoding: str = "utf-8", name: str = "x.csv"
) -> FileCheck:
    data = text.encode(encoding)
    (folder / name).write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    return check_written(folder, DESCRIPTOR % (delimiter, encoding, decimal), name)


def rows(count: int, text: str = ",text") -> str:
    return "".join(f"2025-01-{day:02d},D1,6000,{day}.50{text}\n" for day in range(1, count + 1))


@pytest.mark.parametrize("name", ["x.csv", "x.csv.gz"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_a_last_row_that_lacks_cells_and_its_end_holds_the_file(tmp_path: Path, name: str, encoding: str):
    held = check(tmp_path, HEADER + rows(2) + "2025-01-31,D1,6000,1", name=name, encoding=encoding)
    (reason,) = held.holds
    assert reason == (
        "line 4, the last one, lacks cells that every line before it has, and nothing ends the line: the file may be "
        "cut off there"
    )


@pytest.mark.parametrize(
    "text",
    [
        HEADER + rows(2) + "2025-01-31,D1,6000,1,text",  # no end of line alone
        HEADER + rows(2) + "2025-01-31,D1,6000,1\n",  # ended
        HEADER + rows(2) + "2025-01-31,D1,6000,1\r",
        HEADER + rows(2, "") + "2025-01-31,D1,6000,1",  # other rows are as short
        HEADER + rows(1) + "2025-01-31,D1,6000,1",  # no other row but one
        HEADER + "2025-01-31,D1,6000,1",
        HEADER + rows(2) + "end of report",  # no line of the ledger; rejected
        HEADER + rows(2) + "2025-01-31,D1,6000,1,text\n\x1a",
        HEADER + rows(2) + '2025-01-31,D1,6000,1,"text"',
    ],
)
def test_a_last_row_that_is_whole_or_like_others_holds_nothing(tmp_path: Path, text: str):
    assert not check(tmp_path, text).holds


def test_a_last_amount_with_fewer_decimals_and_without_an_end_holds_the_file(tmp_path: Path):
    held = check(tmp_path, AT_END + rows(10, "") + "2025-01-31,D1,6000,123.4")
    (reason,) = held.holds
    assert reason == (
        "line 12, the last one, ends with the amount '123.4', which has fewer decimals than every one before it, and "
        "nothing ends the line: the file may be cut off there"
    )
    with_comma = AT_END.replace(",", ";") + rows(10, "").replace(",", ";").replace(".", ",") + "2025-01-31;D1;6000;12"
    (reason,) = check(tmp_path, with_comma, ";", ",").holds
    assert "the amount '12'" in reason


@pytest.mark.parametrize(
    "text",
    [
        AT_END + rows(10, "") + "2025-01-31,D1,6000,123.45",
        AT_END + rows(10, "") + "2025-01-31,D1,6000,123\n",
        AT_END + rows(9, "") + "2025-01-31,D1,6000,123",  # too few to say how many decimals an amount has
        AT_END + rows(9, "") + "2025-01-10,D1,6000,5\n2025-01-31,D1,6000,123",
        HEADER + rows(10) + "2025-01-31,D1,6000,123,text",  # not at the end
        AT_END + rows(10, "-") + "2025-01-31,D1,6000,123.45",  # credits before a debit
        AT_END + rows(10, " USD") + "2025-01-31,D1,6000,123.45",
    ],
)
def test_a_last_amount_that_may_be_whole_holds_nothing(tmp_path: Path, text: str):
    assert not check(tmp_path, text).holds


@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_lines_between_two_quotes_that_belong_to_different_cells_hold_the_file(tmp_path: Path, ending: str):
    """The quote before Rent is not closed, so that a quote of another line closes it; what is between is its text."""
    text = (
        HEADER
        + '2025-01-01,D1,6000,1.00,"Rent\n2025-01-02,D1,6000,20.00,x\n2025-01-03,D1,6000,300.00\n'
        + '2025-01-04,D1,6000,4000.00,"Fuel\n2025-01-05,D1,6000,50000.00,x\n'
    )
    held = check(tmp_path, text.replace("\n", ending))
    assert sum((count.amount or Decimal(0) for count in held.sums.values()), Decimal(0)) == Decimal("50001.00")
    (reason,) = held.holds
    assert reason == (
        "3 lines are within a cell, the first on line 3, because a quote before it is not closed where its cell ends; "
        "they were read as a text"
    )
    assert "dialect.quote" in held.holds[reason]


@pytest.mark.parametrize("cell", ["one\ntwo", "Smith, Jones\nBrown, Inc, and, others", "2025-01-02\n6000,20.00", ""])
def test_texts_of_several_lines_hold_nothing(tmp_path: Path, cell: str):
    held = check(tmp_path, HEADER + f'2025-01-01,D1,6000,1.00,"{cell}"\n2025-01-02,D1,6000,1.00,"a ""b"""\n')
    assert not held.holds
    assert sum(count.rows for count in held.sums.values()) == 2


def test_a_line_within_a_cell_that_no_rule_accepts_holds_nothing(tmp_path: Path):
    assert not check(tmp_path, HEADER + '2025-01-01,D1,6000,1.00,"a\n2025-13-45,D1,6000,20.00,x"\n').holds


@pytest.mark.parametrize(
    ("amount", "first"), [("1,234.50", "1,234.50"), ("1234,50", "1234,50"), ("-1234,50", "-1234,50")]
)
def test_amounts_that_the_delimiter_cuts_in_two_hold_the_file(tmp_path: Path, amount: str, first: str):
    """The text is blank, so that the row has a blank cell more than the header, which is no fault by itself."""
    held = check(tmp_path, HEADER + f"2025-01-01,D1,6000,40,\n2025-01-02,D1,6000,{amount},\n2025-01-03,D1,6000,1,x\n")
    (reason,) = held.holds
    assert reason == (
        "1 row has a cell more than the header, and the delimiter seems to have cut amounts in two, first "
        f"{first!r} on line 3"
    )


@pytest.mark.parametrize(
    ("header", "line"),
    [
        (HEADER, "2025-01-01,D1,6000,40,text,"),
        (HEADER, "2025-01-01,D1,6000,40.25,12,"),
        (HEADER, "2025-01-01,D1,6000,1234,5,"),
        (HEADER.replace("Text", "Quantity"), "2025-01-01,D1,6000,40,12,"),
    ],
)
def test_rows_with_a_delimiter_at_their_end_hold_nothing(tmp_path: Path, header: str, line: str):
    assert not check(tmp_path, header + f"{line}\n{line}\n").holds


WITHOUT_HEADER = (DESCRIPTOR % (",", "utf-8", ".")).replace(
    "dialect: {", "dialect: {header_row: 0, names: [Date, Unit, Account, Text, Amount, Balance], "
)


@pytest.mark.parametrize("ending", ["\n", "\n\n", "\nend of report\n"])
def test_a_file_without_a_header_that_lacks_a_column_is_held(tmp_path: Path, ending: str):
    """Its texts are missing, so that the amounts are read as texts, and the balances as amounts."""
    text = "2025-01-05,D1,6000,10.00,10.00\n2025-01-06,D1,6000,5.00,15.00" + ending
    checked = check_text(tmp_path, text, WITHOUT_HEADER)
    assert net(checked) == Decimal("25.00")
    assert list(checked.holds)[-1] == (
        "no row has more than 5 cells, and dialect.names has 6 columns: one may be missing in the file, and those "
        "behind it be read as others"
    )
    assert "'Balance'" in list(checked.holds.values())[-1]


@pytest.mark.parametrize(
    "text",
    [
        "2025-01-05,D1,6000,Rent,10.00,10.00\n2025-01-06,D1,6000,Fuel,5.00\n",  # some rows have the column
        "2025-01-05,D1,6000,Rent,10.00,\n2025-01-06,D1,6000,Fuel,5.00,\n",  # a blank cell is one, too
    ],
)
def test_a_file_without_a_header_that_has_each_column_is_not_held(tmp_path: Path, text: str):
    checked = check_text(tmp_path, text, WITHOUT_HEADER)
    assert (net(checked), checked.holds) == (Decimal("15.00"), {})


@pytest.mark.parametrize("is_sheet", [False, True], ids=["text", "sheet"])
def test_a_table_without_a_header_that_lacks_a_column_before_blank_cells_is_held(tmp_path: Path, is_sheet: bool):
    """Each row ends with a delimiter, or is of a sheet, so that its length says nothing."""
    rows = [["2025-01-05", "D1", "6000", "10.00", "10.00", ""], ["2025-01-06", "D1", "6000", "5.00", "15.00", ""]]
    name = "x.xlsx" if is_sheet else "x.csv"
    content = xlsx({"GL": rows}) if is_sheet else "".join(",".join(row) + "\n" for row in rows)
    columns = {"date": "Date", "department": "Unit", "account": "Account", "amount": "Amount"}
    names = ["Date", "Unit", "Account", "Text", "Amount", "Balance"]
    feed = {"feed": "x", "kind": "ledger", "path": name, "columns": columns, "constants": {"scenario": "Actual"}}
    checked = check_text(tmp_path, content, {**feed, "dialect": {"header_row": 0, "names": names}}, name)
    assert net(checked) == Decimal("25.00")
    assert list(checked.holds)[-1] == (
        "each row of 'Text' has an amount, first '10.00', and none has 'Balance': dialect.names may have a column that "
        "the file lacks, and the cells behind it be read as others"
    )
    memo = {"header_row": 0, "names": ["Date", "Unit", "Account", "Net", "Amount", "Memo"]}
    assert not check_text(tmp_path, content, {**feed, "dialect": memo}, name).holds


@pytest.mark.parametrize(("lines", "is_held"), [(65_535, False), (65_536, True), (65_537, False)])
def test_a_file_that_ends_in_the_last_row_of_a_sheet_is_held(tmp_path: Path, lines: int, is_held: bool):
    read = check(tmp_path, AT_END + "".join(f"2025-01-31,D1,6000,{row}.50\n" for row in range(2, lines + 1)))
    assert not is_held or list(read.holds) == [
        "the last row is 65,536, the most that a sheet of xls has, so rows after it may be missing"
    ]
    assert is_held or not read.holds


def test_a_sheet_that_is_full_is_held(tmp_path: Path):
    rows: Rows = [
        ["Date", "Unit", "Account", "Amount"],
        *([None] * 4 for _ in range(65_534)),
        ["2025-01-31", "D1", "6000", 1],
    ]
    descriptor = (DESCRIPTOR % (",", "utf-8", ".")).replace("x.{csv,csv.gz}", "x.xlsx")
    (reason,) = check_text(tmp_path, xlsx({"GL": rows}), descriptor, "x.xlsx").holds
    assert reason.startswith("the last row is 65,536")
