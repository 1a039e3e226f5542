"""Published lines: the ledger lines behind what is published, read out of Parquet.

Belongs here: what a published version of a period counts and hides, and finding lines by what they say. Only row
groups that may hold them are read, and of those only the columns that are asked for.
Does not belong here: cells of the warehouse (see `cells`), what a person is told (see `trace`, `reached`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, reduce
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from finance_platform.deliveries.commits import DataFile, DeliveryCommit, read_commits
from finance_platform.deliveries.overlaps import Overlaps, complete
from finance_platform.deliveries.register import DeliveryDiscovered, Register, delivered
from finance_platform.deliveries.state import DeliveryState, derive_state
from finance_platform.errors import MissingRecordError
from finance_platform.slices.commits import FOLDER as SLICES
from finance_platform.storage.port import ObjectStore

FACT = "fact_financials"
LINE_TABLES = ("transactions", "budget")
HIDDEN_BY = "hidden_by"
_BATCH_ROWS = 1_000_000


@dataclass(frozen=True)
class PublishedPeriod:
    """What the published version of one period was made from.

    Attributes:
        period: YYYY-MM.
        version: of the fact slice.
        counted: by delivery id, the scenarios whose lines count.
        hiders: by delivery id, the later deliveries that hide lines of it by key.
        hidden_scopes: by delivery id, scenario and scope key of the lines that a later delivery replaces.
        baseline: the scenario that others are compared with, folded.
        actual_covers: whether Actual is compared with it; None where that depends on whether Actual has lines.
        line_counts: lines by surrogate key of the scenario.
    """

    period: str
    version: str
    counted: Mapping[str, tuple[str, ...]]
    hiders: Mapping[str, tuple[str, ...]]
    hidden_scopes: Mapping[str, frozenset[tuple[str, str | None]]]
    baseline: str
    actual_covers: bool | None
    line_counts: Mapping[int, int]


def read_period(processed: ObjectStore, period: str, version: str) -> PublishedPeriod:
    """Return what a published version of a period was made from.

    Raises:
        MissingRecordError: the lake does not say, or another release of the platform wrote it down.
    """
    try:
        # Not as a SliceCommit: what another release has written is published until the next run, and says the same.
        document: dict[str, Any] = json.loads(processed.read(f"{SLICES}/{FACT}/{period}/{version}.json"))
    except FileNotFoundError:
        document = {}
    inputs: dict[str, Any] = document.get("inputs") or {}
    if any(name not in inputs for name in ("lines", "hidden", "hidden_scopes", "baseline", "actual_covers")):
        raise MissingRecordError(
            f"version {version} of {period} does not say which lines it was made from",
            fix=f"`finance-platform run --rebuild --period {period}` makes it anew",
        )
    hiders: dict[str, list[str]] = {}
    scopes: dict[str, set[tuple[str, str | None]]] = {}
    for delivery_id, hider in inputs["hidden"]:
        hiders.setdefault(delivery_id, []).append(hider)
    for delivery_id, scenario, scope in inputs["hidden_scopes"]:
        scopes.setdefault(delivery_id, set()).add((scenario, scope))
    return PublishedPeriod(
        period,
        version,
        {delivery_id: tuple(scenarios) for delivery_id, *scenarios in inputs["lines"]},
        {delivery_id: tuple(found) for delivery_id, found in hiders.items()},
        {delivery_id: frozenset(found) for delivery_id, found in scopes.items()},
        inputs["baseline"],
        inputs["actual_covers"],
        {one["scenario_key"]: one["line_count"] for one in document["sums"]},
    )


def open_lines(processed: ObjectStore) -> LineStore:
    """Return the lines of every delivery that was ever read."""
    commits, events = read_commits(processed), Register(processed).events()
    return LineStore(processed, commits, delivered(events), derive_state(events, commits))


@dataclass(frozen=True)
class LineStore:
    """The lines of every delivery that was ever read, and which later one takes their place.

    Attributes:
        processed: the processed zone.
        commits: by delivery id.
        events: the register's deliveries, oldest first.
        state: which of them count now.
    """

    processed: ObjectStore
    commits: Mapping[str, DeliveryCommit]
    events: Sequence[DeliveryDiscovered]
    state: DeliveryState

    def commit(self, delivery_id: str) -> DeliveryCommit:
        """Return a delivery's commit.

        Raises:
            MissingRecordError: it is gone.
        """
        if delivery_id not in self.commits:
            raise MissingRecordError(
                f"delivery {delivery_id} counts in what is published, and its record is gone",
                fix="`finance-platform run --rebuild` makes everything anew from what is there",
            )
        return self.commits[delivery_id]

    @staticmethod
    def hiding_columns(delivery_id: str, period: PublishedPeriod) -> list[str]:
        """Return the columns by which lines of a delivery are hidden in a period; keys take long to read."""
        by_key = ["line_key"] if delivery_id in period.hiders else []
        return by_key + (["scope_key"] if delivery_id in period.hidden_scopes else [])

    def lines(self, delivery_id: str, columns: Sequence[str], equal: Mapping[str, Any]) -> Iterator[pa.Table]:
        """Yield a delivery's lines in which each column of `equal` has its value."""
        commit = self.commit(delivery_id)
        files = [file for table in LINE_TABLES for file in commit.files.get(table, ())]
        return read_rows(self.processed, files, columns, equal)

    def with_hiders(self, lines: pa.Table, delivery_id: str, period: PublishedPeriod) -> pa.Table:
        """Return lines of one delivery and period with a column that names the delivery that hides each, or null.

        Args:
            lines: with scenario and `hiding_columns`.
            delivery_id: whose lines they are.
            period: the period that all of them are in, as published.
        """
        hidden_by: pa.Array = pa.nulls(lines.num_rows, pa.string())
        # The last one that has a key wins it, so it overwrites what was found before.
        for hider in sorted(period.hiders.get(delivery_id, ()), key=self._place):
            keys = self._shared_keys(hider, lines["line_key"])
            hidden_by = pc.if_else(pc.is_in(lines["line_key"], value_set=keys), hider, hidden_by)
        for scenario, scope in sorted(period.hidden_scopes.get(delivery_id, ()), key=str):
            hider = self._scope_hider(delivery_id, (scenario, period.period, scope))
            is_hidden = pc.and_(pc.equal(lines["scenario"], scenario), pc.equal(lines["scope_key"], scope))
            hidden_by = pc.if_else(is_hidden.fill_null(False), hider, hidden_by)
        return lines.append_column(HIDDEN_BY, hidden_by)

    def _shared_keys(self, hider: str, keys: pa.ChunkedArray) -> pa.Array:
        """Return those of the keys that a delivery has too, in whatever period."""
        wanted = pc.unique(keys.drop_null())
        if len(wanted) == 0:
            return wanted
        ends = pc.min_max(wanted).as_py()
        between = {"line_key": (ends["min"], ends["max"])}
        commit = self.commit(hider)
        files = [file for table in LINE_TABLES for file in commit.files.get(table, ())]
        found = [
            table["line_key"].filter(pc.is_in(table["line_key"], value_set=wanted)).combine_chunks()
            for table in read_rows(self.processed, files, ["line_key"], {}, between)
        ]
        return pa.concat_arrays(found) if found else wanted.slice(0, 0)

    def _place(self, delivery_id: str) -> tuple[str, ...]:
        return self._places.get(delivery_id, ("", self.commit(delivery_id).committed_at))

    @cached_property
    def _places(self) -> dict[str, tuple[str, ...]]:
        return {delivery.delivery_id: delivery.position for delivery in self.state.live}

    @cached_property
    def _overlaps(self) -> Overlaps:
        return complete(self.processed, self.state.live, record=False)

    def _scope_hider(self, delivery_id: str, cell: tuple[str, str, str | None]) -> str:
        """Return the last delivery that replaces a scope of a period; empty where it counts no more."""
        claimants = [
            other
            for other in self._overlaps.overlapping(delivery_id)
            if other in self._places
            and self._places[other] > self._places.get(delivery_id, ())
            and cell in self._overlaps.shared(delivery_id, other).lines
        ]
        return max(claimants, key=self._place, default="")


def of_scenarios(lines: pa.Table, scenarios: Sequence[str]) -> pa.Table:
    """Return the lines of some scenarios, as they are spelled."""
    masks = [pc.equal(lines["scenario"], scenario) for scenario in scenarios]
    return lines.filter(reduce(pc.or_, masks)) if masks else lines.slice(0, 0)


def read_rows(
    processed: ObjectStore,
    files: Iterable[DataFile],
    columns: Sequence[str],
    equal: Mapping[str, Any],
    between: Mapping[str, tuple[Any, Any]] | None = None,
) -> Iterator[pa.Table]:
    """Yield columns of the rows in which each column of `equal` has its value, a million rows at a time.

    Args:
        processed: the processed zone.
        files: Parquet files of one table.
        columns: what to return.
        equal: value by column.
        between: by column, the lowest and the highest value that matter; row groups outside are not read.
    """
    needed = list(dict.fromkeys([*columns, *equal]))
    bounds = {**{name: (value, value) for name, value in equal.items()}, **(between or {})}
    for file in files:
        with processed.open(file.key) as stream:
            parquet = pq.ParquetFile(stream)
            groups = _row_groups(parquet.metadata, bounds)
            for batch in parquet.iter_batches(_BATCH_ROWS, row_groups=groups, columns=needed) if groups else ():
                table = pa.Table.from_batches([batch])
                for name, value in equal.items():
                    table = table.filter(pc.equal(table[name], value))
                if table.num_rows:
                    yield table.select(list(columns))


def _row_groups(footer: pq.FileMetaData, bounds: Mapping[str, tuple[Any, Any]]) -> list[int]:
    """Return the row groups that may hold values within all bounds, off the footer."""
    places = {name: footer.schema.names.index(name) for name in bounds}
    return [
        number
        for number in range(footer.num_row_groups)
        if all(
            _may_hold(footer.row_group(number).column(places[name]).statistics, low, high)
            for name, (low, high) in bounds.items()
        )
    ]


def _may_hold(statistics: pq.Statistics | None, low: Any, high: Any) -> bool:
    if statistics is None or not statistics.has_min_max:
        return True
    return bool(statistics.min <= high and low <= statistics.max)
