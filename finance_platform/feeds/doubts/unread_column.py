"""A column of a ledger file that nothing reads: what is common to those that say what an amount means.

Belongs here: counting the texts that contradict how their lines are read, and the form of the words that hold the
delivery. Does not belong here: what each column says (see `unread_meanings`, `unread_versions`, `unread_accounts`).
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

import pyarrow as pa

from finance_platform.contracts.schemas import SUM_OF_MONEY_TYPE
from finance_platform.feeds.findings import Note
from finance_platform.feeds.limits import MAX_VALUE_CHARACTERS
from finance_platform.feeds.resolved import ReadingRules
from finance_platform.feeds.values.amounts import EXACT
from finance_platform.feeds.values.codes import clean
from finance_platform.money_text import sum_of_amounts

MAX_LISTED = 5
"""Texts of a column that a reason names."""


@dataclass
class UnreadColumn(ABC):
    """A column that nothing reads.

    Attributes:
        name: its header.
        rules: of the feed.
        lines: how many accepted lines have a text in it.
        found: texts that contradict how their lines are read, with how many lines have each.
        total: the sum of these lines.
        names: headers of columns that say whose amounts lines have, if it compares these too; see `unread_names`.
    """

    name: str
    rules: ReadingRules
    lines: int = 0
    found: Counter[str] = field(default_factory=Counter)
    total: Decimal = Decimal(0)
    names: tuple[str, ...] = ()

    @abstractmethod
    def add(self, texts: pa.StringArray, columns: Mapping[str, pa.Array]) -> None:
        """Add the cells of accepted lines, beside the typed columns of these."""

    @abstractmethod
    def describe(self) -> tuple[str, str]:
        """Return the reason to hold the delivery, after the column's name, and the fix."""

    def doubts(self) -> dict[str, str]:
        """Return the reason to hold the delivery, with what to do about it."""
        if not self.found:
            return {}
        reason, fix = self.describe()
        return {f"the column {clean(self.name)!r} is not read, and {reason}": f"{fix}, {ignore(self.name)}"}

    def notes(self) -> dict[str, Note]:
        """Return what a person should know of the lines, without a reason to hold them."""
        return {}

    @property
    def texts(self) -> str:
        """The texts that were found."""
        listed = [repr(text) for text in list(self.found)[:MAX_LISTED]]
        more = len(self.found) - len(listed)
        return ", ".join(listed) + (f" and {more:,} more" if more else "")

    @property
    def count(self) -> str:
        """How many lines have these texts."""
        return f"{sum(self.found.values()):,} of {self.lines:,} lines"

    @property
    def money(self) -> str:
        """The sum of these lines."""
        return f"their {sum_of_amounts(sum(self.found.values()), self.total)}"


@dataclass
class ContradictingColumn(UnreadColumn):
    """A column whose texts by themselves say that lines are not what they are read as."""

    def add(self, texts: pa.StringArray, columns: Mapping[str, pa.Array]) -> None:
        """Add the cells of accepted lines."""
        table = pa.table([texts, columns["amount"].cast(SUM_OF_MONEY_TYPE)], ["text", "sum"])
        for row in table.group_by("text").aggregate([("sum", "sum"), ([], "count_all")]).to_pylist():
            text = clean(row["text"] or "")
            self.lines += row["count_all"] if text else 0
            if 0 < len(text) <= MAX_VALUE_CHARACTERS and row["sum_sum"] and self.contradicts(text):
                self.found[text] += row["count_all"]
                self.total = EXACT.add(self.total, row["sum_sum"])

    @abstractmethod
    def contradicts(self, text: str) -> bool:
        """Return whether lines with a text are not what they are read as."""


def ignore(name: str) -> str:
    """Return the fix of a column that says nothing."""
    return f"add {quoted_name(name)} to ignore_columns"


def leave_out(rules: ReadingRules | None, name: str, texts: Collection[str], *, any_case: bool = False) -> str:
    """Return the fix that leaves the rows of some texts out, up to the word before `the descriptor`.

    Args:
        rules: of the feed; None for a draft without rules of skip.
        name: the header of the column.
        texts: the texts.
        any_case: whether they are found in capital letters, too.
    """
    pattern = "|".join(map(escape, texts))
    pattern = f"(?i)^({pattern})$" if any_case else f"^({pattern})$" if len(texts) > 1 else f"^{pattern}$"
    matches = json.dumps(pattern, ensure_ascii=False)
    rule = f"{{column: {quoted_name(name)}, matches: {matches}, may_hold_money: true}}"
    return f"add {rule} to skip in" if rules and rules.skip else f"add skip: [{rule}] to"


def quoted_name(name: str) -> str:
    """Return a header as it is typed in a descriptor."""
    return json.dumps(clean(name), ensure_ascii=False)


def escape(text: str) -> str:
    """Return a text as a pattern that matches it."""
    return "".join(f"\\{character}" if character in r"\.+*?()|[]{}^$" else character for character in text)
