"""Actual that is compared with no plan, because the plan of its periods has another name than the baseline.

Belongs here: finding the plans, and the words that warn. Does not belong here: names of files that give no scenario
(see `feeds.doubts.near_names`), periods without Actual (see `quality.deliveries`).

Every scenario counts under its own name, and reports compare Actual with one of them. A budget that is sent as
`Budget 2025` is complete in the warehouse, and every variance is missing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from finance_platform.deliveries.state import DeliveryState
from finance_platform.feeds.values.codes import fold_name

_ACTUAL = "Actual"
_BUDGET = "Budget"
_MAX_PLANS = 3
"""Plans that a warning names."""


@dataclass(frozen=True)
class MissingBaseline:
    """Plans of periods with Actual in which the baseline has no line.

    Attributes:
        file: the last file that has one of the plans.
        plans: their names, the latest one first.
        period: the last period of Actual that they plan.
        baseline: the scenario that Actual is compared with.
        is_elsewhere: whether the baseline has lines in other periods.
    """

    file: str
    plans: Sequence[str]
    period: str
    baseline: str
    is_elsewhere: bool

    @property
    def warning(self) -> str:
        """The finding, in a sentence without the file's name."""
        where = f"in {self.period}" if self.is_elsewhere else "in any period"
        more = len(self.plans) - _MAX_PLANS
        names = ", ".join(map(repr, self.plans[:_MAX_PLANS])) + (f" and {more:,} more" if more > 0 else "")
        verb = "has" if len(self.plans) == 1 else "have"
        return (
            f"the baseline {self.baseline!r}, with which reports compare Actual, has no line {where}, and {names} "
            f"{verb} lines in {'it' if self.is_elsewhere else self.period}: no variance is shown"
        )

    @property
    def fix(self) -> str:
        """What to do about it."""
        return (
            f"if {self.plans[0]!r} is the plan to compare with, set FINANCE_PLATFORM_BASELINE_SCENARIO="
            f'"{self.plans[0]}" in the home\'s .env; or give its lines the scenario {self.baseline}, by a map of '
            "columns.scenario in the descriptor or the name of the file; if Actual is to be compared with no plan, "
            "nothing needs to be done"
        )


def find_missing_baseline(state: DeliveryState, baseline: str) -> MissingBaseline | None:
    """Return the plans that are not compared with Actual, if the baseline lacks the last period of Actual, or all.

    Args:
        state: the deliveries that count.
        baseline: the scenario that Actual is compared with.
    """
    actual: set[str] = set()
    of_baseline: set[str] = set()
    plans: dict[str, dict[str, tuple[str, str]]] = {}
    for (scenario, scenario_type, period), delivery in state.latest_cells():
        if scenario_type == _ACTUAL:
            actual.add(period)
        elif fold_name(scenario) == fold_name(baseline):
            of_baseline.add(period)
        elif scenario_type == _BUDGET:
            plans.setdefault(fold_name(scenario), {})[period] = scenario, delivery.event.object_key
    last = max(actual, default="")
    if last in of_baseline:
        return None
    # The budgets of earlier years may well have names of their own.
    wanted = {last} if of_baseline else actual
    planned: Mapping[str, set[str]] = {name: wanted & periods.keys() for name, periods in plans.items()}
    names = sorted((name for name, periods in planned.items() if periods), key=lambda name: (max(planned[name]), name))
    if not names:
        return None
    names.reverse()
    period = max(planned[names[0]])
    shown, file = plans[names[0]][period]
    others = [plans[name][max(planned[name])][0] for name in names[1:]]
    return MissingBaseline(file, [shown, *others], period, baseline, is_elsewhere=bool(of_baseline))
