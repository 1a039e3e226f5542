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
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any, TypeVar

from hypothesis import note
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule
from pyspark.sql import SparkSession

from finance_platform.deliveries import decisions
from finance_platform.deliveries.commits import read_commits
from finance_platform.deliveries.decisions import Author
from finance_platform.errors import DecisionError
from finance_platform.reports.reconciliation import reconcile
from finance_platform.warehouse.ledger import published
from finance_platform_tests.model_based import model
from finance_platform_tests.model_based.chance import AT_FIRST, FEEDS, actions, content, moment
from finance_platform_tests.model_based.home import BrokenOffError, FaultInjector, LawHome
from finance_platform_tests.model_based.sent import Content, Delivery, SentAccount, as_bytes

_One = TypeVar("_One")

SEEDS = st.integers(0, 2**32 - 1)
POINTS = st.one_of(st.none(), st.none(), st.integers(1, 150))


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
        self.steps = 0
        for feed in FEEDS:
            self.home.describe(feed.name, feed.descriptor())

    # What senders do

    @initialize(seed=SEEDS)
    def begin(self, seed: int) -> None:
        chance = Random(seed)
        for key in AT_FIRST:
            self.send(key, content(chance, key), moment(chance))

    def send(self, key: str, rows: Content, at: datetime) -> None:
        data = as_bytes("accounts" if key.startswith("accounts/") else "ledger", rows)
        self.contents[hashlib.sha256(data).hexdigest()] = rows
        self.home.put(key, data, at)

    def send_an_old_content_back_or_under_another_name(self, key: str, nth: int, at: datetime) -> None:
        is_reference = key.startswith("accounts/")
        fitting = [
            rows for rows in self.contents.values() if all(isinstance(row, SentAccount) == is_reference for row in rows)
        ]
        for rows in _one_of(fitting, nth):
            self.send(key, rows, at)

    def touch(self, nth: int, at: datetime) -> None:
        for key in _one_of(self._present(), nth):
            self.home.put(key, self.home.raw.read(key), at)

    def vanish(self, nth: int) -> None:
        for key in _one_of(self._present(), nth):
            self.home.remove(key)

    # What people do

    def decide(self, action: str, nth: int) -> None:
        for key in _one_of(self._decidable(action), nth):
            try:
                getattr(decisions, action)(self.home.processed, key, Author("ana", "because", self.home.tick()))
            except DecisionError as error:
                note(f"not decided: {error}")

    def change_a_descriptor(self, name: str, change: dict[str, Any]) -> None:
        changed = replace(self.feeds[name], **change)
        if changed.mode == "append":
            changed = replace(changed, scope=(), has_covers=False)
        self.feeds[name] = changed
        self.home.describe(name, changed.descriptor())

    def change_the_settings(self, baseline: str, through: str | None) -> None:
        self.home.baseline, self.home.actuals_through = baseline, through

    # What the platform does

    @rule(seed=SEEDS, point=POINTS)
    def happen(self, seed: int, point: int | None) -> None:
        """Let a few things happen, then refresh, up to the point where the run breaks off if one is given.

        One rule, so that no step is idle: hypothesis leaves whole rules out of an example, and there are few examples.
        """
        self.steps += 1
        for name, arguments in actions(Random(f"{seed} {self.steps}")):
            note(f"{name} {arguments}")
            getattr(self, name)(*arguments)
        fuse = FaultInjector()
        fuse.set_to(point)
        try:
            with fuse.wired():
                self.home.refresh()
        except BrokenOffError:
            return
        finally:
            self._learn()
        self._check()

    def refresh(self) -> None:
        self.home.refresh()
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
        assert list(state.awaiting_verdict) == []
        live = [self.sent[delivery.delivery_id] for delivery in state.live]
        assert self.home.star() == model.star(live, self.home.baseline, self.home.actuals_through)
        for delivery in state.ledger:
            typed = model.typed(self.sent[delivery.delivery_id])
            found = [delivery.commit.outcome(name).rows for name in ("accepted", "rejected", "duplicate")]
            assert found == [len(typed.lines), typed.rejected, typed.duplicate], delivery.event.object_key
        for commit in read_commits(self.home.processed).values():
            assert not any(commit.unaccounted), commit
        snapshot = self.home.snapshot()
        assert snapshot.to_build == []
        versions = {name: slice_.version for name, slice_ in published(self.home.warehouse).items()}
        assert snapshot.to_publish(versions) == []
        assert reconcile(snapshot, self.home.warehouse).difference == (0, Decimal(0))

    def _check_that_a_second_refresh_does_nothing(self) -> None:
        before = self._files()
        assert self.home.scan_raw_zone() == 0
        self.home.refresh()
        assert self._files() == before

    # What the test knows

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


def _one_of(several: Sequence[_One], nth: int) -> Sequence[_One]:
    """Return one of several, or none of none."""
    return [several[nth % len(several)]] if several else []
