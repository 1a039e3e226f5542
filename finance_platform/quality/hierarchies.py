"""Members whose place among the members above them contradicts itself: parents that do not exist, and circles.

Belongs here: finding both, and the words of the check `members_are_described`. Does not belong here: parents with lines
beside their children's (see `warehouse`), departments that replace each other (see `reorganisations`).

A roll-up stops at a parent that does not exist, and adds the members of a circle to each of them. No figure of a
single member is wrong, so that no other check mentions it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from finance_platform.feeds.values.codes import closest_match

_MAX_SHOWN = 6
"""Members of a circle that evidence names."""


@dataclass(frozen=True)
class Placed:
    """A member that a reference file describes.

    Attributes:
        code: its code.
        parent: the code of the member above it, as its row has it; None for a member without one.
        found: the code of that member, as its own row has it; None if there is none.
    """

    code: str
    parent: str | None
    found: str | None


def find_misplaced(members: Sequence[Placed], code_name: str) -> list[dict[str, Any]]:
    """Return evidence of parents that do not exist, and of members that are above themselves.

    A top that no file describes, as in a list with the group's own code above all others, is no contradiction: all
    members without another parent have it. Nor is a top that is its own parent.

    Args:
        members: of one dimension.
        code_name: what evidence calls their code.
    """
    circles = [*_circles(members, code_name)]
    return [*_missing(members, code_name, has_circles=bool(circles)), *circles]


def _missing(members: Sequence[Placed], code_name: str, *, has_circles: bool) -> Iterator[dict[str, Any]]:
    lost = [one for one in members if one.parent is not None and one.found is None]
    tops = [one for one in members if one.parent is None or one.found == one.code]
    if not tops and not has_circles and len({(one.parent or "").casefold() for one in lost}) == 1:
        return
    codes = [one.code for one in members]
    for one in lost:
        similar = closest_match(one.parent or "", codes)
        hint = f"; did you mean {similar}?" if similar and similar != one.code else ""
        yield {code_name: one.code, "Parent": one.parent, "Finding": f"no file and no line has the parent{hint}"}


def _circles(members: Sequence[Placed], code_name: str) -> Iterator[dict[str, Any]]:
    above = {one.code: one.found for one in members if one.found not in {None, one.code}}
    done: set[str] = set()
    for start in above:
        path: dict[str, None] = {}
        code: str | None = start
        while code in above and code not in path and code not in done:
            path[code] = None
            code = above[code]
        if code in path:
            names = list(path)
            circle = names[names.index(code) :]
            listed = [*circle, code] if len(circle) <= _MAX_SHOWN else [*circle[:_MAX_SHOWN], "…", code]
            chain = ", below ".join(listed)
            yield {code_name: code, "Parent": above[code], "Finding": f"is above itself: {chain}"}
        done.update(path)
