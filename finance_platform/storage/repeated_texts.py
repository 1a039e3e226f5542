"""Parquet files with columns of repeated texts, which are returned as dictionaries.

Belongs here: opening such a file. Does not belong here: which columns repeat, what a file must have (see its readers).
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq


def open_with_dictionaries(source: Any, repeating: Collection[str], *, pre_buffer: bool = False) -> pq.ParquetFile:
    """Open a file whose columns of some names are returned as dictionaries, those that it has.

    Arrow fails with a `KeyError` for a name that the file lacks, and for one of a column with fields. Files of other
    releases lack some, or have other types.

    Args:
        source: the file, where it can be sought.
        repeating: names of columns of text that few distinct values repeat.
        pre_buffer: whether ranges of a row group are requested together.

    Raises:
        pyarrow.ArrowException, OSError: it is not a readable Parquet file.
    """
    file = pq.ParquetFile(source, pre_buffer=pre_buffer)
    present = [one.name for one in file.schema_arrow if one.name in repeating and not pa.types.is_nested(one.type)]
    if not present:
        return file
    return pq.ParquetFile(source, metadata=file.metadata, read_dictionary=present, pre_buffer=pre_buffer)
