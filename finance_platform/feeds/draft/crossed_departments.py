"""Departments crossed with periods or scenarios in a header of two lines: a column for each of both.

Belongs here: what the two lines say about each column. Does not belong here: periods crossed with scenarios (see
`period_columns`), departments in a header of one line (see `department_places`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from finance_platform.feeds.descriptor import UNDECIDED
from finance_platform.feeds.draft.columns import Column, FieldDraft, FieldsDraft, best_column, is_code
from finance_platform.feeds.draft.money import OF_QUARTERS
from finance_platform.feeds.draft.money_columns import describe_amounts, is_compared, marks_in_yaml
from finance_platform.feeds.draft.period_columns import PeriodHeader, read_header, read_scenario
from finance_platform.feeds.draft.values import guess_amounts
from finance_platform.feeds.values.header_words import WORDS, plain_name, rank
from finance_platform.feeds.values.month_names import is_total_name

_SEVERAL = 2
_PARTS_OF_YEARS = ("month", "quarter")
_NOT_DEPARTMENTS = {
    "opening", "closing", "beginning", "ending", "movement", "balance", "balances", "saldo", "anfang", "ende",
    "cumulative", "ytd", "year", "code",
}  # fmt: skip
"""Words of a line that says what the amounts below it are, and not whose."""


def draft_crossed(draft: FieldsDraft, columns: Sequence[Column], home_currency: str) -> bool:
    """Draft a line for each department in each period or scenario; return whether the file has such columns.

    Another column has the account, and none the department. Columns of totals, differences and other years are left
    out.
    """
    amounts = [one for one in columns if one.crossed and (one.amounts or not one.texts)]
    codes = [one for one in columns if not one.crossed and is_code(one)]
    has_account = best_column(["account", "account_name"], codes) is not None or columns[:1] == codes[:1]
    if not has_account or best_column(["department", "department_name"], codes) is not None:
        return False
    lines = _without_sums({one.name: one.crossed for one in amounts if one.crossed})
    texts = [text for one in amounts if one.name in lines for text in (*one.texts, *one.totals)]
    guess = guess_amounts(texts)
    if guess is None or not (_cross(draft, lines, 0, 1) or _cross(draft, lines, 1, 0)):
        return False
    what = "date" if draft.periods else "scenario"
    draft.rows_comment = (
        f"decide: each of these columns is a line with the department and the {what} in the two lines of its header; "
        "if these are no departments, such as projects, give another field, and the department. A file with other "
        "columns needs a descriptor of its own"
    )
    if any(one.unit == "quarter" for one in draft.periods.values()):
        draft.decisions.append(OF_QUARTERS[0].upper() + OF_QUARTERS[1:])
    draft.ignored = [one.name for one in amounts if one.name not in lines]
    draft.is_debit_positive = guess.has_sides
    comment = describe_amounts(Column(next(iter(lines)), texts, None, guess), "", home_currency)
    draft.fields["amount"] = FieldDraft(marks_in_yaml(guess), comment)
    return True


def _cross(draft: FieldsDraft, lines: Mapping[str, tuple[str, str]], department: int, other: int) -> bool:
    """Give columns the department and the period or scenario; return whether the two lines of the header have these.

    Args:
        draft: without measures.
        lines: the texts of both lines, by column.
        department: the line of the departments.
        other: the other line.
    """
    departments, others = ({pair[place] for pair in lines.values()} for place in (department, other))
    if min(len(departments), len(others)) < _SEVERAL or not all(map(_may_be_department, departments)):
        return False
    periods = {text: period for text in others if (period := _read_period(text))}
    if len(periods) == len(others) and len({(one.unit, one.has_year) for one in periods.values()}) == 1:
        draft.periods = {name: periods[pair[other]] for name, pair in lines.items()}
        values = {text: {"date": one.day.isoformat() if one.has_year else UNDECIDED} for text, one in periods.items()}
    elif all(map(read_scenario, others)):
        values = {text: {"scenario": read_scenario(text)} for text in others}
    else:
        return False
    draft.measures = {name: {"department": pair[department], **values[pair[other]]} for name, pair in lines.items()}
    return True


def _read_period(text: str) -> PeriodHeader | None:
    """Return the month or quarter that a text names, and nothing else; a number may be a code."""
    header = None if text.isdigit() else read_header(text)
    return header if header and header.unit in _PARTS_OF_YEARS and not header.scenario else None


def _without_sums(lines: Mapping[str, tuple[str, str]]) -> dict[str, tuple[str, str]]:
    """Return the columns that are no totals, differences or amounts of another year; a quarter is a total of months."""
    texts = {text for pair in lines.values() for text in pair}
    has_months = any(period.unit == "month" for text in texts if (period := _read_period(text)))
    left_out = {
        text
        for text in texts
        if is_compared(Column(text, [])) or (is_total_name(text) and (has_months or not _read_period(text)))
    }
    return {name: pair for name, pair in lines.items() if left_out.isdisjoint(pair)}


def _may_be_department(text: str) -> bool:
    """Return whether a text names no other field, period, scenario or kind of amount."""
    is_field = any(rank(name, text) is not None for name in WORDS if name != "department")
    is_period = not text.isdigit() and read_header(text) is not None
    words = set(plain_name(text).split())
    return bool(words) and not (is_field or is_period or read_scenario(text) or words & _NOT_DEPARTMENTS)
