"""The commit of a slice: the document that makes one version of one slice visible.

Belongs here: the document and its storage. Does not belong here: the target version (see `versions`).
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from decimal import Decimal
from typing import Any

from finance_platform.deliveries.commits import Count, DataFile
from finance_platform.errors import DamagedObjectError
from finance_platform.storage.bulk_read import find_many
from finance_platform.storage.documents import parse_document
from finance_platform.storage.port import ObjectStore

FOLDER = "slices"

MOST_BYTES = 16 << 20
"""The bytes of the commits that a process keeps parsed; of 20,000 deliveries, the published ones have about 8 MB."""


@dataclass(frozen=True)
class ScenarioSum:
    """The rows of one scenario in a slice of the fact table.

    Attributes:
        scenario_key: surrogate key.
        scenario: name.
        row_count: rows in the files.
        line_count: ledger lines that the rows sum.
        amount: SUM(Amount).
        budget_amount: SUM(BudgetAmount).
        delivered_amount: the money of those lines with the sign as delivered, summed from the lines themselves.
        absolute: the sum of their absolute amounts.
    """

    scenario_key: int
    scenario: str
    row_count: int
    line_count: int
    amount: Decimal
    budget_amount: Decimal
    delivered_amount: Decimal = Decimal("0.00")
    absolute: Decimal = Decimal("0.00")

    @property
    def delivered(self) -> Count:
        """The lines with the sign as delivered."""
        return Count(self.line_count, self.delivered_amount, self.absolute)


@dataclass(frozen=True)
class SupersededLines:
    """The lines of one delivery and scenario that a later delivery supersedes in a slice, sign as delivered.

    Attributes:
        delivery_id: the delivery.
        scenario: as the delivery spells it.
        rows: how many lines.
        amount: their money.
        absolute: the sum of their absolute amounts.
        is_statistical: whether they are on accounts that are not money.
    """

    delivery_id: str
    scenario: str
    rows: int
    amount: Decimal
    absolute: Decimal
    is_statistical: bool = False

    @property
    def count(self) -> Count:
        """The lines as a count."""
        return Count(self.rows, self.amount, self.absolute)


@dataclass(frozen=True)
class Difference:
    """An account whose money or lines in the star differ from the ledger lines that it was built from."""

    scenario_key: int
    account_key: int
    lines: str
    star: str


@dataclass(frozen=True)
class SliceCommit:
    """One version of one slice.

    Attributes:
        table: the contract's name.
        slice: period, or `all`.
        version: hash of `inputs`.
        row_count: rows in the files.
        sums: per scenario; empty for dimensions.
        hidden_lines: superseded lines of deliveries that count, summed from those lines themselves.
        hidden_amount: their money, with the sign as delivered.
        superseded: the same lines by delivery and scenario.
        accounts_compared: number of sums by scenario and account that were compared with the ledger lines.
        differences: those that differ; the star is wrong if there is one.
        inputs: see `versions`; they explain later why a slice is stale.
    """

    table: str
    slice: str
    version: str
    row_count: int
    files: Sequence[DataFile]
    sums: Sequence[ScenarioSum] = ()
    hidden_lines: int = 0
    hidden_amount: Decimal = Decimal("0.00")
    superseded: Sequence[SupersededLines] = ()
    accounts_compared: int = 0
    differences: Sequence[Difference] = ()
    inputs: Mapping[str, Any] | None = None
    attempt: str = ""
    built_at: str = ""

    def to_json(self) -> bytes:
        """Return the commit document."""
        # The inputs are JSON values already, thousands of them, and `asdict` would copy each.
        document = {**asdict(replace(self, inputs=None)), "inputs": self.inputs}
        return json.dumps(document, indent=1, default=str, ensure_ascii=False, sort_keys=True).encode()

    @staticmethod
    def from_json(data: bytes | str) -> SliceCommit:
        """Rebuild a commit from its document."""
        return _parse_commit(json.loads(data))


def _parse_commit(values: dict[str, Any]) -> SliceCommit:
    values["files"] = tuple(DataFile(**file) for file in values["files"])
    values["sums"] = tuple(_scenario_sum(scenario_sum) for scenario_sum in values["sums"])
    values["hidden_amount"] = Decimal(values["hidden_amount"])
    values["superseded"] = tuple(_superseded_lines(lines) for lines in values["superseded"])
    values["differences"] = tuple(Difference(**difference) for difference in values["differences"])
    return SliceCommit(**values)


def _scenario_sum(values: Mapping[str, Any]) -> ScenarioSum:
    names = ("amount", "budget_amount", "delivered_amount", "absolute")
    return ScenarioSum(**{**values, **{name: Decimal(values[name]) for name in names}})


def _superseded_lines(values: Mapping[str, Any]) -> SupersededLines:
    money = {name: Decimal(values[name]) for name in ("amount", "absolute")}
    return SupersededLines(**{**values, **money})


def write_slice(processed: ObjectStore, commit: SliceCommit) -> None:
    """Make a version of a slice visible, atomically."""
    processed.write(slice_key(commit.table, commit.slice, commit.version), commit.to_json())


def read_slices(processed: ObjectStore, names: Sequence[tuple[str, str, str]]) -> list[SliceCommit | None]:
    """Return one version of each slice, named by table, slice and version.

    It is None if it was never built, if it is damaged, or if another release wrote it in another form.
    """
    documents = find_many(processed, [slice_key(*name) for name in names])
    return [_from_document(name, data) for name, data in zip(names, documents, strict=True)]


def read_slice(processed: ObjectStore, table: str, slice_name: str, version: str) -> SliceCommit | None:
    """Return one version of one slice; see `read_slices`."""
    return read_slices(processed, [(table, slice_name, version)])[0]


def read_inputs(
    processed: ObjectStore, names: Sequence[tuple[str, str, str]]
) -> dict[tuple[str, str, str], Mapping[str, Any] | None]:
    """Return the inputs of versions of slices, of those that another release wrote too; None if they are not known."""
    documents = find_many(processed, [slice_key(*name) for name in names])
    return {name: _inputs(name, data) for name, data in zip(names, documents, strict=True)}


def find_damaged_slices(processed: ObjectStore, names: Sequence[tuple[str, str, str]]) -> list[DamagedObjectError]:
    """Return the commits of versions of slices that exist and cannot be read."""
    documents = zip(names, find_many(processed, [slice_key(*name) for name in names]), strict=True)
    parsed = (_parse_document(name, data) for name, data in documents if data is not None)
    return [document for document in parsed if isinstance(document, DamagedObjectError)]


def slice_key(table: str, slice_name: str, version: str) -> str:
    """Return the key of the commit of one version of a slice."""
    return f"{FOLDER}/{table}/{slice_name}/{version}.json"


class _Parsed:
    """Commits by the hash of their bytes, so that each is parsed once per process; threads may share it."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._commits: OrderedDict[bytes, tuple[int, SliceCommit]] = OrderedDict()
        self._size = 0

    def get(self, digest: bytes) -> SliceCommit | None:
        with self._guard:
            if digest not in self._commits:
                return None
            self._commits.move_to_end(digest)
            return self._commits[digest][1]

    def put(self, digest: bytes, size: int, commit: SliceCommit) -> None:
        with self._guard:
            self._size += size - self._commits.pop(digest, (0, commit))[0]
            self._commits[digest] = size, commit
            while self._size > MOST_BYTES:
                _, (freed, _) = self._commits.popitem(last=False)
                self._size -= freed


_parsed = _Parsed()


def _inputs(name: tuple[str, str, str], data: bytes | None) -> Mapping[str, Any] | None:
    if data is None:
        return None
    try:
        inputs = parse_document(slice_key(*name), data, dict[str, Any]).get("inputs")
    except DamagedObjectError:
        return None
    return inputs if isinstance(inputs, Mapping) else None


def _from_document(name: tuple[str, str, str], data: bytes | None) -> SliceCommit | None:
    document = None if data is None else _parse_document(name, data)
    return document if isinstance(document, SliceCommit) else None


def _parse_document(name: tuple[str, str, str], data: bytes) -> SliceCommit | DamagedObjectError:
    digest = hashlib.sha256(repr(name).encode() + data).digest()
    if known := _parsed.get(digest):
        return known
    key = slice_key(*name)
    try:
        commit = parse_document(key, data, _parse_commit)
    except DamagedObjectError as error:
        return error
    if (commit.table, commit.slice, commit.version) != name:
        return DamagedObjectError(key, f"it is the commit of {commit.table} {commit.slice} {commit.version}")
    _parsed.put(digest, len(data), commit)
    return commit
