"""A budget of a year, spread over its periods by weights, read by its descriptor alone.

Belongs here: what is published of such files. Does not belong here: shares of single amounts (see
`unit/feeds/test_spread`).
"""

from __future__ import annotations

import shutil
from decimal import Decimal
from pathlib import Path
from random import Random

import pytest
from pyspark.sql import SparkSession

from finance_platform_tests.end_to_end.home import Home
from finance_platform_tests.end_to_end.in_process_refresh import Refresher

pytestmark = pytest.mark.end_to_end

LINES, PRINTED_TOTAL = 60, Decimal("26985460.50")
WEIGHTS = [Decimal(weight) for weight in ["6", "6", "7", "8", "8.5", "9", "9", "9", "8.5", "9", "10", "10"]]


def budget() -> list[tuple[str, str, Decimal]]:
    """Return cost centre, account and amount of each line."""
    random = Random(7)
    return [
        (f"C{place % 5}", str(6000 + place // 5), Decimal(random.randint(1, 10**8)) / 100) for place in range(LINES)
    ]


def written(lines: list[tuple[str, str, Decimal]]) -> bytes:
    rows = [f'{centre},{account},"{amount:,.2f}"' for centre, account, amount in lines]
    return "\n".join(["Cost Centre,Account,Budget", *rows, ',6999,"1,000.00"', ""]).encode()


def by_period(home: Home) -> dict[str, tuple[int, Decimal]]:
    """Return lines and money by period."""
    sql = "SELECT YearMonth, SUM(TransactionCount), SUM(Amount) FROM FactFinancials "
    sql += "INNER JOIN DimDate ON DimDate.DateKey = FactFinancials.DateKey GROUP BY YearMonth"
    return {str(month): (int(count), amount) for month, count, amount in home.select(sql)}


def test_a_year_is_published_in_its_periods_to_the_cent(tmp_path: Path, spark: SparkSession) -> None:
    home = Home(tmp_path / "home")
    shutil.copytree(Path(__file__).parent / "feeds", home.path / "feeds")
    lines = budget()
    home.write("raw/budget/annual_2025-01.csv", written(lines))
    refreshed = Refresher(spark)(home)
    (row,) = refreshed.status.deliveries
    # The row without a cost centre is one rejected row with the amount of its year.
    assert (row["state"], row["rows"], row["rules"]) == ("live", LINES * 12 + 1, {"blank_department": 1})
    assert all(line.difference.is_zero for line in refreshed.status.reconciliation.lines)
    periods = by_period(home)
    assert sum(amount for _, amount in periods.values()) == sum(amount for *_, amount in lines) == PRINTED_TOTAL
    assert {count for count, _ in periods.values()} == {LINES}
    for (_, (_, amount)), weight in zip(sorted(periods.items())[:-1], WEIGHTS[:-1], strict=True):
        assert 0 <= PRINTED_TOTAL * weight / 100 - amount < LINES * Decimal("0.01")

    corrected = [("C0", "6000", Decimal("1200.01")), *lines[1:]]
    home.write("raw/budget/annual_2025-01_corrected.csv", written(corrected[:1]))
    Refresher(spark)(home)
    assert sum(amount for _, amount in by_period(home).values()) == sum(amount for *_, amount in corrected)
