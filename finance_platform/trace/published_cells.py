"""Published cells, three times: as the ledger lines give them, as the slices have them, as the warehouse shows them.

Belongs here: comparing the three, and the lines with what their delivery's commit says of them. Does not belong here:
the register and the raw zone (see `refresh.verification.verify`), the lines of one cell (see `cell_to_lines`).

Every Parquet file is read once, and every period of the warehouse once.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import islice
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.contracts.model import Contract, SliceName
from finance_platform.contracts.schemas import arrow_schema
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
from finance_platform.trace.cell_columns import CELL, LineSums, are_same_rows, cell_sums, cells_of, total, with_types_of
from finance_platform.trace.cells import EarlierTypes, read_earlier_types
from finance_platform.trace.published_lines import (
    SUPERSEDED_BY,
    LineStore,
    PublishedPeriod,
    filter_scenarios,
    read_period,
    read_rows,
)
from finance_platform.trace.shared_lines import (
    DELIVERY,
    count_lines,
    counting_by_period,
    read_together,
    scenarios_that_count,
    shared_files,
)
from finance_platform.warehouse.ledger import PublishedSlice
from finance_platform.warehouse.port import ColumnQueryable, Queryable
from finance_platform.warehouse.statements import count_by, select_between, select_columns

_LINE = ("scenario", "period", *CELL, "amount", "is_debit_positive")
_ZERO = Decimal("0.00")
_DIFFERENCES_NAMED = 20
_DIMENSIONS = tuple(contract for contract in STAR if not contract.sliced_by_period)

_Key = tuple[int, ...]
_Names = Callable[[_Key], str]
_Counts = dict[tuple[str, str], tuple[int, Decimal]]
"""By scenario and period: lines, and their amount."""


@dataclass(frozen=True, slots=True)
class CellDifference:
    """Something published that is not what it was made of.

    Attributes:
        subject: the file, slice or cell.
        why: what differs, a clause.
    """

    subject: str
    why: str


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
    _lines: LineSums = field(default_factory=LineSums)
    _members: dict[str, dict[int, str]] = field(default_factory=dict)
    _types: dict[int, str] = field(default_factory=dict)
    _earlier_types: EarlierTypes = field(default_factory=lambda: EarlierTypes({}))

    def compare(self) -> list[CellDifference]:
        """Return every difference, in the order lines, dimensions, periods."""
        periods = self._read_periods()
        self._add_deliveries(dict.fromkeys([*self._contributing(periods), *self._live()]), periods)
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

    def _add_deliveries(self, delivery_ids: Iterable[str], periods: Mapping[str, PublishedPeriod | None]) -> None:
        """Add the lines of deliveries: those of small deliveries that none supersedes by file, of others one by one."""
        together: list[DeliveryCommit] = []
        for delivery_id in delivery_ids:
            commit = self.lines.commits.get(delivery_id)
            if commit is None:
                self._differ(f"delivery {delivery_id}", "is part of what is published, and its record is missing")
                continue
            wanted = {name: period for name, period in periods.items() if period and delivery_id in period.scenarios}
            keys = dict.fromkeys(name for one in wanted.values() for name in self.lines.key_columns(delivery_id, one))
            if not keys and all(file.is_shared for file in line_files(commit)):
                together.append(commit)
            else:
                self._add_delivery(commit, wanted, keys)
        self._add_together(together, [period for period in periods.values() if period])

    def _add_together(self, commits: Sequence[DeliveryCommit], periods: Sequence[PublishedPeriod]) -> None:
        """Add the lines of deliveries in shared files, none of which another one supersedes; see `_add_delivery`."""
        files = shared_files(commits)
        counting = scenarios_that_count(periods)
        counts: dict[str, _Counts] = {}
        damaged: set[str] = set()
        for key, delivery_ids in files.items():
            try:
                lines = read_together(self.processed, key, delivery_ids, _LINE)
            except DamagedObjectError as error:
                self._differ(error.key, f"is damaged: {error.why}")
                damaged.update(delivery_ids)
                continue
            for delivery_id, place, number, amount in count_lines(lines, DELIVERY):
                _count(counts.setdefault(delivery_id, {}), place, number, amount)
            for name, of_period in counting_by_period(lines, delivery_ids, counting):
                self._lines.add(name, of_period)
        for commit in commits:
            if commit.delivery_id not in damaged:
                self._compare_counts(commit, counts.get(commit.delivery_id, {}))
                self.progress(commit.object_key)

    def _add_delivery(
        self, commit: DeliveryCommit, wanted: Mapping[str, PublishedPeriod], keys: Collection[str]
    ) -> None:
        """Add a delivery's lines to the cells that they are in, and compare them with its commit."""
        delivery_id = commit.delivery_id
        counts: _Counts = {}
        try:
            for table in read_rows(self.processed, delivery_id, line_files(commit), [*_LINE, *keys], {}):
                for _, place, number, amount in count_lines(table):
                    _count(counts, place, number, amount)
                for name in filter(wanted.__contains__, pc.unique(table["period"]).to_pylist()):
                    self._add_lines(table.filter(pc.equal(table["period"], name)), delivery_id, wanted[name])
        except DamagedObjectError as error:
            self._differ(error.key, f"is damaged: {error.why}")
            return
        self._compare_counts(commit, counts)
        self.progress(commit.object_key)

    def _add_lines(self, lines: pa.Table, delivery_id: str, period: PublishedPeriod) -> None:
        counting = filter_scenarios(lines, period.scenarios[delivery_id])
        marked = self.lines.add_superseded_by(counting, delivery_id, period)
        self._lines.add(period.period, marked.filter(pc.is_null(marked[SUPERSEDED_BY])))

    def _compare_counts(self, commit: DeliveryCommit, counts: _Counts) -> None:
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
        commit, table = self._read_slice((contract.name, "all"), contract)
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
            built = {row[key]: row for row in _rows_of(table)}
            shown = {row[key]: row for row in stored}
            self._compare_number(contract.table, len(shown), len(stored))
            self._compare_rows(built, shown, names, lambda one: f"{contract.table} {self._code(contract.name, one[0])}")
        self.progress(contract.table)

    def _compare_period(self, name: str, *, has_lines: bool) -> None:
        commit, built = self._read_slice((FACT_FINANCIALS.name, name), FACT_FINANCIALS)
        if commit is not None:
            shown = self._read_stored(name, built)
            if not are_same_rows(built, shown, FACT_FINANCIALS.natural_key):
                self._compare_facts(name, built, shown)
            if has_lines:
                self._compare_lines(name, cell_sums(built))
        self._lines.take(name, pa.array([], pa.int64()))
        self.progress(name)

    def _read_stored(self, name: str, built: pa.Table) -> pa.Table:
        """Return the rows of the warehouse in a period, with the names and types of those that were built."""
        first = int(name.replace("-", "")) * 100
        sql, bounds = (
            select_between(FACT_FINANCIALS, built.column_names, "date_key"),
            {"first": first, "last": first + 99},
        )
        if isinstance(self.warehouse, ColumnQueryable):
            return with_types_of(self.warehouse.query_columns(sql, bounds), built)
        rows = self.warehouse.query(sql, bounds).rows
        columns = list(zip(*rows, strict=True)) or [()] * built.num_columns
        return with_types_of(pa.table(list(map(pa.array, columns)), names=built.column_names), built)

    def _compare_facts(self, name: str, built: pa.Table, shown: pa.Table) -> None:
        """Name the rows of a period that differ: each becomes values of Python, which few periods need."""
        columns = built.column_names
        key = [columns.index(column) for column in FACT_FINANCIALS.natural_key]
        of_slice, of_warehouse = (
            {tuple(row[place] for place in key): row for row in _rows_of(table)} for table in (built, shown)
        )
        self._compare_number(name, len(of_warehouse), len(shown))
        self._compare_rows(of_slice, of_warehouse, columns, self._name_of_row)

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

    def _read_slice(self, name: SliceName, contract: Contract) -> tuple[SliceCommit | None, pa.Table]:
        """Return a published slice and its rows, after comparing them with its commit and the load ledger."""
        slice_, nothing = self.published.get(name), arrow_schema(contract.stored_columns).empty_table()
        if slice_ is None:
            return None, nothing
        label = f"slice {contract.table} {name[1]}"
        commit = read_slice(self.processed, *name, slice_.version)
        if commit is None:
            self._differ(label, f"its record of version {slice_.version} is missing or damaged")
            return None, nothing
        tables = []
        columns = [column.name for column in contract.stored_columns]
        try:
            for file in commit.files:
                with open_parquet(self.processed, file.key, columns) as parquet:
                    tables.append(parquet.read(columns=columns).select(columns))
        except DamagedObjectError as error:
            self._differ(error.key, f"is damaged: {error.why}")
            return None, nothing
        table = pa.concat_tables(tables, promote_options="permissive") if tables else nothing
        amount, budget = (total(table, one) if one in columns else _ZERO for one in ("amount", "budget_amount"))
        self._compare_totals(label, slice_, commit, (len(table), amount, budget))
        return commit, table

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

    def _compare_lines(self, period: str, built: pa.Table) -> None:
        """Compare the cells of a slice with the lines that it was built from."""
        added_up = self._lines.take(period, pa.array(self._credit_accounts(period), pa.int64()))
        if added_up is not None and are_same_rows(built, added_up, CELL):
            return
        cells, lines = cells_of(built), cells_of(added_up)
        nothing = (0, _ZERO)
        differing = (
            key for key in sorted(cells.keys() | lines.keys()) if cells.get(key, nothing) != lines.get(key, nothing)
        )
        for key in islice(differing, _DIFFERENCES_NAMED):
            self._differ(
                f"{period} {self._name_of_cell(key)}",
                f"is {_lines(*cells.get(key, nothing))} in its slice, and its ledger lines are "
                f"{_lines(*lines.get(key, nothing))}",
            )
        if more := sum(1 for _ in differing):
            self._differ(period, f"{more:,} more cells differ from their ledger lines")

    def _credit_accounts(self, period: str) -> list[int]:
        """Return the keys of the accounts that are credit-natured in a period."""
        types = self._types | {
            key: self._earlier_types.type_in(period, key, self._types.get(key, "")) for key in self._earlier_types.spans
        }
        return [key for key, account_type in types.items() if account_type in CREDIT_TYPES]

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


def _count(counts: _Counts, place: tuple[str, str], number: int, amount: Decimal) -> None:
    rows, so_far = counts.get(place, (0, _ZERO))
    counts[place] = rows + number, so_far + amount


def _rows_of(table: pa.Table) -> Iterator[tuple[Any, ...]]:
    return zip(*(column.to_pylist() for column in table.columns), strict=True)


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
