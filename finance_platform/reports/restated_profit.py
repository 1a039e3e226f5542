"""Restated profit: the signed profit of closed periods, and what changed it since, in a line for each period.

Belongs here: reading the view Restatement, and its sentences for the output of a run. Does not belong here: the steps
(see `trace.roll_forward`), the command that shows all of them (see `cli.restatement`).

A file of its own, because the command `run` and the report pack say the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import groupby

from finance_platform.money_text import grouped_money
from finance_platform.safe_text import quote_name
from finance_platform.warehouse.port import NoWarehouseYetError, Queryable
from finance_platform.warehouse.statements import SqlFile, statement

_ACTUAL = "Actual"
_STEPS_NAMED = 4


@dataclass(frozen=True)
class ProfitStep:
    """One step from a signed profit to the one of now.

    Attributes:
        period: YYYY-MM.
        close_number: of the period's latest signed close.
        closed_by: who closed it.
        step_number: 0 for the signed profit.
        cause: signed, a cause, or now.
        object_key: the file; None if none caused it.
        detail: what it changed; None without a clause.
        decided_by: who allowed it; None if there was no decision.
        reason: why.
        scenario: its name.
        profit_effect: what it adds to profit.
    """

    period: str
    close_number: int
    closed_by: str
    step_number: int
    cause: str
    object_key: str | None
    detail: str | None
    decided_by: str | None
    reason: str | None
    scenario: str
    profit_effect: Decimal


def restated_profit(warehouse: Queryable) -> list[ProfitStep]:
    """Return the steps of every closed period whose figures are no longer as signed, the newest period first.

    Empty if nothing was ever loaded.
    """
    try:
        rows = warehouse.query(statement(SqlFile.RESTATED_PROFIT)).rows
    except NoWarehouseYetError:
        return []
    return [ProfitStep(*row) for row in rows]


def describe_restated(steps: Iterable[ProfitStep]) -> list[str]:
    """Return a sentence per restated period: the signed profit, the profit of now, and the causes in between."""
    return [_describe(list(group)) for _, group in groupby(steps, key=lambda step: step.period)]


def _describe(steps: Sequence[ProfitStep]) -> str:
    first = steps[0]
    signed, now = (
        sum((one.profit_effect for one in steps if one.cause == cause and one.scenario == _ACTUAL), Decimal("0.00"))
        for cause in ("signed", "now")
    )
    causes: dict[str, list[str]] = {}
    for one in steps:
        if one.cause not in {"signed", "now"}:
            label = " ".join([one.cause, *([quote_name(one.object_key)] if one.object_key else [])])
            scenario = "" if one.scenario == _ACTUAL else f"{one.scenario} "
            decided = f", {one.decided_by}: {one.reason}" if one.decided_by else ""
            sign = "+" if one.profit_effect > 0 else ""
            causes.setdefault(f"{label}{decided}", []).append(f"{scenario}{sign}{grouped_money(one.profit_effect)}")
    named = [f"{' and '.join(amounts)} {label}" for label, amounts in causes.items()]
    more = [f"{len(named) - _STEPS_NAMED} more"] if len(named) > _STEPS_NAMED else []
    return (
        f"{first.period}#{first.close_number}, closed by {first.closed_by}: profit {grouped_money(signed)} as signed, "
        f"{grouped_money(now)} now ({'; '.join([*named[:_STEPS_NAMED], *more])})"
    )
