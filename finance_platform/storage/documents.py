"""Documents and Parquet files that may be damaged: truncated, foreign, garbage or missing.

Belongs here: recognising damage, setting a damaged object aside. Does not belong here: what is derived again from what
(see `refresh.steps.repair`), the register, which cannot be derived again (see `deliveries.register`).
"""

from __future__ import annotations

import io
import json
import sys
import types
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from datetime import datetime
from functools import cache, partial
from pathlib import Path
from typing import Any, Literal, TypeVar, Union, cast, get_args, get_origin, get_type_hints

import pyarrow as pa
import pyarrow.parquet as pq

from finance_platform.errors import DamagedObjectError
from finance_platform.storage.bulk_read import map_many
from finance_platform.storage.factory import is_remote
from finance_platform.storage.plain_file import name_file
from finance_platform.storage.port import ObjectStore
from finance_platform.storage.remembered_reads import forget_read
from finance_platform.storage.repeated_texts import open_with_dictionaries

_Document = TypeVar("_Document")
_Check = Callable[[Any], bool]

FOLDER = "damaged"
"""The folder of objects that were set aside; nothing reads them."""

_MAGIC = b"PAR1"
_SMALLEST_FILE = 12


def parse_document(
    key: str,
    data: bytes,
    parse: Callable[[Any], _Document],
    parse_object: Callable[[dict[str, Any]], Any] = lambda values: values,
) -> _Document:
    """Return the document that a JSON object holds, with the types that its dataclass declares.

    Args:
        key: the object.
        data: its bytes.
        parse: makes the document out of the decoded JSON.
        parse_object: makes what stands for each JSON object, as soon as that is decoded: thousands of them in one
            document take much more memory than what is made of them.

    Raises:
        DamagedObjectError: the bytes are not such a document.
    """
    try:
        document = parse(decode_json(data, parse_object))
    except (ValueError, ArithmeticError, RecursionError) as error:
        why = "it is empty" if not data else f"it is not valid JSON or has an invalid value: {error}"
        raise DamagedObjectError(key, why) from None
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        raise DamagedObjectError(key, f"it has other keys or values than expected: {error}") from None
    if is_dataclass(document) and (wrong := find_wrong_field(document)):
        raise DamagedObjectError(key, f"its field {wrong} has a value of another type")
    return document


def decode_json(data: bytes, parse_object: Callable[[dict[str, Any]], Any] = lambda values: values) -> Any:
    """Return the content of a JSON document; its texts are shared, since thousands of documents say mostly the same.

    Args:
        data: the document.
        parse_object: see `parse_document`.

    Raises:
        ValueError, RecursionError: the bytes are not JSON.
    """
    return json.loads(data, object_pairs_hook=lambda pairs: parse_object(_with_shared_texts(pairs)))


def _with_shared_texts(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    return {sys.intern(key): _shared(value) for key, value in pairs}


def _shared(value: Any) -> Any:
    if isinstance(value, str):
        return sys.intern(value)
    if not isinstance(value, list):
        return value
    try:
        return list(map(sys.intern, value))
    except TypeError:  # not all are texts
        return list(map(_shared, value)) if {str, list} & set(map(type, value)) else value


def find_wrong_field(document: Any) -> str:
    """Return the name of the first field of a dataclass whose value is not of its declared type; empty if none is."""
    document_type = cast("Hashable", type(document))  # mypy takes a class for not hashable
    return next((name for name, check in _checks(document_type) if not check(getattr(document, name))), "")


def set_aside(store: ObjectStore, key: str, at: datetime) -> None:
    """Move a damaged object into the folder of damaged objects; one that does not exist is left out."""
    try:
        data = store.read(key)
    except FileNotFoundError:
        return
    store.write(f"{FOLDER}/{at:%Y%m%dT%H%M%SZ}/{key}", data)
    store.delete(key)


@contextmanager
def open_parquet(
    store: ObjectStore, key: str, columns: Iterable[str] = (), repeating: Collection[str] = ()
) -> Iterator[pq.ParquetFile]:
    """Open a Parquet file of the processed zone, and close it.

    Args:
        store: the store.
        key: the file.
        columns: columns that it must have.
        repeating: text that few distinct values repeat, which is returned as dictionaries.

    Raises:
        DamagedObjectError: it is missing, lacks a column, or is not a Parquet file, now or while it is read.
    """
    try:
        with store.open(key) as stream:
            file = open_with_dictionaries(stream, repeating)
            if missing := set(columns).difference(file.schema_arrow.names):
                raise DamagedObjectError(key, f"it has no column {', '.join(sorted(missing))}")
            yield file
    except FileNotFoundError:
        raise DamagedObjectError(key, "it is missing") from None
    except pa.ArrowException as error:
        raise DamagedObjectError(key, f"it is not a readable Parquet file: {' '.join(str(error).split())}") from None
    except OSError as error:
        # Arrow reports a page that cannot be decompressed as an OSError without a number.
        if error.errno is not None or type(error) is not OSError:
            raise
        raise DamagedObjectError(key, f"it is not a readable Parquet file: {' '.join(str(error).split())}") from None


def read_parquet(
    key: str, data: bytes | None, columns: Iterable[str], *, only: Sequence[str] | None = None
) -> pa.Table:
    """Return the rows of a small Parquet file.

    Args:
        key: the file.
        data: its bytes; None if it does not exist.
        columns: columns that it must have.
        only: the columns to decode, as far as it has them; all by default.

    Raises:
        DamagedObjectError: see `open_parquet`.
    """
    if data is None:
        raise DamagedObjectError(key, "it is missing")
    try:
        # Without the machinery for folders of files, a one-line file takes a fifth of the time.
        rows = pq.ParquetFile(io.BytesIO(data)).read(columns=None if only is None else list(only))
    except (pa.ArrowException, OSError) as error:
        raise DamagedObjectError(key, f"it is not a readable Parquet file: {' '.join(str(error).split())}") from None
    if missing := set(columns).difference(rows.column_names):
        raise DamagedObjectError(key, f"it has no column {', '.join(sorted(missing))}")
    return rows


def find_damaged_files(store: ObjectStore, sizes: Mapping[str, int], suspects: Collection[str] = ()) -> dict[str, str]:
    """Return the Parquet files that are damaged, with the reason.

    A file is compared with its size; on disk its first and last bytes too. Damage in its middle is found when it is
    read.

    Args:
        store: the store.
        sizes: size in bytes by key, as a commit says.
        suspects: files that are read whole, several at once where the store is remote.
    """
    # A listing costs one request for a thousand files.
    remote = store.find_objects(sizes) if is_remote(store.root) else None
    damaged: dict[str, str] = {}
    for key, size in sizes.items():
        if remote is None:
            actual, ends = _on_disk(f"{store.root}/{key}")
        else:
            actual, ends = (remote[key].size if key in remote else None), True
        if actual is None:
            damaged[key] = "it is missing"
        elif actual != size:
            damaged[key] = f"it has {actual:,} bytes instead of {size:,}"
        elif not ends:
            damaged[key] = "it is not a Parquet file"
    whole = [key for key in sizes if key in suspects and key not in damaged]
    reasons = zip(whole, map_many(store, whole, partial(_read_whole, store)), strict=True)
    return damaged | {key: why for key, why in reasons if why}


def _read_whole(store: ObjectStore, key: str) -> str:
    """Return why a Parquet file cannot be read; empty if it can."""
    forget_read(store, key)  # it is a suspect because of what was read before
    try:
        with open_parquet(store, key) as file:
            for _ in file.iter_batches():
                pass
    except DamagedObjectError as error:
        return error.why
    return ""


def _on_disk(path: str) -> tuple[int | None, bool]:
    """Return the size of a file, None without one, and whether it begins and ends as Parquet does."""
    file = Path(path)
    if not file.is_file():
        return None, False
    try:
        with file.open("rb", buffering=0) as stream:
            head = stream.read(len(_MAGIC))
            size = stream.seek(0, 2)
            if size < _SMALLEST_FILE:
                return size, False
            stream.seek(-len(_MAGIC), 2)
            return size, head == stream.read(len(_MAGIC)) == _MAGIC
    except OSError as error:
        raise name_file(error, file) from None


@cache
def _checks(document_type: Any) -> list[tuple[str, _Check]]:
    hints = get_type_hints(document_type)
    return [(field.name, _check_of(hints[field.name])) for field in fields(document_type)]


@cache
def _check_of(hint: Any) -> _Check:
    """Return a function that tells whether a value is of the type of a hint."""
    origin, arguments = get_origin(hint), get_args(hint)
    if hint is Any:
        return lambda _: True
    if origin is Literal:
        return lambda value: value in arguments
    if origin in (Union, types.UnionType):
        checks = [_check_of(argument) for argument in arguments]
        return lambda value: any(check(value) for check in checks)
    if origin and issubclass(origin, Mapping):
        of_key, of_value = map(_check_of, arguments)
        return lambda value: isinstance(value, Mapping) and all(of_key(k) and of_value(v) for k, v in value.items())
    if origin is tuple and arguments[-1] is not Ellipsis:
        parts = [_check_of(argument) for argument in arguments]
        return lambda value: (
            isinstance(value, Sequence)
            and len(value) == len(parts)
            and all(check(v) for check, v in zip(parts, value, strict=True))
        )
    if origin and issubclass(origin, Collection):
        return _check_of_collection(_check_of(arguments[0]))
    if is_dataclass(hint) and isinstance(hint, type):
        return lambda value: isinstance(value, hint) and not find_wrong_field(value)
    if hint is int:
        return lambda value: isinstance(value, int) and not isinstance(value, bool)
    return lambda value: isinstance(value, hint)


def _check_of_collection(of_item: _Check) -> _Check:
    def check(value: Any) -> bool:
        return isinstance(value, Sequence | frozenset) and not isinstance(value, str) and all(map(of_item, value))

    return check
