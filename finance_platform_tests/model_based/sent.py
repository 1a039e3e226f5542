"""What senders send in the tests of the law: rows of text, files made of them, and the feeds that read those.

Belongs here: rows, files and descriptors as values. Does not belong here: what they mean (see `model`), the home that
they lie in (see `home`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal

import yaml

from finance_platform_tests.workbooks import xlsx

HEADER = "id,date,department,account,scenario,amount,type"
ORDER = r"_v(\d+)"
COVERS = r"(\d{4}-\d{2})_(\d{4}-\d{2})"


@dataclass(frozen=True)
class SentRow:
    """One row of a ledger file, as written."""

    id: str
    date: str
    department: str
    account: str
    scenario: str
    amount: str
    type: str = ""


@dataclass(frozen=True)
class SentAccount:
    """One row of a reference file of accounts, as written."""

    number: str
    type: str


Content = tuple[SentRow, ...] | tuple[SentAccount, ...]


def as_bytes(kind: str, content: Content) -> bytes:
    """Return the file as CSV."""
    return ("\n".join(map(",".join, _cells(kind, content))) + "\n").encode()


@cache
def as_workbook(kind: str, content: Content) -> bytes:
    """Return the file as a workbook, always the same one: a workbook says when it was made."""
    return xlsx({"Sheet1": _cells(kind, content)})


def _cells(kind: str, content: Content) -> list[list[str]]:
    header = "account_number,account_name,account_type" if kind == "accounts" else HEADER
    return [header.split(","), *map(_cells_of, content)]


def _cells_of(row: SentRow | SentAccount) -> list[str]:
    if isinstance(row, SentAccount):
        return [row.number, f"Account {row.number}", row.type]
    return list(vars(row).values())


@dataclass(frozen=True)
class Feed:
    """A feed as its descriptor says; every file of it has its name's folder.

    Attributes:
        name: of the feed and of its folder.
        mode: load mode.
        key: fields of the key, under upsert.
        scope: fields of the scope, under replace_period.
        has_covers: whether the names declare the periods.
        order: where it stands in the order: what says so, `name` or `column`, or nothing.
        sign: of the amounts.
        scenario: the scenario of every line; empty where a column says it.
        has_types: whether its lines bring the accounts' types.
        tolerance: share of rows that may be rejected.
        hold_if_removes: share of lines that may be removed, or never.
    """

    name: str
    kind: Literal["ledger", "accounts"] = "ledger"
    mode: str = "append"
    key: tuple[str, ...] = ()
    scope: tuple[str, ...] = ()
    has_covers: bool = False
    order: Literal["", "name", "column"] = ""
    sign: Literal["natural", "debit_positive"] = "natural"
    scenario: str = ""
    has_types: bool = False
    tolerance: str = "1"
    hold_if_removes: str = "never"

    def descriptor(self) -> str:
        """Return the YAML that a person would write."""
        common = {"feed": self.name, "kind": self.kind, "path": f"{self.name}/*.{{csv,xlsx}}"}
        order = self._order()
        if self.kind == "accounts":
            columns = {"number": "account_number", "name": "account_name", "type": "account_type"}
            return yaml.safe_dump({**common, "columns": columns, **order})
        columns = {"transaction_id": "id", "date": "date", "department": "department", "account": "account"}
        columns["amount"] = "amount"
        if not self.scenario:
            columns["scenario"] = "scenario"
        if self.has_types:
            columns["account_type"] = "type"
        return yaml.safe_dump(
            {
                **common,
                "columns": columns,
                "constants": {"scenario": self.scenario} if self.scenario else {},
                # The files have a column of scenarios; one that nothing reads holds a file that it contradicts (251).
                "ignore_columns": ["scenario"] if self.scenario and self.hold_if_removes == "never" else [],
                "load": self._load(),
                "sign": self.sign,
                "tolerance": {"rejected_rows": self.tolerance},
                "hold_if_removes": self.hold_if_removes,
                **order,
            }
        )

    @property
    def order_column(self) -> str:
        """The header of the column that says the order, where one does."""
        return "account_number" if self.kind == "accounts" else "id"

    def _order(self) -> dict[str, object]:
        rules = {"name": {"from_name": ORDER}, "column": {"from_column": self.order_column}}
        return {"order": rules[self.order]} if self.order else {}

    def _load(self) -> dict[str, object]:
        load: dict[str, object] = {"mode": self.mode}
        if self.mode == "upsert":
            load["key"] = list(self.key)
        if self.mode == "replace_period":
            load["scope"] = list(self.scope)
        if self.has_covers:
            load["covers"] = {"from_name": COVERS}
        return load


@dataclass(frozen=True)
class Delivery:
    """One file that counts, as the model needs to know it.

    Attributes:
        key: path in the raw zone.
        feed: as its descriptor said when the file was last looked at.
        content: its rows.
        first_seen: when a refresh first found this content under this key, then the file's own time; sorts as text.
        only: the periods whose lines count; None for all of them.
        without: periods whose lines do not.
    """

    key: str
    feed: Feed
    content: Sequence[SentRow] | Sequence[SentAccount]
    first_seen: str
    only: frozenset[str] | None = None
    without: frozenset[str] = frozenset()

    def counts(self, period: str) -> bool:
        """Return whether its lines of a period count."""
        return (self.only is None or period in self.only) and period not in self.without
