"""What happens by chance: files with rows that meet, old contents under new names, decisions, changed descriptors.

Belongs here: drawing what may happen from a `Random`, dense enough that a few homes see much of it. (Hypothesis' own
strategies like small and equal values, and so drew files in which hardly a row was accepted and no key met another.)
Does not belong here: doing it (see `machine`).

Identities follow from contents, so half of the homes are narrow: a few names and a few contents, which come back after
others, under other names, in other feeds, in another order and as a workbook, among many decisions and closings.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from random import Random
from typing import Any, Literal

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
WORKBOOKS = [f"{feed.name}/{SPANS[0]}_v3.xlsx" for feed in FEEDS]
OFTEN = [*KEYS, *KEYS[:6], *KEYS[-3:], *WORKBOOKS]
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
    "remove_what_nothing_needs": 1,
}
_ACTIONS_IN_A_NARROW_HOME = {
    **_ACTIONS,
    "send_an_old_content_back_or_under_another_name": 0,
    "send_again_with_a_row_more": 1,
    "decide": 10,
    "change_a_descriptor": 3,
    "change_the_settings": 1,
    "close_a_period": 5,
}

Action = tuple[str, tuple[Any, ...]]
"""The name of one of the machine's methods, and its arguments."""


@dataclass(frozen=True)
class Habits:
    """What usually happens to one home.

    Attributes:
        keys: the names under which files are sent, as often as they are.
        at_first: those of the first files.
        contents: the contents of ledger files and of accounts files; none where almost each file has new rows.
        changes: by feed, the changes of its descriptor.
        actions: what happens, with weights.
        at_once: how many things happen before a refresh, as often as they do.
        closed_periods: the setting at first.
    """

    keys: Sequence[str]
    at_first: Sequence[str]
    contents: Mapping[bool, Sequence[Content]]
    changes: Mapping[str, Sequence[dict[str, Any]]]
    actions: Mapping[str, int]
    at_once: Sequence[int] = (1, 1, 1, 2, 3)
    closed_periods: Literal["hold", "publish"] = "publish"

    def content(self, chance: Random, key: str) -> Content:
        """Return the rows of a file under a key."""
        return chance.choice(self.contents[_is_of_accounts(key)]) if self.contents else content(chance, key)


def habits(chance: Random) -> Habits:
    """Return what usually happens to a home: it is wide or narrow."""
    return chance.choice([_WIDE, _narrow(chance)])


def _changes(feeds: Sequence[Feed]) -> dict[str, Sequence[dict[str, Any]]]:
    ledgers = {feed.name for feed in feeds if feed.kind == "ledger"}
    return {
        feed.name: [*CHANGES[feed.name], *_ANY_FEED, *(_ANY_LEDGER if feed.name in ledgers else ())] for feed in feeds
    }


_WIDE = Habits(OFTEN, AT_FIRST, {}, _changes(FEEDS), _ACTIONS)


def _narrow(chance: Random) -> Habits:
    """Return the habits of a home with one or two feeds, two or three names of each, and a few contents for all.

    Most contents differ in a line or two, so that some periods of a file change and others stay. Descriptors are
    changed to and fro: a content is read under its first rules again.
    """
    feeds = chance.sample(FEEDS[:-1], chance.choice([1, 1, 2]))
    keys = [key for feed in feeds for key in chance.sample(_keys_of(feed), chance.choice([2, 3]))]
    first = _spread(chance)
    ledgers = [first, _varied(chance, first), _varied(chance, first), first[::-1]]
    ledgers.append(_varied(chance, ledgers[1]))
    accounts = [tuple(SentAccount(*of) for of in _TYPES.items()), content(chance, "accounts/")]
    changes = {
        name: [vars(feed), *chance.sample(of_feed, 2)]
        for feed, (name, of_feed) in zip(feeds, _changes(feeds).items(), strict=True)
    }
    return Habits(
        [*keys, *keys, *chance.sample(_keys_of(FEEDS[-1]), 1)],
        [*chance.sample(keys, 2), KEYS[-1]],
        {False: ledgers, True: [accounts[0], *accounts, accounts[0][::-1]]},
        changes,
        _ACTIONS_IN_A_NARROW_HOME,
        (1, 2, 2, 3),
        chance.choice(["hold", "hold", "hold", "publish"]),
    )


def _spread(chance: Random) -> Content:
    """Return lines of three periods, most of Actual."""
    days = ["2023-12-31", "2024-01-01", "2024-01-20", "2024-02-10", "2024-01-31"]
    rows = [_row(chance, f"K{n}", day) for n, day in enumerate(days, start=1)]
    return tuple(replace(row, scenario=chance.choice(["Actual", "Actual", row.scenario])) for row in rows)


def _varied(chance: Random, rows: Content) -> Content:
    """Return lines of which one or two are others, or go, or come."""
    varied = [row for row in rows if isinstance(row, SentRow)]
    for _ in range(chance.choice([1, 1, 2])):
        nth = chance.randrange(len(varied))
        row = varied[nth]
        other = _row(chance, row.id, row.date)
        changed = [replace(row, amount=other.amount), other, replace(row, date="2024-01-20"), replace(other, id="K9")]
        varied[nth : nth + 1] = chance.choice([*([one] for one in changed), [row, replace(other, id="K8")], []])
    return tuple(varied)


def _keys_of(feed: Feed) -> list[str]:
    return [key for key in (*KEYS, *WORKBOOKS) if key.startswith(f"{feed.name}/")]


def _is_of_accounts(key: str) -> bool:
    return key.startswith("accounts/")


def actions(chance: Random, of: Habits) -> list[Action]:
    """Return what happens before the next refresh."""
    names = chance.choices(list(of.actions), list(of.actions.values()), k=chance.choice(of.at_once))
    return [(name, _arguments(chance, name, of)) for name in names]


def _arguments(chance: Random, name: str, of: Habits) -> tuple[Any, ...]:
    key, nth, at = chance.choice(of.keys), chance.randrange(100), moment(chance)
    match name:
        case "send":
            return key, of.content(chance, key), at
        case "send_an_old_content_back_or_under_another_name":
            return key, nth, at, chance.choice([1, 1, -1])
        case "send_again_with_a_row_more":
            return nth, _row(chance, "K9", chance.choice(["2024-01-20", "2024-02-10"])), at
        case "touch":
            return nth, at
        case "decide":
            choices = chance.sample(_DECISIONS, len(_DECISIONS))
            # Almost everything can be withdrawn, and so would be wherever nothing waits.
            return choices[: choices.index("withdraw") or 1], nth, chance.random() < 0.3
        case "change_a_descriptor":
            feed = chance.choice(list(of.changes))
            return feed, chance.choice(of.changes[feed])
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


def moment(chance: Random) -> datetime:
    """Return a time for a file; some files have the same."""
    return FIRST_MOMENT - timedelta(days=30) + timedelta(hours=chance.randrange(60))


def content(chance: Random, key: str) -> Content:
    """Return the rows of a file under a key."""
    if _is_of_accounts(key):
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
