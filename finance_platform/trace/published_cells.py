"""Published cells, three times: as the ledger lines give them, as the slices have them, as the warehouse shows them.

Belongs here: comparing the three, and the lines with what their delivery's commit says of them. Does not belong here:
the register and the raw zone (see `refresh.verification.verify`), the lines of one cell (see `cell_to_lines`).

Every Parquet file is read once, and every period of the warehouse once.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import islice
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.contracts.model import Contract, SliceName
from finance_platform.contracts.star import CREDIT_TYPES, FACT_FINANCIALS, STAR
from finance_platform.count_text import pluralize
from finance_platform.deliveries.commits import DeliveryCommit
from finance_platform.deliveries.lines import line_files
from finance_platform.errors import DamagedObjectError, MissingRecordError
from finance_platform.money_text import plain_money
from finance_platform.safe_text import quote_name
from finance_platform.slices.commits import SliceCommit, read_slice
from finance_platform.storage.documents import open_parquet
from finance_platform.storage.port import ObjectStore
from finance_platform.trace.cells import EarlierTypes, read_earlier_types
from finance_platform.trace.published_lines import (
    SUPERSEDED_BY,
    LineStore,
    PublishedPeriod,
    filter_scenarios,
    read_period,
    read_rows,
)
from finance_platform.warehouse.ledger import PublishedSlice
from finance_platform.warehouse.port import Queryable
from finance_platform.warehouse.statements import count_by, select_between, select_columns

_CELL = ("scenario_key", "department_key", "account_key")
_LINE = ("scenario", "period", *_CELL, "amount", "is_debit_positive")
_ZERO = Decimal("0.00")
_DIFFERENCES_NAMED = 20
_DIMENSIONS = tuple(contract for contract in STAR if not contract.sliced_by_period)

_Key = tuple[int, ...]
_Names = Callable[[_Key], str]


@dataclass(frozen=True, slots=True)
class CellDifference:
    """Something published that is not what it was made of.

    Attributes:
        subject: the file, slice or cell.
        why: what differs, a clause.
    """

    subject: str
    why: str


@dataclass(slots=True)
class _Sum:
    """Lines of a cell: their number, and their money apart by whether its sign depends on the account's type."""

    lines: int = 0
    amount: Decimal = _ZERO
    flippable: Decimal = _ZERO


@dataclass
class PublishedCells:
    """The published data of a home, to be compared.

    Attributes:
        processed: the processed zone.
        warehouse: the warehouse.
        lines: the ledger lines.
        published: the published slices.
        only: the periods to compare; None for all.
        progress: is called with a description of what was compared.
    """

    processed: ObjectStore
    warehouse: Queryable
    lines: LineStore
    published: Mapping[SliceName, PublishedSlice]
    only: Collection[str] | None = None
    progress: Callable[[str], None] = lambda _: None
    _differences: list[CellDifference] = field(default_factory=list)
    _cells: dict[str, dict[_Key, _Sum]] = field(default_factory=dict)
    _members: dict[str, dict[int, str]] = field(default_factory=dict)
    _types: dict[int, str] = field(default_factory=dict)
    _earlier_types: EarlierTypes = field(default_factory=lambda: EarlierTypes({}))

    def compare(self) -> list[CellDifference]:
        """Return every difference, in the order lines, dimensions, periods."""
        periods = self._read_periods()
        for delivery_id in dict.fromkeys([*self._contributing(periods), *self._live()]):
            self._add_delivery(delivery_id, periods)
        for contract in _DIMENSIONS:
            self._compare_dimension(contract)
        for name in periods:
            self._compare_period(name, has_lines=periods[name] is not None)
        if self.only is None:
            self._compare_other_periods(periods)
        return self._differences

    def _read_periods(self) -> dict[str, PublishedPeriod | None]:
        """Return the inputs of each published period to compare; None where they are not recorded."""
        periods: dict[str, PublishedPeriod | None] = {}
        for (table, name), slice_ in sorted(self.published.items()):
            if table == FACT_FINANCIALS.name and (self.only is None or name in self.only):
                try:
                    periods[name] = read_period(self.processed, name, slice_.version)
                except MissingRecordError as error:
                    self._differ(f"slice {name}", f"cannot be compared with its lines: {error.found}")
                    periods[name] = None
        return periods

    @staticmethod
    def _contributing(periods: Mapping[str, PublishedPeriod | None]) -> list[str]:
        return [delivery_id for period in periods.values() if period for delivery_id in period.scenarios]

    def _live(self) -> list[str]:
        if self.only is not None:
            return []
        return [delivery.delivery_id for delivery in self.lines.state.ledger]

    # Ledger lines

    def _add_delivery(self, delivery_id: str, periods: Mapping[str, PublishedPeriod | None]) -> None:
        """Add a delivery's lines to the cells that they are in, and compare them with its commit."""
        commit = self.lines.commits.get(delivery_id)
        if commit is None:
            self._differ(f"delivery {delivery_id}", "is part of what is published, and its record is missing")
            return
        wanted = {name: period for name, period in periods.items() if period and delivery_id in period.scenarios}
        keys = dict.fromkeys(name for one in wanted.values() for name in self.lines.key_columns(delivery_id, one))
        counts: dict[tuple[str, str], tuple[int, Decimal]] = {}
        try:
            for table in read_rows(self.processed, delivery_id, line_files(commit), [*_LINE, *keys], {}):
                _count(counts, table)
                for name, period in wanted.items():
                    self._add_lines(table.filter(pc.equal(table["period"], name)), delivery_id, period)
        except DamagedObjectError as error:
            self._differ(error.key, f"is damaged: {error.why}")
            return
        self._compare_counts(commit, counts)
        self.progress(commit.object_key)

    def _add_lines(self, lines: pa.Table, delivery_id: str, period: PublishedPeriod) -> None:
        counting = filter_scenarios(lines, period.scenarios[delivery_id])
        marked = self.lines.add_superseded_by(counting, delivery_id, period)
        live = marked.filter(pc.is_null(marked[SUPERSEDED_BY]))
        sums = live.group_by([*_CELL, "is_debit_positive"]).aggregate([("amount", "sum"), ("amount", "count")])
        cells = self._cells.setdefault(period.period, {})
        for row in sums.to_pylist():
            cell = cells.setdefault(tuple(row[name] for name in _CELL), _Sum())
            cell.lines += row["amount_count"]
            if row["is_debit_positive"]:
                cell.flippable += row["amount_sum"]
            else:
                cell.amount += row["amount_sum"]

    def _compare_counts(self, commit: DeliveryCommit, counts: Mapping[tuple[str, str], tuple[int, Decimal]]) -> None:
        declared = {(one.scenario, one.period): (one.rows, one.amount) for one in commit.periods}
        for place in sorted(declared.keys() | counts.keys()):
            found, expected = counts.get(place, (0, _ZERO)), declared.get(place, (0, _ZERO))
            if found != expected:
                self._differ(
                    quote_name(commit.object_key),
                    f"{place[0]} {place[1]}: its ledger lines are {_lines(*found)}, and its record deliveries/"
                    f"{commit.delivery_id}.json says {_lines(*expected)}",
                )

    # Slices and the warehouse

    def _compare_dimension(self, contract: Contract) -> None:
        commit, rows = self._read_slice((contract.name, "all"), contract)
        names = [column.name for column in contract.stored_columns]
        stored = self.warehouse.query(select_columns(contract, names)).rows
        key = names.index(contract.surrogate_key or contract.natural_key[0])
        code = names.index(contract.natural_key[0])
        self._members[contract.name] = {row[key]: str(row[code]) for row in stored}
        if contract.name == "dim_account":
            account_type = names.index("account_type")
            self._types = {row[key]: row[account_type] for row in stored}
            self._earlier_types = read_earlier_types(self.warehouse)
        if commit is not None:
            built = {row[key]: row for row in rows}
            shown = {row[key]: row for row in stored}
            self._compare_number(contract.table, len(shown), len(stored))
            self._compare_rows(built, shown, names, lambda one: f"{contract.table} {self._code(contract.name, one[0])}")
        self.progress(contract.table)

    def _compare_period(self, name: str, *, has_lines: bool) -> None:
        commit, rows = self._read_slice((FACT_FINANCIALS.name, name), FACT_FINANCIALS)
        columns = [column.name for column in FACT_FINANCIALS.stored_columns]
        if commit is not None:
            key = [columns.index(column) for column in FACT_FINANCIALS.natural_key]
            first = int(name.replace("-", "")) * 100
            bounds = {"first": first, "last": first + 99}
            stored = self.warehouse.query(select_between(FACT_FINANCIALS, columns, "date_key"), bounds).rows
            built = {tuple(row[place] for place in key): row for row in rows}
            shown = {tuple(row[place] for place in key): row for row in stored}
            self._compare_number(name, len(shown), len(stored))
            self._compare_rows(built, shown, columns, self._name_of_row)
            if has_lines:
                self._compare_lines(name, _cells_of(rows, columns))
        self._cells.pop(name, None)
        self.progress(name)

    def _compare_number(self, subject: str, keys: int, rows: int) -> None:
        """Report rows of the warehouse with the key of another one; a join counts each of them."""
        if rows > keys:
            verb = "row of the warehouse repeats" if rows - keys == 1 else "rows of the warehouse repeat"
            self._differ(subject, f"{rows - keys:,} {verb} the key of another one")

    def _compare_other_periods(self, periods: Collection[str]) -> None:
        """Report rows of the warehouse in a period that was never published: no slice is compared with them."""
        counts: dict[str, int] = {}
        for day, rows in self.warehouse.query(count_by(FACT_FINANCIALS, "date_key")).rows:
            period = "no period" if day is None else f"{str(day)[:4]}-{str(day)[4:6]}"
            counts[period] = counts.get(period, 0) + int(rows)
        for period in sorted(counts.keys() - periods):
            self._differ(period, f"the warehouse has rows there ({counts[period]:,}), and nothing was published")

    def _read_slice(self, name: SliceName, contract: Contract) -> tuple[SliceCommit | None, list[tuple[Any, ...]]]:
        """Return a published slice and its rows, after comparing them with its commit and the load ledger."""
        slice_ = self.published.get(name)
        if slice_ is None:
            return None, []
        label = f"slice {contract.table} {name[1]}"
        commit = read_slice(self.processed, *name, slice_.version)
        if commit is None:
            self._differ(label, f"its record of version {slice_.version} is missing or damaged")
            return None, []
        rows: list[tuple[Any, ...]] = []
        columns = [column.name for column in contract.stored_columns]
        try:
            for file in commit.files:
                with open_parquet(self.processed, file.key, columns) as parquet:
                    table = parquet.read(columns=columns)
                rows += zip(*(table[column].to_pylist() for column in columns), strict=True)
        except DamagedObjectError as error:
            self._differ(error.key, f"is damaged: {error.why}")
            return None, []
        self._compare_totals(label, slice_, commit, _totals(rows, columns))
        return commit, rows

    def _compare_totals(
        self, label: str, slice_: PublishedSlice, commit: SliceCommit, found: tuple[int, Decimal, Decimal]
    ) -> None:
        amount = sum((one.amount for one in commit.sums), _ZERO)
        budget = sum((one.budget_amount for one in commit.sums), _ZERO)
        if found != (commit.row_count, amount, budget):
            expected = _rows(commit.row_count, amount)
            self._differ(label, f"its files have {_rows(*found[:2])}, and its record says {expected}")
        if (slice_.row_count, slice_.amount) != (commit.row_count, amount):
            ledger = _rows(slice_.row_count, slice_.amount)
            self._differ(label, f"the load ledger says {ledger}, and its record {_rows(commit.row_count, amount)}")

    def _compare_rows(
        self,
        built: Mapping[Any, tuple[Any, ...]],
        shown: Mapping[Any, tuple[Any, ...]],
        columns: Sequence[str],
        name: _Names,
    ) -> None:
        """Compare the rows of a slice with those of the warehouse."""
        differing = (key for key in sorted(built.keys() | shown.keys()) if built.get(key) != shown.get(key))
        for key in islice(differing, _DIFFERENCES_NAMED):
            self._differ(
                name(key if isinstance(key, tuple) else (key,)), _describe(built.get(key), shown.get(key), columns)
            )
        if more := sum(1 for _ in differing):
            self._differ("the warehouse", f"{more:,} more rows of this slice differ")

    def _compare_lines(self, period: str, cells: Mapping[_Key, tuple[int, Decimal]]) -> None:
        """Compare the cells of a slice with the lines that it was built from."""
        lines = self._cells.get(period, {})
        differing = (key for key in sorted(cells.keys() | lines.keys()) if not self._adds_up(period, key, cells, lines))
        for key in islice(differing, _DIFFERENCES_NAMED):
            found = lines.get(key, _Sum())
            self._differ(
                f"{period} {self._name_of_cell(key)}",
                f"is {_lines(*cells.get(key, (0, _ZERO)))} in its slice, and its ledger lines are "
                f"{_lines(found.lines, self._signed(period, key, found))}",
            )
        if more := sum(1 for _ in differing):
            self._differ(period, f"{more:,} more cells differ from their ledger lines")

    def _adds_up(
        self, period: str, key: _Key, cells: Mapping[_Key, tuple[int, Decimal]], lines: Mapping[_Key, _Sum]
    ) -> bool:
        count, amount = cells.get(key, (0, _ZERO))
        found = lines.get(key, _Sum())
        return count == found.lines and amount == self._signed(period, key, found)

    def _signed(self, period: str, key: _Key, found: _Sum) -> Decimal:
        """Return the money of lines with the sign that the type of the account in the period gives them."""
        account_type = self._earlier_types.type_in(period, key[2], self._types.get(key[2], ""))
        is_credit = account_type in CREDIT_TYPES
        return found.amount - found.flippable if is_credit else found.amount + found.flippable

    def _name_of_row(self, key: _Key) -> str:
        day, department, account, scenario = key
        text = str(day)
        return f"{text[:4]}-{text[4:6]}-{text[6:]} {self._name_of_cell((scenario, department, account))}"

    def _name_of_cell(self, key: _Key) -> str:
        scenario, department, account = key
        return (
            f"{self._code('dim_scenario', scenario)}, department {self._code('dim_department', department)}, "
            f"account {self._code('dim_account', account)}"
        )

    def _code(self, dimension: str, key: int) -> str:
        return quote_name(self._members.get(dimension, {}).get(key, str(key)))

    def _differ(self, subject: str, why: str) -> None:
        self._differences.append(CellDifference(subject, why))


def _count(counts: dict[tuple[str, str], tuple[int, Decimal]], lines: pa.Table) -> None:
    for row in lines.group_by(["scenario", "period"]).aggregate([("amount", "sum"), ("amount", "count")]).to_pylist():
        place = (row["scenario"], row["period"])
        rows, amount = counts.get(place, (0, _ZERO))
        counts[place] = rows + row["amount_count"], amount + row["amount_sum"]


def _cells_of(rows: Sequence[tuple[Any, ...]], columns: Sequence[str]) -> dict[_Key, tuple[int, Decimal]]:
    """Return lines and money of each cell of a period's rows; without rows that only have a budget."""
    places = [columns.index(name) for name in (*_CELL, "transaction_count", "amount")]
    cells: dict[_Key, tuple[int, Decimal]] = {}
    for row in rows:
        *key, count, amount = (row[place] for place in places)
        if count or amount:
            before = cells.get(tuple(key), (0, _ZERO))
            cells[tuple(key)] = before[0] + count, before[1] + amount
    return cells


def _totals(rows: Sequence[tuple[Any, ...]], columns: Sequence[str]) -> tuple[int, Decimal, Decimal]:
    sums = [
        sum((row[columns.index(name)] for row in rows), _ZERO) if name in columns else _ZERO
        for name in ("amount", "budget_amount")
    ]
    return len(rows), sums[0], sums[1]


def _describe(built: tuple[Any, ...] | None, shown: tuple[Any, ...] | None, columns: Sequence[str]) -> str:
    if built is None:
        return "is in the warehouse, and not in what was loaded"
    if shown is None:
        return "was loaded, and is not in the warehouse"
    differing = [place for place in range(len(columns)) if built[place] != shown[place]]
    return "; ".join(f"{columns[place]} was loaded as {built[place]} and is {shown[place]}" for place in differing)


def _lines(count: int, amount: Decimal) -> str:
    return f"{plain_money(amount)} in {pluralize(count, 'line')}"


def _rows(count: int, amount: Decimal) -> str:
    return f"{pluralize(count, 'row')} of {plain_money(amount)}"
