"""Rows of many Parquet files, a row group at a time: large files as a stream, small ones of a remote store as a whole.

Belongs here: opening and decoding, and the error of a file that cannot be. Does not belong here: what rows mean.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any

import pyarrow as pa

from finance_platform.errors import DamagedObjectError
from finance_platform.storage.bulk_read import find_many
from finance_platform.storage.factory import is_remote
from finance_platform.storage.port import ObjectStore
from finance_platform.storage.repeated_texts import open_with_dictionaries

WHOLE_BYTES = 8 << 20
"""The size up to which a file of a remote store is read with one request, several at once."""


def read_row_groups(
    store: ObjectStore,
    files: Collection[tuple[str, int]],
    columns: Sequence[str],
    *,
    nullable: Collection[str] = (),
    repeating: Collection[str] = (),
) -> Iterator[pa.Table]:
    """Yield the rows of files, a row group at a time.

    Args:
        store: the store.
        files: key and size of each file.
        columns: the columns to read.
        nullable: those that a file of an earlier release may lack; a table then lacks them too.
        repeating: text that few distinct values repeat, which is returned as dictionaries.

    Raises:
        DamagedObjectError: a file is missing, is not a Parquet file, or lacks a column.
    """
    if is_remote(store.root):
        whole = [key for key, size in files if size <= WHOLE_BYTES]
        for key, data in zip(whole, find_many(store, whole), strict=True):
            if data is None:
                raise DamagedObjectError(key, "it is missing")
            yield from _row_groups(key, pa.BufferReader(data), columns, nullable, repeating)
        files = [(key, size) for key, size in files if size > WHOLE_BYTES]
    for key, _ in files:
        try:
            stream = store.open(key)
        except FileNotFoundError:
            raise DamagedObjectError(key, "it is missing") from None
        with stream:
            yield from _row_groups(key, stream, columns, nullable, repeating)


def _row_groups(
    key: str, stream: Any, columns: Sequence[str], nullable: Collection[str], repeating: Collection[str]
) -> Iterator[pa.Table]:
    try:
        file = open_with_dictionaries(stream, repeating, pre_buffer=True)
        present = file.schema_arrow.names
        if missing := set(columns).difference(present, nullable):
            raise DamagedObjectError(key, f"it has no column {', '.join(sorted(missing))}")
        for number in range(file.num_row_groups):
            # One task in several threads would take the cores of the others.
            yield file.read_row_group(number, [name for name in columns if name in present], use_threads=False)
    except (pa.ArrowException, OSError) as error:
        raise DamagedObjectError(key, f"it is not a readable Parquet file: {' '.join(str(error).split())}") from None
