"""Rows of queries as the evidence of a check, and the parameter of checks on what Actual covers.

Belongs here: what the checks on the warehouse share (see `invariants`, `published_figures`).
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from finance_platform.money_text import grouped_money
from finance_platform.warehouse.port import QueryResult

_NO_LAST_PERIOD = "9999-12"
_CENTS = -2
"""The exponent of money; counts have none."""


def through_period(actuals_through: str | None) -> dict[str, str]:
    """Return the parameter of a query for the last period that Actual covers; every period if the home sets none."""
    return {"actuals_through": actuals_through or _NO_LAST_PERIOD}


def as_evidence(result: QueryResult) -> list[dict[str, Any]]:
    """Return the rows of a result as evidence, which is for people: money has grouped digits."""
    return [dict(zip(result.columns, map(_plain, row), strict=True)) for row in result.rows]


def _plain(value: object) -> object:
    if isinstance(value, Decimal) and value.as_tuple().exponent == _CENTS:
        return grouped_money(value)
    return value if isinstance(value, int | str | bool) or value is None else str(value)
