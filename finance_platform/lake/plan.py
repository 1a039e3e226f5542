"""The plan: which version of each slice is wanted, and so what is stale.

Belongs here: versions as hashes of inputs, and their comparison with what is built and loaded. Pure functions.
Does not belong here: building or loading.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import finance_platform
from finance_platform.contracts.star import WHOLE_TABLE
from finance_platform.feeds.codes import fold
from finance_platform.lake.state import LakeState, LiveDelivery

if TYPE_CHECKING:
    from finance_platform.settings import Settings

_CODE_PACKAGES = ("glue", "transforms", "feeds", "contracts")


@dataclass(frozen=True)
class StarSettings:
    """The settings that decide what is in the star.

    Attributes:
        baseline_scenario: the scenario that the others are compared with.
        actuals_through: last period that Actual covers, YYYY-MM, or None for the periods with actuals.
        fiscal_year_start_month: 1 to 12.
    """

    baseline_scenario: str
    actuals_through: str | None
    fiscal_year_start_month: int

    @staticmethod
    def of(settings: Settings) -> StarSettings:
        """Return the part of a home's settings that decides what is in the star."""
        return StarSettings(settings.baseline_scenario, settings.actuals_through, settings.fiscal_year_start_month)


@dataclass(frozen=True)
class WantedSlice:
    """A slice, in the version that the live deliveries ask for."""

    table: str
    slice: str
    version: str
    inputs: Mapping[str, Any]


@dataclass(frozen=True)
class PeriodInput:
    """The lines of one live delivery that count in one period: those of the named scenarios."""

    delivery: LiveDelivery
    scenarios: tuple[str, ...]


def period_inputs(state: LakeState) -> dict[str, list[PeriodInput]]:
    """Return, by period, whose lines count there, in delivery order.

    Under load mode replace_period, the latest delivery of a feed that has a scenario and period wins both.
    """
    winners: dict[tuple[str, str, str], str] = {}
    for delivery in state.ledger:
        if delivery.event.load_mode == "replace_period":
            for count in delivery.commit.periods:
                winners[delivery.event.feed, fold(count.scenario), count.period] = delivery.delivery_id
    found: dict[str, dict[str, list[str]]] = {}
    by_id = {delivery.delivery_id: delivery for delivery in state.ledger}
    for delivery in state.ledger:
        for count in delivery.commit.periods:
            winner = winners.get((delivery.event.feed, fold(count.scenario), count.period), delivery.delivery_id)
            if winner == delivery.delivery_id:
                found.setdefault(count.period, {}).setdefault(delivery.delivery_id, []).append(count.scenario)
    return {
        period: [PeriodInput(by_id[i], tuple(sorted(scenarios))) for i, scenarios in by_delivery.items()]
        for period, by_delivery in sorted(found.items())
    }


def upsert_groups(state: LakeState) -> dict[str, list[LiveDelivery]]:
    """Return, by feed, the live deliveries in which a key can hide an earlier one: more than one under upsert."""
    groups: dict[str, list[LiveDelivery]] = {}
    for delivery in state.ledger:
        if delivery.event.load_mode == "upsert":
            groups.setdefault(delivery.event.feed, []).append(delivery)
    return {feed: deliveries for feed, deliveries in groups.items() if len(deliveries) > 1}


def scenarios(state: LakeState) -> list[tuple[str, str]]:
    """Return name and type of each scenario that has live lines, once, as the first delivery that has it spells it."""
    found: dict[str, tuple[str, str]] = {}
    for delivery in state.ledger:
        for count in delivery.commit.periods:
            found.setdefault(fold(count.scenario), (count.scenario, count.scenario_type))
    return sorted(found.values())


def actual_periods(state: LakeState) -> list[str]:
    """Return the periods in which scenario Actual has lines, sorted."""
    return sorted(
        {
            count.period
            for delivery in state.ledger
            for count in delivery.commit.periods
            if count.scenario_type == "Actual"
        }
    )


def actual_covers(period: str, with_actuals: Sequence[str], actuals_through: str | None) -> bool:
    """Return whether Actual is compared with the baseline in a period."""
    if actuals_through is None:
        return period in with_actuals
    return bool(with_actuals) and with_actuals[0] <= period <= actuals_through


def wanted_slices(state: LakeState, settings: StarSettings, code: str) -> list[WantedSlice]:
    """Return every slice that the live deliveries ask for, dimensions first.

    Args:
        state: what is in the lake.
        settings: what decides the star beside the lines.
        code: hash of the code that builds it, see `code_version`.
    """
    dimensions = _dimension_inputs(state, settings)
    wanted = [_slice(table, WHOLE_TABLE, {**inputs, "code": code}) for table, inputs in dimensions.items()]
    account_types = next((slice_.version for slice_ in wanted if slice_.table == "dim_account"), "")
    groups = upsert_groups(state)
    with_actuals = actual_periods(state)
    for period, found in period_inputs(state).items():
        inputs: dict[str, Any] = {
            "lines": sorted([item.delivery.delivery_id, *item.scenarios] for item in found),
            "baseline": fold(settings.baseline_scenario),
            "actual_covers": actual_covers(period, with_actuals, settings.actuals_through),
            "code": code,
        }
        feeds = {item.delivery.event.feed for item in found} & groups.keys()
        if feeds:
            inputs["upserts"] = [delivery.delivery_id for feed in sorted(feeds) for delivery in groups[feed]]
            if settings.actuals_through is None and inputs["actual_covers"]:
                # A later key may hide every line of the period; only the build knows what is left.
                inputs["actual_covers"] = None
        if any(item.delivery.commit.is_debit_positive for item in found):
            inputs["account_types"] = account_types
        wanted.append(_slice("fact_financials", period, inputs))
    return wanted


def _dimension_inputs(state: LakeState, settings: StarSettings) -> dict[str, dict[str, Any]]:
    if not state.live:
        return {}
    days = sorted(
        day for delivery in state.ledger for day in (delivery.commit.first_day, delivery.commit.last_day) if day
    )
    members = [delivery.commit.members_hash for delivery in state.ledger]
    inputs: dict[str, dict[str, Any]] = {
        "dim_department": {"members": members, "reference": _reference_ids(state, "departments")},
        "dim_account": {"members": members, "reference": _reference_ids(state, "accounts")},
        "dim_scenario": {"scenarios": scenarios(state), "baseline": fold(settings.baseline_scenario)},
    }
    if days:
        years = {"first_year": int(days[0][:4]), "last_year": int(days[-1][:4])}
        inputs = {"dim_date": {**years, "fiscal_start": settings.fiscal_year_start_month}, **inputs}
    return inputs


def _reference_ids(state: LakeState, kind: str) -> list[str]:
    return [delivery.delivery_id for delivery in state.live if delivery.event.kind == kind]


def _slice(table: str, slice_name: str, inputs: Mapping[str, Any]) -> WantedSlice:
    text = json.dumps([table, slice_name, inputs], sort_keys=True)
    return WantedSlice(table, slice_name, hashlib.sha256(text.encode()).hexdigest()[:16], inputs)


@lru_cache(maxsize=1)
def code_version() -> str:
    """Return a hash of the source that turns bytes into a star: glue, transforms, feeds and contracts."""
    digest = hashlib.sha256()
    package = Path(str(finance_platform.__file__)).parent
    for folder in _CODE_PACKAGES:
        for file in sorted((package / folder).rglob("*.py")):
            digest.update(file.relative_to(package).as_posix().encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()[:16]
