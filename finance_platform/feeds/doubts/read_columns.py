"""The columns of a table that have a figure or say where it counts, and what speaks for cells where they are.

Belongs here: what `moved_cells` and `late_cells` share. Does not belong here: which cells might belong elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from finance_platform.feeds.cells import FieldSource

_FIGURES = ("amount", "opening", "balance")
"""Of a ledger, and of a trial balance."""

_CODES = ("department", "account", "scenario")
_DAYS = ("date", "period")

_KINDS = {
    "day": re.compile(r"[0-9]{1,4}([-/.])[0-9]{1,2}\1[0-9]{1,4}(?:[T ].*)?"),
    "whole": re.compile(r"[-+(]?[0-9]+[-)]?"),
    "fraction": re.compile(r"[-+(]?[0-9][0-9 .,'’]*[.,][0-9]+[-)]?"),
}
_ANY_AMOUNT = re.compile("[1-9]")


@dataclass(frozen=True)
class ReadColumns:
    """The columns that lines are read from.

    A row that is read wrong elsewhere alone, such as in its text, has the right figures.

    Attributes:
        amounts: those that have a figure.
        codes: those that have a department, an account or a scenario.
        used: both, and those of days and periods.
        pair: those of debits and credits, of which one is blank.
    """

    amounts: frozenset[str]
    codes: frozenset[str]
    used: frozenset[str]
    pair: tuple[str, ...]

    @staticmethod
    def of_sources(sources: Mapping[str, FieldSource], cells: Sequence[str]) -> ReadColumns:
        """Return the columns of a table.

        Args:
            sources: where the fields of its lines come from.
            cells: the columns of which each gives a line.
        """
        figures = [sources[name] for name in _FIGURES if name in sources]
        amounts = frozenset({*(name for figure in figures for name in figure.headers), *cells})
        codes, days = (
            frozenset(name for field in fields if field in sources for name in sources[field].headers)
            for fields in (_CODES, _DAYS)
        )
        pair = tuple(name for figure in figures if figure.rule.debit for name in figure.headers)
        return ReadColumns(amounts, codes, amounts | codes | days, pair)

    def known_codes(self, names: Sequence[str], columns: Sequence[Sequence[str]]) -> dict[int, set[str]]:
        """Return the texts that columns of codes have, by their place."""
        return {place: set(columns[place]) for place, name in enumerate(names) if name in self.codes}

    def has_other_figures(self, names: Sequence[str], row: Sequence[str], moved: Sequence[str]) -> bool:
        """Return whether a figure, or what says where it counts, would be another one."""
        return any(text != other for name, text, other in zip(names, row, moved, strict=True) if name in self.used)

    def may_be_meant(
        self, names: Sequence[str], row: Sequence[str], moved: Sequence[str], known: Mapping[int, set[str]]
    ) -> bool:
        """Return whether nothing speaks for the cells of a row where they are.

        A code that other rows have in its column is where it belongs if the one in its place would be new. So is a
        debit that would have a credit beside it.

        Args:
            names: the columns.
            row: their cells.
            moved: the cells as they may be meant.
            known: the codes of other rows, as `known_codes` returns them.
        """
        if any(row[place] in texts and moved[place] not in texts for place, texts in known.items()):
            return False
        texts = dict(zip(names, moved, strict=True))
        return not self.pair or not all(_ANY_AMOUNT.search(texts.get(name, "")) for name in self.pair)


def kind_of(text: str) -> str:
    """Return whether a cell is a day, a whole number, one with a fraction or a word; blank if the cell is."""
    return next((kind for kind, pattern in _KINDS.items() if pattern.fullmatch(text)), "word") if text else ""
