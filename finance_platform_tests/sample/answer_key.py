"""The answers: what the platform must say about the sample, counted from the generator's own truth.

Belongs here: counting over `Row`s, and the shape of the key.
Does not belong here: parsing of files. The key knows what was meant, not what some reader made of it.
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


def answer_key(sheets: Iterable[Sheet], seed: int) -> Answer:
    """Return the answers about the files as values that JSON can hold; money is a string with two decimals."""
    sheets = list(sheets)
    lines = {sheet.scenario: _accepted(sheet) for sheet in sheets if sheet.scenario}
    everything = [row for rows in lines.values() for row in rows]
    return {
        "seed": seed,
        "files": {sheet.file: _file(sheet) for sheet in sheets},
        "inferred": {
            "departments": _grouped(everything, lambda row: row.department, known=_DEPARTMENTS),
            "accounts": _grouped(everything, lambda row: row.account, known=set(_TYPE_OF)),
        },
        "by_period": {scenario: _grouped(rows, lambda row: row.period) for scenario, rows in lines.items()},
        "by_year_and_type": {scenario: _by_year_and_type(rows) for scenario, rows in lines.items()},
        "actual_vs_budget": _actual_vs_budget(lines["Actual"], lines["Budget"]),
        "fact_rows": {scenario: _fact_rows(rows, lines["Budget"]) for scenario, rows in lines.items()},
        "stories": {name: _story(story, sheets) for name, story in STORIES.items()},
    }


def _accepted(sheet: Sheet) -> list[Row]:
    return [row for row in sheet.rows if row.outcome == "accepted"]


def _total(rows: Iterable[Row]) -> Decimal:
    return sum((row.amount for row in rows if row.amount is not None), Decimal("0.00"))


def _file(sheet: Sheet) -> Answer:
    """Count a file's rows by outcome; a reference file has rows and no money."""
    numbered = list(enumerate(sheet.rows, start=_FIRST_LINE))
    by_outcome = {name: [pair for pair in numbered if pair[1].outcome == name] for name in get_args(Outcome)}
    if not sheet.scenario:
        return {"candidate": {"rows": len(numbered)}} | {
            name: {"rows": len(found)} for name, found in by_outcome.items()
        }
    answer: Answer = {"candidate": _counted(numbered), "accepted": _counted(by_outcome["accepted"])}
    for name in ("duplicate", "skipped"):
        answer[name] = _located(by_outcome[name])
    rejected = by_outcome["rejected"]
    absolute = (abs(row.amount) for _, row in rejected if row.amount is not None)
    answer["rejected"] = {
        **_counted(rejected),
        "absolute_amount": f"{sum(absolute, Decimal('0.00')):.2f}",
        "by_rule": {
            rule: _located([(line, row) for line, row in rejected if row.rule == rule])
            for rule in {row.rule for _, row in rejected}
        },
    }
    return answer


def _counted(numbered: list[tuple[int, Row]]) -> Answer:
    """Return rows, the money of their amount cells, and how many of those cells are no amount (blank ones too)."""
    rows = [row for _, row in numbered]
    unpriced = sum(row.amount is None for row in rows)
    return {"rows": len(rows), "amount": f"{_total(rows):.2f}", "unpriced": unpriced}


def _located(numbered: list[tuple[int, Row]]) -> Answer:
    """Return the same with the lines at which an editor shows the rows."""
    return {**_counted(numbered), "lines": [line for line, _ in numbered]}


def _grouped(rows: Iterable[Row], group: Callable[[Row], str], known: Iterable[str] = ()) -> Answer:
    """Return lines and amount by group, without the groups that are known."""
    members: dict[str, list[Row]] = {}
    without = frozenset(known)
    for row in rows:
        if group(row) not in without:
            members.setdefault(group(row), []).append(row)
    return {name: {"lines": len(found), "amount": f"{_total(found):.2f}"} for name, found in members.items()}


def _type(row: Row) -> str:
    return _TYPE_OF.get(row.account, "Unknown")


def _by_year_and_type(rows: list[Row]) -> Answer:
    years = sorted({row.period[:4] for row in rows})
    return {year: _grouped((row for row in rows if row.period[:4] == year), _type) for year in years}


def _actual_vs_budget(actual: list[Row], budget: list[Row]) -> Answer:
    """Compare by calendar year and account type over the periods in which both scenarios have lines."""
    compared = {row.period for row in actual} & {row.period for row in budget}
    by_year: Answer = {}
    for year in sorted({period[:4] for period in compared}):
        both = [[r for r in rows if r.period in compared and r.period[:4] == year] for rows in (actual, budget)]
        types = sorted({_type(row) for rows in both for row in rows})
        by_year[year] = {
            name: _compared(*([row for row in rows if _type(row) == name] for rows in both)) for name in types
        }
    return {"periods": sorted(compared), "by_year_and_type": by_year}


def _compared(actual: Iterable[Row], budget: Iterable[Row]) -> dict[str, str]:
    booked, planned = _total(actual), _total(budget)
    return {"actual": f"{booked:.2f}", "budget": f"{planned:.2f}", "variance": f"{booked - planned:.2f}"}


def _fact_rows(rows: list[Row], budget: list[Row]) -> int:
    """Return how many rows of FactFinancials a scenario has.

    A row stands for a day, department and account that has lines; and, on the first day of a period that the
    scenario covers, for every budgeted department and account.
    """
    covered = {row.period for row in rows}
    booked = {(row.day, row.department, row.account) for row in rows}
    budgeted = {(first_day(b.period), b.department, b.account) for b in budget if b.period in covered}
    return len(booked | budgeted)


def _story(story: Story, sheets: list[Sheet]) -> Answer:
    """Return a story's figures, and the lines of the ledger file that they come from."""
    own = {sheet.scenario: _rows_of_cell(sheet, story) for sheet in sheets if sheet.scenario}

    def figures(periods: Iterable[str]) -> Answer:
        wanted = set(periods)
        actual, budget = ([row for _, row in own[name] if row.period in wanted] for name in ("Actual", "Budget"))
        return {**_compared(actual, budget), "actual_lines": len(actual)}

    return {
        "title": story.title,
        "department": story.department,
        "account": story.account,
        "account_type": _TYPE_OF[story.account],
        "periods": list(story.periods),
        **figures(story.periods),
        "by_period": {period: figures([period]) for period in story.periods},
        "source_lines": [line for line, row in own["Actual"] if row.period in story.periods],
    }


def _rows_of_cell(sheet: Sheet, story: Story) -> list[tuple[int, Row]]:
    cell = (story.department, story.account)
    numbered = enumerate(sheet.rows, start=_FIRST_LINE)
    return [(n, row) for n, row in numbered if row.outcome == "accepted" and (row.department, row.account) == cell]
