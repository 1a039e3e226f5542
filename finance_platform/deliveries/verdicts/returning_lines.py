"""Lines that would count again because the load mode or the keys of their feed were changed.

Belongs here: finding them, for a file that is judged again under another `load`. Does not belong here: lines that go
(see `removals`), what is done about them (see `acceptance`).

A file that another one has replaced, or whose keys a later one has, stays in the raw zone. Under `append` it counts
beside the other one, and the same money is in the figures twice.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from decimal import Decimal

import pyarrow.compute as pc

from finance_platform.contracts.schemas import SUM_OF_MONEY_TYPE
from finance_platform.deliveries.live_lines import Cell, LiveLines, LiveSet, cell_of
from finance_platform.deliveries.register import DeliveryDiscovered
from finance_platform.deliveries.state import LiveDelivery
from finance_platform.deliveries.verdicts.live_deliveries import LiveDeliveries, count_in_cell
from finance_platform.deliveries.verdicts.removals import changed_deliveries
from finance_platform.deliveries.verdicts.restated_cells import find_restated_cells
from finance_platform.feeds.values.codes import fold


@dataclass(frozen=True)
class ReturningLines:
    """The lines of a scenario and period that would count again.

    Attributes:
        scenario: as the deliveries spell it.
        period: YYYY-MM.
        rows: how many more lines would count.
        gross: by how much the sum of their absolute amounts would be larger.
    """

    scenario: str
    period: str
    rows: int
    gross: Decimal


def find_returning_lines(lines: LiveLines, live: LiveDeliveries, candidate: LiveDelivery) -> list[ReturningLines]:
    """Return the lines that would count again beside those that count, if a file counts under another load mode.

    Only where the file has the lines that it had, so that nothing but the load mode is the cause. If the mode is the
    same and its keys are others, the lines of other files that it no longer replaces.

    Args:
        lines: reads the lines.
        live: the deliveries that count.
        candidate: the delivery that is judged.
    """
    earlier = [one for one in live.earlier(candidate) if _load(one.event) != _load(candidate.event)]
    left_out = ""
    if not earlier:
        earlier, left_out = _under_other_keys(lines, live, candidate), candidate.event.object_key
    if not earlier or not live.affects_ledger(candidate):
        return []
    cells = {
        cell
        for cell in live.affected_cells(candidate)
        if any(count_in_cell(one, cell) == count_in_cell(candidate, cell) for one in earlier)
    }
    cells = find_restated_cells(lines, live, candidate, cells)
    before, with_candidate = live.live_sets(candidate, cells)
    rows, gross = _more(lines, before, with_candidate, cells, left_out)
    counts = [count for one in (*earlier, *live.by_id.values()) for count in one.commit.periods]
    names = {fold(count.scenario): count.scenario for count in counts}
    return [
        ReturningLines(names[cell[0]], cell[1], rows[cell], gross[cell]) for cell in sorted(cells) if rows[cell] > 0
    ]


def _under_other_keys(lines: LiveLines, live: LiveDeliveries, candidate: LiveDelivery) -> list[LiveDelivery]:
    """Return the version of the same content that replaces lines of other files by key, and was read by other rules.

    If these gave other keys, lines of files that are not read again, since they are held, would no longer be replaced.
    """
    if candidate.event.load_mode != "upsert":
        return []
    return [
        one
        for one in live.earlier(candidate)
        if (one.event.feed, one.event.fingerprint) == (candidate.event.feed, candidate.event.fingerprint)
        and one.delivery_id != candidate.delivery_id
        and any(other in live.by_id for other in lines.overlaps.overlapping(one.delivery_id))
    ]


def _load(event: DeliveryDiscovered) -> tuple[str, bool]:
    return event.load_mode, event.is_scoped


def _more(
    lines: LiveLines, before: LiveSet, after: LiveSet, cells: set[Cell], left_out: str
) -> tuple[Counter[Cell], dict[Cell, Decimal]]:
    """Return how many more lines count in the second set, and by how much their gross money is larger, by cell.

    Those of the object `left_out` are not counted.
    """
    rows: Counter[Cell] = Counter()
    gross = dict.fromkeys(cells, Decimal(0))
    for live, other, sign in ((before, after, -1), (after, before, 1)):
        for name, superseded in changed_deliveries(lines, live, other, cells).items():
            if live.of_feed[name].event.object_key == left_out:
                continue
            table = lines.read(live.of_feed[name], superseded, cells, ["amount"])
            table = table.set_column(
                table.column_names.index("amount"), "amount", pc.abs(table["amount"].cast(SUM_OF_MONEY_TYPE))
            )
            sums = table.group_by("cell").aggregate([("amount", "sum"), ("amount", "count")])
            for row in sums.to_pylist():
                cell = cell_of(row["cell"])
                rows[cell] += sign * row["amount_count"]
                gross[cell] += sign * (row["amount_sum"] or Decimal(0))
    return rows, gross
