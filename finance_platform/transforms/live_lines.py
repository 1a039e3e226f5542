"""Live lines: the ledger lines that count, after load modes and signs.

Grain of the output: one ledger line whose amount has the canonical sign.
"""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING

from finance_platform.contracts.star import CREDIT_TYPES
from finance_platform.transforms.spark_on_demand import F

if TYPE_CHECKING:
    from pyspark.sql import Column, DataFrame

_BY_KEY = ["delivery_id", "line_key"]
_BY_SCOPE = ["delivery_id", "scenario", "period", "scope_key"]


def counted_lines(lines: DataFrame, counted: DataFrame) -> DataFrame:
    """Return the lines of the deliveries, periods and scenarios in `counted`, superseded ones included.

    Args:
        lines: ledger lines.
        counted: delivery_id, period, scenario: the lines that count; implements replace_period.
    """
    return lines.join(F.broadcast(counted), on=["delivery_id", "period", "scenario"], how="left_semi").select(
        *lines.columns
    )


def superseded_lines(
    lines: DataFrame, superseded_keys: DataFrame | None, superseded_scopes: DataFrame | None
) -> DataFrame | None:
    """Return the lines that a later delivery supersedes, the complement of `live_lines`; None if there are none.

    Args:
        lines: ledger lines.
        superseded_keys: delivery_id, line_key: keys of which a later delivery has a line; None if there are none.
        superseded_scopes: delivery_id, scenario, period, scope_key: scopes that a later delivery replaces, or None.
    """
    names = lines.columns
    superseded = []
    if superseded_keys is not None:
        superseded.append(lines.join(superseded_keys, on=_BY_KEY, how="left_semi").select(*names))
    if superseded_scopes is not None:
        superseded.append(lines.join(F.broadcast(superseded_scopes), on=_BY_SCOPE, how="left_semi").select(*names))
    # The lines of one delivery are superseded either by key or by scope, never by both.
    return reduce(lambda one, other: one.unionByName(other), superseded) if superseded else None


def live_lines(lines: DataFrame, superseded_keys: DataFrame | None, superseded_scopes: DataFrame | None) -> DataFrame:
    """Return the lines that no later delivery supersedes; for the arguments see `superseded_lines`."""
    names = lines.columns
    if superseded_keys is not None:
        lines = lines.join(superseded_keys, on=_BY_KEY, how="left_anti").select(*names)
    if superseded_scopes is not None:
        lines = lines.join(F.broadcast(superseded_scopes), on=_BY_SCOPE, how="left_anti").select(*names)
    return lines


def with_natural_sign(lines: DataFrame, dim_account: DataFrame, type_spans: DataFrame | None) -> DataFrame:
    """Return the lines with the canonical sign: under debit-positive feeds, credit-natured accounts are flipped.

    Args:
        lines: ledger lines, or sums of them.
        dim_account: the dimension.
        type_spans: account_key, since, until, account_type of accounts whose type changes; None if there are none.
    """
    names, types = lines.columns, dim_account.select("account_key", "account_type")
    if type_spans is None:
        typed = lines.join(F.broadcast(types), on="account_key", how="left")
    else:
        typed = lines.join(F.broadcast(_types_by_period(types, type_spans)), on=_is_typed_by(lines), how="left")
    is_flipped = F.col("is_debit_positive") & F.col("account_type").isin(*CREDIT_TYPES)
    signed = F.when(is_flipped, -F.col("amount")).otherwise(F.col("amount")).cast(lines.schema["amount"].dataType)
    return typed.select(*[signed.alias(name) if name == "amount" else F.col(name) for name in names])


def _types_by_period(types: DataFrame, type_spans: DataFrame) -> DataFrame:
    """Return typed_key, since, until and account_type of every account."""
    constant = types.join(F.broadcast(type_spans), on="account_key", how="left_anti")
    always = constant.select(
        "account_key", F.lit("").alias("since"), F.lit(None).cast("string").alias("until"), "account_type"
    )
    return always.unionByName(type_spans).withColumnRenamed("account_key", "typed_key")


def _is_typed_by(lines: DataFrame) -> Column:
    period = lines["period"]
    is_over = F.col("until").isNotNull() & (period >= F.col("until"))
    return (F.col("typed_key") == lines["account_key"]) & (F.col("since") <= period) & ~is_over
