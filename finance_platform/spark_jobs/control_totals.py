"""Control totals: sums of the ledger lines by account, compared with the star that was built from them.

Belongs here: both sums and their comparison, by scenario, period and account. The lines are summed independently (all
that count, less the superseded ones), so that a line lost or doubled on the way to the star shows.
Does not belong here: the consequence of a difference (see `quality.processed`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import astuple, dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.contracts.model import MONEY
from finance_platform.contracts.schemas import SUM_OF_MONEY_TYPE
from finance_platform.slices.commits import Difference, SupersededLines
from finance_platform.transforms.keyed_sums import KeyedRows
from finance_platform.transforms.live_lines import with_natural_sign
from finance_platform.transforms.spark_on_demand import F

if TYPE_CHECKING:
    from pyspark.sql import DataFrame

_MAX_DIFFERENCES = 50
_ACCOUNT = ("period", "scenario_key", "account_key")
_ZERO = Decimal("0.00")


_KEYS = _ACCOUNT[1:]
STAR_SUMS = pa.schema(
    [
        *((name, pa.int64()) for name in (*_KEYS, "rows", "lines")),
        *((name, SUM_OF_MONEY_TYPE) for name in ("amount", "budget_amount")),
    ]
)
"""The columns of a star's sums by scenario and account; see `ScenarioFigures`."""

_PERIOD = pa.field("period", pa.string())
PERIOD_STAR_SUMS = pa.schema([_PERIOD, *STAR_SUMS])
"""The columns of `star_sums`."""

PERIOD_LINE_SUMS = pa.schema(
    [
        _PERIOD,
        *((name, pa.int64()) for name in (*_KEYS, "lines")),
        *((name, SUM_OF_MONEY_TYPE) for name in ("amount", "delivered", "absolute")),
        ("superseded_lines", pa.int64()),
        ("superseded_amount", SUM_OF_MONEY_TYPE),
    ]
)
"""The columns of `control_sums`."""

_SUMS = pa.schema(
    [
        *((name, pa.int64()) for name in (*_KEYS, "lines", "star_rows", "star_lines")),
        *(
            (name, SUM_OF_MONEY_TYPE)
            for name in ("amount", "delivered", "absolute", "star_amount", "star_budget_amount")
        ),
    ]
)
"""Sums of the lines and of the star in one table."""


class ScenarioFigures(NamedTuple):
    """The star's figures of one scenario in one period."""

    rows: int = 0
    lines: int = 0
    amount: Decimal = _ZERO
    budget_amount: Decimal = _ZERO


@dataclass
class PeriodControl:
    """The comparison of one period.

    Attributes:
        star: the star's figures by scenario key.
        delivered: money of the lines with the sign as delivered, by scenario key.
        absolute: sum of their absolute amounts, by scenario key.
        superseded_lines: lines that a later delivery supersedes.
        superseded_amount: their money, with the sign as delivered.
        accounts_compared: number of sums by scenario and account that were compared.
        differences: the first of those that differ.
    """

    star: dict[int, ScenarioFigures] = field(default_factory=dict)
    delivered: dict[int, Decimal] = field(default_factory=dict)
    absolute: dict[int, Decimal] = field(default_factory=dict)
    superseded_lines: int = 0
    superseded_amount: Decimal = _ZERO
    accounts_compared: int = 0
    differences: list[Difference] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """Return the comparison as values that `json` writes, with money as text."""
        return {
            "star": [[key, *figures[:2], *map(str, figures[2:])] for key, figures in self.star.items()],
            "delivered": [[key, str(amount)] for key, amount in self.delivered.items()],
            "absolute": [[key, str(amount)] for key, amount in self.absolute.items()],
            "superseded_lines": self.superseded_lines,
            "superseded_amount": str(self.superseded_amount),
            "accounts_compared": self.accounts_compared,
            "differences": [list(astuple(difference)) for difference in self.differences],
        }

    @staticmethod
    def from_json(document: Mapping[str, Any]) -> PeriodControl:
        """Rebuild a comparison from `to_json`'s values."""
        return PeriodControl(
            star={
                key: ScenarioFigures(rows, lines, Decimal(amount), Decimal(budget_amount))
                for key, rows, lines, amount, budget_amount in document["star"]
            },
            delivered={key: Decimal(amount) for key, amount in document["delivered"]},
            absolute={key: Decimal(amount) for key, amount in document["absolute"]},
            superseded_lines=document["superseded_lines"],
            superseded_amount=Decimal(document["superseded_amount"]),
            accounts_compared=document["accounts_compared"],
            differences=[Difference(*values) for values in document["differences"]],
        )


def control_sums(
    counted: DataFrame, superseded: DataFrame | None, dim_account: DataFrame, type_spans: DataFrame | None
) -> DataFrame:
    """Return sums of the ledger lines by period, scenario and account.

    The columns are those of `PERIOD_LINE_SUMS`; the amount has the sign of the star.

    Args:
        counted: the lines of all deliveries that count, superseded ones included.
        superseded: those of them that a later delivery supersedes; None if there are none.
        dim_account: for the sign.
        type_spans: see `with_natural_sign`.
    """
    weighted = _weighted(counted, is_superseded=False)
    if superseded is not None:
        weighted = weighted.unionByName(_weighted(superseded, is_superseded=True))
    # The sign depends on the account alone, so it is applied when few rows are left.
    sums = weighted.groupBy(*_ACCOUNT, "is_debit_positive").agg(
        F.sum("lines").alias("lines"),
        *[F.sum(name).cast("decimal(38,2)").alias(name) for name in ("amount", "absolute", "superseded_amount")],
        F.sum("superseded_lines").alias("superseded_lines"),
    )
    signed = with_natural_sign(sums.withColumn("delivered", F.col("amount")), dim_account, type_spans)
    names = ("lines", "amount", "delivered", "absolute", "superseded_lines", "superseded_amount")
    return signed.groupBy(*_ACCOUNT).agg(*[F.sum(name).alias(name) for name in names])


def _weighted(lines: DataFrame, *, is_superseded: bool) -> DataFrame:
    amount = F.col("amount")
    return lines.select(
        *_ACCOUNT,
        "is_debit_positive",
        F.lit(-1 if is_superseded else 1).alias("lines"),
        (-amount if is_superseded else amount).alias("amount"),
        (-F.abs(amount) if is_superseded else F.abs(amount)).alias("absolute"),
        F.lit(1 if is_superseded else 0).alias("superseded_lines"),
        (amount if is_superseded else amount * F.lit(0)).cast(MONEY).alias("superseded_amount"),
    )


def superseded_sums(superseded: DataFrame, dim_account: DataFrame) -> dict[str, list[SupersededLines]]:
    """Return, by period, the superseded lines of each delivery and scenario, statistical ones apart."""
    place = ("period", "delivery_id", "scenario", "is_statistical")
    accounts = dim_account.where(F.col("account_type") == "Statistical")
    statistical = accounts.select("account_key", F.lit(True).alias("is_statistical"))
    marked = superseded.join(statistical, "account_key", "left").fillna({"is_statistical": False})
    sums = marked.groupBy(*place).agg(
        F.count(F.lit(1)).alias("row_count"),
        F.sum("amount").alias("amount"),
        F.sum(F.abs("amount")).alias("absolute"),
    )
    periods: dict[str, list[SupersededLines]] = {}
    for row in sorted(sums.collect(), key=lambda row: tuple(row[name] for name in place)):
        lines = SupersededLines(
            row["delivery_id"],
            row["scenario"],
            row["row_count"],
            row["amount"],
            row["absolute"],
            row["is_statistical"],
        )
        periods.setdefault(row["period"], []).append(lines)
    return periods


def star_sums(written: DataFrame) -> DataFrame:
    """Return rows, lines, amount and budget_amount of written facts by period, scenario and account."""
    period = F.date_format("transaction_date", "yyyy-MM").alias("period")
    return written.groupBy(period, "scenario_key", "account_key").agg(
        F.count(F.lit(1)).alias("rows"),
        F.sum("transaction_count").alias("lines"),
        F.sum("amount").alias("amount"),
        F.sum("budget_amount").alias("budget_amount"),
    )


def compare(control: pa.Table, star: pa.Table) -> dict[str, PeriodControl]:
    """Return the comparison by period.

    Args:
        control: rows of `control_sums`.
        star: rows of `star_sums`.
    """
    periods_of_lines, periods_of_star = control["period"], star["period"]
    periods = {}
    for period in sorted({*periods_of_lines.unique().to_pylist(), *periods_of_star.unique().to_pylist()}):
        lines = control.filter(pc.equal(periods_of_lines, period))
        compared = compare_accounts(lines, star.filter(pc.equal(periods_of_star, period)))
        if len(lines):
            compared.superseded_lines = pc.sum(lines["superseded_lines"]).as_py()
            compared.superseded_amount = pc.sum(lines["superseded_amount"]).as_py()
        periods[period] = compared
    return periods


def compare_accounts(lines: pa.Table, star: pa.Table) -> PeriodControl:
    """Return the comparison of one period, without what is superseded.

    A home with many accounts has as many sums as lines, so they are compared by column.

    Args:
        lines: by scenario and account, with lines, amount, delivered and absolute; see `control_sums`.
        star: with the columns of `STAR_SUMS`.
    """
    with_lines = lines.filter(pc.not_equal(lines["lines"], 0))
    renamed = star.rename_columns([name if name in _KEYS else f"star_{name}" for name in star.column_names])
    sums = KeyedRows(pa.concat_tables([_with_zeros(with_lines), _with_zeros(renamed)])).sums(
        _KEYS, _SUMS.names[len(_KEYS) :]
    )
    control = PeriodControl(accounts_compared=len(sums))
    of_scenarios = KeyedRows(sums).sums(_KEYS[:1], _SUMS.names[len(_KEYS) :])
    for row in of_scenarios.sort_by(_KEYS[0]).to_pylist():
        scenario = row["scenario_key"]
        control.delivered[scenario], control.absolute[scenario] = row["delivered"], row["absolute"]
        if row["star_rows"]:
            control.star[scenario] = ScenarioFigures(*(row[f"star_{name}"] for name in ScenarioFigures._fields))
    is_other = pc.or_(
        pc.not_equal(sums["lines"], sums["star_lines"]), pc.not_equal(sums["amount"], sums["star_amount"])
    )
    others = sums.filter(is_other).sort_by([(name, "ascending") for name in _KEYS])
    for row in others.slice(0, _MAX_DIFFERENCES).to_pylist():
        expected, actual = (row["lines"], row["amount"]), (row["star_lines"], row["star_amount"])
        control.differences.append(_difference(row["scenario_key"], row["account_key"], expected, actual))
    return control


def _with_zeros(sums: pa.Table) -> pa.Table:
    """Return sums with the columns of `_SUMS`; those that they lack are zero."""
    nothing = {
        field.name: pa.repeat(pa.scalar(0, field.type), len(sums))
        for field in _SUMS
        if field.name not in sums.column_names
    }
    return pa.table({name: nothing[name] if name in nothing else sums[name] for name in _SUMS.names}).cast(_SUMS)


def _difference(scenario: int, account: int, expected: tuple[int, Decimal], actual: tuple[int, Decimal]) -> Difference:
    return Difference(scenario, account, f"{expected[0]} lines, {expected[1]}", f"{actual[0]} lines, {actual[1]}")
