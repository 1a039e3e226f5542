"""Texts of cells that a descriptor says are blank: what stands for them in the reading rules.

Belongs here: the map of `amount` under `unpivot`, as the rules have it. Does not belong here: which cells give a line
(see `lines.shapes`).

It is a module of its own because a descriptor needs it, which must not import Arrow, and because the jobs that build
the star do not import it: a change of it concerns the reading of files alone. The rules have a mark rather than a blank
text, so that the files of these feeds, and no others, are read again.
"""

from __future__ import annotations

from collections.abc import Mapping

from finance_platform.feeds.values.codes import fold

_BLANK_CELL = "\0blank"
"""What such a text is mapped to; no text of a file is that, because it begins with a NUL."""


def mark_blank_texts(value_map: Mapping[str, str]) -> dict[str, str]:
    """Return a map with a mark where it makes a text blank."""
    return {text: mapped or _BLANK_CELL for text, mapped in value_map.items()}


def blank_texts(value_map: Mapping[str, str]) -> frozenset[str]:
    """Return the folded texts that a map marks."""
    return frozenset(fold(text) for text, mapped in value_map.items() if mapped == _BLANK_CELL)
