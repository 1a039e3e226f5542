"""What the law has found, one story each, so that it stays found.

Belongs here: short sequences of deliveries that once broke the law. Does not belong here: sequences at random (see
`test_law`).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from finance_platform_tests.model_based import model
from finance_platform_tests.model_based.home import FIRST_MOMENT, LawHome
from finance_platform_tests.model_based.sent import Delivery, Feed, SentRow, as_bytes

LEDGER = Feed("ledger", mode="upsert", key=("transaction_id",), scenario="Actual")
PLAN = Feed("plan", mode="replace_period", has_covers=True)
BUDGET = Feed("budgets", scenario="Budget")


def row(day: str, amount: str, key: str = "K1", scenario: str = "", department: str = "D1") -> SentRow:
    return SentRow(key, day, department, "4000", scenario, amount)


def refreshed(
    path: Path, spark: SparkSession, sent: Sequence[tuple[Feed, str, Sequence[SentRow]]], through: str | None = None
) -> tuple[model.Star, model.Star]:
    """Return what the warehouse holds after the last file came behind the others, and what it must hold."""
    home = LawHome(path, spark, actuals_through=through)
    deliveries = []
    for number, (feed, name, rows) in enumerate(sent):
        home.describe(feed.name, feed.descriptor())
        key, at = f"{feed.name}/{name}.csv", FIRST_MOMENT + timedelta(hours=number)
        home.put(key, as_bytes("ledger", tuple(rows)), at)
        deliveries.append(Delivery(key, feed, rows, at.isoformat()))
        if number >= len(sent) - 2:
            home.refresh()
    return home.star(), model.star(deliveries, "Budget", through)


def test_a_period_whose_actuals_another_delivery_replaces_by_none_has_no_actual_rows(
    spark: SparkSession, tmp_path: Path
):
    found, expected = refreshed(
        tmp_path,
        spark,
        [
            (
                PLAN,
                "2024-01_2024-02_a",
                [row("2024-01-05", "5", scenario="Actual"), row("2024-02-05", "5", scenario="Actual")],
            ),
            (PLAN, "2024-01_2024-02_b", [row("2024-02-05", "7", scenario="Actual")]),
            (BUDGET, "a", [row("2024-01-01", "50")]),
        ],
    )
    assert found == expected


@pytest.mark.parametrize(
    ("first", "later"),
    [
        pytest.param([("K1", "D1")], [["K1"]], id="by one"),
        pytest.param([("K1", "D1"), ("K2", "D1")], [["K1"], ["K2"]], id="by two together"),
        pytest.param([("K1", "D1"), ("K2", "D1"), ("K3", "D1")], [["K1", "K2"], ["K1", "K2"]], id="not by two alike"),
        pytest.param([("K1", "D1"), ("K2", "D1")], [["K1"], ["K1"]], id="nor by two alike that hide half"),
    ],
)
def test_actuals_begin_where_their_first_line_is_that_no_later_one_has_moved(
    first: list[tuple[str, str]], later: list[list[str]], spark: SparkSession, tmp_path: Path
):
    moved = [
        (LEDGER, f"later_{number}", [row("2024-02-05", "7", key) for key in keys]) for number, keys in enumerate(later)
    ]
    found, expected = refreshed(
        tmp_path,
        spark,
        [
            (LEDGER, "first", [row("2024-01-05", "5", key, department=department) for key, department in first]),
            (BUDGET, "a", [row("2024-01-01", "50")]),
            *moved,
        ],
        through="2024-03",
    )
    assert found == expected
