"""Actual lines that are the sums of another feed's: a report counts beside the ledger that it was made of.

Belongs here: which deliveries are compared by their sums, and what equal sums are. Does not belong here: equal lines
(see `repeated_lines`), reading lines (see `cell_hashes`).

A forecast 3+9 has the actual amounts of three months, and a trial balance has those of the ledger. No line is equal to
another one, so each of these months counted twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.deliveries.live_lines import Cell, claimed_cells
from finance_platform.deliveries.state import LiveDelivery
from finance_platform.deliveries.verdicts.cell_hashes import CellHashes
from finance_platform.deliveries.verdicts.live_deliveries import LiveDeliveries, count_in_cell
from finance_platform.deliveries.verdicts.repeated_lines import RepeatedLines
from finance_platform.feeds.values.codes import fold

_LEAST_ACCOUNTS = 4
"""Accounts with different amounts that are no chance if another feed has the same sum on each of them."""
_OTHERS = 10
"""One account in so many may have another sum: the ledger goes on after a report was made."""

_MOST_ROWS = 20_000
"""Lines of a report in one period."""
_MOST_FILES = 20
"""Of a feed in one period; of more, such as one for each voucher, each would be opened."""


def find_repeated_sums(hashes: CellHashes, live: LiveDeliveries, candidate: LiveDelivery) -> list[RepeatedLines]:
    """Return the scenarios and periods in which a delivery and another feed have the same sums by account.

    Either the delivery or the feed must be a report, with hardly more lines than places. Departments are not compared,
    since a report may have none. Nothing is found if a version of the delivery's object counts as it is.

    Args:
        hashes: reads the lines.
        live: the deliveries that count.
        candidate: the delivery that is judged.
    """
    if candidate.event.kind != "ledger":
        return []
    scenarios = {fold(one.scenario): one for one in candidate.commit.periods}
    return [
        repeated
        for cell in sorted(claimed_cells(candidate))
        if cell[1] in candidate.portion and cell[0] in scenarios and scenarios[cell[0]].scenario_type == "Actual"
        if not _counts_already(live, candidate, cell)
        for feed in live.other_feeds(candidate)
        for repeated in _compare(hashes, live, candidate, cell, feed, scenarios[cell[0]].scenario)
    ]


def _compare(
    hashes: CellHashes, live: LiveDeliveries, candidate: LiveDelivery, cell: Cell, feed: str, scenario: str
) -> Iterator[RepeatedLines]:
    """Yield that a feed has the same sums as a delivery in a cell, if so."""
    key = candidate.event.object_key
    others = [one for one in live.of_cell(feed, cell) if cell[1] in one.portion and one.event.object_key != key]
    rows, of_feed = (sum(count_in_cell(one, cell).rows for one in side) for side in ([candidate], others))
    if not 0 < len(others) <= _MOST_FILES or not _LEAST_ACCOUNTS <= min(rows, of_feed) <= _MOST_ROWS:
        return
    smaller, larger = ([candidate], others) if rows <= of_feed else (others, [candidate])
    report = hashes.sums_by_place(smaller, cell)
    if ((pc.sum(report["lines"]).as_py() or 0) - len(report)) * _OTHERS > len(report):
        return  # a ledger
    ledger = hashes.sums_by_place(larger, cell)
    has_other_signs = smaller[0].commit.is_debit_positive != larger[0].commit.is_debit_positive
    if _may_be_of(report, ledger) and _are_equal(report, ledger, has_other_signs=has_other_signs):
        own = report if smaller == [candidate] else ledger
        gross = Decimal(pc.sum(own["gross"]).as_py() or 0)
        yield RepeatedLines(*(others[0].event.object_key, scenario, cell[1], rows, gross), feed=feed, has_sums=True)


def _may_be_of(report: pa.Table, ledger: pa.Table) -> bool:
    """Return whether a report may be about a ledger's departments: two companies may have equal costs."""
    departments, of_ledger = ({*one["department_key"].to_pylist()} for one in (report, ledger))
    return bool(departments & of_ledger) or len(departments) == 1 < len(of_ledger)


def _are_equal(report: pa.Table, ledger: pa.Table, *, has_other_signs: bool) -> bool:
    """Return whether a ledger has the sums of a report on nearly all of its accounts."""
    of_report, of_ledger = (_by_account(one, is_absolute=has_other_signs) for one in (report, ledger))
    pairs = [(amount, of_ledger.get(account)) for account, amount in of_report.items() if amount]
    equal = {amount for amount, other in pairs if amount == other}
    differing = sum(amount != other for amount, other in pairs)
    return len(equal) >= _LEAST_ACCOUNTS and differing * _OTHERS <= len(pairs)


def _by_account(places: pa.Table, *, is_absolute: bool) -> dict[int, Decimal]:
    sums = places.group_by(["account_key"]).aggregate([("amount", "sum")])
    amounts = pc.abs(sums["amount_sum"]) if is_absolute else sums["amount_sum"]
    return dict(zip(sums["account_key"].to_pylist(), amounts.to_pylist(), strict=True))


def _counts_already(live: LiveDeliveries, candidate: LiveDelivery, cell: Cell) -> bool:
    """Return whether a version of the delivery's object has as many lines and as much money there, which count."""
    counts = count_in_cell(candidate, cell)
    return any(cell[1] in one.portion and count_in_cell(one, cell) == counts for one in live.earlier(candidate))
