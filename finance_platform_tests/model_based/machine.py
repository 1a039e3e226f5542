"""The machine: senders, people and failures in any order, and what must hold after every refresh.

Belongs here: the rules by which things happen, and the invariants. Does not belong here: what the star must hold (see
`model`), how the steps are taken (see `home`).
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import chain, islice
from pathlib import Path
from random import Random
from typing import Any, Literal, TypeVar

import pytest
from hypothesis import note
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule
from pyspark.sql import SparkSession

from finance_platform.contracts.processed import BUDGET, TRANSACTIONS
from finance_platform.contracts.star import FACT_FINANCIALS
from finance_platform.deliveries import decisions, period_decisions
from finance_platform.deliveries.approvals import Author
from finance_platform.deliveries.commits import Count, read_commits
from finance_platform.deliveries.event_chain import ChainReader
from finance_platform.deliveries.lines import read_lines
from finance_platform.deliveries.previews import preview_acceptance, preview_booking
from finance_platform.deliveries.register import Register
from finance_platform.deliveries.state import DeliveryState, InactiveDelivery, LiveDelivery, Position
from finance_platform.errors import DecisionError
from finance_platform.feeds import reader_versions
from finance_platform.feeds.reader_versions import OF_ALL_FILES
from finance_platform.feeds.values.codes import fold
from finance_platform.refresh.restatement import SignedClose, restate, signed_closes
from finance_platform.refresh.verification.verify import Verifier
from finance_platform.reports.rejected_rows import RejectedRows
from finance_platform.reports.statement import NO_SCENARIO, STATISTICAL, Line
from finance_platform.slices.retention import Removal, find_expired, remove
from finance_platform.slices.signatures import Signature, read_signature, sign_slices, write_signature
from finance_platform.trace.period_versions import read_version
from finance_platform.trace.published_lines import open_lines
from finance_platform.trace.roll_forward import Group
from finance_platform.warehouse.ledger import last_load_number, published_versions
from finance_platform_tests.model_based import model
from finance_platform_tests.model_based.chance import FEEDS, actions, habits, moment
from finance_platform_tests.model_based.home import BrokenOffError, FaultInjector, LawHome
from finance_platform_tests.model_based.model import Cell, Figures, Star
from finance_platform_tests.model_based.sent import Content, Delivery, SentAccount, SentRow, as_bytes, as_workbook

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
        self.closed: dict[str, dict[Cell, Figures]] = {}
        """By closed period, its cells as they were last published."""
        self.accepted = False
        """Whether somebody has accepted a delivery since the last refresh, which may restate a closed period."""
        self.release, self.releases = pytest.MonkeyPatch(), 0
        for feed in FEEDS:
            self.home.describe(feed.name, feed.descriptor())

    # What senders do

    @initialize(seed=SEEDS)
    def begin(self, seed: int) -> None:
        chance = Random(seed)
        self.habits = habits(chance)
        self.home.closed_periods = self.habits.closed_periods
        for key in self.habits.at_first:
            self.send(key, self.habits.content(chance, key), moment(chance))

    @staticmethod
    def _is_of_accounts(key: str) -> bool:
        return key.startswith("accounts/")

    def send(self, key: str, rows: Content, at: datetime) -> None:
        self.home.put(key, self._encoded(key, rows), at)

    def _encoded(self, key: str, rows: Content) -> bytes:
        encode = as_workbook if key.endswith(".xlsx") else as_bytes
        data = encode("accounts" if self._is_of_accounts(key) else "ledger", rows)
        self.contents[hashlib.sha256(data).hexdigest()] = rows
        return data

    def send_an_old_content_back_or_under_another_name(self, key: str, nth: int, at: datetime, step: int) -> None:
        """Send its rows in their order, or in the opposite one if `step` is -1."""
        is_reference = self._is_of_accounts(key)
        fitting = [
            rows for rows in self.contents.values() if all(isinstance(row, SentAccount) == is_reference for row in rows)
        ]
        for rows in _one_of(fitting, nth):
            self.send(key, rows[::step], at)

    def send_again_with_a_row_more(self, nth: int, row: SentRow, at: datetime) -> None:
        """Put the row first, so that every other one has another number."""
        ledgers = [key for key in self._present() if not self._is_of_accounts(key)]
        for key in _one_of(ledgers, nth):
            rows = self.contents[hashlib.sha256(self.home.raw.read(key)).hexdigest()]
            self.send(key, (row, *rows), at)

    def touch(self, nth: int, at: datetime) -> None:
        for key in _one_of(self._present(), nth):
            self.home.put(key, self.home.raw.read(key), at)

    def vanish(self, nth: int) -> None:
        for key in _one_of(self._present(), nth):
            self.home.remove(key)

    # What people do

    def decide(self, choices: Sequence[str], nth: int, of_one_period: bool) -> None:
        """Make the first of some decisions that is about something here; of late lines, about one period or all."""
        about = ((action, key) for action in choices for key in _one_of(self._decidable(action), nth))
        for action, key in islice(about, 1):
            periods = self._late_periods(key)[:1] if of_one_period else []
            try:
                self._decide(action, key, periods, Author("ana", "because", self.home.tick()))
            except DecisionError as error:
                note(f"not decided: {action} {key} {periods}: {error}")
            else:
                note(f"decided: {action} {key} {periods}")

    def _decide(self, action: str, key: str, periods: Sequence[str], author: Author) -> None:
        processed = self.home.processed
        if action in {"accept", "book"}:
            self._accept(action, key, periods, author)
        elif action.endswith("late_lines"):
            getattr(decisions, action)(processed, key, author, periods)
        else:
            holds = self.home.settings.holds_closed_periods
            getattr(decisions, action)(processed, key, author, holds_closed_periods=holds)

    def _accept(self, action: str, key: str, periods: Sequence[str], author: Author) -> None:
        """Accept a delivery or book its lines; what then counts differs by what the preview of the decision says.

        But for debits and credits: the file may give an account another type, and so lines of others another sign,
        which a preview does not say. That waits in closed periods until these are reopened.
        """
        preview = {"accept": preview_acceptance, "book": preview_booking}[action]
        before = self._amounts_by_period()
        try:
            foreseen = preview(self.home.processed, key, periods)
        except DecisionError:
            with pytest.raises(DecisionError):
                getattr(decisions, action)(self.home.processed, key, author, periods)
            raise
        getattr(decisions, action)(self.home.processed, key, author, periods)
        self.accepted |= action == "accept"
        if self._is_of_accounts(key) or any(one.commit.is_debit_positive for one in self.home.state().live):
            return
        expected = before
        for row in foreseen:
            expected[fold(row.scenario), row.period] += row.amount
        found = self._amounts_by_period()
        assert {place: money for place, money in found.items() if money} == {
            place: money for place, money in expected.items() if money
        }

    def _amounts_by_period(self) -> dict[tuple[str, str], Decimal]:
        """Return what the deliveries that count now give, by scenario and period, whatever is published."""
        state = self.home.state()
        amounts: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
        for cell, figures in model.star(self._live_as_sent(state), "", None, self._described(state)).facts.items():
            amounts[cell.scenario, f"{cell.day:%Y-%m}"] += figures.amount
        return amounts

    def _late_periods(self, key: str) -> list[str]:
        state = self.home.state()
        late = (one.late_periods for one in (*state.inactive, *state.withdrawn) if one.event.object_key == key)
        return sorted(set(chain.from_iterable(late)))

    def change_a_descriptor(self, name: str, change: dict[str, Any]) -> None:
        changed = replace(self.feeds[name], **change)
        if changed.mode == "append":
            changed = replace(changed, scope=(), has_covers=False)
        self.feeds[name] = changed
        self.home.describe(name, changed.descriptor())

    def change_the_settings(
        self, baseline: str, through: str | None, closed_periods: Literal["hold", "publish"]
    ) -> None:
        self.home.baseline, self.home.actuals_through = baseline, through
        self.home.closed_periods = closed_periods

    def close_a_period(self, nth: int) -> None:
        published = _periods(published_versions(self.home.warehouse))
        target = _periods({(one.table, one.slice): one.version for one in self.home.snapshot().target})
        for period in _one_of(sorted(published), nth):
            author = Author("ana", "books closed", self.home.tick())
            try:
                period_decisions.close(
                    self.home.processed,
                    period,
                    author,
                    target=target,
                    published=published,
                    signature=self._sign(period),
                )
            except DecisionError as error:
                note(f"not closed: {error}")
            else:
                self.closed[period] = self._cells(period)

    def _sign(self, period: str) -> str:
        """Sign everything that is published, as a close does."""
        versions = published_versions(self.home.warehouse)
        slices = sign_slices(self.home.processed, versions, None)
        last = last_load_number(self.home.warehouse)
        return write_signature(self.home.processed, Signature(period, [period], slices, {}, last, "law"))

    def reopen_a_period(self, nth: int) -> None:
        for period in _one_of(sorted(self.closed), nth):
            period_decisions.reopen(self.home.processed, period, Author("ana", "a mistake", self.home.tick()))
            del self.closed[period]

    def install_a_release_that_reads_every_file_again(self, _nth: int = 0) -> None:
        self.releases += 1
        self.release.setattr(reader_versions, "OF_ALL_FILES", OF_ALL_FILES + self.releases)

    def overwrite_during_the_run(self, nth: int, chance: Random) -> None:
        for key in _one_of(self._present(), nth):
            rows = self.habits.content(chance, key)
            self.home.during_the_run[key] = self._encoded(key, rows)

    # What the platform does

    def remove_what_nothing_needs(self, _nth: int = 0) -> None:
        """Remove everything that may be removed, in any state of the home."""
        processed = self.home.processed
        versions = published_versions(self.home.warehouse)
        far = self.home.tick() + timedelta(days=40_000)

        def expired() -> list[Removal]:
            snapshot = self.home.snapshot()
            return find_expired(processed, snapshot, versions, now=far, retention_days=0, needed_keys=())

        remove(processed, expired())
        assert expired() == []

    @rule(seed=SEEDS, point=POINTS)
    def happen(self, seed: int, point: int | None) -> None:
        """Let a few things happen, then refresh, up to the point where the run breaks off if one is given.

        One rule, so that no step is idle: hypothesis leaves whole rules out of an example, and there are few examples.
        """
        self.steps += 1
        for name, arguments in actions(Random(f"{seed} {self.steps}"), self.habits):
            note(f"{name} {arguments}")
            getattr(self, name)(*arguments)
        fuse = FaultInjector()
        fuse.set_to(point)
        try:
            with fuse.wired():
                self.home.refresh()
        except BrokenOffError:
            self._check_chain()
            self._check_closed_periods(is_complete=False)
            self._check_reconciliation()
            return
        finally:
            self._learn()
        self._check()

    def refresh(self) -> None:
        self.home.refresh()
        self._learn()
        self._check()

    def reopen_every_period(self) -> None:
        """Reopen periods, since the inputs of frozen ones are gone and their rows cannot be built again."""
        for _ in range(len(self.closed)):
            self.reopen_a_period(0)

    def teardown(self) -> None:
        try:
            if self.learned:
                self.refresh()
                if self._is_overwritten():
                    self.refresh()
                self._check_that_a_release_keeps_what_was_decided()
                self.reopen_every_period()
                self.describe_every_account()
                self.refresh()
                if self.home.is_blocked:
                    note("still blocked at the end")
                    return
                self._check_that_a_second_refresh_does_nothing()
                self._check_that_verify_finds_nothing()
                tables = self.home.tables()
                self.home.start_from_scratch()
                self.home.refresh()
                assert self.home.tables() == tables
        finally:
            self.release.undo()
            shutil.rmtree(self.folder, ignore_errors=True)

    def describe_every_account(self) -> None:
        """Send a type for every account, so that nothing keeps the home from publishing."""
        types = {"4000": "Revenue", "5000": "Expense", "2000": "Liability", "9000": "Equity"}
        rows = tuple(SentAccount(number, its_type) for number, its_type in types.items())
        self.send("accounts/2024-01_2024-01_v99.csv", rows, self.home.tick())

    def _decidable(self, action: str) -> list[str]:
        """Return the raw objects that a person may decide so about."""
        state = self.home.state()
        if action == "withdraw":
            live = [delivery.event.object_key for delivery in state.live]
            return [*live, *(stopped.event.object_key for stopped in state.inactive)]
        stopped = state.inactive if action in {"accept", "book", "withdraw_late_lines"} else state.withdrawn
        return [one.event.object_key for one in stopped if one.late or not action.endswith("late_lines")]

    # What must hold

    def _check(self) -> None:
        self._check_reconciliation()
        if self.home.is_blocked:
            self._check_closed_periods()
            return
        if self._is_overwritten():
            self._check_that_an_overwritten_file_is_retried()
            return
        state = self.home.state()
        present = self._present()
        assert [event.object_key for event in state.pending if event.object_key in present] == []
        assert list(state.awaiting_verdict) == []
        assert [one for one in state.inactive if one.reopened] == []
        self._check_closed_periods()
        self._check_restatements()
        self._check_star(state)
        self._check_open_tables(state)
        for delivery in state.ledger:
            if delivery.booked_from:
                continue
            typed = model.typed(self.sent[delivery.delivery_id])
            if not delivery.portion.is_whole:
                lines = [line for line in typed.lines if line.period in delivery.portion]
                assert delivery.commit.outcome("accepted").rows == len(lines), delivery.event.object_key
                continue
            counts = [delivery.commit.outcome(name).rows for name in ("accepted", "rejected", "duplicate")]
            assert counts == [len(typed.lines), typed.rejected, typed.duplicate], delivery.event.object_key
        for commit in read_commits(self.home.processed).values():
            assert not any(commit.unaccounted), commit
        assert self.home.snapshot().to_build == []
        status = self.home.status()
        assert not status.is_stale
        assert not status.reconciliation.rows("not_loaded_yet")
        if self.home.publication and not self.home.publication.waiting:
            self._check_lines_in_the_warehouse(status.reconciliation.by_scenario)
        assert self.home.changes() == ()

    def _check_that_a_release_keeps_what_was_decided(self) -> None:
        """Read every file again with the same result: what counts, waits and was withdrawn stays, line by line.

        A file that is held as a whole is judged again, against what counts by now, and may count then.
        """
        if self.home.is_blocked or any(not one.late for one in self.home.state().inactive):
            return
        before, tables = self._decided(), self.home.tables()
        self.install_a_release_that_reads_every_file_again()
        self.refresh()
        assert self._decided() == before
        assert self.home.tables() == tables

    def _decided(self) -> dict[str, Any]:
        """Return the lines that count, wait and were withdrawn, without the names of deliveries."""
        state = self.home.state()
        live: dict[tuple[str, str, str, str], Count] = defaultdict(Count)
        for one in state.live:
            for count in one.commit.periods:
                live[one.event.object_key, one.booked_from, count.scenario, count.period] += count.count
        parts = {"waits": state.inactive, "withdrawn": state.withdrawn, "booked": state.booked}
        stopped = {name: sorted(map(_describe_stopped, deliveries)) for name, deliveries in parts.items()}
        return {"live": dict(live), **stopped}

    def _check_chain(self) -> None:
        """Hold the register's events against their chain, wherever a run was killed."""
        chain = ChainReader()
        Register(self.home.processed).read_chain(chain)
        assert chain.breaks() == []

    def _check_that_verify_finds_nothing(self) -> None:
        """Hold the register's chain, lines, slices, the warehouse and the records of loads against each other.

        Files that vanished or were overwritten after the scan are findings, and rightly so.
        """
        verification = Verifier(self.home.raw, self.home.processed, self.home.warehouse).verify()
        assert [finding for finding in verification.findings if finding.part != "raw files"] == []

    def _check_reconciliation(self) -> None:
        """Every row and cent is in a term, blocked or not; the rejected rows add up to theirs, by scenario and unit."""
        reconciliation = self.home.status().reconciliation
        for line in (*reconciliation.by_scenario, *reconciliation.by_feed):
            assert line.difference.is_zero, line
        listed: dict[tuple[str, str, str], Count] = defaultdict(Count)
        for row in RejectedRows(self.home.processed, self.home.state()).rows():
            if not self._is_of_accounts(row["source_file"]):
                amount = row["amount"]
                count = Count(1, unpriced=1) if amount is None else Count(1, amount, abs(amount))
                # Lines on statistical accounts are apart from the money of their scenario.
                place = (row["outcome"], fold(row["scenario"] or NO_SCENARIO), row["currency"] or "own")
                listed[place] += count
        shown: dict[tuple[str, str, str], Count] = defaultdict(Count)
        for line in reconciliation.by_scenario:
            unit = "own" if line.unit in {reconciliation.currency, STATISTICAL} else line.unit
            for term in ("rejected", "duplicate"):
                shown[term, fold(line.scenario), unit] += line.term(term)
        assert {place: count for place, count in shown.items() if not count.is_zero} == dict(listed)

    def _check_lines_in_the_warehouse(self, statement: Sequence[Line]) -> None:
        """Hold the lines that the statement has in the warehouse against the published ones, units apart from money."""
        star, published = self.home.star(), Counter[tuple[str, bool]]()
        for cell, figures in star.facts.items():
            published[cell.scenario, star.accounts[cell.account][1] == "Statistical"] += figures.lines
        shown = {
            (line.scenario.casefold(), line.unit == STATISTICAL): line.term("in_warehouse").rows for line in statement
        }
        assert {place: rows for place, rows in shown.items() if rows} == +published

    def _check_star(self, state: DeliveryState) -> None:
        """Hold the warehouse against the model, but for closed periods that stay as they were published."""
        publication = self.home.publication
        assert publication
        live = self._live_as_sent(state)
        self._check_that_bookings_lose_nothing(state, live)
        in_force = publication.snapshot.settings
        expected = model.star(live, in_force.baseline_scenario, in_force.actuals_through, self._described(state))
        star = self.home.star()
        kept = {change.table: {member.casefold() for member in change.members} for change in publication.waiting}
        assert _without(kept, star) == _without(kept, expected)
        frozen = publication.frozen
        assert _outside(frozen, star.facts) == _outside(frozen, expected.facts)

    def _described(self, state: DeliveryState) -> list[model.Described]:
        return [
            model.Described(self.sent[one.delivery.delivery_id], one.since, one.until)
            for one in state.descriptions
            if one.delivery.event.kind == "accounts"
        ]

    def _live_as_sent(self, state: DeliveryState) -> list[Delivery]:
        places = {one.position: self.sent[one.delivery_id].first_seen for one in state.effective if not one.booked_from}
        return [self._as_sent(one, places) for one in state.live]

    def _as_sent(self, delivery: LiveDelivery, places: Mapping[Position, str]) -> Delivery:
        """Return what was sent of a live delivery; of lines that are booked in a later period, what was booked.

        Args:
            delivery: the delivery.
            places: when the content of each file was first seen, by its place in the order.
        """
        if not delivery.booked_from:
            sent = self.sent[delivery.delivery_id]
            return replace(sent, only=delivery.portion.only, without=delivery.portion.without)
        columns = ("transaction_id", "posting_date", "department_code", "account_number", "scenario", "amount")
        rows = [
            SentRow(*(str(value) for value in row.values()))
            for lines in read_lines(self.home.processed, delivery.commit, columns)
            for row in lines.to_pylist()
        ]
        plain: dict[str, Any] = {
            "mode": "append",
            "key": (),
            "scope": (),
            "has_covers": False,
            "has_types": False,
        }
        feed = replace(self.feeds[delivery.event.feed], **plain)
        return Delivery(delivery.event.object_key, feed, rows, places[delivery.position])

    def _check_that_bookings_lose_nothing(self, state: DeliveryState, live: Sequence[Delivery]) -> None:
        """Hold the money of all periods together against that of the lines in the periods that they concern."""
        effective = [
            replace(self.sent[one.delivery_id], only=one.portion.only, without=one.portion.without)
            for one in state.effective
            if not one.booked_from
        ]
        totals = [model.totals(model.in_order(deliveries)) for deliveries in (live, effective)]
        assert totals[0] == totals[1]

    def _check_open_tables(self, state: DeliveryState) -> None:
        """Hold what Delta's readers see against the commits: the money of each slice, and the deliveries that count."""
        money: dict[tuple[str, int], Decimal] = defaultdict(Decimal)
        for fact in self.home.open_rows(FACT_FINANCIALS.name):
            money[fact["slice"], fact["scenario_key"]] += fact["amount"]
        built = [commit for (table, _), commit in self.home.snapshot().built.items() if table == FACT_FINANCIALS.name]
        assert money == {(one.slice, total.scenario_key): total.amount for one in built for total in one.sums}
        for contract in (TRANSACTIONS, BUDGET):
            found = {(row["delivery_id"], row["period"]) for row in self.home.open_rows(contract.name)}
            assert found == {
                (one.delivery_id, count.period)
                for one in state.live
                for count in one.commit.periods
                if (count.scenario_type == "Actual") == (contract is TRANSACTIONS)
            }

    def _check_closed_periods(self, *, is_complete: bool = True) -> None:
        """Hold closed periods against what was published, unless the home publishes or somebody accepted a change.

        What was accepted, or judged while the home published, may be published by the run after one that is broken off.
        """
        holds = self.home.settings.holds_closed_periods
        for period in self.closed:
            cells = self._cells(period)
            if holds and not self.accepted:
                assert cells == self.closed[period], period
            self.closed[period] = cells
        self.accepted = (self.accepted or not holds) and not is_complete

    def _check_restatements(self) -> None:
        """Signed figures and the causes since then are the figures of now, for every close, reopened periods too."""
        lines, events = open_lines(self.home.processed), Register(self.home.processed).events()
        published = published_versions(self.home.warehouse)
        closes = signed_closes(events)
        restatements = list(restate(lines, closes, events, published))
        for one in restatements:
            assert one.steps.is_explained, (one.close.name, one.steps)
            sums: dict[Group, list[Decimal]] = defaultdict(lambda: [Decimal(0), Decimal(0)])
            for part, factor in [
                (one.steps.signed, 1),
                *((step, 1) for step in one.steps.steps.values()),
                (one.steps.now, -1),
            ]:
                for group, money in part.items():
                    sums[group] = [total + value * factor for total, value in zip(sums[group], money, strict=True)]
            assert not any(value for values in sums.values() for value in values), (one.close.name, sums)
        self._check_signed_amounts(closes)
        stored = {
            (row[0], row[1]) for row in self.home.warehouse.query("SELECT Period, CloseNumber FROM Restatement").rows
        }
        assert stored == {(one.close.event.period, one.close.number) for one in restatements if one.steps.steps}

    def _check_signed_amounts(self, closes: Sequence[SignedClose]) -> None:
        """The view shows each cell as signed, whatever was loaded since."""
        sql = "SELECT Period, CloseNumber, ScenarioKey, DepartmentKey, AccountKey, SignedAmount FROM SignedAmount"
        rows = self.home.warehouse.query(f"{sql} WHERE Measure = 'Amount' AND SignedAmount <> 0").rows
        shown = {(*row[:5],): row[5] for row in rows}
        signed: dict[tuple[str | int, ...], Decimal] = {}
        for close in closes:
            versions = read_signature(self.home.processed, close.event.signature).versions
            version = read_version(self.home.processed, close.event.period, versions)
            signed |= {(close.event.period, close.number, *cell): amount for cell, amount in version.amounts.items()}
        assert shown == signed

    def _is_overwritten(self) -> bool:
        """Return whether the latest refresh found a file overwritten that it had scanned."""
        return bool(self.home.overwritten)

    def _check_that_an_overwritten_file_is_retried(self) -> None:
        """Hold the sensor to starting a run for what somebody wrote after the scan."""
        assert self.home.changes() != ()
        self._check_closed_periods()

    def _check_that_a_second_refresh_does_nothing(self) -> None:
        waits = bool(self.home.state().waiting)
        assert self.home.is_nothing_new() or waits
        before = self.home.files()
        assert self.home.register() == 0
        self.home.refresh()
        assert self.home.files() == before
        assert self.home.is_nothing_new()

    # What the test knows

    def _cells(self, period: str) -> dict[Cell, Figures]:
        facts = self.home.star().facts
        return {cell: figures for cell, figures in facts.items() if f"{cell.day:%Y-%m}" == period}

    def _present(self) -> list[str]:
        return [item.key for item in self.home.raw.list_objects()]

    def _learn(self) -> None:
        """Take down what the register has seen, with the feeds as they were then."""
        events = self.home.events()
        for event in events[self.learned :]:
            # A refresh lists the raw zone once: the files' own times order what it finds for the first time.
            moment = f"{event.at} {event.modified_at}"
            seen = self.first_seen.setdefault((event.object_key, event.fingerprint), moment)
            feed = self.feeds[event.feed]
            content = self.contents[event.fingerprint]
            self.sent[event.delivery_id] = Delivery(event.object_key, feed, content, seen)
        self.learned = len(events)


def _describe_stopped(delivery: InactiveDelivery) -> tuple[str, ...]:
    """Return file, periods, decision and lines of a delivery that does not count, or of its lines that do not."""
    accepted, decision = delivery.commit.outcome("accepted"), delivery.decision
    return delivery.event.object_key, str(delivery.late), decision.at if decision else "", str(accepted)


def _one_of(several: Sequence[_One], nth: int) -> Sequence[_One]:
    """Return one of several, or none of none."""
    return [several[nth % len(several)]] if several else []


def _periods(versions: Mapping[tuple[str, str], str]) -> dict[str, str]:
    return {name: version for (table, name), version in versions.items() if table == FACT_FINANCIALS.name}


def _without(kept: Mapping[str, Collection[str]], star: Star) -> Star:
    """Return the members of a star, but for those that stay as they were published."""
    return replace(
        star,
        facts={},
        departments={code: of for code, of in star.departments.items() if code not in kept.get("dim_department", ())},
        accounts={code: of for code, of in star.accounts.items() if code not in kept.get("dim_account", ())},
        scenarios={name: of for name, of in star.scenarios.items() if name not in kept.get("dim_scenario", ())},
    )


def _outside(periods: Collection[str], facts: Mapping[Cell, Figures]) -> dict[Cell, Figures]:
    return {cell: figures for cell, figures in facts.items() if f"{cell.day:%Y-%m}" not in periods}
