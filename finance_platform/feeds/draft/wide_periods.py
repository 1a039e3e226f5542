"""Columns of periods of a draft: `unpivot`, or `measures` where their headers name scenarios too.

Belongs here: choosing these columns, and those that are left out or left to a person. Does not belong here: which
headers name periods (see `period_columns`), files without such columns (see `money`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from functools import partial
from typing import Any

from finance_platform.feeds.descriptor import UNDECIDED
from finance_platform.feeds.doubts.running_totals import states_totals
from finance_platform.feeds.draft.columns import Column, FieldDraft, FieldsDraft
from finance_platform.feeds.draft.money_columns import describe_amounts, find_sums, is_money, listed, marks_in_yaml
from finance_platform.feeds.draft.period_columns import PeriodColumns, PeriodHeader, find_period_columns, read_header
from finance_platform.feeds.draft.values import guess_amounts
from finance_platform.feeds.values.codes import fold
from finance_platform.feeds.values.currencies import denoted_currencies
from finance_platform.feeds.values.header_words import plain_name

OF_QUARTERS = (
    "an amount of a quarter is dated on its first day; spread: {over: quarter, how: even} gives each month its part"
)
_SPREAD = {"quarter": "quarter", "half": "half_year", "year": "fiscal_year"}


def draft_unpivot(draft: FieldsDraft, columns: Sequence[Column], home_currency: str) -> bool:
    """Draft a column per period; return whether the file has them."""
    money = [column for column in columns if column.amounts or not column.texts]
    filled = [column for column in money if column.amounts]
    over = {column.name: column.scenario for column in columns if column.scenario}
    months = {column.name: column.month for column in columns if column.month}
    find = partial(find_period_columns, distinguished=over, over=months)
    others = [one for one in filled if not (_is_total_of_period(one.name) or find([one.name], are_alone=True))]
    sums = find_sums(filled) if others else set()
    is_alone = not any(is_money(column) and column.name not in sums for column in others)
    periods = find([column.name for column in money], are_alone=is_alone)
    if periods is None or not any(column.name in periods.headers for column in filled):
        return False
    if over:
        headers = {
            name: replace(one, scenario=one.scenario or over.get(name, "")) for name, one in periods.headers.items()
        }
        periods = replace(periods, headers=headers)
    foreign = _of_other_currencies(periods, home_currency)
    headers = {name: one for name, one in periods.headers.items() if name not in foreign}
    again = _again(headers)
    headers = {name: one for name, one in headers.items() if name not in again}
    periods = replace(periods, headers=headers, unclear=[*periods.unclear, *again])
    if foreign:
        draft.decisions.append(f"Not read, as amounts in other currencies than {home_currency}: {listed(foreign)}.")
    if len(periods.scenarios) > 1:
        _draft_scenarios_of_periods(draft, periods)
        draft.periods = {name: one for name, one in periods.headers.items() if name in months}
    else:
        draft.unpivot = {"columns": list(periods.headers), "into": "date"}
        draft.rows_comment = _describe_periods(periods)
        values: dict[str, Any] = {"map": periods.header_map} if periods.header_map else {}
        draft.fields["date"] = FieldDraft({"formats": periods.formats, **values})
        draft.constants |= {"scenario": next(iter(periods.scenarios))} if periods.scenarios else {}
        draft.is_plan = bool(periods.scenarios - {"Actual"})
    draft.ignored, draft.unclear = [*periods.others, *foreign], list(periods.unclear)
    cells = [text for column in filled if column.name in periods.headers for text in column.texts]
    amounts = guess_amounts(cells)
    if amounts is not None:
        column = Column(next(iter(periods.headers)), cells, None, amounts)
        missing = {fold(text): text for one in filled if one.name in periods.headers for text in one.missing}
        marks = marks_in_yaml(amounts) | ({"map": dict.fromkeys(missing.values(), "")} if missing else {})
        draft.fields["amount"] = FieldDraft(marks, describe_amounts(column, "", home_currency))
        draft.is_debit_positive = amounts.has_sides
    return True


def _is_total_of_period(name: str) -> bool:
    """Return whether a header names a total of the year up to a month: YTD Mar-25."""
    rest = " ".join(word for word in name.split() if not states_totals(word))
    return states_totals(name) and read_header(rest) is not None


def _of_other_currencies(periods: PeriodColumns, home: str) -> list[str]:
    """Return the columns that name another currency, where each names one and some name that of the home."""
    words = {name: plain_name(name).upper().split() for name in periods.headers}
    codes = {
        name: {one for one in found if denoted_currencies(one) == frozenset({one})} for name, found in words.items()
    }
    is_each_named = all(len(found) == 1 for found in codes.values())
    others = [name for name, found in codes.items() if home not in found]
    return others if is_each_named and len(others) < len(codes) else []


def _again(headers: Mapping[str, PeriodHeader]) -> list[str]:
    """Return the columns of a period and scenario that one before them has, which may have anything."""
    places: dict[tuple[date, str], str] = {}
    return [name for name, one in headers.items() if places.setdefault((one.day, one.scenario), name) != name]


def _draft_scenarios_of_periods(draft: FieldsDraft, periods: PeriodColumns) -> None:
    """Draft columns such as `Jan 2025 Actual` and `Jan 2025 Budget`, each with its date and scenario."""
    if periods.unit == "quarter":
        draft.decisions.append(OF_QUARTERS[0].upper() + OF_QUARTERS[1:])
    for name, header in periods.headers.items():
        day = header.day.isoformat() if header.has_year else UNDECIDED
        draft.measures[name] = {"date": day, "scenario": header.scenario or UNDECIDED}
    draft.rows_comment = "decide: each of these columns is a line with the date and the scenario that its header names"
    draft.is_plan = "Actual" not in periods.scenarios
    if periods.scenarios > {"Actual"}:
        draft.rows_comment += (
            "; where a ledger gives the actual amounts of these months too, they would count twice: remove the columns "
            "of Actual, and name them in ignore_columns"
        )


def _describe_periods(periods: PeriodColumns) -> str:
    if periods.unit not in _SPREAD:
        return ""
    fiscal = f"columns.date.calendar: fiscal means fiscal {periods.unit}s"
    if periods.unit == "half":
        fiscal = "correct the months in map if these are halves of a fiscal year"
    return (
        f"decide: the amount of a {periods.unit} is dated on its first day; spread: {{over: {_SPREAD[periods.unit]}, "
        f"how: even}} gives each month its part; {fiscal}"
    )
