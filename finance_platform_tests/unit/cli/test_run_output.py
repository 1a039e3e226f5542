"""The output of `run`: the summary as text and as JSON.

Belongs here: `cli.run_output`. Does not belong here: figures (see `unit/reports`), exit codes.
"""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from finance_platform.cli.run_output import print_summary, print_variance, summary_as_json
from finance_platform.cli.status_output import print_status
from finance_platform.deliveries.header_changes import FIX_HEADER, HeaderChange
from finance_platform.reports.run_outcome import EvaluatedCheck, RunOutcome, RunReport
from finance_platform.reports.status import Status
from finance_platform.reports.variance import VarianceRow
from finance_platform_tests.unit.cli.test_rendering import DELIVERY
from finance_platform_tests.unit.printed_text import lines, printed, status

# Variance


def variance_row(year: int = 2025, line: str = "Revenue", **values: Any) -> VarianceRow:
    amounts = dict.fromkeys(("actual", "actual_with_budget", "budget", "variance"), Decimal("1000.5"))
    defaults: dict[str, Any] = {"months": 12, "account_type": line, "favourable_sign": 1, **amounts}
    return VarianceRow(fiscal_year=year, line=line, **(defaults | values))


NO_BUDGET: dict[str, Any] = dict.fromkeys(("actual_with_budget", "budget", "variance"))


def test_the_variance_table_shows_rows_without_a_budget():
    rows = [variance_row(2024, actual=Decimal("2100"), **NO_BUDGET), variance_row(2025)]
    assert lines(print_variance, rows)[1:] == [
        "fiscal year line actual budget variance % effect",
        "2024 Revenue 2,100.00 no budget no budget",
        "2025 Revenue 1,000.50 1,000.50 1,000.50 +100.0 favourable",
    ]


def test_a_year_is_named_once_and_says_so_if_it_has_fewer_than_twelve_months():
    rows = [variance_row(months=9), variance_row(line="Expense", months=9), variance_row(2026, months=1)]
    assert [line.split(" Revenue")[0].split(" Expense")[0] for line in lines(print_variance, rows)[2:]] == [
        "2025, 9 months",
        "Expense 1,000.50 1,000.50 1,000.50 +100.0 favourable",
        "2026, 1 month",
    ]


def test_the_part_of_actual_that_has_a_budget_is_shown_where_it_differs():
    rows = [variance_row(actual=Decimal("3000"))]
    assert lines(print_variance, rows)[1:] == [
        "fiscal year line actual actual with budget budget variance % effect",
        "2025 Revenue 3,000.00 1,000.50 1,000.50 1,000.50 +100.0 favourable",
    ]


def test_money_of_incomplete_periods_is_shown_and_the_periods_are_named():
    left_out: dict[str, Any] = {"months": 9, "incomplete_periods": ("2025-10",), "actual_incomplete": Decimal("7")}
    head, row, note = lines(print_variance, [variance_row(**left_out)])[1:4]
    assert head == "fiscal year line actual budget variance % incomplete effect"
    assert row == "2025, 9 months Revenue 1,000.50 1,000.50 1,000.50 +100.0 7.00 favourable"
    assert note.startswith("Incomplete and left out: 2025-10.")


def test_a_year_without_a_complete_month_has_no_amounts():
    none: dict[str, Any] = dict.fromkeys(("actual", "actual_with_budget", "budget", "variance"))
    rows = [variance_row(months=0, incomplete_periods=("2025-01",), actual_incomplete=Decimal("7"), **none)]
    assert lines(print_variance, rows)[2] == "2025, 0 months Revenue incomplete incomplete incomplete 7.00"


def test_an_empty_variance_prints_nothing():
    assert printed(print_variance, []) == ""


# The summary of a run


def outcome(**values: Any) -> RunOutcome:
    defaults: dict[str, Any] = {
        "run_id": "r1",
        "succeeded": True,
        "is_broken": False,
        "error": "",
        "checks": [],
        "deliveries_read": 0,
        "built": [],
        "loaded": [],
    }
    return RunOutcome(**(defaults | values))


def summary(run: RunOutcome, current: Status | None = None) -> list[str]:
    return lines(print_summary, RunReport(run, current or status(), []), 1.25, None)


def described_work(**values: Any) -> str:
    (line,) = [line for line in summary(outcome(**values)) if line.startswith(("Read ", "Nothing "))]
    return line


PERIODS = ["fact_financials 2025-03", "fact_financials 2025-01", "fact_financials 2025-02"]
DIMENSIONS = ["dim_date all", "dim_account all"]


def test_a_run_without_anything_new_reports_nothing_to_do():
    assert described_work() == "Nothing to do: no new deliveries, every period is current."


def pending(name: str, reason: str = "not read yet") -> dict[str, Any]:
    counts = dict.fromkeys(("rows", "accepted", "rejected", "duplicate", "skipped"), 0)
    texts = {"feed": "ledger", "amount": "0.00", "rejected_amount": "0.00", "discovered_at": "", "fix": "run again"}
    empty: dict[str, Any] = {"rejected_foreign": {}, "control_totals": {"checked": 0}, "rules": {}, "warnings": []}
    return {"file": name, "state": "pending", "reason": reason, **counts, **texts, **empty}


def test_files_that_are_not_read_are_named_with_their_reasons_and_that_is_not_nothing_to_do():
    rows = [pending(f"{number}.csv", "could not be read: I/O error") for number in range(12)]
    shown = summary(outcome(), status(deliveries=rows))
    start = shown.index("Nothing was loaded: 12 deliveries are not read.")
    assert shown[start + 1] == "pending 0.csv: could not be read: I/O error. Fix: run again"
    assert shown[start + 11] == "2 more files are pending; `finance-platform status --json` has each reason"
    assert shown[start + 12].startswith("Run r1")
    document = summary_as_json(RunReport(outcome(), status(deliveries=rows[:1]), []), 1.25)
    assert document["not_read"] == [{"file": "0.csv", "reason": "could not be read: I/O error", "fix": "run again"}]


def test_a_warning_about_a_file_is_counted_beside_checks_that_have_none():
    (line,) = [one for one in summary(outcome(), status(vanished=["a.csv"])) if one.startswith("Checks: ")]
    assert line == "Checks: 0 passed, 0 warnings, 0 failed; 1 warning about files above"


def test_the_reason_of_a_held_file_is_printed_once():
    reason, fix = "1 of 5 rows rejected, tolerated 0%", "correct the file"
    rows = [{**pending("gl.csv", reason), "state": "held", "fix": fix}]
    evidence = (f"file gl.csv, reason {reason}, fix {fix}", "file other.csv, reason it is late")
    check = EvaluatedCheck("processed/rejected_rows", "no_delivery_is_held", False, False, "1 delivery held", evidence)
    shown = summary(outcome(checks=[check]), status(deliveries=rows))
    assert [line for line in shown if reason in line] == [f"held gl.csv: {reason}"]
    assert "failed processed/rejected_rows no_delivery_is_held: 1 delivery held" in shown
    assert "file other.csv, reason it is late" in shown


def test_the_header_of_a_refused_file_is_a_matter_of_its_reason_alone():
    reason, fix = "the header lacks the column for amount", "correct the file's header"
    rows = [{**pending("gl.csv", reason), "state": "refused", "fix": fix}, {**pending("other.csv"), "state": "live"}]
    change = HeaderChange("gl", "gl.csv", "gl_1.csv", ("Net",), ("Amount",), more_files=1)
    evidence = (f"feed gl, file gl.csv, what {change.words}, fix {FIX_HEADER}",)
    check = EvaluatedCheck("processed/rejected_rows", "headers_are_unchanged", False, True, "1 header", evidence)
    shown = summary(outcome(checks=[check]), status(deliveries=rows, header_changes=[change]))
    assert not [line for line in shown if "differs" in line]
    read = replace(change, file="other.csv")
    (line,) = [one for one in summary(outcome(), status(deliveries=rows, header_changes=[read])) if "differs" in one]
    assert line == f"header other.csv: {change.words}"
    assert "differs from that of gl_1.csv (and in 1 more new file): added: 'Net'" in line


def test_a_status_names_the_pending_files_that_a_run_has_tried_to_read():
    rows = [pending("new.csv"), pending("gone.csv", "could not be read: No such file")]
    named = [
        line
        for line in lines(print_status, status(deliveries=rows), by_file=False, all_files=False)
        if line.startswith("pending")
    ]
    assert named == ["pending gone.csv: could not be read: No such file. Fix: run again"]


def test_files_that_are_only_read_again_are_one_sentence_and_listed_if_asked():
    reason = "not read yet: the next run reads the same content again, since this release reads files otherwise"
    rows = [pending("new.csv"), *(pending(f"{number}.csv", reason) for number in range(3))]
    shown = lines(print_status, status(deliveries=rows), by_file=False, all_files=False)
    sentence = (
        "3 files are read again by the next run, since this release reads files otherwise; "
        "`finance-platform status --all-files` lists them"
    )
    assert sentence in shown
    assert [line.split()[0] for line in shown if " pending " in line] == ["new.csv"]
    listed = [line.split()[0] for line in lines(print_status, status(deliveries=rows), by_file=False, all_files=True)]
    assert {"0.csv", "1.csv", "2.csv", "new.csv"} <= set(listed)


def test_a_run_says_why_it_has_read_unchanged_files_again():
    again: dict[str, Any] = {"read_again": "2 of them again, since this release reads files otherwise"}
    assert described_work(deliveries_read=3, **again) == (
        "Read 3 deliveries (2 of them again, since this release reads files otherwise); built nothing; loaded nothing."
    )
    assert summary_as_json(RunReport(outcome(**again), status(), []), 1.25)["read_again"] == again["read_again"]


def test_a_run_that_failed_early_does_not_report_nothing_to_do():
    assert described_work(succeeded=False) == "Read 0 deliveries; built nothing; loaded nothing."


def test_a_run_that_loads_comments_alone_says_so():
    comments: dict[str, Any] = {"deliveries_read": 1, "also_loaded": ["comments"]}
    assert described_work(**comments) == "Read 1 delivery; built nothing; loaded comments."
    assert described_work(**comments, loaded=[PERIODS[0], DIMENSIONS[0]]).endswith(
        "loaded 1 period (2025-03), 1 dimension and comments."
    )


def test_a_run_says_which_slices_it_left_as_before():
    left: dict[str, Any] = {"deliveries_read": 1, "unchanged": [*PERIODS[1:], DIMENSIONS[1]]}
    assert described_work(**left, built=PERIODS[:1], loaded=PERIODS[:1]) == (
        "Read 1 delivery; built 1 period (2025-03); loaded 1 period (2025-03); "
        "left 2 periods (2025-01 … 2025-02) and 1 dimension as before."
    )
    assert described_work(unchanged=DIMENSIONS[:1]) == (
        "Read 0 deliveries; built nothing; loaded nothing; left 1 dimension as before."
    )


@pytest.mark.parametrize(
    ("read", "built", "loaded", "text"),
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
def test_a_run_reports_what_it_read_built_and_loaded(read: int, built: list[str], loaded: list[str], text: str):
    assert described_work(deliveries_read=read, built=built, loaded=loaded) == text


def check(name: str, passed: bool, is_warning: bool = False) -> EvaluatedCheck:
    return EvaluatedCheck("warehouse/dim_account", name, passed, is_warning, "2 [members]")


def test_checks_are_counted_and_failed_ones_are_named():
    shown = summary(outcome(checks=[check("a", True), check("b", False), check("c", False, is_warning=True)]))
    assert shown[2:5] == [
        "Checks: 1 passed, 1 warning, 1 failed",
        "failed warehouse/dim_account b: 2 [members]",
        "warning warehouse/dim_account c: 2 [members]",
    ]


def test_the_name_of_a_file_adds_no_line_to_a_failed_check():
    row = "file a\nReconciled.csv, reason no rows"
    failed = EvaluatedCheck("processed/rejected_rows", "a", False, False, "1 \nfile", evidence=[row])
    assert summary(outcome(checks=[failed]))[3:5] == [
        "failed processed/rejected_rows a: 1 \\nfile",
        "file a\\nReconciled.csv, reason no rows",
    ]


def test_what_is_printed_below_the_deliveries_is_not_repeated_below_the_checks():
    rows = [
        "file a.csv, reason r, fix f",
        "file b.yaml, problem p, fix f",
        "file c.txt, fix f",
        "file d.csv, problem q",
    ]
    failed = EvaluatedCheck("raw/unread_files", "a", False, False, "4 files", evidence=rows)
    held = DELIVERY | {"file": "a.csv", "state": "held", "reason": "r", "fix": "f", "warnings": []}
    home = status(deliveries=[held], problems=[{"file": "b.yaml", "problem": "p", "fix": "f"}], unmatched=["c.txt"])
    shown = summary(outcome(checks=[failed]), home)
    below = shown[shown.index("failed raw/unread_files a: 4 files") + 1 :]
    assert below[0] == "file d.csv, problem q"
    assert [line for line in below if line.startswith("file ")] == below[:1]


@pytest.mark.parametrize(
    ("name", "row", "fix"),
    [
        ("comments_name_members", "file c.csv, row 2", "Fix: Correct the code in the comments file and send it again"),
        ("comments_name_members", "file c.csv, row 2, fix f", ""),  # the row has one of its own
        ("no_file_vanished", "file gone.csv", ""),  # so has the line of the file
        ("grain_is_unique", "date 2025-01-01", ""),  # blocking: the error of the run has it
        ("a_check_of_another_release", "row 2", ""),
    ],
)
def test_below_a_failed_check_is_what_to_do_about_it_once(name: str, row: str, fix: str):
    failed = EvaluatedCheck("warehouse/fact_financials", name, False, True, "1 finding", evidence=[row])
    shown = summary(outcome(checks=[failed]), status(vanished=["gone.csv"]))
    below = shown[shown.index(f"warning warehouse/fact_financials {name}: 1 finding") + 1 :]
    assert below[0] == row
    assert below[1].startswith(fix or "Nothing to do: ")


def test_a_failed_run_shows_its_error_unchanged():
    (line,) = [line for line in summary(outcome(succeeded=False, error="no [/such] file")) if "failed:" in line]
    assert line == "failed: no [/such] file"


def test_the_summary_names_the_run_and_ends_with_the_reconciliation():
    assert [line.split(":")[0] for line in summary(outcome())[-4:]] == [
        "Run r1, 1.2 s; to see it in the UI",
        "Rows",
        "Actual USD net",
        "Actual USD gross",
    ]


def test_a_warning_is_not_a_failed_check():
    checks = [check("a", True), check("b", False), check("c", False, is_warning=True)]
    assert [failed.name for failed in outcome(checks=checks).failed_checks] == ["b"]


def test_the_json_summary_has_the_same_content():
    row = variance_row(**NO_BUDGET)
    run = outcome(deliveries_read=1, built=PERIODS, checks=[check("b", False)])
    document = json.loads(json.dumps(summary_as_json(RunReport(run, status(), [row]), 1.26)))
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
    (line,) = document["status"]["reconciliation"]["by_scenario"]
    assert line["terms"]["delivered"]["net"] == "1234.499"
