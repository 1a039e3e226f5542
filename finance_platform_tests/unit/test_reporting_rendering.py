"""What the command line prints: JSON and CSV that programs can read, tables and sentences for people.

Belongs here: `reporting.rendering`, `summary`. Does not belong here: figures (see `test_reporting`), exit codes.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest
from rich.console import Console

from finance_platform.cli.rendering import (
    print_controllers_line,
    print_deliveries,
    print_line,
    print_rows,
    print_slices,
    print_variance,
    print_warnings,
)
from finance_platform.cli.run_output import print_summary, summary_as_json
from finance_platform.deliveries.commits import Count
from finance_platform.reports.reconciliation import Reconciliation
from finance_platform.reports.run_outcome import CheckLine, RunOutcome
from finance_platform.reports.status import Status
from finance_platform.reports.variance import VarianceRow
from finance_platform_tests.unit.factories import money

LINE = Reconciliation(
    delivered=money(5, "1234.5", unpriced=1),
    in_warehouse=money(2, "1000.00"),
    rejected=money(2, "134.50", unpriced=1),
    duplicate=money(1, "100.00"),
    skipped=Count(),
    superseded=Count(),
    held=Count(),
    withdrawn=Count(),
)
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
    "rules": {"invalid_date": 1},
    "delivery": "x",
    "reason": "",
    "fix": "",
}


def printed(show: Callable[..., None], *arguments: Any) -> str:
    text = io.StringIO()
    show(Console(file=text, width=250, no_color=True), *arguments)
    return text.getvalue()


def lines(show: Callable[..., None], *arguments: Any) -> list[str]:
    """The lines that are not blank, white space folded."""
    return [" ".join(line.split()) for line in printed(show, *arguments).splitlines() if line.strip()]


def status(**values: Any) -> Status:
    usual: dict[str, Any] = {name: [] for name in ("deliveries", "slices", "problems", "unmatched", "vanished")}
    return Status(**(usual | {"line": LINE} | values))


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


def test_json_without_rows_is_an_empty_array():
    assert json.loads(printed(print_rows, COLUMNS, [], "json")) == []


def test_json_keeps_letters_as_they_are():
    assert "Müller" in printed(print_rows, ["Name"], [("Müller",)], "json")


@pytest.mark.parametrize("number", [float("nan"), float("inf"), float("-inf")])
def test_what_json_has_no_word_for_is_null(number: float):
    assert json.loads(printed(print_rows, ["Share"], [(number,)], "json"), parse_constant=pytest.fail) == [
        {"Share": None}
    ]


def test_csv_quotes_what_a_reader_would_take_apart_and_leaves_null_empty():
    text = printed(print_rows, COLUMNS, ROWS, "csv")
    assert text.splitlines()[1] == '2025-01-31,"Müller, ""GmbH""",1234.50,3,2025-02-01T08:30:00,True'
    assert list(csv.reader(io.StringIO(text))) == [
        COLUMNS,
        ["2025-01-31", 'Müller, "GmbH"', "1234.50", "3", "2025-02-01T08:30:00", "True"],
        ["", "", "0.00", "0", "", "False"],
    ]


def test_csv_keeps_a_text_of_several_lines_whole_however_narrow_the_terminal_is():
    text = io.StringIO()
    value = "first line\n" + "long " * 40
    print_rows(Console(file=text, width=20), ["Note"], [(value,)], "csv")
    assert list(csv.reader(io.StringIO(text.getvalue()))) == [["Note"], [value]]


@pytest.mark.parametrize("output_format", ["csv", "json"])
def test_small_and_large_decimals_are_written_out(output_format: str):
    text = printed(print_rows, ["A", "B"], [(Decimal("0E-8"), Decimal("1E+3"))], output_format)
    assert "0.00000000" in text
    assert "1000" in text
    assert "E" not in text


def test_a_table_has_numbers_on_the_right_and_words_on_the_left():
    text = printed(print_rows, ["Name", "Amount"], [("Rent", Decimal("9.00")), ("Travel", Decimal("1250.00"))], "table")
    header, first, second = (line.rstrip() for line in text.splitlines())
    assert header.split() == ["Name", "Amount"]
    assert len(first) == len(second)
    assert first.startswith("Rent ")


@pytest.mark.parametrize("text", ["[draft] plan", "closed [/open]", "[red]", ":euro:", "a\\[b]"])
def test_a_table_shows_texts_as_they_are(text: str):
    assert lines(print_rows, ["Note"], [(text,)], "table")[1] == text


# Status


def test_deliveries_show_rows_and_money_and_reference_files_no_money():
    chart = DELIVERY | {"file": "accounts.csv", "amount": "0.00", "rejected_amount": "0.00", "rules": {}}
    assert lines(print_deliveries, status(deliveries=[chart, DELIVERY]))[2:] == [
        "accounts.csv live 1,200 1,199 1 0 0",
        "ledger.csv live 1,200 1,199 1 0 0 1,234.50 5.00",
        "Refused, repeated or blank: invalid_date 1. See `finance-platform rejected`.",
    ]


def test_what_does_not_count_says_why_and_how_to_mend_it():
    held = DELIVERY | {"state": "held", "reason": "1 of 3 rows rejected [/dates]", "fix": "correct [it]", "rules": {}}
    assert lines(print_deliveries, status(deliveries=[held]))[-2:] == [
        "held ledger.csv: 1 of 3 rows rejected [/dates]",
        "Fix: correct [it]",
    ]


def test_rules_are_summed_over_files_and_the_commonest_comes_first():
    other = DELIVERY | {"rules": {"blank_date": 7, "invalid_date": 2, "blank_amount": 3}}
    assert lines(print_deliveries, status(deliveries=[DELIVERY, other]))[-1].startswith(
        "Refused, repeated or blank: blank_date 7, blank_amount 3, invalid_date 3."
    )


def test_every_warning_names_the_file_and_the_fix():
    found = status(
        problems=[{"file": "feeds/[a].yaml", "problem": "line 3: no such key", "fix": "correct that line"}],
        unmatched=["notes.csv"],
        vanished=["old.csv"],
    )
    assert lines(print_warnings, found) == [
        "problem feeds/[a].yaml: line 3: no such key",
        "Fix: correct that line",
        "unmatched notes.csv: no feed descriptor reads this file",
        "Fix: add a descriptor to the home's feeds folder, or take the file out of raw",
        "vanished old.csv: delivered before, gone from raw; its lines still count",
        "Fix: put the file back, or withdraw it",
    ]


def test_slices_are_counted_and_the_stale_ones_named():
    table = "fact_financials"
    rows = [
        {"table": table, "slice": "2025-01", "state": "published"},
        {"table": table, "slice": "2025-02", "state": "not built"},
        {"table": table, "slice": "2025-03", "state": "not built"},
    ]
    assert lines(print_slices, status(slices=rows))[2:] == [
        "fact_financials 1 published",
        "fact_financials 2 not built: 2025-02, 2025-03",
    ]


# The controller's line


def test_the_controllers_line_is_a_sentence_of_money_and_one_of_rows():
    amounts, rows = lines(print_controllers_line, status())
    assert amounts.startswith("Money: delivered 1,234.50 = in the warehouse 1,000.00 + rejected 134.50 (unpriced 1)")
    assert amounts.endswith(" + duplicate 100.00 + skipped 0.00 + superseded 0.00 + held 0.00")
    assert rows == (
        "Rows: delivered 5 = in the warehouse 2 + rejected 2 + duplicate 1 + skipped 0 + superseded 0 + held 0"
    )


def test_the_line_as_a_table_has_a_row_per_term():
    assert lines(print_line, status())[2:] == [
        "delivered 1,234.50 5 1 without an amount",
        "= in the warehouse 1,000.00 2",
        "+ rejected 134.50 2 1 without an amount",
        "+ duplicate 100.00 1",
        "+ skipped 0.00 0",
        "+ superseded 0.00 0",
        "+ held 0.00 0",
    ]


@pytest.mark.parametrize("show", [print_line, print_controllers_line])
def test_a_difference_is_not_explained_where_nothing_is_left_to_load(show: Callable[..., None]):
    lost = replace(LINE, in_warehouse=money(1, "999.99"))
    assert lines(show, status(line=lost))[-1] == "not explained: 1 rows, 0.01"
    behind = [{"table": "fact_financials", "slice": "2025-01", "state": "not built"}]
    assert lines(show, status(line=lost, slices=behind))[-1] == "not loaded yet: 1 rows, 0.01"


# Variance


def test_the_variance_table_says_where_there_is_no_budget():
    rows = [
        VarianceRow(2024, "Revenue", Decimal("2100"), None, None, None),
        VarianceRow(2025, "Revenue", *[Decimal("1000.5")] * 4),
    ]
    assert lines(print_variance, rows)[2:] == [
        "2024 Revenue 2,100.00 no budget no budget no budget",
        "2025 Revenue 1,000.50 1,000.50 1,000.50 1,000.50",
    ]


def test_without_rows_there_is_no_variance_table():
    assert printed(print_variance, []) == ""


# The summary of a run


def outcome(**values: Any) -> RunOutcome:
    usual: dict[str, Any] = {
        "run_id": "r1",
        "succeeded": True,
        "is_broken": False,
        "error": "",
        "checks": [],
        "deliveries_read": 0,
        "built": [],
        "loaded": [],
    }
    return RunOutcome(**(usual | values))


def summary(found: RunOutcome) -> list[str]:
    return lines(print_summary, found, status(), [], 1.25)


def what_was_done(**values: Any) -> str:
    (line,) = [line for line in summary(outcome(**values)) if line.startswith(("Read ", "Nothing "))]
    return line


PERIODS = ["fact_financials 2025-03", "fact_financials 2025-01", "fact_financials 2025-02"]
DIMENSIONS = ["dim_date all", "dim_account all"]


def test_a_run_that_found_nothing_new_says_so():
    assert what_was_done() == "Nothing to do: no new deliveries, every period is current."


def test_a_run_that_failed_before_it_did_anything_does_not_say_that_there_was_nothing_to_do():
    assert what_was_done(succeeded=False) == "Read 0 deliveries; built nothing; loaded nothing."


@pytest.mark.parametrize(
    ("read", "built", "loaded", "said"),
    [
        (1, [], [], "Read 1 delivery; built nothing; loaded nothing."),
        (2, PERIODS[:1], [], "Read 2 deliveries; built 1 period (2025-03); loaded nothing."),
        (
            0,
            [*DIMENSIONS, *PERIODS],
            DIMENSIONS[:1],
            "Read 0 deliveries; built 3 periods (2025-01 … 2025-03) and 2 dimensions; loaded 1 dimension.",
        ),
    ],
)
def test_a_run_says_what_it_read_built_and_loaded(read: int, built: list[str], loaded: list[str], said: str):
    assert what_was_done(deliveries_read=read, built=built, loaded=loaded) == said


def check(name: str, passed: bool, is_warning: bool = False) -> CheckLine:
    return CheckLine("warehouse/dim_account", name, passed, is_warning, "2 [members]")


def test_checks_are_counted_and_the_failed_ones_named():
    found = summary(outcome(checks=[check("a", True), check("b", False), check("c", False, is_warning=True)]))
    assert found[2:5] == [
        "Checks: 1 passed, 1 warning, 1 failed",
        "failed warehouse/dim_account b: 2 [members]",
        "warning warehouse/dim_account c: 2 [members]",
    ]


def test_a_failed_run_shows_the_error_as_it_is():
    (line,) = [line for line in summary(outcome(succeeded=False, error="no [/such] file")) if "failed:" in line]
    assert line == "failed: no [/such] file"


def test_the_summary_names_the_run_and_ends_with_the_controllers_line():
    assert [line.split(":")[0] for line in summary(outcome())[-3:]] == [
        "Run r1, 1.2 s; it shows in the UI",
        "Money",
        "Rows",
    ]


def test_a_warning_is_no_failed_check():
    checks = [check("a", True), check("b", False), check("c", False, is_warning=True)]
    assert [found.name for found in outcome(checks=checks).failed_checks] == ["b"]


def test_the_summary_for_programs_is_json_that_says_the_same():
    row = VarianceRow(2025, "Revenue", Decimal("10"), None, None, None)
    found = outcome(deliveries_read=1, built=PERIODS, checks=[check("b", False)])
    document = json.loads(json.dumps(summary_as_json(found, status(), [row], 1.26)))
    assert document["seconds"] == 1.3
    assert (document["run_id"], document["deliveries_read"], document["built"]) == ("r1", 1, PERIODS)
    assert document["checks"] == [
        {
            "asset": "warehouse/dim_account",
            "name": "b",
            "passed": False,
            "is_warning": False,
            "summary": "2 [members]",
            "evidence": [],
        }
    ]
    assert document["actual_vs_budget"][0]["Budget"] == "no budget"
    assert document["status"]["controllers_line"]["delivered"]["amount"] == "1234.50"
