"""Departments that no column has: they are columns, sheets, or labels on rows of their own.

Belongs here: whether columns, sheets and labels are departments. Does not belong here: columns of periods (see
`period_columns`), of scenarios and of accounts (see `money`), finding labels (see `label_rows`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from finance_platform.feeds.doubts.unread_column import escape
from finance_platform.feeds.draft.columns import Column, best_column, is_code
from finance_platform.feeds.draft.period_columns import read_scenario
from finance_platform.feeds.header import without_position
from finance_platform.feeds.values.header_words import WORDS, plain_name, rank
from finance_platform.feeds.values.month_names import read_month

_WORDS = tuple(word for word in WORDS["department"] if len(word) >= len("dept"))
_CODE = re.compile(r"[A-Za-z]{0,4}[-_ ]?[0-9]{2,8}(?:[ :_-].*)?")
_NAMED_YEAR = re.compile(r"(?:[A-Za-z ]*)(?:19|20)[0-9]{2}")
_FORM_OF_CODE = re.compile(r"(?P<before>[^0-9]*)(?P<digits>[0-9]+)(?P<after>[^0-9].*)?")
_BY_DEPARTMENT = re.compile(rf"\b(?:by|nach|par|por|per) (?:{'|'.join(_WORDS)})s? ")
"""What a title says of a report with a column for each department, and one that adds them up."""

_AMOUNT_BEHIND = re.compile("^(?P<name>.+?)(?: -)+ amount$", re.IGNORECASE)
_SEVERAL = 2
_MONTHS_OF_YEAR = 12
_SHEET_OF_CODE = re.compile("(?:(?P<word>[A-Za-z]{2,12})[ .:_-]*)?(?P<code>[0-9]{2,8})(?:[ .:_-].*)?")
_PATTERN_OF_CODE = "^(?:[A-Za-z]{2,12}[ .:_-]*)?([0-9]{2,8})(?:[ .:_-].*)?$"
"""A sheet that is named by a code, alone or beside words: 110, Dept 110, 110 Operations."""

_YEAR = re.compile("(?:19|20)[0-9]{2}")


def find_departments_across(
    columns: Sequence[Column], candidates: Sequence[Column], sums: Sequence[Column], titles: Sequence[str]
) -> list[str] | None:
    """Return the headers of the columns of departments; None if there are none.

    Each header begins with a code or says that it is a department, or a title says so and a column adds all up; another
    column has the account. A column between them without an amount is one of them.

    Args:
        columns: those of the file.
        candidates: those with amounts whose names say nothing.
        sums: those that add up the candidates.
        titles: the texts above the header, one of which must name departments if no header names the account.
    """
    codes = [one for one in columns if is_code(one) and one not in candidates and one not in sums]
    has_department = best_column(["department", "department_name"], codes) is not None
    is_unnamed = columns[0].name.startswith("(column ") and columns[0] in codes and any(map(_names_one, titles))
    if has_department or len(candidates) < _SEVERAL or not (is_unnamed or best_column(["account"], codes)):
        return None
    is_titled = bool(sums) and any(_BY_DEPARTMENT.search(f"{plain_name(title)} ") for title in titles)
    if not is_titled and not all(_is_department(one.name) for one in candidates):
        return None
    places = [columns.index(one) for one in candidates]
    ends = [columns.index(one) for one in sums if columns.index(one) > max(places)]
    between = columns[min(places) : min(ends, default=max(places) + 1)]
    return [one.name for one in between if one in candidates or not one.texts]


def map_of_departments(names: Sequence[str]) -> dict[str, str]:
    """Return the departments of headers that have a word behind them: of `Sales - Amount`, its Sales."""
    return {name: match["name"].strip(" -") for name in names if (match := _AMOUNT_BEHIND.match(name))}


def pattern_of_departments(names: Sequence[str]) -> str:
    """Return what matches the headers of departments, and those that a later file has: Dept 130 beside Dept 110.

    Empty if their codes have several forms.
    """
    codes = [match for name in names if (match := _FORM_OF_CODE.fullmatch(name))]
    others = [escape(name) for name in names if not _FORM_OF_CODE.fullmatch(name)]
    forms = {(match["before"], len(match["digits"])) for match in codes}
    if len(forms) != 1:
        return ""
    before, digits = forms.pop()
    after = "(?:[^0-9].*)?" if any(match["after"] for match in codes) else ""
    return "|".join([f"{escape(before)}[0-9]{{{digits}}}{after}", *others])


def _names_one(title: str) -> bool:
    plain = f" {plain_name(title)} "
    return any(f" {word} " in plain or f" {word}s " in plain for word in _WORDS)


def _is_department(name: str) -> bool:
    plain, text = plain_name(name), without_position(name.strip())
    is_named = any(plain.startswith(f"{word} ") for word in _WORDS)
    is_code = _CODE.fullmatch(text) is not None and not _NAMED_YEAR.fullmatch(text)
    # Mar 2025 Debit and FY25 Budget have numbers too.
    words = [word for word in plain_name(text).split() if word.isalpha()]
    return is_named or (is_code and not (words and all(map(_says_what, words))))


def _says_what(word: str) -> bool:
    """Return whether a word names a month, a scenario or a kind of amount, rather than a department."""
    is_amount = any(rank(name, word) is not None for name in ("amount", "debit", "credit", "quantity"))
    return is_amount or bool(read_scenario(word)) or read_month(word) is not None


def are_departments(labels: Column, columns: Sequence[Column]) -> bool:
    """Return whether labels say that they are departments, or an account is below several of them.

    Labels beside a column of accounts must be codes; those in the column of the accounts may have any text.
    """
    if not labels.is_label:
        return False
    if all(any(plain_name(text).startswith(f"{word} ") for word in _WORDS) for text in labels.texts):
        return True
    account = best_column(["account"], [one for one in columns if one is not labels])
    if account is None or not (account.name == labels.source or all(text[0].isdigit() for text in labels.texts)):
        return False
    below: dict[str, set[str]] = {label: set() for label in labels.texts}
    for label, text in zip(labels.cells, account.cells, strict=False):
        below.setdefault(label, set()).add(text)
    return len(below) > 1 and bool(set.intersection(*below.values()) - {""})


def part_behind_words(texts: Sequence[str]) -> dict[str, Any]:
    """Return the key that takes the code behind the words that texts begin with: of Cost Center: 110, its 110.

    Empty if the texts begin with different words.
    """
    distinct = [text.split(" ") for text in dict.fromkeys(texts)]
    places = [next((place for place, word in enumerate(one) if word[:1].isdigit()), 0) for one in distinct]
    begins = {tuple(one[:place]) for one, place in zip(distinct, places, strict=True)}
    return {"part": {"split": " ", "number": places[0] + 1}} if len(begins) == 1 and begins != {()} else {}


def departments_of_sheets(sheets: Sequence[str]) -> str:
    """Return the pattern of the codes of sheets, alone or behind a word of departments; empty if one is another name.

    Years, and numbers of months, are no codes.
    """
    matches = [match for name in sheets if (match := _SHEET_OF_CODE.fullmatch(name))]
    if len(matches) < max(len(sheets), _SEVERAL) or any(map(read_month, sheets)):
        return ""
    words = {plain_name(match["word"] or "") for match in matches}
    codes = {match["code"] for match in matches}
    are_months = all(int(code) <= _MONTHS_OF_YEAR for code in codes) and words == {""}
    is_named = words <= {"", *WORDS["department"]} and not any(map(_YEAR.fullmatch, codes))
    return _PATTERN_OF_CODE if is_named and not are_months else ""
