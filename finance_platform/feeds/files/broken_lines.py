"""Lines that are missing or not whole: a quote that is never closed hides some, or a file ends where it was cut off.

Belongs here: judging what a reader noticed, once the last line is typed, and the words that hold the delivery.
Does not belong here: cutting bytes into cells, a quote that hides the whole rest of a file (see `delimited_file`).

Both were read in silence: half an amount is an amount, and what a quote hides is the text of another line.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from finance_platform.count_text import pluralize
from finance_platform.feeds.cells import FieldSource, RawBatch
from finance_platform.feeds.values.codes import clean
from finance_platform.feeds.values.header_words import WORDS, plain_name
from finance_platform.feeds.violations import ACCEPTED

_LEAST_OTHERS = 10
"""Amounts before the last one that have the same number of decimals, so that another number is no chance."""

_MOST_OTHERS = 1_000

_MOST_ROWS = {65_536: "xls", 1_048_576: "xlsx"}

_SPLIT = (
    (re.compile(r"\s*[-+(]?[0-9]{1,3}\s*"), re.compile(r"\s*[0-9]{3}(?:\.[0-9]+)?\)?\s*")),
    (re.compile(r"\s*[-+(]?[0-9]+(?:[. ][0-9]{3})*\s*"), re.compile(r"\s*[0-9]{2}\)?\s*")),
)
"""The two cells of an amount whose mark is the delimiter: `1,234.50` and `1234,50`."""


@dataclass(frozen=True)
class FileEnd:
    """What a reader noticed about the lines of a text file.

    Attributes:
        has_break: whether the last line is ended like the others.
        is_short: whether the last row lacks cells that every row before it has.
        hidden: lines within cells, with their numbers, that have several cells themselves.
        longer: rows with blank cells beyond the header, and their numbers.
        lacking: how many of the last columns of a file without a header no row has a cell in.
        delimiter: between two cells.
    """

    has_break: bool = True
    is_short: bool = False
    hidden: tuple[tuple[int, tuple[str, ...]], ...] = ()
    longer: tuple[tuple[int, tuple[str, ...]], ...] = ()
    lacking: int = 0
    delimiter: str = ""


def find_doubts(
    end: FileEnd,
    header: Sequence[str],
    sources: Mapping[str, FieldSource],
    last: tuple[RawBatch, Mapping[str, pa.Array]] | None,
    type_rows: Callable[[RawBatch], Mapping[str, pa.Array]],
) -> dict[str, str]:
    """Return why a person must decide whether a table may count, with what to do about it.

    Args:
        end: what the reader noticed.
        header: of the table.
        sources: where the fields of its lines come from.
        last: its last rows, with their typed columns; None if it has none.
        type_rows: types rows as the table's own are.
    """
    doubts = _cut_off(end, header, sources, last) | _at_limit(last) | _hidden(end, header, type_rows)
    return doubts | _split_amounts(end, header, sources) | _other_columns(end, header, last)


def _at_limit(last: tuple[RawBatch, Mapping[str, pa.Array]] | None) -> dict[str, str]:
    """Return that a table ends in the last row that a sheet can have, also once it was saved as text."""
    batch = last[0] if last else None
    row = batch.source_rows[-1].as_py() if batch is not None and len(batch) else 0
    if batch is None or row not in _MOST_ROWS:
        return {}
    return {
        f"the last row is {row:,}, the most that a sheet of {_MOST_ROWS[row]} has, so rows after it may be missing": (
            "compare the total of the file with its source, and export it again as CSV or in several files; if it is "
            "complete, accept the file"
        )
    }


def _other_columns(
    end: FileEnd, header: Sequence[str], last: tuple[RawBatch, Mapping[str, pa.Array]] | None
) -> dict[str, str]:
    """Return that a file without a header has fewer columns than it is declared to have; which one is unknown."""
    if not end.lacking or last is None or ACCEPTED not in last[1]["outcome"].to_pylist():
        return {}
    width, most = len(header), len(header) - end.lacking
    return {
        f"no row has more than {pluralize(most, 'cell')}, and dialect.names has {width} columns: one may be missing in "
        "the file, and those behind it be read as others": (
            "compare a row with dialect.names in the descriptor: send the file with all columns, or with a descriptor "
            f"of its own; if it is {clean(header[-1])!r} that the file lacks, accept it"
        )
    }


def _cut_off(
    end: FileEnd,
    header: Sequence[str],
    sources: Mapping[str, FieldSource],
    last: tuple[RawBatch, Mapping[str, pa.Array]] | None,
) -> dict[str, str]:
    if end.has_break or last is None or not len(last[0]):
        return {}
    batch, columns = last
    at_end = len(batch) - 1
    if columns["outcome"][at_end].as_py() != ACCEPTED:
        return {}
    if end.is_short:
        why = "lacks cells that every line before it has"
    elif shorter := _shorter_amount(header, sources, batch):
        why = f"ends with the amount {shorter!r}, which has fewer decimals than every one before it"
    else:
        return {}
    return {
        f"{batch.place(at_end)}, the last one, {why}, and nothing ends the line: the file may be cut off there": (
            "compare its last line with the source, and send the file again if it was cut off; if it is whole, accept "
            "it"
        )
    }


def _shorter_amount(header: Sequence[str], sources: Mapping[str, FieldSource], batch: RawBatch) -> str | None:
    """Return the amount that ends the file, if it has fewer decimals than those before it; None if not."""
    amount = sources["amount"]
    if amount.headers != (header[-1],) or amount.template is not None:
        return None
    *others, last = [
        (text or "").strip() for text in batch.columns[header[-1]].slice(max(0, len(batch) - _MOST_OTHERS)).to_pylist()
    ]
    decimals = {_decimals(text, amount.rule.decimal) for text in others if text}
    if len(others) < _LEAST_OTHERS or len(decimals) != 1:
        return None
    return last if _decimals(last, amount.rule.decimal) < decimals.pop() else None


def _decimals(text: str, mark: str) -> int:
    """Return how many digits follow the decimal mark; a minus, a bracket or a currency behind them is none."""
    return sum(character.isdigit() for character in text.rpartition(mark)[2]) if mark in text else 0


def _hidden(
    end: FileEnd, header: Sequence[str], type_rows: Callable[[RawBatch], Mapping[str, pa.Array]]
) -> dict[str, str]:
    """Return why a quote may hide lines: some within a cell would be lines of the table."""
    if not end.hidden:
        return {}
    width = len(header)
    rows = [(number, [*cells, *[""] * width][:width]) for number, cells in end.hidden if len(cells) <= width]
    if not rows:
        return {}
    texts = zip(*(cells for _, cells in rows), strict=True)
    batch = RawBatch(
        {name: pa.array(column, pa.string()) for name, column in zip(header, texts, strict=True)},
        pa.array([number for number, _ in rows], pa.int64()),
        pa.nulls(len(rows), pa.string()),
    )
    columns = type_rows(batch)
    found = [row for row, outcome in enumerate(columns["outcome"].to_pylist()) if outcome == ACCEPTED]
    if not found:
        return {}
    first = batch.place(found[0])
    lines = "1 line is" if len(found) == 1 else f"{len(found):,} lines are"
    return {
        f"{lines} within a cell, the first on {first}, because a quote before it is not closed where its cell ends; "
        "they were read as a text": (
            "close or remove the quote; if quotes are plain text, set dialect.quote to a character not in the file; if "
            "they are part of the text, accept the file"
        )
    }


def _split_amounts(end: FileEnd, header: Sequence[str], sources: Mapping[str, FieldSource]) -> dict[str, str]:
    """Return why amounts may be cut in two: rows have a cell more than the header, and a text is the end of an amount.

    A number beside an amount may be a quantity, so the column must be called a text.
    """
    width = len(header)
    rows = [(number, cells) for number, cells in end.longer if not any(cell.strip() for cell in cells[width:])]
    texts = {*WORDS["description"]}
    places = [
        place
        for place, name in enumerate(header[:-1])
        if name in sources["amount"].headers and plain_name(header[place + 1]) in texts
    ]
    if not rows or not places or end.delimiter != ",":
        return {}
    split = [
        (number, f"{cells[place].strip()},{cells[place + 1].strip()}")
        for number, cells in rows
        for place in places
        if any(one.fullmatch(cells[place]) and rest.fullmatch(cells[place + 1]) for one, rest in _SPLIT)
    ]
    if len(split) < len(rows):
        return {}
    number, amount = split[0]
    count = "1 row has" if len(rows) == 1 else f"{len(rows):,} rows have"
    return {
        f"{count} a cell more than the header, and the delimiter seems to have cut amounts in two, first {amount!r} on "
        f"line {number}": (
            "send the file with amounts in quotes, or with another delimiter; if every amount is right, accept the file"
        )
    }
