"""The cells of rejected and skipped rows as delivered: a JSON object for each row, cut where it is very long.

Belongs here: that JSON. Does not belong here: which rows are kept so (see `violations`, `lines.delivered_cells`), the
JSON of their reasons (see `reasons`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.feeds.limits import MAX_RAW_CELL_CHARACTERS, MAX_RAW_ROW_CHARACTERS, WIDE_HEADER
from finance_platform.feeds.shape_rules import is_derived
from finance_platform.json_columns import json_objects

Mask = npt.NDArray[np.bool_]
Positions = npt.NDArray[np.int64]

_ROWS_AT_ONCE = 1_000
"""So many rows are joined at once: each has up to `MAX_RAW_ROW_CHARACTERS` in every column's texts and once more."""


def raw_rows(columns: Mapping[str, pa.StringArray], positions: Positions) -> pa.StringArray:
    """Return the cells of rows as delivered, each row a JSON object; of a wide header, blank cells are left out."""
    delivered = {name: texts for name, texts in columns.items() if not is_derived(name)}
    if not delivered or not len(positions):
        return pa.repeat(pa.scalar("{}"), len(positions))
    is_wide, parts = len(columns) > WIDE_HEADER, list[pa.StringArray]()
    for start in range(0, len(positions), _ROWS_AT_ONCE):
        at = pa.array(positions[start : start + _ROWS_AT_ONCE])
        cells = {name: pc.fill_null(pc.take(texts, at), "") for name, texts in delivered.items()}
        is_long = _are_long(cells, len(at))
        if not is_long.any():
            parts.append(_join_cells(cells, leaves_blanks_out=is_wide))
            continue
        cut = iter(_cut_rows(_select(cells, is_long), leaves_blanks_out=is_wide))
        whole = iter(_join_cells(_select(cells, ~is_long), leaves_blanks_out=is_wide).to_pylist())
        parts.append(pa.array([next(cut if is_cut else whole) for is_cut in is_long.tolist()], pa.string()))
    return parts[0] if len(parts) == 1 else pa.concat_arrays(parts)


def _select(columns: Mapping[str, pa.StringArray], rows: Mask) -> dict[str, pa.StringArray]:
    if rows.all():
        return dict(columns)
    chosen = pa.array(np.flatnonzero(rows))
    return {name: pc.take(texts, chosen) for name, texts in columns.items()}


def _are_long(columns: Mapping[str, pa.StringArray], size: int) -> Mask:
    """Return the rows of which a cell or the row may be too long to be kept whole."""
    is_long, characters = np.zeros(size, np.bool_), np.full(size, sum(map(len, columns)), np.int64)
    for texts in columns.values():
        lengths = pc.utf8_length(texts).to_numpy()
        characters += lengths
        is_long |= lengths > MAX_RAW_CELL_CHARACTERS
    return is_long | (characters > MAX_RAW_ROW_CHARACTERS)


def _join_cells(columns: Mapping[str, pa.StringArray], *, leaves_blanks_out: bool) -> pa.StringArray:
    """Return rows that are kept whole, as `json.dumps` writes them."""
    if leaves_blanks_out:
        columns = {name: pc.if_else(_has_text(texts), texts, None) for name, texts in columns.items()}
    return json_objects(columns, ", ", ": ")


def _has_text(texts: pa.StringArray) -> pa.BooleanArray:
    return pc.not_equal(pc.utf8_trim_whitespace(texts), "")


def _cut_rows(columns: Mapping[str, pa.StringArray], *, leaves_blanks_out: bool) -> list[str]:
    """Return rows that may be too long to be kept whole."""
    rows = [_RawRow() for _ in range(max(map(len, columns.values()), default=0))]
    for name, texts in columns.items():
        kept = pc.indices_nonzero(_has_text(texts)).to_numpy() if leaves_blanks_out else np.arange(len(rows))
        for place, text in zip(kept, pc.take(texts, pa.array(kept)).to_pylist(), strict=True):
            rows[place].add(name, text)
    return [json.dumps(row.cells, ensure_ascii=False) for row in rows]


@dataclass
class _RawRow:
    """The cells of a row as delivered, as many as are kept."""

    cells: dict[str, str] = field(default_factory=dict)
    characters: int = 0

    def add(self, name: str, text: str) -> None:
        if self.characters > MAX_RAW_ROW_CHARACTERS:
            self.cells["…"] = "the rest of the row is left out"
            return
        kept = text if len(text) <= MAX_RAW_CELL_CHARACTERS else text[:MAX_RAW_CELL_CHARACTERS] + "…"
        self.cells[name] = kept
        self.characters += len(name) + len(kept)
