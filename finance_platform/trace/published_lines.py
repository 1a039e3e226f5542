"""Published lines: the ledger lines behind the published data, read from Parquet.

Belongs here: which lines a published version of a period contains, which later lines supersede them, and finding lines
by their values. Only row groups that may contain them are read, and only the requested columns.
Does not belong here: cells of the warehouse (see `cells`), the two traces (see `cell_to_lines`, `file_to_cells`).
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, reduce
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from finance_platform.contracts.star import FACT_FINANCIALS
from finance_platform.deliveries.commits import DataFile, DeliveryCommit, read_commits
from finance_platform.deliveries.current_state import state_of
from finance_platform.deliveries.delivery_rows import ADDED_COLUMNS, with_added
from finance_platform.deliveries.events import DeliveryDiscovered, select_discovered
from finance_platform.deliveries.lines import line_files
from finance_platform.deliveries.overlaps import Overlaps, compute_overlaps
from finance_platform.deliveries.portions import WHOLE, Portion
from finance_platform.deliveries.register import Register
from finance_platform.deliveries.state import DeliveryState, Position
from finance_platform.deliveries.state_derivation import derive_positions
from finance_platform.errors import DamagedObjectError, MissingRecordError
from finance_platform.feeds.values.codes import fold
from finance_platform.slices.commits import slice_key
from finance_platform.slices.versions import PORTIONS
from finance_platform.storage.documents import open_parquet, parse_document
from finance_platform.storage.port import ObjectStore

SUPERSEDED_BY = "superseded_by"
_INPUTS = ("lines", "hidden", "hidden_scopes", "baseline", "actual_covers")
_BATCH_ROWS = 1_000_000


@dataclass(frozen=True)
class PublishedPeriod:
    """The inputs of the published version of one period.

    Attributes:
        period: YYYY-MM.
        version: of the fact slice.
        scenarios: by delivery id, the scenarios whose lines count.
        superseded_by: by delivery id, the later deliveries that have keys of some of its lines.
        superseded_scopes: by delivery id, scenario and scope key of the lines that a later delivery replaces.
        portions: of deliveries of which only some lines count, the periods of those, by delivery id.
        baseline: the scenario that others are compared with, folded.
        actual_covers: whether Actual is compared with it; None if that depends on whether Actual has lines.
        line_counts: lines by surrogate key of the scenario.
    """

    period: str
    version: str
    scenarios: Mapping[str, tuple[str, ...]]
    superseded_by: Mapping[str, tuple[str, ...]]
    superseded_scopes: Mapping[str, frozenset[tuple[str, str | None]]]
    baseline: str
    actual_covers: bool | None
    line_counts: Mapping[int, int]
    portions: Mapping[str, Portion] = field(default_factory=dict)


def read_period(processed: ObjectStore, period: str, version: str) -> PublishedPeriod:
    """Return the inputs of a published version of a period.

    Raises:
        MissingRecordError: the slice's commit is missing, or an incompatible release wrote it.
    """
    # Not as a SliceCommit: a version of another release stays published until the next run, with the same inputs.
    key = slice_key(FACT_FINANCIALS.name, period, version)
    try:
        document = parse_document(key, processed.read(key), dict[str, Any])
    except (FileNotFoundError, DamagedObjectError):
        document = {}
    inputs: dict[str, Any] = document.get("inputs") or {}
    if any(name not in inputs for name in _INPUTS):
        raise MissingRecordError(
            f"version {version} of {period} has no record of its lines",
            fix=f"rebuild the period with `finance-platform run --rebuild --period {period}`",
        )
    superseded_by: dict[str, list[str]] = {}
    superseded_scopes: dict[str, set[tuple[str, str | None]]] = {}
    for delivery_id, later in inputs["hidden"]:
        superseded_by.setdefault(delivery_id, []).append(later)
    for delivery_id, scenario, scope in inputs["hidden_scopes"]:
        superseded_scopes.setdefault(delivery_id, set()).add((scenario, scope))
    return PublishedPeriod(
        period,
        version,
        {delivery_id: tuple(scenarios) for delivery_id, *scenarios in inputs["lines"]},
        {delivery_id: tuple(later) for delivery_id, later in superseded_by.items()},
        {delivery_id: frozenset(scopes) for delivery_id, scopes in superseded_scopes.items()},
        inputs["baseline"],
        inputs["actual_covers"],
        {total["scenario_key"]: total["line_count"] for total in document.get("sums", ())},
        {name: Portion.from_inputs(*portion) for name, *portion in inputs.get(PORTIONS, ())},
    )


def open_lines(processed: ObjectStore) -> LineStore:
    """Return the lines of every delivery that was ever read."""
    commits, events = read_commits(processed), Register(processed).events()
    return LineStore(processed, commits, select_discovered(events), state_of(processed, events, commits))


@dataclass(frozen=True)
class LineStore:
    """The lines of every delivery that was ever read, and the later deliveries that supersede them.

    Attributes:
        processed: the processed zone.
        commits: by delivery id.
        events: the register's deliveries, oldest first.
        state: which deliveries count now.
    """

    processed: ObjectStore
    commits: Mapping[str, DeliveryCommit]
    events: Sequence[DeliveryDiscovered]
    state: DeliveryState

    def commit(self, delivery_id: str) -> DeliveryCommit:
        """Return a delivery's commit.

        Raises:
            MissingRecordError: it does not exist.
        """
        if delivery_id not in self.commits:
            raise MissingRecordError(
                f"delivery {delivery_id} is part of the published data, but its commit is missing",
                fix="rebuild everything with `finance-platform run --rebuild`",
            )
        return self.commits[delivery_id]

    @staticmethod
    def key_columns(delivery_id: str, period: PublishedPeriod) -> list[str]:
        """Return the columns that decide whether lines are superseded; line keys are slow to read."""
        by_key = ["line_key"] if delivery_id in period.superseded_by else []
        return by_key + (["scope_key"] if delivery_id in period.superseded_scopes else [])

    def lines(self, delivery_id: str, columns: Sequence[str], equal: Mapping[str, Any]) -> Iterator[pa.Table]:
        """Yield a delivery's lines in which each column of `equal` has its value."""
        return read_rows(self.processed, delivery_id, line_files(self.commit(delivery_id)), columns, equal)

    def published(
        self,
        period: PublishedPeriod,
        columns: Sequence[str],
        *,
        scenario: str | None = None,
        feeds: Collection[str] | None = None,
    ) -> Iterator[tuple[DeliveryCommit, pa.Table]]:
        """Yield the lines that a period was published with, by delivery.

        Args:
            period: the period, as published.
            columns: names of the columns, which must include `scenario`.
            scenario: only the lines of this scenario, in any case; None for all.
            feeds: only the lines of these feeds; None for all.
        """
        for delivery_id, names in period.scenarios.items():
            commit = self.commit(delivery_id)
            wanted = [name for name in names if scenario is None or fold(name) == fold(scenario)]
            if not wanted or (feeds is not None and commit.feed not in feeds):
                continue
            needed = [*columns, *self.key_columns(delivery_id, period)]
            for table in self.lines(delivery_id, needed, {"period": period.period}):
                marked = self.add_superseded_by(filter_scenarios(table, wanted), delivery_id, period)
                yield commit, marked.filter(pc.is_null(marked[SUPERSEDED_BY])).select(list(columns))

    def add_superseded_by(self, lines: pa.Table, delivery_id: str, period: PublishedPeriod) -> pa.Table:
        """Return lines with the column `SUPERSEDED_BY`: the id of the later delivery that supersedes each, or null.

        Args:
            lines: of one delivery and period, with scenario and `key_columns`.
            delivery_id: the delivery.
            period: the period, as published.
        """
        superseded_by: pa.Array = pa.nulls(lines.num_rows, pa.string())
        # The last delivery that has a key wins, so later ones overwrite earlier ones.
        for later in sorted(period.superseded_by.get(delivery_id, ()), key=self._position):
            keys = self._shared_keys(later, lines["line_key"], period.portions.get(later, WHOLE))
            superseded_by = pc.if_else(pc.is_in(lines["line_key"], value_set=keys), later, superseded_by)
        for scenario, scope in sorted(period.superseded_scopes.get(delivery_id, ()), key=str):
            later = self._superseding_delivery(delivery_id, (scenario, period.period, scope))
            is_in_scope = pc.and_(pc.equal(lines["scenario"], scenario), pc.equal(lines["scope_key"], scope))
            superseded_by = pc.if_else(is_in_scope.fill_null(False), later, superseded_by)
        return lines.append_column(SUPERSEDED_BY, superseded_by)

    def _shared_keys(self, delivery_id: str, keys: pa.ChunkedArray, portion: Portion) -> pa.Array:
        """Return the keys that a delivery has too, in any period of a portion."""
        distinct = pc.unique(keys.drop_null())
        if len(distinct) == 0:
            return distinct
        ends = pc.min_max(distinct).as_py()
        between = {"line_key": (ends["min"], ends["max"])}
        files = line_files(self.commit(delivery_id))
        shared = []
        for table in read_rows(self.processed, delivery_id, files, ["line_key", "period"], {}, between):
            periods = [period for period in pc.unique(table["period"]).to_pylist() if period in portion]
            is_shared = pc.and_(
                pc.is_in(table["line_key"], value_set=distinct),
                pc.is_in(table["period"], value_set=pa.array(periods, pa.string())),
            )
            shared.append(table["line_key"].filter(is_shared).combine_chunks())
        return pa.concat_arrays(shared) if shared else distinct.slice(0, 0)

    def _position(self, delivery_id: str) -> Position:
        """Return the place of a delivery that was published, whether it still counts or not.

        Raises:
            MissingRecordError: its commit or its event does not exist.
        """
        self.commit(delivery_id)
        if delivery_id not in self._positions:
            raise MissingRecordError(
                f"delivery {delivery_id} is part of the published data, but the register has no event of it",
                fix="run `finance-platform run`, which enters the file again",
            )
        return self._positions[delivery_id]

    @cached_property
    def _positions(self) -> dict[str, Position]:
        """The place of every delivery that was ever read."""
        return derive_positions(self.events, self.commits)

    @cached_property
    def _live(self) -> frozenset[str]:
        return frozenset(delivery.delivery_id for delivery in self.state.live)

    @cached_property
    def _overlaps(self) -> Overlaps:
        return compute_overlaps(self.processed, self.state.live)

    def _superseding_delivery(self, delivery_id: str, cell: tuple[str, str, str | None]) -> str:
        """Return the last delivery that replaces a scope of a period; empty if it no longer counts."""
        later = [
            other
            for other in self._overlaps.overlapping(delivery_id)
            if other in self._live
            and self._position(other) > self._position(delivery_id)
            and cell in self._overlaps.overlap(delivery_id, other).lines
        ]
        return max(later, key=self._position, default="")


def filter_scenarios(lines: pa.Table, scenarios: Sequence[str]) -> pa.Table:
    """Return the lines of these scenarios, as the delivery spells them."""
    masks = [pc.equal(lines["scenario"], scenario) for scenario in scenarios]
    return lines.filter(reduce(pc.or_, masks)) if masks else lines.slice(0, 0)


def read_rows(
    processed: ObjectStore,
    delivery_id: str,
    files: Iterable[DataFile],
    columns: Sequence[str],
    equal: Mapping[str, Any],
    between: Mapping[str, tuple[Any, Any]] | None = None,
) -> Iterator[pa.Table]:
    """Yield columns of a delivery's rows in which each column of `equal` has its value, a million rows at a time.

    Args:
        processed: the processed zone.
        delivery_id: the delivery.
        files: its Parquet files of one table.
        columns: the columns to return.
        equal: value by column.
        between: by column, the lowest and the highest value that matter; row groups outside are not read.
    """
    for file in files:
        values = {**equal, "delivery_id": delivery_id} if file.is_shared else equal
        needed = list(dict.fromkeys([*columns, *values]))
        bounds = {**{name: (value, value) for name, value in values.items()}, **(between or {})}
        with open_parquet(processed, file.key, set(needed) - ADDED_COLUMNS) as parquet:
            groups = _row_groups(parquet.metadata, bounds)
            for batch in parquet.iter_batches(_BATCH_ROWS, row_groups=groups, columns=needed) if groups else ():
                table = with_added(pa.Table.from_batches([batch]), needed)
                for name, value in values.items():
                    table = table.filter(pc.equal(table[name], value))
                if table.num_rows:
                    yield table.select(list(columns))


def _row_groups(footer: pq.FileMetaData, bounds: Mapping[str, tuple[Any, Any]]) -> list[int]:
    """Return the row groups that may contain values within all bounds, by the footer's statistics."""
    positions = {name: footer.schema.names.index(name) for name in bounds}
    return [
        number
        for number in range(footer.num_row_groups)
        if all(
            _may_contain(footer.row_group(number).column(positions[name]).statistics, low, high)
            for name, (low, high) in bounds.items()
        )
    ]


def _may_contain(statistics: pq.Statistics | None, low: Any, high: Any) -> bool:
    if statistics is None or not statistics.has_min_max:
        return True
    return bool(statistics.min <= high and low <= statistics.max)
