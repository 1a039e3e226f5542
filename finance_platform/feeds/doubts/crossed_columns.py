"""Columns that nothing reads beside measures whose headers have two parts, such as `D300 Actual` beside `D100 Actual`.

Belongs here: which columns have a part that measures share, and a new department or month. Does not belong here: their
amounts, and the words that hold the delivery (see `unread_months`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from finance_platform.feeds.shape_rules import MeasureRule
from finance_platform.feeds.values.codes import clean, fold_name
from finance_platform.feeds.values.header_words import COMPARED, plain_name
from finance_platform.feeds.values.month_names import is_total_name, read_month

_SEVERAL = 2
_PLACES = ("department", "date", "period")
"""Fields of which a new value is money of its own; a new scenario may be a difference, a new account a result."""


def crossed_columns(measures: Sequence[MeasureRule], names: Sequence[str]) -> dict[str, str]:
    """Return the columns that have a part that several measures share, beside a department or a month of no measure.

    Args:
        measures: those of the feed.
        names: columns that are not read.

    Returns:
        The header of a measure with the same part, by column.
    """
    sharing: dict[tuple[int, str], dict[str, MeasureRule]] = defaultdict(dict)
    for measure in measures:
        for place, part, other in _parts(measure.header):
            sharing[place, part][other] = measure
    shared = {key: others for key, others in sharing.items() if len(others) >= _SEVERAL}
    fields = {key: _varying(_crossed(key, others, shared)) for key, others in shared.items()}
    found: dict[str, str] = {}
    for name in names:
        for place, part, other in _parts(name):
            if _is_new(other, fields.get((place, part), ())):
                found.setdefault(name, next(iter(shared[place, part].values())).header)
    return found


def _parts(header: str) -> Iterator[tuple[int, str, str]]:
    """Yield each beginning and each end of a header, with its place and with the rest."""
    words = fold_name(clean(header)).split()
    for count in range(1, len(words)):
        before, after = " ".join(words[:count]), " ".join(words[count:])
        yield 0, before, after
        yield 1, after, before


def _crossed(
    key: tuple[int, str], others: Mapping[str, MeasureRule], shared: Mapping[tuple[int, str], object]
) -> list[MeasureRule]:
    """Return the measures with a part whose other part several measures share, too."""
    return [measure for other, measure in others.items() if (1 - key[0], other) in shared]


def _varying(measures: Sequence[MeasureRule]) -> tuple[str, ...]:
    """Return the places that differ between measures; none of one measure."""
    return tuple(name for name in _PLACES if len({one.fields.get(name) for one in measures}) >= _SEVERAL)


def _is_new(part: str, fields: Sequence[str]) -> bool:
    """Return whether the other part of a column may be a value of one of these fields."""
    is_other = is_total_name(part) or COMPARED & set(plain_name(part).split())
    return ("department" in fields and not is_other) or bool(fields and read_month(part))
