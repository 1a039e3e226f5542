"""Headers of two lines in which columns below several texts have the same names: `Sales,,Ops,` above `Jan,Feb,Jan,Feb`.

Belongs here: the text over each column. Does not belong here: what these texts are (see `crossed_departments`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from finance_platform.feeds.values.codes import fold

_SEVERAL = 2


def texts_over(upper: Sequence[Sequence[str]], cells: Sequence[str]) -> dict[int, tuple[str, ...]]:
    """Return the texts over each column and its own, by position, from the first name on that other columns have too.

    Args:
        upper: the rows above the header, in which a text stands for the columns up to the next one of its row or of one
            above.
        cells: the header.

    Returns:
        Nothing if there are no two texts over such columns in each row, or the same ones are over a name twice.
    """
    names = [fold(cell) for cell in cells]
    shared = {name for name, count in Counter(names).items() if count >= _SEVERAL} - {""}
    first = next((place for place, name in enumerate(names) if name in shared), len(names))
    if not all(first < len(row) and row[first].strip() for row in upper):
        return {}
    over: dict[int, tuple[str, ...]] = {}
    above: list[str] = []
    for place in range(first, len(cells)):
        texts = [row[place].strip() if place < len(row) else "" for row in upper]
        level = next((level for level, text in enumerate(texts) if text), len(texts))
        above = [*above[:level], *(text or above[at] for at, text in enumerate(texts[level:], start=level))]
        over[place] = (*above, cells[place].strip())
    found = [tuple(map(fold, texts)) for place, texts in over.items() if names[place] in shared]
    is_several = all(len(set(texts)) >= _SEVERAL for texts in list(zip(*found, strict=True))[:-1])
    return over if len(set(found)) == len(found) and is_several else {}
