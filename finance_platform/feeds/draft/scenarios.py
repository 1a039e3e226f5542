"""The scenario of a draft: the names of versions, and what the file's name says.

Belongs here: what a text or a name says about a scenario. Does not belong here: which column is read (see `ledger`).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from pathlib import PurePosixPath
from typing import Any

from finance_platform.feeds.descriptor import UNDECIDED
from finance_platform.feeds.draft.columns import Column
from finance_platform.feeds.draft.money_columns import is_difference
from finance_platform.feeds.draft.period_columns import read_scenario
from finance_platform.feeds.feed_set import shipped_descriptors
from finance_platform.feeds.file_names import value_from_name
from finance_platform.feeds.values.header_words import names_forecast, plain_name

_NUMBERED_FORECAST = re.compile(r"(?i)(?:fcst|fcast|fc|rf|reforecast|outlook)[-_ ]?[0-9].*")
_SEVERAL, _MOST_VERSIONS = 2, 12
_MONTHS = 3
"""Of a quarter."""

_QUARTER_OF_BUDGET = re.compile("(?i)budget[ _-]?q([1-4])[ _.-]")
_SUPPLEMENT = re.compile(
    "(?i)supplement|nachtrag|rectificati|modificativ|virement|amendment|suplement|supletori|variazion|aanvullend"
)
"""Words of versions that are added to a budget rather than replace it."""

PLANS = {
    "budget": "Budget", "budgets": "Budget", "plan": "Budget", "proposed": "Budget", "forecast": "Forecast",
    "forecasts": "Forecast", "outlook": "Forecast", "begroting": "Budget", "presupuesto": "Budget",
    "presupuestos": "Budget", "previsionnel": "Budget", "preventivo": "Budget", "orcamento": "Budget",
    "planung": "Budget", "budgetplanung": "Budget", "wirtschaftsplan": "Budget", "haushaltsplan": "Budget",
    "budsjett": "Budget", "hochrechnung": "Forecast", "prognose": "Forecast", "pronostico": "Forecast",
}  # fmt: skip
"""Words that say that a file has a plan."""


def column_of_scenarios(columns: Sequence[Column]) -> Column | None:
    """Return the only column whose texts are scenarios and what compares them, whatever its name; None without one."""
    found = []
    for column in columns:
        texts = set(column.texts)
        if not _SEVERAL <= len(texts) <= _MOST_VERSIONS:
            continue
        scenarios = {read_scenario(text) for text in texts if not is_difference(Column(text, []))}
        if "" not in scenarios and len(scenarios) >= _SEVERAL and not column.blanks:
            found.append(column)
    return found[0] if len(found) == 1 else None


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


def scenario_of_view(columns: Sequence[Column]) -> str:
    """Return the only scenario that a column of points of view names, as Oracle Planning writes it; empty if none."""
    views = (one for one in columns if plain_name(one.name) in {"point of view", "pov"})
    names = {PLANS.get(word, "") for one in views for text in one.texts for word in plain_name(text).split()} - {""}
    return names.pop() if len(names) == 1 else ""


def quarter_of_name(file: str) -> int:
    """Return the quarter in a name such as budget_q1_2025.csv, which is a version in a shipped feed; 0 for none."""
    match = _QUARTER_OF_BUDGET.match(PurePosixPath(file).name)
    return int(match[1]) if match else 0


def quarters_of(months: Collection[int], first_month: int) -> set[int]:
    """Return the quarters whose three months these are: one of the calendar, one of fiscal years, or none.

    Args:
        months: numbers of months.
        first_month: of fiscal years.
    """
    counted = ({(month - first) % 12 // 3 + 1 for month in months} for first in (1, first_month))
    return {quarter for quarters in counted if len(quarters) == 1 for quarter in quarters if len(months) == _MONTHS}


def scenarios_of_sheets(sheets: Sequence[str]) -> dict[str, str]:
    """Return the scenario of each word of the names of sheets, such as Actual and Budget 2025.

    Empty unless each sheet names one scenario, and they name several.
    """
    words = [[word for word in plain_name(name).split() if read_scenario(word)] for name in sheets]
    named = {word: read_scenario(word) for found in words for word in found}
    return named if all(len(found) == 1 for found in words) and len(set(named.values())) > 1 else {}


def scenario_of_name(file: str) -> dict[str, Any]:
    """Return how a shipped feed reads a scenario from a file's name; empty if it reads none from this one."""
    for feed in shipped_descriptors():
        rule = feed.columns.get("scenario")
        if rule is None or not rule.from_name or not feed.matches(file):
            continue
        if value_from_name(rule.from_name, rule.template, file) is not None:
            return rule.model_dump(by_alias=True, exclude_defaults=True, exclude={"source"})
    return {}
