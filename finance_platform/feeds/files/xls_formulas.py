"""Formulas of an xls workbook that add up cells of their sheet, as the text that they have in other formats.

Belongs here: the tokens of such formulas. Does not belong here: which formulas are sums (see `formula_sums`), the
records that they are in (see `xls_records`).

A formula is stored as tokens in the order of their evaluation: `SUM(C3:C4)+C6` is area, sum, cell, plus. Any token that
a sum cannot have ends the reading, so no formula is taken for another one.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Mapping
from typing import NamedTuple

from finance_platform.feeds.files.formula_sums import FormulaSum, read_sum

_CELL, _AREA, _RELATIVE_CELL, _RELATIVE_AREA = 0x24, 0x25, 0x2C, 0x2D
_FUNCTION, _FUNCTION_OF_SOME, _WHOLE_NUMBER, _ADD, _PARENTHESES, _ATTRIBUTE, _SHARED = (
    0x21,
    0x22,
    0x1E,
    3,
    0x15,
    0x19,
    1,
)
_CLASSES = 0x1F
"""Bits of a token of an operand; the others say whether it is a reference, a value or an array."""

_FIRST_OPERAND = 0x20
_SUM_OF_ONE, _SPACE, _RECALCULATED = 0x10, 0x40, 0x01
_SUM, _ROUND, _SUBTOTAL = 4, 27, 344
_ARGUMENTS_OF_ROUND = 2
_ROW_IS_RELATIVE, _COLUMN_IS_RELATIVE, _COLUMN = 0x8000, 0x4000, 0xFF
_ROWS, _COLUMNS = 1 << 16, 1 << 8
_MAX_BYTES, _MAX_TEXT = 500, 500
_PLACES = struct.Struct("<HH")
_AREAS = struct.Struct("<HHHH")
_LETTERS = 26
_ENDS = re.compile(rb"(?:[\x03\x15]|[\x19\x22\x42\x62]...|[\x21\x41\x61]..)\Z", re.DOTALL)
"""How the tokens of a sum end: most other formulas are known by that."""

_OTHER = -1


class Place(NamedTuple):
    """A cell, whose row and column are counted from 0."""

    row: int
    column: int


def shared_place(tokens: bytes) -> Place | None:
    """Return the first cell of the range whose cells share a formula; None if the formula is a cell's own."""
    return Place(*_PLACES.unpack_from(tokens, 1)) if tokens[:1] == bytes([_SHARED]) and len(tokens) >= 5 else None


def read_tokens(tokens: bytes, place: Place) -> FormulaSum | None:
    """Return the sum that the tokens of a formula are; None if they do something else.

    Args:
        tokens: of a formula of Excel 97 and later.
        place: the cell, from which the tokens of a shared formula count.
    """
    if len(tokens) > _MAX_BYTES or not _ENDS.search(tokens):
        return None
    try:
        text = _text_of(tokens, place)
    except (struct.error, IndexError):
        return None
    return read_sum(text) if text else None


def _text_of(tokens: bytes, place: Place) -> str:
    """Return a formula as text; empty if it has a token that no sum has.

    Raises:
        IndexError: an operation lacks an operand, or the tokens are cut off.
        struct.error: an operand is cut off.
    """
    stack: list[str] = []
    position = 0
    while 0 <= position < len(tokens):
        token = tokens[position]
        kind = _FIRST_OPERAND | token & _CLASSES if token >= _FIRST_OPERAND else token
        read = _READERS.get(kind)
        position = read(tokens, position + 1, stack, place) if read else _OTHER
        if stack and len(stack[-1]) > _MAX_TEXT:
            return ""
    return stack[0] if len(stack) == 1 and position >= 0 else ""


def _cell(tokens: bytes, position: int, stack: list[str], place: Place | None) -> int:
    row, column = _PLACES.unpack_from(tokens, position)
    stack.append(_name(row, column, place))
    return position + _PLACES.size


def _area(tokens: bytes, position: int, stack: list[str], place: Place | None) -> int:
    first, last, left, right = _AREAS.unpack_from(tokens, position)
    stack.append(f"{_name(first, left, place)}:{_name(last, right, place)}")
    return position + _AREAS.size


def _number(tokens: bytes, position: int, stack: list[str], _: Place) -> int:
    stack.append(str(struct.unpack_from("<H", tokens, position)[0]))
    return position + 2


def _add(_: bytes, position: int, stack: list[str], __: Place) -> int:
    last, first = stack.pop(), stack.pop()
    stack.append(f"{first}+{last}")
    return position


def _parentheses(_: bytes, position: int, stack: list[str], __: Place) -> int:
    stack.append(f"({stack.pop()})")
    return position


def _attribute(tokens: bytes, position: int, stack: list[str], _: Place) -> int:
    """Read a sum of one argument; spaces and the mark of what is always calculated again are left out."""
    if tokens[position] & _SUM_OF_ONE:
        stack.append(f"SUM({stack.pop()})")
    elif not tokens[position] & (_SPACE | _RECALCULATED):
        return _OTHER
    return position + 3


def _call(tokens: bytes, position: int, stack: list[str], names: Mapping[int, str], count: int) -> int:
    """Put a call of a function in the place of its arguments; return the position behind it."""
    (number,) = struct.unpack_from("<H", tokens, position)
    if number not in names or not 0 < count <= len(stack):
        return _OTHER
    arguments = [stack.pop() for _ in range(count)][::-1]
    stack.append(f"{names[number]}({','.join(arguments)})")
    return position + 2


def _function(tokens: bytes, position: int, stack: list[str], _: Place) -> int:
    return _call(tokens, position, stack, {_ROUND: "ROUND"}, _ARGUMENTS_OF_ROUND)


def _function_of_some(tokens: bytes, position: int, stack: list[str], _: Place) -> int:
    return _call(tokens, position + 1, stack, {_SUM: "SUM", _SUBTOTAL: "SUBTOTAL"}, tokens[position])


def _name(row: int, column: int, base: Place | None) -> str:
    """Return the name of a cell, such as C3."""
    number = column & _COLUMN
    if base is not None:
        row = (base.row + row) % _ROWS if column & _ROW_IS_RELATIVE else row
        number = (base.column + number) % _COLUMNS if column & _COLUMN_IS_RELATIVE else number
    letters = chr(ord("A") + number % _LETTERS)
    return f"{chr(ord('A') + number // _LETTERS - 1) if number >= _LETTERS else ''}{letters}{row + 1}"


_READERS: Mapping[int, Callable[[bytes, int, list[str], Place], int]] = {
    _CELL: lambda tokens, position, stack, _: _cell(tokens, position, stack, None),
    _RELATIVE_CELL: _cell,
    _AREA: lambda tokens, position, stack, _: _area(tokens, position, stack, None),
    _RELATIVE_AREA: _area,
    _WHOLE_NUMBER: _number,
    _ADD: _add,
    _PARENTHESES: _parentheses,
    _ATTRIBUTE: _attribute,
    _FUNCTION: _function,
    _FUNCTION_OF_SOME: _function_of_some,
}
"""What reads each kind of token: it changes the stack and returns the position behind it, `_OTHER` for no sum."""
