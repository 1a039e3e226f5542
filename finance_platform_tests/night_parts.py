"""Parts of tests that take hours: at night each part is a test of its own, which any worker takes.

Belongs here: cutting, and which worker takes a part. Does not belong here: what a test tries.

Cases that are known only after a refresh cannot be parameters. Workers take whole files, because the fixtures of a file
are made once; a part is worth making them again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import pytest
from xdist.scheduler import LoadFileScheduling

from finance_platform_tests.profiles import current_profile

_MARK = "[part-"
_ONLY_PART = "[part-1-of-1]"

_T = TypeVar("_T")


def part_count(at_night: int) -> int:
    """Return in how many parts a test is cut: as many as named at night, one otherwise."""
    return at_night if current_profile().is_exhaustive else 1


def in_parts(count: int) -> pytest.MarkDecorator:
    """Return the parameter `part` of a test, from 0; see `part_count`."""
    return pytest.mark.parametrize("part", [pytest.param(nth, id=f"part-{nth + 1}-of-{count}") for nth in range(count)])


def part_of(cases: Sequence[_T], part: int, count: int) -> list[_T]:
    """Return the cases of one part: every nth, so that neighbours, which take the same time, are spread."""
    return list(cases[part::count])


class PartsApart(LoadFileScheduling):  # type: ignore[misc]  # xdist has no types
    """Gives each worker a whole file at a time, but a part by itself; an only part needs the fixtures of its file."""

    def _split_scope(self, nodeid: str) -> str:
        is_apart = _MARK in nodeid and not nodeid.endswith(_ONLY_PART)
        return nodeid if is_apart else str(super()._split_scope(nodeid))
