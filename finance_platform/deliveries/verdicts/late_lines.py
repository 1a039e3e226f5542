"""Late lines: those of a delivery that wait because they would change a closed period, while its others count.

Belongs here: which periods wait, and which of them are decided together. Does not belong here: whether a closed period
would change (see `hold_reasons`), what follows from the verdict (see `state_derivation`).

A line whose date moves from one period to another would be published in both, or in neither, if only one of them
waited; half a voucher does not balance; a reversal does not cancel a line that waits; and of a year that is spread like
other amounts, only all periods together add up to the amount of the year. So periods that have such a line, voucher,
pair of line and reversal, or year in common wait together, and a period waits or counts with all lines that the
delivery has there. That a year was spread by other weights is seen by the proportions of its lines.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal

import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.contracts.schemas import SUM_OF_MONEY_TYPE
from finance_platform.deliveries.live_lines import Cell, LiveLines, LiveSet, Superseded, cell_of
from finance_platform.deliveries.state import LiveDelivery
from finance_platform.deliveries.verdicts.live_deliveries import LiveDeliveries
from finance_platform.deliveries.verdicts.removals import changed_deliveries
from finance_platform.deliveries.verdicts.restated_cells import find_restated_cells
from finance_platform.deliveries.verdicts.reversals import has_reversals
from finance_platform.feeds.values.codes import fold

_COLUMNS = ("period", "scenario", "line_key", "transaction_id", "department_key", "account_key", "amount")
_NUMBERS = ("transaction_id", "reverses_transaction_id")
_REVERSAL = ("period", "scenario", "department_key", "account_key", "amount", *_NUMBERS)
_PLACE = ("identity", "period", "scenario", "department_key", "account_key", "amount")
_SEPARATOR = "\x1f"

_SHARE = ("department_key", "account_key", "amount")
_CENT = Decimal("0.01")
_Place = tuple[str, str, int, int]
"""Year, scenario, department and account."""
_Share = tuple[str, Decimal, int]
"""Period, amount and number of lines."""

Groups = tuple[tuple[str, ...], ...]
"""Periods that are decided together."""


def find_late_periods(
    lines: LiveLines,
    live: LiveDeliveries,
    candidate: LiveDelivery,
    restated: Collection[Cell],
    links: Iterable[tuple[str, ...]],
) -> Groups:
    """Return the periods whose lines wait while the candidate counts in its others; none if all that changes waits.

    A candidate that counts in part already is never held as a whole.

    Args:
        lines: reads the lines of the deliveries that count, and of the candidate.
        live: the deliveries that count.
        candidate: the delivery that is judged.
        restated: the scenarios and closed periods that it would change.
        links: further periods that are decided together.
    """
    cells = live.affected_cells(candidate)
    closed = {period for _, period in restated}
    changed = {period for _, period in find_restated_cells(lines, live, candidate, cells)}
    if changed <= closed and not candidate.late:
        return ()
    links = [
        *links,
        *_linked_by_vouchers(live, candidate),
        *_linked_by_reversals(lines, live, candidate, cells),
        *_linked_by_years(lines, live, candidate, cells, changed),
        *find_moves(lines, live, candidate, cells),
    ]
    groups = [group for group in _connected(closed, links) if closed.intersection(group)]
    late = {period for group in groups for period in group}
    return () if changed <= late and not candidate.late else tuple(sorted(tuple(sorted(group)) for group in groups))


def _linked_by_vouchers(live: LiveDeliveries, candidate: LiveDelivery) -> Iterable[tuple[str, ...]]:
    for delivery in (candidate, *live.earlier(candidate)):
        yield from map(tuple, delivery.commit.voucher_periods)


def _linked_by_years(
    lines: LiveLines, live: LiveDeliveries, candidate: LiveDelivery, cells: Collection[Cell], changed: Collection[str]
) -> Iterable[tuple[str, ...]]:
    """Yield the changed periods of each fiscal year, if the candidate has years that were spread in another way.

    When the amounts change that years are spread like, or the weights of the descriptor, money of the year moves
    between all of its periods. Years of other contents by the same weights differ by what was sent alone.
    """
    findings = candidate.commit.findings
    if not findings.weight_years:
        return
    of_year: dict[str, list[str]] = {}
    for period in sorted(changed):
        of_year.setdefault(findings.spread_year(period), []).append(period)
    by_others = of_year if candidate.commit.unweighted_id else _years_by_other_weights(lines, live, candidate, cells)
    yield from (tuple(periods) for year, periods in of_year.items() if year in by_others)


def _years_by_other_weights(
    lines: LiveLines, live: LiveDeliveries, candidate: LiveDelivery, cells: Collection[Cell]
) -> set[str]:
    """Return the years that a candidate divides in another way than deliveries of which it replaces lines.

    All lines of these are compared, also of periods in which others count: a year whose late lines wait has the amounts
    of two contents. The same content under other rules is another division in any case.
    """
    own = _shares(lines, candidate, candidate)
    before, after = live.live_sets(candidate, cells)
    years = set()
    for name in changed_deliveries(lines, before, after, cells):
        other = before.of_feed[name]
        if other.event.fingerprint == candidate.event.fingerprint:
            return {year for year, *_ in own}
        shares = _shares(lines, other, candidate)
        years |= {place[0] for place in own.keys() & shares.keys() if _are_divided_otherwise(own[place], shares[place])}
    return years


def _shares(lines: LiveLines, delivery: LiveDelivery, candidate: LiveDelivery) -> dict[_Place, list[_Share]]:
    """Return the lines of a delivery by year, as the candidate has them, scenario, department and account."""
    commit = delivery.commit_of_all or delivery.commit
    whole = replace(delivery, commit=commit)
    cells = {(fold(count.scenario), count.period) for count in commit.periods}
    table = lines.read(whole, Superseded(), cells, _SHARE)
    table = table.set_column(table.column_names.index("amount"), "amount", table["amount"].cast(SUM_OF_MONEY_TYPE))
    sums = table.group_by(["cell", "department_key", "account_key"]).aggregate([("amount", "sum"), ([], "count_all")])
    shares: dict[_Place, list[_Share]] = {}
    for row in sums.to_pylist():
        scenario, period = cell_of(row["cell"])
        place = candidate.commit.findings.spread_year(period), scenario, row["department_key"], row["account_key"]
        shares.setdefault(place, []).append((period, row["amount_sum"], row["count_all"]))
    return shares


def _are_divided_otherwise(one: Sequence[_Share], other: Sequence[_Share]) -> bool:
    """Return whether two amounts of a year have other proportions; each line may have lost or gained a cent."""
    first, second = ({period: amount for period, amount, _ in shares} for shares in (one, other))
    total, other_total = (sum(shares.values(), Decimal(0)) for shares in (first, second))
    rows, other_rows = (sum(count for *_, count in shares) for shares in (one, other))
    cents = _CENT * (rows * abs(other_total) + other_rows * abs(total))
    return any(
        abs(first.get(period, 0) * other_total - second.get(period, 0) * total) > cents for period in {*first, *second}
    )


def _linked_by_reversals(
    lines: LiveLines, live: LiveDeliveries, candidate: LiveDelivery, cells: Collection[Cell]
) -> Iterable[tuple[str, str]]:
    """Yield the pairs of periods of which one has a line that changes, and the other one a reversal of it that does.

    The reversal of a line that stays as it is, such as an accrual of a closed month, links nothing: what it cancels is
    published.
    """
    if not any(map(has_reversals, (candidate, *live.earlier(candidate)))):
        return
    before, after = live.live_sets(candidate, cells)
    old, new = (read_changed(lines, *sets, cells, _REVERSAL) for sets in ((before, after), (after, before)))
    changed = pa.concat_tables([_lacking(new, old), _lacking(old, new)])
    named = changed.select(["scenario", "transaction_id", "period"])
    reversals = changed.select(["scenario", "reverses_transaction_id", "period"]).rename_columns(
        ["scenario", "transaction_id", "other"]
    )
    pairs = named.filter(pc.is_valid(named["transaction_id"])).join(
        reversals.filter(pc.is_valid(reversals["transaction_id"])),
        keys=["scenario", "transaction_id"],
        join_type="inner",
    )
    apart = pairs.filter(pc.not_equal(pairs["period"], pairs["other"])).group_by(["period", "other"]).aggregate([])
    yield from zip(apart["period"].to_pylist(), apart["other"].to_pylist(), strict=True)


def _lacking(lines: pa.Table, others: pa.Table) -> pa.Table:
    """Return the lines with `_REVERSAL` that the others lack; of several equal ones, one if there are fewer."""
    columns = list(_REVERSAL)
    # A join matches no nulls, and a line without a number may equal another one.
    own, other = (_with_texts(table).group_by(columns).aggregate([([], "count_all")]) for table in (lines, others))
    joined = own.join(other.rename_columns([*columns, "other_count"]), keys=columns, join_type="left outer")
    lacking = joined.filter(pc.greater(joined["count_all"], pc.fill_null(joined["other_count"], 0))).select(columns)
    for name in _NUMBERS:
        column = lacking[name]
        lacking = lacking.set_column(columns.index(name), name, pc.if_else(pc.equal(column, ""), None, column))
    return lacking


def _with_texts(lines: pa.Table) -> pa.Table:
    """Return lines with `_REVERSAL` whose numbers are texts that may be empty."""
    table = lines.select(list(_REVERSAL))
    for name in _NUMBERS:
        table = table.set_column(table.column_names.index(name), name, pc.fill_null(table[name], ""))
    return table


def find_moves(
    lines: LiveLines, live: LiveDeliveries, candidate: LiveDelivery, cells: Collection[Cell]
) -> Iterable[tuple[str, str]]:
    """Yield the pairs of periods between which a line moves: it leaves the first one and is in the second one then."""
    before, after = live.live_sets(candidate, cells)
    is_alike = candidate.event.load_mode == "append"
    old = _identified(read_changed(lines, before, after, cells, _COLUMNS), by_content=is_alike)
    new = _identified(read_changed(lines, after, before, cells, _COLUMNS), by_content=is_alike)
    gone, come = _rest(old, new), _rest(new, old)
    moved = gone.join(come.rename_columns(["identity", "to"]), keys="identity", join_type="inner", coalesce_keys=True)
    moved = moved.filter(pc.not_equal(moved["period"], moved["to"]))
    pairs = moved.group_by(["period", "to"]).aggregate([])
    yield from zip(pairs["period"].to_pylist(), pairs["to"].to_pylist(), strict=True)


def read_changed(
    lines: LiveLines, live: LiveSet, other: LiveSet, cells: Collection[Cell], columns: Sequence[str]
) -> pa.Table:
    """Return the lines that count in one set, of the deliveries of which others count in the other set."""
    changed = changed_deliveries(lines, live, other, cells)
    tables = [lines.read(live.of_feed[name], superseded, cells, columns) for name, superseded in changed.items()]
    return pa.concat_tables([lines.nothing(columns), *tables])


def _identified(lines: pa.Table, *, by_content: bool) -> pa.Table:
    """Return lines with what names each of them wherever it is booked: its key, else its number in the source.

    Args:
        lines: with `_COLUMNS`.
        by_content: whether a line without both is the one of the same scenario, department, account and amount. Cells
            of a plan have the same amount in many periods and do not move.
    """
    texts = lines.set_column(lines.column_names.index("amount"), "amount", pc.cast(lines["amount"], pa.string()))
    of_key = pc.binary_join_element_wise("key", texts["line_key"], _SEPARATOR)
    of_number = pc.binary_join_element_wise("number", texts["scenario"], texts["transaction_id"], _SEPARATOR)
    names = [of_key, of_number]
    if by_content:
        keys = [pc.cast(texts[name], pa.string()) for name in ("department_key", "account_key")]
        names.append(pc.binary_join_element_wise("line", texts["scenario"], *keys, texts["amount"], _SEPARATOR))
    identified = texts.append_column("identity", pc.coalesce(*names))
    return identified.filter(pc.is_valid(identified["identity"])).select(list(_PLACE))


def _rest(lines: pa.Table, others: pa.Table) -> pa.Table:
    """Return identity and period of the lines that the others lack; of several equal ones, if there are fewer."""
    columns = list(_PLACE)
    own = lines.group_by(columns).aggregate([([], "count_all")])
    other = others.group_by(columns).aggregate([([], "count_all")]).rename_columns([*columns, "other_count"])
    joined = own.join(other, keys=columns, join_type="left outer")
    lacking = joined.filter(pc.greater(joined["count_all"], pc.fill_null(joined["other_count"], 0)))
    return lacking.group_by(["identity", "period"]).aggregate([]).select(["identity", "period"])


def _connected(periods: Iterable[str], links: Iterable[tuple[str, ...]]) -> list[set[str]]:
    """Return the periods, and those that links lead to, in groups that no link leaves."""
    group_of: dict[str, set[str]] = {period: {period} for period in periods}
    for link in links:
        joined = set[str]().union(*(group_of.get(period, {period}) for period in link))
        group_of |= dict.fromkeys(joined, joined)
    return _distinct(group_of)


def _distinct(group_of: Mapping[str, set[str]]) -> list[set[str]]:
    return list({id(group): group for group in group_of.values()}.values())
