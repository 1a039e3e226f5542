"""The target version of each slice: a hash of the inputs that its rows are built from.

Belongs here: inputs and versions, as pure functions of the state. Does not belong here: comparing versions with what is
built or published (see `snapshot`, `version_diff`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from finance_platform.contracts.model import Contract
from finance_platform.contracts.star import ACCOUNT_HISTORY, DEPARTMENT_HISTORY, WHOLE_TABLE
from finance_platform.deliveries.commits import PeriodCount
from finance_platform.deliveries.live_lines import is_same_object
from finance_platform.deliveries.members.attribute_history import HISTORY, NO_HISTORY, History, Row, history_in
from finance_platform.deliveries.members.reorganisations import REORGANISATIONS
from finance_platform.deliveries.overlaps import Overlaps
from finance_platform.deliveries.portions import Portion
from finance_platform.deliveries.state import DeliveryState, LiveDelivery, covered_periods, replaces_periods
from finance_platform.feeds.values.codes import fold, fold_name
from finance_platform.storage.immutable_documents import derive_once

if TYPE_CHECKING:
    from finance_platform.settings import StarSettings


PORTIONS = "portions"
"""The input that names the periods that count of deliveries that supersede keys, where not all of them do."""


@dataclass(frozen=True)
class TargetSlice:
    """A slice in the version that follows from the live deliveries, the settings and the code."""

    table: str
    slice: str
    version: str
    inputs: Mapping[str, Any]


class ContributingDelivery(NamedTuple):
    """The lines of one live delivery that count in one period; a tuple, since there may be thousands.

    Attributes:
        delivery: the delivery.
        scenarios: the scenarios whose lines count, as the delivery spells them.
        accepted: the lines and the money of the delivery's commit in the period and these scenarios, sign as delivered.
        superseded_by: ids of the later deliveries that have keys of some of these lines.
        superseded_scopes: scenario and scope key of the lines that a later delivery replaces.
    """

    delivery: LiveDelivery
    scenarios: tuple[str, ...]
    accepted: Sequence[PeriodCount]
    superseded_by: tuple[str, ...] = ()
    superseded_scopes: tuple[tuple[str, str | None], ...] = ()


def contributing_deliveries(state: DeliveryState, overlaps: Overlaps) -> Mapping[str, Sequence[ContributingDelivery]]:
    """Return, by period, the deliveries whose lines count there, in delivery order; derived once for the same objects.

    Under load mode replace_period the latest delivery of a feed that covers a scenario and period wins both, or the
    part of them that the feed's scope selects; under upsert the latest delivery that has a key wins it in any period.
    """
    return derive_once("contributing deliveries", (state, overlaps), _contributing_deliveries)


def _contributing_deliveries(state: DeliveryState, overlaps: Overlaps) -> Mapping[str, Sequence[ContributingDelivery]]:
    winners = _period_winners(state)
    contributions: dict[str, list[ContributingDelivery]] = {}
    for delivery in state.ledger:
        name, may_lose, counts = delivery.commit.delivery_id, replaces_periods(delivery), delivery.commit.periods
        if len(counts) == 1 and not may_lose and not overlaps.overlapping(name):
            # As most of thousands: all of its lines count, in one period.
            one = ContributingDelivery(delivery, (counts[0].scenario,), counts)
            contributions.setdefault(counts[0].period, []).append(one)
            continue
        superseded_by, scopes = _superseded(delivery, overlaps, state.by_id)
        feed = delivery.event.feed
        counts_by_period: dict[str, list[PeriodCount]] = {}
        for count in counts:
            if not may_lose or winners.get((feed, fold_name(count.scenario), count.period), name) == name:
                counts_by_period.setdefault(count.period, []).append(count)
        for period, accepted in counts_by_period.items():
            contributions.setdefault(period, []).append(
                ContributingDelivery(
                    delivery,
                    tuple(sorted(count.scenario for count in accepted)),
                    accepted,
                    tuple(sorted(superseded_by.get(period, ()))),
                    tuple(sorted(scopes.get(period, ()), key=str)),
                )
            )
    return MappingProxyType(dict(sorted(contributions.items())))


def _period_winners(state: DeliveryState) -> dict[tuple[str, str, str], str]:
    """Return the delivery that wins each feed, scenario and period under load mode replace_period without scope."""
    return {
        (delivery.event.feed, scenario, period): delivery.delivery_id
        for delivery in state.ledger
        if replaces_periods(delivery)
        for scenario, period in covered_periods(delivery)
    }


def _superseded(
    delivery: LiveDelivery, overlaps: Overlaps, live: Mapping[str, LiveDelivery]
) -> tuple[dict[str, set[str]], dict[str, set[tuple[str, str | None]]]]:
    """Return, by period, the live later deliveries that supersede lines by key, and the scopes that are replaced."""
    superseded_by: dict[str, set[str]] = {}
    scopes: dict[str, set[tuple[str, str | None]]] = {}
    for other in overlaps.overlapping(delivery.delivery_id):
        later = live.get(other)
        if later is None or later.position < delivery.position or is_same_object(delivery, later):
            continue
        overlap = overlaps.overlap(delivery.delivery_id, other)
        if not any(period in later.portion for period in overlap.other_periods):
            continue
        for scenario, period, scope in overlap.lines:
            if delivery.event.is_scoped and period in later.portion:
                scopes.setdefault(period, set()).add((scenario, scope))
            elif not delivery.event.is_scoped:
                superseded_by.setdefault(period, set()).add(other)
    return superseded_by, scopes


def scenarios(state: DeliveryState) -> list[tuple[str, str]]:
    """Return name and type of each scenario that has live lines, once, as the first delivery that has it spells it."""
    spellings: dict[str, tuple[str, str]] = {}
    for scenario, scenario_type, _ in state.cells:
        spellings.setdefault(fold_name(scenario), (scenario, scenario_type))
    return sorted(spellings.values())


def actual_periods(contributions: Mapping[str, Sequence[ContributingDelivery]]) -> list[str]:
    """Return the periods in which lines of scenario Actual count, sorted.

    Args:
        contributions: see `contributing_deliveries`.
    """
    return sorted(
        period for period, deliveries in contributions.items() if any("Actual" in item.scenarios for item in deliveries)
    )


def actual_covers(period: str, with_actuals: Sequence[str], actuals_through: str | None) -> bool:
    """Return whether Actual is compared with the baseline in a period."""
    if actuals_through is None:
        return period in with_actuals
    return bool(with_actuals) and with_actuals[0] <= period <= actuals_through


@dataclass(frozen=True)
class StarInputs:
    """What the star is built from beside the deliveries and what they supersede of each other.

    Attributes:
        settings: the settings that determine the star.
        code: version of the code that builds it, see `code_version`.
        account_types: type by account key; needed if a live delivery is debit-positive.
        accounts_of: the accounts that each debit-positive delivery mentions.
        statistical_accounts: the accounts that are no money; needed where a line supersedes another.
        leading_empty_periods: see `leading_empty_periods.find_leading_empty_periods`; needed with ACTUALS_THROUGH.
        history: what members whose attributes changed were in which periods.
        reorganisations: which departments take over others; see `Reorganisation.to_input`.
    """

    settings: StarSettings
    code: str
    account_types: Mapping[int, str] = field(default_factory=dict)
    accounts_of: Mapping[str, frozenset[int]] = field(default_factory=dict)
    statistical_accounts: Collection[int] = ()
    leading_empty_periods: Collection[str] = ()
    history: History = field(default_factory=lambda: NO_HISTORY)
    reorganisations: Sequence[Mapping[str, Any]] = ()


def target_slices(state: DeliveryState, overlaps: Overlaps, star: StarInputs) -> tuple[TargetSlice, ...]:
    """Return every slice that the live deliveries give, dimensions first.

    Args:
        state: the deliveries of the processed zone.
        overlaps: the lines that live deliveries claim from each other.
        star: everything else that versions follow from.
    """
    settings, code = star.settings, star.code
    dimensions = _dimension_inputs(state, star)
    targets = [_slice(table, WHOLE_TABLE, {**inputs, "code": code}) for table, inputs in dimensions.items()]
    contributions, portions = contributing_deliveries(state, overlaps), portions_of(state)
    with_actuals = [period for period in actual_periods(contributions) if period not in star.leading_empty_periods]
    for period, items in contributions.items():
        inputs: dict[str, Any] = {
            **line_inputs(items, portions),
            "baseline": fold(settings.baseline_scenario),
            "actual_covers": actual_covers(period, with_actuals, settings.actuals_through),
            "code": code,
        }
        has_superseded_lines = inputs["hidden"] or inputs["hidden_scopes"]
        if has_superseded_lines and settings.actuals_through is None and inputs["actual_covers"]:
            # Later deliveries may supersede every line of the period; only the build finds out which lines remain.
            inputs["actual_covers"] = None
        if has_superseded_lines and star.statistical_accounts:
            # The slice records which superseded lines are money.
            inputs["statistical_accounts"] = _short_hash(sorted(star.statistical_accounts))
        debit_positive = [one.delivery.delivery_id for one in items if one.delivery.commit.is_debit_positive]
        if debit_positive:
            mentioned = frozenset[int]().union(*(star.accounts_of.get(name, frozenset()) for name in debit_positive))
            history = star.history.get(ACCOUNT_HISTORY, ())
            inputs["account_types"] = hash_types(period, mentioned, star.account_types, history)
        targets.append(_slice("fact_financials", period, inputs))
    return tuple(targets)


def hash_types(period: str, accounts: Collection[int], types: Mapping[int, str], history: Sequence[Row]) -> str:
    """Return a hash of the types by which the lines of debit-positive deliveries are flipped in a period.

    Args:
        period: the period.
        accounts: the accounts that these deliveries mention.
        types: type by account.
        history: what accounts whose attributes change were in earlier periods.
    """
    earlier = {key: row["account_type"] for key, row in history_in(period, history, "account_key").items()}
    named = sorted((key, earlier.get(key, types.get(key, "Unknown"))) for key in accounts)
    return _short_hash(named)


def _short_hash(values: Sequence[Any]) -> str:
    return hashlib.sha256(json.dumps(values).encode()).hexdigest()[:16]


def portions_of(state: DeliveryState) -> dict[str, Portion]:
    """Return the portion that counts of each delivery of which not all lines do, by id."""
    return {delivery.delivery_id: delivery.portion for delivery in state.partial}


def line_inputs(items: Sequence[ContributingDelivery], portions: Mapping[str, Portion]) -> dict[str, Any]:
    """Return the inputs of a period's slice that name its ledger lines.

    Args:
        items: whose lines count in the period.
        portions: see `portions_of`; a delivery supersedes only keys of the lines that count.
    """
    superseded = [item for item in items if item.superseded_by or item.superseded_scopes]
    later = {name for item in superseded for name in item.superseded_by if name in portions}
    booked = [[one.delivery.delivery_id, one.delivery.booked_from] for one in items if one.delivery.booked_from]
    return {
        **({"booked": sorted(booked)} if booked else {}),
        **({PORTIONS: [[name, *portions[name].described] for name in sorted(later)]} if later else {}),
        "lines": sorted([item.delivery.commit.delivery_id, *item.scenarios] for item in items),
        "hidden": sorted([item.delivery.delivery_id, later] for item in superseded for later in item.superseded_by),
        "hidden_scopes": sorted(
            ([item.delivery.delivery_id, *scope] for item in superseded for scope in item.superseded_scopes), key=str
        ),
    }


def _dimension_inputs(state: DeliveryState, star: StarInputs) -> dict[str, dict[str, Any]]:
    settings, history = star.settings, star.history
    if not state.live:
        return {}
    commits = [delivery.commit for delivery in state.ledger]
    days = {day for commit in commits for day in (commit.first_day, commit.last_day) if day}
    members = [commit.members_hash for commit in commits]
    inputs: dict[str, dict[str, Any]] = {
        "dim_department": {
            "members": members,
            **_reference_inputs(state, "departments"),
            **_history_input(history, DEPARTMENT_HISTORY),
            **({REORGANISATIONS: list(star.reorganisations)} if star.reorganisations else {}),
        },
        "dim_account": {
            "members": members,
            **_reference_inputs(state, "accounts"),
            **_history_input(history, ACCOUNT_HISTORY),
        },
        "dim_scenario": {"scenarios": scenarios(state), "baseline": fold(settings.baseline_scenario)},
    }
    if days:
        years = {"first_year": int(min(days)[:4]), "last_year": int(max(days)[:4])}
        inputs = {"dim_date": {**years, "fiscal_start": settings.fiscal_year_start_month}, **inputs}
    return inputs


def _history_input(history: History, table: Contract) -> dict[str, Any]:
    rows = history.get(table, ())
    return {HISTORY: list(rows)} if rows else {}


def _reference_inputs(state: DeliveryState, kind: str) -> dict[str, Any]:
    """Return the deliveries that describe members now, and those that describe them in some periods only."""
    inputs: dict[str, Any] = {"reference": [one.delivery_id for one in state.reference if one.event.kind == kind]}
    dated = [
        [one.delivery.delivery_id, one.since, one.until]
        for one in state.descriptions
        if one.delivery.event.kind == kind and (one.since or one.until is not None)
    ]
    return inputs | ({"described": dated} if dated else {})


def _slice(table: str, slice_name: str, inputs: Mapping[str, Any]) -> TargetSlice:
    return TargetSlice(table, slice_name, version_of(table, slice_name, inputs), inputs)


def version_of(table: str, slice_name: str, inputs: Mapping[str, Any]) -> str:
    """Return the version of a slice that is built from these inputs."""
    text = json.dumps([table, slice_name, inputs], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
