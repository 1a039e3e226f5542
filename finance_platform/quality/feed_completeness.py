"""Whether a feed has delivered everything that its descriptor promises: lines of every month, and every document.

Belongs here: the rules, pure, and the findings of a close. Does not belong here: reading lines (see
`refresh.completeness`), what is usual without a declaration (see `slices.completeness`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date
from itertools import pairwise
from typing import NamedTuple

from finance_platform.count_text import pluralize
from finance_platform.quality.gates import Finding
from finance_platform.safe_text import quote_name

_LAST_DIGITS_REVERSED = re.compile("([^0-9]*)([0-9]+)")
"""Of a text from its end, so that one pass finds them however long it is."""

_MAX_DIGITS = 18
"""Of a number; what has more is a hash, which does not count documents."""


class Document(NamedTuple):
    """A document number that was delivered.

    Attributes:
        text: as delivered.
        period: YYYY-MM, in which its line is booked.
        file: the object key.
        cycle: what the numbers begin anew in, such as 2025-03; empty if they never do.
    """

    text: str
    period: str
    file: str
    cycle: str = ""


class _Place(NamedTuple):
    """A number in its series, and what is around it in the text."""

    number: int
    document: Document
    before: str
    digits: str
    after: str


_Series = dict[tuple[str, str, str], dict[int, list[_Place]]]
"""By cycle, and what is before and after the number, folded: the documents by number."""

_LEAST_NUMBERS, _DENSE = 3, 2
"""Numbers before a year that are no chance, if every second one from the first to the last is there."""


class Gap(NamedTuple):
    """Numbers of a series that no line has.

    Attributes:
        first: the first missing number, as it would be written.
        last: the last one.
        size: how many they are.
        before: the document before them; None if they are the first ones of the series.
        after: the document after them.
        periods: the first and the last period that they may belong to.
    """

    first: str
    last: str
    size: int
    before: Document | None
    after: Document
    periods: tuple[str, str]


class MissingLines(NamedTuple):
    """A feed, or a department of it, without lines of a period in which it is expected.

    Attributes:
        feed: the feed.
        department: the code; empty if the feed has no lines at all.
        due: the day until which they were to come.
        path: the globs of the feed's files.
        owner: who answers for the feed; may be empty.
    """

    feed: str
    department: str
    due: date
    path: str
    owner: str


def has_number(text: str) -> bool:
    """Return whether a document number has digits, up to 18."""
    return _last_digits(text) is not None


def find_gaps(documents: Iterable[Document], first: int | None = None) -> Iterator[Gap]:
    """Yield the numbers that no document has, by series; a document without digits is left out.

    Numbers that differ in their leading zeros, or in case and white space around them, are the same. What is before and
    after the last digits makes the series, so `INV-1` and `CN-1` never follow each other. If these digits are the year
    alone, as in `INV-0042/2025`, the number is before it.

    Args:
        documents: every delivered document, in any order, once or several times.
        first: the number with which each series begins; None for its lowest one.
    """
    series: _Series = {}
    for document in documents:
        match = _last_digits(document.text)
        if match:
            _enter(series, document, *match)
    for _, by_number in sorted(_with_numbers_before_years(series).items()):
        yield from _gaps_of_series([by_number[number] for number in sorted(by_number)], first)


def _enter(series: _Series, document: Document, before: str, digits: str, after: str) -> None:
    name = document.cycle, _folded(before), _folded(after)
    place = _Place(int(digits), document, before, digits, after)
    series.setdefault(name, {}).setdefault(place.number, []).append(place)


def _with_numbers_before_years(series: _Series) -> _Series:
    """Return the series; of numbers such as INV-0042/2025, which would each be a series of years, those of 0042.

    Only where three numbers at least, half of those from the first to the last one, are before the year of their
    period, or the next one as of a fiscal year: `A1-2024` and `A1-2025` are two numbers of a series.
    """
    before_years: _Series = {}
    names: dict[tuple[str, str, str], set[tuple[str, str, str]]] = {}
    for name, by_number in series.items():
        places = [place for of_number in by_number.values() for place in of_number]
        if not all(map(_is_year, places)):
            continue
        for place in places:
            match = _last_digits(place.before)
            if match:
                before, digits, between = match
                after = f"{between}{place.digits}{place.after}"
                _enter(before_years, place.document, before, digits, after)
                names.setdefault((name[0], _folded(before), _folded(after)), set()).add(name)
    joined = {name: by_number for name, by_number in before_years.items() if _is_dense(by_number)}
    taken = {one for name in joined for one in names[name]}
    return {name: by_number for name, by_number in series.items() if name not in taken} | joined


def _is_year(place: _Place) -> bool:
    """Return whether the digits are the year of the document's period or the next one, of four digits or two."""
    year = int(place.document.period[:4])
    return place.digits in {text for one in (year, year + 1) for text in (str(one), f"{one % 100:02d}")}


def _is_dense(by_number: Mapping[int, object]) -> bool:
    span = max(by_number) - min(by_number) + 1
    return len(by_number) >= _LEAST_NUMBERS and _DENSE * len(by_number) >= span


def _gaps_of_series(numbers: Sequence[Sequence[_Place]], first: int | None) -> Iterator[Gap]:
    lowest = numbers[0][0]
    if first is not None and lowest.number > first:
        yield _gap(first, lowest.number - 1, (), numbers[0])
    for before, after in pairwise(numbers):
        if after[0].number > before[0].number + 1:
            yield _gap(before[0].number + 1, after[0].number - 1, before, after)


def _gap(first: int, last: int, before: Sequence[_Place], after: Sequence[_Place]) -> Gap:
    periods = [place.document.period for place in (*before, *after)]
    return Gap(
        _written(first, after[0]),
        _written(last, after[0]),
        last - first + 1,
        before[0].document if before else None,
        after[0].document,
        (min(periods), max(periods)),
    )


def _written(number: int, like: _Place) -> str:
    """Return a number as the one after the gap is written, with zeros before it if that has some."""
    width = len(like.digits) if like.digits.startswith("0") else 0
    return f"{like.before}{number:0{width}d}{like.after}"


def _last_digits(text: str) -> tuple[str, str, str] | None:
    """Return what is before the last digits of a text, they, and what is after them; None without a number."""
    match = _LAST_DIGITS_REVERSED.match(text[::-1])
    if match is None or len(match[2].rstrip("0")) > _MAX_DIGITS:
        return None
    return text[: len(text) - match.end()], match[2][::-1], match[1][::-1]


def _folded(text: str) -> str:
    return "".join(text.split()).casefold()


def report_gaps(feed: str, gaps: Iterable[Gap], period: str) -> list[Finding]:
    """Return the gaps that may belong to a period.

    Args:
        feed: the feed.
        gaps: of its document numbers.
        period: YYYY-MM.
    """
    return [Finding(_gap_text(feed, gap), _GAP_FIX) for gap in gaps if gap.periods[0] <= period <= gap.periods[1]]


_GAP_FIX = (
    "deliver the missing documents, or correct their rows if `finance-platform rejected` lists them; waive the gate if "
    "they were never issued"
)


def _gap_text(feed: str, gap: Gap) -> str:
    first, last = quote_name(gap.first), quote_name(gap.last)
    missing = f"document {first} is" if gap.size == 1 else f"{gap.size:,} documents, {first} to {last}, are"
    after = f"{quote_name(gap.after.text)} in {quote_name(gap.after.file)}"
    if gap.before is None:
        return f"feed {feed}: {missing} missing before {after}"
    before = f"{quote_name(gap.before.text)} in {quote_name(gap.before.file)}"
    return f"feed {feed}: {missing} missing between {before} and {after}"


def report_unnumbered(feed: str, lines: Mapping[str, int]) -> list[Finding]:
    """Return the files with lines of a period that have no document number; `lines` has their number by file."""
    return [
        Finding(
            f"feed {feed}: {pluralize(count, 'line')} of {quote_name(file)} without a document number",
            "correct the file and send it again, or remove `document_numbers` from the descriptor",
        )
        for file, count in sorted(lines.items())
    ]


def report_missing_lines(missing: Iterable[MissingLines], period: str, today: date) -> list[Finding]:
    """Return the feeds and departments without the lines of a period that a descriptor promises.

    Args:
        missing: the feeds and departments.
        period: YYYY-MM.
        today: the day of the close, UTC.
    """
    return [
        Finding(
            f"feed {one.feed} has no line of {f'department {quote_name(one.department)} in ' if one.department else ''}"
            f"{period}, {'was' if one.due < today else 'is'} due on {one.due.isoformat()}",
            f"ask {one.owner or 'the owner of the feed'} for the file {one.path}, or change the feed's `expect`",
        )
        for one in sorted(missing)
    ]
