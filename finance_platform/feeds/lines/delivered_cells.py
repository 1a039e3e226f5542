"""The cells of rows that only other rows of their file reject, most of them read from the file once more.

Belongs here: the cells of some rows as delivered, and those that are their key and their voucher.
Does not belong here: which rows these are (see `transforms.delivered_cells`), Spark (see `spark_jobs.standardise_job`).

Nearly all rows are accepted, so their cells are not kept, but for lines whose key was met before. A file with other
such rows, which contradict a later one or are of a broken voucher, is cut into cells again, which is much less than
keeping the cells of every row of every such feed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.contracts.schemas import DELIVERED_CELLS, arrow_schema
from finance_platform.feeds.cells import RawBatch, bind_fields
from finance_platform.feeds.files.tables import Table, open_tables
from finance_platform.feeds.limits import MAX_REASON_CHARACTERS
from finance_platform.feeds.lines.shapes import bind_shape
from finance_platform.feeds.raw_rows import Positions, raw_rows
from finance_platform.feeds.reasons import JOIN, shorten
from finance_platform.feeds.resolved import ReadingRules, ResolvedFeed
from finance_platform.feeds.shape_rules import is_derived
from finance_platform.feeds.values.codes import clean, fold
from finance_platform.storage.factory import open_store
from finance_platform.storage.port import ObjectStore
from finance_platform.storage.s3_options import NO_OPTIONS, S3Options

_SCHEMA = arrow_schema(DELIVERED_CELLS)
_FILE = ("delivery_id", "object_key", "feed", "fingerprint")
_KEYS = {
    "departments": ("code",),
    "accounts": ("number",),
    "lookup": ("key",),
    "comments": ("period", "department", "account"),
    "statement_lines": ("account", "category"),
    "balances": ("period", "account", "department"),
}
"""The fields of a row's key, by kind of feed; those of a ledger are in its rules."""

_Rows = dict[str | None, list[pa.Array]]
"""Row numbers by sheet."""


def make_cell_reader(
    feeds: dict[str, dict[str, object]], raw_root: str, raw_options: S3Options = NO_OPTIONS
) -> Callable[[Iterable[pa.RecordBatch]], Iterable[pa.RecordBatch]]:
    """Return the function for `mapInArrow`: places of rows with the fields of their file in, their cells out.

    A file that was overwritten, or that the storage does not return any more, gives none; its rows stay as typed.

    Args:
        feeds: feeds by name, as JSON, because the function travels to Spark's workers.
        raw_root: the raw zone.
        raw_options: options of its S3 client.
    """

    def read(batches: Iterable[pa.RecordBatch]) -> Iterable[pa.RecordBatch]:
        raw = open_store(raw_root, raw_options)
        for (delivery_id, object_key, feed, fingerprint), rows in _by_file(batches).items():
            rules = ResolvedFeed.from_json(feeds[feed]).rules
            yield from _read_cells(raw, delivery_id, object_key, fingerprint, rules, rows)

    return read


def _by_file(batches: Iterable[pa.RecordBatch]) -> dict[tuple[str, ...], _Rows]:
    files: dict[tuple[str, ...], _Rows] = {}
    for batch in batches:
        table = pa.Table.from_batches([batch])
        names = [*_FILE, "source_sheet"]
        for group in table.group_by(names).aggregate([("source_row", "list")]).to_batches():
            rows = group["source_row_list"]
            for place in range(len(group)):
                *file, sheet = (group[name][place].as_py() for name in names)
                files.setdefault(tuple(file), {}).setdefault(sheet, []).append(rows[place].values)
    return files


def _read_cells(
    raw: ObjectStore, delivery_id: str, object_key: str, fingerprint: str, rules: ReadingRules, rows: _Rows
) -> Iterator[pa.RecordBatch]:
    try:
        with raw.local_copy(object_key) as local_copy:
            if local_copy.fingerprint() != fingerprint:
                return
            for table in open_tables(local_copy.open, object_key, rules):
                wanted = rows.get(table.sheet)
                if wanted:
                    yield from _cells_of_table(table, delivery_id, object_key, rules, pa.concat_arrays(wanted))
    except OSError:
        return  # the rows stay as typed; the next refresh reports the file


def _cells_of_table(
    table: Table, delivery_id: str, object_key: str, rules: ReadingRules, wanted: pa.Array
) -> Iterator[pa.RecordBatch]:
    cells, of_table = TableCells(rules, table, object_key), np.sort(wanted.to_numpy())
    for batch in table.batches():
        # A set of all wanted rows for each batch would take longer the more batches there are.
        rows = batch.source_rows.to_numpy()
        start, end = np.searchsorted(of_table, [rows.min(), rows.max() + 1]) if len(rows) else (0, 0)
        positions = np.flatnonzero(np.isin(rows, of_table[start:end]))
        if not len(positions):
            continue
        size = len(positions)
        columns = {
            "delivery_id": pa.repeat(pa.scalar(delivery_id), size),
            "source_sheet": pa.repeat(pa.scalar(table.sheet, pa.string()), size),
            "source_row": pc.take(batch.source_rows, pa.array(positions)),
            **cells.of_rows(batch, positions),
        }
        yield pa.RecordBatch.from_arrays([columns[name] for name in _SCHEMA.names], schema=_SCHEMA)


class TableCells:
    """The cells of rows of one table of a file."""

    def __init__(self, rules: ReadingRules, table: Table, object_key: str) -> None:
        """Take the table; its header is looked at when cells are asked for, which few files need.

        Args:
            rules: of the feed.
            table: the table.
            object_key: the file.
        """
        self._table = (rules, table, object_key)

    @cached_property
    def _named(self) -> tuple[list[str], list[str]]:
        return _headers(*self._table)

    def of_rows(self, batch: RawBatch, positions: Positions) -> dict[str, pa.Array]:
        """Return the columns of `DELIVERED_CELLS` that are cells, for the rows of a batch at some positions."""
        keys, vouchers = self._named
        return {
            "cells_raw_row": raw_rows(batch.columns, positions),
            **_part("key", keys, batch, positions),
            **_part("voucher", vouchers, batch, positions),
        }


def _headers(rules: ReadingRules, table: Table, object_key: str) -> tuple[list[str], list[str]]:
    """Return the headers of the cells that are a row's key, and those that name its voucher."""
    shape = bind_shape(rules, table.header, object_key)
    sources = bind_fields(rules, shape.header, object_key, table.sheet)
    written = {fold(name): name for name in reversed(table.header)}

    def headers(names: Sequence[str]) -> list[str]:
        found = [
            header
            for name in names
            for header in (sources[name].headers if name in sources else [written.get(fold(name), "")])
        ]
        return [header for header in dict.fromkeys(found) if header and not is_derived(header)]

    return headers(_KEYS.get(rules.kind, rules.key)), headers(rules.balanced_by)


def _part(name: str, headers: Sequence[str], batch: RawBatch, positions: Positions) -> Mapping[str, pa.Array]:
    """Return the joined headers and the joined cells of a key or a voucher, as a reason names them."""
    at = pa.array(positions)
    cells = [pc.fill_null(pc.take(batch.columns[header], at), "") for header in headers]
    values = pc.binary_join_element_wise(*cells, JOIN) if cells else pa.repeat(pa.scalar(""), len(at))
    joined = shorten(JOIN.join(map(clean, headers)))
    return {
        f"{name}_column": pa.repeat(pa.scalar(joined), len(at)),
        f"{name}_value": _shorten(values),
    }


def _shorten(texts: pa.StringArray) -> pa.StringArray:
    """Return texts as `feeds.reasons` shortens each."""
    is_long = pc.greater(pc.utf8_length(texts), MAX_REASON_CHARACTERS)
    cut = pc.binary_join_element_wise(pc.utf8_slice_codeunits(texts, 0, MAX_REASON_CHARACTERS), "…", "")
    return pc.if_else(is_long, cut, texts)
