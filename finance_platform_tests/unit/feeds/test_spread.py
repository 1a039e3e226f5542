"""The amount of a year over its periods: shares to the cent, and lines that add up to what was delivered."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from finance_platform.feeds import ledger_table
from finance_platform.feeds.cells import RawBatch
from finance_platform.feeds.lines.spread import shares, spread_lines
from finance_platform.feeds.values.dates import periods_of_year
from finance_platform_tests.unit.feeds.test_shapes import lines, staged

ANNUAL = """
feed: annual
kind: ledger
path: wide_*.csv
columns: {department: Dept, account: Acc, date: Day, amount: Year}
spread: {over: fiscal_year, how: even}
constants: {scenario: Budget}
"""


@given(
    st.lists(st.integers(-(10**18) + 1, 10**18 - 1), min_size=1, max_size=5),
    st.lists(st.integers(1, 10**8), min_size=1, max_size=12),
)
def test_shares_add_up_to_the_amount_and_differ_from_the_exact_ones_by_less_than_a_cent(
    cents: list[int], weights: list[int]
) -> None:
    parts = shares(np.array(cents), np.array(weights)).tolist()
    for amount, of_amount in zip(cents, parts, strict=True):
        assert sum(of_amount) == amount
        assert all(part == 0 or (part > 0) == (amount > 0) for part in of_amount)
        for part, weight in zip(of_amount[:-1], weights[:-1], strict=True):
            assert abs(part) == abs(amount) * weight // sum(weights)


@given(st.integers(2000, 2099), st.integers(1, 12), st.integers(1, 12))
def test_a_fiscal_year_has_twelve_periods_from_its_first_month_on(year: int, month: int, first: int) -> None:
    periods = periods_of_year(f"{year}-{month:02d}", first)
    assert (len(set(periods)), int(periods[0][5:])) == (12, first)
    assert periods == sorted(periods)
    assert f"{year}-{month:02d}" in periods


def test_years_are_spread_some_at_a_time_with_the_same_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    years = "".join(f"D{row},6000,2025-01-01,{'x' if row % 4 == 1 else row}.01\n" for row in range(11))
    names = ("period", "posting_date", "amount", "source_row", "outcome")
    at_once = lines(staged(tmp_path, f"Dept,Acc,Day,Year\n{years}", ANNUAL), *names)
    sizes = list[int]()

    def counted(rule: Any, columns: Any, batch: RawBatch, weights: Any) -> Any:
        sizes.append(len(batch))
        return spread_lines(rule, columns, batch, weights)

    monkeypatch.setattr(ledger_table, "_ROWS_SPREAD_AT_ONCE", 4)
    monkeypatch.setattr(ledger_table, "spread_lines", counted)
    rows = staged(tmp_path, f"Dept,Acc,Day,Year\n{years}", ANNUAL)
    assert lines(rows, *names) == at_once
    assert rows[-1]["measured_rows"] == len(at_once) == 8 * 12 + 3
    assert sizes == [4, 4, 3]


def test_a_year_is_spread_and_the_last_period_has_the_odd_cents(tmp_path: Path) -> None:
    rows = staged(tmp_path, "Dept,Acc,Day,Year\nD1,6000,2025-01-01,100.00\n", ANNUAL)
    assert lines(rows, "period", "posting_date", "amount", "source_row")[::11] == [
        ("2025-01", "2025-01-01", "8.33", "2"),
        ("2025-12", "2025-12-01", "8.37", "2"),
    ]
    summary = rows[-1]
    assert (len(rows), summary["measured_rows"], summary["measured_amount"]) == (13, 12, "100.00")
    (counts,) = json.loads(summary["measured_counts"])
    assert (counts["rows"], counts["net"], counts["gross"]) == (12, "100.00", "100.00")


def test_weights_decide_the_shares_and_a_period_without_a_weight_has_no_line(tmp_path: Path) -> None:
    text = ANNUAL.replace("even", "{weights: [1, 0, 2.5, 0, 0, 0, 0, 0, 0, 0, 0, 0]}")
    rows = staged(tmp_path, "Dept,Acc,Day,Year\nD1,6000,2025-06-30,-100.01\n", text)
    assert lines(rows, "period", "amount") == [("2025-01", "-28.57"), ("2025-03", "-71.44")]


def test_a_rejected_year_is_one_row_with_its_whole_amount(tmp_path: Path) -> None:
    rows = staged(tmp_path, "Dept,Acc,Day,Year\n,6000,2025-01-01,120.00\nD1,6000,2025-01-01,1.005\n", ANNUAL)
    assert (rows[0]["outcome"], rows[0]["amount"]) == ("rejected", Decimal("120.00"))
    assert sum(row["amount"] for row in rows[1:-1]) == Decimal("1.01")
    summary = rows[-1]
    assert (summary["measured_rows"], summary["measured_amount"], summary["measured_rounding"]) == (
        13,
        "121.005",
        "0.005",
    )


def test_the_key_of_a_year_is_that_of_each_period(tmp_path: Path) -> None:
    text = ANNUAL + "load: {mode: upsert, key: [department, account]}\n"
    rows = staged(tmp_path, "Dept,Acc,Day,Year\nD1,6000,2025-01-01,12\n", text)
    assert len({row["line_key"] for row in rows[:-1]}) == 12


@pytest.mark.parametrize(("name", "outcome"), [("wide_2025.csv", "accepted"), ("wide_2025-01.csv", "rejected")])
def test_a_name_must_declare_all_periods_of_the_year(tmp_path: Path, name: str, outcome: str) -> None:
    text = ANNUAL + "load: {mode: replace_period, covers: {from_name: 'wide_([-0-9]+)'}}\n"
    rows = staged(tmp_path, "Dept,Acc,Day,Year\nD1,6000,2025-01-01,12\n", text, name)
    assert {row["outcome"] for row in rows[:-1]} == {outcome}
