"""What names a ledger line: its key, the scope that its delivery replaces, and its voucher.

Belongs here: one text for several columns, which are the same however they are written. Does not belong here: keys of
several rows (see `transforms`), typing the columns (see `ledger_lines`).

A change that gives other keys needs a higher version (see `reader_versions`), or files are not read again.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.errors import UnreadableDeliveryError
from finance_platform.feeds.cells import FieldSource, RawBatch, field_texts, map_distinct
from finance_platform.feeds.resolved import FieldRule, ReadingRules
from finance_platform.feeds.values.codes import clean, closest_match, fold, joined_key
from finance_platform.feeds.violations import RuleViolations

CODE_COLUMNS = {"department": "department_code", "account": "account_number", "scenario": "scenario"}
"""By code, the column that has it."""


class LineKeys:
    """Names the lines of one table.

    Attributes:
        sources: where those parts of a voucher's name come from that are headers and not fields of the feed.
    """

    def __init__(self, rules: ReadingRules, header: Sequence[str]) -> None:
        """Bind the parts of a voucher's name to a table's header.

        Raises:
            UnreadableDeliveryError: the header lacks one.
        """
        self._rules = rules
        self.sources = _bind_voucher(rules, header)

    def voucher(
        self, batch: RawBatch, texts: dict[str, pa.Array], columns: dict[str, pa.Array], violations: RuleViolations
    ) -> dict[str, pa.Array]:
        """Return the voucher of each row; no column if the feed's vouchers need not balance."""
        if not self._rules.balanced_by:
            return {}
        parts = []
        for name in self._rules.balanced_by:
            if name in texts:
                part = _canonical(name, texts, columns)
            else:
                cells = violations.add_cells(name, field_texts(self.sources[name], batch))
                part = map_distinct(cells, clean, pa.string())
            violations.add_blank(name, part, "is blank, but names the voucher")
            parts.append(part)
        return {"voucher": _joined(parts)}

    def key(
        self, texts: dict[str, pa.Array], columns: dict[str, pa.Array], violations: RuleViolations
    ) -> dict[str, pa.Array]:
        """Return the key of each row; null if the feed's lines have none."""
        if not self._rules.key:
            return {"line_key": pa.nulls(len(violations.batch), pa.string())}
        parts = [_canonical(name, texts, columns) for name in self._rules.key]
        for name, part in zip(self._rules.key, parts, strict=True):
            if name not in {"date", "department", "account", "scenario", "period"}:
                violations.add_blank(name, part, "is blank, but part of the key")
        return {"line_key": _joined(parts)}

    def scope(self, columns: dict[str, pa.Array]) -> pa.Array:
        """Return the scope that a line's delivery replaces within its period; null if the feed has no scope."""
        if not self._rules.scope:
            return pa.nulls(len(columns["period"]), pa.string())
        names = [CODE_COLUMNS.get(name, name) for name in self._rules.scope]
        parts = [map_distinct(columns[name], fold, pa.string()) for name in names]
        # A blank business unit is a scope of its own.
        rows = zip(*(part.fill_null("").to_pylist() for part in parts), strict=True)
        key_of = cache(joined_key)  # many lines have one scope
        return pa.array([key_of(row) for row in rows], pa.string())


def _joined(parts: Sequence[pa.StringArray]) -> pa.StringArray:
    """Return one text for several columns, different for different rows; null where a part is."""
    if len(parts) == 1:
        return parts[0]
    rows = zip(*(part.to_pylist() for part in parts), strict=True)
    return pa.array([joined_key(row) if None not in row else None for row in rows], pa.string())


def _bind_voucher(rules: ReadingRules, header: Sequence[str]) -> dict[str, FieldSource]:
    """Return the sources of those parts of a voucher's name that are headers and not fields of the feed."""
    headers = {fold(name): name for name in reversed(header)}
    sources = {}
    for name in rules.balanced_by:
        if name in rules.fields or name in rules.constants:
            continue
        if fold(name) not in headers:
            suggestion = closest_match(name, headers.values())
            hint = f"; is it {suggestion!r}?" if suggestion else ""
            raise UnreadableDeliveryError(
                f"the header lacks the column {name!r}, which names the vouchers{hint}",
                fix="correct the file's header, or balanced.by in the descriptor",
            )
        sources[name] = FieldSource(FieldRule(sources=(name,)), (headers[fold(name)],))
    return sources


def _canonical(name: str, texts: dict[str, pa.Array], columns: dict[str, pa.Array]) -> pa.Array:
    """Return a field as part of a key: each day, period or code has one text, however it is written."""
    if name in CODE_COLUMNS:
        return map_distinct(columns[CODE_COLUMNS[name]], fold, pa.string())
    if name == "date":
        return pc.cast(columns["document_date"], pa.string())
    return columns["period"] if name == "period" else texts[name]
