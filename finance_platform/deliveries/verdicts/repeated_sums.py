"""Lines that are the sums of another feed's: a report counts beside the ledger that it was made of.

Belongs here: which deliveries are compared by their sums, and what equal sums are. Does not belong here: equal lines
(see `repeated_lines`), reading lines (see `account_sums`).

A forecast 3+9 has the actual amounts of three months, and a trial balance has those of the ledger. No line is equal to
another one, so each of these months counted twice. A plan by quarter has the amounts of the plan by month.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

from finance_platform.deliveries.live_lines import Cell, claimed_cells
from finance_platform.deliveries.state import LiveDelivery
from finance_platform.deliveries.verdicts.account_sums import AccountSums, CellSums, add_up
from finance_platform.deliveries.verdicts.live_deliveries import LiveDeliveries, count_in_cell
from finance_platform.deliveries.verdicts.repeated_lines import RepeatedLines
from finance_platform.feeds.values.codes import fold
from finance_platform.feeds.values.dates import period_number, periods_between, periods_of_year

_LEAST_ACCOUNTS = 4
"""Accounts with different amounts that are no chance if another feed has the same sum on each of them."""
_OTHERS = 10
"""One account in so many may have another sum: the ledger goes on after a report was made."""

_SPANS = (12, 6, 3)
"""Months whose amounts may count in the first one."""
_LEAST_PARTS = 2

_MOST_ROWS = 20_000
"""Lines of a report in one period."""
_MOST_FILES = 20
"""Of a feed in one period; of more, such as one for each voucher, each would be opened."""


def find_repeated_sums(sums: CellSums, live: LiveDeliveries, candidate: LiveDelivery) -> list[RepeatedLines]:
    """Return the scenarios and periods in which a delivery and another feed have the same sums by account.

    Either the delivery or the feed must be a report, with hardly more lines than places. Departments are not compared,
    since a report may have none. Of Actual each period is compared, of a plan all periods that both have, because one
    may be spread over the months of a quarter; or, if one has few of them, all that count in its first month. Nothing
    is found if a version of the delivery's object counts as it is.

    Args:
        sums: reads the sums of lines.
        live: the deliveries that count.
        candidate: the delivery that is judged.
    """
    if candidate.event.kind != "ledger":
        return []
    scenarios = {fold(one.scenario): one for one in candidate.commit.periods}
    groups: dict[tuple[str, str], list[Cell]] = {}
    for cell in sorted(claimed_cells(candidate)):
        if cell[1] in candidate.portion and cell[0] in scenarios and not _counts_already(live, candidate, cell):
            period = cell[1] if scenarios[cell[0]].scenario_type == "Actual" else ""
            groups.setdefault((cell[0], period), []).append(cell)
    return [
        repeated
        for (scenario, period), cells in groups.items()
        for repeated in _find_in_cells(sums, live, candidate, cells, scenarios[scenario].scenario, is_plan=not period)
    ]


def _find_in_cells(
    sums: CellSums,
    live: LiveDeliveries,
    candidate: LiveDelivery,
    cells: Sequence[Cell],
    scenario: str,
    *,
    is_plan: bool,
) -> Iterator[RepeatedLines]:
    """Yield the feeds that have the same sums as a delivery in the cells that both have, or in spans of months."""
    if sum(count_in_cell(candidate, cell).rows for cell in cells) < _LEAST_ACCOUNTS:
        return
    for feed in live.other_feeds(candidate):
        for own_cells, others in _compared(live, candidate, feed, cells, is_plan=is_plan):
            if not _are_one(sums, candidate, own_cells, others):
                continue
            key = next(iter(others.values()))[0].event.object_key
            for cell in own_cells:
                own, of_cell = sums.of([candidate], cell), others.get(cell)
                of_file = of_cell[0].event.object_key if of_cell else key
                yield RepeatedLines(of_file, scenario, cell[1], own.lines, own.gross, feed=feed, has_sums=True)
            break


def _compared(
    live: LiveDeliveries, candidate: LiveDelivery, feed: str, cells: Sequence[Cell], *, is_plan: bool
) -> Iterator[tuple[Sequence[Cell], Mapping[Cell, list[LiveDelivery]]]]:
    """Yield cells of a delivery, and those of a feed that may have the same sums: the same ones, or those of spans.

    A plan of years, halves or quarters that nothing divides counts in the first month of each.
    """
    others = _few(live, candidate, feed, cells)
    if others:
        yield list(others), others
    if not (is_plan and others):
        return
    scenario, first, last = cells[0][0], cells[0][1], cells[-1][1]
    until = periods_of_year(last, int(last[5:]))[-1]
    others = _few(live, candidate, feed, [(scenario, period) for period in periods_between(first, until)])
    coarse, fine = sorted(([period for _, period in cells], [period for _, period in others]), key=len)
    if len(fine) < _LEAST_PARTS * len(coarse):
        return
    starts = [period_number(period) for period in coarse]
    gaps = [after - before for before, after in pairwise(starts)]
    for months in [min(gaps)] if gaps else _SPANS:
        of_span = {one: [at for at in fine if 0 <= period_number(at) - period_number(one) < months] for one in coarse}
        used = {period for one, parts in of_span.items() if parts for period in (one, *parts)}
        of_feed = {cell: deliveries for cell, deliveries in others.items() if cell[1] in used}
        own = [cell for cell in cells if cell[1] in used]
        if own and of_feed:
            yield own, of_feed


def _few(
    live: LiveDeliveries, candidate: LiveDelivery, feed: str, cells: Sequence[Cell]
) -> dict[Cell, list[LiveDelivery]]:
    few = {cell: live.few_of_other_feed(candidate, feed, cell, _MOST_FILES) for cell in cells}
    return {cell: deliveries for cell, deliveries in few.items() if deliveries}


def _are_one(
    sums: CellSums, candidate: LiveDelivery, cells: Sequence[Cell], others: Mapping[Cell, list[LiveDelivery]]
) -> bool:
    """Return whether the sums of a delivery in some cells are those of the deliveries of a feed in its cells."""
    rows = sum(count_in_cell(candidate, cell).rows for cell in cells)
    of_feed = sum(count_in_cell(one, cell).rows for cell, deliveries in others.items() for one in deliveries)
    if not _LEAST_ACCOUNTS <= min(rows, of_feed) <= _MOST_ROWS:
        return False
    own = {cell: [candidate] for cell in cells}
    smaller, larger = (own, others) if rows <= of_feed else (others, own)
    report = add_up(sums.of(deliveries, cell) for cell, deliveries in smaller.items())
    if (report.lines - report.places) * _OTHERS > report.places:
        return False  # a ledger
    ledger = add_up(sums.of(deliveries, cell) for cell, deliveries in larger.items())
    side = next(iter(others.values()))[0].commit.is_debit_positive
    has_other_signs = candidate.commit.is_debit_positive != side
    return _may_be_of(report, ledger) and _are_equal(report, ledger, has_other_signs=has_other_signs)


def _may_be_of(report: AccountSums, ledger: AccountSums) -> bool:
    """Return whether a report may be about a ledger's departments: two companies may have equal costs."""
    departments, of_ledger = report.departments, ledger.departments
    return not departments.isdisjoint(of_ledger) or len(departments) == 1 < len(of_ledger)


def _are_equal(report: AccountSums, ledger: AccountSums, *, has_other_signs: bool) -> bool:
    """Return whether a ledger has the sums of a report on nearly all of its accounts.

    Of two that have nothing to do with each other, a few accounts say so.
    """
    of_report, of_ledger = (one.absolute if has_other_signs else one.by_account for one in (report, ledger))
    equal, differing = set(), 0
    for account, amount in of_report.items():
        if of_ledger.get(account) == amount:
            equal.add(amount)
        else:
            differing += 1
            if differing * _OTHERS > len(of_report):
                return False
    return len(equal) >= _LEAST_ACCOUNTS


def _counts_already(live: LiveDeliveries, candidate: LiveDelivery, cell: Cell) -> bool:
    """Return whether a version of the delivery's object has as many lines and as much money there, which count."""
    counts = count_in_cell(candidate, cell)
    return any(cell[1] in one.portion and count_in_cell(one, cell) == counts for one in live.earlier(candidate))
