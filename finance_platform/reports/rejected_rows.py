"""The rejected rows of the current deliveries, and their totals.

Belongs here: reading them, adding them up. Does not belong here: why a row is rejected (see `feeds`), which are listed
(see `rejected_selection`), printing (see `cli.rejected`), the workbook (see `rejected_workbook`).
"""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.contracts.schemas import SUM_OF_MONEY_TYPE
from finance_platform.deliveries.commits import Count, DataFile
from finance_platform.deliveries.delivery_rows import read_shared
from finance_platform.deliveries.events import DeliveryDiscovered, Event
from finance_platform.deliveries.members.account_types import statistical_accounts
from finance_platform.deliveries.state import DeliveryState
from finance_platform.feeds.reasons import reasons_from_json
from finance_platform.feeds.values.amounts import EXACT
from finance_platform.reports.reconciliation import CurrentDelivery, current_deliveries
from finance_platform.reports.rejected_selection import ALL, ORDERING, Selection, are_listed, largest_places
from finance_platform.reports.statement import NO_SCENARIO, STATISTICAL
from finance_platform.storage.documents import open_parquet
from finance_platform.storage.port import ObjectStore

_STORED = (
    *("source_sheet", "source_row", "source_column", "outcome", "rules", "reasons", "scenario", "period"),
    *("account_key", "currency", "amount", "raw_row"),
)
_BATCH_ROWS = 1_000
"""A row may have 16,384 characters of raw cells, so a batch has 16 MB at most."""

_COUNTED = ("outcome", "rules", "scenario", "period", "account_key", "currency", "amount")
_KEYS = (*("outcome", "rules", "scenario", "currency"), "is_statistical")
_ADDED_UP_ROWS = 100_000
_ZERO = Decimal("0.00")


COLUMNS = (
    *("source_file", "source_sheet", "source_row", "source_column", "state", "outcome", "rules", "details", "reasons"),
    *("amount", "raw_row", "feed", "first_seen", "period", "scenario", "currency"),
)
"""The fields of a row."""

REASON_COLUMNS = ("feed", "rule", "outcome", "scenario", "unit", "rows", "unpriced", "net", "gross")
FILE_COLUMNS = ("feed", "file", "state", "outcome", "scenario", "unit", "rows", "unpriced", "net", "gross")


class ReasonPlace(NamedTuple):
    """What rows are added up by for the totals per reason."""

    feed: str
    rule: str
    outcome: str
    scenario: str
    unit: str


class FilePlace(NamedTuple):
    """What rows are added up by for the totals per file."""

    feed: str
    file: str
    state: str
    outcome: str
    scenario: str
    unit: str


@dataclass
class RejectedTotals:
    """Rows and money of rejected and duplicate rows; scenarios and units are never added to each other.

    Attributes:
        by_reason: by rule; a row that breaks several rules is in each of them.
        by_file: by file; each row once, so the totals are those of the reconciliation.
    """

    by_reason: dict[ReasonPlace, Count] = field(default_factory=dict)
    by_file: dict[FilePlace, Count] = field(default_factory=dict)
    rows: int = 0

    def enter(self, place: FilePlace, rules: str, count: Count) -> None:
        """Add rows of a file that break the same rules."""
        self.by_file[place] = self.by_file.get(place, Count()) + count
        for rule in rules.split(","):
            reason = ReasonPlace(place.feed, rule, place.outcome, place.scenario, place.unit)
            self.by_reason[reason] = self.by_reason.get(reason, Count()) + count
        self.rows += count.rows

    def rows_by_outcome(self) -> dict[str, int]:
        """Return the number of rows by outcome, rejected ones first."""
        counts: dict[str, int] = {}
        for place, count in self.by_file.items():
            counts[place.outcome] = counts.get(place.outcome, 0) + count.rows
        return dict(sorted(counts.items(), reverse=True))

    def reason_rows(self) -> list[list[Any]]:
        """Return the values of `REASON_COLUMNS`, the most money first."""
        return _sorted_rows(self.by_reason)

    def file_rows(self) -> list[list[Any]]:
        """Return the values of `FILE_COLUMNS`, the most money first."""
        return _sorted_rows(self.by_file)


class RejectedRows:
    """The rejected and duplicate rows of the current deliveries; skipped rows are left out.

    Those of ledger files are the rows of the reconciliation's terms `rejected` and `duplicate`.
    """

    def __init__(
        self, processed: ObjectStore, state: DeliveryState, events: Iterable[Event] = (), currency: str = ""
    ) -> None:
        """Prepare to read them.

        Args:
            processed: the processed zone.
            state: its deliveries.
            events: the events of the register, for when a row was first seen.
            currency: the home's currency, for totals.
        """
        self._processed = processed
        self._state = state
        self._currency = currency
        self._first_seen = first_seen(events)
        self._statistical: Collection[int] = statistical_accounts(processed, state.live)

    def rows(self, selection: Selection = ALL, totals: RejectedTotals | None = None) -> Iterator[dict[str, Any]]:
        """Yield the rows by file and line, a batch of them in memory.

        Args:
            selection: which.
            totals: where to add the rows, once all of them were read.
        """
        # A `Count` for each row would take as long as reading it.
        sums: dict[tuple[str, ...], list[Any]] = {}
        for row, unit in self.with_units(selection):
            if totals is not None:
                scenario = row["scenario"] or NO_SCENARIO
                place = (row["feed"], row["source_file"], row["state"], row["outcome"], scenario, unit, row["rules"])
                count = sums.get(place)
                if count is None:
                    count = sums[place] = [0, _ZERO, _ZERO, 0]
                count[0] += 1
                if (amount := row["amount"]) is None:
                    count[3] += 1
                else:
                    count[1] = EXACT.add(count[1], amount)
                    count[2] = EXACT.add(count[2], abs(amount))
            yield row
        if totals is not None:
            for (*place_of_file, rules), count in sums.items():
                totals.enter(FilePlace(*place_of_file), rules, Count(*count))

    def with_units(self, selection: Selection = ALL) -> Iterator[tuple[dict[str, Any], str]]:
        """Yield the rows by file and line, each with its amount's unit: a currency, or `STATISTICAL`."""
        for current, file in self._files(selection):
            for stored in self._stored(current, file, selection):
                yield self._row(current, stored), self._unit(stored)

    def totals(self, selection: Selection = ALL) -> RejectedTotals:
        """Return the totals of the rows; of a file with many, without looking at each."""
        totals = RejectedTotals()
        for current, file in self._files(selection):
            sums = self._counted(current, file, selection) if file.is_shared else self._sums(current, file, selection)
            for row, unit, count in sums:
                commit, scenario = current.commit, row["scenario"] or NO_SCENARIO
                place = FilePlace(commit.feed, commit.object_key, current.status, row["outcome"], scenario, unit)
                totals.enter(place, row["rules"], count)
        return totals

    def largest(self, limit: int, selection: Selection = ALL) -> list[dict[str, Any]]:
        """Return some rows, those with the most money at stake first."""
        return heapq.nsmallest(limit, self._candidates(limit, selection), key=_money_first)

    def _candidates(self, limit: int, selection: Selection) -> Iterator[dict[str, Any]]:
        """Yield those rows of each file that are the largest of it; of a file with few, all of them."""
        for current, file in self._files(selection):
            if file.is_shared:
                yield from (self._row(current, stored) for stored in self._stored(current, file, selection))
                continue
            delivery_id, first = current.commit.delivery_id, 0
            places = largest_places(self._batches(delivery_id, file, ORDERING, _ADDED_UP_ROWS), limit, selection)
            for batch in self._batches(delivery_id, file, _STORED, _BATCH_ROWS) if places else ():
                own = [place - first for place in places if first <= place < first + len(batch)]
                first += len(batch)
                for stored in batch.take(pa.array(own, pa.int64())).to_pylist() if own else ():
                    yield self._row(current, stored)

    def _stored(self, current: CurrentDelivery, file: DataFile, selection: Selection) -> Iterator[dict[str, Any]]:
        """Yield the rows of a file that are listed, as stored."""
        for batch in self._batches(current.commit.delivery_id, file, _STORED, _BATCH_ROWS):
            for stored in batch.to_pylist():
                if stored["outcome"] != "skipped" and selection.has_row(stored):
                    yield stored

    def _files(self, selection: Selection) -> Iterator[tuple[CurrentDelivery, DataFile]]:
        for current in current_deliveries(self._state):
            if selection.has_delivery(current):
                for file in current.commit.files.get("rejected_rows", ()):
                    yield current, file

    def _counted(
        self, current: CurrentDelivery, file: DataFile, selection: Selection
    ) -> Iterator[tuple[dict[str, Any], str, Count]]:
        """Yield each row of a file, its unit and its count."""
        for stored in self._stored(current, file, selection):
            yield stored, self._unit(stored), count_of_row(stored)

    def _sums(
        self, current: CurrentDelivery, file: DataFile, selection: Selection
    ) -> Iterator[tuple[dict[str, Any], str, Count]]:
        """Yield outcome, rules and scenario of the rows of a file, their unit, and how many there are."""
        statistical = pa.array(list(self._statistical), pa.int64())
        for batch in self._batches(current.commit.delivery_id, file, _COUNTED, _ADDED_UP_ROWS):
            rows = batch.filter(are_listed(batch, selection))
            amount = rows["amount"].cast(SUM_OF_MONEY_TYPE)
            table = pa.table(
                {
                    **{name: rows[name] for name in _KEYS[:-1]},
                    _KEYS[-1]: pc.is_in(rows["account_key"], statistical, skip_nulls=True),
                    "amount": amount,
                    "absolute": pc.abs(amount),
                }
            )
            sums = table.group_by(list(_KEYS), use_threads=False).aggregate(
                [([], "count_all"), ("amount", "sum"), ("absolute", "sum"), ("amount", "count")]
            )
            for row in sums.to_pylist():
                count, unpriced = row["count_all"], row["count_all"] - row["amount_count"]
                # Of no amount at all, Arrow's sum is null.
                total, absolute = row["amount_sum"] or _ZERO, row["absolute_sum"] or _ZERO
                yield row, self._unit(row, row["is_statistical"]), Count(count, total, absolute, unpriced)

    def _row(self, current: CurrentDelivery, stored: Mapping[str, Any]) -> dict[str, Any]:
        commit = current.commit
        reasons = reasons_from_json(stored["reasons"])
        return {
            "source_file": commit.object_key,
            "source_row": stored["source_row"],
            "outcome": stored["outcome"],
            "rules": stored["rules"],
            "reasons": "; ".join(reason.words for reason in reasons),
            "amount": stored["amount"],
            "raw_row": stored["raw_row"],
            "feed": commit.feed,
            "scenario": stored["scenario"],
            "currency": stored["currency"],
            "source_sheet": stored["source_sheet"],
            "source_column": stored["source_column"],
            "period": stored["period"],
            "state": current.status,
            "first_seen": self._first_seen.get((commit.object_key, commit.fingerprint)),
            # `asdict` copies each value, which takes longer than to read the row.
            "details": [
                {"rule": one.rule, "column": one.column, "value": one.value, "words": one.words} for one in reasons
            ],
        }

    def _unit(self, stored: Mapping[str, Any], is_statistical: bool | None = None) -> str:
        if stored["currency"]:
            return str(stored["currency"])
        if is_statistical is None:
            is_statistical = stored["account_key"] in self._statistical
        return STATISTICAL if is_statistical else self._currency

    def _batches(
        self, delivery_id: str, file: DataFile, columns: Sequence[str], rows: int
    ) -> Iterator[pa.RecordBatch | pa.Table]:
        if file.is_shared:
            yield read_shared(self._processed, delivery_id, file.key, _STORED)
            return
        with open_parquet(self._processed, file.key, columns) as parquet:
            yield from parquet.iter_batches(rows, columns=list(columns))


def count_of_row(row: Mapping[str, Any]) -> Count:
    """Return one row as a count."""
    amount = row["amount"]
    return Count(1, unpriced=1) if amount is None else Count(1, amount, abs(amount))


def first_seen(events: Iterable[Event]) -> dict[tuple[str, str], str]:
    """Return when each content of each file was discovered first, ISO 8601 UTC, by object and fingerprint.

    Other reading rules, or a release that reads otherwise, make another delivery of the same content; its rows are not
    new. The register alone says so: it outlives deliveries that `vacuum` removes and is there when a home is rebuilt.
    """
    times: dict[tuple[str, str], str] = {}
    for event in events:
        if isinstance(event, DeliveryDiscovered):
            times.setdefault((event.object_key, event.fingerprint), event.at)
    return times


def details_in_columns(details: Iterable[Mapping[str, str]]) -> tuple[str, str]:
    """Return the columns and the values of a row's reasons as two texts, for a spreadsheet; each column once."""
    by_column = {one["column"]: one["value"] for one in details if one["column"]}
    return "; ".join(by_column), "; ".join(by_column.values())


def _money_first(row: Mapping[str, Any]) -> tuple[Any, ...]:
    amount = row["amount"]
    money = Decimal(0) if amount is None else -abs(amount)
    place = (row["source_file"], row["source_sheet"] or "", row["source_row"], row["source_column"] or "")
    return (amount is None, money, *place)


def _sorted_rows(counts: Mapping[Any, Count]) -> list[list[Any]]:
    ordered: Sequence[Any] = sorted(counts.items(), key=lambda item: (-item[1].absolute, -item[1].rows, item[0]))
    return [[*place, count.rows, count.unpriced, count.amount, count.absolute] for place, count in ordered]
