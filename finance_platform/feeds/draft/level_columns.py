"""Columns of levels: a statement that indents its lines by a column for each level, in one of which each has its text.

Belongs here: which of them the lines use. Does not belong here: labels on rows of their own (see `label_rows`).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from itertools import takewhile

from finance_platform.feeds.draft.columns import LABELS, Column

_UNNAMED = "(column "
_SEVERAL = 2


def unnamed_labels(columns: Sequence[Column], codes: Collection[Column]) -> Column | None:
    """Return labels above lines; or the unnamed columns before all others that have texts, as in a statement.

    Args:
        columns: all of them, labels above lines last.
        codes: those that may be codes and no field uses.
    """
    if columns[-1].name == LABELS:
        return columns[-1]
    before = list(takewhile(lambda one: one.name.startswith(_UNNAMED), columns))
    levels = [one for one in before if one in codes and not (one.amounts or one.dates)]
    if len(before) < _SEVERAL:
        return columns[0] if levels else None
    return _find_levels(levels, [one for one in columns if one.amounts])


def _find_levels(levels: Sequence[Column], amounts: Sequence[Column]) -> Column | None:
    """Return the column in which lines have their text, or one of the texts of several; None if a line has two or none.

    A row without an amount is a heading and no line, so the column that is returned has no cell of it.

    Args:
        levels: the columns before all others, from the outermost level to the innermost one.
        amounts: the columns with amounts.
    """
    rows = range(len(levels[0].cells)) if levels else ()
    lines = [row for row in rows if any(column.cells[row] for column in amounts)]
    used = [column for column in levels if any(column.cells[row] for row in lines)]
    texts = [[column.cells[row] for column in used if column.cells[row]] for row in lines]
    if not lines or any(len(one) != 1 for one in texts):
        return None
    cells = [one for (one,) in texts]
    if len(used) < _SEVERAL:
        return replace(used[0], cells=cells)
    return Column(LABELS, cells, levels=[column.name for column in reversed(used)])
