"""Records: dataclasses whose JSON documents exist by the thousand, shared in memory and as columns of Arrow.

Belongs here: building a record from decoded JSON, encoding records as columns and back. Does not belong here: the files
of such columns (see `checkpoints`), the fields of a record (see `deliveries`).

Documents of thousands of deliveries repeat most of what they say. A nested value is parsed once for each different
text and then shared, so records must not be changed. In a column, a value is its JSON text, and equal texts are stored
once. Texts are shared too where they repeat, and not where each record has another one.
Records inside records have columns of their own (see `nested_records`).
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from decimal import Decimal
from functools import cached_property, lru_cache
from typing import Any, Generic, TypeVar, get_args, get_type_hints

import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.storage.nested_records import NestedRecords, Texts, build_many, field_names

Record = TypeVar("Record")

_KIND = "record_kind"
_NESTED = "_records"
"""Ends the name of a column of nested records: an earlier release, which opens a file before it sees that its form is
another one, would open a column of the field's own name as texts."""
_VALUES_KEPT = 1024
"""How many different values of a nested field stay known for the next documents."""


@dataclass(frozen=True)
class RecordType(Generic[Record]):
    """The dataclasses that the records of one kind of document are made of.

    Attributes:
        kinds: dataclass by the name that it has in a document; one with the name `""` if there is no choice.
        parsers: by field, a function that turns decoded JSON into a value that is shared and never changed; fields
            without one are texts, numbers, booleans or null.
        nested: by field, the records that it has, where documents by the thousand have them; each has a parser too.
    """

    kinds: Mapping[str, type[Record]]
    parsers: Mapping[str, Callable[[Any], Any]]
    nested: Mapping[str, NestedRecords] = field(default_factory=dict)

    def build(self, kind: str, values: Mapping[str, Any]) -> Record:
        """Return a record from the decoded JSON of its fields.

        Raises:
            KeyError: there is no such kind.
            TypeError, ValueError, ArithmeticError, AttributeError, IndexError: a field has another name or value.
        """
        shared = {
            name: self._parse[name](json.dumps(value)) if name in self.parsers else _intern(value)
            for name, value in values.items()
        }
        return self.kinds[kind](**shared)

    @cached_property
    def form(self) -> str:
        """A hash of the fields and their types; columns of another form are of another release."""
        described = sorted((kind, _describe(its_type)) for kind, its_type in self.kinds.items())
        return hashlib.sha256(json.dumps([*described, *sorted(self.nested)]).encode()).hexdigest()[:16]

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns of a record."""
        names = {field.name: None for kind in self.kinds.values() for field in fields(_as_dataclass(kind))}
        return (_KIND, *names)

    @property
    def repeating(self) -> list[str]:
        """The names of the columns of texts that repeat."""
        return [name for name in self.columns if name not in self.nested]

    def encode(self, records: Sequence[Record | None]) -> dict[str, pa.Array]:
        """Return the columns of records; None takes a row without a record."""
        names_of = {its_type: kind for kind, its_type in self.kinds.items()}
        kinds = [None if record is None else names_of[type(record)] for record in records]
        columns = {_KIND: _Column([json.dumps(kind) if kind is not None else None for kind in kinds]).array()}
        for name in self.columns[1:]:
            if name in self.nested:
                columns[name + _NESTED] = self.nested[name].encode([getattr(record, name, None) for record in records])
            else:
                columns[name] = _encode([getattr(record, name, _ABSENT) for record in records])
        return columns

    def decode(self, table: pa.Table) -> Iterator[Record | None]:
        """Yield the records of columns that `encode` returned."""
        for rows in table.to_batches():
            yield from self._decode_rows(rows)

    def _decode_rows(self, rows: pa.RecordBatch) -> list[Record | None]:
        values: dict[str, list[Any]] = {}  # kinds share columns
        kinds, texts = rows.column(_KIND), Texts()
        records: list[Record | None] = [None] * len(rows)
        for number, kind in enumerate(map(json.loads, kinds.dictionary.to_pylist())):
            places = pc.indices_nonzero(pc.equal(kinds.indices, number))
            if not len(places):
                continue
            is_every = len(places) == len(rows)
            its_type: type = self.kinds[kind]
            columns = []
            for name in field_names(its_type):
                if name in self.nested:
                    column = rows.column(name + _NESTED)
                    columns.append(self.nested[name].decode(column if is_every else column.take(places), texts))
                    continue
                column = rows.column(name)
                if name not in values:
                    values[name] = self._values(name, column.dictionary.to_pylist())
                columns.append(_take(values[name], column.indices if is_every else column.indices.take(places)))
            built = build_many(its_type, columns)
            if is_every:
                return built
            for place, record in zip(places.to_pylist(), built, strict=True):
                records[place] = record
        return records

    def _values(self, name: str, texts: Sequence[str]) -> list[Any]:
        """Return the values of texts of a column, each of which is another one."""
        if name in self.parsers and len(texts) < _VALUES_KEPT:
            return list(map(self._parse[name], texts))
        values = _decode_all(texts)
        # More than are kept would not find each other in the next part.
        if name in self.parsers:
            return list(map(self.parsers[name], values))
        # A text that hardly any other record has is not interned: to enter it into a table that outgrows every cache
        # takes longer than to decode it, and two texts are compared without.
        return values if len(values) >= _VALUES_KEPT else list(map(_intern, values))

    @cached_property
    def _parse(self) -> dict[str, Callable[[str], Any]]:
        return {name: _remembered(parse) for name, parse in self.parsers.items()}


def _remembered(parse: Callable[[Any], Any]) -> Callable[[str], Any]:
    return lru_cache(_VALUES_KEPT)(lambda text: parse(json.loads(text)))


def _decode_all(texts: Sequence[str]) -> list[Any]:
    values: list[Any] = json.loads(f"[{','.join(texts)}]")
    return values


def _take(values: list[Any], indices: pa.Array) -> list[Any]:
    """Return the value of each row; `_ABSENT` of rows without one."""
    if indices.null_count:
        return [_ABSENT if index is None else values[index] for index in indices.to_pylist()]
    if len(values) == 1:
        return values * len(indices)  # of many columns, thousands of records have one value
    if len(values) == len(indices) and indices.equals(_places(len(values))):
        return values  # each record has another one
    return list(map(values.__getitem__, indices.to_pylist()))


@lru_cache(4)
def _places(number: int) -> pa.Array:
    return pa.array(range(number), pa.int32())


class _Absent:
    """Stands for a field that a record does not have."""


_ABSENT = _Absent()


class _Column:
    """Texts of a column, each different one once."""

    def __init__(self, texts: Iterable[str | None] = ()) -> None:
        self._numbers: dict[str, int] = {}
        self._indices: list[int | None] = []
        for text in texts:
            self.add(text)

    def add(self, text: str | None) -> None:
        """Add the text of the next row; None if it has none."""
        self._indices.append(None if text is None else self._numbers.setdefault(text, len(self._numbers)))

    def array(self) -> pa.DictionaryArray:
        """Return the column."""
        indices = pa.array(self._indices, pa.int32())
        return pa.DictionaryArray.from_arrays(indices, pa.array(list(self._numbers), pa.string()))


def _encode(values: Sequence[Any]) -> pa.DictionaryArray:
    column = _Column()
    # Shared values are encoded once. They live as long as the records, so their identities are not used again.
    texts: dict[int, str] = {}
    for value in values:
        if value is _ABSENT:
            column.add(None)
            continue
        if id(value) not in texts:
            texts[id(value)] = json.dumps(_plain(value))
        column.add(texts[id(value)])
    return column.array()


def _plain(value: Any) -> Any:
    """Return a value as JSON has it, as `asdict` and `default=str` write it into a document."""
    if is_dataclass(value):
        return {field.name: _plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return str(value) if isinstance(value, Decimal) else value


def _intern(value: Any) -> Any:
    return sys.intern(value) if isinstance(value, str) else value


def _describe(its_type: type[Any]) -> Any:
    """Return the fields of a dataclass and of those inside it, as JSON."""
    hints = get_type_hints(its_type)
    own = [(field.name, str(hints[field.name])) for field in fields(_as_dataclass(its_type))]
    inner = {part for hint in hints.values() for part in _parts(hint) if isinstance(part, type) and is_dataclass(part)}
    return [own, sorted((part.__name__, _describe(part)) for part in inner)]


def _parts(hint: Any) -> Iterator[Any]:
    yield hint
    for argument in get_args(hint):
        yield from _parts(argument)


def _as_dataclass(its_type: type[Any]) -> Any:
    """Return a type that is known to be a dataclass, as `fields` wants it."""
    return its_type
