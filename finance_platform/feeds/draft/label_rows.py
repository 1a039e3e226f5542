"""Labels on rows of their own, above the lines that they are about: the name of each account in a list of transactions.

Belongs here: finding them, and the rule of `skip` that claims them and gives their text to the lines. Does not belong
here: headings of a statement, whose lines have a name of their own (see `statement_rows`), labels on the first line of
a block (see `columns`).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from typing import Any

from finance_platform.feeds.draft.summed_labels import find_summed_labels
from finance_platform.feeds.draft.total_rows import marks_by_place, values_by_place
from finance_platform.feeds.draft.values import is_amount, is_date
from finance_platform.feeds.values.header_words import plain_name, rank

Row = tuple[int, list[str]]

_AMOUNTS = ("amount", "debit", "credit")
_BALANCES = {"balance", "running balance", "saldo", "kontostand", "solde"}

_LEAST_LINES, _LEAST_LABELS, _LEAST_OTHERS = 2, 2, 2
_MOST_CONDITIONS = 3

_NOTE = re.compile(r"(?P<name>[^()]*[^() ])(?P<mark> ?\()(?P<note>[^()]*)\)")
_OF_BALANCE = re.compile(r"(?i)\b(?:balance|forward|as (?:of|at)|saldo|solde|vortrag|stand)\b")


@dataclass(frozen=True)
class LabelRows:
    """The labels of a table.

    Attributes:
        places: the columns that have them, one for each level, and in which lines are blank or have dates.
        lines: the rows.
        is_beside_dates: whether lines have dates there, or other texts of their own.
        others: the names of columns in which every line has a text and no label has one.
        pattern: what the texts of labels match that have the sums of their lines; empty of others.
        are_headings: whether they are headings, and no field of the lines.
        has_sums: whether labels have the sums of their lines, and lines other texts that no label has.
    """

    places: tuple[int, ...]
    lines: frozenset[int]
    others: tuple[str, ...]
    is_beside_dates: bool = False
    pattern: str = ""
    are_headings: bool = False
    has_sums: bool = False

    @property
    def is_apart(self) -> bool:
        """Whether no column of the table has the labels alone: they are of several levels, or beside dates."""
        return (self.is_beside_dates or len(self.places) > 1) and not self.are_headings

    def text(self, cells: Sequence[str]) -> str:
        """Return the text of a row that is a label."""
        return next((cells[place] for place in self.places if place < len(cells) and cells[place].strip()), "")


def part_before_note(texts: Sequence[str]) -> dict[str, Any]:
    """Return the key that takes a label without a note in brackets that all labels have; empty if they have none.

    `6000 - Rent (Balance forward As of 03/01/2025)`: the note has another day in the file of the next month, and would
    make another account of it. What differs from label to label is a code, as in `Rent (6000)`.
    """
    found = [_NOTE.fullmatch(text) for text in dict.fromkeys(texts)]
    labels = [match for match in found if match]
    is_same = len({(match["mark"], match["note"]) for match in labels}) == 1 and len(labels) == len(found)
    if not is_same or not _OF_BALANCE.search(labels[0]["note"]):
        return {}
    return {"part": {"split": labels[0]["mark"], "number": 1, "of": 2}}


def find_label_rows(header: Sequence[str], data: Sequence[Row], totals: Sequence[Row]) -> LabelRows | None:
    """Return the labels of a table, or its headings; None if it has none.

    Args:
        header: the columns' names.
        data: the rows below the header that are neither blank nor totals, nor other rows that are no data.
        totals: the rows with a total.
    """
    texts = _without_balances(header, [[cell.strip() for cell in cells[: len(header)]] for _, cells in data])
    if not data:
        return None
    if sum(map(bool, texts[0])) != 1:
        # Without a total, nothing would show that a later file has a line whose text is like that of a label.
        summed, pattern = find_summed_labels(header, data if totals else [])
        if pattern:
            return LabelRows((0,), summed, (), is_beside_dates=True, pattern=pattern)
        if found := _with_sums(header, data, texts):
            return found
        return _notes_below(header, data, texts) or _headings(header, data, texts)
    found = _above_texts(header, data, texts) or _above_lines(header, data, texts, totals)
    return found or _headings(header, data, texts)


def _above_lines(
    header: Sequence[str], data: Sequence[Row], texts: Sequence[Sequence[str]], totals: Sequence[Row]
) -> LabelRows | None:
    """Return the labels of lines that are blank in their column, or have dates there.

    Every row is a line, which is blank or has a date in one column, or a label, which has another text there and
    nowhere else but for a balance beside the amounts; the first row is a label, and one is above two lines at least, or
    each is named by a total. Labels of several levels have a column each, in all of which lines are blank.
    """
    places = _places(texts)
    labels, longest, length, dates = set(), 0, 0, 0
    for (line, _), cells in zip(data, texts, strict=True):
        text = next((cells[place] for place in places if place < len(cells) and cells[place]), "")
        if not text or is_date(text):
            dates += bool(text)
            length += 1
            longest = max(longest, length)
        elif sum(map(bool, cells)) == 1 and not is_amount(text):
            labels.add(line)
            length = 0
        else:
            return None
    lines = [cells for (line, _), cells in zip(data, texts, strict=True) if line not in labels]
    others = tuple(
        name
        for position, name in enumerate(header)
        if position not in places and all(position < len(cells) and cells[position] for cells in lines)
    )
    if dates not in {0, len(lines)} or (dates and len(places) > 1) or _have_names(header, lines, places):
        return None
    is_proven = longest >= _LEAST_LINES or _have_totals(data, labels, totals)
    is_found = is_proven and others and any(is_amount(cell) for cells in lines for cell in cells)
    return LabelRows(places, frozenset(labels), others[:_MOST_CONDITIONS], bool(dates)) if is_found else None


def _with_sums(header: Sequence[str], rows: Sequence[Row], texts: Sequence[Sequence[str]]) -> LabelRows | None:
    """Return labels with the sums of the lines below them, which have days and other texts, as in Odoo's ledger.

    In half of the columns of amounts at least, each label is the sum of its lines: a running balance is none.
    """
    is_label = [bool(cells[0]) and all(map(is_amount, filter(None, cells[1:]))) for cells in texts]
    if not is_label[0] or is_label[-1] or sum(is_label) < _LEAST_LABELS or any(map(all, pairwise(is_label))):
        return None
    lines = [cells for cells, one in zip(texts, is_label, strict=True) if not one]
    others = tuple(
        name
        for place, name in enumerate(header)
        if place
        and all(place < len(cells) and cells[place] for cells in lines)
        and not any(cells[place] for cells, one in zip(texts, is_label, strict=True) if one and place < len(cells))
    )
    marks = marks_by_place(header, rows)
    left: list[dict[int, Decimal]] = []
    for (_, cells), one in zip(rows, is_label, strict=True):
        values = values_by_place(cells, marks)
        if one:
            left.append(values)
        else:
            left[-1] = {place: value - values.get(place, Decimal(0)) for place, value in left[-1].items()}
    columns = [place for place in marks if place]
    tied = sum(all(not rest.get(place, Decimal(0)) for rest in left) for place in columns)
    is_sum = 0 < len(columns) <= 2 * tied
    found = frozenset(line for (line, _), one in zip(rows, is_label, strict=True) if one)
    return LabelRows((0,), found, others[:_MOST_CONDITIONS], True, has_sums=True) if others and is_sum else None


def _have_totals(rows: Sequence[Row], labels: Collection[int], totals: Sequence[Row]) -> bool:
    """Return whether each of several labels is named by a total, as in a list of accounts with one line each."""
    named = [" ".join(cells) for _, cells in totals]
    texts = ["".join(cells).strip() for line, cells in rows if line in labels]
    return len(texts) >= _LEAST_LABELS and all(any(text in total for total in named) for text in texts)


def _without_balances(header: Sequence[str], rows: list[list[str]]) -> list[list[str]]:
    """Return rows without balances beside their amounts: a label has the one that its account begins with."""
    balances = [place for place, name in enumerate(header) if plain_name(name) in _BALANCES]
    others = [name for place, name in enumerate(header) if place not in balances]
    if not balances or not any(rank(field, name) is not None for field in _AMOUNTS for name in others):
        return rows
    return [["" if place in balances else text for place, text in enumerate(cells)] for cells in rows]


def _notes_below(header: Sequence[str], rows: Sequence[Row], texts: Sequence[Sequence[str]]) -> LabelRows | None:
    """Return the notes below a table, such as `Prepared by Jane`: they have a text in one column alone.

    Lines have a text in two other columns at least, so that one which lacks its amount alone is no note.
    """
    count = next((count for count, cells in enumerate(reversed(texts)) if any(map(is_amount, cells))), 0)
    notes, lines = texts[len(texts) - count :], texts[: len(texts) - count]
    places = {place for cells in notes for place, text in enumerate(cells) if text}
    if len(places) != 1 or any(sum(map(bool, cells)) != 1 for cells in notes):
        return None
    others = tuple(
        name
        for place, name in enumerate(header)
        if place not in places and all(place < len(cells) and cells[place] for cells in lines)
    )
    if len(others) < _LEAST_OTHERS:
        return None
    found = frozenset(line for line, _ in rows[len(rows) - count :])
    return LabelRows(tuple(places), found, others[:_MOST_CONDITIONS], is_beside_dates=True)


def _headings(header: Sequence[str], rows: Sequence[Row], texts: Sequence[Sequence[str]]) -> LabelRows | None:
    """Return headings among lines, such as `Expenses` above accounts that have a department of their own.

    They have a text alone, in a column in which each line has one, too; each line has a text in another column, and an
    amount.
    """
    is_alone = [sum(map(bool, cells)) == 1 and not any(map(is_amount, cells)) for cells in texts]
    lines = [cells for cells, alone in zip(texts, is_alone, strict=True) if not alone]
    places = {
        place
        for cells, alone in zip(texts, is_alone, strict=True)
        for place, text in enumerate(cells)
        if alone and text
    }
    if len(places) != 1 or not lines:
        return None
    (first,) = places
    if not all(len(cells) > first and cells[first] and any(map(is_amount, cells)) for cells in lines):
        return None
    others = tuple(
        name
        for place, name in enumerate(header)
        if place != first and all(place < len(cells) and cells[place] for cells in lines)
    )
    found = frozenset(line for (line, _), alone in zip(rows, is_alone, strict=True) if alone)
    return LabelRows((first,), found, others[:_MOST_CONDITIONS], True, are_headings=True) if others else None


def _above_texts(header: Sequence[str], rows: Sequence[Row], texts: Sequence[Sequence[str]]) -> LabelRows | None:
    """Return labels in a column in which lines have texts of their own, such as departments above their accounts.

    One text at least is below several labels, and each line has an amount. So labels are no groups of these texts.
    """
    first = next(place for place, text in enumerate(texts[0]) if text)
    labels: set[int] = set()
    below: list[set[str]] = []
    lines: list[Sequence[str]] = []
    for (line, _), cells in zip(rows, texts, strict=True):
        if [place for place, text in enumerate(cells) if text] == [first] and not is_amount(cells[first]):
            if below and not below[-1]:
                return None  # headings of several levels
            labels.add(line)
            below.append(set())
        elif first < len(cells) and cells[first] and not is_date(cells[first]) and any(map(is_amount, cells)):
            below[-1].add(cells[first])
            lines.append(cells)
        else:
            return None
    if len(below) < _LEAST_LINES or not set.union(*(one & other for one, other in pairwise(below))):
        return None
    others = tuple(
        name
        for place, name in enumerate(header)
        if place != first and all(place < len(cells) and cells[place] for cells in lines)
    )
    return LabelRows((first,), frozenset(labels), others[:_MOST_CONDITIONS], is_beside_dates=True) if others else None


def _have_names(header: Sequence[str], lines: Sequence[Sequence[str]], places: Sequence[int]) -> bool:
    """Return whether lines have a text of their own in an unnamed column behind the labels, as those of a statement."""
    behind = [place for place, name in enumerate(header) if place > max(places) and name.startswith("(column ")]
    texts = [cells[place] for cells in lines for place in behind if place < len(cells) and cells[place]]
    return any(not (is_amount(text) or is_date(text)) for text in texts)


def _places(rows: Sequence[Sequence[str]]) -> tuple[int, ...]:
    """Return the columns of labels: those of the rows with a single text, unless lines have amounts in one of them."""
    alone = [cells for cells in rows if sum(map(bool, cells)) == 1]
    found = {next(position for position, text in enumerate(cells) if text) for cells in alone}
    first = next(position for position, text in enumerate(rows[0]) if text)
    is_of_lines = any(
        cells[place] for cells in rows if sum(map(bool, cells)) > 1 for place in found if place < len(cells)
    )
    return (first,) if is_of_lines else tuple(sorted(found))
