"""Where the lines of a sentence end on a terminal: never within a command that a person pastes.

Belongs here: the places of line breaks. Does not belong here: printing (see `console`), tables (see `fitting_table`).

A line break that is printed is pasted too: the shell runs `finance-platform feed`, then `draft ledger.csv`. A terminal
joins the lines of a command that is longer than its width by itself.
"""

from __future__ import annotations

import re

from rich.cells import cell_len
from rich.text import Text

from finance_platform.cli.program_name import NAME

_WORD = re.compile(rf"(?:`{NAME} [^`\n]*`|(?<=: ){NAME} [^`\n]*$|[^ \n])+ *| +|\n", re.MULTILINE)
"""A word with the blanks behind it, of which a command is one: between backticks, or behind a colon to the end.

Other spaces, such as one that does not break, are part of a name."""


def wrap_sentence(text: Text, width: int) -> Text:
    """Return a text with line breaks, so that no line is wider than the terminal unless a single word is.

    Args:
        text: a sentence, or several lines.
        width: of the terminal, in cells.
    """
    if "\n" not in text.plain and text.cell_len <= width:
        return text
    places, column = [], 0
    for word in _WORD.finditer(text.plain):
        length = cell_len(word[0].rstrip(" "))
        if column and column + length > width:
            places.append(word.start())
            column = 0
        if word[0] == "\n":
            column = 0
        elif length > width:
            column = cell_len(word[0]) % width  # the terminal breaks it
        else:
            column += cell_len(word[0])
    lines = text.divide(places)
    for line in lines[:-1]:
        line.right_crop(len(line.plain) - len(line.plain.rstrip(" ")))
    return Text("\n").join(lines)
