"""Shapes: rows that give several lines, as one row for each line.

Belongs here: `unpivot` and `measures` on Arrow batches, before any cell is typed.
Does not belong here: the rules (see `shape_rules`), typing (see `ledger_lines`), which rows are data (see
`violations`).

A change that gives other lines needs a higher version (see `reader_versions`), or files are not read again.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.errors import FileNameError, MissingColumnError
from finance_platform.feeds.blank_cells import blank_texts
from finance_platform.feeds.cells import RawBatch, blank_to_null, value_mapper
from finance_platform.feeds.file_names import value_from_name
from finance_platform.feeds.resolved import ReadingRules, named_headers
from finance_platform.feeds.shape_rules import CELL, HEADER, UnpivotRule, measure_header
from finance_platform.feeds.values.codes import clean, closest_match, fold
from finance_platform.safe_text import quote_name

_MAX_LINES = 50_000
"""Of a reshaped batch: a row of a wide file gives as many lines as the file has columns."""

_MAX_LISTED = 1_000
_FIX = "correct the file's header, or {key} in the descriptor"
_FEWER = (
    "; a file that has fewer such columns, as that of an earlier month, needs a descriptor of its own, with its path"
)


@dataclass
class Shape:
    """What the rows of one table become.

    Attributes:
        header: the header of the reshaped rows.
        cells: the headers of the cells of which each gives a line; none if a row is a line.
    """

    header: list[str]
    cells: tuple[str, ...] = ()
    _by_cell: Mapping[str, Sequence[str]] = field(default_factory=dict)
    _year_column: str | None = None
    _keeps_blank: bool = False
    _blank_texts: frozenset[str] = frozenset()

    def reshape(self, batch: RawBatch) -> Iterator[RawBatch]:
        """Yield a batch, or a row for each of its cells that is not blank, in the order of rows and then of cells.

        A malformed row, and one without such a cell, remains one row. A malformed row that a skip rule or a control
        total claims does not, so that its money is seen.
        """
        if not self.cells:
            yield batch
            return
        step = max(1, _MAX_LINES // len(self.cells))
        for start in range(0, len(batch), step):
            yield self._reshape(batch.take(pa.array(np.arange(start, min(start + step, len(batch))))))

    def _reshape(self, batch: RawBatch) -> RawBatch:
        size = len(batch)
        is_line = self._lines(batch)
        # The last column stands for the rows that remain as they are.
        rows, cells = np.nonzero(np.column_stack([is_line, ~is_line.any(axis=1)]))
        lines = batch.take(pa.array(rows))
        columns = [batch.columns[name] for name in self.cells]
        flat = pa.concat_arrays([*columns, pa.nulls(size, pa.string())])
        places = pa.array(cells)
        own: dict[str, pa.Array] = {CELL: pc.take(flat, pa.array(cells * size + rows))}
        for name, texts in self._by_cell.items():
            own[name] = pc.take(pa.array([*texts, None], pa.string()), places)
        if self._year_column:
            year = pc.fill_null(blank_to_null(lines.columns[self._year_column]), "")
            own[HEADER] = pc.utf8_trim_whitespace(pc.binary_join_element_wise(year, own[HEADER], " "))
        headers = pc.take(pa.array([*self.cells, None], pa.string()), places)
        return replace(lines, columns=_LineColumns(own, lines.columns), source_columns=headers)

    def _lines(self, batch: RawBatch) -> np.ndarray:
        """Return which cells give a line, a row for each of the batch's and a column for each of `cells`."""
        is_line = np.empty((len(batch), len(self.cells)), dtype=np.bool_)
        for place, name in enumerate(self.cells):
            texts = pc.utf8_trim_whitespace(batch.columns[name])
            has_text = pc.fill_null(pc.not_equal(texts, ""), False)
            if self._blank_texts:
                distinct = pc.unique(texts).to_pylist()
                blank = [one for one in distinct if one and fold(clean(one)) in self._blank_texts]
                has_text = pc.and_not(has_text, pc.is_in(texts, value_set=pa.array(blank, pa.string())))
            is_line[:, place] = has_text.to_numpy(zero_copy_only=False)
        if self._keeps_blank:
            is_line |= is_line.any(axis=1, keepdims=True)
        is_whole = pc.is_valid(batch.problems)
        if batch.marks is not None:
            is_whole = pc.and_(is_whole, pc.is_null(batch.marks))
        is_line[is_whole.to_numpy(zero_copy_only=False), :] = False
        return is_line


class _LineColumns(Mapping[str, pa.StringArray]):
    """The columns of a reshaped batch: those of the line's own cell, then the others of its row."""

    def __init__(self, own: Mapping[str, pa.StringArray], of_row: Mapping[str, pa.StringArray]) -> None:
        self._own, self._of_row = own, of_row

    def __getitem__(self, name: str) -> pa.StringArray:
        return self._own[name] if name in self._own else self._of_row[name]

    def __iter__(self) -> Iterator[str]:
        yield from self._own
        yield from self._of_row

    def __len__(self) -> int:
        return len(self._own) + len(self._of_row)


def bind_shape(rules: ReadingRules, header: Sequence[str], object_key: str) -> Shape:
    """Find the cells that give lines in a table with this header.

    Raises:
        MissingColumnError: the header lacks a column that the rules name, or has none that matches their pattern.
        FileNameError: the file's name lacks the year.
    """
    if rules.unpivot:
        return _unpivot(rules, rules.unpivot, header, object_key)
    if rules.measures:
        wanted = [one.header for one in rules.measures]
        names = [find_header(name, header, f"measures.{name}", wanted) for name in wanted]
        fields = {
            measure_header(name): [one.fields[name] for one in rules.measures] for name in rules.measures[0].fields
        }
        return _shape(header, names, fields)
    return Shape(list(header))


def _unpivot(rules: ReadingRules, rule: UnpivotRule, header: Sequence[str], object_key: str) -> Shape:
    named = {fold(name) for name in named_headers(rules)}
    names = (
        _matching(rule.pattern, [name for name in header if fold(name) not in named])
        if rule.pattern
        else [find_header(one, header, "unpivot.columns", rule.columns) for one in rule.columns]
    )
    texts = [value_mapper(rule.header_map)(clean(name)) for name in names]
    year = rule.year or (_year_from_name(rule.year_pattern, object_key) if rule.year_pattern else "")
    shape = _shape(header, names, {HEADER: [f"{year} {text}".strip() for text in texts]})
    if rule.year_column:
        shape._year_column = find_header(rule.year_column, header, "unpivot.year.column")
    shape._keeps_blank = rule.keeps_blank
    shape._blank_texts = blank_texts(rules.fields["amount"].value_map) if "amount" in rules.fields else frozenset()
    return shape


def _shape(header: Sequence[str], cells: Sequence[str], by_cell: Mapping[str, Sequence[str]]) -> Shape:
    return Shape([CELL, *by_cell, *header], tuple(cells), by_cell)


def find_header(name: str, header: Sequence[str], key: str, others: Sequence[str] = ()) -> str:
    """Return the file's spelling of a header that a key of the descriptor names.

    Args:
        name: the header.
        header: that of the file.
        key: of the descriptor.
        others: the headers that the key names beside this one; a file of an earlier month has fewer of them.

    Raises:
        MissingColumnError: the header lacks it.
    """
    for written in header:
        if fold(written) == fold(name):
            return written
    named = {fold(other) for other in others}
    free = [written for written in header if fold(written) not in named]
    suggestion = closest_match(name, free)
    hint = f"; is it {suggestion!r}?" if suggestion else ""
    fix = _FIX.format(key=key) + (_FEWER if len(free) < len(header) else "")
    raise MissingColumnError(f"the header lacks the column {name!r} of {key}, found {_listed(header)}{hint}", fix=fix)


def _matching(pattern: str, header: Sequence[str]) -> list[str]:
    """Return the headers that match a pattern as a whole; no field names one of them."""
    texts = pa.array([clean(name) for name in header], pa.string())
    is_match = pc.match_substring_regex(texts, f"^(?:{pattern})$").to_pylist()
    names = [name for name, matches in zip(header, is_match, strict=True) if matches]
    if not names:
        raise MissingColumnError(
            f"no column of the header matches unpivot.columns, {pattern!r}; found {_listed(header)}",
            fix=_FIX.format(key="unpivot.columns"),
        )
    return names


def _listed(header: Sequence[str]) -> str:
    text = ", ".join(map(clean, header))
    return text if len(text) <= _MAX_LISTED else f"{text[:_MAX_LISTED]}… ({len(header):,} columns)"


def _year_from_name(pattern: str, object_key: str) -> str:
    year = value_from_name(pattern, None, object_key)
    if not year:
        raise FileNameError(
            f"{quote_name(object_key)}: the name gives no year: it does not match {pattern!r}",
            fix="rename the file, or correct unpivot.year.from_name in the descriptor",
        )
    return year
