"""Validates Parquet files before COPY, whose own errors are hard to interpret.

Belongs here: a file's footer against its table, and the length of its texts in bytes.
Does not belong here: opening the files, COPY itself (see `copy`).

COPY goes by position, converts nothing, and has no MAXERROR for Parquet: one long name stops the whole load. If the
table has no limited text, only the footer is read.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, BinaryIO

from finance_platform.errors import LoadError
from finance_platform.warehouse.column_changes import ExistingColumn

if TYPE_CHECKING:
    import pyarrow.parquet as pq

BUILD_AGAIN = "build the slice again: `finance-platform run --rebuild`"

_BATCH_ROWS = 65_536
_SHOWN_CHARACTERS = 40
_PARQUET_TYPES = {
    "boolean": (r"BOOLEAN", "BOOLEAN"),
    "smallint": (r"INT32 Int\(bitWidth=16, isSigned=true\)", "INT32 as INT_16"),
    "integer": (r"INT32( Int\(bitWidth=32, isSigned=true\))?", "INT32"),
    "bigint": (r"INT64( Int\(bitWidth=64, isSigned=true\))?", "INT64"),
    "double precision": (r"DOUBLE", "DOUBLE"),
    "date": (r"INT32 Date", "INT32 as DATE"),
    "timestamp": (r"INT96|INT64 Timestamp\(.*\)", "INT96, or INT64 as TIMESTAMP"),
    "varchar": (r"BYTE_ARRAY String", "BYTE_ARRAY as STRING"),
}
"""By the table's type: a pattern for the file's physical and logical type, and its name in messages."""


def check_parquet(file: str, stream: BinaryIO, columns: Sequence[str], table: Sequence[ExistingColumn]) -> None:
    """Raise LoadError for a file that COPY would reject, or silently load into other columns.

    Args:
        file: its address, for the message.
        stream: the file; it can seek.
        columns: its expected columns, in order.
        table: the columns of the table, in order.

    Raises:
        LoadError: with the column, the expected and the found value, and the fix.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(stream) as parquet:
            _check_columns(file, parquet, columns)
            for index, target in enumerate(table):
                _check_type(file, parquet, index, target)
                _check_nulls(file, parquet, index, target)
            _check_text_lengths(file, parquet, table)
    except (pa.ArrowInvalid, OSError) as error:
        if isinstance(error, OSError) and type(error) is not OSError:
            raise  # the object store's own error; pyarrow's, for a broken footer, is a bare OSError
        raise LoadError(f"{file} is not a readable Parquet file: {error}", fix=BUILD_AGAIN) from error


def _check_columns(file: str, parquet: pq.ParquetFile, columns: Sequence[str]) -> None:
    found = [parquet.schema.column(index).path for index in range(len(parquet.schema.names))]
    if found == list(columns):
        return
    missing = [name for name in columns if name not in found]
    extra = [name for name in found if name not in columns]
    differences = [f"lacks {', '.join(missing)}"] * bool(missing) + [f"also has {', '.join(extra)}"] * bool(extra)
    raise LoadError(
        f"{file} {' and '.join(differences) or 'has its columns in another order'}: expected {', '.join(columns)}; "
        f"found {', '.join(found)}",
        fix=BUILD_AGAIN,
    )


def _check_type(file: str, parquet: pq.ParquetFile, index: int, target: ExistingColumn) -> None:
    column = parquet.schema.column(index)
    logical = str(column.logical_type)
    found = column.physical_type + ("" if logical == "None" else f" {logical}")
    pattern, expected = _parquet_type(target.type)
    if not re.fullmatch(pattern, found):
        raise LoadError(
            f"{file}, column {column.name}: {target.name} is {target.type.upper()} and takes {expected}; found {found}",
            fix=BUILD_AGAIN,
        )


def _parquet_type(type_: str) -> tuple[str, str]:
    money = re.fullmatch(r"decimal\((\d+),(\d+)\)", type_)
    if money is None:
        return _PARQUET_TYPES[type_.partition("(")[0]]
    precision, scale = int(money[1]), int(money[2])
    integers = "INT32|INT64" if precision <= 9 else "INT64" if precision <= 18 else ""
    physical = "|".join(part for part in (integers, "FIXED_LEN_BYTE_ARRAY") if part)
    pattern = rf"({physical}) Decimal\(precision={precision}, scale={scale}\)"
    return pattern, f"{physical.replace('|', ' or ')} as DECIMAL({precision},{scale})"


def _check_nulls(file: str, parquet: pq.ParquetFile, index: int, target: ExistingColumn) -> None:
    if target.is_nullable:
        return
    groups = (parquet.metadata.row_group(group).column(index) for group in range(parquet.num_row_groups))
    nulls = sum(group.statistics.null_count or 0 for group in groups if group.statistics is not None)
    if nulls:
        raise LoadError(
            f"{file}, column {parquet.schema.column(index).name}: {nulls} rows have no value, and {target.name} is "
            "NOT NULL",
            fix=BUILD_AGAIN,
        )


def _check_text_lengths(file: str, parquet: pq.ParquetFile, table: Sequence[ExistingColumn]) -> None:
    limits = {
        parquet.schema.column(index).path: int(match[1])
        for index, target in enumerate(table)
        if (match := re.fullmatch(r"varchar\((\d+)\)", target.type))
    }
    if not limits:
        return
    first_row = 1
    for batch in parquet.iter_batches(_BATCH_ROWS, columns=list(limits)):
        for name, limit in limits.items():
            too_long = _first_too_long(batch.column(name), limit)
            if too_long:
                row, length, value = too_long
                raise LoadError(
                    f"{file}, column {name}, row {first_row + row}: {length} bytes, but the limit is {limit}: "
                    f"{value[:_SHOWN_CHARACTERS]!r}…",
                    fix="shorten it in the source (a letter with an accent takes two bytes, most non-Latin letters "
                    "three) and run again",
                )
        first_row += batch.num_rows


def _first_too_long(texts: pq.pa.Array, limit: int) -> tuple[int, int, str] | None:
    """Index, length in bytes and value of the first text that exceeds the limit."""
    import pyarrow.compute as pc

    lengths = pc.binary_length(texts)
    longest = pc.max(lengths).as_py()
    if longest is None or longest <= limit:
        return None
    row = pc.index(pc.greater(lengths, limit), True).as_py()
    return row, lengths[row].as_py(), texts[row].as_py()
