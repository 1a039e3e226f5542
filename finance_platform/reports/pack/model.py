"""The figures of a report pack, as values: what a page or a workbook shows.

Belongs here: dataclasses and what follows from them alone. Does not belong here: queries (see `read_model`), HTML (see
`page`), how a browser receives them (see `browser_data`).

Amounts are Decimal in the home's currency with two decimals, in the natural sign of the account: revenue and costs are
positive. Members refer to each other by their position in the pack's tuples.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import takewhile
from types import MappingProxyType
from typing import NamedTuple

from finance_platform.contracts.views import HORIZONS, PRIOR_YEAR
from finance_platform.reports.restatements import RestatementStep

ACTUAL = "Actual"
_OPEN_PERIODS_NAMED = 3


@dataclass(frozen=True)
class PackSelection:
    """What a person has selected for a pack; what is blank follows from what is published.

    Attributes:
        period: the period, YYYY-MM; blank for the last complete one.
        reference: the scenario to compare with; blank for the baseline, or what comes closest to it.
        unit: the only business unit to show; blank for all.
    """

    period: str = ""
    reference: str = ""
    unit: str = ""


NOTHING_SELECTED = PackSelection()


@dataclass(frozen=True)
class Choice:
    """What a pack is about.

    Attributes:
        period: the period that it is seen from, YYYY-MM; blank if nothing was loaded.
        scenario: the scenario that it reports: Actual, or a plan in a home without actuals; blank if there is none.
        reference: the scenario to compare with, or `Prior Year`; blank if there is nothing to compare with.
        unit: the only business unit that is in the pack; blank for all.
    """

    period: str
    scenario: str
    reference: str
    unit: str


@dataclass(frozen=True)
class PackPeriod:
    """One accounting period: YYYY-MM, its place in the fiscal calendar, its state, departments without lines."""

    name: str
    fiscal_year: int
    fiscal_period: int
    is_complete: bool
    is_closed: bool
    has_actual: bool
    usual_departments: int
    missing_departments: int


@dataclass(frozen=True)
class PackScenario:
    """One scenario, and the names of the periods that it covers."""

    key: int
    name: str
    type: str
    is_baseline: bool
    covered: frozenset[str]

    def __repr__(self) -> str:
        """Return the same text in every process: the data version of the pack is a hash of it."""
        return f"PackScenario({vars(self) | {'covered': sorted(self.covered)}})"


@dataclass(frozen=True)
class PackDepartment:
    """One department; `parent` is the code of the department above, blank if that is not in the pack."""

    key: int
    code: str
    name: str
    unit: str
    parent: str
    is_inferred: bool


@dataclass(frozen=True)
class PackAccount:
    """One account of monetary flows.

    Attributes:
        key: its key.
        number: its number.
        name: its name.
        type: Revenue, Expense, Asset and so on; Unknown without a type.
        category: its category.
        line: its own line of the statement; None for an account outside of profit.
        factor: what its amounts count for on that line, 1 or -1.
        is_mapped: whether a file of the home maps it to that line.
        is_inferred: whether no reference file has it.
    """

    key: int
    number: str
    name: str
    type: str
    category: str
    line: int | None
    factor: int
    is_mapped: bool
    is_inferred: bool

    @property
    def is_capex(self) -> bool:
        """Whether its amounts are capital expenditure, for which more than planned is unfavourable."""
        return is_capex(self.type, self.category)


def is_capex(account_type: str, category: str) -> bool:
    """Return whether the amounts of an account are capital expenditure."""
    return account_type == "Asset" and category.casefold() == "capex"


@dataclass(frozen=True)
class StatementRow:
    """One row of the statement.

    Attributes:
        order: its number on the statement, which identifies it.
        label: its name.
        is_subtotal: whether it repeats the money of other rows.
        sign: 1 if more is better, -1 if less is.
        parts: the rows that it adds up, by `order`, each with 1 or -1; of a row that is no subtotal, itself.
    """

    order: int
    label: str
    is_subtotal: bool
    sign: int
    parts: tuple[tuple[int, int], ...]


class Cell(NamedTuple):
    """The amount of one scenario, department, account and period; the first three are keys.

    A pack has a hundred thousand of them: from the warehouse they come by column (see `amounts`).
    """

    scenario: int
    department: int
    account: int
    period: str
    amount: Decimal


@dataclass(frozen=True)
class LineFigure:
    """One row of the statement over one horizon against one reference; see ProfitAndLossByHorizon.

    Attributes:
        horizon: its number in `contracts.views.HORIZONS`, from 1.
        reference_name: the reference.
        order: the row of the statement.
        amount: of the scenario; None without a period of it.
        reference: of the reference; None without a period of it.
        compared_amount: of the scenario in the periods that both cover; None if there is none.
        compared_reference: of the reference in those periods; None if there is none.
        impact: effect of the variance on profit; None if no period is covered by both.
    """

    horizon: int
    reference_name: str
    order: int
    amount: Decimal | None
    reference: Decimal | None
    compared_amount: Decimal | None
    compared_reference: Decimal | None
    impact: Decimal | None


@dataclass(frozen=True)
class Threshold:
    """From which effect on profit, in money and in per cent of the reference, a variance is material."""

    amount: Decimal
    percent: Decimal


@dataclass(frozen=True)
class Comment:
    """What somebody said about the variance of a cell; department and account are keys."""

    period: str
    department: int
    account: int
    owner: str
    text: str
    nature: str


@dataclass(frozen=True)
class FeedLines:
    """How many lines of Actual a feed has in the choice's period.

    Attributes:
        feed: the feed.
        lines: its lines.
        usual: its usual number of lines; None with too few earlier periods to know.
        is_as_usual: whether it has at least half of them.
    """

    feed: str
    lines: int
    usual: int | None
    is_as_usual: bool


@dataclass(frozen=True)
class LoadStamp:
    """Which state of the warehouse the pack shows.

    Attributes:
        number: the latest load; 0 if there was none.
        loaded_at: when it ended, UTC without a zone; None if there was none.
        version: hash of the versions of every published slice.
    """

    number: int
    loaded_at: datetime | None
    version: str


@dataclass(frozen=True)
class RejectedTotal:
    """Rejected rows of one scenario and unit of money, and their gross amount."""

    scenario: str
    unit: str
    rows: int
    gross: Decimal


@dataclass(frozen=True)
class WaitingFile:
    """A file that is held or refused: its name, the reason and the fix."""

    file: str
    reason: str
    fix: str


@dataclass(frozen=True)
class RejectedRule:
    """How many rows break one rule."""

    rule: str
    rows: int


@dataclass(frozen=True)
class Reliability:
    """What a reader must know before they rely on the figures; of the whole home, never of one business unit.

    Attributes:
        waiting: the files that are held or refused.
        rejected: the rejected rows and their gross amounts, by scenario and unit of money.
        rejected_rows: how many rows were rejected.
        rules: the broken rules, the most frequent first.
        unexplained: scenarios whose delivered rows or money are not where they should be.
        restated: how many cells of closed periods changed since they were closed.
    """

    waiting: tuple[WaitingFile, ...]
    rejected: tuple[RejectedTotal, ...]
    rejected_rows: int
    rules: tuple[RejectedRule, ...]
    unexplained: tuple[str, ...]
    restated: int


@dataclass(frozen=True)
class Movement:
    """What one load changed in one period and scenario: kind, cells, net difference, gross amount, cause."""

    load_number: int
    period: str
    kind: str
    scenario: str
    measure: str
    cells: int
    difference: Decimal
    moved: Decimal
    is_restatement: bool
    cause: str


@dataclass(frozen=True)
class PackDecision:
    """A decision of a person, with its money in words; see DecisionLog."""

    number: int
    at: datetime
    action: str
    is_proposal: bool
    subject: str
    who: str
    prepared_by: str
    why: str
    waived: str
    opening_of: str
    late_periods: str
    booked_in: str
    money: str

    @property
    def words(self) -> str:
        """What was decided: of late lines with their periods, and of a booking with the period that has it."""
        action = f"proposed: {self.action}" if self.is_proposal else self.action
        action = f"{action}, late lines of {self.late_periods}" if self.late_periods else action
        return f"{action}, booked in {self.booked_in}" if self.booked_in else action


ATTRIBUTES_TEXTS = MappingProxyType(
    {"as-was": "attributes of each period (as-was)", "as-is": "latest attributes in every period (as-is)"}
)


@dataclass(frozen=True)
class Pack:
    """Everything that a pack shows.

    Attributes:
        entity: the name of the company.
        currency: ISO 4217.
        choice: what the pack is about.
        stamp: which state of the warehouse it shows.
        periods: the periods of the pack, in order, from the year before the earliest one that can be selected.
        scenarios: the scenarios, by name.
        departments: the departments, by code.
        accounts: the accounts that have an amount in the pack, by number.
        statement: the rows of the statement, in order.
        cells: the amounts, by scenario, department, account and period.
        outlook: by period, the key of the scenario that the outlook takes there.
        profit_and_loss: the statement of the choice, from the warehouse's own views.
        thresholds: of the accounts that have their own, by key; the home's under None, if it has any.
        comments: the comments on cells.
        reliability: the state of the home; None in the pack of one business unit.
        movements: what the latest load changed; none in the pack of one business unit.
        feeds: the feeds of Actual in the choice's period; none in the pack of one business unit.
        restatements: the steps from signed figures to those of now; none in the pack of one business unit.
        decisions: the decisions of people, the newest first; likewise.
        red_gates: of a period that is not closed: what contradicts each gate of its close, a clause each; None if they
            were not examined.
        as_of: which signed or earlier state it shows; empty for what is published now.
        attributes: as-was, or as-is: accounts and departments have their latest attributes in every period.
    """

    entity: str
    currency: str
    choice: Choice
    stamp: LoadStamp
    periods: tuple[PackPeriod, ...]
    scenarios: tuple[PackScenario, ...]
    departments: tuple[PackDepartment, ...]
    accounts: Sequence[PackAccount]
    statement: tuple[StatementRow, ...]
    cells: Sequence[Cell]
    outlook: dict[str, int]
    profit_and_loss: tuple[LineFigure, ...]
    thresholds: dict[int | None, Threshold]
    comments: tuple[Comment, ...]
    reliability: Reliability | None = None
    movements: tuple[Movement, ...] = ()
    feeds: tuple[FeedLines, ...] = ()
    restatements: tuple[RestatementStep, ...] = ()
    decisions: tuple[PackDecision, ...] = ()
    red_gates: tuple[str, ...] | None = None
    as_of: str = ""
    attributes: str = "as-was"

    @property
    def attributes_text(self) -> str:
        """Which attributes accounts and departments have, for the head of a page."""
        return ATTRIBUTES_TEXTS[self.attributes]

    @property
    def period(self) -> PackPeriod | None:
        """The period of the choice."""
        return next((period for period in self.periods if period.name == self.choice.period), None)

    def figure(self, horizon: str, reference: str, order: int) -> LineFigure | None:
        """Return a row of the statement of the choice over a horizon; None if the warehouse has none."""
        place = (HORIZONS.index(horizon) + 1, reference, order)
        return next(
            (one for one in self.profit_and_loss if (one.horizon, one.reference_name, one.order) == place), None
        )

    @property
    def closed_through(self) -> str:
        """The last period, up to the choice's, before which every one is closed; blank if the first one is open."""
        closed = takewhile(lambda one: one.is_closed and one.name <= self.choice.period, self._in_order())
        return max((one.name for one in closed), default="")

    @property
    def open_before_closed(self) -> list[str]:
        """The open periods with a closed one after them up to the choice's: reopened, or delivered since the close."""
        shown = [one for one in self._in_order() if one.name <= self.choice.period]
        last = max((one.name for one in shown if one.is_closed), default="")
        return [one.name for one in shown if not one.is_closed and one.name < last]

    @property
    def closed_text(self) -> str:
        """What is closed up to the choice's period, in words; blank if nothing is."""
        through = f"closed through {self.closed_through}" if self.closed_through else ""
        still_open = f"open before closed periods: {self.open_text}" if self.open_before_closed else ""
        return " · ".join(filter(None, (through, still_open)))

    @property
    def open_text(self) -> str:
        """The first of the open periods before closed ones, and the number of the others."""
        names = self.open_before_closed
        more = f" and {len(names) - _OPEN_PERIODS_NAMED} more" if len(names) > _OPEN_PERIODS_NAMED else ""
        return f"{', '.join(names[:_OPEN_PERIODS_NAMED])}{more}"

    def _in_order(self) -> list[PackPeriod]:
        return sorted(self.periods, key=lambda one: one.name)

    @property
    def signing(self) -> str:
        """What has become of signed figures, as a heading."""
        if self.restatements:
            return "Signed periods have changed since they were closed"
        is_closed = any(one.is_closed for one in self.periods)
        return "Every signed period is published as it was signed" if is_closed else "No period is closed"

    @property
    def closing(self) -> PackDecision | None:
        """The decision that closed the choice's period; None if it is not closed, or closed since the last run."""
        if self.period is None or not self.period.is_closed:
            return None
        changes = [one for one in self.decisions if one.subject == self.choice.period and not one.is_proposal]
        return changes[0] if changes and changes[0].action == "closed" else None

    @property
    def is_preliminary(self) -> bool:
        """Whether the choice's period or one before it is not closed, or something is wrong with the home."""
        is_red = self.reliability is not None and bool(self.reliability.waiting or self.reliability.unexplained)
        return self.period is None or not self.period.is_closed or bool(self.open_before_closed) or is_red


def references(scenarios: Sequence[PackScenario], scenario: str) -> list[str]:
    """Return what a scenario can be compared with, the best first.

    That is the baseline, then the other plans, then the prior year; a plan that is reported itself is not among them.
    """
    others = [one for one in scenarios if one.name != scenario and one.covered]
    ordered = sorted(others, key=lambda one: (not one.is_baseline, one.type != "Budget", one.type == ACTUAL, one.name))
    own = next((one for one in scenarios if one.name == scenario), None)
    has_prior_year = own is not None and any(year_after(period) in own.covered for period in own.covered)
    return [*(one.name for one in ordered), *([PRIOR_YEAR] if has_prior_year else [])]


def year_after(period: str) -> str:
    """Return the period twelve months after one."""
    return f"{int(period[:4]) + 1:04d}{period[4:]}"
