"""What happens by chance: files with rows that meet, old contents under new names, decisions, changed descriptors.

Belongs here: drawing what may happen from a `Random`, dense enough that a few homes see much of it. (Hypothesis' own
strategies like small and equal values, and so drew files in which hardly a row was accepted and no key met another.)
Does not belong here: doing it (see `machine`).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from random import Random
from typing import Any

from finance_platform_tests.model_based.home import FIRST_MOMENT
from finance_platform_tests.model_based.sent import Content, Feed, SentAccount, SentRow

FEEDS = (
    Feed("ledger", mode="upsert", key=("transaction_id",), scenario="Actual"),
    Feed("journal", sign="debit_positive", has_types=True),
    Feed("plan", mode="replace_period", has_covers=True),
    Feed("regional", mode="replace_period", scope=("department",), scenario="Budget"),
    Feed("accounts", kind="accounts"),
)
SPANS = ("2023-12_2024-01", "2024-01_2024-02", "2024-01_2024-01")
KEYS = [f"{feed.name}/{span}_v{n}.csv" for feed in FEEDS for span, n in zip(SPANS, (2, 1, 10), strict=True)]
OFTEN = [*KEYS, *KEYS[:6], *KEYS[-3:]]
"""Keys as often as they are sent: those whose lines depend on others more than once."""

AT_FIRST = [key for key in KEYS if key.endswith(("_v1.csv", "_v2.csv"))]

CHANGES: dict[str, Sequence[dict[str, Any]]] = {
    "ledger": (
        {"key": ("transaction_id",)},
        {"key": ("transaction_id", "date")},
        {"sign": "debit_positive"},
        {"sign": "natural"},
        {"has_types": True},
    ),
    "journal": (
        {"sign": "natural"},
        {"sign": "debit_positive"},
        {"mode": "upsert", "key": ("transaction_id",)},
        {"mode": "append", "key": ()},
    ),
    "plan": (
        {"has_covers": False},
        {"has_covers": True},
        {"scope": ("department",)},
        {"scope": ()},
        {"mode": "append", "scope": (), "has_covers": False},
        {"mode": "replace_period"},
    ),
    "regional": ({"scope": ("department", "account")}, {"scope": ("department",)}, {"has_covers": True}),
    "accounts": (),
}
_ANY_LEDGER: Sequence[dict[str, Any]] = (
    {"tolerance": "0"},
    {"tolerance": "1"},
    {"hold_if_removes": "0.5"},
    {"hold_if_removes": "never"},
)
_ANY_FEED: Sequence[dict[str, Any]] = ({"order": "name"}, {"order": "column"}, {"order": ""})

_DAYS = {"2023-12_2024-01": ["2023-12-31", "2024-01-01", "2024-01-20"], "2024-01_2024-01": ["2024-01-01", "2024-01-31"]}
_BAD: Sequence[dict[str, str]] = (
    {"amount": "x"},
    {"amount": "EUR 5.00"},
    {"amount": "€7"},
    {"date": "2024-02-30"},
    {"date": "2025-01-01"},
    {"department": ""},
    {"scenario": "Guess"},
    {"type": "Nonsense"},
    {"id": ""},
)
_ACTIONS = {
    "send": 10,
    "send_an_old_content_back_or_under_another_name": 3,
    "send_again_with_a_row_more": 4,
    "touch": 1,
    "vanish": 1,
    "decide": 3,
    "change_a_descriptor": 2,
    "change_the_settings": 2,
    "close_a_period": 2,
    "reopen_a_period": 1,
    "overwrite_during_the_run": 1,
    "install_a_release_that_reads_every_file_again": 1,
}

Action = tuple[str, tuple[Any, ...]]
"""The name of one of the machine's methods, and its arguments."""


def actions(chance: Random) -> list[Action]:
    """Return what happens before the next refresh."""
    names = chance.choices(list(_ACTIONS), list(_ACTIONS.values()), k=chance.choice([1, 1, 1, 2, 3]))
    return [(name, _arguments(chance, name)) for name in names]


def _arguments(chance: Random, name: str) -> tuple[Any, ...]:
    key, nth, at = chance.choice(OFTEN), chance.randrange(100), moment(chance)
    match name:
        case "send":
            return key, content(chance, key), at
        case "send_an_old_content_back_or_under_another_name":
            return key, nth, at
        case "send_again_with_a_row_more":
            return nth, _row(chance, "K9", chance.choice(["2024-01-20", "2024-02-10"])), at
        case "touch":
            return nth, at
        case "decide":
            return chance.choice(_DECISIONS), nth
        case "change_a_descriptor":
            return _change(chance)
        case "change_the_settings":
            baseline = chance.choice(["Budget", "Budget", "Forecast", "Actual", "Budget Q1"])
            through = chance.choice([None, None, "2023-12", "2024-01", "2024-03"])
            return baseline, through, chance.choice(["hold", "hold", "publish"])
        case "overwrite_during_the_run":
            return nth, chance
        case _:
            return (nth,)


_DECISIONS = [
    *("accept", "accept", "accept", "withdraw", "reinstate"),
    *("withdraw_late_lines", "reinstate_late_lines", "book", "book"),
]


def _change(chance: Random) -> tuple[str, dict[str, Any]]:
    name = chance.choice(list(CHANGES))
    return name, chance.choice([*CHANGES[name], *_ANY_FEED, *(_ANY_LEDGER if name != "accounts" else ())])


def moment(chance: Random) -> datetime:
    """Return a time for a file; some files have the same."""
    return FIRST_MOMENT - timedelta(days=30) + timedelta(hours=chance.randrange(60))


def content(chance: Random, key: str) -> Content:
    """Return the rows of a file under a key."""
    if key.startswith("accounts/"):
        numbers = chance.sample(["4000", "5000", "2000", "9000"], chance.randint(1, 4))
        types = ["Revenue", "Expense", "Liability", "Equity", "Statistical", ""]
        return tuple(SentAccount(number, chance.choice(types)) for number in numbers)
    ids = chance.sample([f"K{n}" for n in range(1, 7)], 5)
    if chance.random() < 0.1:
        ids = ids[:2] * 3
    days = next((days for span, days in _DAYS.items() if span in key), ["2024-01-01", "2024-01-20", "2024-02-10"])
    return tuple(_row(chance, one, chance.choice(days)) for one in ids[: chance.choice([0, 1, 2, 3, 4, 5, 5])])


_TYPES = {"4000": "Revenue", "5000": "Expense", "2000": "Liability"}


def _row(chance: Random, row_id: str, day: str) -> SentRow:
    account = chance.choice(list(_TYPES))
    values = {
        "id": row_id,
        "date": day,
        "department": chance.choice(["D1", "D1", "D2", "d1"]),
        "account": account,
        "scenario": chance.choice(
            ["Actual", "Actual", "Budget", "Budget", "BUDGET", "Forecast", "Budget Q1", "budget q1"]
        ),
        "amount": chance.choice(["100.00", "100", "-40.5", "0", "0.005", "7.25", "-7.25", "12", "3"]),
        # Two types of one account hold the file, so few files have them.
        "type": chance.choice(["", "", _TYPES[account], _TYPES[account]] * 6 + ["Expense"]),
    }
    if chance.random() < 0.05:
        values |= chance.choice(_BAD)
    return SentRow(**values)
