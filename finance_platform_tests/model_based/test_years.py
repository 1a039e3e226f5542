"""Years that are spread like last year's Actual, and lines that other files date, while all of these change.

Belongs here: homes in which a file changes the lines of files that were not sent again. Does not belong here: how an
amount is spread, which row is found (see `unit/feeds/test_years_like`, `unit/feeds/test_lookups`), other files of
ledgers (see `test_law`), single stories (see `end_to_end/test_values_from_other_feeds`).
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import timedelta
from decimal import ROUND_DOWN, Decimal
from pathlib import Path
from random import Random
from typing import Literal

import pytest
from hypothesis import HealthCheck, Phase, given, note, settings
from hypothesis import strategies as st
from pyspark.sql import SparkSession

from finance_platform.deliveries import decisions
from finance_platform.deliveries.approvals import Author
from finance_platform.deliveries.register import PeriodStatusChanged, Register
from finance_platform.deliveries.state import InactiveDelivery, LiveDelivery
from finance_platform.errors import DecisionError
from finance_platform.refresh.verification.verify import Verifier
from finance_platform.warehouse.ledger import published_versions
from finance_platform_tests.model_based.home import FIRST_MOMENT, LawHome
from finance_platform_tests.profiles import current_profile

FEEDS = {
    "ledger": """
feed: ledger
kind: ledger
path: actual_*.csv
columns: {transaction_id: No, date: Date, department: Dept, account: Account, amount: Amount}
constants: {scenario: Actual}
load: {mode: upsert, key: [transaction_id]}
hold_if_removes: never
""",
    "plan": """
feed: plan
kind: ledger
path: plan_*.csv
columns: {date: {from: Year, formats: [yyyy]}, department: Dept, account: Account, amount: Amount}
spread: {over: fiscal_year, how: {like: Actual, year: -1}}
constants: {scenario: Budget}
load: {mode: upsert, key: [department, account]}
tolerance: {rejected_rows: 1}
hold_if_removes: never
""",
    "journals": """
feed: journals
kind: lookup
path: headers_*.csv
columns: {key: Journal, date: {from: Posted, formats: [yyyy-MM-dd]}}
""",
    "journal_lines": """
feed: journal_lines
kind: ledger
path: lines_*.csv
columns: {transaction_id: Id, department: Dept, account: Account, amount: Amount}
lookup: {feed: journals, on: Journal, take: [date]}
constants: {scenario: Forecast}
load: {mode: upsert, key: [transaction_id]}
hold_if_removes: never
""",
}
HEADERS = {
    "actual": "No,Date,Dept,Account,Amount",
    "plan": "Year,Dept,Account,Amount",
    "headers": "Journal,Posted",
    "lines": "Id,Journal,Dept,Account,Amount",
}
FILES = ("actual_1.csv", "actual_2.csv", "plan_1.csv", "plan_2.csv", "headers_1.csv", "lines_1.csv", "lines_2.csv")
MONTHS = [f"2024-{month:02d}" for month in (1, 2, 6, 12)]
Row = tuple[str, ...]
Amounts = dict[tuple[str, str, str, str], Decimal]
"""By scenario, month, department and account."""

SETTINGS = settings(
    max_examples=max(1, current_profile().law_homes // 20),
    deadline=None,
    derandomize=current_profile().name != "nightly",
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
    print_blob=True,
)


class YearsStory:
    """A home with its files, and what somebody does to them."""

    def __init__(self, folder: Path, spark: SparkSession, seed: int) -> None:
        self.chance = Random(seed)
        self.home = LawHome(folder, spark, closed_periods="hold")
        for name, text in FEEDS.items():
            self.home.describe(name, text)
        self.contents: dict[str, Sequence[Row]] = {}
        self.closed: dict[str, Amounts] = {}
        self.is_accepted = False
        self.is_taken_in = False
        """Whether a person let a plan count beside another one that was spread like other amounts."""
        for name in FILES:
            self.send(name)
        self.refresh()

    # What happens

    def happen(self) -> None:
        action = self.chance.choice(["send"] * 5 + ["back", "vanish", "close", "reopen", "decide", "decide", "decide"])
        getattr(self, action)()

    def send(self, name: str = "") -> None:
        name = name or self.chance.choice(FILES)
        self._write(name, [self._row(name) for _ in range(self.chance.choice([1, 2, 3, 4]))])

    def back(self) -> None:
        """Send an earlier content again, under the same name."""
        name = self.chance.choice(FILES)
        kind = name.partition("_")[0]
        known = [rows for rows in self.contents.values() if rows and len(rows[0]) == len(HEADERS[kind].split(","))]
        self._write(name, list(self.chance.choice([rows for rows in known if self._is_of(kind, rows)])))

    def _is_of(self, kind: str, rows: Sequence[Row]) -> bool:
        return rows[0][0][0] == {"actual": "A", "plan": "2", "headers": "J", "lines": "L"}[kind]

    def vanish(self) -> None:
        present = [item.key for item in self.home.raw.list_objects() if item.key.startswith(("actual", "plan"))]
        if len(present) > 2:
            self.home.remove(name := self.chance.choice(present))
            note(f"vanish {name}")

    def close(self) -> None:
        published = {name for table, name in published_versions(self.home.warehouse) if table == "fact_financials"}
        first = sorted(name for name in published if name not in self.closed and name >= "2024")
        if first and not [one for one in self.home.state().inactive if one.reopened]:
            self._set("closed", first[0])
            self.closed[first[0]] = self._published(first[0])

    def reopen(self) -> None:
        if self.closed:
            self._set("reopened", max(self.closed))
            del self.closed[max(self.closed)]

    def _set(self, action: Literal["closed", "reopened"], period: str) -> None:
        note(f"{action} {period}")
        versions = published_versions(self.home.warehouse)
        signed = {"fact_financials": versions["fact_financials", period]} if action == "closed" else {}
        event = PeriodStatusChanged(action, period, "ada", "done", self.home.tick().isoformat(), signed)
        Register(self.home.processed).append([event])

    def decide(self) -> None:
        state, author = self.home.state(), Author("ana", "because", self.home.tick())
        possible: list[tuple[str, InactiveDelivery | LiveDelivery]] = [
            *((action, one) for one in state.inactive for action in ("accept", "book", "withdraw")),
            *(("reinstate", one) for one in state.withdrawn),
            *(("withdraw", one) for one in state.live[:1]),
        ]
        if not possible:
            return
        action, one = self.chance.choice(possible)
        if getattr(one, "late", ()) and action in {"withdraw", "reinstate"}:
            action += "_late_lines"
        more = {"holds_closed_periods": True} if action in {"withdraw", "reinstate"} else {}
        try:
            getattr(decisions, action)(self.home.processed, one.event.object_key, author, **more)
        except DecisionError as error:
            note(f"not decided: {action} {one.event.object_key}: {error}")
        else:
            note(f"decided: {action} {one.event.object_key}")
            self.is_accepted |= action == "accept"
            self.is_taken_in |= one.event.feed == "plan" and action in {"accept", "reinstate"}

    def _row(self, name: str) -> Row:
        chance = self.chance
        department, account = chance.choice(["D1", "D1", "D2"]), chance.choice(["6000", "7000"])
        amount = chance.choice(["100.00", "33.33", "0.01", "-20.00", "7.10"])
        match name.partition("_")[0]:
            case "actual":
                return f"A{chance.randrange(5)}", f"{chance.choice(MONTHS)}-15", department, account, amount
            case "plan":
                return "2025", department, account, chance.choice(["100.00", "-100.01", "7.00", "0.05"])
            case "headers":
                return f"J{chance.randrange(3)}", f"{chance.choice(MONTHS)}-03"
        return f"L{chance.randrange(5)}", f"J{chance.randrange(3)}", department, account, amount

    def _write(self, name: str, rows: Sequence[Row]) -> None:
        """Write a file in which each key is there once."""
        kind = name.partition("_")[0]
        keys = 3 if kind == "plan" else 1
        rows = list({row[:keys]: row for row in rows}.values())
        note(f"send {name} {rows}")
        data = "\n".join([HEADERS[kind], *map(",".join, rows), ""]).encode()
        self.contents[hashlib.sha256(data).hexdigest()] = rows
        self.home.put(name, data, FIRST_MOMENT + timedelta(minutes=self.home.ticks))

    # What must hold

    def refresh(self) -> None:
        self.home.refresh()
        for period, amounts in self.closed.items():
            now = self._published(period)
            assert self.is_accepted or now == amounts, f"{period} is closed and changes only by a decision"
            self.closed[period] = now
        self.is_accepted = False
        state = self.home.state()
        assert not state.awaiting_verdict
        if not any(one.booked_from for one in state.live):
            self._check_actual()
            self._check_plan(is_waiting=bool(state.inactive or state.withdrawn or self.closed))

    def _published(self, period: str = "") -> Amounts:
        amounts: Amounts = defaultdict(Decimal)
        for cell, figures in self.home.star().facts.items():
            if f"{cell.day:%Y-%m}" == period or not period:
                amounts[cell.scenario, f"{cell.day:%Y-%m}", cell.department.upper(), cell.account] += figures.amount
        return {place: amount for place, amount in amounts.items() if amount}

    def _counted(self, feed: str, keys: int) -> Iterator[tuple[LiveDelivery, Row]]:
        """Yield the rows of a feed that no later file replaces."""
        last: dict[Row, tuple[LiveDelivery, Row]] = {}
        for one in self.home.state().live:
            for row in self.contents[one.event.fingerprint] if one.event.feed == feed else ():
                if feed == "plan" or self._month(row) in one.portion:
                    last[row[:keys]] = one, row
        yield from last.values()

    def _month(self, row: Row) -> str:
        return row[1][:7]

    def _check_actual(self) -> None:
        expected: Amounts = defaultdict(Decimal)
        for _, row in self._counted("ledger", 1):
            expected["actual", self._month(row), row[2], row[3]] += Decimal(row[4])
        published = {place: amount for place, amount in self._published().items() if place[0] == "actual"}
        assert published == {place: amount for place, amount in expected.items() if amount}

    def _check_plan(self, *, is_waiting: bool) -> None:
        published = {place: amount for place, amount in self._published().items() if place[0] == "budget"}
        if not is_waiting:
            assert published == self._expected_plan(), "a year follows last year's Actual"
        sums: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
        for (_, _, department, account), amount in published.items():
            sums[department, account] += amount
        sent = {(row[1:3], Decimal(row[3])) for rows in self.contents.values() for row in rows if row[0] == "2025"}
        found = {(place, amount) for place, amount in sums.items() if amount}
        assert self.is_taken_in or found <= sent, f"a year keeps its amount: {published}"

    def _expected_plan(self) -> Amounts:
        by_department: dict[tuple[str, ...], dict[str, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
        for _, row in self._counted("ledger", 1):
            for place in ((row[2], row[3]), (row[3],)):
                by_department[place][self._month(row)] += Decimal(row[4])
        expected: Amounts = {}
        for _, (_, department, account, amount) in self._counted("plan", 3):
            candidates = (by_department[department, account], by_department[account,])
            weights = next((one for one in candidates if _is_usable(one)), {})
            for month, share in _shares(Decimal(amount), weights).items():
                if share:
                    expected["budget", month.replace("2024", "2025"), department, account] = share
        return expected

    def end(self) -> None:
        while self.closed:
            self.reopen()
        self.refresh()
        found = Verifier(self.home.raw, self.home.processed, self.home.warehouse).verify().findings
        assert [one for one in found if one.part != "raw files"] == []
        tables = self.home.tables()
        self.home.start_from_scratch()
        self.home.refresh()
        assert self.home.tables() == tables


def _is_usable(weights: dict[str, Decimal]) -> bool:
    values = weights.values()
    return any(values) and (all(one >= 0 for one in values) or all(one <= 0 for one in values))


def _shares(amount: Decimal, weights: dict[str, Decimal]) -> dict[str, Decimal]:
    """Return the share of each month, cut to the cent; the last one with a weight has the odd cents."""
    total = sum(weights.values(), Decimal(0))
    months = sorted(month for month, weight in weights.items() if weight)
    cents = {month: (amount * weights[month] / total).quantize(Decimal("0.01"), ROUND_DOWN) for month in months}
    if months:
        cents[months[-1]] += amount - sum(cents.values())
    return cents


@pytest.mark.skipif(not current_profile().is_exhaustive, reason="homes with up to ten refreshes; a day test has one")
@SETTINGS
@given(seed=st.integers(0, 2**32 - 1), steps=st.integers(3, 8))
def test_years_and_dated_lines_follow_the_files_that_they_depend_on(spark: SparkSession, seed: int, steps: int) -> None:
    folder = Path(tempfile.mkdtemp(prefix="law-"))
    try:
        story = YearsStory(folder, spark, seed)
        for _ in range(steps):
            story.happen()
            story.refresh()
        story.end()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
