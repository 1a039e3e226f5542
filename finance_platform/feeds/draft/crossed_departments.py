"""Departments crossed with periods or scenarios in a header of two or three lines: a column for each of these.

Belongs here: what the lines say about each column. Does not belong here: periods crossed with scenarios (see
`period_columns`), departments in a header of one line (see `department_places`).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence

from finance_platform.feeds.descriptor import UNDECIDED
from finance_platform.feeds.doubts.running_totals import states_totals
from finance_platform.feeds.draft.columns import Column, FieldDraft, FieldsDraft, best_column, is_code
from finance_platform.feeds.draft.money_columns import describe_amounts, is_compared, is_of_month, marks_in_yaml
from finance_platform.feeds.draft.period_columns import PeriodHeader, read_header, read_scenario
from finance_platform.feeds.draft.values import guess_amounts
from finance_platform.feeds.draft.wide_periods import OF_QUARTERS
from finance_platform.feeds.values.header_words import WORDS, plain_name, rank
from finance_platform.feeds.values.month_names import is_total_name

_SEVERAL = 2
_ROLES = ("department", "date", "scenario", "amount")
"""What the lines of a header may say, in the order of the fields; the last is the one amount of the month."""

_YEAR = re.compile("(?:19|20)[0-9]{2}")
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
    if guess is None or not _cross(draft, _with_years(lines)):
        draft.decisions += _describe_sides(lines.values())
        return False
    fields = next(iter(draft.measures.values()))
    *first, last = [f"the {name}" for name in _ROLES if name in fields]
    what = f"{', '.join(first)} and {last}" if first else last
    draft.rows_comment = (
        f"decide: each of these columns is a line with {what} in the lines of its header; "
        "if these are no departments, such as projects, give another field, and the department. A file with other "
        "columns needs a descriptor of its own"
    )
    if any(one.unit == "quarter" for one in draft.periods.values()):
        draft.decisions.append(OF_QUARTERS[0].upper() + OF_QUARTERS[1:])
    draft.ignored = [one.name for one in amounts if one.name not in lines]
    draft.is_debit_positive = guess.has_sides
    draft.is_growing = bool(draft.periods)
    comment = describe_amounts(Column(next(iter(lines)), texts, None, guess), "", home_currency)
    draft.fields["amount"] = FieldDraft(marks_in_yaml(guess), comment)
    return True


def _cross(draft: FieldsDraft, lines: Mapping[str, tuple[str, ...]]) -> bool:
    """Give columns the department, and the period and the scenario if their headers have them.

    Args:
        draft: without measures.
        lines: the texts of each line of the header, by column.

    Returns:
        Whether one line has departments, and each other one something else.
    """
    texts_of = [list(dict.fromkeys(texts)) for texts in zip(*lines.values(), strict=True)]
    roles = [_role(texts) for texts in texts_of]
    if "" in roles or len(set(roles)) < len(roles) or "department" not in roles:
        return False
    if len(texts_of[roles.index("department")]) < _SEVERAL:
        return False
    for name, texts in lines.items():
        fields = {}
        for role, text in sorted(zip(roles, texts, strict=True), key=lambda pair: _ROLES.index(pair[0])):
            if role == "date" and (period := _read_period(text)):
                draft.periods[name] = period
                fields["date"] = period.day.isoformat() if period.has_year else UNDECIDED
            elif role != "amount":
                fields[role] = read_scenario(text) if role == "scenario" else text
        draft.measures[name] = fields
    return True


def _describe_sides(lines: Collection[tuple[str, ...]]) -> list[str]:
    """Return what a person does about departments each of which has a column of debits and one of credits."""
    texts_of = [set(texts) for texts in zip(*lines, strict=True)]
    sides = [texts for texts in texts_of if {_side(text) for text in texts} == {"debit", "credit"}]
    has_departments = any(len(texts) >= _SEVERAL and all(map(_may_be_department, texts)) for texts in texts_of)
    if not (sides and has_departments):
        return []
    text = (
        "Each department has a column of debits and one of credits, and a feed reads one amount of a column: export "
        "the balance of each department, or a list with a row for each department, with its debit and its credit."
    )
    return [text]


def _side(text: str) -> str:
    return next((side for side in ("debit", "credit") if rank(side, text) is not None), "")


def _role(texts: Sequence[str]) -> str:
    """Return what a line of a header says of the columns below it: one of `_ROLES`; empty if it is none of these."""
    periods = [_read_period(text) for text in texts]
    if all(periods):
        return "date" if len({(one.unit, one.has_year) for one in periods if one}) == 1 else ""
    if all(map(read_scenario, texts)):
        return "scenario"
    if len(texts) == 1 and (rank("amount", texts[0]) is not None or is_of_month(Column(texts[0], []))):
        return "amount"
    return "department" if all(map(_may_be_department, texts)) else ""


def _with_years(lines: Mapping[str, tuple[str, ...]]) -> Mapping[str, tuple[str, ...]]:
    """Return the texts of headers of three lines with a line of years joined to the months that have none."""
    texts_of = list(zip(*lines.values(), strict=True))
    years = [place for place, texts in enumerate(texts_of) if all(map(_YEAR.fullmatch, texts))]
    others = [place for place in range(len(texts_of)) if place not in years]
    periods = [place for place in others if _role(texts_of[place]) == "date"]
    if len(texts_of) <= _SEVERAL or not len(years) == len(periods) == 1:
        return lines
    joined = {name: f"{texts[periods[0]]} {texts[years[0]]}" for name, texts in lines.items()}
    return {
        name: tuple(joined[name] if place == periods[0] else texts[place] for place in others)
        for name, texts in lines.items()
    }


def _read_period(text: str) -> PeriodHeader | None:
    """Return the month or quarter that a text names, and nothing else; a number may be a code."""
    header = None if text.isdigit() else read_header(text)
    return header if header and header.unit in _PARTS_OF_YEARS and not header.scenario else None


def _without_sums(lines: Mapping[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """Return the columns that are no totals, differences or amounts of another year; a quarter is a total of months."""
    texts = {text for pair in lines.values() for text in pair}
    has_months = any(period.unit == "month" for text in texts if (period := _read_period(text)))
    left_out = {
        text
        for text in texts
        if is_compared(Column(text, []))
        or states_totals(text)
        or (is_total_name(text) and not _YEAR.fullmatch(text) and (has_months or not _read_period(text)))
    }
    return {name: pair for name, pair in lines.items() if left_out.isdisjoint(pair)}


def _may_be_department(text: str) -> bool:
    """Return whether a text names no other field, period, scenario or kind of amount."""
    is_field = any(rank(name, text) is not None for name in WORDS if name != "department")
    is_period = not text.isdigit() and read_header(text) is not None
    words = set(plain_name(text).split())
    return bool(words) and not (
        _YEAR.fullmatch(text) or is_field or is_period or read_scenario(text) or words & _NOT_DEPARTMENTS
    )
