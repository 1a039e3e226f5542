"""The fields of a draft for a file of master data: departments or accounts.

Belongs here: recognizing such a file, and choosing its columns. Does not belong here: files with money (see `ledger`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from finance_platform.feeds.descriptor import UNDECIDED
from finance_platform.feeds.draft.columns import Column, FieldDraft, FieldsDraft, best_column, is_code
from finance_platform.feeds.draft.money_columns import may_be_money
from finance_platform.feeds.feed_set import shipped_descriptors
from finance_platform.feeds.lines.reference_rows import DEFAULT_VALID_FROM_FORMATS
from finance_platform.feeds.values.codes import account_type, fold
from finance_platform.feeds.values.header_words import rank

_SEVERAL = 2


def reference_kind(columns: Sequence[Column], file: str) -> str:
    """Return the kind of a file of master data, by its columns or else by its name; empty if it is none."""
    return _kind_of_columns(columns) or next(
        (feed.kind for feed in shipped_descriptors() if feed.kind in _REFERENCES and feed.matches(file)), ""
    )


def _kind_of_columns(columns: Sequence[Column]) -> str:
    if any(column.texts and all(map(account_type, column.texts)) for column in columns):
        return "accounts"
    has = {name: any(rank(name, column.name) is not None for column in columns) for name in ("department", "account")}
    is_dated = any(column.dates for column in columns if rank("date", column.name) is not None)
    if is_dated or has["department"] == has["account"] or _has_amounts_across(columns):
        return ""
    return "departments" if has["department"] else "accounts"


def _has_amounts_across(columns: Sequence[Column]) -> bool:
    """Return whether most columns are whole numbers that may be money, such as those of months or departments."""
    numbers = [column for column in columns if column.amounts and may_be_money(column)]
    texts = [column for column in columns if column.texts and not column.amounts]
    return len(numbers) >= _SEVERAL and len(numbers) >= len(texts)


_REFERENCES: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "departments": {
        "code": ("department", "code"),
        "name": ("department_name", "name", "description"),
        "business_unit": ("business_unit", "division"),
        "parent": ("parent",),
        "valid_from": ("valid_from",),
        "valid_to": ("valid_to",),
        "predecessor": ("predecessor",),
        "share": ("share",),
        "origin_share": ("origin_share",),
    },
    "accounts": {
        "number": ("account", "number", "code"),
        "name": ("account_name", "name", "description"),
        "type": ("account_type", "type"),
        "category": ("account_category", "group"),
        "parent": ("parent",),
        "measure": ("measure",),
        "valid_from": ("valid_from",),
        "valid_to": ("valid_to",),
    },
}
_CODES = {"code", "number"}
_DATES = {"valid_from", "valid_to"}
_SHARES = {"share", "origin_share"}


def draft_references(draft: FieldsDraft, columns: Sequence[Column]) -> None:
    """Draft the fields of a file of master data."""
    used: set[str] = set()
    for name, words in _REFERENCES[draft.kind].items():
        column = _column_of(draft.kind, name, words, [one for one in columns if one.name not in used and one.texts])
        is_of_nothing = name in _SHARES and "predecessor" not in draft.fields
        if column is not None and not is_of_nothing and _fits_reference(name, column):
            used.add(column.name)
            values: dict[str, Any] = {"from": column.name}
            if column.blanks and name not in _CODES:
                values["required"] = "false"
            if name in _DATES and column.dates and not set(column.dates.formats) <= set(DEFAULT_VALID_FROM_FORMATS):
                values["formats"] = list(column.dates.formats)
            draft.fields[name] = FieldDraft(values)
    needed = "code" if draft.kind == "departments" else "number"
    if needed not in draft.fields:
        draft.fields[needed] = FieldDraft({"from": UNDECIDED}, f"decide: the column with the {needed}")


def _column_of(kind: str, name: str, words: Sequence[str], free: Sequence[Column]) -> Column | None:
    column = best_column(words, free)
    if name in _CODES:
        return _with_digits(column, words, free) or next(filter(is_code, free), None)
    if column is None and name == "name":
        return _named_like_code(kind, free)
    if column is None and name == "type":
        # Its values say what it is, whatever its name.
        return next((one for one in free if _fits_reference(name, one)), None)
    return column


def _with_digits(column: Column | None, words: Sequence[str], columns: Sequence[Column]) -> Column | None:
    """Return the column of codes: the one that fits best, or one of numbers beside it if that has names."""
    if column is None or _has_digits(column):
        return column
    others = (one for one in columns if _has_digits(one) and any(rank(word, one.name) is not None for word in words))
    return next(others, column)


def _named_like_code(kind: str, columns: Sequence[Column]) -> Column | None:
    """Return a column of names with the header of codes, such as `Department` beside `Department ID`."""
    word = "department" if kind == "departments" else "account"
    named = (one for one in columns if not _has_digits(one) and rank(word, one.name) is not None)
    return next((one for one in named if rank("division", one.name) is None), None)


def _has_digits(column: Column) -> bool:
    """Return whether every text of a column has a digit, as codes do and names do not."""
    return bool(column.texts) and all(any(map(str.isdigit, text)) for text in column.texts)


def _fits_reference(name: str, column: Column) -> bool:
    if name == "type":
        return all(map(account_type, column.texts))
    if name in _DATES:
        return bool(column.dates)
    if name == "measure":
        return {fold(text) for text in column.texts} <= {"flow", "balance"}
    return True
