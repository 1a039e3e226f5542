"""Spreading: the amount of a year, or of a part of it, over its periods, to the cent.

Belongs here: shares, and typed lines of which each becomes one for every period that has a weight.
Does not belong here: the rule (see `shape_rules`), amounts that are weights (see `weights`), typing the line of the
year (see `ledger_lines`).

A change that gives other lines needs a higher version (see `reader_versions`), or files are not read again.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.contracts.schemas import MONEY_TYPE
from finance_platform.feeds.cells import RawBatch, map_distinct
from finance_platform.feeds.lines.weights import Weights, year_of_weights
from finance_platform.feeds.shape_rules import SpreadRule
from finance_platform.feeds.values.dates import first_day
from finance_platform.feeds.violations import ACCEPTED, Mask, to_mask

_PERIODS = 12


def shares(cents: npt.NDArray[Any], weights: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return the share of each weight in amounts: cut to the cent, with the odd cents in the last that is not 0.

    Args:
        cents: amounts of any sign, below 10**18.
        weights: not negative: one list for all amounts, with a sum below 2 * 10**9 so that nothing overflows, or a row
            for each amount of Python's own integers, which have any size.

    Returns:
        A row for each amount and a column for each weight; a row's sum is its amount, and no share has another sign.
    """
    amounts, total = np.abs(cents)[:, np.newaxis], weights.sum(axis=-1, keepdims=True)
    # Numpy has no divmod of Python's integers.
    parts: npt.NDArray[Any] = amounts // total * weights + amounts % total * weights // total
    last = weights.shape[-1] - 1 - np.argmax((np.atleast_2d(weights) > 0)[:, ::-1], axis=1)
    parts[np.arange(len(cents)), last] += amounts[:, 0] - parts.sum(axis=1)
    signed: npt.NDArray[Any] = parts * np.sign(cents)[:, np.newaxis]
    return signed


def spread_lines(
    rule: SpreadRule, columns: Mapping[str, pa.Array], batch: RawBatch, weights: Weights | None
) -> tuple[dict[str, pa.Array], RawBatch]:
    """Return typed lines and their rows; of each accepted line one for every period that has a weight.

    Args:
        rule: the weights of the periods, or which amounts they are.
        columns: the typed lines; an accepted one has the amount of its year.
        batch: their rows.
        weights: the amounts that the rule names, of which every accepted line has some; None if it has its own.
    """
    is_accepted = to_mask(pc.equal(columns["outcome"], ACCEPTED))
    accepted = pa.array(np.flatnonzero(is_accepted))
    years = {name: pc.take(columns[name], accepted) for name in ("amount", "period", "department_key", "account_key")}
    parts, has_weight = _shares_of_lines(rule, years, weights)
    counts = np.ones(len(batch), dtype=np.int64)
    counts[is_accepted] = has_weight.sum(axis=1)
    rows = np.repeat(np.arange(len(batch)), counts)
    spread = {name: pc.take(values, pa.array(rows)) for name, values in columns.items()}
    is_share = np.repeat(is_accepted, counts)
    spread["amount"] = _replace(spread["amount"], is_share, _as_money(parts[has_weight]))
    of_year = map_distinct(years["period"], rule.periods_of, pa.list_(pa.string()))
    all_periods = of_year.flatten() if len(of_year) else pa.array([], pa.string())
    periods = all_periods.filter(pa.array(has_weight.reshape(-1)))
    spread["period"] = _replace(spread["period"], is_share, periods)
    spread["posting_date"] = _replace(spread["posting_date"], is_share, map_distinct(periods, first_day, pa.date32()))
    # The lines of a year have its key; the period distinguishes them.
    with_period = pc.binary_join_element_wise(spread["line_key"], spread["period"], " ", null_handling="emit_null")
    spread["line_key"] = pc.if_else(pa.array(is_share), with_period, spread["line_key"])
    return spread, batch.take(pa.array(rows))


def _shares_of_lines(
    rule: SpreadRule, years: Mapping[str, pa.Array], weights: Weights | None
) -> tuple[npt.NDArray[Any], Mask]:
    """Return the cents of each line in each period, and which periods have a weight."""
    cents = pc.multiply(years["amount"], _decimal("100")).cast(pa.int64()).to_numpy(zero_copy_only=False)
    if weights is None:
        of_rule = np.array(rule.weights, dtype=np.int64)
        return shares(cents, of_rule), np.broadcast_to(of_rule > 0, (len(cents), len(of_rule)))
    if not len(cents):
        return np.zeros((0, _PERIODS), dtype=np.int64), np.zeros((0, _PERIODS), dtype=np.bool_)
    of_lines = np.array(
        [
            weights.find(year_of_weights(rule, period), department, account).weights
            for period, department, account in zip(
                *(years[name].to_pylist() for name in ("period", "department_key", "account_key")), strict=True
            )
        ],
        dtype=object,
    )
    return shares(cents.astype(object), of_lines), (of_lines > 0).astype(np.bool_)


def _as_money(cents: npt.NDArray[Any]) -> pa.Array:
    flat = pa.array(cents.astype(np.int64), pa.int64())
    return pc.multiply(flat.cast(pa.decimal128(19, 0)), _decimal("0.01")).cast(MONEY_TYPE)


def _replace(values: pa.Array, where: npt.NDArray[np.bool_], replacements: pa.Array) -> pa.Array:
    return pc.replace_with_mask(values, pa.array(where), replacements) if where.any() else values


def _decimal(text: str) -> pa.Scalar:
    """Return a number of three digits; made when it is used, because pyarrow imports pandas for any scalar."""
    return pa.scalar(Decimal(text), pa.decimal128(3, 2 if "." in text else 0))
