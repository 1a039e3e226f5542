"""Rows of a sample that print a total: by a word that says so, or because they are the sum of the rows above.

Belongs here: finding them, and the condition of `control_total` that claims them. Does not belong here: totals of files
that have a descriptor (see `feeds.doubts.printed_totals`, `feeds.doubts.unclaimed_totals`).
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from finance_platform.feeds.draft.values import guess_amounts, is_amount
from finance_platform.feeds.values.amounts import read_amount
from finance_platform.feeds.values.header_words import rank

Row = tuple[int, list[str]]

_OF_CODES = ("account", "department", "number", "code", "year", "period")

_RESULT = r"(?:overall )?result|ergebnis|r[eé]sultat(?: global)?|resultado(?: total)?"
_TOTAL = re.compile(
    r"(?:grand |overall |report |sub ?-?|sous-)?totals?(?: g[eé]n[eé]ral| geral)?\b|(?:gesamt|zwischen)?summe\b"
    r"|gesamt(?:ergebnis)?\b|somme\b|totale(?: generale)?\b|(?:algemeen )?totaal(?: generaal)?\b|suma\b"
    rf"|(?:{_RESULT})$",
    re.IGNORECASE,
)
_STARS = re.compile(r"(\*{1,5}|\*[0-9]{1,2}\*)(?: .*)?")
"""How SAP marks sums in a list: one star for the first level, two for the next; or the level of a structure, *3*."""

TOTAL_ENDING = " (total|ergebnis|summe|totale|totaal|result|r.sultat|resultado)$"
"""How the totals end that spreadsheets and SAP insert below groups of rows: `D1 Total`, `6110 Result`."""

_ENDS = re.compile(f"[^ ].*{TOTAL_ENDING}", re.IGNORECASE)

_SUBTOTALS = ("sub", "zwischen", "sous")
_MIN_ROWS = 2
"""Rows above a total without a word: one row above an equal one is more likely two equal lines."""


@dataclass(frozen=True)
class TotalRow:
    """A row with a total.

    Attributes:
        column: the column that distinguishes it from lines.
        pattern: the regular expression that its cell there matches.
        is_subtotal: whether its word says that it is not the last level.
        is_like_others: whether the patterns of inner levels match it too, so that its rule has to precede theirs.
    """

    column: str
    pattern: str
    is_subtotal: bool = False
    is_like_others: bool = False


def is_named_total(cells: Sequence[str]) -> bool:
    """Return whether a row has a cell that begins with a word of totals or with their stars, and an amount."""
    texts = [cell.strip() for cell in cells if cell.strip()]
    return any(_TOTAL.match(text) or _STARS.fullmatch(text) for text in texts) and any(map(is_amount, texts))


def find_totals(header: Sequence[str], rows: Sequence[Row], usual: int) -> dict[int, TotalRow]:
    """Return the rows that print a total, by line.

    Args:
        header: the columns' names.
        rows: the rows below the header that are not blank.
        usual: the usual number of cells that are not blank.
    """
    totals = _find_named(header, rows, usual)
    return totals or _find_unnamed(header, rows)


def grand_total(rows: Sequence[Row], totals: Collection[int]) -> set[int]:
    """Return the line of the last total, if it says nothing but that it is one; else none."""
    last = max(totals, default=0)
    cells = next((cells for line, cells in rows if line == last), [])
    return {last} if any(_TOTAL.fullmatch(cell.strip()) for cell in cells) else set()


def subtotals_tie(header: Sequence[str], rows: Sequence[Row], totals: Collection[int]) -> bool:
    """Return whether each total, but for a last one, is the sum of the lines since the one before it, in a column.

    Args:
        header: the columns' names.
        rows: the rows below the header that are not blank.
        totals: the lines of the totals.
    """
    marks = marks_by_place(header, rows)
    sums: dict[int, Decimal] = {}
    for line, cells in rows:
        values = values_by_place(cells, marks)
        if line not in totals:
            for position, value in values.items():
                sums[position] = sums.get(position, Decimal(0)) + value
        elif not any(value == sums.get(position) for position, value in values.items()) and line != max(totals):
            return False
        else:
            sums = {}
    return True


def _find_named(header: Sequence[str], rows: Sequence[Row], usual: int) -> dict[int, TotalRow]:
    """Return the rows in which a cell says only that they are a total, or that have such a cell and lack others."""
    totals: dict[int, TotalRow] = {}
    bare: dict[int, str] = {}
    for line, cells in rows:
        filled = sum(bool(cell.strip()) for cell in cells)
        word = next(
            ((position, match[0]) for position, cell in enumerate(cells) if (match := _TOTAL.match(cell.strip()))), None
        )
        is_total = word is not None and (filled < usual or _is_bare_word(cells[word[0]]))
        if word and is_total and any(is_amount(cell) for cell in cells) and word[0] < len(header):
            text = word[1].lower()
            pattern = f"(?i)^{re.sub('[^a-z ]', '.', text)}"
            totals[line] = TotalRow(header[word[0]], pattern, text.startswith(_SUBTOTALS))
            if _is_bare_word(cells[word[0]]):
                bare[line] = cells[word[0]].strip()
    totals = _without_bookings(header, rows, usual, totals)
    bare = {line: text for line, text in bare.items() if line in totals}
    totals = _without_lines(header, rows, totals, bare) | _find_starred(header, rows)
    totals = _with_grand_total(totals | _find_endings(header, rows, usual, totals), bare)
    return _with_total_of_groups(header, rows, totals)


def _without_bookings(
    header: Sequence[str], rows: Sequence[Row], usual: int, totals: dict[int, TotalRow]
) -> dict[int, TotalRow]:
    """Return totals without those that are bookings whose text is such a word, or whose supplier is called Total.

    They have a text in each column in which all lines have one, and are not the sum of lines above them.
    """
    texts = {name for name in header if rank("description", name) is not None}
    if not any(row.column in texts for row in totals.values()):
        return totals
    filled = {line: {place for place, cell in enumerate(cells) if cell.strip()} for line, cells in rows}
    lines = [places for line, places in filled.items() if line not in totals and len(places) >= usual]
    always = set.intersection(*lines) if lines else set()
    marks = marks_of_amounts(header, rows)
    sums: dict[int, Decimal] = defaultdict(Decimal)
    of_all: dict[int, Decimal] = defaultdict(Decimal)
    kept: dict[int, TotalRow] = {}
    count = 0
    for line, cells in rows:
        values = {place: value for place, value in values_by_place(cells, marks).items() if value}
        is_booking = line not in totals
        if not is_booking and totals[line].column in texts and always and always <= filled[line]:
            is_sum = any(value in {sums[place], of_all[place]} for place, value in values.items())
            is_booking = count < _MIN_ROWS or not is_sum
        if not is_booking:
            kept[line] = totals[line]
            sums.clear()
            continue
        count += 1
        for place, value in values.items():
            sums[place] += value
            of_all[place] += value
    return kept


def _without_lines(
    header: Sequence[str], rows: Sequence[Row], totals: Mapping[int, TotalRow], bare: Mapping[int, str]
) -> dict[int, TotalRow]:
    """Return totals whose patterns match no line, such as `Total` beside `Total Energies`.

    Lines of the next file may begin with the word of a result, too.
    """
    named = {(row.column, row.pattern) for line, row in totals.items() if line not in bare}
    lines = [dict(zip(header, map(str.strip, cells), strict=False)) for line, cells in rows if line not in totals]
    ends = {
        (row.column, row.pattern)
        for line, row in totals.items()
        if re.fullmatch(_RESULT, bare.get(line, ""), re.IGNORECASE)
        or any(re.search(row.pattern, cells.get(row.column, "")) for cells in lines)
    } - named
    return {
        line: replace(row, pattern=f"{row.pattern}[ :]*$") if (row.column, row.pattern) in ends else row
        for line, row in totals.items()
    }


def _is_bare_word(cell: str) -> bool:
    """Return whether a cell says only that its row is a total."""
    return _TOTAL.fullmatch(cell.strip().rstrip(" :")) is not None


def _find_endings(
    header: Sequence[str], rows: Sequence[Row], usual: int, totals: Collection[int]
) -> dict[int, TotalRow]:
    """Return the rows whose text ends with a word of totals, and that lack a cell that lines have."""
    found: dict[int, tuple[int, set[int]]] = {}
    filled: list[set[int]] = []
    for line, cells in rows:
        texts = {position: cell.strip() for position, cell in enumerate(cells[: len(header)]) if cell.strip()}
        if line in totals:
            continue
        ends = [position for position, text in texts.items() if _ENDS.match(text)]
        if ends and any(map(is_amount, texts.values())):
            found[line] = (ends[0], set(texts))
        else:
            filled.append(set(texts))
    # Lines may have as many cells as a total, if a label is on the first line of its block alone.
    always = set.intersection(*filled) if filled else set()
    return {
        line: TotalRow(header[position], f"(?i){TOTAL_ENDING}", is_subtotal=True)
        for line, (position, places) in found.items()
        if len(places) < usual or always - places
    }


def _find_starred(header: Sequence[str], rows: Sequence[Row]) -> dict[int, TotalRow]:
    found: dict[int, tuple[str, str]] = {}
    for line, cells in rows:
        stars = [
            (name, match[1])
            for name, cell in zip(header, cells, strict=False)
            if (match := _STARS.fullmatch(cell.strip()))
        ]
        if stars and any(map(is_amount, cells)):
            found[line] = stars[0]
    last = max(map(_level, (mark for _, mark in found.values())), default=0)
    return {
        line: TotalRow(name, rf"^{re.escape(mark)}( |$)", is_subtotal=_level(mark) < last)
        for line, (name, mark) in found.items()
    }


def _level(mark: str) -> int:
    """Return the level of a sum, the inner ones less: *** is above *, and *2* above *3*."""
    number = mark.strip("*")
    return -int(number) if number else len(mark)


def _with_grand_total(totals: dict[int, TotalRow], bare: Mapping[int, str]) -> dict[int, TotalRow]:
    """Return totals, the last one apart if it alone says nothing but that it is one: `Total` below `Total - 6110`.

    The pattern of others may match its words too: `Total général` below `Total 6110`.

    Args:
        totals: the totals, by line.
        bare: the text of those that say nothing but that they are totals.
    """
    last = max(totals, default=None)
    if last is None or last not in bare:
        return totals
    row = totals[last]
    alike = {
        line
        for line, one in totals.items()
        if one.column == row.column and one.pattern != row.pattern and re.search(one.pattern, bare[last])
    }
    if alike:
        inner = {line: replace(totals[line], is_subtotal=True) for line in alike}
        return totals | inner | {last: replace(row, is_like_others=True)}
    if len(bare) > 1:
        return totals
    others = {line for line, one in totals.items() if one == row and line != last}
    named = {line: replace(totals[line], pattern=f"{row.pattern}.", is_subtotal=True) for line in others}
    return totals | named | ({last: replace(row, pattern=f"{row.pattern}$")} if others else {})


def _with_total_of_groups(
    header: Sequence[str], rows: Sequence[Row], totals: dict[int, TotalRow]
) -> dict[int, TotalRow]:
    """Return totals, the last one apart if it is called as those of groups are, and follows one: `All, Total`.

    Another text of its own distinguishes it.
    """
    lines = [line for line, _ in rows]
    last = max(totals, default=0)
    if len(totals) <= _MIN_ROWS or len(set(totals.values())) > 1 or last != lines[-1] or lines[-2] not in totals:
        return totals
    others = [cells for line, cells in rows if line != last]
    for place, cell in enumerate(rows[-1][1][: len(header)]):
        text = cell.strip()
        is_own = all(place >= len(cells) or cells[place].strip() != text for cells in others)
        if text and is_own and not is_amount(text) and header[place] != totals[last].column:
            return totals | {last: TotalRow(header[place], f"^{re.escape(text)}$", is_like_others=True)}
    return totals


def _find_unnamed(header: Sequence[str], rows: Sequence[Row]) -> dict[int, TotalRow]:
    """Return the rows that have amounts alone, each the sum of the rows since the last of them."""
    found = _sums_without_names(header, rows)
    return {} if found is None or found.has_levels else dict.fromkeys(found.lines, TotalRow(found.columns[0], "^$"))


def find_unnamed_levels(header: Sequence[str], rows: Sequence[Row]) -> tuple[list[str], list[int]] | None:
    """Return the columns that are blank in totals of two levels without a name, and their lines; None without such.

    No rule of a total could tell the last of them, which adds up all lines, from those of groups.

    Args:
        header: the columns' names.
        rows: the rows below the header that are not blank.
    """
    found = _sums_without_names(header, rows)
    return (found.columns, found.lines) if found and found.has_levels else None


@dataclass(frozen=True)
class _Unnamed:
    """Rows that have amounts alone, and add up others.

    Attributes:
        columns: those in which they have no text and each line has one.
        lines: of the rows.
        has_levels: whether each but the last is the sum of the rows since the one before it, and the last that of all.
    """

    columns: list[str]
    lines: list[int]
    has_levels: bool


def _sums_without_names(header: Sequence[str], rows: Sequence[Row]) -> _Unnamed | None:
    same = _same_texts(rows)
    bare = {line: cells for line, cells in rows if _is_bare(cells, same)}
    lines = [cells for line, cells in rows if line not in bare]
    labels = [name for position, name in enumerate(header) if _is_label(position, lines, bare)]
    if not bare or not labels:
        return None
    marks = marks_by_place(header, rows)
    sums: dict[int, Decimal] = defaultdict(Decimal)
    of_all: dict[int, Decimal] = defaultdict(Decimal)
    count = 0
    for line, cells in rows:
        values = values_by_place(cells, marks)
        if line not in bare:
            count += 1
            for position, value in values.items():
                sums[position] += value
                of_all[position] += value
            continue
        if not count and line == rows[-1][0] and len(bare) > _MIN_ROWS and _adds_up(values, of_all):
            return _Unnamed(labels, list(bare), has_levels=True)
        if count < _MIN_ROWS or not _adds_up(values, sums):
            return None
        sums, count = defaultdict(Decimal), 0
    return _Unnamed(labels, list(bare), has_levels=False)


def _adds_up(values: Mapping[int, Decimal], sums: Mapping[int, Decimal]) -> bool:
    return all(value == sums.get(position) for position, value in values.items())


def _is_bare(cells: Sequence[str], same: Mapping[int, str]) -> bool:
    """Return whether cells that are not blank are amounts, or the text of every row, and others are blank."""
    filled = {place: cell.strip() for place, cell in enumerate(cells) if cell.strip()}
    if len(filled) == len(cells) or not all(
        same.get(place) == text or is_amount(text) for place, text in filled.items()
    ):
        return False
    return any(map(is_amount, filled.values()))


def _same_texts(rows: Sequence[Row]) -> dict[int, str]:
    """Return the text of each column that has the same one in every row, such as the currency beside amounts."""
    width = max((len(cells) for _, cells in rows), default=0)
    texts = {place: {cells[place].strip() for _, cells in rows if place < len(cells)} for place in range(width)}
    return {place: next(iter(found)) for place, found in texts.items() if len(found) == 1 and len(rows) > _MIN_ROWS}


def _is_label(position: int, lines: Sequence[Sequence[str]], bare: Mapping[int, Sequence[str]]) -> bool:
    """Return whether each line has a text in a column and each of the other rows has none."""

    def text(cells: Sequence[str]) -> str:
        return cells[position].strip() if position < len(cells) else ""

    return all(map(text, lines)) and not any(map(text, bare.values()))


def marks_by_place(header: Sequence[str], rows: Sequence[Row]) -> dict[int, tuple[str, str | None]]:
    """Return the marks of each column that is an amount."""
    marks = {}
    for position in range(len(header)):
        texts = [cells[position].strip() for _, cells in rows if position < len(cells) and cells[position].strip()]
        guess = guess_amounts(texts)
        if guess is not None:
            marks[position] = guess.decimal, guess.thousands
    return marks


def marks_of_amounts(header: Sequence[str], rows: Sequence[Row]) -> dict[int, tuple[str, str | None]]:
    """Return the marks of each column that is an amount by its name too: 6000 is a number, and an account."""
    marks = marks_by_place(header, rows)
    return {
        place: one for place, one in marks.items() if all(rank(field, header[place]) is None for field in _OF_CODES)
    }


def values_by_place(cells: Sequence[str], marks: Mapping[int, tuple[str, str | None]]) -> dict[int, Decimal]:
    """Return the amounts of a row, by column."""
    values = {}
    for position, pair in marks.items():
        written = read_amount(cells[position].strip(), *pair) if position < len(cells) else None
        if written is not None:
            values[position] = written.value
    return values
