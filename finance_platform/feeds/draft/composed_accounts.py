"""Accounts that are composed of segments, such as 01-120-6110-0000: their parts, and which of them is the account.

Belongs here: finding such a column, and what the other columns prove about its parts. Does not belong here: segments in
columns of their own, which have names (see `ledger`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from finance_platform.feeds.descriptor import UNDECIDED
from finance_platform.feeds.draft.columns import Column, FieldDraft, FieldsDraft, best_column, code_alone, is_code
from finance_platform.feeds.values.header_words import plain_name, rank

_MARKS = "-._/:|~*"
_COMBINATIONS = {"combination", "coding", "chartfield", "flexfield", "kontierung"}
_WORDS = {"account", "accounts", "accounting"} | _COMBINATIONS
_MAX_PART = 15
_SEVERAL, _MAX_SHOWN = 2, 4
_MANY_PARTS, _LEAST_PART = 4, 2
"""Parts, and characters of each, that no single account has: 01-120-6110-0000, but not 3.1.01.001."""


@dataclass(frozen=True)
class ComposedAccount:
    """A column whose texts have the same number of parts.

    Attributes:
        column: the column.
        mark: what is between two parts.
        parts: the texts of each part, one for each row.
    """

    column: Column
    mark: str
    parts: Sequence[Sequence[str]]

    def rule(self, number: int | str) -> dict[str, Any]:
        """Return the key of a field that is one of the parts."""
        return {"part": {"split": self.mark, "number": number, "of": len(self.parts)}}

    @property
    def lacks_parts(self) -> bool:
        """Whether a part is blank in a row."""
        return any(not text for texts in self.parts for text in texts)

    def describe(self) -> str:
        """Return the parts with samples, for the person who decides which is which."""
        return "; ".join(f"{number} is {_shown(texts)}" for number, texts in enumerate(self.parts, start=1))

    def part_of(self, column: Column | None) -> int:
        """Return the number of the only part that has one text for each text of a column, and one alone; else 0.

        A part that is blank somewhere has no such text there.
        """
        if column is None or len(set(column.texts)) < _SEVERAL or column.blanks:
            return 0
        parts = [(number, texts) for number, texts in enumerate(self.parts, start=1) if all(texts)]
        same = [number for number, texts in parts if _are_equivalent(texts, column.cells)]
        return same[0] if len(same) == 1 else 0


def draft_composed_account(draft: FieldsDraft, columns: Sequence[Column]) -> set[str]:
    """Draft department and account as segments of one column, if no other one has the department.

    Args:
        draft: gets the fields, and what a person decides.
        columns: those that no field uses.

    Returns:
        The header of the column; none if there is no such column.
    """
    if best_column(["department", "department_name"], [one for one in columns if is_code(one)]):
        return set()
    composed = _find_composed_account(columns)
    if composed is None or code_alone("account", composed.column, columns) is not composed.column:
        return set()
    draft.decisions.append(
        f"{composed.column.name!r} seems to have the department and the account among its parts: "
        f"{composed.describe()}. Write the number of each in part.number. If it is one account, remove both part keys, "
        "and give columns.department another column."
    )
    # A description may be that of the account, too, which its texts show.
    of_departments, of_accounts = (
        best_column(words, columns) for words in (["department_name"], ["account_name", "description"])
    )
    for name, names in (("department", of_departments), ("account", of_accounts)):
        number = composed.part_of(names)
        if names is not None and number:
            rule, comment = composed.rule(number), f"decide: part {number}, which goes with {names.name!r}"
        else:
            rule, comment = composed.rule(UNDECIDED), "decide: the number of its part"
        if name == "department" and composed.lacks_parts:
            rule |= {"default": UNDECIDED}
            comment += ", and the department of accounts without one, such as those of a balance sheet"
        draft.fields[name] = FieldDraft({"from": composed.column.name, **rule}, comment)
    return {composed.column.name}


def _find_composed_account(columns: Sequence[Column]) -> ComposedAccount | None:
    """Return the column whose name says that it is the account and whose texts have several independent parts."""
    named = [column for column in columns if is_code(column) and not column.blanks and _is_account(column)]
    found = (composed for column in named for mark in _MARKS if (composed := _compose(column, mark)))
    return next(found, None)


def _is_account(column: Column) -> bool:
    return rank("account", column.name) is not None or bool(_WORDS & set(plain_name(column.name).split()))


def _compose(column: Column, mark: str) -> ComposedAccount | None:
    pieces = [text.split(mark) for text in column.cells]
    counts = {len(one) for one in pieces}
    if len(counts) != 1 or counts == {1}:
        return None
    if any((piece and not piece.isalnum()) or len(piece) > _MAX_PART for one in pieces for piece in one):
        return None
    parts = [list(texts) for texts in zip(*pieces, strict=True)]
    if not all(parts[0]) or not all(any(texts) for texts in parts):
        return None
    # An account of the balance sheet lacks dimensions: 200100-- beside 606300-002-022.
    composed = ComposedAccount(column, mark, parts)
    is_long = len(parts) >= _MANY_PARTS and all(len(text) >= _LEAST_PART for texts in parts for text in texts)
    is_certain = composed.lacks_parts or _names_combination(column.name) or is_long
    return composed if is_certain or _are_independent(parts) else None


def _names_combination(name: str) -> bool:
    return bool(_COMBINATIONS & set(plain_name(name).split()))


def _are_independent(parts: Sequence[Sequence[str]]) -> bool:
    """Return whether two parts vary, each beside one text of the other one: 6-6110 is one account of class 6."""
    varied = [texts for texts in parts if len(set(texts)) >= _SEVERAL]
    return any(
        not _determines(first, second) and not _determines(second, first)
        for place, first in enumerate(varied)
        for second in varied[place + 1 :]
    )


def _determines(first: Sequence[str], second: Sequence[str]) -> bool:
    """Return whether each text of the first part is beside one text of the second alone."""
    return len(set(zip(first, second, strict=True))) == len(set(first))


def _are_equivalent(first: Sequence[str], second: Sequence[str]) -> bool:
    return _determines(first, second) and _determines(second, first)


def _shown(texts: Sequence[str]) -> str:
    distinct = [text or "blank" for text in dict.fromkeys(texts)]
    return ", ".join(distinct[:_MAX_SHOWN]) + (" …" if len(distinct) > _MAX_SHOWN else "")
