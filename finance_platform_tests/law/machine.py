"""The machine: senders, people and failures in any order, and what must hold after every refresh.

Belongs here: the rules by which things happen, and the invariants. Does not belong here: what the star must hold (see
`model`), how the steps are taken (see `home`).
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from hypothesis import note
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule
from pyspark.sql import SparkSession

from finance_platform.errors import DecisionError
from finance_platform.lake import decisions
from finance_platform.lake.decisions import Author
from finance_platform.lake.deliveries import read_commits
from finance_platform.reporting.accounting import controllers_line
from finance_platform.warehouse.ledger import published
from finance_platform_tests.law import model
from finance_platform_tests.law.home import FIRST_MOMENT, BrokenOffError, Fuse, LawHome
from finance_platform_tests.law.sent import Content, Delivery, Feed, SentAccount, SentRow, as_bytes

FEEDS = (
    Feed("ledger", mode="upsert", key=("transaction_id",), scenario="Actual"),
    Feed("journal", sign="debit_positive", has_types=True),
    Feed("plan", mode="replace_period", has_covers=True),
    Feed("regional", mode="replace_period", scope=("department",), scenario="Budget"),
    Feed("accounts", kind="accounts"),
)
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
ANY_LEDGER: Sequence[dict[str, Any]] = (
    {"tolerance": "0"},
    {"tolerance": "1"},
    {"hold_if_removes": "0.5"},
    {"hold_if_removes": "never"},
)
ANY_FEED: Sequence[dict[str, Any]] = ({"order": "name"}, {"order": "column"}, {"order": ""})

SPANS = ("2023-12_2024-01", "2024-01_2024-02", "2024-01_2024-01")
KEYS = [f"{feed.name}/{span}_v{n}.csv" for feed in FEEDS for span, n in zip(SPANS, (2, 1, 10), strict=True)]

ROWS = st.builds(
    SentRow,
    id=st.sampled_from(["K1", "K2", "K3", "K1", "K2", "K3", "K4", ""]),
    date=st.sampled_from(["2023-12-31", "2024-01-01", "2024-01-20", "2024-02-10", "2024-01-01", "2024-02-30"]),
    department=st.sampled_from(["D1", "D2", "d1", "D1", "D2", "D1", ""]),
    account=st.sampled_from(["4000", "5000", "2000"]),
    scenario=st.sampled_from(["Actual", "Budget", "Forecast", "Budget Q1", "Actual", "BUDGET", "budget q1", "Guess"]),
    amount=st.sampled_from(["100.00", "100", "-40.5", "0", "0.005", "7.25", "-7.25", "x"]),
    type=st.sampled_from(["", "", "Revenue", "Expense", "Liability", "Nonsense"]),
)
LEDGER_FILES = st.lists(ROWS, max_size=5).map(tuple)
ACCOUNT_FILES = st.lists(
    st.builds(
        SentAccount,
        number=st.sampled_from(["4000", "5000", "2000", "9000"]),
        type=st.sampled_from(["Revenue", "Expense", "Liability", "Equity", ""]),
    ),
    unique_by=lambda row: row.number,
    max_size=4,
).map(tuple)
FILES = st.sampled_from(KEYS).flatmap(
    lambda key: st.tuples(st.just(key), ACCOUNT_FILES if key.startswith("accounts/") else LEDGER_FILES)
)
MOMENTS = st.integers(0, 50).map(lambda hours: FIRST_MOMENT - timedelta(days=30) + timedelta(hours=hours))
NTH = st.integers(0, 20)


class Deliveries(RuleBasedStateMachine):
    """Everything that may happen to a home."""

    spark: SparkSession

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="law-"))
        self.home = LawHome(self.folder, self.spark)
        (self.folder / "raw").mkdir()
        self.feeds = {feed.name: feed for feed in FEEDS}
        self.contents: dict[str, Content] = {}
        self.sent: dict[str, Delivery] = {}
        self.first_seen: dict[tuple[str, str], str] = {}
        self.learned = 0
        for feed in FEEDS:
            self.home.describe(feed.name, feed.descriptor())

    # What senders do

    @rule(files=st.lists(FILES, min_size=1, max_size=3), at=MOMENTS)
    def send(self, files: Sequence[tuple[str, Content]], at: datetime) -> None:
        for key, content in files:
            self._put(key, content, at)

    @rule(key=st.sampled_from(KEYS), nth=NTH, at=MOMENTS)
    @precondition(lambda self: self.contents)
    def send_an_old_content_back_or_under_another_name(self, key: str, nth: int, at: datetime) -> None:
        is_reference = key.startswith("accounts/")
        fitting = [
            content
            for content in self.contents.values()
            if all(isinstance(row, SentAccount) == is_reference for row in content)
        ]
        if fitting:
            self._put(key, fitting[nth % len(fitting)], at)

    @rule(nth=NTH, at=MOMENTS)
    @precondition(lambda self: self._present())
    def touch(self, nth: int, at: datetime) -> None:
        key = self._present()[nth % len(self._present())]
        self.home.put(key, self.home.raw.read(key), at)

    @rule(nth=NTH)
    @precondition(lambda self: self._present())
    def vanish(self, nth: int) -> None:
        self.home.remove(self._present()[nth % len(self._present())])

    # What people do

    @rule(action=st.sampled_from(["accept", "accept", "withdraw", "reinstate"]), nth=NTH)
    @precondition(lambda self: self.learned)
    def decide(self, action: str, nth: int) -> None:
        candidates = self._decidable(action)
        if not candidates:
            return
        key = candidates[nth % len(candidates)]
        note(f"{action} {key}")
        try:
            getattr(decisions, action)(self.home.processed, key, Author("ana", "because", self.home.tick()))
        except DecisionError as error:
            note(f"not decided: {error}")

    @rule(name=st.sampled_from([feed.name for feed in FEEDS]), nth=NTH)
    def change_a_descriptor(self, name: str, nth: int) -> None:
        options = [*CHANGES[name], *ANY_FEED, *(ANY_LEDGER if name != "accounts" else ())]
        changed = replace(self.feeds[name], **options[nth % len(options)])
        if changed.mode == "append":
            changed = replace(changed, scope=(), has_covers=False)
        self.feeds[name] = changed
        note(str(changed))
        self.home.describe(name, changed.descriptor())

    @rule(
        baseline=st.sampled_from(["Budget", "Budget", "Forecast", "Actual", "Budget Q1"]),
        through=st.sampled_from([None, None, "2023-12", "2024-01", "2024-03"]),
    )
    def change_the_settings(self, baseline: str, through: str | None) -> None:
        self.home.baseline, self.home.actuals_through = baseline, through

    # What the platform does

    @rule()
    def refresh(self) -> None:
        try:
            self.home.refresh()
        finally:
            self._learn()
        self._check()

    @rule(point=st.integers(1, 150))
    def refresh_and_break_off(self, point: int) -> None:
        fuse = Fuse()
        fuse.set_to(point)
        try:
            with fuse.wired():
                self.home.refresh()
        except BrokenOffError:
            self._learn()
            return
        self._learn()
        self._check()

    def teardown(self) -> None:
        try:
            if self.learned:
                self.refresh()
                self._check_that_a_second_refresh_does_nothing()
                tables = self.home.tables()
                self.home.start_from_scratch()
                self.home.refresh()
                assert self.home.tables() == tables
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)

    def _decidable(self, action: str) -> list[str]:
        """Return the raw objects that a person may decide so about."""
        state = self.home.state()
        if action == "withdraw":
            live = [delivery.event.object_key for delivery in state.live]
            return [*live, *(stopped.event.object_key for stopped in state.stopped)]
        return [one.event.object_key for one in (state.stopped if action == "accept" else state.withdrawn)]

    # What must hold

    def _check(self) -> None:
        state = self.home.state()
        present = self._present()
        assert [event.object_key for event in state.pending if event.object_key in present] == []
        assert list(state.unjudged) == []
        live = [self.sent[delivery.delivery_id] for delivery in state.live]
        assert self.home.star() == model.star(live, self.home.baseline, self.home.actuals_through)
        for delivery in state.ledger:
            typed = model.typed(self.sent[delivery.delivery_id])
            found = [delivery.commit.outcome(name).rows for name in ("accepted", "rejected", "duplicate")]
            assert found == [len(typed.lines), typed.rejected, typed.duplicate], delivery.event.object_key
        for commit in read_commits(self.home.processed).values():
            assert not any(commit.unaccounted), commit
        snapshot = self.home.snapshot()
        assert snapshot.unbuilt == []
        versions = {name: slice_.version for name, slice_ in published(self.home.warehouse).items()}
        assert snapshot.unloaded(versions) == []
        assert controllers_line(snapshot, self.home.warehouse).difference == (0, Decimal(0))

    def _check_that_a_second_refresh_does_nothing(self) -> None:
        before = self._files()
        assert self.home.take_stock() == 0
        self.home.refresh()
        assert self._files() == before

    # What the test knows

    def _put(self, key: str, content: Content, at: datetime) -> None:
        data = as_bytes("accounts" if key.startswith("accounts/") else "ledger", content)
        self.contents[hashlib.sha256(data).hexdigest()] = content
        self.home.put(key, data, at)

    def _present(self) -> list[str]:
        return [item.key for item in self.home.raw.list_objects()]

    def _files(self) -> dict[str, int]:
        found = [path for path in self.folder.rglob("*") if path.is_file()]
        return {str(path): path.stat().st_mtime_ns for path in found}

    def _learn(self) -> None:
        """Take down what the register has seen, with the feeds as they were then."""
        events = self.home.events()
        for event in events[self.learned :]:
            seen = self.first_seen.setdefault((event.object_key, event.fingerprint), event.modified_at)
            feed = self.feeds[event.feed]
            content = self.contents[event.fingerprint]
            self.sent[event.delivery_id] = Delivery(event.object_key, feed, content, seen)
        self.learned = len(events)
