"""Rejected rows by file for the views: each row once, whatever the number of files."""

from __future__ import annotations

from decimal import Decimal

import pytest

from finance_platform.deliveries.commits import DELIVERED, Count, DeliveryCommit
from finance_platform.reports.feed_figures import OTHER_FILES, rejected_files
from finance_platform.reports.statement import Line, StatementBuilder

LINES = [
    Line("Actual", "USD", {"rejected": Count(rows, Decimal(money), Decimal(money))}, feed="bank", file=f"{name}.csv")
    for name, rows, money in (("a", 1, "5.00"), ("b", 2, "9.00"), ("c", 4, "7.00"), ("d", 0, "0.00"))
]


@pytest.mark.parametrize(("most", "names"), [(2, [OTHER_FILES, "b.csv", "c.csv"]), (9, ["a.csv", "b.csv", "c.csv"])])
def test_the_files_with_the_most_money_have_a_row_and_the_sums_are_those_of_all(most: int, names: list[str]):
    rows = rejected_files(LINES, most)
    assert [row["file_name"] for row in rows] == names
    sums = [sum(Decimal(str(row[name])) for row in rows) for name in ("file_count", "row_count", "gross_amount")]
    assert sums == [3, 7, Decimal("21.00")]


@pytest.mark.parametrize("only", [None, frozenset({"rejected"})])
def test_a_scenario_is_spelled_as_it_was_first_delivered_whichever_terms_are_collected(only: frozenset[str] | None):
    builder = StatementBuilder("USD", only)
    commit = DeliveryCommit("1", "a.csv", "bank", "ledger", "", "read")
    builder.add(commit, "actuals", "", DELIVERED, Count())
    builder.add(commit, "Actual", "", DELIVERED, Count(2))
    builder.add(commit, "ACTUAL", "", "rejected", Count(1))
    lines = builder.lines()

    assert [(line.scenario, line.term("rejected")) for line in lines] == [("Actual", Count(1))]
