"""Reversals and the lines that they name, added up by column: most of a ledger's cancel, and need no closer look.

Belongs here: which reversals break a rule, and which of them are looked at one by one; number and money of the others.
Does not belong here: the rules and the lines (see `reversals`), sums along reversals of reversals (see
`reversal_chains`).
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.contracts.schemas import SUM_OF_MONEY_TYPE
from finance_platform.deliveries.verdicts.reversal_chains import taken_back

GROUP = ("folded", "name", "department_key", "account_key")
MIXED = "mixed"
"""The group needs a closer look: a reversal names itself beside others that do not."""

_MONEY = ("reversed", "taken_back", "left", "named")
_ADDED_UP = ("reversals", "own", "is_named", *_MONEY)
_ZERO = Decimal("0.00")


def doubtful_groups(reversals: pa.Table, named: pa.Table) -> pa.Table:
    """Return the groups of reversals that may not cancel the lines that they name; all others do.

    The table has a row for each scenario, name, department and account, in the order of their first reversals, with
    the rule that they break, or `mixed`, the file of the last reversal, and what of the reversals is taken back.

    Args:
        reversals: lines with the columns `folded`, the scenario, `number`, their own name, `names`, the one that they
            reverse, `amount`, `file`, and the keys of department and account; number and name may be empty.
        named: the lines whose number is one of these names, with the same columns.
    """
    is_own = pc.equal(reversals["names"], reversals["number"])
    reversed_amounts = pc.if_else(is_own, _ZERO, reversals["amount"])
    lines = named.filter(pc.not_equal(named["names"], named["number"]))
    sides = [
        _side(
            reversals,
            "names",
            at=pa.array(range(len(reversals)), pa.int64()),
            reversals=pa.repeat(pa.scalar(1), len(reversals)),
            own=is_own,
            reversed=reversed_amounts,
            left=reversed_amounts,
        ),
        *_taken_back(reversals),
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
    files = reversals["file"].take(groups["at_max"])
    return (
        groups.select([*GROUP, "rule"])
        .append_column("file", files)
        .append_column("taken_back", groups["taken_back_sum"])
    )


def first_of_each(groups: pa.Table, columns: Sequence[str], most: int) -> pa.ChunkedArray:
    """Return which groups are looked at one by one: mixed ones, and the first ones that are equal in some columns."""
    at = pa.array(range(len(groups)), pa.int64())
    equal = groups.select(columns).append_column("at", at).group_by(list(columns), use_threads=False)
    first = pc.list_flatten(pc.list_slice(equal.aggregate([("at", "list")])["at_list"], 0, most))
    return pc.or_(pa.chunked_array([pc.is_in(at, value_set=first)]), pc.equal(groups["rule"], MIXED))


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
    # What is reversed itself counts less.
    reversed_amount, left, amount = sums["reversed_sum"], sums["left_sum"], sums["named_sum"]
    has_sign = pc.or_(
        pc.and_(pc.greater(reversed_amount, _ZERO), pc.greater_equal(amount, _ZERO)),
        pc.and_(pc.less(reversed_amount, _ZERO), pc.less_equal(amount, _ZERO)),
    )
    is_left = pc.equal(pc.sign(left), pc.sign(reversed_amount))
    broken = [
        ("own", pc.equal(sums["own_sum"], sums["reversals_sum"])),
        (MIXED, pc.greater(sums["own_sum"], 0)),
        ("missing", pc.invert(is_known)),
        ("elsewhere", pc.equal(sums["is_named_sum"], 0)),
        ("sign", has_sign),
        ("excess", pc.and_(is_left, pc.greater(pc.abs(left), pc.abs(amount)))),
    ]
    cases = pc.make_struct(*(case for _, case in broken), field_names=[str(at) for at in range(len(broken))])
    return pc.case_when(cases, *(rule for rule, _ in broken))


def _taken_back(reversals: pa.Table) -> list[pa.Table]:
    """Return what reverses the reversals of each name, as a side of the groups; none if no reversal is reversed."""
    reverses_another = pc.is_in(reversals["names"], value_set=reversals["number"].unique())
    is_reversed = pc.is_in(reversals["number"], value_set=reversals["names"].unique())
    if not pc.any(is_reversed).as_py():
        return []
    linked = reversals.filter(pc.or_(reverses_another, is_reversed))
    keys = [
        pc.binary_join_element_wise(_names(linked, name), *(linked[key].cast(pa.string()) for key in GROUP[2:]), "\0")
        for name in ("number", "names")
    ]
    places = pa.concat_arrays([*keys[0].chunks, *keys[1].chunks]).dictionary_encode().indices
    own, names = places[: len(linked)].to_pylist(), places[len(linked) :].to_pylist()
    sums = taken_back(zip(own, names, linked["amount"].to_pylist(), strict=True))
    first: dict[int, int] = {}
    for at, name in enumerate(names):
        first.setdefault(name, at)
    money = pa.array([sums.get(name, _ZERO) for name in first], SUM_OF_MONEY_TYPE)
    return [_side(linked.take(pa.array(first.values(), pa.int64())), "names", taken_back=money, left=money)]


def _names(lines: pa.Table, name: str) -> pa.ChunkedArray:
    return pc.binary_join_element_wise(lines["folded"], lines[name], "\0")


def _side(lines: pa.Table, name: str, **values: pa.ChunkedArray) -> pa.Table:
    """Return lines as the reversals of a group, or as those that they name; what is not given is zero, or null."""
    types = {key: SUM_OF_MONEY_TYPE if key in _MONEY else pa.int64() for key in _ADDED_UP}
    columns = {"folded": lines["folded"], "name": lines[name], **{key: lines[key] for key in GROUP[2:]}}
    columns["at"] = values.get("at", pa.nulls(len(lines), pa.int64()))
    columns |= {
        key: values[key].cast(kind) if key in values else pa.repeat(pa.scalar(0).cast(kind), len(lines))
        for key, kind in types.items()
    }
    return pa.table(columns)
