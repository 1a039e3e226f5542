"""Assumptions that only the real warehouse or service can confirm, and what was seen when they were tried.

Belongs here: an assumption, a finding, trying one after the other, and the assumptions that every warehouse shares.
Does not belong here: those about one warehouse (see `assumptions` of each adapter), about AWS (see `deployment.proof`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from finance_platform.errors import FinancePlatformError
from finance_platform.warehouse.port import Queryable

Verdict = Literal["as assumed", "not as assumed", "not tried"]

CENTS = Decimal("1234567.89")
"""An amount whose cents would be lost in a whole number."""

WIDE = Decimal("-12345678901234567890.0000000001")
"""An amount that no floating point number holds."""


class DiffersError(Exception):
    """What was seen differs from what is assumed; the message says what was seen."""


class NotTriedError(Exception):
    """An assumption cannot be tried here; the message says why."""


@dataclass(frozen=True)
class Assumption:
    """Something that the platform relies on.

    Attributes:
        text: what is assumed, in a sentence without a full stop.
        observe: tries it and returns what was seen; raises DiffersError or NotTriedError.
    """

    text: str
    observe: Callable[[], str]


@dataclass(frozen=True)
class Finding:
    """The result of one assumption."""

    assumption: str
    seen: str
    verdict: Verdict


def try_all(assumptions: Iterable[Assumption]) -> Iterator[Finding]:
    """Try each assumption and yield its finding as soon as it is known.

    An error of the platform is a finding: it says what the warehouse or the service answered.
    """
    for assumption in assumptions:
        yield _try_one(assumption)


def _try_one(assumption: Assumption) -> Finding:
    try:
        return Finding(assumption.text, assumption.observe(), "as assumed")
    except DiffersError as difference:
        return Finding(assumption.text, str(difference), "not as assumed")
    except NotTriedError as reason:
        return Finding(assumption.text, str(reason), "not tried")
    except FinancePlatformError as error:
        return Finding(assumption.text, error.found or error.title, "not as assumed")


def expect(condition: object, seen: str) -> str:
    """Return what was seen if it is as assumed.

    Raises:
        DiffersError: it is not.
    """
    if not condition:
        raise DiffersError(seen)
    return seen


def bound_value_assumptions(warehouse: Queryable) -> tuple[Assumption, ...]:
    """Return the assumptions about bound values that every warehouse must meet; they need no table."""
    return (
        Assumption("a bound decimal keeps every digit", lambda: _decimals(warehouse)),
        Assumption("NULL can be bound for each type", lambda: _nulls(warehouse)),
        Assumption("a text with NUL is refused or kept whole, never cut", lambda: _nul(warehouse)),
    )


def _decimals(warehouse: Queryable) -> str:
    sql = "SELECT CAST(:cents AS DECIMAL(18, 2)) AS Cents, CAST(:wide AS DECIMAL(38, 10)) AS Wide"
    ((cents, wide),) = warehouse.query(sql, {"cents": CENTS, "wide": WIDE}).rows
    return expect((cents, wide) == (CENTS, WIDE), f"{cents} and {wide}")


def _nulls(warehouse: Queryable) -> str:
    types = ("BIGINT", "DECIMAL(18, 2)", "DATE", "TIMESTAMP", "BOOLEAN", "VARCHAR(10)")
    columns = ", ".join(f"CAST(:v{number} AS {type_}) AS C{number}" for number, type_ in enumerate(types))
    (row,) = warehouse.query(f"SELECT {columns}", {f"v{number}": None for number in range(len(types))}).rows
    return expect(row == (None,) * len(types), f"{sum(value is None for value in row)} of {len(types)} are NULL")


def _nul(warehouse: Queryable) -> str:
    text = "a\0b"
    try:
        ((returned,),) = warehouse.query("SELECT CAST(:text AS VARCHAR(10)) AS Shown", {"text": text}).rows
    except FinancePlatformError as error:
        return f"refused: {error.found}"
    return expect(returned == text, f"{returned!r} for {text!r}")
