"""What the formats of a sheet say about its codes, and the doubts if these are read as other codes than are displayed.

Belongs here: codes that are numbers. Does not belong here: what a format displays (see `number_formats`), finding the
cells (see `displayed_units`), codes that are texts or have become a day (see `changed_codes`).
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from finance_platform.feeds.cells import FieldSource
from finance_platform.feeds.files.displayed_units import Displayed, describe_cells, displayed_columns
from finance_platform.feeds.files.number_formats import Kind, displayed_code
from finance_platform.feeds.findings import Note
from finance_platform.feeds.resolved import ReadingRules
from finance_platform.feeds.values.codes import clean, fold

if TYPE_CHECKING:
    from finance_platform.feeds.files.tables import Table  # which opens workbooks, and these read formats

_CODES = ("department", "account")
_AS_TEXT = "format the column as text at the source and enter these codes again"


def code_columns(header: Sequence[str], rules: ReadingRules) -> set[int]:
    """Return the columns of a header, from 0, that a field of codes may have."""
    names = {fold(name) for field in _CODES if field in rules.fields for name in rules.fields[field].sources}
    return {position for position, name in enumerate(header) if fold(name) in names}


def find_doubts(table: Table, sources: Mapping[str, FieldSource]) -> dict[str, str]:
    """Return why codes may be others than those that they are read as, with what to do about it.

    Args:
        table: the table.
        sources: where the fields of its lines come from.
    """
    doubts: dict[str, str] = {}
    for field, source, name, found in _columns(table, sources):
        for one in found:
            if one.mark.kind is Kind.SCIENTIFIC:
                value = one.first_value
                doubts[
                    f"{describe_cells(table, name, one, f'as {value:.2E}', 'codes')}, and they are read as numbers "
                    f"such as {value:.0f}: a spreadsheet turns codes such as 1E5 into them"
                ] = f"{_AS_TEXT}; if they are these numbers, set the format of the cells to 0, or accept the file"
            elif one.mark.kind is Kind.DECIMALS:
                doubts |= _of_decimals(table, field, name, one, source)
        doubts |= _of_equal_numbers(name, [one for one in found if one.mark.kind is Kind.LITERAL])
    return doubts


def find_notes(table: Table, sources: Mapping[str, FieldSource]) -> dict[str, Note]:
    """Return what the formats of codes say that a person should know; see `find_doubts` for arguments."""
    notes: dict[str, Note] = {}
    for field, source, name, found in _columns(table, sources):
        has_text = [one for one in found if one.mark.kind is Kind.LITERAL and _adds_text(one, source)]
        for one in has_text:
            code, shown = _read(one.first_value), displayed_code(one.text, one.first_value)
            notes[f"{describe_cells(table, name, one, f'as {shown!r}', 'codes')}, and they are read as {code!r}"] = (
                Note(one.cells, _map_fix(field, code, shown, "if the numbers are the codes, nothing needs to be done"))
            )
        for one in found:
            if one.mark.kind is Kind.ZEROS and source.rule.pad < int(one.text) and not has_text:
                how = "with zeros before them"
                notes[f"{describe_cells(table, name, one, how, 'codes')}, and they are read without"] = Note(
                    one.cells, f"add pad: {one.text} to columns.{field} in the descriptor"
                )
    return notes


def _columns(
    table: Table, sources: Mapping[str, FieldSource]
) -> Iterator[tuple[str, FieldSource, str, Sequence[Displayed]]]:
    for field in _CODES:
        source = sources.get(field)
        if source and not source.template:
            for name, found in displayed_columns(table, source, ()):
                yield field, source, name, found


def _of_decimals(table: Table, field: str, name: str, one: Displayed, source: FieldSource) -> dict[str, str]:
    """Return that codes such as 4000.1 are displayed as 4000.10, or as 4000, unless `map` gives each a meaning."""
    unmapped = [value for value in sorted(one.codes) if not _is_mapped(value, source)]
    if not unmapped:
        return {}
    code, shown = _read(unmapped[0]), displayed_code(one.text, unmapped[0])
    text = describe_cells(table, name, one, f"with other decimals, such as {shown!r}", "codes")
    return {
        f"{text}, and they are read as numbers, such as {code!r}": _map_fix(
            field, code, shown, "if the numbers are the codes, accept the file"
        )
    }


def _of_equal_numbers(name: str, displayed: Sequence[Displayed]) -> dict[str, str]:
    """Return that different codes are one number, such as 4000-US and 4000-UK."""
    shown: dict[float, set[str]] = defaultdict(set)
    for one in displayed:
        for value in one.codes:
            shown[value].add(displayed_code(one.text, value))
    equal = {value: texts for value, texts in shown.items() if len(texts) > 1}
    if not equal:
        return {}
    value = min(equal)
    texts, code = " and ".join(map(repr, sorted(equal[value]))), _read(value)
    count = "1 code" if len(equal) == 1 else f"{len(equal):,} codes"
    return {
        f"the formats of {clean(name)!r} display {count} in several ways, such as {texts}, which are both read as "
        f"{code!r}": f"{_AS_TEXT}; if they are the same, accept the file"
    }


def _adds_text(one: Displayed, source: FieldSource) -> bool:
    """Return whether a format displays letters or digits that the number lacks; others only group its digits."""
    shown = displayed_code(one.text, one.first_value)
    return sorted(filter(str.isalnum, shown)) != sorted(_read(one.first_value)) and not (
        _is_mapped(one.first_value, source) or shown.isdigit()
    )


def _is_mapped(value: float, source: FieldSource) -> bool:
    return _read(value) in source.rule.value_map


def _map_fix(field: str, code: str, shown: str, otherwise: str) -> str:
    pair = f"{json.dumps(code)}: {json.dumps(shown, ensure_ascii=False)}"
    return f"{_AS_TEXT}, or map them in the descriptor: columns.{field}.map: {{{pair}}}; {otherwise}"


def _read(value: float) -> str:
    """Return a number as it is read."""
    return f"{value:.15g}"
