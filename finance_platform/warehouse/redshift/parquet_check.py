"""Would Redshift take this Parquet file? Asked before COPY, which says no in words that nobody understands.

Belongs here: a file's footer against the table that it goes into, and the bytes of its texts.
Does not belong here: where files are (see `redshift_copy`), COPY itself.

COPY goes by position, converts nothing, and has no MAXERROR for Parquet: one long name stops the whole load. Only the
footer is read of a file whose table has no limited text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, BinaryIO

from finance_platform.errors import LoadError
from finance_platform.warehouse.column_changes import HeldColumn

if TYPE_CHECKING:
    import pyarrow.parquet as pq

_BATCH_ROWS = 65_536
_SHOWN_CHARACTERS = 40
_BUILD_AGAIN = "build the slice again: `finance-platform run --rebuild`"

_TAKES = {
    "boolean": (r"BOOLEAN", "BOOLEAN"),
    "smallint": (r"INT32 Int\(bitWidth=16, isSigned=true\)", "INT32 as INT_16"),
    "integer": (r"INT32( Int\(bitWidth=32, isSigned=true\))?", "INT32"),
    "bigint": (r"INT64( Int\(bitWidth=64, isSigned=true\))?", "INT64"),
    "double precision": (r"DOUBLE", "DOUBLE"),
    "date": (r"INT32 Date", "INT32 as DATE"),
    "timestamp": (r"INT96|INT64 Timestamp\(.*\)", "INT96, or INT64 as TIMESTAMP"),
    "varchar": (r"BYTE_ARRAY String", "BYTE_ARRAY as STRING"),
}
"""By the table's type: what a file's physical and logical type must look like, and how people are told."""


def refuse_unfit(file: str, stream: BinaryIO, columns: Sequence[str], table: Sequence[HeldColumn]) -> None:
    """Refuse a file that COPY would refuse, or would put into other columns without a word.

    Args:
        file: its address, for the message.
        stream: its bytes, from anywhere.
        columns: the columns that it should have, as it spells them.
        table: the columns that they go into.

    Raises:
        LoadError: says which column, what was expected and found, and how to mend it.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(stream) as parquet:
            _refuse_other_columns(file, parquet, columns)
            for index, held in enumerate(table):
                _refuse_other_type(file, parquet, index, held)
                _refuse_nulls(file, parquet, index, held)
            _refuse_long_texts(file, parquet, table)
    except (pa.ArrowInvalid, OSError) as error:
        if isinstance(error, OSError) and type(error) is not OSError:
            raise  # the lake's own, which says what is wrong there; pyarrow's, of a broken footer, is a bare OSError
        raise LoadError(f"{file} is not a Parquet file that can be read: {error}", fix=_BUILD_AGAIN) from error


def _refuse_other_columns(file: str, parquet: pq.ParquetFile, columns: Sequence[str]) -> None:
    found = [parquet.schema.column(index).path for index in range(len(parquet.schema.names))]
    if found == list(columns):
        return
    missing = [name for name in columns if name not in found]
    extra = [name for name in found if name not in columns]
    told = [f"misses {', '.join(missing)}"] * bool(missing) + [f"also has {', '.join(extra)}"] * bool(extra)
    raise LoadError(
        f"{file} {' and '.join(told) or 'has its columns in another order'}: expected {', '.join(columns)}; "
        f"found {', '.join(found)}",
        fix=_BUILD_AGAIN,
    )


def _refuse_other_type(file: str, parquet: pq.ParquetFile, index: int, held: HeldColumn) -> None:
    column = parquet.schema.column(index)
    logical = str(column.logical_type)
    found = column.physical_type + ("" if logical == "None" else f" {logical}")
    pattern, told = _takes(held.type)
    if not re.fullmatch(pattern, found):
        raise LoadError(
            f"{file}, column {column.name}: {held.name} is {held.type.upper()} and takes {told}; found {found}",
            fix=_BUILD_AGAIN,
        )


def _takes(kind: str) -> tuple[str, str]:
    money = re.fullmatch(r"decimal\((\d+),(\d+)\)", kind)
    if money is None:
        return _TAKES[kind.partition("(")[0]]
    precision, scale = int(money[1]), int(money[2])
    integers = "INT32|INT64" if precision <= 9 else "INT64" if precision <= 18 else ""
    physical = "|".join(part for part in (integers, "FIXED_LEN_BYTE_ARRAY") if part)
    pattern = rf"({physical}) Decimal\(precision={precision}, scale={scale}\)"
    return pattern, f"{physical.replace('|', ' or ')} as DECIMAL({precision},{scale})"


def _refuse_nulls(file: str, parquet: pq.ParquetFile, index: int, held: HeldColumn) -> None:
    if held.is_nullable:
        return
    groups = (parquet.metadata.row_group(group).column(index) for group in range(parquet.num_row_groups))
    nulls = sum(group.statistics.null_count or 0 for group in groups if group.statistics is not None)
    if nulls:
        raise LoadError(
            f"{file}, column {parquet.schema.column(index).name}: {nulls} rows have no value, and {held.name} is "
            "NOT NULL",
            fix=_BUILD_AGAIN,
        )


def _refuse_long_texts(file: str, parquet: pq.ParquetFile, table: Sequence[HeldColumn]) -> None:
    limits = {
        parquet.schema.column(index).path: int(found[1])
        for index, held in enumerate(table)
        if (found := re.fullmatch(r"varchar\((\d+)\)", held.type))
    }
    if not limits:
        return
    first_row = 1
    for batch in parquet.iter_batches(_BATCH_ROWS, columns=list(limits)):
        for name, limit in limits.items():
            for row, length, value in _longer(batch.column(name), limit):
                raise LoadError(
                    f"{file}, column {name}, row {first_row + row}: {length} bytes, where {limit} fit: "
                    f"{value[:_SHOWN_CHARACTERS]!r}…",
                    fix="shorten it in the source (a letter with an accent takes two bytes, most others that are not "
                    "Latin three), and run again",
                )
        first_row += batch.num_rows


def _longer(texts: pq.pa.Array, limit: int) -> Iterator[tuple[int, int, str]]:
    """The first text that takes more bytes than fit: its index, its length, itself."""
    import pyarrow.compute as pc

    lengths = pc.binary_length(texts)
    longest = pc.max(lengths).as_py()
    if longest is not None and longest > limit:
        row = pc.index(pc.greater(lengths, limit), True).as_py()
        yield row, lengths[row].as_py(), texts[row].as_py()
