"""Restatements: the steps from signed figures to those of now, as the view has them, and their sentences.

Belongs here: reading the view Restatement for the output of a run and for the report pack. Does not belong here: the
steps themselves (see `trace.roll_forward`), the command that shows all of them (see `cli.restatement`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import groupby

from finance_platform.money_text import grouped_money
from finance_platform.safe_text import quote_name
from finance_platform.warehouse.port import NoWarehouseYetError, Queryable
from finance_platform.warehouse.statements import SqlFile, statement

_ACTUAL, _AMOUNT = "Actual", "Amount"
_SIGNED, _NOW = "signed", "now"
_STEPS_NAMED = 4
_ZERO = Decimal("0.00")


@dataclass(frozen=True)
class RestatementStep:
    """One step of a close, and its money of one measure, scenario and account type.

    Attributes:
        period: YYYY-MM.
        close_number: 1 for the period's first signed close.
        is_latest: whether the period was not signed again.
        closed_by: who closed it.
        closed_at: when, UTC without a zone.
        number: 0 for the signed figures.
        cause: signed, a cause, or now.
        object_key: the file; None if none caused it.
        detail: what it changed; None without a clause.
        decided_by: who allowed it; None if there was no decision.
        reason: why.
        measure: Amount or BudgetAmount.
        scenario: its name.
        account_type: the accounts' type.
        amount: sign of the star.
        profit_effect: what it adds to profit.
    """

    period: str
    close_number: int
    is_latest: bool
    closed_by: str
    closed_at: datetime
    number: int
    cause: str
    object_key: str | None
    detail: str | None
    decided_by: str | None
    reason: str | None
    measure: str
    scenario: str
    account_type: str
    amount: Decimal
    profit_effect: Decimal

    @property
    def is_figure(self) -> bool:
        """Whether it is no change: the signed figures, or those of now."""
        return self.cause in {_SIGNED, _NOW}

    @property
    def place(self) -> tuple[object, ...]:
        """The money that it is about."""
        return self.period, self.close_number, self.measure, self.scenario, self.account_type


def read_restatements(warehouse: Queryable) -> list[RestatementStep]:
    """Return the steps of every close whose figures are no longer as signed, the newest period first.

    Account types in which nothing changed are left out. Empty if nothing was ever loaded.
    """
    try:
        rows = warehouse.query(statement(SqlFile.RESTATEMENTS)).rows
    except NoWarehouseYetError:
        return []
    steps = [RestatementStep(*row) for row in rows]
    changed = {one.place for one in steps if not one.is_figure}
    return [one for one in steps if one.place in changed]


def profits(steps: Iterable[RestatementStep]) -> tuple[Decimal, Decimal] | None:
    """Return what the changed account types of Actual added to profit as signed, and what they add now.

    None if nothing of Actual changed.
    """
    of_actual = [one for one in steps if (one.measure, one.scenario) == (_AMOUNT, _ACTUAL)]
    if not of_actual:
        return None
    signed, now = (
        sum((one.profit_effect for one in of_actual if one.cause == cause), _ZERO) for cause in (_SIGNED, _NOW)
    )
    return signed, now


def describe_restatements(steps: Iterable[RestatementStep]) -> list[str]:
    """Return a sentence per period, of its latest close: what changed its profit, who allowed it and why."""
    latest = (one for one in steps if one.is_latest)
    return [_describe(list(group)) for _, group in groupby(latest, key=lambda one: one.period)]


def _describe(steps: Sequence[RestatementStep]) -> str:
    first = steps[0]
    sums: dict[str, dict[str, Decimal]] = {}
    for one in steps:
        if not one.is_figure and one.measure == _AMOUNT:
            of_scenario = sums.setdefault(_label(one), {})
            of_scenario[one.scenario] = of_scenario.get(one.scenario, _ZERO) + one.profit_effect
    named = [
        f"{label}: {', '.join(_effect(scenario, amount) for scenario, amount in effects.items())}"
        for label, effects in sums.items()
    ]
    if not named:
        named = ["the budget beside Actual"]
    more = [f"{len(named) - _STEPS_NAMED} more"] if len(named) > _STEPS_NAMED else []
    pair = profits(steps)
    total = f"profit {_signed(pair[1] - pair[0])} since" if pair else "profit of Actual as"
    return (
        f"{first.period}#{first.close_number}, closed by {first.closed_by}: {total} signed; "
        f"{'; '.join([*named[:_STEPS_NAMED], *more])}"
    )


def _label(step: RestatementStep) -> str:
    what = " ".join([step.cause, *([quote_name(step.object_key)] if step.object_key else [])])
    return f"{what} ({step.decided_by}: {step.reason})" if step.decided_by else what


def _effect(scenario: str, amount: Decimal) -> str:
    return f"{scenario} {_signed(amount)}" if amount else f"{scenario} without effect on profit"


def _signed(amount: Decimal) -> str:
    return f"{'+' if amount > 0 else ''}{grouped_money(amount)}"
