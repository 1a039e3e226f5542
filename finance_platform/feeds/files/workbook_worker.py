"""The process that parses one workbook, so that no file can take the memory or the life of the process that reads it.

Belongs here: python-calamine, and the text of its cells. Does not belong here: which sheets are read, and what their
rows mean (see `workbook`); starting and limiting it (see `workbook_process`).

It imports little, because it is started for every workbook. Its argument is the file descriptor of the workbook. Each
line of standard input is a request; it answers with frames, each a length of 8 bytes and values of `marshal`, which the
parent reads with the same Python.
"""

from __future__ import annotations

import contextlib
import datetime
import marshal
import os
import resource
import select
import sys
from collections.abc import Callable, Iterator
from decimal import Decimal
from itertools import islice
from typing import Any

import python_calamine

_VISIBLE, _WORKSHEET = python_calamine.SheetVisibleEnum.Visible, python_calamine.SheetTypeEnum.WorkSheet
_BATCH_ROWS = 20_000
_MIDNIGHT = datetime.time()
_EXACT = 1e15
"""Whole numbers below it have at most 15 digits."""
_long_numbers: set[str] = set()
"""The texts of the longer ones in the rows that are being sent."""
_three_decimals: set[str] = set()
"""The texts of numbers such as 1.234 in one column of them, which would mean 1234 as a text of some countries."""
_LONGEST = len("-999.999")


def main() -> None:
    """Answer requests until standard input ends: first the limits, then the number of a sheet for each."""
    memory, seconds, max_cells, max_characters = map(int, sys.stdin.buffer.readline().split())
    # At the lower of two limits of time the signal is one of its own; at the higher it is that of any killed process.
    limits = {resource.RLIMIT_AS: memory, resource.RLIMIT_CPU: seconds, resource.RLIMIT_CORE: 0}
    for kind, limit in limits.items():
        with contextlib.suppress(ValueError, OSError):  # macOS does not limit memory, and a lower limit may exist
            resource.setrlimit(kind, (limit, limit + (kind == resource.RLIMIT_CPU)))
    try:
        workbook = python_calamine.CalamineWorkbook.from_path(f"/dev/fd/{sys.argv[1]}")
        _send([(item.name, item.visible == _VISIBLE, item.typ == _WORKSHEET) for item in workbook.sheets_metadata])
        for request in sys.stdin.buffer:
            _send_sheet(workbook.get_sheet_by_index(int(request)), max_cells, max_characters)
    except python_calamine.PasswordError:
        _send({"error": "password"})
    except MemoryError:
        _send({"error": "memory"})
    except BaseException as error:  # a panic in Rust is no Exception
        _send({"error": f"{type(error).__name__}: {error}"[:300]})


def _send_sheet(sheet: python_calamine.CalamineSheet, max_cells: int, max_characters: int) -> None:
    """Send the sheet's area, then batches of rows as columns of text with the texts of some numbers, then None."""
    start = sheet.start or (0, 0)
    _send((start[0] + 1, start[1], sheet.width, sheet.merged_cell_ranges or []))
    batch_rows = max(1, min(_BATCH_ROWS, max_cells // max(1, sheet.width)))
    rows = islice(sheet.iter_rows(), start[0], None)  # it begins with row 1, but with the first column that has a cell
    while not _is_asked_again() and (batch := list(islice(rows, batch_rows))):
        _send_rows(batch, max_characters)
    _send(None)


def _is_asked_again() -> bool:
    """Return whether the parent asks for another sheet, so that it does not read the rest of this one."""
    return bool(select.select([sys.stdin.buffer], [], [], 0)[0])


def _send_rows(rows: list[list[Any]], max_characters: int) -> None:
    _long_numbers.clear()
    columns, three_decimals = [], {}
    for place, column in enumerate(zip(*rows, strict=True)):
        columns.append(_texts(column))
        if _three_decimals:
            three_decimals[place] = frozenset(_three_decimals)
            _three_decimals.clear()
    if len(rows) > 1 and sum(sum(map(len, texts)) for texts in columns) > max_characters:
        for half in (rows[: len(rows) // 2], rows[len(rows) // 2 :]):
            _send_rows(half, max_characters)
    else:
        _send((columns, _long_numbers, three_decimals))


def _texts(column: tuple[Any, ...]) -> list[str]:
    types = set(map(type, column))
    if types == {str}:
        return list(column)
    if len(types) == 1:
        return list(map(_TEXT_OF[types.pop()], column))
    return [_TEXT_OF[type(value)](value) for value in column]


def _number(value: float) -> str:
    """Return a number with 15 significant digits, as a spreadsheet shows it, without an exponent."""
    if value.is_integer() and -_EXACT < value < _EXACT:
        return str(int(value))
    text = f"{value:.15g}"
    if "e" in text:
        text = format(Decimal(text), "f")
    if text[-4:-3] == "." and len(text) <= _LONGEST:
        _three_decimals.add(text)
    elif value >= _EXACT:
        _long_numbers.add(text)
    return text


def _moment(value: datetime.datetime) -> str:
    return value.date().isoformat() if value.time() == _MIDNIGHT else value.isoformat()


def _duration(value: datetime.timedelta) -> str:
    minutes, seconds = divmod(round(value.total_seconds()), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{seconds:02d}"


_TEXT_OF: dict[type, Callable[[Any], str]] = {
    str: str,
    float: _number,
    int: str,
    bool: lambda value: "TRUE" if value else "FALSE",
    datetime.date: datetime.date.isoformat,
    datetime.datetime: _moment,
    datetime.time: datetime.time.isoformat,
    datetime.timedelta: _duration,
}


def _send(values: Any) -> None:
    data = marshal.dumps(values)
    sys.stdout.buffer.write(len(data).to_bytes(8, "little") + data)
    sys.stdout.buffer.flush()


def read_frames(stream: Any) -> Iterator[Any]:
    """Yield what the process sends, for the parent; ends with the stream."""
    while len(head := stream.read(8)) == len(b"\0" * 8):
        yield marshal.loads(stream.read(int.from_bytes(head, "little")))  # noqa: S302, from the process of this module


if __name__ == "__main__":
    # The message of a panic would be mixed into the log of the job.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    main()
