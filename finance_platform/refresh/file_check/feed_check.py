"""What a run would make of one file: the use case of `feed check`, without Spark and without writing anything.

Belongs here: the reader's rows counted and summed, and what would hold the file because of its own content. Does not
belong here: finding its feed (see `feed_match`), what its columns give (see `feed_header`), rows that change because
of another row (see `compared_rows`), what counts now (see `live_comparison`), printing (see `cli`).

The rows are those of `feeds.read_file`, which a run calls inside Spark.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import islice
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.contracts.schemas import MEASURED, NOT_OPENED, REFUSED, SUM_OF_MONEY_TYPE
from finance_platform.deliveries.commits import Count, DeliveryCommit, ScenarioCount
from finance_platform.deliveries.current_state import read_state
from finance_platform.deliveries.events import DeliveryDiscovered
from finance_platform.deliveries.lookups import has_lookups, with_lookups
from finance_platform.deliveries.overlaps import compute_overlaps
from finance_platform.deliveries.spread_weights import SpreadWeights, like_rule
from finance_platform.deliveries.state import LiveDelivery
from finance_platform.deliveries.verdicts.commit_reasons import nothing_accepted, tolerance_breach
from finance_platform.deliveries.verdicts.reason_texts import untyped_accounts
from finance_platform.errors import FinancePlatformError
from finance_platform.feeds.descriptor import FeedDescriptor
from finance_platform.feeds.files.tables import Table
from finance_platform.feeds.findings import ReaderFindings
from finance_platform.feeds.lines.weights import Weights, span
from finance_platform.feeds.read_file import FileToRead, read_file
from finance_platform.feeds.reasons import reasons_in_words
from finance_platform.feeds.resolved import ResolvedFeed
from finance_platform.refresh.file_check.compared_rows import ChangedRows, ComparedRows
from finance_platform.refresh.file_check.feed_header import CheckedTable, describe_table
from finance_platform.refresh.file_check.live_comparison import CheckedLines, LiveComparison, compare_with_live
from finance_platform.refresh.file_check.untyped_accounts import UntypedAccounts
from finance_platform.refresh.steps.spread_years import find_weight_years
from finance_platform.refresh.steps.unread_files import UnreadFile
from finance_platform.settings import Settings
from finance_platform.slices.settings_in_force import settings_of_readers
from finance_platform.storage.port import ObjectStore, error_message

_GIVE_TYPES = (
    "give them types in a file of accounts of the home, or with account_type or types_by_prefix in the descriptor"
)
_GIVE_HOME = "give the home that has these amounts with --home; `finance-platform run` reads them first"
_GIVE_ONE_TYPE = (
    "correct the file, name another column in columns.account, or give the account its type in a file of accounts"
)
MAX_REJECTED = 10
"""Rejected rows that are described one by one."""

_COUNTED = ("outcome", "scenario", "period", "currency")


@dataclass(frozen=True)
class RefusedRow:
    """A row that would not become a line: its place, its outcome, and the reasons.

    `column` is the header of the cell, of a row that gives several lines; None of any other row.
    """

    sheet: str | None
    row: int
    column: str | None
    outcome: str
    reasons: str
    amount: Decimal | None
    currency: str | None


@dataclass
class FileCheck:
    """What a run would make of one file.

    Attributes:
        object_key: its name in the raw zone.
        feed: the feed that reads it.
        kind: its kind.
        refusal: why it cannot be read at all; empty if it can.
        fix: what to do about that.
        tables: the header of each table.
        outcomes: rows by outcome; money in the home's currency.
        foreign: rejected gross amounts by foreign currency.
        sums: accepted lines by scenario and period.
        refused_rows: the first rows that are rejected or duplicates.
        rules: rows by the rule that they break.
        read: the rows and the exact amount that the file offers, before any rule.
        rounding: the difference that rounding to cents adds.
        findings: what the reader found about the file as a whole.
        covers: the periods that the file's name declares.
        holds: the reasons to hold it that follow from its own content and from what counts now, each with its fix.
        conditions: the same for reasons that other files of the home may remove, and that it cannot tell yet.
        live: what it would change of the ledger lines that count now; None without a home that was refreshed.
    """

    object_key: str
    feed: str
    kind: str
    refusal: str = ""
    fix: str = ""
    tables: list[CheckedTable] = field(default_factory=list)
    outcomes: dict[str, Count] = field(default_factory=dict)
    foreign: dict[str, Decimal] = field(default_factory=dict)
    sums: dict[tuple[str, str], Count] = field(default_factory=dict)
    refused_rows: list[RefusedRow] = field(default_factory=list)
    rules: Counter[str] = field(default_factory=Counter)
    read: Count = field(default_factory=Count)
    rounding: Decimal = Decimal(0)
    findings: ReaderFindings = field(default_factory=ReaderFindings)
    covers: tuple[str, ...] = ()
    holds: dict[str, str] = field(default_factory=dict)
    conditions: dict[str, str] = field(default_factory=dict)
    live: LiveComparison | None = None

    @property
    def is_fine(self) -> bool:
        """Whether a run would publish the file, as far as its content and what counts now decide."""
        return not self.refusal and not self.holds


def check_file(
    store: ObjectStore,
    object_key: str,
    descriptor: FeedDescriptor,
    settings: Settings,
    processed: ObjectStore | None = None,
) -> FileCheck:
    """Read a file as a run would, and return what it found; nothing is written.

    Args:
        store: the store with the file.
        object_key: its name there, and in the raw zone.
        descriptor: the feed that reads it.
        settings: the home, for its currency and its range of dates.
        processed: the processed zone with the rows that lines look up; without it, none is found.
    """
    checked = _Check(store, object_key, descriptor, _resolve(descriptor, settings, processed), processed)
    try:
        result = checked.run()
        if checked.lines is not None and processed is not None and not result.refusal:
            read = checked.as_delivery()
            result.live = compare_with_live(processed, descriptor, checked.feed, settings, read, checked.lines)
            result.holds = {**result.live.holds, **result.holds}
    finally:
        if checked.lines is not None:
            checked.lines.close()
    return result


def _resolve(descriptor: FeedDescriptor, settings: Settings, processed: ObjectStore | None) -> ResolvedFeed:
    """Return the feed with the deliveries that have the rows that its lines look up, as a run would use them."""
    feed = descriptor.resolve(settings_of_readers(processed, settings) if processed else settings)
    if processed is None or not has_lookups({feed.name: feed}) or not processed.exists():
        return feed
    state = read_state(processed)
    return with_lookups({feed.name: feed}, state)[feed.name]


class _Check:
    def __init__(
        self,
        store: ObjectStore,
        object_key: str,
        descriptor: FeedDescriptor,
        feed: ResolvedFeed,
        processed: ObjectStore | None,
    ) -> None:
        self._store, self._descriptor, self.feed, self._processed = store, descriptor, feed, processed
        self._result = FileCheck(object_key, descriptor.feed, descriptor.kind)
        self._weights: Weights | None = None
        self._file = FileToRead("", object_key, descriptor.feed, "")
        self._compared = ComparedRows(descriptor.kind)
        self._accounts = UntypedAccounts()
        has_home = processed is not None and processed.exists()
        self.lines = CheckedLines() if has_home and descriptor.kind == "ledger" else None

    def run(self) -> FileCheck:
        result = self._result
        try:
            file = FileToRead("", result.object_key, result.feed, self._store.fingerprint(result.object_key))
        except OSError as error:
            result.refusal = error_message(error)
            result.fix = error.fix if isinstance(error, FinancePlatformError) else "check its permissions"
            return result
        self._find_weights(file)
        for batch in self._read(file, self._add_table):
            if batch["outcome"][0].as_py() in {MEASURED, REFUSED, NOT_OPENED}:
                self._add_summary(batch.to_pylist()[0])
            else:
                self._add_rows(batch)
        if not result.refusal:
            self._compare_rows(file)
            result.refused_rows.sort(key=_row_order)
            del result.refused_rows[MAX_REJECTED:]
            self._file = file
            result.holds = dict(self._holds())
            self._find_untyped()
        return result

    def _add_table(self, table: Table) -> None:
        self._result.tables.append(describe_table(table, self.feed.rules, self._result.object_key))

    def _add_summary(self, summary: Mapping[str, Any]) -> None:
        result = self._result
        if summary["outcome"] != MEASURED:
            result.refusal, result.fix = summary["reasons"] or "", summary["raw_row"] or ""
            return
        amount = Decimal(summary["measured_amount"] or 0)
        result.read = Count(summary["measured_rows"], amount, unpriced=summary["measured_unpriced"])
        result.rounding = Decimal(summary["measured_rounding"] or 0)
        result.findings = ReaderFindings.from_json(json.loads(summary["findings"]))
        result.covers = tuple(json.loads(summary["covers"]))

    def _add_rows(self, batch: pa.RecordBatch) -> None:
        table = pa.table(_countable(batch))
        for row in _sums(table):
            self._count(row["outcome"], row["scenario"], row["period"], row["currency"], row["count"])
        self._compared.add(batch)
        if self._descriptor.kind == "ledger":
            self._accounts.add(batch)
        if self.lines is not None:
            self.lines.add(batch)
        is_refused = pc.equal(batch["outcome"], "rejected")
        for row in batch.select(["rules"]).filter(is_refused)["rules"].value_counts().to_pylist():
            self._result.rules.update(dict.fromkeys(row["values"].split(","), row["counts"]))
        missing = MAX_REJECTED - len(self._result.refused_rows)
        if missing > 0:
            self._result.refused_rows += map(_refused_row, batch.filter(is_refused).slice(0, missing).to_pylist())

    def _count(self, outcome: str, scenario: str, period: str, currency: str, count: Count) -> None:
        """Add rows of an outcome, or take them away with a negative count."""
        result = self._result
        of_home = Count(count.rows, unpriced=count.rows) if currency else count
        result.outcomes[outcome] = result.outcomes.get(outcome, Count()) + of_home
        if currency:
            result.foreign[currency] = result.foreign.get(currency, Decimal(0)) + count.absolute
        if outcome == "accepted" and scenario:
            place = (scenario, period)
            result.sums[place] = result.sums.get(place, Count()) + count

    def _compare_rows(self, file: FileToRead) -> None:
        """Take the rows that another row of the file rejects or repeats out of the accepted ones."""
        for changed in self._compared.changed_rows(lambda: self._read(file)):
            for outcome in changed.outcomes.unique().to_pylist():
                rows = changed.rows.filter(pc.equal(changed.outcomes, outcome))
                for row in _sums(pa.table(_countable(rows))):
                    self._count("accepted", row["scenario"], row["period"], "", Count() - row["count"])
                    self._count(outcome, row["scenario"], row["period"], "", row["count"])
            if self._descriptor.kind == "ledger":
                self._accounts.remove(changed.rows)
            if self.lines is not None:
                self.lines.remove(changed.rows)
            for rule in changed.rules.value_counts().to_pylist():
                self._result.rules[rule["values"]] += rule["counts"]
            self._result.refused_rows += _first_rows(changed)
            self._result.refused_rows.sort(key=_row_order)
            del self._result.refused_rows[MAX_REJECTED:]

    def _read(self, file: FileToRead, on_table: Callable[[Table], None] | None = None) -> Iterator[pa.RecordBatch]:
        return read_file(self._result.kind, self.feed, self._store, file, on_table, self._processed, self._weights)

    def _find_weights(self, file: FileToRead) -> None:
        """Sum the lines of the home that years are spread like; without a home, a condition says what is not known."""
        rule = like_rule(self.feed.rules)
        if rule is None:
            return
        years = find_weight_years(self._store, self._processed, self.feed, file)
        if isinstance(years, UnreadFile) or not years:
            return
        if self._processed is not None and self._processed.exists():
            state = read_state(self._processed)
            overlaps = compute_overlaps(self._processed, state.ledger)
            table = SpreadWeights(self._processed, state, overlaps).table(rule, years)
            self._weights = Weights(table, rule.first_month)
            return
        like = ", ".join(span(rule, year) for year in years)
        self._result.conditions[
            f"the amounts of a year are spread like {like}, which is not known without a home, so each is shown whole "
            "and in one month"
        ] = _GIVE_HOME

    def _holds(self) -> Iterator[tuple[str, str]]:
        """Yield the reasons to hold the file, in the words of a run, and what to do about each."""
        event, commit = self.as_delivery()
        delivery = LiveDelivery(event, commit, ("", (0, ""), ""))
        advice = self._result.findings.advice
        for reason in (tolerance_breach(event, commit), nothing_accepted(delivery)):
            if reason:
                yield reason, advice or "correct the file, or the descriptor; see the rejected rows"
        for doubt in self._result.findings.doubts:
            yield doubt, advice
        totals = self._result.findings.control_totals
        for breach in totals.breaches:
            yield breach, totals.fix

    def _find_untyped(self) -> None:
        """Add the accounts without a type: a hold, or a condition while no run has read the accounts of the home.

        An account to which the file gives several types is a condition, because a file of accounts would decide.
        """
        for number, types in islice(self._accounts.contradictions().items(), MAX_REJECTED):
            text = f"account {number} has the types {' and '.join(types)} in this file"
            self._result.conditions[text] = _GIVE_ONE_TYPE
        if not self.feed.rules.is_debit_positive:
            return
        numbers, is_known = self._accounts.find(self._processed, self._result.object_key)
        if numbers:
            reasons = self._result.holds if is_known else self._result.conditions
            reasons[untyped_accounts(numbers)] = _GIVE_TYPES

    def as_delivery(self) -> tuple[DeliveryDiscovered, DeliveryCommit]:
        """Return the file as a run would enter it, without identity and files."""
        descriptor, result, file = self._descriptor, self._result, self._file
        amount, removal = descriptor.tolerance.rejected_amount, descriptor.hold_if_removes
        event = DeliveryDiscovered(
            object_key=file.object_key,
            feed=file.feed,
            kind=result.kind,
            delivery_id="",
            fingerprint=file.fingerprint,
            etag="",
            size=0,
            modified_at="",
            load_mode=descriptor.load.mode,
            tolerated_share=str(descriptor.tolerance.rejected_rows),
            tolerated_amount=None if amount is None else str(amount),
            at="",
            run_id="",
            is_scoped=bool(descriptor.load.scope),
            keyed_by=" ".join(descriptor.load.key or descriptor.load.scope),
            tolerated_removal=None if removal == "never" else str(removal),
            is_held_when_late=descriptor.hold_if_late,
        )
        foreign = [
            ScenarioCount("", currency, "rejected", Count(absolute=gross)) for currency, gross in result.foreign.items()
        ]
        commit = DeliveryCommit(
            delivery_id="",
            object_key=file.object_key,
            feed=file.feed,
            kind=result.kind,
            fingerprint=file.fingerprint,
            status="read",
            read=result.read,
            outcomes=result.outcomes,
            scenarios=foreign,
            covers=result.covers,
            findings=result.findings,
        )
        return event, commit


def _countable(batch: pa.RecordBatch | pa.Table) -> dict[str, pa.Array | pa.ChunkedArray]:
    nothing = pa.nulls(len(batch), pa.string())
    columns = {name: batch[name] if name in batch.schema.names else nothing for name in _COUNTED}
    columns = {name: pc.fill_null(values, "") for name, values in columns.items()}
    amount = batch["amount"] if "amount" in batch.schema.names else pa.nulls(len(batch))
    amount = amount.cast(SUM_OF_MONEY_TYPE)
    return columns | {"amount": amount, "absolute": pc.abs(amount)}


def _sums(table: pa.Table) -> Iterator[dict[str, Any]]:
    sums = table.group_by(list(_COUNTED)).aggregate(
        [([], "count_all"), ("amount", "count"), ("amount", "sum"), ("absolute", "sum")]
    )
    zero = Decimal("0.00")
    for row in sums.to_pylist():
        unpriced = row["count_all"] - row["amount_count"]
        yield row | {"count": Count(row["count_all"], row["amount_sum"] or zero, row["absolute_sum"] or zero, unpriced)}


def _row_order(row: RefusedRow) -> tuple[str, int]:
    return row.sheet or "", row.row


def _first_rows(changed: ChangedRows) -> list[RefusedRow]:
    """Return as many rows as are described, by sheet and row."""
    places = {"sheet": pc.fill_null(changed.rows["source_sheet"], ""), "row": changed.rows["source_row"]}
    order = pa.table({**places, "position": np.arange(len(changed.rows))}).sort_by(
        [(name, "ascending") for name in ("sheet", "row", "position")]
    )
    first = order["position"].slice(0, MAX_REJECTED).to_pylist()
    rows, outcomes = changed.rows.take(first).to_pylist(), changed.outcomes.take(pa.array(first)).to_pylist()
    described = zip(rows, outcomes, changed.reasons(first), strict=True)
    return [_refused_row({**row, "outcome": outcome, "reasons": reasons}) for row, outcome, reasons in described]


def _refused_row(row: Mapping[str, Any]) -> RefusedRow:
    return RefusedRow(
        row.get("source_sheet"),
        row["source_row"],
        row.get("source_column"),
        row["outcome"],
        reasons_in_words(row["reasons"]),
        row.get("amount"),
        row.get("currency"),
    )
