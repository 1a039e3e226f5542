"""The output of `status` for people: slices and reasons.

Belongs here: `cli.status_output`. Does not belong here: figures (see `test_status`), the
reconciliation (see `test_reconciliation_output`).
"""

from __future__ import annotations

from datetime import date

import pytest

from finance_platform.cli.rendering import print_warnings
from finance_platform.cli.status_output import print_background, print_expected, print_slices
from finance_platform.reports.expected_feeds import ExpectedFeed
from finance_platform.reports.status import StatusDetails
from finance_platform_tests.unit.printed_text import lines, status


def test_slices_are_counted_and_stale_ones_are_named():
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


@pytest.mark.parametrize(("last_state", "state"), [("held", "on time, held"), ("counts", "on time"), ("", "on time")])
def test_a_file_that_came_in_time_and_is_held_is_not_called_on_time_alone(last_state: str, state: str):
    feed = ExpectedFeed("payroll", "p*.csv", "", date(2026, 11, 20), date(2026, 12, 3), False, last_state)
    printed = lines(print_expected, status(details=StatusDetails(expected=[feed])))
    assert printed[-1] == f"payroll 2026-11-20 2026-12-03 {state}"


def test_a_home_without_account_types_says_how_it_gets_a_statement():
    (line,) = lines(print_warnings, status(details=StatusDetails(untyped_accounts=7)))
    assert line.startswith(
        "no types 7 accounts have no type, so there is no profit and loss: add raw/accounts.csv with"
    )
    assert lines(print_warnings, status()) == []


def test_a_run_that_has_not_started_has_no_times():
    run = {"run_id": "r1", "job": "refresh", "status": "NOT_STARTED", "started": None, "ended": None}
    assert lines(print_background, status(details=StatusDetails(last_run=run)))[-1] == "Last run: r1 NOT_STARTED"


def test_each_reason_is_printed_once_with_the_slices_that_it_makes_stale():
    slices = [
        {"table": "fact_financials", "slice": period, "state": "not built", "why": ["a.csv came"], "published": "v1"}
        for period in ("2025-01", "2025-02")
    ]
    details = StatusDetails(
        closed=[
            {
                "period": "2024-12",
                "who": "ann",
                "why": "[year] end",
                "at": "2025-01-05T10:00:00.000000+00:00",
                "is_restated": True,
                "restated_at": ["2025-02-01T00:00:00Z"],
            }
        ],
        last_run={"run_id": "r1", "job": "refresh", "status": "FAILURE", "started": "08:00", "ended": None},
    )
    assert lines(print_background, status(slices=slices, details=details)) == [
        "stale 2025-01, 2025-02: a.csv came",
        "Fix: run `finance-platform run`; what is published stays as it is until then",
        "closed 2024-12 by ann, 2025-01-05T10:00Z: [year] end; restated 2025-02-01T00:00:00Z",
        "Last run: r1 FAILURE, 08:00 to now",
    ]


def test_a_fix_says_what_is_stale_if_only_files_are_to_be_read():
    rows = [{"file": f"{name}.csv", "state": "pending"} for name in "ab"]
    slices = [{"table": "fact_financials", "slice": "2025-01", "state": "published", "why": [], "published": "v1"}]
    printed = lines(print_background, status(deliveries=rows, slices=slices))
    assert printed[:2] == ["stale 2 files are to be read", "Fix: run `finance-platform run`"]


def test_nothing_is_said_to_stay_published_where_nothing_was():
    slices = [{"table": "fact_financials", "slice": "2025-01", "state": "not built", "why": [], "published": ""}]
    printed = lines(print_background, status(slices=slices))
    assert printed[:2] == ["stale not everything is built and loaded", "Fix: run `finance-platform run`"]


def test_movements_have_the_marks_of_money_and_the_minute_of_their_load():
    moved = {
        "loaded_at": "2025-11-28T21:33:29.991735Z",
        "period": "2025-10",
        "scenario": "Actual",
        "measure": "BudgetAmount",
        "kind": "publication",
        "cells": 139,
        "difference": "8411200.00",
        "moved": "-8509300.00",
        "is_restatement": True,
        "cause": "a.csv came",
    }
    shown = lines(print_background, status(details=StatusDetails(movements=[moved])))
    expected = "2025-11-28T21:33Z 2025-10 Actual BudgetAmount publication 139 8,411,200.00 -8,509,300.00 yes a.csv came"
    assert expected in shown
