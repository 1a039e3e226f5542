"""Row marks: which rows of a table are not data by the feed's rules `skip` and `control_total`.

Belongs here: finding these rows by their cells. Does not belong here: what follows for a row (see `violations`,
`ledger_lines`), comparing totals (see `printed_totals`).

A change that gives other lines needs a higher version (see `reader_versions`), or files are not read again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.errors import UnreadableDeliveryError
from finance_platform.feeds.cells import RawBatch
from finance_platform.feeds.resolved import ControlTotalRule, ReadingRules, RowCondition, SkipRule
from finance_platform.feeds.values.codes import closest_match, fold
from finance_platform.feeds.violations import Mask, blank_rows, to_mask


class RowMarker:
    """Marks the rows of one table; of several rules that match a row the first wins, control totals before others."""

    def __init__(self, rules: ReadingRules, header: Sequence[str]) -> None:
        """Bind the rules to a table's header.

        Raises:
            UnreadableDeliveryError: the header lacks a column that a rule compares.
        """
        headers = {fold(name): name for name in reversed(header)}
        in_order: tuple[SkipRule | ControlTotalRule, ...] = (*rules.control_totals, *rules.skip)
        self._rules = [(rule.name, _bind(rule, headers)) for rule in in_order]

    def mark(self, batch: RawBatch) -> RawBatch:
        """Return the batch with its marks, or as it is if the feed has no such rules."""
        if not self._rules:
            return batch
        names = np.full(len(batch), None, dtype=object)
        texts: dict[str, pa.StringArray] = {}
        for name, conditions in reversed(self._rules):
            names[_matches(batch, conditions, texts)] = name
        if (names != None).any():  # noqa: E711 - compared element by element
            names[blank_rows(batch)] = None
        return replace(batch, marks=pa.array(names, pa.string()))


def marked_rows(batch: RawBatch, rules: Sequence[SkipRule | ControlTotalRule]) -> Mask:
    """Return the rows that one of these rules claims."""
    if batch.marks is None or not rules:
        return np.zeros(len(batch), dtype=np.bool_)
    names = pa.array([rule.name for rule in rules], pa.string())
    return to_mask(pc.is_in(batch.marks, names))


def _matches(batch: RawBatch, conditions: Sequence[tuple[str, str]], texts: dict[str, pa.StringArray]) -> Mask:
    matches: Mask = np.ones(len(batch), dtype=np.bool_)
    for header, pattern in conditions:
        if header not in texts:
            texts[header] = pc.utf8_trim_whitespace(pc.fill_null(batch.columns[header], ""))
        matches &= to_mask(pc.match_substring_regex(texts[header], pattern))
        if not matches.any():
            break
    return matches


def _bind(rule: SkipRule | ControlTotalRule, headers: dict[str, str]) -> list[tuple[str, str]]:
    """Return header and pattern of each condition."""
    return [(_find_header(rule, condition, headers), condition.pattern) for condition in rule.conditions]


def _find_header(rule: SkipRule | ControlTotalRule, condition: RowCondition, headers: dict[str, str]) -> str:
    for name in condition.columns:
        if header := headers.get(fold(name)):
            return header
    key = "skip" if isinstance(rule, SkipRule) else "control_total"
    suggestion = closest_match(condition.columns[0], headers.values())
    hint = f"; is it {suggestion!r}?" if suggestion else ""
    raise UnreadableDeliveryError(
        f"the header lacks the column {' or '.join(map(repr, condition.columns))}, which the rule {rule.name} of {key} "
        f"compares{hint}",
        fix=f"correct the file's header, or column: of this rule of {key} in the descriptor",
    )
