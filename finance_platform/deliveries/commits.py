"""Delivery commits: the identity of a delivery, and the document that makes it visible.

Belongs here: the commit document, its storage, and what follows from one commit alone.
Does not belong here: which deliveries are live (see `state_derivation`), the lines (Parquet beside the commits).
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from decimal import Decimal
from functools import lru_cache
from json.encoder import encode_basestring_ascii
from types import MappingProxyType
from typing import Any, Literal

from finance_platform.contracts.processed import ACCOUNT_COUNTS
from finance_platform.errors import DamagedObjectError
from finance_platform.feeds.findings import ReaderFindings
from finance_platform.feeds.reader_versions import reader_version
from finance_platform.feeds.resolved import Reader
from finance_platform.feeds.values.amounts import EXACT
from finance_platform.storage.bulk_read import write_many
from finance_platform.storage.documents import parse_document
from finance_platform.storage.immutable_documents import DocumentFolder, read_derived
from finance_platform.storage.nested_records import NestedRecords, field_names
from finance_platform.storage.port import ObjectStore
from finance_platform.storage.records import RecordType

FOLDER = "deliveries"
RETIRED = "retired_deliveries"
_RETIRED_COUNTS = "retired_account_counts"
OUTCOMES = ("accepted", "rejected", "duplicate", "skipped")

DELIVERED = "delivered"
ROUNDING = "rounding"


def delivery_id(object_key: str, fingerprint: str, feed: str, rules_identity: str, reader: Reader) -> str:
    """Return the identity of a delivery: the same object, bytes and reading rules result in the same lines.

    Args:
        object_key: its object.
        fingerprint: SHA-256 of its bytes.
        feed: its feed.
        rules_identity: that of the feed's reading rules.
        reader: that of the feed's rules; by it and the object's name the reader has a version.
    """
    return _hash_parts(reader_version(object_key, reader), object_key, fingerprint, feed, rules_identity)


def earlier_delivery_ids(object_key: str, fingerprint: str, feed: str, rules_identity: str, reader: Reader) -> set[str]:
    """Return what the delivery was called by releases that may have read other lines from the same bytes."""
    parts = object_key, fingerprint, feed, rules_identity
    return {_hash_parts(version, *parts) for version in range(1, reader_version(object_key, reader))}


def _hash_parts(reader_version: int, *texts: str) -> str:
    # What `json.dumps` makes of the list of these texts and the version, in a third of the time.
    document = f"[{', '.join(map(encode_basestring_ascii, texts))}, {reader_version}]"
    return hashlib.sha256(document.encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class Count:
    """Rows, and the total of those rows whose amount is valid.

    Attributes:
        rows: candidate lines.
        amount: sum in one currency, the home's unless stated otherwise; sign as delivered.
        absolute: sum of absolute amounts.
        unpriced: rows whose amount is not valid.
    """

    rows: int = 0
    amount: Decimal = Decimal("0.00")
    absolute: Decimal = Decimal("0.00")
    unpriced: int = 0

    def __add__(self, other: Count) -> Count:
        return Count(
            self.rows + other.rows,
            EXACT.add(self.amount, other.amount),
            EXACT.add(self.absolute, other.absolute),
            self.unpriced + other.unpriced,
        )

    def __sub__(self, other: Count) -> Count:
        return Count(
            self.rows - other.rows,
            EXACT.subtract(self.amount, other.amount),
            EXACT.subtract(self.absolute, other.absolute),
            self.unpriced - other.unpriced,
        )

    @property
    def is_zero(self) -> bool:
        """Whether it counts nothing."""
        return not (self.rows or self.amount or self.unpriced or self.absolute)


_NOTHING = Count()


def lines_hash(number: int) -> str:
    """Return the sum of the hashes of lines as `PeriodCount.content`; its beginning is the kind of the hashes."""
    return f"{_LINES_HASH}:{number}"


def hash_number(content: str) -> int:
    """Return the number that `lines_hash` was given."""
    return int(content.removeprefix(f"{_LINES_HASH}:"))


def hash_kind(content: str) -> str:
    """Return the kind of a hash of lines; that of another kind says nothing about whether the lines are equal."""
    kind, mark, _ = content.rpartition(":")
    return kind if mark else ""


_LINES_HASH = "arrow"
"""The kind of the hashes; those of earlier releases have none. Another way to hash lines needs another kind."""


@dataclass(frozen=True, slots=True)
class PeriodCount:
    """The accepted lines of one scenario and period.

    Attributes:
        scenario: as the delivery spells it.
        scenario_type: Actual, Budget or Forecast.
        period: YYYY-MM.
        rows: lines.
        amount: their total, sign as delivered.
        absolute: sum of their absolute amounts.
        reversals: how many of them name a line that they reverse.
        content: a hash of what the star derives from the lines, in any order; equal lines have equal hashes of one
            kind (see `hash_kind`).
    """

    scenario: str
    scenario_type: str
    period: str
    rows: int
    amount: Decimal
    absolute: Decimal
    content: str = ""
    reversals: int = 0

    @property
    def count(self) -> Count:
        """The lines as a count."""
        return Count(self.rows, self.amount, self.absolute)


@dataclass(frozen=True, slots=True)
class ScenarioCount:
    """The candidate lines of one scenario and currency.

    Attributes:
        scenario: its name; blank for rows without a declared scenario.
        currency: the foreign currency of the amounts; blank for the home's own.
        term: delivered (exact, before any rule), rounding (exact less rounded, a part of delivered) or an outcome.
        count: rows and money.
    """

    scenario: str
    currency: str
    term: str
    count: Count


@dataclass(frozen=True, slots=True)
class DataFile:
    """One Parquet file of the processed zone.

    Attributes:
        key: its key.
        size: in bytes.
        is_shared: whether it has rows of other deliveries too; readers then take the rows with the delivery's id.
        sha256: of its bytes, so that `verify` can name a file that was changed; empty in slices, whose rows are
            compared instead.
    """

    key: str
    size: int
    is_shared: bool = False
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class DeliveryCommit:
    """The result of reading one delivery; written last, so that a delivery without a commit does not exist.

    Attributes:
        status: read, or refused if the file as a whole could not be read.
        refusal: the reason of a refusal; empty for read deliveries.
        fix: what to do about a refusal.
        read: the reader's totals before any rule; `amount` is exact, so it may have more than two decimals.
        rounding: the difference that rounding to cents adds to `read.amount`.
        outcomes: accepted, rejected, duplicate and skipped candidate lines; money in the home's currency.
        scenarios: the same by scenario and currency, beside the lines as delivered; empty for reference deliveries.
        rules: rows by the rule that they violate.
        periods: accepted lines by scenario and period; empty for reference deliveries.
        files: Parquet files by table.
        members_hash: hash of the dimension members of the lines.
        first_day: earliest posting date of the accepted lines, ISO, or empty.
        last_day: latest posting date of the accepted lines, ISO, or empty.
        order: the maximum of `order.from_column`, as text that sorts; empty if the feed has no such rule.
        covers: the periods that the file's name declares; empty if the feed has no such rule.
        constant_scenarios: the scenario of every line, if the descriptor or the file's name gives one.
        extra_columns: headers that no field uses.
        header: the names of all columns, also of a refused file; empty if they are not known.
        header_kinds: what the first cells of each of them can be read as; see `feeds.column_kinds`.
        findings: what the reader found about the file as a whole.
        unweighted_id: of a file whose years are spread like a scenario, the identity that it would have without the
            lines of that scenario, so that the years that it needs are known when other lines count; else empty.
        dated_from: of a file of master data, the first period from which on it describes each of its members by a
            row with a date; empty if each has a row without one.
        has_dates: whether a row of master data says from which period it holds.
        booked_from: of lines that are booked in a later period, the closed period that they concern; else empty.
        voucher_periods: groups of periods that have lines of one voucher; a voucher is published whole.
    """

    delivery_id: str
    object_key: str
    feed: str
    kind: str
    fingerprint: str
    status: Literal["read", "refused"]
    refusal: str = ""
    fix: str = ""
    read: Count = Count()
    rounding: Decimal = Decimal(0)
    outcomes: Mapping[str, Count] = field(default_factory=dict)
    scenarios: Sequence[ScenarioCount] = ()
    rules: Mapping[str, int] = field(default_factory=dict)
    periods: Sequence[PeriodCount] = ()
    files: Mapping[str, Sequence[DataFile]] = field(default_factory=dict)
    members_hash: str = ""
    is_debit_positive: bool = False
    first_day: str = ""
    last_day: str = ""
    order: str = ""
    covers: Sequence[str] = ()
    constant_scenarios: Sequence[str] = ()
    extra_columns: Sequence[str] = ()
    header: Sequence[str] = ()
    header_kinds: Sequence[str] = ()
    findings: ReaderFindings = field(default_factory=ReaderFindings)
    unweighted_id: str = ""
    dated_from: str = ""
    has_dates: bool = False
    booked_from: str = ""
    voucher_periods: tuple[tuple[str, ...], ...] = ()
    attempt: str = ""
    committed_at: str = ""

    def outcome(self, name: str) -> Count:
        """Return the count of one outcome, zero if it did not occur."""
        return self.outcomes.get(name, _NOTHING)

    @property
    def rejected_foreign(self) -> dict[str, Decimal]:
        """The absolute amount of the rejected lines in each foreign currency."""
        amounts: dict[str, Decimal] = {}
        for lines in self.scenarios:
            if lines.term == "rejected" and lines.currency:
                amounts[lines.currency] = amounts.get(lines.currency, Decimal(0)) + lines.count.absolute
        return amounts

    @property
    def unaccounted(self) -> tuple[int, Decimal, int]:
        """Rows, amount and unpriced cells that were read but have no outcome; all zero unless lines were lost."""
        total = sum((self.outcome(name) for name in OUTCOMES), Count())
        return (
            self.read.rows - total.rows,
            self.read.amount + self.rounding - total.amount,
            self.read.unpriced - total.unpriced,
        )

    def to_json(self) -> bytes:
        """Return the commit document."""
        return json.dumps(asdict(self), indent=1, default=str, ensure_ascii=False, sort_keys=True).encode()

    @staticmethod
    def from_json(data: bytes | str) -> DeliveryCommit:
        """Parse a commit document."""
        return _parse_commit(json.loads(data))


def _parse_commit(values: Mapping[str, Any]) -> DeliveryCommit:
    return _RECORDS.build("", values)


# The same figures recur within a commit and across commits, so they are shared; by their text, since 0 equals 0.00.
_parse_amount = lru_cache(8192)(Decimal)


@lru_cache(4096, typed=True)
def _share_count(rows: int, amount: str, absolute: str, unpriced: int) -> Count:
    return Count(rows, _parse_amount(amount), _parse_amount(absolute), unpriced)


def _parse_count(values: Mapping[str, Any]) -> Count:
    return _share_count(values["rows"], values["amount"], values["absolute"], values["unpriced"])


def _parse_counts(values: Mapping[str, Mapping[str, Any]]) -> dict[str, Count]:
    return {name: _parse_count(count) for name, count in values.items()}


def _parse_periods(values: Sequence[Mapping[str, Any]]) -> tuple[PeriodCount, ...]:
    return tuple(map(_parse_period, values))


def _parse_period(values: Mapping[str, Any]) -> PeriodCount:
    if unknown := values.keys() - set(field_names(PeriodCount)):
        raise TypeError(f"unknown fields {sorted(unknown)}")
    # By position: a home may have a hundred thousand of them.
    return PeriodCount(
        sys.intern(values["scenario"]),
        sys.intern(values["scenario_type"]),
        sys.intern(values["period"]),
        values["rows"],
        _parse_amount(values["amount"]),
        _parse_amount(values["absolute"]),
        values["content"],
        values["reversals"],
    )


def _parse_scenarios(values: Sequence[Mapping[str, Any]]) -> tuple[ScenarioCount, ...]:
    return tuple(ScenarioCount(**{**scenario, "count": _parse_count(scenario["count"])}) for scenario in values)


def _parse_files(values: Mapping[str, Sequence[Mapping[str, Any]]]) -> dict[str, tuple[DataFile, ...]]:
    return {table: tuple(_parse_file(**file) for file in files) for table, files in values.items()}


def _parse_file(key: str, sha256: str = "", **values: Any) -> DataFile:
    # Small deliveries share files, so one text serves thousands of them.
    return DataFile(sys.intern(key), sha256=sys.intern(sha256), **values)


_AMOUNTS = dict.fromkeys(("amount", "absolute"), _parse_amount)
_COUNTS = NestedRecords(Count, _AMOUNTS)
_RECORDS = RecordType(
    {"": DeliveryCommit},
    {
        "read": _parse_count,
        "rounding": Decimal,
        "outcomes": _parse_counts,
        "scenarios": _parse_scenarios,
        "rules": dict,
        "periods": _parse_periods,
        "files": _parse_files,
        "covers": tuple,
        "constant_scenarios": tuple,
        "extra_columns": tuple,
        "header": tuple,
        "header_kinds": tuple,
        "findings": ReaderFindings.from_json,
        "voucher_periods": lambda groups: tuple(map(tuple, groups)),
    },
    {
        "read": _COUNTS,
        "outcomes": replace(_COUNTS, group=dict),
        "scenarios": NestedRecords(ScenarioCount, {"count": _COUNTS}, tuple),
        "periods": NestedRecords(PeriodCount, _AMOUNTS, tuple),
    },
)


def write_commit(processed: ObjectStore, commit: DeliveryCommit) -> None:
    """Make a delivery visible, atomically."""
    processed.write(commit_key(commit.delivery_id), commit.to_json())


def write_commits(processed: ObjectStore, commits: Iterable[DeliveryCommit]) -> None:
    """Make deliveries visible, each atomically; on S3 several at once, where one takes some 30 ms."""
    write_many(processed, {commit_key(commit.delivery_id): commit.to_json() for commit in commits})


def retire_commit(processed: ObjectStore, commit: DeliveryCommit, counts: Iterable[bytes]) -> None:
    """Keep the figures of a delivery whose commit and rows are about to be removed.

    Args:
        processed: the processed zone.
        commit: the delivery's commit.
        counts: the content of its files of lines by account, without those of other deliveries.
    """
    kept = []
    for number, data in enumerate(counts):
        key = f"{_RETIRED_COUNTS}/{commit.delivery_id}-{number}.parquet"
        processed.write(key, data)
        kept.append(DataFile(key, len(data)))
    files = {ACCOUNT_COUNTS.name: kept} if kept else {}
    processed.write(f"{RETIRED}/{commit.delivery_id}.json", replace(commit, files=files).to_json())


def read_retired(processed: ObjectStore) -> Mapping[str, DeliveryCommit]:
    """Return the commits of removed deliveries by delivery id; some may have been read again since."""
    return read_derived(processed, RETIRED_COMMITS, _sort_out)[0]


def read_commits(processed: ObjectStore) -> Mapping[str, DeliveryCommit]:
    """Return every commit by delivery id; without damaged ones, whose deliveries are read again.

    It is the same object as long as no commit has changed.
    """
    return read_derived(processed, COMMITS, _sort_out)[0]


def find_damaged_commits(
    processed: ObjectStore, folder: DocumentFolder[CommitDocument] | None = None
) -> Sequence[DamagedObjectError]:
    """Return the damaged commits of deliveries, or those of another folder."""
    return read_derived(processed, folder or COMMITS, _sort_out)[1]


def commit_key(delivery_id: str) -> str:
    """Return the key of a delivery's commit."""
    return f"{FOLDER}/{delivery_id}.json"


def _sort_out(documents: Sequence[CommitDocument]) -> tuple[Mapping[str, DeliveryCommit], Sequence[DamagedObjectError]]:
    """Return the commits by delivery id, and the damaged ones."""
    commits = MappingProxyType({one.delivery_id: one for one in documents if isinstance(one, DeliveryCommit)})
    return commits, tuple(one for one in documents if isinstance(one, DamagedObjectError))


def _parse_document(key: str, data: bytes) -> CommitDocument:
    try:
        commit = parse_document(key, data, _parse_commit)
    except DamagedObjectError as error:
        return error
    if not key.endswith(f"/{commit.delivery_id}.json"):
        return DamagedObjectError(key, f"it is the commit of the delivery {commit.delivery_id}")
    return commit


def _records(document: CommitDocument) -> list[DeliveryCommit] | None:
    return [document] if isinstance(document, DeliveryCommit) else None


def _file(records: Sequence[DeliveryCommit]) -> str:
    return records[0].object_key


def _folder(name: str) -> DocumentFolder[CommitDocument]:
    return DocumentFolder(name, _parse_document, _RECORDS, _records, lambda _, records: records[0], _file)


CommitDocument = DeliveryCommit | DamagedObjectError
"""What a document of a delivery is: its commit, or why it is none."""

COMMITS = _folder(FOLDER)
"""The commits of deliveries."""

RETIRED_COMMITS = _folder(RETIRED)
"""The commits of deliveries that were removed."""
