"""Settings in force: those that published figures follow, while a change of them waits because periods are closed.

Belongs here: the baseline and the first month of the fiscal year, which every period shares, and the last period of
Actual. Does not belong here: other settings of readers, whose change reads files again (see `deliveries.discovery`).

A baseline of its own in every period would compare one year with two plans, so these settings wait as a whole. What was
published last is a document in the processed zone; if it is lost, the settings of now are in force, and periods and
members are held one by one.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import replace
from decimal import Decimal
from typing import Any

from finance_platform.contracts.model import Versions
from finance_platform.deliveries.current_state import read_state
from finance_platform.errors import DamagedObjectError
from finance_platform.feeds.values.codes import fold
from finance_platform.settings import Settings, StarSettings
from finance_platform.slices.waiting_changes import SETTINGS, WaitingChange, closed_facts
from finance_platform.storage.documents import parse_document
from finance_platform.storage.port import ObjectStore

KEY = "settings/published.json"

_VARIABLES = {
    "baseline_scenario": "FINANCE_PLATFORM_BASELINE_SCENARIO",
    "fiscal_year_start_month": "FINANCE_PLATFORM_FISCAL_YEAR_START_MONTH",
    "actuals_through": "FINANCE_PLATFORM_ACTUALS_THROUGH",
}
"""The settings that wait as a whole, and the variable of each."""


def settings_in_force(processed: ObjectStore, settings: StarSettings, closed: Collection[str]) -> StarSettings:
    """Return the settings that the star follows: those that were published last, while a change of them waits.

    Args:
        processed: the processed zone.
        settings: the home's settings.
        closed: the closed periods.
    """
    if not (settings.holds_closed_periods and closed):
        return settings
    published = read_published_settings(processed)
    if published is None:
        return settings
    if not _uncovered(closed, published["actuals_through"], settings.actuals_through):
        published = {**published, "actuals_through": settings.actuals_through}
    return replace(settings, **published)


def settings_of_readers(processed: ObjectStore, settings: Settings) -> Settings:
    """Return the settings that files are read with: fiscal years begin as in the star, while a change of that waits.

    Args:
        processed: the processed zone.
        settings: the home's settings.
    """
    published = read_published_settings(processed)
    if published is None or published["fiscal_year_start_month"] == settings.fiscal_year_start_month:
        return settings
    in_force = settings_in_force(processed, StarSettings.of(settings), read_state(processed).closed)
    return settings.model_copy(update={"fiscal_year_start_month": in_force.fiscal_year_start_month})


def record_settings(processed: ObjectStore, in_force: StarSettings) -> None:
    """Record the settings that a load follows, before it publishes; the caller holds the home's lock."""
    values = {name: getattr(in_force, name) for name in _VARIABLES}
    if values != read_published_settings(processed):
        processed.write(KEY, json.dumps(values, sort_keys=True).encode())


def find_waiting_settings(
    processed: ObjectStore,
    settings: StarSettings,
    in_force: StarSettings,
    closed: Collection[str],
    published: Versions,
) -> list[WaitingChange]:
    """Return the settings that are not in force, each with what it would move in closed periods.

    Args:
        processed: the processed zone.
        settings: the home's settings.
        in_force: those that the star follows.
        closed: the closed periods.
        published: the published versions.
    """
    changes = []
    for name, variable in _VARIABLES.items():
        wanted, current = getattr(settings, name), getattr(in_force, name)
        if wanted == current:
            continue
        periods, amounts = sorted(closed), {}
        if name == "baseline_scenario":
            amounts = _gross_of_plans(processed, closed, published, {fold(wanted), fold(current)})
        elif name == "actuals_through":
            periods = _uncovered(closed, current, wanted)
            amounts = _gross_of_plans(processed, periods, published, {"actual"})
        cause = f"{variable} is {wanted or 'not set'}, and {current or 'no such value'} stays in force"
        changes.append(WaitingChange(SETTINGS, tuple(periods), (cause,), amounts, (name,)))
    return changes


def _uncovered(closed: Collection[str], before: str | None, after: str | None) -> list[str]:
    """Return the closed periods that Actual covers with one of two settings and not with the other; None covers all."""
    return sorted(
        period for period in closed if (before is None or period <= before) != (after is None or period <= after)
    )


def _gross_of_plans(
    processed: ObjectStore, closed: Collection[str], published: Versions, scenarios: Collection[str]
) -> dict[str, Decimal]:
    """Return the gross amount of scenarios in closed periods."""
    amounts: dict[str, Decimal] = {}
    for commit in closed_facts(processed, closed, published):
        for one in commit.sums:
            if fold(one.scenario) in scenarios:
                amounts[one.scenario] = amounts.get(one.scenario, Decimal(0)) + one.absolute
    return amounts


def read_published_settings(processed: ObjectStore) -> dict[str, Any] | None:
    """Return what was published last; None if it is not recorded, or if the record is damaged."""
    try:
        return parse_document(KEY, processed.read(KEY), _parse)
    except (FileNotFoundError, DamagedObjectError):
        return None


def _parse(document: dict[str, Any]) -> dict[str, Any]:
    values = {name: document[name] for name in ("baseline_scenario", "actuals_through")}
    return {**values, "fiscal_year_start_month": int(document["fiscal_year_start_month"])}
