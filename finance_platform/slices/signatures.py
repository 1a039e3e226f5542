"""Signatures: what the close of a period signs, as a document that nothing changes.

Belongs here: the document, its storage, the hash of a slice's rows, and what no longer agrees with a signature. Does
not belong here: when a period may be closed (see `refresh.close`), showing what was signed (see `refresh.as_of`).

A signature names every published slice of every table, not of its period alone: a year to date and a comparison with
the year before are signed with the month. The name of the document is the hash of its content, and the register's event
has that name, so that the chain of events covers it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.contracts.model import Contract
from finance_platform.deliveries.events import Event, PeriodStatusChanged
from finance_platform.errors import DamagedObjectError
from finance_platform.slices.commits import SliceCommit, read_slice, slice_key
from finance_platform.storage.documents import open_parquet, parse_document
from finance_platform.storage.port import ObjectStore

FOLDER = "signatures"
_FIX = "restore the file from a backup or from an earlier version in the bucket"
_FIELD, _LINE, _NULL = "\x1f", "\n", "\x00"


@dataclass(frozen=True)
class SignedSlice:
    """One slice that was published when a period was closed.

    Attributes:
        table: the contract's name.
        slice: period, or `all`.
        version: its version.
        rows_hash: hash of its rows, in any order and whatever files they are in.
    """

    table: str
    slice: str
    version: str
    rows_hash: str


@dataclass(frozen=True)
class Signature:
    """Everything that a close signs.

    Attributes:
        period: the period that was closed.
        closed: the closed periods, this one and its opening among them.
        slices: every published slice, by table and slice.
        tables: the rows of the small tables beside the star, by the contract's name; values as JSON has them.
        load_number: the last load.
        code_version: of the code that builds slices.
        settings: the settings that reports depend on.
    """

    period: str
    closed: Sequence[str]
    slices: Sequence[SignedSlice]
    tables: Mapping[str, Sequence[Mapping[str, Any]]]
    load_number: int
    code_version: str
    settings: Mapping[str, str | None] = field(default_factory=dict)

    @property
    def versions(self) -> dict[tuple[str, str], str]:
        """Version by table and slice."""
        return {(one.table, one.slice): one.version for one in self.slices}


def write_signature(processed: ObjectStore, signature: Signature) -> str:
    """Store a signature and return its name: the SHA-256 of the document."""
    data = json.dumps(asdict(signature), ensure_ascii=False, sort_keys=True).encode()
    name = hashlib.sha256(data).hexdigest()
    processed.write(_key(name), data)
    return name


def read_signature(processed: ObjectStore, name: str) -> Signature:
    """Return a signature.

    Raises:
        DamagedObjectError: the document is missing, or is not the one that was signed.
    """
    key = _key(name)
    try:
        data = processed.read(key)
    except FileNotFoundError:
        raise DamagedObjectError(key, "it is missing", fix=_FIX) from None
    if hashlib.sha256(data).hexdigest() != name:
        raise DamagedObjectError(key, "it is not the document that was signed", fix=_FIX)
    return parse_document(key, data, _parse)


def rows_hash(processed: ObjectStore, commit: SliceCommit) -> str:
    """Return the hash of a slice's rows: of their values as text, in order of the texts.

    Raises:
        DamagedObjectError: a file is damaged.
    """
    texts: list[pa.Array] = []
    for file in commit.files:
        with open_parquet(processed, file.key) as parquet:
            texts += [_as_texts(batch) for batch in parquet.iter_batches()]
    rows = pa.chunked_array(texts, pa.string())
    ordered = rows.take(pc.sort_indices(rows)).to_pylist()
    return hashlib.sha256(_LINE.join(ordered).encode()).hexdigest()


def _as_texts(batch: pa.RecordBatch) -> pa.Array:
    """Return each row as one text, with its columns in the order of their names."""
    columns = [pc.fill_null(batch.column(name).cast(pa.string()), _NULL) for name in sorted(batch.schema.names)]
    return pc.binary_join_element_wise(*columns, _FIELD)


def sign_slices(
    processed: ObjectStore, versions: Mapping[tuple[str, str], str], earlier: Signature | None
) -> tuple[SignedSlice, ...]:
    """Return the published slices with the hashes of their rows; a version that was signed before is not read again.

    Args:
        processed: the processed zone.
        versions: the published version of each slice, by table and slice.
        earlier: the signature before, if there is one.

    Raises:
        DamagedObjectError: a published slice has no commit, or its rows are damaged.
    """
    known = {(one.table, one.slice, one.version): one for one in earlier.slices} if earlier else {}
    return tuple(
        known.get((*name, version)) or _sign(processed, *name, version) for name, version in sorted(versions.items())
    )


def _sign(processed: ObjectStore, table: str, slice_name: str, version: str) -> SignedSlice:
    return SignedSlice(table, slice_name, version, rows_hash(processed, _commit(processed, table, slice_name, version)))


def _commit(processed: ObjectStore, table: str, slice_name: str, version: str) -> SliceCommit:
    commit = read_slice(processed, table, slice_name, version)
    if commit is None:
        raise DamagedObjectError(slice_key(table, slice_name, version), "it is missing or damaged", fix=_FIX)
    return commit


def signed_closings(events: Iterable[Event]) -> list[PeriodStatusChanged]:
    """Return the closings that have a signature, oldest first; a period that an opening closed has its signature."""
    return [event for event in events if isinstance(event, PeriodStatusChanged) and event.signature]


def signed_versions(processed: ObjectStore, events: Iterable[Event]) -> set[tuple[str, str, str]]:
    """Return table, slice and version of everything that was ever signed.

    Raises:
        DamagedObjectError: a signature is damaged or missing.
    """
    names = {event.signature for event in signed_closings(events)}
    return {
        (one.table, one.slice, one.version) for name in sorted(names) for one in read_signature(processed, name).slices
    }


def find_changed_signatures(processed: ObjectStore, events: Iterable[Event]) -> Iterator[DamagedObjectError]:
    """Yield what no longer is as it was signed: documents, commits and rows; each version is read once.

    Args:
        processed: the processed zone.
        events: the register's.
    """
    checked: set[SignedSlice] = set()
    for name in dict.fromkeys(event.signature for event in signed_closings(events)):
        try:
            signature = read_signature(processed, name)
        except DamagedObjectError as error:
            yield error
            continue
        for signed in signature.slices:
            if signed not in checked:
                checked.add(signed)
                yield from _find_change(processed, signed, signature.period)


def _find_change(processed: ObjectStore, signed: SignedSlice, period: str) -> Iterator[DamagedObjectError]:
    try:
        commit = _commit(processed, signed.table, signed.slice, signed.version)
        is_as_signed = rows_hash(processed, commit) == signed.rows_hash
    except DamagedObjectError as error:
        yield error
        return
    if not is_as_signed:
        keys = ", ".join(file.key for file in commit.files)
        yield DamagedObjectError(keys, f"its rows are not those that the close of {period} signed", fix=_FIX)


def table_rows(contract: Contract, rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return rows of a table as a signature stores them: numbers as JSON has them, decimals and times as text."""
    return [
        {name: _as_json(value) for name, value in row.items()}
        for row in sorted(rows, key=lambda row: [str(row[name]) for name in contract.column_names])
    ]


def stored_rows(contract: Contract, rows: Iterable[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the rows of a table that a signature has, as the warehouse takes them."""
    types = {column.name: column.type.partition("(")[0] for column in contract.columns}
    return [{name: _from_json(value, types[name]) for name, value in row.items()} for row in rows]


def _as_json(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else str(value) if isinstance(value, Decimal) else value


def _from_json(value: Any, column_type: str) -> Any:
    parse = _PARSERS.get(column_type)
    return value if parse is None or value is None else parse(value)


_PARSERS: dict[str, Callable[[str], Any]] = {
    "decimal": Decimal,
    "timestamp": datetime.fromisoformat,
    "date": date.fromisoformat,
}
"""How the texts of a signature become values again, by the type of the column."""


def _key(name: str) -> str:
    return f"{FOLDER}/{name}.json"


def _parse(values: dict[str, Any]) -> Signature:
    return Signature(
        **{
            **values,
            "slices": tuple(SignedSlice(**one) for one in values["slices"]),
            "closed": tuple(values["closed"]),
        }
    )
