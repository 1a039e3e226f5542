"""The value that a single amount denotes, for tests of how amounts are written.

Belongs here: reading one text. Does not belong here: columns of texts (`parse_amounts`), expectations.
"""

from __future__ import annotations

from decimal import Decimal

from finance_platform.feeds.values.amounts import read_amount


def value_of(text: str, decimal: str = ".", thousands: str | None = None) -> Decimal | None:
    """Return the amount that `text` denotes in whatever currency, exactly; None if it is not a valid amount."""
    written = read_amount(text, decimal, thousands)
    return None if written is None else written.value
