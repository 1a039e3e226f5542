"""Formatting: amounts, periods and long lists as text, in logs and on pages.

Belongs here: values to text. Does not belong here: Dagster's metadata (see `metadata_values`), which values are shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from finance_platform.count_text import pluralize
from finance_platform.money_text import exact_money

LINES_SHOWN = 10
"""How many items of one kind a step logs on a line each; every line of a log is a row in Dagster's storage."""

_NAMES_SHOWN = 3


def summarize(items: Sequence[str]) -> str:
    """Return the first items and the number of the others: `a; b; c; and 1,997 more`."""
    rest = len(items) - _NAMES_SHOWN
    return "; ".join([*items[:_NAMES_SHOWN], *([f"and {rest:,} more"] if rest > 0 else [])])


def limit_lines(lines: Sequence[str], rest: str) -> list[str]:
    """Return the first lines, and one line for the others: `and 1,990 more are held`.

    Args:
        lines: one per item.
        rest: the end of the last line, after the number of the other items.
    """
    more = len(lines) - LINES_SHOWN
    return [*lines[:LINES_SHOWN], *([f"and {more:,} more {rest}"] if more > 0 else [])]


def plain(text: str) -> str:
    """Return a text for a place where Dagster shows Markdown literally: its marks of code become quotes."""
    return text.replace("`", "'")


def format_money(amount: Decimal, currency: str) -> str:
    """Return an amount as people read it, with all its decimals: `1,234.50 USD`."""
    return f"{exact_money(amount, grouping=',')} {currency}"


def format_periods(periods: Sequence[str]) -> str:
    """Return the number and range of periods: `3 periods (2025-01 … 2025-03)`."""
    if not periods:
        return "no period"
    first, last = min(periods), max(periods)
    return f"{pluralize(len(periods), 'period')} ({first if first == last else f'{first} … {last}'})"
