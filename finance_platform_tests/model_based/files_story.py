"""A home with a few files, and what somebody does to them: sends, removes, closes, decides, in any order.

Belongs here: what happens, and what holds in every home. Does not belong here: which files a home has and what its
figures must be (see `test_years`, `test_rules`).
"""

from __future__ import annotations

import hashlib
import tempfile
from abc import ABC, abstractmethod
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import timedelta
from decimal import ROUND_DOWN, Decimal
from functools import partial
from pathlib import Path
from random import Random
from typing import Literal

from hypothesis import HealthCheck, Phase, note, settings
from pyspark.sql import SparkSession

from finance_platform.deliveries import decisions
from finance_platform.deliveries.approvals import Author
from finance_platform.deliveries.events import PeriodStatusChanged
from finance_platform.deliveries.register import Register
from finance_platform.deliveries.state import DeliveryState, InactiveDelivery, LiveDelivery
from finance_platform.errors import DecisionError
from finance_platform.refresh.verification.verify import Verifier
from finance_platform.reports.statement import as_json
from finance_platform.warehouse.ledger import published_versions
from finance_platform_tests.model_based.home import FIRST_MOMENT, LawHome
from finance_platform_tests.night_parts import part_count
from finance_platform_tests.profiles import current_profile

Row = tuple[str, ...]
Amounts = dict[tuple[str, str, str, str], Decimal]
"""By scenario, month, department and account."""

PARTS = part_count(2)

SETTINGS = settings(
    max_examples=max(1, current_profile().law_homes // 20 // PARTS),
    deadline=None,
    derandomize=current_profile().name != "nightly",
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
    print_blob=True,
)


class FilesStory(ABC):
    """A home with its files, and what somebody does to them.

    Attributes:
        feeds: the descriptors at first.
        headers: by the beginning of their names, the header of files.
        names: of files.
        actions: what may happen, as often as it does.
        vanishing: the beginnings of the names of files that may vanish.
        taken_in: the beginnings of the names of files that a person let count, whatever else counted then.
        booked: the file of which every third home books lines at its start, since chance alone hardly does.
    """

    feeds: Mapping[str, str]
    headers: Mapping[str, str]
    names: Sequence[str]
    actions: Sequence[str]
    vanishing: tuple[str, ...]
    booked: str

    def __init__(self, folder: Path, spark: SparkSession, seed: int) -> None:
        self.chance = Random(seed)
        self.home, self.fresh = (LawHome(folder / name, spark, closed_periods="hold") for name in ("home", "fresh"))
        self.done: list[Callable[[LawHome], object]] = []
        self.contents: dict[str, Sequence[Row]] = {}
        self.present: dict[str, Sequence[Row]] = {}
        self.closed: dict[str, Amounts] = {}
        self.is_accepted = False
        self.taken_in: set[str] = set()
        self.describe(self.feeds)
        for name in self.names:
            self.send(name)
        self.refresh()
        if seed % 3 == 2:
            self.start_with_a_booking()

    @classmethod
    def play(cls, spark: SparkSession, seed: int, steps: int) -> None:
        with tempfile.TemporaryDirectory(prefix="law-", ignore_cleanup_errors=True) as folder:
            story = cls(Path(folder), spark, seed)
            for _ in range(steps):
                story.happen()
                story.refresh()
            story.end()

    @abstractmethod
    def rows(self, kind: str) -> Sequence[Row]:
        """Return what a new file has."""

    @abstractmethod
    def late_rows(self) -> tuple[Sequence[Row], Sequence[Row]]:
        """Return rows of an early period, and further ones of which some are of that period too."""

    @abstractmethod
    def check_figures(self, state: DeliveryState) -> None:
        """Hold the published figures against those that the files have."""

    def do(self, step: Callable[[LawHome], object]) -> None:
        """Let something happen to the home, and at the end to a fresh one."""
        step(self.home)
        self.done.append(step)

    # What happens

    def start_with_a_booking(self) -> None:
        """Close periods and book further lines of them, which a file has that is sent again."""
        first, more = self.late_rows()
        self._write(self.booked, first)
        self.refresh()
        for _ in range(self.chance.choice([1, 1, 2, 4])):
            self.close()
        self._write(self.booked, [*first, *more])
        self.refresh()
        self._decide("book", self.booked)
        self.refresh()

    def happen(self) -> None:
        """Let a person close, reopen or decide, or several other things happen, before the next run."""
        action = self.chance.choice(self.actions)
        getattr(self, action)()
        if action in {"send", "edit"}:
            for action in self.chance.choices(self.actions, k=self.chance.choice([0, 0, 1, 2])):
                if action not in {"close", "reopen", "vanish"}:
                    getattr(self, action)()

    def describe(self, feeds: Mapping[str, str]) -> None:
        for name, text in feeds.items():
            self.do(partial(LawHome.describe, name=name, descriptor=text))

    def send(self, name: str = "") -> None:
        name = name or self.chance.choice(self.names)
        self._write(name, self.rows(name.partition("_")[0]))

    def back(self) -> None:
        """Send an earlier content again, under the same name or under another one."""
        name = self.chance.choice(self.names)
        header = self.headers[name.partition("_")[0]]
        self._write(name, self.chance.choice([rows for key, rows in self.contents.items() if key.startswith(header)]))

    def vanish(self) -> None:
        present = [item.key for item in self.home.raw.list_objects() if item.key.startswith(self.vanishing)]
        if len(present) > 2:
            name = self.chance.choice(present)
            note(f"vanish {name}")
            self.do(partial(LawHome.remove, key=name))

    def close(self) -> None:
        published = {name for table, name in published_versions(self.home.warehouse) if table == "fact_financials"}
        first = sorted(published - self.closed.keys())
        if first and not [one for one in self.home.state().inactive if one.reopened]:
            self._set("closed", first[0])
            self.closed[first[0]] = self.published(first[0])

    def reopen(self) -> None:
        if self.closed:
            self._set("reopened", max(self.closed))
            del self.closed[max(self.closed)]

    def _set(self, action: Literal["closed", "reopened"], period: str) -> None:
        note(f"{action} {period}")

        def step(home: LawHome) -> None:
            versions = published_versions(home.warehouse)
            signed = {"fact_financials": versions["fact_financials", period]} if action == "closed" else {}
            event = PeriodStatusChanged(action, period, "ada", "done", home.tick().isoformat(), signed)
            Register(home.processed).append([event])

        self.do(step)

    def decide(self) -> None:
        state = self.home.state()
        possible: list[tuple[str, InactiveDelivery | LiveDelivery]] = [
            *((action, one) for one in state.inactive for action in ("accept", "book", "book", "withdraw")),
            *(("reinstate", one) for one in state.withdrawn),
            *(("withdraw", one) for one in state.live[:1]),
        ]
        if not possible:
            return
        action, one = self.chance.choice(possible)
        if getattr(one, "late", ()) and action in {"withdraw", "reinstate"}:
            action += "_late_lines"
        self._decide(action, one.event.object_key, one.event.feed)

    def _decide(self, action: str, name: str, feed: str = "") -> None:
        more = {"holds_closed_periods": True} if action in {"withdraw", "reinstate"} else {}
        decision = partial(getattr(decisions, action), **more)
        try:
            self.do(lambda home: decision(home.processed, name, Author("ana", "because", home.tick())))
        except DecisionError as error:
            note(f"not decided: {action} {name}: {error}")
        else:
            note(f"decided: {action} {name}")
            self.is_accepted |= action == "accept"
            if action in {"accept", "reinstate"}:
                self.taken_in.add(feed)

    def _write(self, name: str, rows: Sequence[Row]) -> None:
        note(f"send {name} {rows}")
        header = self.headers[name.partition("_")[0]]
        data = "\n".join([header, *map(",".join, rows), ""]).encode()
        self.contents[header + hashlib.sha256(data).hexdigest()] = self.present[name] = rows
        at = FIRST_MOMENT + timedelta(minutes=len(self.done))
        self.do(partial(LawHome.put, key=name, data=data, modified_at=at))

    def sent(self, one: LiveDelivery) -> Sequence[Row]:
        """Return the rows of a delivery."""
        header = self.headers[one.event.object_key.partition("_")[0]]
        return self.contents[header + one.event.fingerprint]

    # What must hold

    def refresh(self) -> None:
        self.do(LawHome.refresh)
        for period, amounts in self.closed.items():
            now = self.published(period)
            assert self.is_accepted or now == amounts, f"{period} is closed and changes only by a decision"
            self.closed[period] = now
        self.is_accepted = False
        state = self.home.state()
        assert not state.awaiting_verdict
        self.check_figures(state)
        statement = self.home.status().reconciliation
        for line in (*statement.by_scenario, *statement.by_feed, *statement.lines):
            assert line.difference.is_zero, line

    def published(self, period: str = "", without: Collection[str] = ()) -> Amounts:
        amounts: Amounts = defaultdict(Decimal)
        for cell, figures in self.home.star().facts.items():
            month = f"{cell.day:%Y-%m}"
            if period in {month, ""} and month not in without:
                amounts[cell.scenario, month, cell.department.upper(), cell.account] += figures.amount
        return {place: amount for place, amount in amounts.items() if amount}

    def check_runs(self) -> None:
        """Hold further runs against the first one, and the home against its files.

        A second run evaluates again what depends on other lines, if the first one has found anything.
        """
        self.do(LawHome.refresh)
        assert self.home.is_nothing_new() or self.home.state().waiting or self.home.is_blocked
        found = Verifier(self.home.raw, self.home.processed, self.home.warehouse).verify().findings
        assert [one for one in found if one.part != "raw files"] == []
        tables = self.home.tables()
        self.home.refresh_anyway()
        assert self.home.tables() == tables, "run --force changes no figure"

    def end(self) -> None:
        self.check_runs()
        for step in self.done:
            step(self.fresh)
        assert _figures(self.fresh) == _figures(self.home), "the same files and decisions give the same figures"
        while self.closed:
            self.reopen()
        self.refresh()
        self.check_runs()
        tables = self.home.tables()  # its statement has no rejected rows of files that are gone
        self.home.start_from_scratch()
        self.home.refresh()
        assert self.home.tables() == tables, "a home that was built from scratch has the same figures"


def _figures(home: LawHome) -> tuple[object, object]:
    """Return the star and the statement."""
    return home.tables(), as_json(home.status().reconciliation)


def shares(amount: Decimal, weights: Mapping[str, Decimal]) -> dict[str, Decimal]:
    """Return the share of each month, cut to the cent; the last one with a weight has the odd cents."""
    total = sum(weights.values(), Decimal(0))
    months = sorted(month for month, weight in weights.items() if weight)
    cents = {month: (amount * weights[month] / total).quantize(Decimal("0.01"), ROUND_DOWN) for month in months}
    if months:
        cents[months[-1]] += amount - sum(cents.values())
    return cents
