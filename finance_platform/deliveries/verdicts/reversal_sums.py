"""Reversals and the lines that they name, added up by column: most of a ledger's cancel, and need no closer look.

Belongs here: which reversals break a rule, and which of them are looked at one by one; number and money of the others.
Does not belong here: the rules and the lines (see `reversals`).
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.contracts.schemas import SUM_OF_MONEY_TYPE

GROUP = ("folded", "name", "department_key", "account_key")
LINKED = "linked"
"""The group needs a closer look: a reversal is reversed itself, or names itself beside others that do not."""

_ADDED_UP = ("reversals", "own", "reversed_again", "reversed", "named", "is_named")
_ZERO = Decimal("0.00")


def doubtful_groups(reversals: pa.Table, named: pa.Table) -> pa.Table:
    """Return the groups of reversals that may not cancel the lines that they name; all others do.

    The table has a row for each scenario, name, department and account, in the order of their first reversals, with
    the rule that they break, or `linked`, and the file of the last reversal.

    Args:
        reversals: lines with the columns `folded`, the scenario, `number`, their own name, `names`, the one that they
            reverse, `amount`, `file`, and the keys of department and account; number and name may be empty.
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
            at=pa.array(range(len(reversals)), pa.int64()),
            reversals=pa.repeat(pa.scalar(1), len(reversals)),
            own=is_own,
            reversed_again=is_reversed,
            reversed=pc.if_else(is_own, _ZERO, reversals["amount"]),
        ),
        _side(lines, "number", named=lines["amount"], is_named=pa.repeat(pa.scalar(1), len(lines))),
    ]
    added_up = [(name, "sum") for name in _ADDED_UP]
    sums = (
        pa.concat_tables(sides)
        .group_by(list(GROUP), use_threads=False)
        .aggregate([("at", "min"), ("at", "max"), *added_up])
    )
    sums = sums.filter(pc.greater(sums["reversals_sum"], 0))
    rules = _rules(sums, pc.is_in(_names(sums, "name"), value_set=_names(lines, "number")))
    groups = sums.append_column("rule", rules).filter(pc.is_valid(rules)).sort_by("at_min")
    return groups.select([*GROUP, "rule"]).append_column("file", reversals["file"].take(groups["at_max"]))


def first_of_each(groups: pa.Table, columns: Sequence[str], most: int) -> pa.ChunkedArray:
    """Return which groups are looked at one by one: linked ones, and the first ones that are equal in some columns."""
    at = pa.array(range(len(groups)), pa.int64())
    equal = groups.select(columns).append_column("at", at).group_by(list(columns), use_threads=False)
    first = pc.list_flatten(pc.list_slice(equal.aggregate([("at", "list")])["at_list"], 0, most))
    return pc.or_(pa.chunked_array([pc.is_in(at, value_set=first)]), pc.equal(groups["rule"], LINKED))


def add_up(lines: pa.Table, groups: pa.Table, columns: Sequence[str]) -> pa.Table:
    """Return number and gross amount of the reversals of groups, by some columns of the groups and the scenario."""
    of_lines = lines.select(["folded", "names", *GROUP[2:], "scenario", "amount"])
    joined = of_lines.join(groups, ["folded", "names", *GROUP[2:]], list(GROUP), join_type="inner", use_threads=False)
    gross = pa.table(
        {
            **{name: joined[name] for name in columns},
            "scenario": joined["scenario"],
            "gross": pc.abs(joined["amount"]).cast(SUM_OF_MONEY_TYPE),
        }
    )
    sums = gross.group_by([*columns, "scenario"], use_threads=False)
    return sums.aggregate([("gross", "sum"), ("gross", "count")])


def _rules(sums: pa.Table, is_known: pa.ChunkedArray) -> pa.ChunkedArray:
    """Return the rule that the reversals of each group break; null if they cancel their lines."""
    reversed_amount, amount = sums["reversed_sum"], sums["named_sum"]
    has_sign = pc.or_(
        pc.and_(pc.greater(reversed_amount, _ZERO), pc.greater_equal(amount, _ZERO)),
        pc.and_(pc.less(reversed_amount, _ZERO), pc.less_equal(amount, _ZERO)),
    )
    broken = [
        ("own", pc.equal(sums["own_sum"], sums["reversals_sum"])),
        (LINKED, pc.greater(sums["own_sum"], 0)),
        ("missing", pc.invert(is_known)),
        ("elsewhere", pc.equal(sums["is_named_sum"], 0)),
        ("sign", has_sign),
        (LINKED, pc.greater(sums["reversed_again_sum"], 0)),
        ("excess", pc.greater(pc.abs(reversed_amount), pc.abs(amount))),
    ]
    cases = pc.make_struct(*(case for _, case in broken), field_names=[str(at) for at in range(len(broken))])
    return pc.case_when(cases, *(rule for rule, _ in broken))


def _names(lines: pa.Table, name: str) -> pa.ChunkedArray:
    return pc.binary_join_element_wise(lines["folded"], lines[name], "\0")


def _side(lines: pa.Table, name: str, **values: pa.ChunkedArray) -> pa.Table:
    """Return lines as the reversals of a group, or as those that they name; what is not given is zero, or null."""
    money = {"reversed", "named"}
    types = {key: SUM_OF_MONEY_TYPE if key in money else pa.int64() for key in _ADDED_UP}
    columns = {"folded": lines["folded"], "name": lines[name], **{key: lines[key] for key in GROUP[2:]}}
    columns["at"] = values.get("at", pa.nulls(len(lines), pa.int64()))
    columns |= {
        key: values[key].cast(kind) if key in values else pa.repeat(pa.scalar(0).cast(kind), len(lines))
        for key, kind in types.items()
    }
    return pa.table(columns)
