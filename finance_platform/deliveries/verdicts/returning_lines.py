"""Lines that would count again because the load mode or the keys of their feed were changed, or the feed itself.

Belongs here: finding them, for a file that is judged again under another `load`, or with the same content by another
feed. Does not belong here: lines that go (see `removals`), all lines that a move to another feed lets count again (see
`moved_files`), what is done about them (see `acceptance`).

A file that another one has replaced, or whose keys a later one has, stays in the raw zone. Under `append` it counts
beside the other one, and the same money is in the figures twice.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.contracts.schemas import SUM_OF_MONEY_TYPE
from finance_platform.deliveries.events import DeliveryDiscovered
from finance_platform.deliveries.live_lines import Cell, LiveLines, LiveSet, Superseded, cell_of
from finance_platform.deliveries.state import LiveDelivery
from finance_platform.deliveries.verdicts.live_deliveries import LiveDeliveries, count_in_cell
from finance_platform.deliveries.verdicts.removals import changed_deliveries
from finance_platform.deliveries.verdicts.restated_cells import find_restated_cells
from finance_platform.feeds.values.codes import fold

_TEXTS_OF_PLACE = ("source_sheet", "source_column")
PLACE_IN_FILE = (*_TEXTS_OF_PLACE, "source_row")
"""Where a file has a line."""


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
    """Return the version of the same content that replaces lines of other files by key or scope, read by other rules.

    If these gave other keys, lines of files that are not read again, since they are held, would no longer be replaced.
    """
    return [
        one
        for one in _read_otherwise(live.earlier(candidate), candidate)
        if any(other in live.by_id for other in lines.overlaps.overlapping(one.delivery_id))
    ]


def _read_otherwise(earlier: Iterable[LiveDelivery], candidate: LiveDelivery) -> list[LiveDelivery]:
    """Return those of versions that are the candidate's content under the same load mode, with maybe other keys.

    Keys of two feeds never match, so a version of another feed has other keys in any case.
    """
    event = candidate.event
    if event.load_mode != "upsert" and not event.is_scoped:
        return []
    return [
        one
        for one in earlier
        if (one.event.object_key, one.event.fingerprint, *_load(one.event))
        == (event.object_key, event.fingerprint, *_load(event))
        and one.delivery_id != candidate.delivery_id
    ]


def _has_equal_keys(
    lines: LiveLines,
    before: Mapping[str, LiveDelivery],
    after: Mapping[str, LiveDelivery],
    candidate: LiveDelivery,
    versions: Iterable[LiveDelivery],
) -> bool:
    """Return whether the candidate is a version that counts, read again, and shares as many keys with other files.

    Under the same rules of its descriptor it has other keys if what it looks up gives them, or if its years are spread
    like amounts that have changed: as many lines of a period may then have others.
    """
    again = [one for one in versions if one.delivery_id == candidate.event.reads_again]
    overlaps = lines.overlaps
    return (
        bool(again)
        and not candidate.commit.unweighted_id
        and all(
            overlaps.overlap(other, one.delivery_id).lines == overlaps.overlap(other, candidate.delivery_id).lines
            for one in again
            for other in overlaps.overlapping(one.delivery_id)
            if other in before and other in after
        )
    )


def find_own_returning_lines(
    lines: LiveLines,
    before: Mapping[str, LiveDelivery],
    after: Mapping[str, LiveDelivery],
    candidate: LiveDelivery,
    versions: Sequence[LiveDelivery],
) -> list[ReturningLines]:
    """Return the lines of a file that count again, after all files were judged, since its keys or scopes are others.

    While files are judged one after the other, those that will replace lines of this one may still count as they were
    read before. At the end, a line that another file had replaced counts only if none replaces it any more.

    Args:
        lines: reads the lines.
        before: the deliveries that counted before, by id.
        after: those that count with the verdicts.
        candidate: a delivery that was judged.
        versions: those of `before` that are of its object.
    """
    counted = after.get(candidate.delivery_id)
    if counted is None or _has_equal_keys(lines, before, after, candidate, versions):
        return []
    earlier = [one for one in _read_otherwise(versions, candidate) if one.event.feed == candidate.event.feed]
    if not any(other in before for one in earlier for other in lines.overlaps.overlapping(one.delivery_id)):
        return []
    names = {(fold(count.scenario), count.period): count.scenario for count in counted.commit.periods}
    columns = [*PLACE_IN_FILE, "scope_key", "amount"]
    had = [lines.read(one, Superseded(), names, columns) for one in earlier]
    counted_before = [
        lines.read(one, lines.superseded(one, LiveSet(before, {}), names), names, columns) for one in earlier
    ]
    now = lines.read(counted, lines.superseded(counted, LiveSet(after, {}), names), names, columns)
    place, named = ["cell", *PLACE_IN_FILE], ["cell", *PLACE_IN_FILE, "line_key", "scope_key"]
    returned = comparable(now).join(comparable(*had), keys=place, join_type="left semi")
    returned = returned.join(comparable(*counted_before), keys=place, join_type="left anti")
    # Of a line with the key that it had, another file has changed.
    returned = returned.join(comparable(*had), keys=named, join_type="left anti")
    sums = sums_by_cell(returned).to_pylist()
    of_cells = [(cell_of(row["cell"]), row["amount_count"], row["amount_sum"]) for row in sums]
    return [ReturningLines(names[cell], cell[1], rows, gross) for cell, rows, gross in sorted(of_cells)]


def find_returning_lines_of_others(
    lines: LiveLines,
    before: Mapping[str, LiveDelivery],
    after: Mapping[str, LiveDelivery],
    candidates: Mapping[str, Sequence[LiveDelivery]],
) -> dict[str, list[ReturningLines]]:
    """Return by candidate the lines of files that count as before, and that its earlier reading had replaced.

    Such a file is held itself, or gone. While files are judged one after the other, others may count beside it that the
    candidate replaces in its turn, so that no more lines seem to count. At the end, each line that counts again does.

    Args:
        lines: reads the lines.
        before: the deliveries that counted before, by id.
        after: those that count with the verdicts.
        candidates: by the id of each delivery that was judged, those of `before` that are of its object.
    """
    returned: dict[str, list[ReturningLines]] = {}
    found: dict[str, list[ReturningLines]] = {}
    for candidate, versions in candidates.items():
        if candidate not in after or _has_equal_keys(lines, before, after, after[candidate], versions):
            continue
        for earlier in _read_otherwise(versions, after[candidate]):
            if earlier.event.feed != after[candidate].event.feed:
                continue
            for name in sorted(lines.overlaps.overlapping(earlier.delivery_id)):
                if name not in before or name not in after or before[name].position > earlier.position:
                    continue
                if name not in returned:
                    returned[name] = _returned(lines, before, after, name)
                if returned[name]:
                    found.setdefault(candidate, []).extend(returned[name])
    return found


def _returned(
    lines: LiveLines,
    before: Mapping[str, LiveDelivery],
    after: Mapping[str, LiveDelivery],
    name: str,
) -> list[ReturningLines]:
    """Return the lines that count of a delivery, by id, and that did not count before."""
    delivery = after[name]
    names = {(fold(count.scenario), count.period): count.scenario for count in delivery.commit.periods}
    counted_before, now = (
        lines.read(
            live[name], lines.superseded(live[name], LiveSet(live, live), names), names, [*PLACE_IN_FILE, "amount"]
        )
        for live in (before, after)
    )
    place = ["cell", *PLACE_IN_FILE]
    returned = comparable(now).join(comparable(counted_before), keys=place, join_type="left anti")
    sums = sums_by_cell(returned).to_pylist()
    of_cells = [(cell_of(row["cell"]), row["amount_count"], row["amount_sum"]) for row in sums]
    return [ReturningLines(names[cell], cell[1], rows, gross) for cell, rows, gross in sorted(of_cells)]


def comparable(*tables: pa.Table) -> pa.Table:
    """Return lines with texts in place of nulls, which no join takes as equal."""
    table = pa.concat_tables(tables)
    for name in set(table.column_names).intersection((*_TEXTS_OF_PLACE, "line_key", "scope_key")):
        table = table.set_column(table.column_names.index(name), name, pc.fill_null(table[name], ""))
    return table


def sums_by_cell(table: pa.Table) -> pa.Table:
    """Return the number of lines and their gross money by cell."""
    gross = pc.abs(table["amount"].cast(SUM_OF_MONEY_TYPE))
    table = table.set_column(table.column_names.index("amount"), "amount", gross)
    return table.group_by("cell").aggregate([("amount", "sum"), ("amount", "count")])


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
            for row in sums_by_cell(table).to_pylist():
                cell = cell_of(row["cell"])
                rows[cell] += sign * row["amount_count"]
                gross[cell] += sign * (row["amount_sum"] or Decimal(0))
    return rows, gross
