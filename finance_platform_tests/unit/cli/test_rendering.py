"""The building blocks of printed output: JSON and CSV that programs can read, tables and sentences for people.

Belongs here: `cli.rendering`. Does not belong here: figures (see `unit/reports`), exit codes.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from datetime import date, datetime
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from finance_platform.cli import rendering
from finance_platform.cli.console import Part, SafeConsole
from finance_platform.cli.rendering import distinct_keys, print_deliveries, print_rows, print_table, print_warnings
from finance_platform.reports.statement import Line, Reconciliation
from finance_platform.reports.status import StatusDetails
from finance_platform_tests.unit.printed_text import lines, printed, status

DELIVERY: dict[str, Any] = {
    "file": "ledger.csv",
    "feed": "ledger",
    "state": "live",
    "rows": 1200,
    "accepted": 1199,
    "rejected": 1,
    "duplicate": 0,
    "skipped": 0,
    "amount": "1234.50",
    "rejected_amount": "5.00",
    "rejected_foreign": {},
    "rules": {"invalid_date": 1},
    "control_totals": {"checked": 0, "tied": 0, "listed": [], "missing": []},
    "delivery": "x",
    "discovered_at": "2025-02-01T08:00:00.000000+00:00",
    "reason": "",
    "fix": "",
}


def test_a_file_of_balanced_journals_has_money_and_one_of_accounts_has_none():
    none = {**DELIVERY, "amount": "0.00", "rejected_amount": "0.00", "rejected": 0, "accepted": 1200}
    nets = Reconciliation([Line("Actual", "USD", {}, "ledger", "ledger.csv")], "USD")
    text = printed(print_deliveries, status(deliveries=[none, {**none, "file": "accounts.csv"}], reconciliation=nets))
    rows = {cells[0]: cells[1:] for cells in (line.split() for line in text.splitlines()) if len(cells) > 1}
    assert rows["ledger.csv"] == ["live", "1,200", "1,200", "0", "0", "0", "0.00", "0.00"]
    assert rows["accounts.csv"] == ["live", "1,200", "1,200", "0", "0", "0"]


def test_lines_by_file_are_not_looked_at_for_files_that_show_their_money():
    class Lines(list[Line]):
        def __iter__(self) -> Iterator[Line]:
            raise AssertionError("thousands of them are decoded")

    text = printed(print_deliveries, status(deliveries=[DELIVERY], reconciliation=Reconciliation(Lines(), "USD")))
    assert "1,234.50" in text


# Rows


COLUMNS = ["Day", "Name", "Amount", "Lines", "At", "IsOpen"]
ROWS = [
    (date(2025, 1, 31), 'Müller, "GmbH"', Decimal("1234.50"), 3, datetime(2025, 2, 1, 8, 30), True),  # noqa: DTZ001
    (None, "", Decimal("0.00"), 0, None, False),
]


def test_json_is_an_array_of_objects_with_money_as_text_and_dates_in_iso():
    assert json.loads(printed(print_rows, COLUMNS, ROWS, "json")) == [
        {
            "Day": "2025-01-31",
            "Name": 'Müller, "GmbH"',
            "Amount": "1234.50",
            "Lines": 3,
            "At": "2025-02-01T08:30:00",
            "IsOpen": True,
        },
        {"Day": None, "Name": "", "Amount": "0.00", "Lines": 0, "At": None, "IsOpen": False},
    ]


def test_json_keeps_columns_of_the_same_name_and_the_other_formats_keep_the_names():
    row = (7, Decimal("1.50"))
    assert json.loads(printed(print_rows, ["sum", "sum"], [row], "json")) == [{"sum": 7, "sum_2": "1.50"}]
    assert printed(print_rows, ["sum", "sum"], [row], "csv").splitlines()[0] == "sum,sum"
    assert printed(print_rows, ["sum", "sum"], [row], "table").split()[:2] == ["sum", "sum"]


@pytest.mark.parametrize(
    ("columns", "keys"),
    [
        (["a", "b"], ["a", "b"]),
        (["sum", "sum", "sum"], ["sum", "sum_2", "sum_3"]),
        (["sum_2", "sum", "sum"], ["sum_2", "sum", "sum_3"]),
        (["sum", "sum", "sum_2"], ["sum", "sum_3", "sum_2"]),
        (["a_2", "a_2", "a", "a"], ["a_2", "a_2_2", "a", "a_3"]),
        (["?column?", "?column?"], ["?column?", "?column?_2"]),
        (["Sum", "sum"], ["Sum", "sum"]),
    ],
)
def test_a_repeated_name_gets_the_first_free_number(columns: list[str], keys: list[str]):
    assert distinct_keys(columns) == keys


def test_json_without_rows_is_an_empty_array():
    assert json.loads(printed(print_rows, COLUMNS, [], "json")) == []


def test_json_does_not_escape_letters():
    assert "Müller" in printed(print_rows, ["Name"], [("Müller",)], "json")


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_a_float_without_a_json_value_is_null(number: float):
    assert json.loads(printed(print_rows, ["Share"], [(number,)], "json"), parse_constant=pytest.fail) == [
        {"Share": None}
    ]


def test_csv_quotes_special_characters_and_leaves_null_empty():
    text = printed(print_rows, COLUMNS, ROWS, "csv")
    assert text.splitlines()[1] == '2025-01-31,"Müller, ""GmbH""",1234.50,3,2025-02-01T08:30:00,True'
    assert list(csv.reader(io.StringIO(text))) == [
        COLUMNS,
        ["2025-01-31", 'Müller, "GmbH"', "1234.50", "3", "2025-02-01T08:30:00", "True"],
        ["", "", "0.00", "0", "", "False"],
    ]


def test_csv_keeps_a_text_of_several_lines_whole_in_a_narrow_terminal():
    text = io.StringIO()
    value = "first line\n" + "long " * 40
    print_rows(SafeConsole(file=text, width=20), ["Note"], [(value,)], "csv")
    assert list(csv.reader(io.StringIO(text.getvalue()))) == [["Note"], [value]]


@pytest.mark.parametrize("output_format", ["csv", "json"])
def test_small_and_large_decimals_have_no_exponent(output_format: str):
    text = printed(print_rows, ["A", "B"], [(Decimal("0E-8"), Decimal("1E+3"))], output_format)
    assert "0.00000000" in text
    assert "1000" in text
    assert "E" not in text


def test_a_table_leaves_out_the_zeros_that_a_column_adds_to_money():
    rows = [(Decimal("53350.0000000000"), Decimal("0.125000"), Decimal("7"))]
    assert printed(print_rows, ["A", "B", "C"], rows, "table").split()[3:] == ["53350.00", "0.125", "7"]


def test_a_table_aligns_numbers_to_the_right_and_text_to_the_left():
    text = printed(print_rows, ["Name", "Amount"], [("Rent", Decimal("9.00")), ("Travel", Decimal("1250.00"))], "table")
    header, first, second = (line.rstrip() for line in text.splitlines())
    assert header.split() == ["Name", "Amount"]
    assert len(first) == len(second)
    assert first.startswith("Rent ")


@pytest.mark.parametrize("text", ["[draft] plan", "closed [/open]", "[red]", ":euro:", "a\\[b]"])
def test_a_table_shows_text_unchanged(text: str):
    assert lines(print_rows, ["Note"], [(text,)], "table")[1] == text


# Status


def test_deliveries_show_rows_and_money_but_reference_files_show_no_money():
    chart = DELIVERY | {"file": "accounts.csv", "amount": "0.00", "rejected_amount": "0.00", "rules": {}}
    assert lines(print_deliveries, status(deliveries=[chart, DELIVERY]))[2:] == [
        "accounts.csv live 1,200 1,199 1 0 0",
        "ledger.csv live 1,200 1,199 1 0 0 1,234.50 5.00",
        "Rejected, duplicate or skipped: invalid_date 1. See `finance-platform rejected`.",
    ]


def test_skipped_rows_alone_do_not_lead_to_a_command_that_lists_none():
    skipped = DELIVERY | {"rejected": 0, "skipped": 1, "rules": {"grand_total": 1}}
    assert lines(print_deliveries, status(deliveries=[skipped]))[-1] == "Skipped: grand_total 1."
    repeated = skipped | {"duplicate": 1, "rules": {"grand_total": 1, "duplicate_id": 1}}
    assert lines(print_deliveries, status(deliveries=[repeated]))[-1].endswith("See `finance-platform rejected`.")


def test_the_control_totals_of_a_file_are_counted():
    totals = {"checked": 13, "tied": 12, "listed": [], "missing": []}
    printed = lines(print_deliveries, status(deliveries=[DELIVERY | {"control_totals": totals, "rules": {}}]))
    assert printed[-1] == "Control totals of ledger.csv: 12 of 13 tie."


def test_a_held_delivery_shows_the_reason_and_the_fix():
    held = DELIVERY | {"state": "held", "reason": "1 of 3 rows rejected [/dates]", "fix": "correct [it]", "rules": {}}
    assert lines(print_deliveries, status(deliveries=[held]))[-2:] == [
        "held ledger.csv: 1 of 3 rows rejected [/dates]",
        "Fix: correct [it]",
    ]


def test_rules_are_summed_over_files_and_the_most_frequent_is_first():
    other = DELIVERY | {"rules": {"blank_date": 7, "invalid_date": 2, "blank_amount": 3}}
    assert lines(print_deliveries, status(deliveries=[DELIVERY, other]))[-1].startswith(
        "Rejected, duplicate or skipped: blank_date 7, blank_amount 3, invalid_date 3."
    )


def test_of_thousands_of_files_the_newest_are_shown_and_every_one_that_does_not_count():
    held = DELIVERY | {"file": "007.csv", "state": "held", "reason": "late", "fix": "decide"}
    deliveries = [
        DELIVERY | {"file": f"{number:03}.csv", "discovered_at": f"2025-{1 + number % 2:02}-01"}
        for number in range(200)
    ]
    assert "more that count" not in printed(print_deliveries, status(deliveries=deliveries))
    deliveries.insert(7, held)
    shown = lines(print_deliveries, status(deliveries=deliveries))
    files = [line.split()[0] for line in shown if line.endswith("5.00")]
    assert files == ["007.csv", *(f"{number:03}.csv" for number in range(101, 200, 2))]
    assert "… 150 more that count; `finance-platform status --all-files` lists all" in shown
    assert "held 007.csv: late" in shown
    assert f"Rejected, duplicate or skipped: invalid_date {len(deliveries)}. See `finance-platform rejected`." in shown


def test_all_files_are_shown_on_request():
    deliveries = [DELIVERY | {"file": f"{number:03}.csv"} for number in range(250)]
    text = printed(partial(print_deliveries, all_files=True), status(deliveries=deliveries))
    assert text.count(".csv") == 250
    assert "more that count" not in text


def test_every_warning_names_the_file_and_the_fix():
    shown = status(
        problems=[{"file": "feeds/[a].yaml", "problem": "line 3: no such key", "fix": "correct that line"}],
        unmatched=["notes.csv"],
        vanished=["old.csv"],
    )
    assert lines(print_warnings, shown) == [
        "problem 'feeds/[a].yaml': line 3: no such key",
        "Fix: correct that line",
        "unmatched notes.csv: no feed descriptor reads this file",
        "Fix: add a descriptor to the home's feeds folder; or take the file out of the raw zone",
        "vanished old.csv: delivered before, gone from raw; its lines still count",
        "Fix: put the file back, or `finance-platform withdraw old.csv --why TEXT` takes its lines out",
    ]


def test_files_with_the_same_warning_are_named_together_and_the_rest_is_counted():
    same = status(unmatched=[f"{letter}.txt" for letter in "abcde"])
    assert lines(print_warnings, same)[0].startswith("unmatched a.txt, b.txt, c.txt and 2 more: ")
    assert len(lines(print_warnings, same)) == 2
    text = lines(print_warnings, status(vanished=[f"{number}.csv" for number in range(14)]))
    assert len(text) == 21
    assert text[-1] == "4 more warnings; `finance-platform status --json` has each"


def test_many_warnings_of_one_kind_hide_none_of_another():
    damaged = [{"file": "deliveries/1.json", "problem": "is damaged", "fix": ""}]
    vanished = [f"{number}.csv" for number in range(14)]
    text = lines(print_warnings, status(details=StatusDetails(damage=damaged), vanished=vanished))
    assert "damaged deliveries/1.json: is damaged" in text


CELLS = st.text(st.characters(codec="utf-8", categories=["L", "M", "N", "P", "S", "Zs", "Cc"]), max_size=12)


@given(rows=st.lists(st.tuples(CELLS, CELLS, CELLS, CELLS), min_size=1, max_size=8), width=st.integers(20, 120))
@example(rows=[("", "", "", "\u00a0")], width=24)
@example(rows=[("a\u2003", "", "1", "12\u00a0"), ("bcd", "", "", "345")], width=80)
def test_a_long_table_is_printed_as_rich_prints_it(rows: list[tuple[str, ...]], width: int):
    printed = []
    for longest in (0, 10**6):
        console = SafeConsole(file=io.StringIO(), width=width, no_color=True)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(rendering, "_LONG_TABLE", longest)
            rendering.print_table(console, ["file", "state", "rows", "money"], rows, title="Files", numbers_from=2)
        printed.append(console.file.getvalue())  # type: ignore[attr-defined]  # a StringIO
    assert printed[0] == printed[1]


@pytest.mark.parametrize("width", [30, 80, 250])
def test_no_number_and_no_word_is_cut_whatever_the_width(width: int):
    columns = [f"a{number}" for number in range(9)]
    name = "raw/a_very_long_name_of_a_file_2025-09.csv"
    amounts = [Decimal(f"1234567890123{number}.00") for number in range(8)]
    row = (name, *amounts)
    output = io.StringIO()
    print_rows(SafeConsole(file=output, width=width), columns, [row, row], "table")
    text = output.getvalue()
    assert "…" not in text
    assert all(text.count(f"{amount:f}") == 2 for amount in amounts)
    folded = "".join(line.removeprefix("a0").strip() for line in text.splitlines())
    assert name in folded


def test_rows_that_do_not_fit_side_by_side_are_records_and_without_rows_the_names():
    output = io.StringIO()
    console = SafeConsole(file=output, width=20)
    columns = ["amount", "other"]
    print_rows(console, columns, [(Decimal("123456789.00"), Decimal("123456789.00")), (None, 1)], "table")
    lines = [line.split() for line in output.getvalue().splitlines()]
    assert lines == [["amount", "123456789.00"], ["other", "123456789.00"], [], ["amount"], ["other", "1"]]
    empty = io.StringIO()
    print_rows(SafeConsole(file=empty, width=10), columns, [], "table")
    assert empty.getvalue().split() == ["amount,", "other"]


@pytest.mark.parametrize("width", [30, 60, 80])
def test_a_listing_on_a_narrow_terminal_goes_on_below_its_rows(width: int):
    name, amounts = "raw/a_very_long_name_of_a_file_2025-09.csv", ["275,205,926.65", "338,021.86"]
    columns = ("file", "state", "rows", "accepted", "skipped", "delivered", "rejected money")
    output = io.StringIO()
    rows: list[list[Part]] = [[name, ("held", "yellow"), "1", "2", "", *amounts]] * 2
    print_table(SafeConsole(file=output, width=width), columns, rows, title="Deliveries", numbers_from=2)
    shown = output.getvalue().splitlines()
    assert max(map(len, shown)) <= width
    assert "…" not in output.getvalue()
    assert "".join(line.strip() for line in shown).count(name) == 2
    assert [output.getvalue().count(amount) for amount in amounts] == [2, 2]
    assert not [line for line in shown if line.endswith("skipped")][1:]


def test_a_heading_that_is_longer_than_its_table_is_one_line():
    output = io.StringIO()
    heading = "Header of sheet 'Departments'"
    print_table(
        SafeConsole(file=output, width=80), ["column", "field"], [["Dept", "code"]], title=heading, numbers_from=2
    )
    assert output.getvalue().splitlines()[0] == heading


def listing(columns: list[str], rows: list[tuple[Any, ...]], output_format: str, width: int) -> list[str]:
    output = io.StringIO()
    print_rows(SafeConsole(file=output, width=width), columns, rows, output_format, is_listing=True)
    return output.getvalue().splitlines()


def test_a_listing_groups_the_digits_of_money_and_a_query_s_result_does_not():
    rows = [("a.csv", 1234, Decimal("15713.380")), ("b.csv", 5, Decimal("-1234.5678"))]
    columns = ["file", "line", "amount"]
    shown = [line.split() for line in listing(columns, rows, "table", 80)]
    assert shown == [columns, ["a.csv", "1234", "15,713.38"], ["b.csv", "5", "-1,234.5678"]]
    assert "15713.38" in printed(print_rows, columns, rows, "table")
    assert listing(columns, rows, "csv", 80)[1] == "a.csv,1234,15713.380"


def test_a_listing_says_yes_and_no_and_a_query_s_result_has_the_values():
    rows = [("2025-01", True), ("2025-02", False)]
    assert [line.split() for line in listing(["period", "closed"], rows, "table", 80)] == [
        ["period", "closed"],
        ["2025-01", "yes"],
        ["2025-02", "no"],
    ]
    assert "True" in printed(print_rows, ["period", "closed"], rows, "table")
    assert listing(["period", "closed"], rows, "csv", 80)[1] == "2025-01,True"


def test_a_long_text_of_a_listing_is_below_its_row_and_not_in_a_narrow_column():
    text = "T000001,2022-10-01,0460,6110,15713.38"
    rows = [("transactions.csv", 2, Decimal("15713.38"), text)]
    shown = listing(["file", "line", "amount", "text"], rows, "table", 50)
    assert shown[1:] == ["transactions.csv     2  15,713.38", f"    text {text}"]
