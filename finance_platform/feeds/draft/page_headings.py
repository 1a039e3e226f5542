"""Headings above each repetition of a header: the cost centre of each block of a report, the account of each page.

Belongs here: finding them, and the rules that read them. Does not belong here: labels among the lines below one header
(see `label_rows`).

The first heading is above the first header, where the reader looks for no rows. So a draft of such a file declares the
names of the columns, reads every row, and leaves the headers out.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, takewhile
from typing import Any

from finance_platform.feeds.doubts.unread_column import escape
from finance_platform.feeds.draft.period_columns import read_scenario
from finance_platform.feeds.draft.values import clean_text, is_amount
from finance_platform.feeds.values.header_words import WORDS, plain_name, rank

Row = tuple[int, list[str]]

_FIELDS = ("department", "account")
_LEAST_WORD, _MOST_TEXTS, _MOST_CHARACTERS = 4, 3, 150
"""Letters of a word that a heading begins with, cells of a heading, and characters of one pattern."""

_WORDS_OF_KEY = 2
"""Words by which a row is known whose others differ from page to page: Person Responsible."""


@dataclass(frozen=True)
class PageHeadings:
    """What the headings of a file say of the lines below each.

    Attributes:
        field: the field that they give.
        column: the column of their text, from 0.
        source: the column of the field's text; another one if a cell of its own has it.
        pattern: the regular expression of these headings.
        split: the key of the field that takes its part of the text, or maps it; empty if it is the whole one.
        lines: all rows above headers, these headings among them.
        others: column and pattern of the rules that claim the other ones.
    """

    field: str
    column: int
    source: int
    pattern: str
    split: dict[str, Any]
    lines: frozenset[int]
    others: tuple[tuple[int, str], ...]


def find_page_headings(
    header: Sequence[str], rows: Sequence[Row], headers: Sequence[int], others: Collection[int]
) -> PageHeadings | None:
    """Return the headings of a file; None if it has none, or if a column gives the field.

    Args:
        header: the columns' names.
        rows: all rows, those above the header included.
        headers: the rows that are headers, the first one and its repetitions.
        others: the rows that are totals, or no data for another reason.
    """
    if len(headers) < len(_FIELDS):
        return None
    ends = {*headers, *others}
    first = _rows_above(rows, headers[0], ends)
    blocks = [first, *(_rows_above(rows, line, ends, like=first) for line in headers[1:])]
    if scenarios := _read_scenarios(blocks):
        return _complete(scenarios, [row for block in blocks for row in block])
    for field in _FIELDS:
        found = [[row for row in block if _names(field, row[1])] for block in blocks]
        # A title may begin with the same words, and is further above.
        if all(found) and _is_said_better(field, _texts(found[0][0][1])[0][1], header):
            headings = _read_headings(field, [one[0] for one in found])
            return headings and _complete(headings, [row for block in blocks for row in block])
    return None


def _is_said_better(field: str, heading: str, header: Sequence[str]) -> bool:
    """Return whether no column gives a field, or one whose name says it less well than a heading: `N/C`, `Account`."""
    columns = [place for name in header if (place := rank(field, name)) is not None]
    place = rank(field, heading)
    return not columns or (place is not None and place < min(columns))


def _read_scenarios(blocks: Sequence[Sequence[Row]]) -> PageHeadings | None:
    """Return the headings of tables below each other, each of which is of a scenario of its own."""
    texts = [_texts(block[0][1]) for block in blocks if block]
    names = {one[0][1]: read_scenario(one[0][1]) for one in texts if len(one) == 1}
    columns = {one[0][0] for one in texts}
    is_each = len(texts) == len(blocks) == len(names) == len(set(names.values())) and len(columns) == 1
    if not is_each or not all(names.values()):
        return None
    pattern = f"^({'|'.join(map(escape, names))})$"
    return PageHeadings("scenario", min(columns), min(columns), pattern, {"map": names}, frozenset(), ())


def _rows_above(rows: Sequence[Row], line: int, ends: Collection[int], like: Sequence[Row] | None = None) -> list[Row]:
    """Return the rows with few texts directly above a header; rows that rule lines off are none.

    Args:
        rows: all rows.
        line: the header.
        ends: rows that are headers, totals, or no data for another reason.
        like: the rows above the first header, which has no lines above it; None for this one. A row above another
            header that is like none of them is a line.
    """
    above: list[Row] = []
    for number, cells in reversed([row for row in rows if row[0] < line]):
        texts = _texts(cells)
        if number in ends or (len(texts) > _MOST_TEXTS and not is_labelled_heading(cells)):
            break
        if any(character.isalnum() for _, text in texts for character in text):
            if like is not None and not _is_like_one(texts, [_texts(one) for _, one in like]):
                break
            above.append((number, cells))
    return above


def _is_like_one(texts: Sequence[tuple[int, str]], others: Sequence[Sequence[tuple[int, str]]]) -> bool:
    """Return whether a row begins as one of some others does: with an amount behind it, with the same text."""
    first = texts[0][1]
    if any(is_amount(text) for _, text in texts[1:]):
        return first in {one[0][1] for one in others}
    is_scenario = len(texts) == 1 and read_scenario(first) != ""
    return is_scenario or first.split()[0] in {one[0][1].split()[0] for one in others}


def is_labelled_heading(cells: Sequence[str]) -> bool:
    """Return whether a row names a field with a colon and gives its text: `N/C: | 7100 | Name: | Rent`.

    It may have as many cells as a header, and a balance among them.
    """
    texts = _texts(cells)
    is_labelled = len(texts) > 1 and texts[0][1].endswith(":") and not texts[1][1].endswith(":")
    return is_labelled and any(_names(field, cells) for field in _FIELDS)


def _texts(cells: Sequence[str]) -> list[tuple[int, str]]:
    return [(place, text) for place, cell in enumerate(cells) if (text := clean_text(cell))]


def _names(field: str, cells: Sequence[str]) -> bool:
    texts = _texts(cells)
    plain = plain_name(texts[0][1])
    words = [word for word in WORDS[field] if len(word) >= _LEAST_WORD or " " in word]
    return any(plain.startswith(f"{word} ") for word in words) or (len(texts) > 1 and plain in words)


def _read_headings(field: str, rows: Sequence[Row]) -> PageHeadings | None:
    texts = [_texts(cells) for _, cells in rows]
    columns = {one[0][0] for one in texts}
    if len(columns) != 1:
        return None
    firsts = [one[0][1] for one in texts]
    if all(len(one) > 1 for one in texts):
        sources = {one[1][0] for one in texts}
        is_same = len(set(firsts)) == 1 and len(sources) == 1
        name, split = firsts[0], {}
        source = sources.pop() if is_same else -1
    else:
        name, source = _common_words(firsts), next(iter(columns))
        numbers = {_number_of_part(cells[source].strip(), len(name.split())) for _, cells in rows}
        split = {"part": {"split": " ", "number": min(numbers)}}
        source = source if name and len(numbers) == 1 and min(numbers) else -1
        if source >= 0 and not _have_codes(field, firsts, name):
            name, split = _name_in_words(field, name)
    if source < 0:
        return None
    return PageHeadings(field, columns.pop(), source, f"^{escape(name)}", split, frozenset(), ())


def _common_words(texts: Sequence[str]) -> str:
    """Return the words that all texts begin with; empty if all of them are one text."""
    places = zip(*(text.split() for text in texts), strict=False)
    words = takewhile(lambda one: len(set(one)) == 1, places)
    return " ".join(one[0] for one in words) if len(set(texts)) > 1 else ""


def _have_codes(field: str, texts: Sequence[str], name: str) -> bool:
    """Return whether a code follows the words that all texts begin with, or one word those of the field."""
    rests = [text.split()[len(name.split()) :] for text in texts]
    is_single = plain_name(name) in WORDS[field] and all(len(rest) == 1 for rest in rests)
    return is_single or all(any(map(str.isdigit, rest[0])) for rest in rests)


def _name_in_words(field: str, name: str) -> tuple[str, dict[str, Any]]:
    """Return the words of headings that say the field, and the key that takes what follows them, of several words.

    Behind a colon, that is the rest. Otherwise, the field is the whole text: one word of it would join departments.
    """
    words = name.split()
    begins = [" ".join(words[:count]) for count in range(1, len(words) + 1)]
    name = next((begin for begin in begins if plain_name(begin) in WORDS[field]), name)
    return name, {"part": {"split": ":", "number": 2}} if name.endswith(":") and name.count(":") == 1 else {}


def _number_of_part(text: str, words: int) -> int:
    """Return the number of the part of a text that follows so many words, each blank being between two; 0 for none."""
    filled = [number for number, part in enumerate(text.split(" "), start=1) if part]
    return filled[words] if len(filled) > words else 0


def _complete(headings: PageHeadings, rows: Sequence[Row]) -> PageHeadings:
    """Return headings with the rules of the rows beside them, which are no data either."""
    keys: dict[int, list[str]] = {}
    for _, cells in rows:
        place, text = _texts(cells)[0]
        words = takewhile(lambda word: word.replace(":", "").isalpha(), text.split())
        key = " ".join(islice(words, _WORDS_OF_KEY))
        if place != headings.column or not re.search(headings.pattern, text):
            is_begin = len(key) >= _LEAST_WORD and key != text
            # Of a whole text, a line may have the beginning: Sales returns, below the title Sales.
            keys.setdefault(place, []).append(escape(key) if is_begin else f"{escape(text)}$")
    others = tuple((place, pattern) for place, names in keys.items() for pattern in _patterns(names))
    lines = frozenset(line for line, _ in rows)
    return PageHeadings(
        headings.field, headings.column, headings.source, headings.pattern, headings.split, lines, others
    )


def _patterns(names: Sequence[str]) -> Iterator[str]:
    """Yield patterns that together match every text that one of some patterns matches from its beginning."""
    part: list[str] = []
    for name in dict.fromkeys(names):
        if part and sum(map(len, part)) + len(name) > _MOST_CHARACTERS:
            yield f"^({'|'.join(part)})"
            part = []
        part.append(name)
    if part:
        yield f"^({'|'.join(part)})"
