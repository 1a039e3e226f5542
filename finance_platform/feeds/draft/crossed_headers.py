"""Headers of two lines in which columns below several texts have the same names: `Sales,,Ops,` above `Jan,Feb,Jan,Feb`.

Belongs here: the text over each column. Does not belong here: what these texts are (see `crossed_departments`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from finance_platform.feeds.values.codes import fold

_SEVERAL = 2


def texts_over(above: Sequence[str], cells: Sequence[str]) -> dict[int, tuple[str, str]]:
    """Return the text over each column and its own, by position, from the first name on that other columns have too.

    Args:
        above: the row above the header, in which a text stands for the columns up to the next one.
        cells: the header.

    Returns:
        Nothing if there are no two texts over such columns, or one of them is over a name twice.
    """
    names = [fold(cell) for cell in cells]
    shared = {name for name, count in Counter(names).items() if count >= _SEVERAL} - {""}
    first = next((place for place, name in enumerate(names) if name in shared), len(names))
    texts = {place: text.strip() for place, text in enumerate(above[: len(cells)]) if text.strip()}
    if first not in texts:
        return {}
    over: dict[int, tuple[str, str]] = {}
    for place in range(first, len(cells)):
        over[place] = texts.get(place) or over[place - 1][0], cells[place].strip()
    pairs = [(fold(text), names[place]) for place, (text, _) in over.items() if names[place] in shared]
    return over if len(set(pairs)) == len(pairs) and len({text for text, _ in pairs}) >= _SEVERAL else {}
