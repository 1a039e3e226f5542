"""CSV of a query's batches, by column: the bytes of the rows, without a call for each cell.

Belongs here: how Arrow writes what `rendering` writes cell by cell. Does not belong here: the text of one cell (see
`rendering`), which values a batch may have (see `warehouse.duckdb.column_stream`).
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable
from typing import IO, TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

if TYPE_CHECKING:
    from finance_platform.warehouse.port import Batch

_TEXT = pa.large_string()
"""Of a batch of long texts, 32-bit offsets might not reach to the end."""

_MAY_NEED_QUOTES = '[",\r\n]'
_PLAIN_DECIMALS = 6
"""With more, Arrow writes small amounts with an exponent."""


def write_batches(
    output: IO[str], batches: Iterable[Batch], write_cell: Callable[[Any], str], *, keeps_texts: bool
) -> None:
    """Write batches as a `csv.writer` would write their rows.

    Args:
        output: where to.
        batches: the batches.
        write_cell: returns the text of a value. Integers, amounts and None are written as by `str`, None as nothing.
        keeps_texts: whether it returns every text as it is.
    """
    rows = csv.writer(output, lineterminator="\n")
    for batch in batches:
        if isinstance(batch, list):
            rows.writerows([write_cell(value) for value in row] for row in batch)
        elif len(batch):
            texts = [_texts(column, write_cell, keeps_texts=keeps_texts) for column in batch.columns]
            output.write(_lines(texts))


def _lines(columns: list[pa.Array]) -> str:
    """Return the lines of columns of cells."""
    if len(columns) == 1:
        # A line without any character would be no row.
        cells = pc.fill_null(columns[0], "")
        columns = [pc.if_else(pc.equal(cells, ""), pa.scalar('""', _TEXT), cells)]
    lines = pc.binary_join_element_wise(*columns, pa.scalar(",", _TEXT), null_handling="replace", null_replacement="")
    ended = pc.binary_join_element_wise(lines, pa.scalar("", _TEXT), pa.scalar("\n", _TEXT))
    return str(memoryview(ended.buffers()[2]), "utf-8")


def _texts(column: pa.Array, write_cell: Callable[[Any], str], *, keeps_texts: bool) -> pa.Array:
    """Return the cells of a column, null for nothing."""
    kind = column.type
    if pa.types.is_integer(kind) or (pa.types.is_decimal(kind) and kind.scale <= _PLAIN_DECIMALS):
        return column.cast(_TEXT)
    if pa.types.is_floating(kind):  # among distinct values, 0.0 and -0.0 might be one
        return pa.array(map(write_cell, column.to_pylist()), _TEXT)
    if pa.types.is_string(kind) and keeps_texts:
        return _quoted(column.cast(_TEXT))
    distinct = column.dictionary_encode()
    cells = pa.array([_cell(write_cell(value)) for value in distinct.dictionary.to_pylist()], _TEXT)
    return cells.take(distinct.indices)


def _quoted(texts: pa.Array) -> pa.Array:
    is_special = pc.fill_null(pc.match_substring_regex(texts, _MAY_NEED_QUOTES), False)
    special = texts.filter(is_special)
    if not len(special):
        return texts
    return pc.replace_with_mask(texts, is_special, pa.array(map(_cell, special.to_pylist()), _TEXT))


def _cell(text: str) -> str:
    """Return a text as a cell of several, with the quotes that `csv` gives it."""
    output = io.StringIO()
    csv.writer(output, lineterminator="\n").writerow([text, ""])
    return output.getvalue()[: -len(",\n")]
