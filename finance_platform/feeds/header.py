"""Headers: the names of a table's columns, each once, and finding a column by its name.

Belongs here: joining header lines, names of columns that have none or share one, and the refusal of a name that two
columns have. Does not belong here: which columns a field needs (see `cells`), cutting a header (see `delimited_file`,
`workbook`).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from itertools import zip_longest

from finance_platform.errors import UnreadableDeliveryError
from finance_platform.feeds.limits import MAX_COLUMNS, MAX_NAME_CHARACTERS
from finance_platform.feeds.values.codes import clean, fold_name
from finance_platform.feeds.values.hidden_characters import clean_cell

_SEVERAL = 2
_POSITION = re.compile(r"( ?\(column [0-9]+\))+\Z")


def join_rows(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return one header of several rows: the texts of each column with a space between them.

    A text above the first of several columns, as text files have merged cells, counts for those behind it that would
    share their names: Actual is above both Jan and Feb of `Actual,,Budget,` and `Jan,Feb,Jan,Feb`. Of several such
    rows, it counts up to the next text of its own row or of one above.
    """
    columns = list(zip_longest(*rows, fillvalue=""))
    joined = [" ".join(filter(str.strip, cells)) for cells in columns]
    shared = {name for name, count in Counter(map(fold_name, joined)).items() if count > 1} - {""}
    above: list[str] = []
    for place, (*upper, name) in enumerate(columns):
        first = next((level for level, text in enumerate(upper) if text.strip()), len(upper))
        above = [*above[:first], *upper[first:]]
        if first and fold_name(joined[place]) in shared:
            joined[place] = " ".join(filter(str.strip, (*above, name)))
    return joined


def header_names(place: str, row: Sequence[str]) -> list[str]:
    """Return the names of a header's columns, each once, case and spaces ignored.

    A column without a name is `(column 3)`; columns that share one are `Amount (column 3)` and `Amount (column 5)`.

    Args:
        place: where the header is, such as `line 1`.
        row: its cells.

    Raises:
        UnreadableDeliveryError: it has too many columns, or too long a name.
    """
    _check_limits(place, row)
    names = [clean(clean_cell(name)[0]) for name in row]
    counts = Counter(map(fold_name, names))
    unique: list[str] = []
    taken: set[str] = set()
    for position, name in enumerate(names, start=1):
        number = f"(column {position})"
        text = name if name and counts[fold_name(name)] == 1 else f"{name} {number}".strip()
        while fold_name(text) in taken or (text != name and fold_name(text) in counts):
            text = f"{text} {number}"
        taken.add(fold_name(text))
        unique.append(text)
    return unique


def find_column(name: str, header: Sequence[str]) -> str | None:
    """Return the column of this name, case and spaces ignored, in the header's spelling; None if there is none.

    Raises:
        UnreadableDeliveryError: two columns have it.
    """
    folded = fold_name(name)
    columns = [column for column in header if fold_name(column) == folded]
    if len(columns) == 1:
        return columns[0]
    shared = columns or [
        column for column in header if fold_name(without_position(column)) == folded != fold_name(column)
    ]
    if len(shared) < _SEVERAL:
        return None
    written = clean(columns[-1] if columns else name)
    raise UnreadableDeliveryError(
        f"the header has the column {written!r} twice: {' and '.join(map(repr, shared))}",
        fix=f"rename or remove one of the two columns, or write {shared[0]!r} in the descriptor for the first",
    )


def without_position(name: str) -> str:
    """Return a column's name as the file has it, without the position that `header_names` adds."""
    return _POSITION.sub("", name)


def _check_limits(place: str, row: Sequence[str]) -> None:
    if len(row) > MAX_COLUMNS:
        raise UnreadableDeliveryError(
            f"{place}: the header has {len(row):,} columns; at most {MAX_COLUMNS:,} are read",
            fix="send only the columns that the feed uses, or correct dialect.header_row in the descriptor",
        )
    too_long = next((position for position, name in enumerate(row, start=1) if len(name) > MAX_NAME_CHARACTERS), None)
    if too_long:
        raise UnreadableDeliveryError(
            f"{place}: the name of column {too_long:,} has {len(row[too_long - 1]):,} characters; at most "
            f"{MAX_NAME_CHARACTERS:,} are read",
            fix="shorten it, or correct dialect.header_row, .delimiter or .quote in the descriptor",
        )
