"""The scenario of a draft: the names of versions, and what the file's name says.

Belongs here: what a text or a name says about a scenario. Does not belong here: which column is read (see `ledger`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from finance_platform.feeds.descriptor import UNDECIDED
from finance_platform.feeds.feed_set import shipped_descriptors
from finance_platform.feeds.file_names import value_from_name
from finance_platform.feeds.values.header_words import names_forecast

_NUMBERED_FORECAST = re.compile(r"(?i)(?:fcst|fcast|fc|rf|reforecast|outlook)[-_ ]?[0-9].*")
_SUPPLEMENT = re.compile(
    "(?i)supplement|nachtrag|rectificati|modificativ|virement|amendment|suplement|supletori|variazion|aanvullend"
)
"""Words of versions that are added to a budget rather than replace it."""

PLANS = {
    "budget": "Budget", "budgets": "Budget", "plan": "Budget", "proposed": "Budget", "forecast": "Forecast",
    "forecasts": "Forecast", "outlook": "Forecast",
}  # fmt: skip
"""Words that say that a file has a plan."""


def is_forecast(text: str) -> bool:
    """Return whether the name of a version is that of a forecast, such as FC1 or Forecast 3+9."""
    return names_forecast(text) or _NUMBERED_FORECAST.fullmatch(text) is not None


def versions_of_plan(names: Sequence[str]) -> tuple[str, dict[str, str]]:
    """Return what a person decides about the versions of a plan, and the scenario of each; a supplement is added."""
    others = [name for name in names if not _SUPPLEMENT.search(name)]
    if len(others) == 1 < len(names):
        supplements = ", ".join(repr(name) for name in names if name not in others)
        comment = (
            f"decide: {supplements} is added to {others[0]!r}, as a supplement of a budget is; if it is a whole "
            "version, map it to a scenario of its own, such as Budget 2"
        )
        return comment, dict.fromkeys(names, "Budget")
    comment = (
        "decide: the scenario of each version: Budget, or a name that begins with Budget or Forecast, such as Budget "
        "2; versions of one name are added up"
    )
    return comment, dict.fromkeys(names, UNDECIDED)


def forecast_of(text: str) -> str:
    """Return the name of a forecast's scenario, which begins with Forecast: of FC 3+9, Forecast 3+9."""
    rest = re.sub(r"^(?:fcst|fcast|fc|rf|reforecast|outlook)[-_ ]*", "", text, flags=re.IGNORECASE).strip()
    return f"Forecast {rest}".strip()


def scenario_of_name(file: str) -> dict[str, Any]:
    """Return how a shipped feed reads a scenario from a file's name; empty if it reads none from this one."""
    for feed in shipped_descriptors():
        rule = feed.columns.get("scenario")
        if rule is None or not rule.from_name or not feed.matches(file):
            continue
        if value_from_name(rule.from_name, rule.template, file) is not None:
            return rule.model_dump(by_alias=True, exclude_defaults=True, exclude={"source"})
    return {}
