"""Counts as text: a number with its noun.

Belongs here: how a count is written for a person. Does not belong here: money (see `money_text`). A file of its own,
because every room writes counts.
"""

from __future__ import annotations


def pluralize(count: int, singular: str, plural: str = "") -> str:
    """Return a count with its noun, such as `1 period` or `2,000 periods`; `plural` is for irregular nouns."""
    return f"{count:,} {singular if count == 1 else plural or f'{singular}s'}"
