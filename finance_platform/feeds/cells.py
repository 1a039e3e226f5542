"""Cells: from a file's raw text columns to a field's text, by header name, template, default and map.

Belongs here: finding a field's column, and what the descriptor says about its text.
Does not belong here: types and rules (see `ledger_lines`, `reference_rows`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.errors import UnreadableDeliveryError
from finance_platform.feeds.codes import clean, closest_match, fold
from finance_platform.feeds.resolved import FieldRule, ReadingRules

_PLACEHOLDER = re.compile(r"\{([^{}]+)\}")


@dataclass(frozen=True)
class RawBatch:
    """Some consecutive rows of a file, as text.

    Attributes:
        columns: header name to text; every array has the same length.
        source_rows: int64, the line that an editor shows.
        problems: text, null for a row that was cut into cells as the header says.
        sheet: the sheet of a workbook.
    """

    columns: Mapping[str, pa.StringArray]
    source_rows: pa.Int64Array
    problems: pa.StringArray
    sheet: str | None = None

    def __len__(self) -> int:
        return len(self.source_rows)


@dataclass(frozen=True)
class FieldSource:
    """Where one field comes from in one file: a constant, or headers joined by a template."""

    rule: FieldRule
    headers: tuple[str, ...] = ()
    template: str | None = None
    constant: str | None = None


def bind_fields(rules: ReadingRules, header: Sequence[str]) -> dict[str, FieldSource]:
    """Find the source of every field that `rules` name in a file with this header.

    Raises:
        UnreadableDeliveryError: the header lacks a needed column, or has one twice.
    """
    headers = _headers_by_folded_name(header)
    bound = {name: FieldSource(FieldRule(), constant=value) for name, value in rules.constants.items()}
    for name, rule in rules.fields.items():
        alternatives = [text for text in (rule.debit, rule.credit) if text]
        source = _bind_pair(rule, alternatives, headers) if alternatives else _bind(rule, headers)
        if source is None and not rule.required and rule.default is not None:
            source = FieldSource(rule, constant=rule.default)
        if source is not None:
            bound[name] = source
        elif rule.required:
            raise _missing(name, rule, header, _unclaimed(rules, headers))
    return bound


def field_texts(source: FieldSource, batch: RawBatch) -> pa.StringArray:
    """Return a field's text for each row: trimmed, mapped, null where it is blank before or after that."""
    if source.constant is not None:
        texts = pa.repeat(pa.scalar(source.constant, pa.string()), len(batch))
    elif source.template is None:
        texts = blank_to_null(batch.columns[source.headers[0]])
    else:
        texts = _joined(source.template, batch)
    if source.rule.default is not None:
        texts = pc.fill_null(texts, source.rule.default)
    if source.rule.value_map:
        by_folded = {fold(written): meant for written, meant in source.rule.value_map.items()}
        texts = blank_to_null(map_distinct(texts, lambda text: by_folded.get(fold(text), text), pa.string()))
    return texts


def blank_to_null(texts: pa.StringArray) -> pa.StringArray:
    """Trim Unicode white space; what is then empty is null."""
    trimmed = pc.utf8_trim_whitespace(texts)
    return pc.if_else(pc.equal(trimmed, ""), pa.scalar(None, pa.string()), trimmed)


def map_distinct(values: pa.Array, function: Callable[[Any], Any], to_type: pa.DataType) -> pa.Array:
    """Apply `function` once to each distinct value; nulls stay. Dates and codes repeat, so this is cheap."""
    encoded = values.dictionary_encode()
    mapped = pa.array([function(text) for text in encoded.dictionary.to_pylist()], to_type)
    return pc.take(mapped, encoded.indices)


def _headers_by_folded_name(header: Sequence[str]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for name in header:
        if fold(name) and fold(name) in headers:
            raise UnreadableDeliveryError(
                f"the header has the column {clean(name)!r} twice", fix="rename or remove one of the two columns"
            )
        headers[fold(name)] = name
    return headers


def _bind(rule: FieldRule, headers: Mapping[str, str]) -> FieldSource | None:
    for text in rule.sources:
        wanted = _PLACEHOLDER.findall(text)
        found = tuple(headers[fold(name)] for name in (wanted or [text]) if fold(name) in headers)
        if len(found) == len(wanted or [text]):
            return FieldSource(rule, found, _with_headers(text, found) if wanted else None)
    return None


def _bind_pair(rule: FieldRule, names: Sequence[str], headers: Mapping[str, str]) -> FieldSource | None:
    found = tuple(headers[fold(name)] for name in names if fold(name) in headers)
    return FieldSource(rule, found) if len(found) == len(names) else None


def _with_headers(template: str, headers: Sequence[str]) -> str:
    names = iter(headers)
    return _PLACEHOLDER.sub(lambda _: "{" + next(names) + "}", template)


def _joined(template: str, batch: RawBatch) -> pa.StringArray:
    # A template is blank where any of its parts is: half a code is no code.
    pieces: list[Any] = []
    for position, piece in enumerate(_PLACEHOLDER.split(template)):
        if position % 2:
            pieces.append(blank_to_null(batch.columns[piece]))
        elif piece:
            pieces.append(pa.scalar(piece))
    return pc.binary_join_element_wise(*pieces, "", null_handling="emit_null")


def _unclaimed(rules: ReadingRules, headers: Mapping[str, str]) -> list[str]:
    claimed = {fold(text) for rule in rules.fields.values() for text in rule.sources}
    return [name for folded, name in headers.items() if folded not in claimed]


def _missing(name: str, rule: FieldRule, header: Sequence[str], unclaimed: Sequence[str]) -> UnreadableDeliveryError:
    pair = [text for text in (rule.debit, rule.credit) if text]
    wanted = " and ".join(map(repr, pair)) if pair else " or ".join(map(repr, rule.sources))
    near = closest_match(rule.sources[0], unclaimed) if rule.sources else None
    hint = f"; is it {near!r}?" if near else ""
    return UnreadableDeliveryError(
        f"the header lacks the column for {name}: expected {wanted}, found {', '.join(map(clean, header))}{hint}",
        fix=f"correct the file's header, or add its name to columns.{name}.from in the descriptor",
    )
