"""The header of a table as a feed understands it: what each column gives, for `feed check`.

Belongs here: the fields of each column, and the keys of the descriptor that use it otherwise. Does not belong here:
the rows (see `feed_check`), which columns a feed needs (see `feeds.cells`), printing (see `cli`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from finance_platform.errors import FileNameError, UnreadableDeliveryError
from finance_platform.feeds.cells import bind_fields
from finance_platform.feeds.files.tables import Table
from finance_platform.feeds.lines.shapes import Shape, bind_shape
from finance_platform.feeds.resolved import FieldRule, ReadingRules, template_headers
from finance_platform.feeds.shape_rules import CELL, HEADER
from finance_platform.feeds.values.codes import fold


@dataclass(frozen=True)
class HeaderColumn:
    """A column of a table, and what it gives; nothing if the feed does not use it.

    Attributes:
        name: its name in the header.
        fields: the fields that it gives.
        values: the text of fields that are the same in all lines of the column.
        keys: the keys of the descriptor that use it otherwise.
    """

    name: str
    fields: tuple[str, ...]
    values: Mapping[str, str] = field(default_factory=dict)
    keys: tuple[str, ...] = ()


@dataclass(frozen=True)
class CheckedTable:
    """A table of the file as the feed understands it.

    Attributes:
        sheet: the sheet's name; None for text.
        columns: the header.
        other: the fields that no column gives, and the text of their rows where it is the same in each.
        looked_up: the fields that lines take from the rows of another feed, and that feed.
    """

    sheet: str | None
    columns: tuple[HeaderColumn, ...]
    other: Mapping[str, str]
    looked_up: Mapping[str, str] = field(default_factory=dict)


def describe_table(table: Table, rules: ReadingRules, object_key: str) -> CheckedTable:
    """Return what each column gives; of a header that lacks a column, what it would give."""
    headers: dict[str, Sequence[str]]
    other: dict[str, str] = dict(rules.constants)
    shape = Shape(list(table.header))
    try:
        shape = bind_shape(rules, table.header, object_key)
        sources = bind_fields(rules, shape.header, object_key, table.sheet)
        headers = {name: source.headers for name, source in sources.items()}
        other = {name: source.constant or "" for name, source in sources.items() if not source.headers}
    except (UnreadableDeliveryError, FileNameError):  # reading the rows reports it
        headers = {name: _named_headers(rule) for name, rule in rules.fields.items()}
    cells = shape.cells or _named_cells(rules)
    fields: dict[str, dict[str, None]] = {}
    for name, names in headers.items():
        for header in names:
            for column in cells if header in {CELL, HEADER} else [header]:
                fields.setdefault(fold(column), {})[name] = None
    values = {fold(measure.header): measure.fields for measure in rules.measures}
    keys = _keys(rules, table.header)
    columns = (
        HeaderColumn(
            name, tuple(fields.get(fold(name), ())), values.get(fold(name), {}), tuple(keys.get(fold(name), ()))
        )
        for name in table.header
    )
    looked_up = dict.fromkeys(rules.lookup.take, rules.lookup.feed) if rules.lookup else {}
    return CheckedTable(table.sheet, tuple(columns), other, looked_up)


def _named_cells(rules: ReadingRules) -> tuple[str, ...]:
    """Return the columns that the rules name as those of which each gives a line."""
    return rules.unpivot.columns if rules.unpivot else tuple(measure.header for measure in rules.measures)


def _named_headers(rule: FieldRule) -> list[str]:
    pair = [header for header in (rule.debit, rule.credit) if header]
    return [*pair, *(header for source in rule.sources for header in template_headers(source))]


def _keys(rules: ReadingRules, header: Sequence[str]) -> dict[str, dict[str, None]]:
    """Return the keys of the descriptor that use a column otherwise than for a field, by its folded name."""
    keys: dict[str, dict[str, None]] = {}
    present = {fold(name) for name in header}
    for key, names in _uses(rules):
        # Of alternatives, the first that the table has is used.
        used = next((fold(name) for name in names if fold(name) in present), None)
        if used is not None:
            keys.setdefault(used, {})[key] = None
    return keys


def _uses(rules: ReadingRules) -> Iterator[tuple[str, Sequence[str]]]:
    """Yield each key that names a column, and the alternative names."""
    if rules.unpivot and rules.unpivot.year_column:
        yield "unpivot.year", [rules.unpivot.year_column]
    for name in rules.ignored_columns:
        yield "ignore_columns", [name]
    if rules.lookup:
        yield "lookup.on", [rules.lookup.on]
    if rules.order_column:
        yield "order", [rules.order_column]
    for name in rules.balanced_by:
        if name not in rules.fields and name not in rules.constants:
            yield "balanced.by", [name]
    for key, marking in (("control_total", rules.control_totals), ("skip", rules.skip)):
        for rule in marking:
            for condition in rule.conditions:
                yield key, condition.columns
