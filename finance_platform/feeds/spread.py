"""Spreading: the amount of a year over its periods, to the cent.

Belongs here: shares, and typed lines of which each becomes one for every period that has a weight.
Does not belong here: the rule (see `shape_rules`), typing the line of the year (see `ledger_lines`).

A change that gives other lines needs a higher `READER_VERSION` (see `resolved`), or files are not read again.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.feeds.cells import RawBatch, map_distinct
from finance_platform.feeds.common_amounts import MONEY_TYPE
from finance_platform.feeds.dates import first_day, periods_of_year
from finance_platform.feeds.shape_rules import SpreadRule
from finance_platform.feeds.violations import ACCEPTED, to_mask

_HUNDRED = pa.scalar(Decimal(100), pa.decimal128(3, 0))
_CENT = pa.scalar(Decimal("0.01"), pa.decimal128(3, 2))


def shares(cents: npt.NDArray[np.int64], weights: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return the share of each weight in amounts: cut to the cent, with the odd cents in the last.

    Args:
        cents: amounts of any sign, below 10**18.
        weights: above 0, with a sum below 2 * 10**9, so that nothing overflows.

    Returns:
        A row for each amount and a column for each weight; a row's sum is its amount, and no share has another sign.
    """
    total = int(weights.sum())
    whole, rest = np.divmod(np.abs(cents), total)
    parts = whole[:, np.newaxis] * weights + rest[:, np.newaxis] * weights // total
    parts[:, -1] += np.abs(cents) - parts.sum(axis=1)
    return parts * np.sign(cents)[:, np.newaxis]


def spread_lines(
    rule: SpreadRule, columns: Mapping[str, pa.Array], batch: RawBatch
) -> tuple[dict[str, pa.Array], RawBatch]:
    """Return typed lines and their rows; of each accepted line one for every period that has a weight.

    Args:
        rule: the weights of the periods.
        columns: the typed lines; an accepted one has the amount of its year.
        batch: their rows.
    """
    is_accepted = to_mask(pc.equal(columns["outcome"], ACCEPTED))
    places = [place for place, weight in enumerate(rule.weights) if weight]
    counts = np.where(is_accepted, len(places), 1)
    rows = np.repeat(np.arange(len(batch)), counts)
    spread = {name: pc.take(values, pa.array(rows)) for name, values in columns.items()}
    is_share = np.repeat(is_accepted, counts)
    accepted = pa.array(np.flatnonzero(is_accepted))
    spread["amount"] = _replace(spread["amount"], is_share, _amounts(rule, pc.take(columns["amount"], accepted)))
    years = map_distinct(
        pc.take(columns["period"], accepted),
        lambda period: [periods_of_year(period, rule.first_month)[place] for place in places],
        pa.list_(pa.string()),
    )
    periods = years.flatten() if len(years) else pa.array([], pa.string())
    spread["period"] = _replace(spread["period"], is_share, periods)
    spread["posting_date"] = _replace(spread["posting_date"], is_share, map_distinct(periods, first_day, pa.date32()))
    # The lines of a year have its key; the period distinguishes them.
    with_period = pc.binary_join_element_wise(spread["line_key"], spread["period"], " ", null_handling="emit_null")
    spread["line_key"] = pc.if_else(pa.array(is_share), with_period, spread["line_key"])
    return spread, batch.take(pa.array(rows))


def _amounts(rule: SpreadRule, years: pa.Array) -> pa.Array:
    """Return the shares of amounts, those of the first amount first."""
    cents = pc.multiply(years, _HUNDRED).cast(pa.int64()).to_numpy(zero_copy_only=False)
    weights = np.array([weight for weight in rule.weights if weight], dtype=np.int64)
    flat = pa.array(shares(cents, weights).reshape(-1), pa.int64())
    return pc.multiply(flat.cast(pa.decimal128(19, 0)), _CENT).cast(MONEY_TYPE)


def _replace(values: pa.Array, where: npt.NDArray[np.bool_], replacements: pa.Array) -> pa.Array:
    return pc.replace_with_mask(values, pa.array(where), replacements) if where.any() else values
