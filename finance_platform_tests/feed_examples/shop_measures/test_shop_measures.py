"""Three amounts in a row, grouped in lakhs, read by their descriptor alone.

Belongs here: what is published of such files. Does not belong here: single cells (see `unit/feeds/test_shapes`,
`unit/feeds/test_amounts`).
"""

from __future__ import annotations

import shutil
from decimal import Decimal
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from finance_platform_tests.end_to_end.home import Home
from finance_platform_tests.end_to_end.in_process_refresh import Refresher

pytestmark = pytest.mark.end_to_end

DAYS = 28
PRINTED = {"4000": Decimal("346345230.00"), "5000": Decimal("173172615.00"), "6000": Decimal("1400000.00")}


def lakhs(amount: Decimal) -> str:
    """Return an amount grouped as in 12,34,567.00."""
    whole, _, fraction = f"{amount:.2f}".partition(".")
    head, tail = whole[:-3], whole[-3:]
    groups = [head[max(0, end - 2) : end] for end in range(len(head), 0, -2)][::-1]
    return ",".join([*groups, tail]) + f".{fraction}"


def day(number: int) -> list[str]:
    sales = Decimal(12_345_678) + number * 1_641
    staff = lakhs(Decimal(100_000)) if number % 2 else ""
    return [f"{number:02d}-02-2025", "S1", lakhs(sales), lakhs(sales / 2), staff]


def test_each_amount_of_a_row_is_published_on_its_account(tmp_path: Path, spark: SparkSession) -> None:
    home = Home(tmp_path / "home")
    shutil.copytree(Path(__file__).parent / "feeds", home.path / "feeds")
    rows = ["Day,Shop,Sales,COGS,Staff"]
    rows += [",".join(f'"{cell}"' for cell in day(number)) for number in range(1, DAYS + 1)]
    home.write("raw/shops/2025-02.csv", "\n".join([*rows, ""]).encode())
    refreshed = Refresher(spark)(home)
    (row,) = refreshed.status.deliveries
    assert (row["state"], row["rows"], row["rules"]) == ("live", 2 * DAYS + DAYS // 2, {})
    assert all(line.difference.is_zero for line in refreshed.status.reconciliation.lines)
    published = home.select(
        "SELECT AccountNumber, SUM(Amount) FROM FactFinancials "
        "INNER JOIN DimAccount ON DimAccount.AccountKey = FactFinancials.AccountKey GROUP BY AccountNumber"
    )
    assert dict(published) == PRINTED
