"""Years that are spread like last year's Actual, and lines that other files date, while all of these change.

Belongs here: homes in which a file changes the lines of files that were not sent again. Does not belong here: how an
amount is spread, which row is found (see `unit/feeds/test_years_like`, `unit/feeds/test_lookups`), other files of
ledgers (see `test_law`), single stories (see `end_to_end/test_values_from_other_feeds`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path

from hypothesis import given, note
from hypothesis import strategies as st
from pyspark.sql import SparkSession

from finance_platform.deliveries.state import DeliveryState, LiveDelivery
from finance_platform_tests.model_based.files_story import PARTS, SETTINGS, Amounts, FilesStory, Row, shares
from finance_platform_tests.night_parts import in_parts
from finance_platform_tests.profiles import at_night

LIKE = "{like: Actual, year: -1}"
WEIGHTS = {
    "{weights: [3, 0, 0, 0, 0, 2.5, 0, 0, 0, 0, 0, 1]}": "3 0 0 0 0 2.5 0 0 0 0 0 1",
    "{weights: [0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0]}": "0 1 0 0 0 1 0 0 0 0 0 0",
}
HOW = (LIKE, LIKE, *WEIGHTS)
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


class YearsStory(FilesStory):
    """A home with such files."""

    feeds, headers, names = FEEDS, HEADERS, FILES
    actions = ("send",) * 5 + ("append", "edit", "back", "vanish", "close", "reopen", "decide", "decide", "decide")
    vanishing = ("actual", "plan")
    booked = "actual_1.csv"
    how = LIKE
    """How plans are spread now."""

    def __init__(self, folder: Path, spark: SparkSession, seed: int) -> None:
        self.how_of: dict[str, str] = {}
        """By delivery, how it was spread."""
        super().__init__(folder, spark, seed)

    def edit(self) -> None:
        """Spread plans in another way."""
        self.how = self.chance.choice(HOW)
        note(f"edit {self.how}")
        self.describe({"plan": FEEDS["plan"].replace(LIKE, self.how)})

    def append(self) -> None:
        """Send a file again with one more line, which can be booked later if its period is closed."""
        late = self._late(self.chance.choice(MONTHS)[-2:], len(self.done))
        self._write(self.booked, [*self.present[self.booked], late])

    def late_rows(self) -> tuple[Sequence[Row], Sequence[Row]]:
        """Return a line of January, and lines of January, of it and a later month, or of the end of the year too."""
        months = self.chance.choice([["01"], ["01", "06"], ["01", "12"], ["01", "02", "12"]])
        return [self._late("01", 0)], [self._late(month, nth) for nth, month in enumerate(months, 1)]

    def _late(self, month: str, nth: int) -> Row:
        """Return a line with a key that no other file has: a line that replaces another one is never booked."""
        amount = self.chance.choice(["100.00", "33.33", "7.10"])
        return f"E{nth}", f"2024-{month}-15", "D1", self.chance.choice(["6000", "7000"]), amount

    def rows(self, kind: str) -> list[Row]:
        """Return rows each key of which is there once."""
        rows = [self._row(kind) for _ in range(self.chance.choice([1, 2, 3, 4]))]
        return list({row[: 3 if kind == "plan" else 1]: row for row in rows}.values())

    def _row(self, kind: str) -> Row:
        chance = self.chance
        department, account = chance.choice(["D1", "D1", "D2"]), chance.choice(["6000", "7000"])
        amount = chance.choice(["100.00", "33.33", "0.01", "-20.00", "7.10"])
        match kind:
            case "actual":
                return f"A{chance.randrange(5)}", f"{chance.choice(MONTHS)}-15", department, account, amount
            case "plan":
                return "2025", department, account, chance.choice(["100.00", "-100.01", "7.00", "0.05"])
            case "headers":
                return f"J{chance.randrange(3)}", f"{chance.choice(MONTHS)}-03"
        return f"L{chance.randrange(5)}", f"J{chance.randrange(3)}", department, account, amount

    # What must hold

    def check_figures(self, state: DeliveryState) -> None:
        for event in self.home.events():
            self.how_of.setdefault(event.delivery_id, self.how)
        self._check_actual(is_booked=any(one.booked_from for one in state.live))
        self._check_plan(is_waiting=bool(state.inactive or state.withdrawn or self.closed))

    def _counted(self, feed: str, keys: int) -> Iterator[tuple[LiveDelivery, Row]]:
        """Yield the rows of a feed that no later file replaces, as if none were booked in a later period."""
        last: dict[Row, tuple[LiveDelivery, Row]] = {}
        for one in self.home.state().effective:
            for row in self.sent(one) if one.event.feed == feed else ():
                if feed == "plan" or self._month(row) in one.portion:
                    last[row[:keys]] = one, row
        yield from last.values()

    def _month(self, row: Row) -> str:
        return row[1][:7]

    def _check_actual(self, *, is_booked: bool) -> None:
        """Hold Actual against the files: of each month, or of all where a booking moves lines to a later one."""
        expected: Amounts = defaultdict(Decimal)
        published: Amounts = defaultdict(Decimal)
        for _, row in self._counted("ledger", 1):
            expected["actual", "" if is_booked else self._month(row), row[2], row[3]] += Decimal(row[4])
        for (scenario, month, department, account), amount in self.published().items():
            if scenario == "actual":
                published[scenario, "" if is_booked else month, department, account] += amount
        assert _without_zeros(published) == _without_zeros(expected), "Actual is what the files have"

    def _check_plan(self, *, is_waiting: bool) -> None:
        published = {place: amount for place, amount in self.published().items() if place[0] == "budget"}
        if not is_waiting:
            expected, places = self._expected_plan()
            found = {place: amount for place, amount in published.items() if place[2:] in places}
            assert found == expected, "a year follows its weights, or last year's Actual"
        sums: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
        for (_, _, department, account), amount in published.items():
            sums[department, account] += amount
        sent = {(row[1:3], Decimal(row[3])) for rows in self.contents.values() for row in rows if row[0] == "2025"}
        kept = {(place, amount) for place, amount in sums.items() if amount} <= sent
        assert "plan" in self.taken_in or kept, f"a year keeps its amount: {published}"

    def _expected_plan(self) -> tuple[Amounts, set[tuple[str, str]]]:
        """Return the plan, and its places; those of files that are gone stay as they were read."""
        by_department: dict[tuple[str, ...], dict[str, Decimal]] = defaultdict(lambda: defaultdict(Decimal))
        for (scenario, month, department, account), weight in self.published().items():
            if scenario == "actual" and month.startswith("2024"):
                for place in ((department, account), (account,)):
                    by_department[place][month.replace("2024", "2025")] += weight
        expected: Amounts = {}
        places = set()
        here = {item.key for item in self.home.raw.list_objects()}
        for one, (_, department, account, amount) in self._counted("plan", 3):
            if one.event.object_key not in here:
                continue
            places.add((department, account))
            candidates = (by_department[department, account], by_department[account,])
            weights = next((one for one in candidates if _is_usable(one)), {})
            if values := WEIGHTS.get(self.how_of[one.delivery_id]):
                weights = {f"2025-{nth:02d}": Decimal(value) for nth, value in enumerate(values.split(), 1)}
            for month, share in shares(Decimal(amount), weights).items():
                expected["budget", month, department, account] = share
        return _without_zeros(expected), places


def _without_zeros(amounts: Amounts) -> Amounts:
    return {place: amount for place, amount in amounts.items() if amount}


def _is_usable(weights: dict[str, Decimal]) -> bool:
    values = weights.values()
    return any(values) and (all(one >= 0 for one in values) or all(one <= 0 for one in values))


@in_parts(PARTS)
@at_night("homes with up to ten refreshes; a day test has one")
@SETTINGS
@given(seed=st.integers(0, 2**32 - 1), steps=st.integers(3, 8))
def test_years_and_dated_lines_follow_the_files_that_they_depend_on(
    part: int, spark: SparkSession, seed: int, steps: int
) -> None:
    YearsStory.play(spark, seed * PARTS + part, steps)
