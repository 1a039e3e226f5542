"""Live lines: the ledger lines that count, after load modes and signs.

Grain of the output: one ledger line whose amount has the canonical sign.
"""

from __future__ import annotations

from functools import reduce

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from finance_platform.contracts.model import MONEY
from finance_platform.contracts.star import CREDIT_TYPES

_BY_KEY = ["delivery_id", "line_key"]
_BY_SCOPE = ["delivery_id", "scenario", "period", "scope_key"]


def counted_lines(lines: DataFrame, counted: DataFrame) -> DataFrame:
    """Return the lines of the deliveries, periods and scenarios in `counted`, hidden ones included.

    Args:
        lines: ledger lines.
        counted: delivery_id, period, scenario: whose lines count where; decides replace_period.
    """
    offered = lines.join(F.broadcast(counted), on=["delivery_id", "period", "scenario"], how="left_semi")
    return offered.select(*lines.columns)


def hidden_lines(lines: DataFrame, hidden_keys: DataFrame | None, hidden_scopes: DataFrame | None) -> DataFrame | None:
    """Return the lines that a later delivery hides, the counterpart of `live_lines`; None where nothing is hidden.

    Args:
        lines: ledger lines.
        hidden_keys: delivery_id, line_key: keys of which a later delivery has a line; None where there are none.
        hidden_scopes: delivery_id, scenario, period, scope_key: what a later delivery replaces; None where nothing is.
    """
    names = lines.columns
    hidden = []
    if hidden_keys is not None:
        hidden.append(lines.join(hidden_keys, on=_BY_KEY, how="left_semi").select(*names))
    if hidden_scopes is not None:
        hidden.append(lines.join(F.broadcast(hidden_scopes), on=_BY_SCOPE, how="left_semi").select(*names))
    # One delivery's lines are hidden either by key or by scope, never by both.
    return reduce(DataFrame.unionByName, hidden) if hidden else None


def live_lines(lines: DataFrame, hidden_keys: DataFrame | None, hidden_scopes: DataFrame | None) -> DataFrame:
    """Return the lines that no later delivery hides; for the arguments see `hidden_lines`."""
    names = lines.columns
    if hidden_keys is not None:
        lines = lines.join(hidden_keys, on=_BY_KEY, how="left_anti").select(*names)
    if hidden_scopes is not None:
        lines = lines.join(F.broadcast(hidden_scopes), on=_BY_SCOPE, how="left_anti").select(*names)
    return lines


def with_natural_sign(lines: DataFrame, dim_account: DataFrame) -> DataFrame:
    """Return the lines with the canonical sign: under debit-positive feeds, credit-natured accounts are flipped."""
    types = dim_account.select("account_key", "account_type")
    is_flipped = F.col("is_debit_positive") & F.col("account_type").isin(*CREDIT_TYPES)
    signed = F.when(is_flipped, -F.col("amount")).otherwise(F.col("amount")).cast(MONEY)
    names = [signed.alias(name) if name == "amount" else F.col(name) for name in lines.columns]
    return lines.join(F.broadcast(types), on="account_key", how="left").select(*names)
