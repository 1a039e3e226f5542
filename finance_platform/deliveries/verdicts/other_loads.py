"""Files that count as they were read under another `load`, beside a new file that does not replace their lines.

Belongs here: finding them for a content that comes first under the new `load`, and years. Does not belong here: files
that are read again under it (see `returning_lines`), what is done about them (see `acceptance`).

Deliveries of different load modes replace nothing of each other (181). After a change of `load`, files that are held or
gone from the raw zone still count as they were read before, and a correction of their lines would count beside them.
So it is with deliveries whose keys or scopes have other fields: none of these texts are equal (467), and with years
that were spread by other weights, and have lines in other periods (603, 652, 780, 781).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.contracts.schemas import SUM_OF_MONEY_TYPE
from finance_platform.deliveries.live_lines import Cell, LiveLines, LiveSet, Superseded, cell_of, claimed_cells
from finance_platform.deliveries.state import LiveDelivery, replaced_cells, replaces_periods
from finance_platform.deliveries.verdicts.live_deliveries import LiveDeliveries, cells_of_lines, count_in_cell
from finance_platform.deliveries.verdicts.returning_lines import ReturningLines, sums_by_cell
from finance_platform.feeds.values.codes import fold
from finance_platform.safe_text import quote_name

_PLACE = ["posting_date", "department_key", "account_key"]
_NUMBER = "transaction_id"
COLUMNS_OF_FIELDS = {
    "department": "department_key",
    "account": "account_key",
    "date": "document_date",
    "period": "period",
} | {name: name for name in ("scenario", "transaction_id", "description")}
"""By field of a key or scope, the column of lines that has it; there is none for the business unit."""


@dataclass(frozen=True)
class OtherLoad:
    """The lines of a file in a scenario and period that were read under another `load`.

    Attributes:
        object_key: the file.
        scenario: as the candidate spells it, or the file.
        period: YYYY-MM.
        rows: how many lines.
        amount: their sum, sign as delivered.
        is_spread: whether they are of years that were spread by other weights.
        is_later: whether the file is later, and these are lines of the candidate that it does not replace.
    """

    object_key: str
    scenario: str
    period: str
    rows: int
    amount: Decimal
    is_spread: bool = False
    is_later: bool = False

    @property
    def which(self) -> str:
        """Which lines they are, as a clause."""
        file = quote_name(self.object_key)
        if self.is_later:
            return f"{file}, whose years were spread by other weights, does not replace all of its lines"
        if self.is_spread:
            return f"it does not replace all lines of {file}, whose years were spread by other weights"
        return f"it replaces no line of {file}, which counts as it was read before `load` was changed"


def find_other_loads(lines: LiveLines, live: LiveDeliveries, candidate: LiveDelivery) -> list[OtherLoad]:
    """Return the lines of its feed that a new content would replace if they had been read under its `load`.

    Under replace_period those of the scenarios and periods that it covers, under upsert those of files that have one of
    its numbers there, or a line without a number on the same day, department and account. Under append it replaces none
    in any case. Of files of the same load mode under another key or scope, the lines in whose fields it has a line. Of
    years with its keys that were spread by other weights, the lines in periods in which the later file has none.

    Args:
        lines: reads the lines.
        live: the deliveries that count.
        candidate: the delivery that is judged.
    """
    event = candidate.event
    if event.kind != "ledger" or event.load_mode == "append":
        return []
    years = list(_of_years(lines, live, candidate))
    if any(one.event.fingerprint == event.fingerprint for one in live.earlier(candidate)):
        return years  # it was read before, and counts as it was read then
    claimed = claimed_cells(candidate)
    of_other_modes = [
        _described(other, candidate, cell)
        for other in live.with_other_load(candidate)
        for cell in sorted(claimed & cells_of_lines(other))
        if cell[1] in candidate.portion and _concerns(lines, candidate, other, cell)
    ]
    return [*of_other_modes, *_under_other_keys(lines, live, candidate), *years]


def _under_other_keys(lines: LiveLines, live: LiveDeliveries, candidate: LiveDelivery) -> Iterator[OtherLoad]:
    """Yield the lines of its load mode that a candidate would replace if they had its key or scope.

    The fields are compared as they are stored in both; those with equal keys are replaced.
    """
    event = candidate.event
    others = live.with_other_keys(candidate) if event.keyed_by else []
    if not others:
        return
    names = [COLUMNS_OF_FIELDS[name] for name in event.keyed_by.split() if name in COLUMNS_OF_FIELDS]
    own = _own_keys(lines, candidate, names)
    compared, key = (["cell", *names], "scope_key") if event.is_scoped else (names, "line_key")
    claimed = {cell for cell in claimed_cells(candidate) if cell[1] in candidate.portion}
    for other in others:
        cells = cells_of_lines(other)
        if event.is_scoped:
            cells &= claimed
        superseded = lines.superseded(other, LiveSet(live.by_id, {}), cells)
        table = fold_scenarios(lines.read(other, superseded, cells, ["scope_key", "amount", *names]))
        table = table.join(own, keys=compared, join_type="left semi")
        table = table.join(own, keys=["cell", key] if event.is_scoped else [key], join_type="left anti")
        yield from _by_cell(table, other, candidate)


def find_returning_years(lines: LiveLines, live: LiveDeliveries, candidate: LiveDelivery) -> list[ReturningLines]:
    """Return the lines of years that count beside those of a file, after all files were judged.

    Its earlier version had replaced them, whatever its content was; the file that has them is held, or gone.

    Args:
        lines: reads the lines.
        live: the deliveries that count with the verdicts.
        candidate: a delivery that was judged.
    """
    counted = live.by_id.get(candidate.delivery_id)
    beside = _years_beside(lines, live, counted) if counted else ()
    counts = [count for one in live.in_order for count in one.commit.periods] if counted else ()
    names = {fold(count.scenario): count.scenario for count in counts}
    return [
        ReturningLines(names[cell_of(row["cell"])[0]], cell_of(row["cell"])[1], row["amount_count"], row["amount_sum"])
        for _, _, table in beside
        for row in sums_by_cell(table).to_pylist()
    ]


def _of_years(lines: LiveLines, live: LiveDeliveries, candidate: LiveDelivery) -> Iterator[OtherLoad]:
    for other, is_later, table in _years_beside(lines, live, candidate):
        yield from (replace(one, is_spread=True, is_later=is_later) for one in _by_cell(table, other, candidate))


def _years_beside(
    lines: LiveLines, live: LiveDeliveries, candidate: LiveDelivery
) -> Iterator[tuple[LiveDelivery, bool, pa.Table]]:
    """Yield the lines of years that would count beside lines of the same years and keys in other periods.

    The key of such a line is that of its year and its period, and the amounts or weights by which years are spread may
    be other ones since a file was read that is gone from the raw zone, or is held. Of two files the later one replaces
    the lines of the other one that have its keys, also where its own lines wait. Each other file comes with whether it
    is the later one, and with the lines of the earlier one.
    """
    if not candidate.commit.findings.weight_years:
        return
    same = live.with_same_keys(candidate)
    # What its earlier version replaces may be replaced by others once these are judged; see `find_returning_years`.
    live_set = LiveSet(live.by_id, {one.delivery_id: one for one in (*live.earlier(candidate), *same)})
    fields = [COLUMNS_OF_FIELDS[name] for name in candidate.event.keyed_by.split() if name in COLUMNS_OF_FIELDS]
    names = [name for name in fields if name != "period"]  # the year stands for it

    def counted(delivery: LiveDelivery) -> pa.Table:
        cells = cells_of_lines(delivery)
        superseded = lines.superseded(delivery, live_set, cells)
        table = fold_scenarios(lines.read(delivery, superseded, cells, ["scope_key", "amount", *names]))
        return _with_years(table, candidate)

    years = ["year", *names]
    own: pa.Table | None = None
    is_full = _has_all_periods(candidate)
    for other in same:
        if is_full and other.position < candidate.position:
            continue
        is_later = other.position > candidate.position
        whole = (other if is_later else candidate).with_late_lines()
        if _has_periods_of(candidate if is_later else other, whole, candidate):
            continue
        own = counted(candidate) if own is None else own
        earlier, later = (own, counted(other)) if is_later else (counted(other), own)
        beside = earlier.join(later.select(years), keys=years, join_type="left semi")
        if beside.num_rows:
            yield other, is_later, _not_replaced(lines, beside, whole)


def _not_replaced(lines: LiveLines, table: pa.Table, later: LiveDelivery) -> pa.Table:
    """Return the lines of a file that a later one with the same keys does not replace."""
    if replaces_periods(later):
        is_left = [cell_of(text) not in replaced_cells(later) for text in table["cell"].to_pylist()]
        return table.filter(pa.array(is_left, pa.bool_()))
    keys = ["cell", "scope_key"] if later.event.is_scoped else ["line_key"]
    return table.join(_own_keys(lines, later, []).select(keys), keys=keys, join_type="left anti")


def _has_all_periods(candidate: LiveDelivery) -> bool:
    """Return whether a candidate has lines in each period of its years, which are spread by weights."""
    findings = candidate.commit.findings
    periods = {count.period for count in candidate.commit.periods}
    return not candidate.commit.unweighted_id and len(periods) == len(findings.weight_years) * findings.periods_of_years


def _has_periods_of(earlier: LiveDelivery, later: LiveDelivery, candidate: LiveDelivery) -> bool:
    """Return whether counts say that a later file has each period of its years in which an earlier one has lines.

    By weights of the descriptor, each amount of a file has the same periods; by a scenario, each one may have others.
    """
    cells, others = cells_of_lines(later), cells_of_lines(earlier)
    if not later.commit.unweighted_id:
        others -= cells
    return not others or {_year_of(cell, candidate) for cell in cells}.isdisjoint(
        _year_of(cell, candidate) for cell in others
    )


def _year_of(cell: Cell, candidate: LiveDelivery) -> str:
    """Return scenario and fiscal year of a cell as one text."""
    return f"{cell[0]} {candidate.commit.findings.spread_year(cell[1])}"


def _with_years(table: pa.Table, candidate: LiveDelivery) -> pa.Table:
    """Return lines with scenario and fiscal year as one text."""
    years = [_year_of(cell_of(text), candidate) for text in table["cell"].to_pylist()]
    return table.append_column("year", pa.array(years, pa.string()))


def _by_cell(table: pa.Table, other: LiveDelivery, candidate: LiveDelivery) -> Iterator[OtherLoad]:
    table = table.set_column(table.column_names.index("amount"), "amount", table["amount"].cast(SUM_OF_MONEY_TYPE))
    sums = table.group_by("cell").aggregate([("amount", "sum"), ("amount", "count")])
    counts = {cell_of(row["cell"]): (row["amount_count"], row["amount_sum"]) for row in sums.to_pylist()}
    for cell, (rows, amount) in sorted(counts.items()):
        yield replace(_described(other, candidate, cell), rows=rows, amount=amount)


def _own_keys(lines: LiveLines, candidate: LiveDelivery, names: Sequence[str]) -> pa.Table:
    """Return the distinct cells, fields and keys of a candidate; of scopes also for each period that it declares."""
    own = lines.read(candidate, Superseded(), cells_of_lines(candidate), ["scope_key", *names])
    own = fold_scenarios(own).group_by(list(own.column_names)).aggregate([])
    declared = [period for period in candidate.commit.covers if period in candidate.portion]
    in_declared = [
        own.set_column(own.column_names.index("cell"), "cell", _in_period(own["cell"], period))
        for period in (declared if candidate.event.is_scoped else ())
    ]
    return pa.concat_tables([own, *in_declared])


def _in_period(cells: pa.ChunkedArray, period: str) -> pa.ChunkedArray:
    return pc.replace_substring_regex(cells, pattern="[0-9]{4}-[0-9]{2}$", replacement=period)


def fold_scenarios(table: pa.Table) -> pa.Table:
    """Return lines with the scenario as keys have it, if they have that column."""
    if "scenario" not in table.column_names:
        return table
    folded = pa.array([fold(name) for name in table["scenario"].to_pylist()], pa.string())
    return table.set_column(table.column_names.index("scenario"), "scenario", folded)


def _concerns(lines: LiveLines, candidate: LiveDelivery, other: LiveDelivery, cell: Cell) -> bool:
    """Return whether the candidate would replace lines of another file in a cell."""
    if candidate.event.load_mode != "upsert":
        return True
    own, of_other = (lines.read(one, Superseded(), [cell], [_NUMBER, *_PLACE]) for one in (candidate, other))
    numbers, of_others = (_numbers(table[_NUMBER]) for table in (own, of_other))
    if numbers & of_others:
        return True
    own, of_other = (table.filter(pc.is_null(table[_NUMBER])).select(_PLACE) for table in (own, of_other))
    return bool(own.join(of_other, keys=_PLACE, join_type="left semi").num_rows)


def _numbers(texts: pa.ChunkedArray) -> set[str]:
    return {fold(text) for text in _texts(texts)}


def _texts(texts: pa.ChunkedArray) -> Iterable[str]:
    return (str(text) for text in pc.unique(pc.drop_null(texts)).to_pylist())


def _described(other: LiveDelivery, candidate: LiveDelivery, cell: Cell) -> OtherLoad:
    counts = (*other.commit.periods, *candidate.commit.periods)
    names = {fold(count.scenario): count.scenario for count in counts}
    count = count_in_cell(other, cell)
    return OtherLoad(other.event.object_key, names[cell[0]], cell[1], count.rows, count.amount)
