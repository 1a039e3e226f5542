"""Staged rows that share a key, with their final outcomes, in this process (656).

Belongs here: which staged rows repeat a key, and those rows as rejected rows, a part at a time. Does not belong here:
the rule (see `transforms.key_comparison`), staging (see `small_batches`), the same by Spark (see `batch_by_spark`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.contracts.processed import REJECTED_ROWS
from finance_platform.contracts.schemas import DELIVERED_CELLS, REPEATED_KEYS, WRITTEN, arrow_schema
from finance_platform.transforms.delivered_cells import name_cells
from finance_platform.transforms.key_comparison import IDENTITY, Repeats, describe_repeats, find_repeats
from finance_platform.transforms.rejected_rows import blank_columns

_PLACE_OF_CELLS = ("delivery_id", "source_sheet", "source_row")
_CELLS = tuple(column.name for column in DELIVERED_CELLS if column.name not in _PLACE_OF_CELLS)
ReadCells = Callable[[Iterable[pa.RecordBatch]], Iterable[pa.RecordBatch]]


@dataclass
class StagedRepeats:
    """The staged rows of a batch that repeat a key.

    Attributes:
        rows: the compared columns of all rows with a key.
        compared: see `compare_keys`.
        repeats: of these rows, by position.
        positions: the position of each of the repeats among all staged rows.
        cells: of the repeats whose cells are not staged, as `read_again` found them.
        cells_of: the row of these cells for each of the repeats; -1 if they are not among them.
    """

    rows: pa.Table
    compared: Sequence[str]
    repeats: Repeats
    positions: npt.NDArray[np.int64]
    cells: pa.Table
    cells_of: npt.NDArray[np.int64]

    @staticmethod
    def find(parts: Iterable[tuple[int, pa.Table]], readable: pa.Array, compared: Sequence[str]) -> StagedRepeats:
        """Find them.

        Args:
            parts: all staged rows, see `StagedRows.parts`, with the columns of `columns_to_compare`.
            readable: ids of the deliveries that could be read.
            compared: see `compare_keys`.
        """
        keyed, positions = [], [np.zeros(0, np.int64)]
        for start, part in parts:
            is_keyed = pc.and_(
                pc.is_in(part["outcome"], pa.array(["accepted", WRITTEN])), pc.is_valid(part["line_key"])
            )
            is_keyed = pc.and_(is_keyed, pc.is_in(part["delivery_id"], readable))
            names = [name for name in (*IDENTITY, *compared) if name in part.column_names]
            has_cells = pc.is_valid(_cells(part, "cells_raw_row"))
            of_part = part.select(list(dict.fromkeys(names))).append_column("has_cells", has_cells)
            keyed.append(of_part.filter(is_keyed))
            positions.append(start + np.flatnonzero(is_keyed.to_numpy()))
        rows = pa.concat_tables(keyed).combine_chunks()  # else each part is taken from all chunks
        keyed.clear()
        repeats, of_rows = find_repeats(rows, compared), np.concatenate(positions)
        repeats = repeats.take(np.argsort(repeats.rows))
        no_cells = arrow_schema(DELIVERED_CELLS).empty_table()
        return StagedRepeats(rows, compared, repeats, of_rows[repeats.rows], no_cells, np.full(len(repeats), -1))

    def rejected(self) -> dict[str, pa.Int64Array]:
        """Return `source_row` of the lines that contradict others with their key, by delivery id."""
        chosen = self.rows.select(["delivery_id", "source_row"]).take(pa.array(self.repeats.rows))
        chosen = chosen.filter(pa.array(self.repeats.is_conflict))
        by_delivery = chosen.group_by("delivery_id", use_threads=False).aggregate([("source_row", "list")])
        ids, rows = by_delivery["delivery_id"].to_pylist(), by_delivery["source_row_list"].combine_chunks()
        return {name: rows[place].values for place, name in enumerate(ids)}

    def read_again(self, read: ReadCells, files: Sequence[Mapping[str, str]]) -> None:
        """Read the cells of the repeats that are staged without them.

        Args:
            read: the result of `make_cell_reader`.
            files: the fields of the deliveries' files.
        """
        lacking = np.flatnonzero(~self.rows["has_cells"].to_numpy()[self.repeats.rows])
        if not len(lacking):
            return
        lines = _with_sheet(self.rows.select(_PLACE_OF_CELLS).take(pa.array(self.repeats.rows[lacking])))
        places = self._places(lines, files)
        self.cells = pa.Table.from_batches(read(places.to_batches()), self.cells.schema)
        known = _with_sheet(self.cells.select(_PLACE_OF_CELLS)).append_column(
            "cell", pa.array(np.arange(len(self.cells)))
        )
        lines = lines.append_column("repeat", pa.array(lacking))
        found = lines.join(known, list(_PLACE_OF_CELLS), join_type="inner", use_threads=False)
        self.cells_of[found["repeat"].to_numpy()] = found["cell"].to_numpy()

    def apart(self) -> tuple[StagedRepeats, StagedRepeats]:
        """Return those staged with their cells, and the others: lines that the reader wrote, which it yields last."""
        has_cells = self.rows["has_cells"].to_numpy()[self.repeats.rows]
        return self._only(np.flatnonzero(has_cells)), self._only(np.flatnonzero(~has_cells))

    def _only(self, at: npt.NDArray[np.int64]) -> StagedRepeats:
        return replace(self, repeats=self.repeats.take(at), positions=self.positions[at], cells_of=self.cells_of[at])

    def take_out(self, part: pa.Table, start: int) -> tuple[pa.Table, pa.Table]:
        """Return the rows of a part that repeat no key, and the others as `REJECTED_ROWS`.

        Args:
            part: staged rows.
            start: the position of its first row among all staged rows.
        """
        first, end = np.searchsorted(self.positions, [start, start + len(part)])
        at = self.positions[first:end] - start
        is_other = np.ones(len(part), np.bool_)
        is_other[at] = False
        chosen = part.take(pa.array(at))
        of_part = self.repeats.take(slice(first, end))
        described = [batch for some in of_part.in_parts() for batch in describe_repeats(self.rows, self.compared, some)]
        outcomes = pa.Table.from_batches(described, arrow_schema(REPEATED_KEYS))
        for name in ("outcome", "rules", "reasons", "raw_row"):
            chosen = chosen.set_column(chosen.column_names.index(name), name, outcomes[f"key_{name}"])
        cells = self._cells_of(chosen, self.cells_of[first:end])
        blank = blank_columns(chosen.column_names)
        columns = {
            item.name: pa.nulls(len(chosen), item.type) if item.name in blank else chosen[item.name] for item in _SCHEMA
        }
        named = pa.table({**columns, **cells})
        rejected = pa.Table.from_batches(name_cells(named.combine_chunks().to_batches()), _SCHEMA)
        return part.filter(pa.array(is_other)), rejected

    def _cells_of(self, rows: pa.Table, at: npt.NDArray[np.int64]) -> dict[str, pa.ChunkedArray]:
        """Return the cells of rows: those staged, else those read again, else none."""
        taken = pa.array(at, mask=at < 0)
        return {name: pc.coalesce(_cells(rows, name), self.cells[name].take(taken)) for name in _CELLS}

    @staticmethod
    def _places(lines: pa.Table, files: Sequence[Mapping[str, str]]) -> pa.Table:
        """Return places of rows, each once, with the fields of their files."""
        places = lines.group_by(list(_PLACE_OF_CELLS), use_threads=False).aggregate([]).combine_chunks()
        sheet = pc.if_else(pc.equal(places["source_sheet"], ""), None, places["source_sheet"])
        places = places.set_column(places.column_names.index("source_sheet"), "source_sheet", sheet)
        of_file = pc.index_in(places["delivery_id"], pa.array([file["delivery_id"] for file in files]))
        for name in files[0]:
            if name != "delivery_id":
                places = places.append_column(name, pa.array([file[name] for file in files]).take(of_file))
        return places


_SCHEMA = arrow_schema(REJECTED_ROWS.columns)


def columns_to_compare(compared: Sequence[str]) -> list[str]:
    """Return the columns of staged rows that `StagedRepeats.find` needs."""
    return list(dict.fromkeys([*IDENTITY, *compared, "outcome", "cells_raw_row"]))


def _cells(rows: pa.Table, name: str) -> pa.ChunkedArray | pa.Array:
    """Return a column of cells, which not all kinds of staged rows have."""
    return rows[name] if name in rows.column_names else pa.nulls(len(rows), pa.string())


def _with_sheet(rows: pa.Table) -> pa.Table:
    """Return rows whose sheet is never null, since nulls are joined with nothing."""
    return rows.set_column(
        rows.column_names.index("source_sheet"), "source_sheet", pc.fill_null(rows["source_sheet"], "")
    )


class LateRows:
    """Rejected rows that are staged after all others, to be written among these in the order of their files."""

    def __init__(self, rows: Iterable[pa.Table]) -> None:
        """Take the rows; see `StagedRepeats.apart`."""
        tables = [_SCHEMA.empty_table(), *rows]
        self._rows = pa.concat_tables(tables).sort_by("source_row") if len(tables) > 1 else tables[0]

    def before(self, part: pa.Table) -> pa.Table:
        """Return, and drop, those that precede the last row of their delivery in a part of the others."""
        if not len(self._rows) or not len(part):
            return _SCHEMA.empty_table()
        lasts = part.group_by("delivery_id", use_threads=False).aggregate([("source_row", "max")])
        at = pc.index_in(self._rows["delivery_id"], lasts["delivery_id"].combine_chunks())
        last = lasts["source_row_max"].combine_chunks().take(at.combine_chunks())
        is_before = pc.fill_null(pc.less(self._rows["source_row"], last), False)
        rows = self._rows.filter(is_before)
        self._rows = self._rows.filter(pc.invert(is_before))
        return rows

    def rest(self) -> pa.Table:
        """Return those that are left."""
        return self._rows
