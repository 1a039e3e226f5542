"""Cells: from a file's raw text columns to a field's text, by header name, template, default and map.

Belongs here: finding a field's columns, joining, filling and mapping their text.
Does not belong here: types and rules (see `ledger_lines`, `reference_rows`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import partial
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.count_text import pluralize
from finance_platform.errors import FileNameError, MissingColumnError
from finance_platform.feeds.file_names import value_from_name
from finance_platform.feeds.header import find_column
from finance_platform.feeds.limits import MAX_VALUE_CHARACTERS
from finance_platform.feeds.resolved import (
    PLACEHOLDER,
    FieldRule,
    ReadingRules,
    SignColumn,
    line_cells,
    template_headers,
)
from finance_platform.feeds.shape_rules import is_derived
from finance_platform.feeds.values.codes import clean, closest_match, fold, fold_name
from finance_platform.feeds.values.hidden_characters import CleanedCells, Finding, clean_cell, clean_cells, is_trimmed
from finance_platform.safe_text import printable, quote_name

_SEPARATORS = re.compile(r"[\s_.-]+")
_MAX_LISTED = 1_000
"""Characters of a header in a message."""


LEFT_OVER = "; left over: "
"""In the problem of a row, before its cells beyond the header."""


@dataclass(frozen=True)
class RawBatch:
    """Some consecutive rows of a table, as text.

    Attributes:
        columns: header name to text; every array has the same length.
        source_rows: int64, the line number in an editor, or the row of the sheet.
        problems: text, null for a row that has as many cells as the header.
        sheet: the sheet of a workbook, None for text. In a sheet, cells that are dates have their ISO text, with `T`
            and the time unless that is midnight, whatever their format.
        source_columns: header of the cell that gave the line, null for a row that gave none; None if each
            row is a line.
        marks: name of the skip rule or control total that claims a row, null for data; None if the feed has neither.
        is_1904: whether the sheet counts days from 1904-01-01, which serial numbers of days need.
        long_numbers: the texts of the sheet's cells that are numbers of more than 15 digits, not texts.
        three_decimals: by header, those of cells that are numbers below 1000 with three decimals, such as 1.234.
    """

    columns: Mapping[str, pa.StringArray]
    source_rows: pa.Int64Array
    problems: pa.StringArray
    sheet: str | None = None
    is_1904: bool = False
    source_columns: pa.StringArray | None = None
    marks: pa.StringArray | None = None
    long_numbers: frozenset[str] = frozenset()
    three_decimals: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.source_rows)

    def take(self, positions: pa.Array) -> RawBatch:
        """Return the rows at some positions, each as often as it is named; a column is taken when it is first used."""
        others = {item.name: getattr(self, item.name) for item in fields(self)}
        taken = {name: pc.take(part, positions) for name, part in others.items() if isinstance(part, pa.Array)}
        return replace(self, columns=_TakenColumns(self.columns, positions), **taken)

    def place(self, position: int) -> str:
        """Return where a row is, for a message."""
        return describe_place(self.sheet, self.source_rows[position].as_py())


class _TakenColumns(Mapping[str, pa.StringArray]):
    """Rows of columns, at positions; most columns of a wide file are never used."""

    def __init__(self, columns: Mapping[str, pa.StringArray], positions: pa.Array) -> None:
        self._columns, self._positions = columns, positions
        self._taken: dict[str, pa.StringArray] = {}

    def __getitem__(self, name: str) -> pa.StringArray:
        if name not in self._taken:
            self._taken[name] = pc.take(self._columns[name], self._positions)
        return self._taken[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def __len__(self) -> int:
        return len(self._columns)


def describe_place(sheet: str | None, row: int) -> str:
    """Return where a row is, for a message: `line 12`, or `sheet 'Budget' row 12` of a workbook."""
    return f"line {row}" if sheet is None else f"sheet {sheet!r} row {row}"


SIGN = "amount.sign_column"
"""The source of the column that gives amounts their sign, beside those of the fields."""


@dataclass(frozen=True)
class FieldSource:
    """The source of one field in one file.

    Attributes:
        rule: the field's rule.
        headers: one header, two of debit and credit, those of a template, or those of which the first filled one
            counts.
        template: joins several headers.
        constant: the text of every row, if the file has no column for the field.
        blank: the text of blank cells: what the file's name gives, or the rule's default.
    """

    rule: FieldRule
    headers: tuple[str, ...] = ()
    template: str | None = None
    constant: str | None = None
    blank: str | None = None


def bind_fields(
    rules: ReadingRules, header: Sequence[str], object_key: str = "", sheet: str | None = None
) -> dict[str, FieldSource]:
    """Find the source of every field that `rules` name in a table with this header, in a file and sheet of this name.

    Raises:
        MissingColumnError: the header lacks a needed column.
        UnreadableDeliveryError: a field uses a column that the header has twice.
        FileNameError: a needed field has no column, and the name does not give it.
    """
    sources = {name: FieldSource(FieldRule(), constant=value) for name, value in rules.constants.items()}
    for name, rule in rules.fields.items():
        source = _bind(rule, header)
        blank = _text_of_blank_cells(rule, object_key, sheet)
        if source is not None:
            sources[name] = replace(source, blank=blank)
        elif blank is not None and (rule.name_pattern or not rule.required):
            sources[name] = FieldSource(rule, constant=blank)
        elif rule.required and rule.name_pattern:
            raise _missing_in_name(name, rule, object_key)
        elif rule.required:
            raise _missing_column(name, rule, header, _unclaimed(rules, header))
        if rule.sign_column and name in sources:
            sources[SIGN] = _bind_sign(rule.sign_column, header, rules)
    return sources


def field_texts(source: FieldSource, batch: RawBatch, *, is_name: bool = False) -> CleanedCells:
    """Return a field's text for each row: trimmed, cleaned, filled, mapped; null where the result is blank."""
    if source.constant is not None:
        cells = CleanedCells(pa.repeat(pa.scalar(source.constant, pa.string()), len(batch)))
    elif source.rule.is_first_filled:
        cells = _first_filled(source.headers, batch, is_name=is_name)
    elif source.template is None:
        cells = _column_texts(batch, source.headers[0], is_name=is_name)
    else:
        cells = _join_template(source.template, batch, is_name=is_name)
    texts = _map_values(source.rule, _parts(source.rule, cells.texts) if source.constant is None else cells.texts)
    if source.blank is not None:
        texts = pc.fill_null(texts, _mapped(source.rule, source.blank))
    return CleanedCells(texts, cells.findings)


def debit_and_credit_texts(source: FieldSource, batch: RawBatch) -> tuple[CleanedCells, CleanedCells]:
    """Return the texts of debit and credit for each row; the default is the debit of a row without either."""
    debit, credit = (_column_texts(batch, header) for header in source.headers)
    debit_texts, credit_texts = (_map_values(source.rule, side.texts) for side in (debit, credit))
    if source.blank is not None:
        has_neither = pc.and_(pc.is_null(debit_texts), pc.is_null(credit_texts))
        debit_texts = pc.if_else(has_neither, _mapped(source.rule, source.blank), debit_texts)
    return CleanedCells(debit_texts, debit.findings), CleanedCells(credit_texts, credit.findings)


def text_without_column(rule: FieldRule, object_key: str) -> str | None:
    """Return a field's text for a file without a column for it: from the file's name or the default, mapped."""
    text = _text_of_blank_cells(rule, object_key)
    return text if text is None else value_mapper(rule.value_map)(text)


def _mapped(rule: FieldRule, text: str) -> pa.StringScalar:
    """Return a text as it fills blank cells; null if it is mapped to a blank one."""
    return pa.scalar(value_mapper(rule.value_map)(text).strip() or None, pa.string())


def value_mapper(value_map: Mapping[str, str]) -> Callable[[str], str]:
    """Return the function that maps a text; one that the map does not have stays as it is."""
    by_folded = {fold(written): mapped for written, mapped in value_map.items()}
    # A longer text is the text of no key, and to fold it may take long.
    return lambda text: text if len(text) > MAX_VALUE_CHARACTERS else by_folded.get(fold(text), text)


def blank_to_null(texts: pa.StringArray) -> pa.StringArray:
    """Trim Unicode white space; empty texts become null."""
    trimmed = texts if is_trimmed(texts) else pc.utf8_trim_whitespace(texts)
    if pc.min(pc.binary_length(trimmed)).as_py() != 0:
        return trimmed
    return pc.if_else(pc.equal(trimmed, ""), pa.scalar(None, pa.string()), trimmed)


def _column_texts(batch: RawBatch, header: str, *, is_name: bool = False) -> CleanedCells:
    return clean_cells(blank_to_null(batch.columns[header]), is_name=is_name)


def _parts(rule: FieldRule, texts: pa.StringArray) -> pa.StringArray:
    """Return a field's part of each text; null where it is blank, or a text has another number of parts."""
    return texts if rule.split is None else blank_to_null(map_distinct(texts, partial(_part, rule), pa.string()))


def _part(rule: FieldRule, text: str) -> str | None:
    # A longer text is no code, and to split it may take long.
    pieces = text.split(rule.split) if len(text) <= MAX_VALUE_CHARACTERS else []
    is_whole = len(pieces) == rule.parts if rule.parts else len(pieces) >= rule.part
    return pieces[rule.part - 1] if is_whole else None


def explain_part(rule: FieldRule, text: str) -> str:
    """Return why a text that is not blank gives no part, as a clause; empty if it gives one, or is too long for it."""
    piece = _part(rule, text)
    if rule.split is None or not text or len(text) > MAX_VALUE_CHARACTERS or (piece and piece.strip()):
        return ""
    if piece is not None:
        return f"has nothing in part {rule.part}"
    found = pluralize(text.count(rule.split) + 1, "part")
    expected = f"not {rule.parts}" if rule.parts else f"and number {rule.part} is needed"
    return f"has {found} (split: {rule.split!r}), {expected}"


def _map_values(rule: FieldRule, texts: pa.StringArray) -> pa.StringArray:
    if not rule.value_map:
        return texts
    return blank_to_null(map_distinct(texts, value_mapper(rule.value_map), pa.string()))


def map_distinct(values: pa.Array, function: Callable[[Any], Any], to_type: pa.DataType) -> pa.Array:
    """Apply `function` once to each distinct value; nulls stay. Cheap, because dates and codes repeat."""
    return DistinctValues.of(values).map(function, to_type).column()


@dataclass(frozen=True)
class DistinctValues:
    """A column as its distinct values: to find them takes longer than to map them, so several maps share them.

    Attributes:
        values: the values that occur, of which a map may have made some equal; a null is one only if a map gave it.
        indices: the position of each row's value; null for a row without one.
    """

    values: pa.Array
    indices: pa.Int32Array

    @classmethod
    def of(cls, column: pa.Array) -> DistinctValues:
        """Find the distinct values of a column."""
        encoded = column.dictionary_encode()
        return cls(encoded.dictionary, encoded.indices)

    def map(self, function: Callable[[Any], Any], to_type: pa.DataType) -> DistinctValues:
        """Apply `function` once to each value; nulls stay."""
        mapped = [None if value is None else function(value) for value in self.values.to_pylist()]
        return replace(self, values=pa.array(mapped, to_type))

    def column(self) -> pa.Array:
        """Return the column."""
        return pc.take(self.values, self.indices)

    def encoded(self) -> pa.DictionaryArray:
        """Return the column as a dictionary, in which no value is twice."""
        places: dict[Any, int] = {}
        place_of = [places.setdefault(value, len(places)) for value in self.values.to_pylist()]
        indices = pc.take(pa.array(place_of, pa.int32()), self.indices)
        return pa.DictionaryArray.from_arrays(indices, pa.array(places, self.values.type))

    def first_positions(self) -> list[int]:
        """Return the first row of each value."""
        # Imported where texts are parsed: most commands parse none, and Arrow needs none of it.
        import numpy as np

        # A dictionary has its values in the order in which they occur.
        newest = np.maximum.accumulate(np.asarray(self.indices.fill_null(-1)))
        positions: list[int] = np.flatnonzero(np.diff(newest, prepend=-1)).tolist()
        return positions


def _bind(rule: FieldRule, header: Sequence[str]) -> FieldSource | None:
    """Return the first source all of whose headers are in the file, in the file's spelling.

    Of columns of which the first filled one counts, those that the file has: a report may have fewer levels.
    """
    if rule.debit and rule.credit:
        pair = _find_headers([rule.debit, rule.credit], header)
        return FieldSource(rule, pair) if pair else None
    if rule.is_first_filled:
        found = tuple(column for name in rule.sources if (column := find_column(name, header)) is not None)
        return FieldSource(rule, found) if found else None
    for text in rule.sources:
        names = _find_headers(template_headers(text), header)
        if names:
            return FieldSource(rule, names, _with_headers(text, names) if PLACEHOLDER.search(text) else None)
    return None


def _bind_sign(sign: SignColumn, header: Sequence[str], rules: ReadingRules) -> FieldSource:
    rule = FieldRule(sources=sign.sources, default=sign.default)
    source = _bind(rule, header)
    if source is None:
        raise _missing_column(SIGN, rule, header, _unclaimed(rules, header))
    return replace(source, blank=sign.default)


def _text_of_blank_cells(rule: FieldRule, object_key: str, sheet: str | None = None) -> str | None:
    if rule.name_pattern is None:
        return rule.default
    # The sheet's name is the closer one to the rows.
    names = [object_key] if sheet is None else [sheet, object_key]
    texts = (value_from_name(rule.name_pattern, rule.name_template, name) for name in names)
    written = next((text for text in texts if text), "")
    text, findings = clean_cell(written)
    if findings & {"nul", "harmful"}:
        raise FileNameError(
            f"{quote_name(object_key)}: {written!r} in the name has a control character",
            fix="rename the file without that character",
        )
    return text or rule.default


def _find_headers(names: Sequence[str], header: Sequence[str]) -> tuple[str, ...]:
    """Return the file's headers of these names; none if one is missing."""
    columns = [find_column(name, header) for name in names]
    return () if None in columns else tuple(column for column in columns if column is not None)


def _with_headers(template: str, headers: Sequence[str]) -> str:
    names = iter(headers)
    return PLACEHOLDER.sub(lambda _: "{" + next(names) + "}", template)


def _first_filled(headers: Sequence[str], batch: RawBatch, *, is_name: bool) -> CleanedCells:
    """Return the text of the first of some columns that is not blank in a row."""
    columns = [_column_texts(batch, header, is_name=is_name) for header in headers]
    return CleanedCells(pc.coalesce(*(cells.texts for cells in columns)), _any_finding(columns))


def _any_finding(columns: Sequence[CleanedCells]) -> dict[Finding, pa.BooleanArray]:
    """Return the findings of several columns, each where one of them has it."""
    findings: dict[Finding, pa.BooleanArray] = {}
    for cells in columns:
        for finding, has_finding in cells.findings.items():
            findings[finding] = pc.or_(findings.get(finding, has_finding), has_finding)
    return findings


def _join_template(template: str, batch: RawBatch, *, is_name: bool) -> CleanedCells:
    # A template is blank where any of its parts is, because half a code is not a code.
    pieces: list[Any] = []
    columns: list[CleanedCells] = []
    for position, piece in enumerate(PLACEHOLDER.split(template)):
        if position % 2:
            cells = _column_texts(batch, piece, is_name=is_name)
            pieces.append(cells.texts)
            columns.append(cells)
        elif piece:
            pieces.append(pa.scalar(piece))
    joined = pc.binary_join_element_wise(*pieces, "", null_handling="emit_null")
    return CleanedCells(joined, _any_finding(columns))


def _unclaimed(rules: ReadingRules, header: Sequence[str]) -> list[str]:
    sources = (text for rule in rules.fields.values() for text in rule.sources)
    claimed = {fold_name(text) for text in (*line_cells(rules), *sources)}
    return [name for name in header if fold_name(name) not in claimed]


def _expected(names: Sequence[str]) -> str:
    """Return names as a phrase; of names that differ in case and in what separates their words, the first."""
    distinct: dict[str, str] = {}
    for name in names:
        distinct.setdefault(_SEPARATORS.sub("", name).casefold(), name)
    return " or ".join(map(repr, distinct.values()))


def _missing_in_name(name: str, rule: FieldRule, object_key: str) -> FileNameError:
    columns = f", and the header lacks {_expected(rule.sources)}" if rule.sources else ""
    return FileNameError(
        f"{quote_name(object_key)}: the name gives no {name}: it does not match {rule.name_pattern!r}{columns}",
        fix=f"rename the file, or correct columns.{name}.from_name in the descriptor, or give it a default:",
    )


def _shortened(header: Sequence[str]) -> str:
    text = ", ".join(clean(name) for name in header if not is_derived(name))
    return text if len(text) <= _MAX_LISTED else f"{text[:_MAX_LISTED]}… ({len(header):,} columns)"


def _missing_column(name: str, rule: FieldRule, header: Sequence[str], unclaimed: Sequence[str]) -> MissingColumnError:
    pair = [text for text in (rule.debit, rule.credit) if text]
    expected = " and ".join(map(repr, pair)) if pair else _expected(rule.sources)
    suggestion = closest_match(rule.sources[0], unclaimed) if rule.sources else None
    hint = f"; is it {suggestion!r}?" if suggestion else ""
    plain = f"the header lacks the column for {name}: expected {expected}, found {_shortened(header)}"
    error = MissingColumnError(
        plain + hint, fix=f"correct the file's header, or add its name to columns.{name}.from in the descriptor"
    )
    error.field, error.plain = name, printable(plain)
    return error
