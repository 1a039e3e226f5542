"""A story: files, contents that come back, releases, closings and decisions on a zone on disk, without Spark.

Belongs here: what happens, and what a run does with it. Does not belong here: what counts by then (see `counted`), what
must hold (see `test_stories`).

A story takes a quarter of a second, so a night has thousands. Its contents are few and differ in a line or two: each
comes back under the same name and under others, is corrected, accepted and booked. A run that is killed finds files and
judges none; people decide in between. Each step is drawn from a number of its own, so that a story from which steps are
left out goes on as before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

from finance_platform.deliveries.approvals import Author
from finance_platform.deliveries.current_state import read_state
from finance_platform.deliveries.events import (
    DeliveryDiscovered,
    PeriodStatusChanged,
    Verdict,
    select_discovered,
    select_withdrawn,
    utc_text,
)
from finance_platform.deliveries.state import DeliveryState, InactiveDelivery, LiveDelivery
from finance_platform.deliveries.verdicts.acceptance import evaluate_deliveries
from finance_platform.feeds.findings import ReaderFindings
from finance_platform.feeds.resolved import LoadMode
from finance_platform.slices.retention import find_expired, remove
from finance_platform_tests.unit.zone import NOON, Line, Zone

PERIODS = ("2025-01", "2025-02", "2025-03")


class Load(NamedTuple):
    """What a descriptor says of the effect of files: a load mode, and the fields of its key or scope.

    `rules` names what is part of reading: keys and scopes are, but not whether a file replaces periods.
    """

    mode: LoadMode
    fields: str
    rules: str

    @property
    def is_scoped(self) -> bool:
        return self.mode == "replace_period" and bool(self.fields)


LOADS = {
    "append": Load("append", "", "plain"),
    "replace_period": Load("replace_period", "", "plain"),
    "upsert": Load("upsert", "transaction_id", "upsert"),
    "upsert by department": Load("upsert", "transaction_id department", "upsert by department"),
    "scoped": Load("replace_period", "department", "scoped"),
    "scoped by account": Load("replace_period", "account", "scoped by account"),
}
"""The loads by name. All lines are of one account, so the last one replaces whole periods."""

FEEDS = ("ledger", "journal")

ORDERS = ("none", "as named", "the other way round")
"""How the descriptor orders files: by time, by their names, or in the opposite order of these."""

_WEIGHTS = {
    "send": 8.0,
    "decide": 11.0,
    "edit": 1.5,
    "move": 0.3,
    "close": 2.0,
    "reopen": 1.0,
    "release": 1.0,
    "read_otherwise": 0.5,
    "touch": 1.0,
    "publish": 0.3,
    "vacuum": 0.7,
}


@dataclass(frozen=True)
class Decision:
    """A decision that a person may make: about a file or, if periods are named, about its late lines of these."""

    action: str
    about: InactiveDelivery | LiveDelivery
    periods: tuple[str, ...] = ()

    @property
    def object_key(self) -> str:
        return self.about.event.object_key


class Story:
    """One feed with up to three files, which may move to another one, and what has happened to it.

    Attributes:
        zone: the processed zone.
        contents: the contents that any file may have, by name.
        sent: by delivery, its lines.
        present: by file, its newest content.
        scenario: the scenario of all lines; empty if each has its own.
        feeds: by file, the feed that reads it now.
        has_numbers: whether lines have numbers under every load, and may name the line that they reverse.
        declared: by file, the period that its name declares; none if it has no line there and says nothing of it.
        tolerated_removal: the share of a department's lines that a file may take out; None for all.
        doubtful: the contents about which the reader has a doubt.
        mode: the name of the load that the descriptor gives now.
        is_booked_by_itself: whether the feed books late lines in the next open period now.
    """

    def __init__(self, seed: int, folder: Path) -> None:
        chance = Random(seed)
        self.zone = Zone(folder / "processed")
        self.mode = chance.choice([*LOADS, "upsert"])
        self.names = chance.sample(["a.csv", "b.csv", "c.csv"], chance.choice([1, 1, 1, 2, 2, 3]))
        self.contents = _contents(chance)
        self.scenario = chance.choice(["Actual"] * 5 + ["Budget", "", ""])
        self.has_numbers = chance.random() < 0.4
        self.is_booked_by_itself = chance.random() < 0.15
        self.tolerated_removal = chance.choice([None, None, "0.5"])
        self.doubtful = {name for name in self.contents if chance.random() < 0.05}
        self.feeds = dict.fromkeys(self.names, FEEDS[0])
        self.declared = {name: (chance.choice(PERIODS),) for name in self.names if chance.random() < 0.2}
        self.sent: dict[str, Sequence[Line]] = {}
        self.present: dict[str, str] = {}
        self._release = 0
        self._order = ORDERS[0]
        self._minutes = 0
        for nth, name in enumerate(self.names):
            self.send(name, "v1" if nth == 0 or chance.random() < 0.5 else chance.choice(list(self.contents)))
        self.first_closed = PERIODS[: chance.choice([0, 1, 1, 1, 2])]

    @property
    def state(self) -> DeliveryState:
        """The state as the product keeps it."""
        return read_state(self.zone.store)

    # What happens

    def draw(self, chance: Random) -> tuple[str, tuple[Any, ...]]:
        """Return what happens next, and its arguments."""
        (action,) = chance.choices(list(_WEIGHTS), list(_WEIGHTS.values()))
        state = self.state
        match action:
            case "touch":
                return "send", ((name := chance.choice(list(self.present))), self.present[name])
            case "edit":
                return "edit", chance.choice([(chance.choice(list(LOADS)), ""), ("", chance.choice(ORDERS)), ("", "")])
            case "move":
                return "move", (chance.choice(list(self.present)), chance.choice(FEEDS))
            case "close":
                return "close", (chance.choice(PERIODS[:2]),)
            case "reopen" if state.closed:
                return "reopen", (chance.choice(sorted(state.closed)),)
            case "decide" if possible := _decisions(state, chance):
                return "decide", (chance.choice(possible),)
            case "read_otherwise":
                return action, (chance.choice(list(self.contents)), chance.getrandbits(32))
            case "release" | "publish" | "vacuum":
                return action, ()
        return "send", (chance.choice(self.names), chance.choice(list(self.contents)))

    def send(self, name: str, content: str) -> None:
        """Let a scan find a file: with the content that it has, it was touched."""
        self.present[name] = content
        at = utc_text(self._moment())
        delivery_id, reads_again = self._identity(name, content)
        self.sent.setdefault(delivery_id, self._lines(content))
        places = {"as named": "abc", "the other way round": "cba"}
        self.zone.deliver(
            name,
            self.sent[delivery_id],
            content,
            delivery_id=delivery_id,
            modified_at=at,
            at=at,
            run_id=f"run-{self._minutes}",
            etag=f"{content}-{self._minutes}",
            rules=self._load.rules,
            reads_again=reads_again,
            order=str(places[self._order].index(name[0])) if self._order in places else "",
            load_mode=self._load.mode,
            is_scoped=self._load.is_scoped,
            keyed_by=self._load.fields,
            tolerated_removal=self.tolerated_removal,
            late_lines="next_open_period" if self.is_booked_by_itself else "hold",
            feed=self.feeds[name],
            commit_findings=ReaderFindings(doubts=("is it UTF-8?",) * (content in self.doubtful)),
            commit_covers=self.declared.get(name, ()),
            commit_constant_scenarios=(self.scenario,) if self.scenario else (),
        )

    def _identity(self, name: str, content: str) -> tuple[str, str]:
        """Return the id of what a scan finds, and the delivery that it reads again, as `DeliveryIdentities` does.

        Withdrawn bytes stay withdrawn, also for a later release.
        """
        events = self.zone.register.events()
        found = [event for event in reversed(select_discovered(events)) if event.object_key == name]
        read_as = content, self._load.rules, self.feeds[name]
        wanted = "@".join((name, *read_as, str(self._release)))
        same = [event for event in found if (event.fingerprint, event.rules, event.feed) == read_as]
        withdrawn = [event.delivery_id for event in same if event.delivery_id in select_withdrawn(events)]
        if found and found[0].delivery_id != wanted and withdrawn:
            wanted = withdrawn[0]
        last = next((event for event in found if event.fingerprint == content), None)
        if last is None or last.delivery_id == wanted:
            return wanted, last.reads_again if last else ""
        return wanted, last.delivery_id if last in same else ""

    @property
    def _load(self) -> Load:
        return LOADS[self.mode]

    def _lines(self, content: str) -> list[Line]:
        load = self._load
        return [
            replace(
                line,
                scenario=self.scenario or line.scenario,
                key=" ".join(_values(line, load.fields)) if load.mode == "upsert" else None,
                scope=" ".join(_values(line, load.fields)) if load.is_scoped else None,
                number=line.key if load.mode == "upsert" or self.has_numbers else None,
                reverses=line.reverses if self.has_numbers else None,
            )
            for line in self.contents[content]
        ]

    def install_release(self) -> None:
        """Let a release read every file again."""
        self._release += 1
        self.send_all()

    def read_otherwise(self, content: str, seed: int) -> None:
        """Let a release read other lines from a content."""
        self.contents[content] = _varied(Random(seed), list(self.contents[content]), seed)
        self.install_release()

    def edit(self, mode: str, order: str) -> None:
        """Change the load or the order of the feed; if neither is given, what becomes of late lines."""
        if not (mode or order):
            self.is_booked_by_itself = not self.is_booked_by_itself
        self.mode, self._order = mode or self.mode, order or self._order
        self.send_all()

    def move(self, name: str, feed: str) -> None:
        """Let another feed read a file."""
        self.feeds[name] = feed
        self.send(name, self.present[name])

    def send_all(self) -> None:
        for name, content in self.present.items():
            self.send(name, content)

    def close(self, period: str) -> bool:
        """Close a period, as far as its gate allows; return whether it was closed."""
        state = self.state
        if state.awaiting_verdict or period in state.closed or any(one.reopened for one in state.inactive):
            return False
        self._set_status("closed", period)
        return True

    def reopen(self, period: str) -> None:
        self._set_status("reopened", period)

    def _set_status(self, status: Any, period: str) -> None:
        self.zone.append(PeriodStatusChanged(status, period, "ada", "done", utc_text(self._moment())))

    def evaluate(self, *, holds_closed_periods: bool = True) -> list[Verdict]:
        """Judge what was found, as a run does that is not killed before."""
        at = self._moment()
        run_id = f"run-{self._minutes}"
        return evaluate_deliveries(self.zone.store, at=at, run_id=run_id, holds_closed_periods=holds_closed_periods)

    def vacuum(self) -> None:
        """Remove what nothing needs now, whatever its age."""
        store, later = self.zone.store, self._moment() + timedelta(days=365)
        remove(store, find_expired(store, self.zone.snapshot(), {}, now=later, retention_days=0, needed_keys=()))

    def author(self) -> Author:
        return Author("ana", "because", self._moment())

    def _moment(self) -> datetime:
        self._minutes += 1
        return NOON + timedelta(minutes=self._minutes)

    @property
    def is_read_as_now(self) -> bool:
        """Whether each file was read as a release would read it now; one that is withdrawn is not read again."""
        newest = self.newest().items()
        return all(self.sent[event.delivery_id] == self._lines(self.present[name]) for name, event in newest)

    def newest(self) -> dict[str, DeliveryDiscovered]:
        """Return by file what a scan found last."""
        return {event.object_key: event for event in select_discovered(self.zone.register.events())}


def _values(line: Line, fields: str) -> list[str]:
    """Return what a line has in the fields of a key or scope."""
    values = {"transaction_id": line.key or "", "department": line.department, "account": line.account}
    return [values[field] for field in fields.split()]


def _contents(chance: Random) -> dict[str, list[Line]]:
    """Return a content, its lines in the opposite order, and three that differ from another one in a line or two."""
    first = [_line(chance, f"K{n}") for n in range(chance.choice([2, 3, 4]))]
    if chance.random() < 0.5:
        first.append(_reversal(chance, chance.choice(first), "R"))
    contents = {"v1": first}
    for nth in (2, 3, 4):
        contents[f"v{nth}"] = _varied(chance, list(contents[chance.choice(list(contents))]), nth)
    return {**contents, "v5": first[::-1]}


_AMOUNTS = ("10.00", "7.00", "3.00")
_SCENARIOS = ("Actual", "Actual", "Forecast", "Budget")


def _line(chance: Random, key: str) -> Line:
    place, scenario = chance.choice(PERIODS), chance.choice(_SCENARIOS)
    return Line(key, place, scenario, amount=chance.choice(_AMOUNTS), department=chance.choice(["D1", "D2"]))


def _reversal(chance: Random, line: Line, key: str) -> Line:
    """Return a line that takes another one back, in its period or another one."""
    return replace(line, key=key, period=chance.choice(PERIODS), amount=str(-Decimal(line.amount)), reverses=line.key)


def _varied(chance: Random, lines: list[Line], nth_content: int) -> list[Line]:
    for nth_change in range(chance.choice([1, 1, 2])):
        if not lines:
            break
        nth = chance.randrange(len(lines))
        line = lines[nth]
        lines[nth : nth + 1] = chance.choice(
            [
                [replace(line, amount=chance.choice(["9.00", "8.00", "-2.00"]))],
                [replace(line, period=chance.choice(PERIODS))],
                [replace(line, scenario=chance.choice(_SCENARIOS))],
                [],
                [line, replace(_line(chance, f"N{nth_content}{nth_change}"), amount="5.00")],
                [line, _reversal(chance, line, f"R{nth_content}{nth_change}")],
            ]
        )
    return lines


def _decisions(state: DeliveryState, chance: Random) -> list[Decision]:
    """Return what people may decide, as often as they do; of late lines about all or about those of one group."""
    possible = []
    whole = {one.event.object_key for one in state.inactive if not one.late}
    for one in state.inactive:
        actions = ["accept", "accept", "book", "book", "withdraw_late_lines" if one.late else "withdraw"]
        group = one.late[0] if one.late and chance.random() < 0.4 else ()
        if one.late and one.event.object_key in whole:
            group = group or one.late_periods  # without periods, the decision is about the whole file
        possible += [Decision(action, one, group) for action in actions]
    for one in state.withdrawn:
        possible.append(Decision("reinstate_late_lines" if one.late else "reinstate", one))
    possible += [Decision("withdraw", live) for live in state.live if chance.random() < 0.08]
    return possible
