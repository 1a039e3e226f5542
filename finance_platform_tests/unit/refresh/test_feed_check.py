"""`feed check`: what a run would make of one file, without Spark."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from finance_platform.deliveries.commits import Count
from finance_platform.errors import DescriptorError
from finance_platform.feeds.feed_set import load_feed_set
from finance_platform.feeds.lines import line_files
from finance_platform.refresh.file_check import compared_rows
from finance_platform.refresh.file_check.feed_check import FileCheck, check_file
from finance_platform.refresh.file_check.feed_header import HeaderColumn
from finance_platform.refresh.file_check.feed_match import MatchedFile, match_file
from finance_platform.storage.local import LocalStore
from finance_platform.transforms import key_comparison
from finance_platform_tests.unit.checked_files import check_text, check_written
from finance_platform_tests.unit.factories import LEDGER, descriptor, settings, with_columns, with_lines
from finance_platform_tests.workbooks import Rows, xlsx

HEADER = "Date,Dept,Account,Amount\n"
ROW = "2025-01-15,D100,4000,100.00\n"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    for name in ("raw", "feeds"):
        (tmp_path / "home" / name).mkdir(parents=True)
    return tmp_path / "home"


def checked(folder: Path, rows: str, text: str = LEDGER, name: str = "ledger.csv", **values: object) -> FileCheck:
    return check_text(folder, rows, text, name, **values)


def matched(home: Path, file: Path, own: Path | None = None) -> MatchedFile | None:
    feeds = load_feed_set(home / "feeds")
    return match_file(file, LocalStore(home / "raw"), settings(home=home), feeds, own)


def found(home: Path, file: Path, own: Path | None = None) -> MatchedFile:
    match = matched(home, file, own)
    assert match is not None
    return match


def test_rows_and_money_are_counted_by_outcome_and_summed_by_scenario_and_period(tmp_path: Path):
    check = checked(tmp_path, HEADER + ROW + "2025-02-01,D100,4000,(40.25)\n,,,\n2025-02-02,D100,4000,x\n")
    assert check.outcomes == {
        "accepted": Count(2, Decimal("59.75"), Decimal("140.25")),
        "skipped": Count(1, unpriced=1),
        "rejected": Count(1, unpriced=1),
    }
    assert check.sums == {
        ("Actual", "2025-01"): Count(1, Decimal("100.00"), Decimal("100.00")),
        ("Actual", "2025-02"): Count(1, Decimal("-40.25"), Decimal("40.25")),
    }
    (row,) = check.refused_rows
    assert (row.row, row.outcome) == (5, "rejected")
    assert "amount: 'x' is not a valid amount" in row.reasons
    assert check.rules == {"invalid_amount": 1}
    assert not check.is_fine
    assert list(check.holds) == ["1 of 4 rows rejected, tolerated 0%"]


def test_the_header_is_shown_with_the_field_of_each_column(tmp_path: Path):
    check = checked(tmp_path, "date,Dept,ACCOUNT,Amount,Note\n" + ROW.replace("\n", ",x\n"))
    (table,) = check.tables
    assert table.columns == (
        HeaderColumn("date", ("date",)),
        HeaderColumn("Dept", ("department",)),
        HeaderColumn("ACCOUNT", ("account",)),
        HeaderColumn("Amount", ("amount",)),
        HeaderColumn("Note", ()),
    )
    assert table.other == {"scenario": "Actual"}
    assert check.is_fine


MEASURES = """\
feed: m
kind: ledger
path: m.csv
columns: {date: Date, department: Dept}
constants: {scenario: Actual}
measures: {Sales: {account: "4000"}, COGS: {account: "5000"}}
"""
WIDE = """\
feed: w
kind: ledger
path: w.csv
columns: {department: Dept, account: Account}
constants: {scenario: Budget}
unpivot: {columns: [Jan, Feb], into: date, year: {column: Year}}
"""


def test_a_column_of_measures_is_shown_with_the_fields_that_its_lines_have(tmp_path: Path):
    for header in ("Date,Dept,sales,COGS", "Day,Dept,sales,COGS"):
        (table,) = checked(tmp_path, f"{header}\n2025-01-01,1,5,6\n", MEASURES).tables
        assert table.columns[2:] == (
            HeaderColumn("sales", ("amount",), {"account": "4000"}),
            HeaderColumn("COGS", ("amount",), {"account": "5000"}),
        )
        assert table.other == {"scenario": "Actual"}


def test_a_column_of_unpivot_is_shown_with_its_amount_and_date(tmp_path: Path):
    for header in ("Dept,Account,Year,Jan,Feb", "Dept,Konto,Year,Jan,Feb"):
        (table,) = checked(tmp_path, f"{header}\n1,4000,2025,5,6\n", WIDE).tables
        assert {column.name: set(column.fields) for column in table.columns[3:]} == {
            "Jan": {"amount", "date"},
            "Feb": {"amount", "date"},
        }
        assert table.columns[2].keys == ("unpivot.year",)
        assert table.other == {"scenario": "Budget"}


def test_a_column_that_only_a_rule_uses_is_shown_with_the_key_of_the_rule(tmp_path: Path):
    text = with_lines(
        LEDGER,
        sign="debit_positive",
        balanced="{by: [Voucher, account]}",
        skip="[{column: [Typ, Type], matches: ^X}, {column: Voucher, matches: ^X}]",
        control_total="[{kind: grand, row: {column: Type, matches: ^Total}}]",
        order="{from_column: Sent}",
        lookup="{feed: invoices, on: Invoice, take: [description]}",
    )
    rows = "Voucher,Type,Sent,Invoice,Note," + HEADER + "1,A,2025,I1,x," + ROW
    (table,) = checked(tmp_path, rows, text).tables
    assert {column.name: column.keys for column in table.columns[:6]} == {
        "Voucher": ("balanced.by", "skip"),
        "Type": ("control_total", "skip"),
        "Sent": ("order",),
        "Invoice": ("lookup.on",),
        "Note": (),
        "Date": (),
    }
    assert (table.looked_up, table.other) == ({"description": "invoices"}, {"scenario": "Actual"})


def test_a_header_that_lacks_a_column_is_shown_with_the_fields_that_it_has(tmp_path: Path):
    check = checked(tmp_path, "Date,Department,Account,Amount\n" + ROW)
    assert [column.fields for column in check.tables[0].columns] == [("date",), (), ("account",), ("amount",)]
    assert "the header lacks the column for department" in check.refusal
    assert not check.is_fine


def test_a_file_of_another_delimiter_is_refused_with_the_delimiter_that_it_has(tmp_path: Path):
    check = checked(tmp_path, (HEADER + ROW).replace(",", ";"))
    assert "seems to be delimited by ';'" in check.refusal
    fix = "set dialect.delimiter: ';' in the descriptor if all files of the feed are like this; if not, send the file"
    assert check.fix == f"{fix} with ',' between cells"


def test_a_file_whose_every_amount_has_other_marks_is_held_with_the_marks(tmp_path: Path):
    text = with_lines(LEDGER, dialect='{delimiter: ";"}')
    check = checked(tmp_path, (HEADER + ROW).replace(",", ";").replace("100.00", "1.234,50"), text)
    assert [fix for fix in check.holds.values() if "decimal: ','" in fix] != []


def test_repeated_rows_are_duplicates_and_rows_that_differ_under_one_key_are_rejected(tmp_path: Path):
    text = with_columns(
        {"transaction_id": "{from: Id}"}, load="{mode: upsert, key: [transaction_id]}", tolerance="{rejected_rows: 1}"
    )
    rows = [f"T{number},{ROW}" for number in (1, 1, 2, 3)] + ["T3,2025-01-15,D100,4000,7.00\n"]
    check = checked(tmp_path, "Id," + HEADER + "".join(rows), text)
    assert check.outcomes["accepted"] == Count(2, Decimal("200.00"), Decimal("200.00"))
    assert check.outcomes["duplicate"] == Count(1, Decimal("100.00"), Decimal("100.00"))
    assert check.outcomes["rejected"] == Count(2, Decimal("107.00"), Decimal("107.00"))
    assert check.sums == {("Actual", "2025-01"): Count(2, Decimal("200.00"), Decimal("200.00"))}
    assert [(row.row, row.outcome) for row in check.refused_rows] == [
        (3, "duplicate"),
        (5, "rejected"),
        (6, "rejected"),
    ]
    assert check.is_fine


@pytest.mark.parametrize("at_once", [1, 2, 7, 10_000])
def test_the_first_repeated_rows_are_described_however_many_are_compared_at_once(
    at_once: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(key_comparison, "_ROWS_AT_ONCE", at_once)
    text = with_columns(
        {"transaction_id": "{from: Id}"}, load="{mode: upsert, key: [transaction_id]}", tolerance="{rejected_rows: 1}"
    )
    later = [f"T{number},2025-02-15,D100,4000,7.00\n" for number in range(3)]
    rows = [f"T{number},{ROW}" for number in (5, 4, 3, 2, 1, 0) * 3] + later
    check = checked(tmp_path, "Id," + HEADER + "".join(rows), text)
    assert {name: count.rows for name, count in check.outcomes.items()} == {
        "accepted": 3,
        "duplicate": 6,
        "rejected": 12,
    }
    assert check.sums == {
        ("Actual", "2025-01"): Count(3, Decimal("300.00"), Decimal("300.00")),
        ("Actual", "2025-02"): Count(),
    }
    assert check.rules == {"conflicting_key": 12, "repeated_row": 6}
    assert [row.row for row in check.refused_rows] == [5, 6, 7, 8, 9, 10, 11, 12, 13, 14]
    assert check.refused_rows[3].reasons == "the same row with the key T5 is on line 2"


def test_two_keys_with_one_hash_are_two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for module in (line_files, compared_rows):
        monkeypatch.setattr(module, "hash_texts", lambda texts: np.zeros(len(texts), np.uint64))
    rows = "T1,2025-01-15,D100,4000,1.00\nT2,2025-01-15,D100,4000,2.00\nT1,2025-01-15,D100,4000,1.00\n"
    text = with_columns({"transaction_id": "{from: Id}"}, load="{mode: upsert, key: [transaction_id]}")
    check = checked(tmp_path, f"Id,{HEADER}{rows}", text)
    assert {name: count.rows for name, count in check.outcomes.items()} == {"accepted": 2, "duplicate": 1}


def test_foreign_money_is_apart_from_the_home_s(tmp_path: Path):
    check = checked(tmp_path, HEADER + ROW + ROW.replace("100.00", "EUR 7.00"))
    assert check.foreign == {"EUR": Decimal("7.00")}
    assert check.outcomes["rejected"] == Count(1, unpriced=1)


def test_a_file_without_an_accepted_row_is_held_whatever_its_tolerance(tmp_path: Path):
    check = checked(tmp_path, HEADER + "x,,,\n", with_lines(LEDGER, tolerance="{rejected_rows: 1}"))
    assert list(check.holds) == ["none of 1 rows was accepted: 1 rejected"]


def test_master_data_is_checked_too(tmp_path: Path):
    text = "feed: d\nkind: departments\npath: d*.csv\ncolumns: {code: Code, name: Name}\n"
    check = checked(tmp_path, "Code,Name\nD1,One\nD1,One\nD2,Two\n,Three\n", text, "d.csv")
    counts = {name: count.rows for name, count in check.outcomes.items()}
    assert counts == {"accepted": 2, "duplicate": 1, "rejected": 1}


def test_rounding_and_the_exact_amount_are_reported(tmp_path: Path):
    check = checked(tmp_path, HEADER + ROW.replace("100.00", "1.005"))
    assert (check.read.amount, check.rounding) == (Decimal("1.005"), Decimal("0.005"))


def test_a_file_that_cannot_be_opened_is_refused(tmp_path: Path):
    (tmp_path / "ledger.csv").mkdir()
    check = check_file(LocalStore(tmp_path), "ledger.csv", descriptor(), settings())
    assert "it is a folder, not a plain file" in check.refusal


def test_a_file_of_the_raw_zone_is_read_by_its_feed(home: Path):
    (home / "feeds" / "erp.yaml").write_text(with_lines(LEDGER, feed="erp", path="erp/*.csv"))
    (home / "raw" / "erp").mkdir()
    (home / "raw" / "erp" / "a.csv").write_text(HEADER)
    match = found(home, home / "raw" / "erp" / "a.csv")
    assert match.feed is not None
    assert (match.object_key, match.is_in_raw_zone, match.feed.feed) == ("erp/a.csv", True, "erp")
    by_key = found(home, Path("erp/a.csv"))
    assert (by_key.object_key, by_key.is_in_raw_zone) == ("erp/a.csv", True)


def test_a_file_outside_the_raw_zone_matches_by_as_many_folders_as_a_path_has(home: Path, tmp_path: Path):
    (home / "feeds" / "erp.yaml").write_text(with_lines(LEDGER, feed="erp", path="erp/*.csv"))
    inbox = tmp_path / "inbox" / "erp"
    inbox.mkdir(parents=True)
    (inbox / "a.csv").write_text(HEADER + ROW)
    match = found(home, inbox / "a.csv")
    assert match.feed is not None
    assert (match.object_key, match.is_in_raw_zone, match.feed.feed) == ("erp/a.csv", False, "erp")
    assert check_file(match.store, match.object_key, match.feed, settings()).is_fine


def test_a_descriptor_may_be_given_and_a_path_that_does_not_match_is_remarked(home: Path, tmp_path: Path):
    own = tmp_path / "erp.yaml"
    own.write_text(with_lines(LEDGER, feed="erp", path="erp/*.csv"))
    (tmp_path / "a.csv").write_text(HEADER + ROW)
    match = found(home, tmp_path / "a.csv", own)
    assert match.feed is not None
    assert "does not match a.csv" in match.remark
    assert check_file(match.store, match.object_key, match.feed, settings()).is_fine
    (tmp_path / "erp").mkdir()
    (tmp_path / "erp" / "a.csv").write_text(HEADER + ROW)
    match = found(home, tmp_path / "erp" / "a.csv", own)
    assert (match.object_key, match.remark) == ("erp/a.csv", "")


def test_a_descriptor_that_is_not_valid_is_an_error(home: Path, tmp_path: Path):
    (tmp_path / "a.csv").write_text(HEADER)
    for data, message in ((b"feed: [", "line"), (b"feed: \xff", "byte 0xff is not valid UTF-8")):
        (tmp_path / "bad.yaml").write_bytes(data)
        with pytest.raises(DescriptorError, match=message):
            matched(home, tmp_path / "a.csv", tmp_path / "bad.yaml")


def test_a_file_that_does_not_exist_is_not_matched(home: Path):
    assert matched(home, Path("nowhere.csv")) is None
    assert matched(home, home / "raw" / "nowhere.csv") is None


@pytest.mark.parametrize(
    ("name", "message", "fix"),
    [
        ("erp/ledger/a.csv", "no descriptor's path matches it", "`finance-platform feed draft"),
        ("erp/a.txt", "the feed erp reads 'erp/*.csv'", "`finance-platform feed draft"),
        ("transaction.csv", "the closest is 'transactions*.csv' of the feed transactions", "feed draft"),
        ("bank.csv", "no descriptor's path matches it", "add a descriptor to"),
        ("june.IIF", "no descriptor's path matches it", "export a report as CSV"),
    ],
)
def test_why_no_descriptor_matches_is_explained(home: Path, name: str, message: str, fix: str):
    (home / "feeds" / "erp.yaml").write_text(with_lines(LEDGER, feed="erp", path="erp/*.csv"))
    file = home / "raw" / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(HEADER)
    match = found(home, file)
    assert match.feed is None
    assert match.problem is not None
    assert message in match.problem.message
    assert fix in match.problem.fix


def test_a_file_of_another_home_is_reported_with_that_home(home: Path, tmp_path: Path):
    other = tmp_path / "other"
    (other / "raw").mkdir(parents=True)
    (other / "feeds").mkdir()
    (other / "raw" / "a.csv").write_text(HEADER)
    problem = found(home, other / "raw" / "a.csv").problem
    assert problem is not None
    assert f"--home {other}" in problem.fix


def test_the_file_of_a_broken_descriptor_is_not_read_by_another_feed(home: Path):
    (home / "feeds" / "transactions.yaml").write_text("feed: transactions\nkind: ledger\npath: transactions*.csv\n")
    (home / "raw" / "transactions.csv").write_text(HEADER)
    match = found(home, home / "raw" / "transactions.csv")
    assert match.feed is None
    assert match.problem is not None
    assert "its descriptor" in match.problem.message


JOURNAL = with_columns(
    {"transaction_id": "{from: Id}", "amount": "{from: {debit: Dr, credit: Cr}}"},
    balanced="{by: transaction_id}",
    tolerance="{rejected_rows: 1}",
)


def test_vouchers_that_do_not_balance_are_rejected_whole(tmp_path: Path):
    lines = ("A,10.00,", "A,,10.00", "B,10.00,", "B,,9.99", "C,5.00,", "C,,x")
    rows = "".join(f"2025-01-15,D100,4000,{line}\n" for line in lines)
    check = checked(tmp_path, "Date,Dept,Account,Id,Dr,Cr\n" + rows, JOURNAL)
    assert check.rules == {"unbalanced_voucher": 2, "half_voucher": 1, "invalid_amount": 1}
    assert check.outcomes["accepted"] == Count(2, Decimal("0.00"), Decimal("20.00"))
    reasons = {row.row: row.reasons for row in check.refused_rows}
    assert "the voucher 'B' does not balance: debit 10.00, credit 9.99, difference 0.01" in reasons[4]
    assert "the voucher 'C' is rejected whole, because line 7 of it is rejected" in reasons[6]


def test_control_totals_that_tie_are_counted_and_others_hold_the_file(tmp_path: Path):
    text = with_lines(LEDGER, control_total='[{kind: grand, row: {column: Dept, matches: "^Total"}}]')
    for printed, holds in (("200.00", 0), ("210.00", 1)):
        check = checked(tmp_path, f"{HEADER}{ROW}{ROW},Total,,{printed}\n", text)
        assert check.outcomes["accepted"] == Count(2, Decimal("200.00"), Decimal("200.00"))
        assert check.findings.control_totals.checked == 1
        assert len(check.holds) == holds


REPOSITORY = Path(__file__).parents[3]
ANSWER_KEY = json.loads((REPOSITORY / "finance_platform_tests" / "sample" / "answer_key.json").read_text())


@pytest.mark.parametrize("file", sorted(ANSWER_KEY["files"]))
def test_the_sample_s_files_have_the_outcomes_that_a_run_gives_them(file: str):
    expected = ANSWER_KEY["files"][file]
    feeds = load_feed_set(REPOSITORY / "no feeds of its own")
    feed = feeds.match(file).feed
    assert feed is not None
    check = check_file(LocalStore(REPOSITORY / "data" / "raw"), file, feed, settings())
    assert check.is_fine
    for outcome in ("accepted", "rejected", "duplicate", "skipped"):
        counted = check.outcomes.get(outcome, Count())
        assert counted.rows == expected[outcome]["rows"]
        if "amount" in expected[outcome]:
            assert counted.amount == Decimal(expected[outcome]["amount"])
    of_rejected = expected["rejected"].get("by_rule", {})
    assert {rule: check.rules[rule] for rule in of_rejected} == {
        name: rule["rows"] for name, rule in of_rejected.items()
    }


def test_rows_of_sheets_that_reject_each_other_are_named_with_their_sheet(tmp_path: Path):
    sheet: Rows = [HEADER.strip().split(","), ["2025-01-15", "D100", "4000", 7]]
    other: Rows = [sheet[0], ["2025-01-15", "D100", "4000", 8]]
    (tmp_path / "ledger.xlsx").write_bytes(xlsx({"A": sheet, "B": other}))
    text = with_lines(LEDGER, path="ledger.xlsx", sheet="[A, B]", load="{mode: upsert, key: [account]}")
    check = check_written(tmp_path, text, "ledger.xlsx")
    words = "the key 4000 is on several lines with different values, first on sheet 'A' row 2, last on sheet 'B' row 2"
    assert [row.reasons for row in check.refused_rows] == [words, words]


def test_of_equal_rows_the_first_sheet_by_name_has_the_line_as_in_a_run(tmp_path: Path):
    sheet: Rows = [HEADER.strip().split(","), ["2025-01-15", "D100", "4000", 7]]
    (tmp_path / "ledger.xlsx").write_bytes(xlsx({"B": sheet, "A": sheet}))
    text = with_lines(LEDGER, path="ledger.xlsx", sheet="[B, A]", load="{mode: upsert, key: [account]}")
    check = check_written(tmp_path, text, "ledger.xlsx")
    assert [(row.sheet, row.outcome, row.reasons) for row in check.refused_rows] == [
        ("B", "duplicate", "the same row with the key 4000 is on sheet 'A' row 2")
    ]


def test_a_blank_cell_is_another_value_than_the_text_none(tmp_path: Path):
    text = "feed: d\nkind: departments\npath: d*.csv\ncolumns: {code: Code, name: Name}\n"
    check = checked(tmp_path, "Code,Name\nD1,\nD1,None\nD2,Two\n", text, "d.csv")
    assert check.rules == {"conflicting_key": 2}


def test_an_account_with_two_types_in_one_file_is_a_condition(tmp_path: Path):
    text = with_columns({"account_type": "Type"})
    rows = "Type," + HEADER + "Revenue," + ROW + "Expense," + ROW.replace("100.00", "7.00")
    check = checked(tmp_path, rows, text)
    assert list(check.conditions) == ["account 4000 has the types Expense and Revenue in this file"]
    assert checked(tmp_path, "Type," + HEADER + "Revenue," + ROW + "," + ROW, text).conditions == {}
