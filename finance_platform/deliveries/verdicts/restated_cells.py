"""Restated cells: the scenarios and periods of which other lines would count if a delivery counted.

Belongs here: that question. Does not belong here: what follows from it (see `hold_reasons` and `late_lines`).

Counts answer it for nearly all cells, without a line that is read (see `live_deliveries.LiveDeliveries`). As many
lines may be superseded by key as before, but others: of one file that corrects another in place of an earlier one, or
beside it. Then the keys of these lines are compared. Where files supersede lines by key, counts say too much, and the
lines of the cells that would change are compared.
"""

from __future__ import annotations

from collections.abc import Collection
from decimal import Decimal

import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.contracts.schemas import SUM_OF_MONEY_TYPE
from finance_platform.deliveries.live_lines import Cell, LiveLines, cell_of
from finance_platform.deliveries.state import LiveDelivery
from finance_platform.deliveries.verdicts.live_deliveries import LiveDeliveries
from finance_platform.deliveries.verdicts.removals import changed_deliveries

_LINE = ("posting_date", "department_key", "account_key", "is_debit_positive", "amount", "line_key")
"""The columns that the star derives facts from, as in the hashes of commits; the cell has scenario and period."""

_NOTHING = Decimal(0)


def find_restated_cells(
    lines: LiveLines, live: LiveDeliveries, candidate: LiveDelivery, cells: Collection[Cell]
) -> set[Cell]:
    """Return those of some cells of which other lines would count.

    Args:
        lines: reads the lines of the deliveries that count, and of the candidate.
        live: the deliveries that count.
        candidate: the delivery that is judged.
        cells: the cells to look at.
    """
    after = live.live_with(candidate)
    restated = {cell for cell in cells if live.is_restated(candidate, cell, after)}
    restated |= _with_other_keys(lines, live, candidate, set(cells) - restated)
    return restated - _with_equal_lines(lines, live, candidate, restated)


def _with_equal_lines(
    lines: LiveLines, live: LiveDeliveries, candidate: LiveDelivery, cells: Collection[Cell]
) -> set[Cell]:
    """Return the cells in which the same lines count, although counts or keys say otherwise.

    So it may be where deliveries supersede lines by key: another file may have the same lines, as an export of the year
    to date has those of closed months, or count in some of its periods alone. Elsewhere counts are right, and nothing
    is read.
    """
    if not cells:
        return set()
    before, after = live.live_sets(candidate, cells)
    old, new = changed_deliveries(lines, before, after, cells), changed_deliveries(lines, after, before, cells)
    if not any(superseded.by_key for superseded in (*old.values(), *new.values())):
        return set()
    signed = []
    for of_set, changed, sign in ((before, old, -1), (after, new, 1)):
        tables = [lines.read(of_set.of_feed[name], one, cells, _LINE) for name, one in changed.items()]
        table = pa.concat_tables([lines.nothing(_LINE), *tables])
        wide = pc.cast(table["amount"], SUM_OF_MONEY_TYPE)
        table = table.append_column("net", wide if sign > 0 else pc.negate(wide))
        signed.append(table.append_column("sign", pa.array([sign] * len(table), pa.int64())))
    both = pa.concat_tables(signed)
    # Where the money is another one, no line has to be compared.
    nets = both.group_by("cell").aggregate([("net", "sum")])
    moved = nets.filter(pc.not_equal(nets["net_sum"], _NOTHING))["cell"].combine_chunks()
    both = both.filter(pc.invert(pc.is_in(both["cell"], value_set=moved)))
    sums = both.group_by(["cell", *_LINE]).aggregate([("sign", "sum")])
    differing = pc.unique(sums.filter(pc.not_equal(sums["sign_sum"], 0))["cell"]).to_pylist()
    return set(cells) - {cell_of(text) for text in (*moved.to_pylist(), *differing)}


def _with_other_keys(
    lines: LiveLines, live: LiveDeliveries, candidate: LiveDelivery, cells: Collection[Cell]
) -> set[Cell]:
    """Return the cells in which a delivery that counts before and after has lines with other keys then.

    Where deliveries supersede lines that count in some of their periods alone, the keys of all lines are compared.
    """
    if not cells:
        return set()
    before, after = live.live_sets(candidate, cells)
    old, new = changed_deliveries(lines, before, after, cells), changed_deliveries(lines, after, before, cells)
    differing: set[Cell] = set()
    for name in old.keys() & new.keys():
        if not (old[name].by_key or new[name].by_key):
            continue
        first = lines.read(before.of_feed[name], old[name], cells, ["line_key"])
        second = lines.read(after.of_feed[name], new[name], cells, ["line_key"])
        differing |= _cells_of_lacking(first, second) | _cells_of_lacking(second, first)
    by_key = (one for superseded in (*old.values(), *new.values()) for one in superseded.by_key.values())
    if all(one.portion.is_whole for one in by_key):
        return differing
    # Counts leave out what a delivery supersedes by key that counts in some of its periods alone.
    first, second = (
        pa.concat_tables([lines.read(of_set.of_feed[name], one, cells, ["line_key"]) for name, one in changed.items()])
        if changed
        else lines.nothing(["line_key"])
        for of_set, changed in ((before, old), (after, new))
    )
    return differing | _cells_of_lacking(first, second) | _cells_of_lacking(second, first)


def _cells_of_lacking(lines: pa.Table, others: pa.Table) -> set[Cell]:
    """Return the cells of the lines whose key the others lack; a delivery has a key once."""
    keys = others["line_key"].combine_chunks()
    lacking = lines.filter(pc.invert(pc.is_in(lines["line_key"], value_set=keys)))
    return {cell_of(text) for text in pc.unique(lacking["cell"]).to_pylist()}
