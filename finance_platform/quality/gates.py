"""The gates of a close: what must be true of a period before a person closes it, and what contradicts it.

Belongs here: the list of gates, and pure functions that return what contradicts each. Does not belong here: reading
what they need, recording the close (see `refresh.close`), which decisions are allowed (see
`deliveries.period_decisions`).

A gate is green if nothing contradicts it. A person may waive a red one with a reason, which the register keeps.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType
from typing import NamedTuple

from finance_platform.count_text import pluralize
from finance_platform.deliveries.commits import Count
from finance_platform.deliveries.state import DeliveryState, InactiveDelivery, LiveDelivery, covered_periods
from finance_platform.feeds.feed_set import Problem
from finance_platform.feeds.values.codes import surrogate_key
from finance_platform.money_text import grouped_money
from finance_platform.quality.account_months import UnusualMonth
from finance_platform.quality.natural_signs import WrongSigns
from finance_platform.quality.other_units import OtherUnit
from finance_platform.quality.running_years import FIX as FIX_OF_RUNNING_YEARS
from finance_platform.quality.running_years import RunningYear
from finance_platform.quality.year_end_entries import FIX, YearEndEntries
from finance_platform.safe_text import quote_name

COMMENTS = "comments"
"""The kind of feeds whose files change no figure."""

VOUCHER_RULES = frozenset({"half_voucher", "unbalanced_voucher"})
"""The rules of lines that were rejected because their voucher does not balance or is not whole."""

_MAX_FINDINGS = 10


class Gate(NamedTuple):
    """One gate.

    Attributes:
        name: as `--waive` takes it.
        statement: true when the gate is green.
        is_waivable: whether a person may close the period although it is red.
    """

    name: str
    statement: str
    is_waivable: bool = True


HELD = Gate("held", "no held or unreadable file concerns the period")
STALE = Gate("stale", "everything delivered is read and published", is_waivable=False)
COMPLETENESS = Gate("completeness", "every department and feed has delivered what it usually does, or is to")
DOCUMENT_NUMBERS = Gate("document_numbers", "no number is missing in feeds that declare document_numbers")
REJECTED = Gate("rejected", "rejected money is within materiality")
UNCLASSIFIED = Gate("unclassified", "every account with amounts has a type")
BALANCED = Gate("balanced", "every voucher balances in feeds that declare balanced")
TRIAL_BALANCE = Gate("trial_balance", "debits equal credits in feeds that declare balanced, and in a trial balance")
CARRY_FORWARD = Gate("carry_forward", "a trial balance, if there is one, opens with the balances carried forward")
TIE_OUT = Gate("tie_out", "the ledger agrees with the trial balance, if there is one")
CONTROL_TOTALS = Gate("control_totals", "every total that a file prints ties to its lines")
PREVIOUS = Gate("previous", "no earlier period stays open")
ACTUALS = Gate("actuals", "the period has actuals")
UNUSUAL = Gate("unusual", "every unusual amount has a comment")

GATES = (
    *(HELD, STALE, COMPLETENESS, DOCUMENT_NUMBERS, REJECTED, UNCLASSIFIED, BALANCED),
    *(TRIAL_BALANCE, CARRY_FORWARD, TIE_OUT, CONTROL_TOTALS, PREVIOUS, ACTUALS, UNUSUAL),
)
"""Every gate, in the order in which they are shown."""


class Finding(NamedTuple):
    """One thing that contradicts a gate: which file, department or account, how much, and what to do about it."""

    text: str
    fix: str


@dataclass(frozen=True)
class GateResult:
    """The result of one gate.

    Attributes:
        gate: the gate.
        findings: what contradicts it; none if it is green.
    """

    gate: Gate
    findings: Sequence[Finding]

    @property
    def is_green(self) -> bool:
        """Whether nothing contradicts it."""
        return not self.findings

    @property
    def lines(self) -> list[str]:
        """What contradicts it, the first things by name."""
        texts = [finding.text for finding in self.findings[:_MAX_FINDINGS]]
        more = len(self.findings) - len(texts)
        return [*texts, *([f"and {more:,} more"] if more else [])]

    @property
    def fixes(self) -> list[str]:
        """What to do about it, each once."""
        return list(dict.fromkeys(finding.fix for finding in self.findings[:_MAX_FINDINGS]))


class ThinDepartment(NamedTuple):
    """A department with less than half of its usual lines of Actual in a period."""

    name: str
    lines: int
    usual: int


class ThinFeed(NamedTuple):
    """A feed with less than half of its usual lines of Actual in a period."""

    feed: str
    lines: int
    usual: int


class UntypedAccount(NamedTuple):
    """An account without a type, and its Actual amount in a period."""

    number: str
    name: str
    amount: Decimal


class RejectedPlace(NamedTuple):
    """What the rejected rows of a period are added up by; scenarios and currencies are never added to each other.

    Attributes:
        file: object key.
        scenario: name of the scenario.
        unit: the currency.
        has_period: whether the rows belong to the period; without a valid date they may.
    """

    file: str
    scenario: str
    unit: str
    has_period: bool


def find_held(state: DeliveryState, problems: Iterable[Problem], period: str) -> list[Finding]:
    """Return the files that are held, could not be read or lost their record, and may change the period.

    Args:
        state: the deliveries.
        problems: descriptors and files of the raw zone that cannot be used.
        period: YYYY-MM.
    """
    held = [_held(one, period) for one in state.inactive if _concerns(one, state, period)]
    unusable = [Finding(f"{quote_name(problem.where)}: {problem.message}", problem.fix) for problem in problems]
    lost = [
        Finding(
            f"{quote_name(event.object_key)}: the record of what was read is lost, so its periods are not known",
            "`finance-platform status` says how it comes back",
        )
        for event in state.missing
    ]
    return sorted([*held, *unusable, *lost])


def _concerns(held: InactiveDelivery, state: DeliveryState, period: str) -> bool:
    """Return whether a delivery that does not count would change a period, or may."""
    if held.event.kind == COMMENTS:
        return False
    if held.late:
        return period in held.late_periods
    if held.would_count is None or not held.commit.periods:
        return True  # what an unreadable file or one of master data would change is not known
    covered = {covered_period for _, covered_period in covered_periods(held.would_count)}
    earlier = [live.commit for live in state.live if live.event.object_key == held.event.object_key]
    return period in covered or any(count.period == period for commit in earlier for count in commit.periods)


def _held(held: InactiveDelivery, period: str) -> Finding:
    counts = [count for count in held.commit.periods if count.period == period]
    amounts = "; ".join(
        f"{count.scenario} {grouped_money(count.amount)} in {pluralize(count.rows, 'line')}" for count in counts
    )
    status = "could not be read" if held.is_refused else "has late lines" if held.late else "is held"
    return Finding(
        f"{quote_name(held.event.object_key)} {status}{f' with {amounts}' if amounts else ''}: {held.reason}", held.fix
    )


NOTHING_ELSE: Mapping[str, Sequence[str]] = MappingProxyType({})
"""Nothing that a run would publish besides the period."""


def find_stale(
    periods: Iterable[str],
    target: Mapping[str, str],
    published: Mapping[str, str],
    unread: Iterable[str],
    *,
    others: Mapping[str, Sequence[str]] = NOTHING_ELSE,
    read_again: int = 0,
    why_again: str = "",
) -> list[Finding]:
    """Return what is delivered and not published.

    Args:
        periods: the periods that the close signs.
        target: the target version of each period's fact slice.
        published: the published version of each.
        unread: files that are new or have no verdict yet, by key.
        others: what else the close signs and a run would publish, with the causes of each.
        read_again: how many files are read again although they have not changed, beside them.
        why_again: why.
    """
    fix, periods = "run `finance-platform run` first", list(periods)
    behind = [f"{period} has changes that are not published yet" for period in periods]
    files = [f"{quote_name(key)} is not read yet" for key in sorted(unread)]
    stale = [text for period, text in zip(periods, behind, strict=True) if target.get(period) != published[period]]
    stale += [
        f"{name} has changes that are not published yet{f': {causes}' if causes else ''}"
        for name, why in sorted(others.items())
        if name not in periods
        for causes in ["; ".join(why)]
    ]
    if read_again:
        verb = "is to be" if read_again == 1 else "are to be"
        files.append(f"{pluralize(read_again, 'file')} {verb} read again, since {why_again}")
    return [Finding(text, fix) for text in [*stale, *files]]


def find_other_threshold(setting: Decimal, published: Decimal) -> list[Finding]:
    """Return that the setting for what is material is not the published one, which the close signs.

    Args:
        setting: the amount that the command has.
        published: the amount of the last load.
    """
    if setting == published:
        return []
    text = (
        f"FINANCE_PLATFORM_MATERIALITY_AMOUNT is {grouped_money(setting)} here, and {grouped_money(published)} is "
        "published, which the close would sign"
    )
    return [Finding(text, "set it in the home's .env and run `finance-platform run` first, or leave it as it was")]


def find_incomplete(departments: Iterable[ThinDepartment], feeds: Iterable[ThinFeed]) -> list[Finding]:
    """Return the departments and feeds that have delivered less than usual."""
    of_departments = [
        Finding(
            f"department {one.name} has {pluralize(one.lines, 'line')} of Actual, usually {one.usual:,}",
            "deliver the department's missing lines",
        )
        for one in departments
    ]
    of_feeds = [
        Finding(
            f"feed {one.feed} has {pluralize(one.lines, 'line')} of Actual, usually {one.usual:,}",
            f"deliver the missing file of feed {one.feed}",
        )
        for one in feeds
    ]
    return [*of_departments, *of_feeds]


def find_rejected(rejected: Mapping[RejectedPlace, Count], materiality: Decimal, currency: str) -> list[Finding]:
    """Return the rejected money of a period: more than is material in a scenario, or not known in the home's currency.

    Args:
        rejected: rejected rows that belong, or may belong, to the period.
        materiality: gross amount of a scenario up to which nothing is material, as published.
        currency: the home's currency.
    """
    by_scenario: dict[str, Decimal] = {}
    for place, count in rejected.items():
        if place.unit == currency:
            by_scenario[place.scenario] = by_scenario.get(place.scenario, Decimal(0)) + count.absolute
    material = {scenario for scenario, amount in by_scenario.items() if amount > materiality}
    return [
        Finding(
            _rejected_text(place, count, currency),
            f"`finance-platform rejected --file {quote_name(place.file)}{option}` lists the rows; correct the file and "
            "send it again",
        )
        for place, count in sorted(rejected.items())
        for option in ["" if place.has_period else " --period none"]
        if place.scenario in material or place.unit != currency or count.unpriced
    ]


def _rejected_text(place: RejectedPlace, count: Count, currency: str) -> str:
    unpriced = f", {pluralize(count.unpriced, 'row')} of them without a valid amount" if count.unpriced else ""
    unit = "" if place.unit == currency else f"{place.unit} "
    rows = pluralize(count.rows, "rejected row")
    of_any = "" if place.has_period else " without a valid date, so maybe of this period"
    amount = f"{unit}{grouped_money(count.absolute)} gross{unpriced}"
    return f"{quote_name(place.file)}: {rows} of {place.scenario}{of_any}, {amount}"


def find_unclassified(accounts: Iterable[UntypedAccount]) -> list[Finding]:
    """Return the accounts whose amounts are neither revenue nor expense."""
    return [
        Finding(
            f"account {name} has no type and {grouped_money(one.amount)} of Actual",
            "give the account a type in an accounts file and run",
        )
        for one in accounts
        # An account that no file describes has its number as its name.
        for name in [one.number if one.name == one.number else f"{one.number} {one.name}"]
    ]


def find_unbalanced(rejected: Mapping[str, Count]) -> list[Finding]:
    """Return the files with rejected vouchers in a period; `rejected` has the rejected lines of vouchers by file."""
    return [
        Finding(
            f"{quote_name(file)}: {pluralize(count.rows, 'line')} of vouchers that do not balance or are not whole, "
            f"{grouped_money(count.absolute)} gross",
            f"`finance-platform rejected --file {quote_name(file)}` lists them; correct the file and send it again",
        )
        for file, count in sorted(rejected.items())
    ]


def find_untied_totals(live: Iterable[LiveDelivery], period: str) -> list[Finding]:
    """Return the printed totals that do not tie, of files with lines in the period that count all the same."""
    return [
        Finding(
            f"{quote_name(delivery.event.object_key)}: {breach}", "correct the file and send it again, or withdraw it"
        )
        for delivery in live
        if any(count.period == period for count in delivery.commit.periods)
        for breach in delivery.commit.findings.control_totals.breaches
    ]


def find_open_before(open_before: Sequence[str]) -> list[Finding]:
    """Return the earlier periods that are open."""
    later = ", then the later ones" if len(open_before) > 1 else ""
    fix = f"`finance-platform close {open_before[0]} --why TEXT` first{later}" if open_before else ""
    return [Finding(f"{one} is open", fix) for one in open_before]


def find_no_actuals(line_count: int) -> list[Finding]:
    """Return that a period has no lines of Actual, if so."""
    return [] if line_count else [Finding("the period has no line of Actual", "deliver its actuals and run")]


def find_unanswered(unusual: Iterable[UnusualMonth], commented: Collection[int]) -> list[Finding]:
    """Return the unusual amounts of a period that no comment explains.

    Args:
        unusual: the unusual months of accounts.
        commented: keys of the accounts that have a comment in the period.
    """
    return [
        Finding(
            one.sentence,
            f"explain account {one.month.number} in a file of comments and run, or correct its lines",
        )
        for one in unusual
        if surrogate_key(one.month.number) not in commented
    ]


def find_closed_years(year_ends: Iterable[YearEndEntries]) -> list[Finding]:
    """Return the entries of a year-end close, which no comment explains: the year's profit is zero with them."""
    return [Finding(one.sentence, FIX) for one in year_ends]


def find_contradicting_signs(wrong: Iterable[WrongSigns]) -> list[Finding]:
    """Return the signs that contradict the types of accounts, which no comment explains."""
    return [Finding(one.sentence, one.fix) for one in wrong]


def find_contradicting_units(others: Iterable[OtherUnit]) -> list[Finding]:
    """Return the amounts in another unit, which no comment explains."""
    return [Finding(one.sentence, one.fix) for one in others]


def find_running_totals(running: Iterable[RunningYear]) -> list[Finding]:
    """Return the periods whose amounts seem to be totals of the year, which no comment explains."""
    return [Finding(one.sentence, FIX_OF_RUNNING_YEARS) for one in running]


def results(findings: Mapping[Gate, Sequence[Finding]]) -> tuple[GateResult, ...]:
    """Return the result of every gate, in order; `findings` has what contradicts each."""
    return tuple(GateResult(gate, tuple(findings[gate])) for gate in GATES)


def red(gates: Iterable[GateResult]) -> Iterator[GateResult]:
    """Yield the gates that something contradicts."""
    return (result for result in gates if not result.is_green)
