"""A table that a narrow terminal shows whole: columns that do not fit go on below their row.

Belongs here: how a row is laid out. Does not belong here: what a table says (see `rendering` and its neighbours).

Rich would shorten amounts and names of files to fit them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.table import Column, Table
from rich.text import Text

from finance_platform.safe_text import printable

_GAP = 2
"""Between columns, as rich separates them without a box."""

_INDENT = 4
"""Of what goes on below a row."""

_LEAST_NOTE_WIDTH = 24
"""Of a last column with text that is wrapped in its place."""


class FittingTable(Table):
    """A table without a box, as rich prints it where it fits.

    Where it does not, a last column with text is wrapped if there is room; otherwise the last columns are printed below
    each row, each with its header. A name that is wider than the terminal goes on in the next line.
    """

    def __init__(self, *columns: str, title: str = "") -> None:
        """Make an empty table; columns are aligned to the left unless their `justify` is set."""
        super().__init__(*columns, box=None, pad_edge=False)
        # Rich would wrap a title where the table ends.
        self._heading = [Text(title, style="italic")] if title else []

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Yield the table."""
        yield from self._heading
        texts = [[_text_of(cell) for cell in column.cells] for column in self.columns]
        heads = [_text_of(column.header) for column in self.columns]
        widths = [
            max([head.cell_len, *(_width(cell) for cell in cells)]) for head, cells in zip(heads, texts, strict=True)
        ]
        if _total(widths) <= options.max_width:
            yield from super().__rich_console__(console, options)
        elif self._has_wrapped_note(widths, options.max_width):
            for column in self.columns[:-1]:
                column.no_wrap = True
            self.columns[-1].overflow = "fold"
            yield from super().__rich_console__(console, options)
        else:
            yield from self._rows(heads, zip(*texts, strict=True), widths, options.max_width)

    def lines_of(self, rows: Sequence[Sequence[str]], widths: Sequence[int], width: int) -> Iterator[Text] | None:
        """Return the title and the lines of rows, where the last columns go below each row; None elsewhere.

        Args:
            rows: the cells, printable and without line breaks.
            widths: of the columns.
            width: of the terminal.
        """
        if _total(widths) <= width or self._has_wrapped_note(widths, width):
            return None
        heads = [_text_of(column.header) for column in self.columns]
        return chain(self._heading, self._rows(heads, (list(map(Text, row)) for row in rows), widths, width))

    def _has_wrapped_note(self, widths: Sequence[int], width: int) -> bool:
        return self.columns[-1].justify == "left" and _total([*widths[:-1], _LEAST_NOTE_WIDTH]) <= width

    def _rows(
        self, heads: Sequence[Text], rows: Iterable[Sequence[Text]], widths: Sequence[int], width: int
    ) -> Iterator[Text]:
        count = max((number for number in range(1, len(widths)) if _total(widths[:number]) <= width), default=1)
        shown = list(zip(self.columns[:count], widths[:count], strict=True))
        yield _line([(head, *one) for head, one in zip(heads, shown, strict=False)], style="bold")
        for row in rows:
            yield _line([(cell, *one) for cell, one in zip(row, shown, strict=False)])
            below = zip(heads[count:], row[count:], strict=True)
            yield from _below([Text(" ").join(filter(None, (head, cell))) for head, cell in below if cell.plain], width)


def _line(cells: Sequence[tuple[Text, Column, int]], style: str = "") -> Text:
    line = Text(style=style, overflow="fold")
    for number, (cell, column, width) in enumerate(cells):
        gap = " " * (width - _width(cell))
        parts = (gap, cell) if column.justify == "right" else (cell, gap)
        line.append(" " * (_GAP if number else 0))
        for part in parts:
            line.append(part)
    line.rstrip()
    return line


def _below(parts: Sequence[Text], width: int) -> Iterator[Text]:
    """Yield lines of parts; one that does not fit on a line of its own is folded."""
    line = Text(overflow="fold")
    for part in parts:
        if line.plain and line.cell_len + _GAP + part.cell_len > width:
            yield line
            line = Text(overflow="fold")
        line.append(" " * (_GAP if line.plain else _INDENT)).append(part)
    if line.plain:
        yield line


def _total(widths: Sequence[int]) -> int:
    return sum(widths) + _GAP * (len(widths) - 1)


def _width(text: Text) -> int:
    return max((line.cell_len for line in text.split("\n")), default=0)


def _text_of(cell: RenderableType) -> Text:
    return cell if isinstance(cell, Text) else Text(printable(str(cell)))
