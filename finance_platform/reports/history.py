"""The history of decisions: who decided what, when, why, and about how much money.

Belongs here: the rows of the command `history` and of the table DecisionAmount, from the register.
Does not belong here: what a decision does (see `deliveries.decisions`), printing, storing rows (see
`warehouse.report_tables`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from finance_platform.contracts.model import Contract
from finance_platform.contracts.star import DECISION_AMOUNT
from finance_platform.deliveries.commits import DeliveryCommit
from finance_platform.deliveries.events import (
    DecidedAmount,
    DecisionProposed,
    DecisionRecorded,
    Event,
    PeriodStatusChanged,
    select_decisions,
)
from finance_platform.deliveries.members.account_types import STATISTICAL as STATISTICAL_TYPE
from finance_platform.money_text import exact_money
from finance_platform.reports.statement import STATISTICAL

UNVERIFIED = "unverified"


@dataclass(frozen=True)
class Decision:
    """A decision of a person, or a proposal of one.

    Attributes:
        number: of its event in the register.
        at: when, UTC.
        action: accepted, withdrawn, reinstated, closed or reopened.
        is_proposal: whether another person has to decide the same before it takes effect.
        object_key: the file; empty for a period.
        period: the period; empty for a file.
        delivery_id: the delivery of the file.
        who: who decided.
        identified_by: how the person is known: os, sts or unverified.
        prepared_by: who proposed it, if two people decide.
        why: in the person's words.
        waived: of a closing: the gates that were waived, with what contradicted each; empty without one.
        opening_of: of a closing that came with the home's first one: the period of that; else empty.
        late_periods: the periods of a decision about late lines, while the rest of the file counts.
        booked_in: of an acceptance: the period in which lines of closed periods are booked instead; else empty.
        periods: the periods of the file's accepted lines, the one in which lines are booked, or the period itself.
        amounts: the money that it is about.
    """

    number: int
    at: datetime
    action: str
    is_proposal: bool
    object_key: str
    period: str
    delivery_id: str
    who: str
    identified_by: str
    prepared_by: str
    why: str
    periods: frozenset[str]
    amounts: Sequence[DecidedAmount]
    waived: str = ""
    opening_of: str = ""
    late_periods: Sequence[str] = ()
    booked_in: str = ""


@dataclass(frozen=True)
class HistoryFilter:
    """Which decisions to show.

    Attributes:
        period: about this period, or a file with lines in it.
        object_key: about this file.
        who: by this person, or prepared by them.
        since: at this time or later, UTC.
    """

    period: str | None = None
    object_key: str | None = None
    who: str | None = None
    since: datetime | None = None

    def selects(self, decision: Decision) -> bool:
        """Return whether a decision is to be shown."""
        return (
            (self.period is None or self.period in decision.periods)
            and (self.object_key is None or self.object_key == decision.object_key)
            and (self.who is None or self.who in {decision.who, decision.prepared_by})
            and (self.since is None or decision.at >= self.since)
        )


def decisions_in(events: Sequence[Event], commits: Mapping[str, DeliveryCommit]) -> Iterator[Decision]:
    """Yield the decisions, oldest first.

    Args:
        events: every event of the register.
        commits: the commits of deliveries, removed ones too, which name the periods of those decided about as a whole.
    """
    for number, event in select_decisions(events):
        match event:
            case DecisionRecorded():
                yield _about_file(number, event, event.action, event.object_key, event.prepared_by, commits)
            case PeriodStatusChanged():
                yield _about_period(number, event, event.period, event.prepared_by)
            case DecisionProposed() if event.delivery_id:
                yield _about_file(number, event, event.action, event.subject, "", commits, is_proposal=True)
            case DecisionProposed():
                yield _about_period(number, event, event.subject, "", is_proposal=True)


def decision_rows(decisions: Iterator[Decision], currency: str) -> dict[Contract, list[dict[str, object]]]:
    """Return the rows of DecisionAmount: one per decision, scenario, account type and unit.

    Args:
        decisions: from `decisions_in`.
        currency: the home's currency.
    """
    return {DECISION_AMOUNT: [row for decision in decisions for row in rows_of(decision, currency)]}


def rows_of(decision: Decision, currency: str) -> Iterator[dict[str, object]]:
    """Yield the rows of a decision; one without an amount if none is known."""
    common = {
        "event_number": decision.number,
        "decided_at": decision.at.replace(tzinfo=None),
        "action": decision.action,
        "is_proposal": decision.is_proposal,
        "object_key": DECISION_AMOUNT.fit("object_key", decision.object_key),
        "period": decision.period or None,
        "delivery_id": decision.delivery_id or None,
        "decided_by": DECISION_AMOUNT.fit("decided_by", decision.who) or "",
        "identified_by": decision.identified_by,
        "prepared_by": DECISION_AMOUNT.fit("prepared_by", decision.prepared_by),
        "reason": DECISION_AMOUNT.fit("reason", decision.why) or "",
        "waived": DECISION_AMOUNT.fit("waived", decision.waived),
        "opening_of": decision.opening_of or None,
        "late_periods": DECISION_AMOUNT.fit("late_periods", ", ".join(decision.late_periods)),
        "booked_in": decision.booked_in or None,
    }
    for amount in decision.amounts or (None,):
        yield {**common, **_amount_values(amount, currency)}


def _amount_values(amount: DecidedAmount | None, currency: str) -> dict[str, object]:
    names = ("scenario_name", "account_type", "unit", "row_count", "net_amount", "gross_amount")
    if amount is None:
        return dict.fromkeys(names)
    is_statistical = amount.account_type == STATISTICAL_TYPE and not amount.unit
    values = (
        amount.scenario,
        amount.account_type or None,
        STATISTICAL if is_statistical else amount.unit or currency,
        amount.rows,
        Decimal(amount.net),
        Decimal(amount.gross) if amount.gross else None,
    )
    return dict(zip(names, values, strict=True))


def amounts_in_words(amounts: Iterable[tuple[object, object, object, object]], currency: str) -> str:
    """Return the amounts of a decision by scenario and account type, which are never added up.

    Args:
        amounts: scenario, account type, unit and net amount of each; one without an amount is left out.
        currency: of the home, which amounts do not name.
    """
    by_scenario: dict[object, list[str]] = {}
    for scenario, account_type, unit, net in amounts:
        if isinstance(net, Decimal):
            parts = (str(account_type or ""), exact_money(net, grouping=","), "" if unit == currency else str(unit))
            by_scenario.setdefault(scenario, []).append(" ".join(filter(None, parts)))
    return "; ".join(f"{scenario}: {', '.join(texts)}" for scenario, texts in by_scenario.items())


def _about_file(
    number: int,
    event: DecisionRecorded | DecisionProposed,
    action: str,
    object_key: str,
    prepared_by: str,
    commits: Mapping[str, DeliveryCommit],
    *,
    is_proposal: bool = False,
) -> Decision:
    commit = commits.get(event.delivery_id)
    periods = event.late_periods or ([count.period for count in commit.periods] if commit else ())
    return Decision(
        number,
        _moment(event.at),
        action,
        is_proposal,
        object_key,
        "",
        event.delivery_id,
        event.who,
        event.identified_by or UNVERIFIED,
        prepared_by,
        event.why,
        frozenset({*periods, event.booked_in} - {""}),
        event.amounts,
        late_periods=event.late_periods,
        booked_in=event.booked_in,
    )


def _about_period(
    number: int,
    event: PeriodStatusChanged | DecisionProposed,
    period: str,
    prepared_by: str,
    *,
    is_proposal: bool = False,
) -> Decision:
    waived = "; ".join(f"{gate}: {found}" for gate, found in event.waived.items())
    opening_of = event.opening_of if isinstance(event, PeriodStatusChanged) else ""
    return Decision(
        number,
        _moment(event.at),
        event.action,
        is_proposal,
        "",
        period,
        "",
        event.who,
        event.identified_by or UNVERIFIED,
        prepared_by,
        event.why,
        frozenset({period}),
        event.amounts,
        waived,
        opening_of,
    )


def _moment(text: str) -> datetime:
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
