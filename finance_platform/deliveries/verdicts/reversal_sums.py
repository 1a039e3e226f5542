"""Reversals and the lines that they name, added up by column: most of a ledger's cancel, and need no closer look.

Belongs here: which reversals may break a rule. Does not belong here: the rules and the lines (see `reversals`).
"""

from __future__ import annotations

from decimal import Decimal

import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.contracts.schemas import SUM_OF_MONEY_TYPE

_GROUP = ("folded", "name", "department_key", "account_key")
_ADDED_UP = ("reversed", "named", "is_named", "is_doubtful")
_ZERO = Decimal("0.00")


def doubtful_names(reversals: pa.Table, named: pa.Table) -> pa.Array:
    """Return the names of reversals that may not cancel the lines that they name; all others do.

    Args:
        reversals: lines with the columns `folded`, the scenario, `number`, their own name, `names`, the one that they
            reverse, `department_key`, `account_key` and `amount`; number and name may be empty.
        named: the lines whose number is one of these names, with the same columns.
    """
    is_own = pc.equal(reversals["names"], reversals["number"])
    # What is reversed itself counts less, so no sum alone says whether it is too much.
    is_reversed = pc.is_in(reversals["number"], value_set=reversals["names"].unique())
    lines = named.filter(pc.not_equal(named["names"], named["number"]))
    sides = [
        _side(
            reversals,
            "names",
            reversed=pc.if_else(is_own, _ZERO, reversals["amount"]),
            is_doubtful=pc.or_(is_own, is_reversed),
        ),
        _side(lines, "number", named=lines["amount"], is_named=pa.repeat(pa.scalar(1), len(lines))),
    ]
    sums = (
        pa.concat_tables(sides)
        .group_by(list(_GROUP), use_threads=False)
        .aggregate([(name, "sum") for name in _ADDED_UP])
    )
    cancels = pc.and_(pc.equal(sums["is_doubtful_sum"], 0), _cancel(sums))
    return sums.filter(pc.invert(cancels))["name"].unique()


def _cancel(sums: pa.Table) -> pa.ChunkedArray:
    """Return whether the reversals of each group have the opposite sign of the named lines and at most their amount."""
    reversed_amount, amount = sums["reversed_sum"], sums["named_sum"]
    has_opposite_sign = pc.or_(
        pc.and_(pc.less_equal(reversed_amount, _ZERO), pc.greater_equal(amount, _ZERO)),
        pc.and_(pc.greater_equal(reversed_amount, _ZERO), pc.less_equal(amount, _ZERO)),
    )
    is_no_more = pc.less_equal(pc.abs(reversed_amount), pc.abs(amount))
    return pc.and_(pc.and_(pc.greater(sums["is_named_sum"], 0), has_opposite_sign), is_no_more)


def _side(lines: pa.Table, name: str, **values: pa.ChunkedArray) -> pa.Table:
    """Return lines as the reversals of a group, or as those that they name; what is not given is zero."""
    types = dict(zip(_ADDED_UP, [SUM_OF_MONEY_TYPE, SUM_OF_MONEY_TYPE, pa.int64(), pa.int64()], strict=True))
    columns = {"folded": lines["folded"], "name": lines[name], **{key: lines[key] for key in _GROUP[2:]}}
    columns |= {
        key: values[key].cast(kind) if key in values else pa.repeat(pa.scalar(0).cast(kind), len(lines))
        for key, kind in types.items()
    }
    return pa.table(columns)
