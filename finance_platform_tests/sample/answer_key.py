"""The answer key: the platform's expected results for the sample, counted from the generator's rows.

Belongs here: counting over `Row`s, and the shape of the key.
Does not belong here: parsing of files. The key has the intended values, not the values that some reader parsed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any, get_args

from finance_platform_tests.sample.books import STORIES, Story, first_day
from finance_platform_tests.sample.company import ACCOUNTS, DEPARTMENTS
from finance_platform_tests.sample.rows import Outcome, Row, Sheet

Answer = dict[str, Any]

_TYPE_OF = {account.number: account.type for account in ACCOUNTS}
_DEPARTMENTS = {department.code for department in DEPARTMENTS}
_FIRST_LINE = 2


def build_answer_key(sheets: Iterable[Sheet], seed: int) -> Answer:
    """Return the answers as JSON values; money is a string with two decimals."""
    sheets = list(sheets)
    accepted = {sheet.scenario: _accepted_rows(sheet) for sheet in sheets if sheet.scenario}
    all_rows = [row for rows in accepted.values() for row in rows]
    return {
        "seed": seed,
        "files": {sheet.file: _file(sheet) for sheet in sheets},
        "inferred": {
            "departments": _group(all_rows, lambda row: row.department, known=_DEPARTMENTS),
            "accounts": _group(all_rows, lambda row: row.account, known=set(_TYPE_OF)),
        },
        "by_period": {scenario: _group(rows, lambda row: row.period) for scenario, rows in accepted.items()},
        "by_year_and_type": {scenario: _by_year_and_type(rows) for scenario, rows in accepted.items()},
        "actual_vs_budget": _compare_actual_with_budget(accepted["Actual"], accepted["Budget"]),
        "fact_rows": {scenario: _count_fact_rows(rows, accepted["Budget"]) for scenario, rows in accepted.items()},
        "stories": {name: _story(story, sheets) for name, story in STORIES.items()},
    }


def _accepted_rows(sheet: Sheet) -> list[Row]:
    return [row for row in sheet.rows if row.outcome == "accepted"]


def _total(rows: Iterable[Row]) -> Decimal:
    return sum((row.amount for row in rows if row.amount is not None), Decimal("0.00"))


def _file(sheet: Sheet) -> Answer:
    """Count a file's rows by outcome; a reference file has no money."""
    numbered = list(enumerate(sheet.rows, start=_FIRST_LINE))
    by_outcome = {name: [pair for pair in numbered if pair[1].outcome == name] for name in get_args(Outcome)}
    if not sheet.scenario:
        return {"candidate": {"rows": len(numbered)}} | {name: {"rows": len(rows)} for name, rows in by_outcome.items()}
    answer: Answer = {"candidate": _count(numbered), "accepted": _count(by_outcome["accepted"])}
    for name in ("duplicate", "skipped"):
        answer[name] = _locate(by_outcome[name])
    rejected = by_outcome["rejected"]
    absolute = (abs(row.amount) for _, row in rejected if row.amount is not None)
    answer["rejected"] = {
        **_count(rejected),
        "absolute_amount": f"{sum(absolute, Decimal('0.00')):.2f}",
        "by_rule": {
            rule: _locate([(line, row) for line, row in rejected if row.rule == rule])
            for rule in {row.rule for _, row in rejected}
        },
    }
    return answer


def _count(numbered: list[tuple[int, Row]]) -> Answer:
    """Return the number of rows, their money, and the number of blank or invalid amount cells."""
    rows = [row for _, row in numbered]
    unpriced = sum(row.amount is None for row in rows)
    return {"rows": len(rows), "amount": f"{_total(rows):.2f}", "unpriced": unpriced}


def _locate(numbered: list[tuple[int, Row]]) -> Answer:
    """Return the same with the line numbers of the rows, as an editor shows them."""
    return {**_count(numbered), "lines": [line for line, _ in numbered]}


def _group(rows: Iterable[Row], group: Callable[[Row], str], known: Iterable[str] = ()) -> Answer:
    """Return lines and amount by group, without the known groups."""
    members: dict[str, list[Row]] = {}
    excluded = frozenset(known)
    for row in rows:
        if group(row) not in excluded:
            members.setdefault(group(row), []).append(row)
    return {
        name: {"lines": len(group_rows), "amount": f"{_total(group_rows):.2f}"} for name, group_rows in members.items()
    }


def _type(row: Row) -> str:
    return _TYPE_OF.get(row.account, "Unknown")


def _by_year_and_type(rows: list[Row]) -> Answer:
    years = sorted({row.period[:4] for row in rows})
    return {year: _group((row for row in rows if row.period[:4] == year), _type) for year in years}


def _compare_actual_with_budget(actual: list[Row], budget: list[Row]) -> Answer:
    """Compare by calendar year and account type over the periods in which both scenarios have lines."""
    periods = {row.period for row in actual} & {row.period for row in budget}
    by_year: Answer = {}
    for year in sorted({period[:4] for period in periods}):
        both = [[row for row in rows if row.period in periods and row.period[:4] == year] for rows in (actual, budget)]
        types = sorted({_type(row) for rows in both for row in rows})
        by_year[year] = {
            name: _compare(*([row for row in rows if _type(row) == name] for rows in both)) for name in types
        }
    return {"periods": sorted(periods), "by_year_and_type": by_year}


def _compare(actual: Iterable[Row], budget: Iterable[Row]) -> dict[str, str]:
    actual_total, budget_total = _total(actual), _total(budget)
    return {
        "actual": f"{actual_total:.2f}",
        "budget": f"{budget_total:.2f}",
        "variance": f"{actual_total - budget_total:.2f}",
    }


def _count_fact_rows(rows: list[Row], budget: list[Row]) -> int:
    """Return the number of FactFinancials rows of a scenario.

    There is one row for each day, department and account with lines; and, on the first day of each period that the
    scenario covers, one for each budgeted department and account.
    """
    covered = {row.period for row in rows}
    booked = {(row.day, row.department, row.account) for row in rows}
    budgeted = {(first_day(b.period), b.department, b.account) for b in budget if b.period in covered}
    return len(booked | budgeted)


def _story(story: Story, sheets: list[Sheet]) -> Answer:
    """Return a story's figures, and their line numbers in the ledger file."""
    rows_of = {sheet.scenario: _rows_of_cell(sheet, story) for sheet in sheets if sheet.scenario}

    def figures(periods: Iterable[str]) -> Answer:
        selected = set(periods)
        actual, budget = ([row for _, row in rows_of[name] if row.period in selected] for name in ("Actual", "Budget"))
        return {**_compare(actual, budget), "actual_lines": len(actual)}

    return {
        "title": story.title,
        "department": story.department,
        "account": story.account,
        "account_type": _TYPE_OF[story.account],
        "periods": list(story.periods),
        **figures(story.periods),
        "by_period": {period: figures([period]) for period in story.periods},
        "source_lines": [line for line, row in rows_of["Actual"] if row.period in story.periods],
    }


def _rows_of_cell(sheet: Sheet, story: Story) -> list[tuple[int, Row]]:
    cell = (story.department, story.account)
    numbered = enumerate(sheet.rows, start=_FIRST_LINE)
    return [(n, row) for n, row in numbered if row.outcome == "accepted" and (row.department, row.account) == cell]
