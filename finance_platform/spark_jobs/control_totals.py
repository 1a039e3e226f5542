"""Control sums: what the ledger lines say of each account, beside what the star says that was built from them.

Belongs here: both sums and their comparison, by scenario, period and account. The lines are summed on a way of their
own (all that count, less those that are hidden), so that a line lost or doubled on the way to the star shows.
Does not belong here: what to do about a difference (see `quality.star`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NamedTuple

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from finance_platform.contracts.model import MONEY
from finance_platform.slices.commits import Difference
from finance_platform.transforms.live_lines import with_natural_sign

_SHOWN = 50
_ACCOUNT = ("period", "scenario_key", "account_key")


class ScenarioFigures(NamedTuple):
    """What the star holds of one scenario in one period."""

    rows: int = 0
    lines: int = 0
    amount: Decimal = Decimal("0.00")
    budget_amount: Decimal = Decimal("0.00")


@dataclass
class PeriodControl:
    """What comparing one period gave.

    Attributes:
        star: the star's figures by scenario key.
        delivered: money of the lines with the sign as delivered, by scenario key.
        hidden_lines: lines that a later delivery hides.
        hidden_amount: their money, with the sign as delivered.
        accounts_compared: sums by scenario and account that were compared.
        differences: the first of those that differ.
    """

    star: dict[int, ScenarioFigures] = field(default_factory=dict)
    delivered: dict[int, Decimal] = field(default_factory=dict)
    hidden_lines: int = 0
    hidden_amount: Decimal = Decimal("0.00")
    accounts_compared: int = 0
    differences: list[Difference] = field(default_factory=list)


def control_sums(counted: DataFrame, hidden: DataFrame | None, dim_account: DataFrame) -> DataFrame:
    """Return lines, amount (sign of the star), delivered, hidden_lines and hidden_amount by period, scenario, account.

    Args:
        counted: the lines of all deliveries that count, hidden ones included.
        hidden: those of them that a later delivery hides, None where there are none.
        dim_account: for the sign.
    """
    weighed = _weighed(counted, is_hidden=False)
    if hidden is not None:
        weighed = weighed.unionByName(_weighed(hidden, is_hidden=True))
    # The sign is the account's, so it can wait until few rows are left.
    sums = weighed.groupBy(*_ACCOUNT, "is_debit_positive").agg(
        F.sum("lines").alias("lines"),
        *[F.sum(name).cast("decimal(38,2)").alias(name) for name in ("amount", "hidden_amount")],
        F.sum("hidden_lines").alias("hidden_lines"),
    )
    signed = with_natural_sign(sums.withColumn("delivered", F.col("amount")), dim_account)
    names = ("lines", "amount", "delivered", "hidden_lines", "hidden_amount")
    return signed.groupBy(*_ACCOUNT).agg(*[F.sum(name).alias(name) for name in names])


def _weighed(lines: DataFrame, *, is_hidden: bool) -> DataFrame:
    amount = F.col("amount")
    return lines.select(
        *_ACCOUNT,
        "is_debit_positive",
        F.lit(-1 if is_hidden else 1).alias("lines"),
        (-amount if is_hidden else amount).alias("amount"),
        F.lit(1 if is_hidden else 0).alias("hidden_lines"),
        (amount if is_hidden else amount * F.lit(0)).cast(MONEY).alias("hidden_amount"),
    )


def star_sums(written: DataFrame) -> DataFrame:
    """Return rows, lines, amount and budget_amount by period, scenario and account, from what was written."""
    period = F.date_format("transaction_date", "yyyy-MM").alias("period")
    return written.groupBy(period, "scenario_key", "account_key").agg(
        F.count(F.lit(1)).alias("rows"),
        F.sum("transaction_count").alias("lines"),
        F.sum("amount").alias("amount"),
        F.sum("budget_amount").alias("budget_amount"),
    )


def compare(control: Iterable[Any], star: Iterable[Any]) -> dict[str, PeriodControl]:
    """Return by period what the rows of `control_sums` and `star_sums` come to."""
    told = {tuple(row[name] for name in _ACCOUNT): row for row in control}
    lines = {cell: row for cell, row in told.items() if row["lines"]}
    found = {tuple(row[name] for name in _ACCOUNT): row for row in star}
    periods: dict[str, PeriodControl] = {}
    for (name, *_), row in told.items():
        period = periods.setdefault(name, PeriodControl())
        period.hidden_lines += row["hidden_lines"]
        period.hidden_amount += row["hidden_amount"]
    for cell in sorted(lines.keys() | found.keys()):
        name, scenario, _ = cell
        _add(periods.setdefault(name, PeriodControl()), scenario, cell, lines.get(cell), found.get(cell))
    return periods


def _add(
    period: PeriodControl, scenario: int, cell: tuple[Any, ...], lines: Mapping[str, Any] | None, star: Any | None
) -> None:
    zero = Decimal("0.00")
    period.accounts_compared += 1
    period.delivered[scenario] = period.delivered.get(scenario, zero) + (lines["delivered"] if lines else zero)
    before = period.star.get(scenario, ScenarioFigures())
    if star:
        period.star[scenario] = ScenarioFigures(
            before.rows + star["rows"],
            before.lines + star["lines"],
            before.amount + star["amount"],
            before.budget_amount + star["budget_amount"],
        )
    expected = (lines["lines"], lines["amount"]) if lines else (0, zero)
    there = (star["lines"], star["amount"]) if star else (0, zero)
    if expected != there and len(period.differences) < _SHOWN:
        period.differences.append(
            Difference(scenario, cell[2], f"{expected[0]} lines, {expected[1]}", f"{there[0]} lines, {there[1]}")
        )
