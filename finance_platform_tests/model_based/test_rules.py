"""Rules by which files are read, and accounts files, while both change: weights, signs, merged codes, types, vouchers.

Belongs here: homes in which a descriptor or an accounts file changes the figures of files that were not sent again.
Does not belong here: how a row is read (see `unit/feeds`), figures that other lines change (see `test_years`), loads
that change (see `test_stories`).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_UP, Decimal
from functools import reduce
from pathlib import Path
from typing import NamedTuple

from hypothesis import given, note, settings
from hypothesis import strategies as st
from pyspark.sql import SparkSession

from finance_platform.deliveries.state import DeliveryState, LiveDelivery
from finance_platform_tests.model_based.files_story import PARTS, SETTINGS, Amounts, FilesStory, Row, shares
from finance_platform_tests.model_based.model import CREDIT_NATURED
from finance_platform_tests.night_parts import in_parts
from finance_platform_tests.profiles import at_night

FEEDS = {
    "plan": """
feed: plan
kind: ledger
path: plan_*.csv
columns: {date: {from: Year, formats: [yyyy]}, department: Dept, account: ACCOUNT, amount: Amount}
spread: {over: fiscal_year, how: {weights: [WEIGHTS]}}
constants: {scenario: Budget}
load: {mode: upsert, key: [department, account]}
tolerance: {rejected_rows: 1}
hold_if_removes: never
""",
    "bank": """
feed: bank
kind: ledger
path: bank_*.csv
columns: {transaction_id: No, date: Date, department: Dept, account: ACCOUNT, amount: Amount, currency: Cur}
sign: SIGN
constants: {scenario: Forecast}
load: {mode: upsert, key: [transaction_id]}
tolerance: {rejected_rows: 1}
hold_if_removes: never
""",
    "vouchers": """
feed: vouchers
kind: ledger
path: vouchers_*.csv
columns: {transaction_id: No, date: Date, department: Dept, account: Account, amount: {from: {debit: Dr, credit: Cr}}}
balanced: {by: Voucher}
late_lines: LATE
constants: {scenario: Actual}
load: {mode: upsert, key: [transaction_id]}
tolerance: {rejected_rows: 1}
hold_if_removes: never
""",
    "accounts": """
feed: accounts
kind: accounts
path: accounts_*.csv
columns: {number: No, name: Name, type: Type}
""",
}
HEADERS = {
    "plan": "Year,Dept,Account,Amount",
    "bank": "No,Date,Dept,Account,Amount,Cur",
    "vouchers": "Voucher,No,Date,Dept,Account,Dr,Cr",
    "accounts": "No,Name,Type",
}
WEIGHTS = ("3 0 0 0 0 2.5 0 0 0 0 0 1", "1 1 0 0 0 1 0 0 0 0 0 0", "1 0 0 0 0 0 0 0 0 0 0 0", "0 0 0 0 0 1 0 0 0 0 0 0")
SIGNS = ("credit_positive", "debit_positive", "natural")
DAYS = [f"2025-{month:02d}-{day:02d}" for month in (1, 2, 6) for day in (5, 15)]
MONTHS = [*(f"2025-{month:02d}" for month in range(1, 13)), "2026-01"]
"""The last one has what is booked when December is closed."""
ACCOUNTS = {"4000": "Revenue", "6000": "Expense", "7000": "Asset", "7100": "Asset"}
TYPES = ("Revenue", "Expense", "Asset", "Liability", "Statistical")


@dataclass(frozen=True)
class Rules:
    """What the descriptors say now; account 7100 is read as the one that `merged` names."""

    weights: str = WEIGHTS[0]
    sign: str = SIGNS[0]
    merged: str = "7100"
    late: str = "hold"

    def descriptors(self) -> dict[str, str]:
        weights, account = self.weights.replace(" ", ", "), f"{{from: Account, map: {{7100: {self.merged}}}}}"
        texts = {"WEIGHTS": weights, "SIGN": self.sign, "ACCOUNT": account, "LATE": self.late}
        return {
            name: reduce(lambda written, of: written.replace(*of), texts.items(), text) for name, text in FEEDS.items()
        }

    def account(self, number: str) -> str:
        return self.merged if number == "7100" else number


class Line(NamedTuple):
    """A line of a file; its sign is that of the file."""

    key: str
    scenario: str
    month: str
    department: str
    account: str
    amount: Decimal
    sign: str = "natural"


def planned(rows: Sequence[Row], rules: Rules) -> Iterator[Line]:
    weights = {f"2025-{month:02d}": Decimal(weight) for month, weight in enumerate(rules.weights.split(), 1)}
    by_key: dict[tuple[str, str], set[str]] = defaultdict(set)
    for _, department, account, amount in rows:
        by_key[department, rules.account(account)].add(amount)
    for (department, account), (amount, *others) in by_key.items():
        for month, share in shares(Decimal(amount), weights).items() if not others else ():
            yield Line(f"{month} {department} {account}", "budget", month, department, account, share)


def banked(rows: Sequence[Row], rules: Rules) -> Iterator[Line]:
    for number, day, department, account, text, currency in rows:
        if currency == "USD":
            amount = Decimal(text).quantize(Decimal("0.01"), ROUND_HALF_UP)
            yield Line(number, "forecast", day[:7], department, rules.account(account), amount, rules.sign)


def posted(rows: Sequence[Row], _: Rules) -> Iterator[Line]:
    vouchers: dict[str, list[Row]] = defaultdict(list)
    for row in dict.fromkeys(rows):
        vouchers[row[0]].append(row)
    for voucher in vouchers.values():
        amounts = [Decimal(debit or 0) - Decimal(credit or 0) for *_place, debit, credit in voucher]
        if not sum(amounts) and all(row[2] in DAYS for row in voucher):
            for (_name, number, day, department, account, *_sides), amount in zip(voucher, amounts, strict=True):
                yield Line(number, "actual", day[:7], department, account, amount, "debit_positive")


LINES: dict[str, Callable[[Sequence[Row], Rules], Iterator[Line]]] = {
    "plan": planned,
    "bank": banked,
    "vouchers": posted,
    "accounts": lambda *_: iter(()),
}


class RulesStory(FilesStory):
    """A home with such files."""

    rules = Rules()
    feeds, headers = rules.descriptors(), HEADERS
    names = tuple(f"{kind}_{nth}.csv" for kind in HEADERS for nth in (1, 2))
    vanishing = tuple(HEADERS)
    booked = "vouchers_1.csv"

    def __init__(self, folder: Path, spark: SparkSession, seed: int) -> None:
        self.rules_of: dict[str, Rules] = {}
        """By delivery, those by which it was read."""
        decided = ["close"] * 3 + ["reopen"] + ["append"] * 3 + ["decide"] * 6
        self.actions = ["send"] * 5 + ["back", "edit", "edit", "vanish"] + decided * (seed % 3)
        super().__init__(folder, spark, seed)

    def edit(self) -> None:
        changes = {"weights": WEIGHTS, "sign": SIGNS, "merged": ("7100", "7000"), "late": ("hold", "next_open_period")}
        name = self.chance.choice(list(changes))
        self.change(replace(self.rules, **{name: self.chance.choice(changes[name])}))

    def late_rows(self) -> tuple[Sequence[Row], Sequence[Row]]:
        """Return a voucher of January, and vouchers of January, of January and others, or between January and June."""
        months = self.chance.choice([["01", "01"], ["02", "02", "01", "01"], ["01", "06"]])
        more = [self._line(f"Y{nth // 2}", nth, month, "7.10") for nth, month in enumerate(months)]
        return [self._line("X0", nth, "01", "10.00") for nth in range(2)], more

    def _line(self, voucher: str, nth: int, month: str, amount: str) -> Row:
        side, place = ((amount, ""), ("D2", "6000")) if nth % 2 == 0 else (("", amount), ("D1", "7000"))
        return voucher, f"{voucher}{nth}", f"2025-{month}-15", *place, *side

    def append(self) -> None:
        """Send a file again with one more voucher, which can be booked later if its period is closed."""
        self._write("vouchers_1.csv", [*self.present["vouchers_1.csv"], *self._voucher(f"N{len(self.done)}")])

    def change(self, rules: Rules) -> None:
        note(f"edit {rules}")
        self.rules = rules
        self.describe(rules.descriptors())

    def rows(self, kind: str) -> Sequence[Row]:
        chance = self.chance
        places = chance.sample(
            [(unit, account) for unit in ("D1", "D2") for account in ACCOUNTS], chance.choice([1, 2, 3])
        )
        match kind:
            case "plan":
                return [("2025", *place, chance.choice(["100.00", "-100.01", "7.00", "0.05"])) for place in places]
            case "accounts":
                types = {places[0][1]: chance.choice(TYPES)} if chance.random() < 0.5 else {}
                kept = [number for number in ACCOUNTS if chance.random() < 0.95]
                return [(one, chance.choice(["A", "B"]), (ACCOUNTS | types)[one]) for one in kept or ACCOUNTS]
            case "bank":
                amounts = ["5.00", "1.0050", "-3.00", "-4.1150"]
                numbers = [f"B{nth}" for nth in chance.sample(range(6), len(places))]
                currencies = ["USD"] * 4 + ["EUR"]
                return [
                    (number, chance.choice(DAYS), *place, chance.choice(amounts), chance.choice(currencies))
                    for number, place in zip(numbers, places, strict=True)
                ]
        return [row for nth in chance.sample(range(4), len(places)) for row in self._voucher(f"V{nth}")]

    def _voucher(self, name: str) -> Iterator[Row]:
        """Yield lines that are mostly balanced, without a mistake, of one day, and there once."""
        chance = self.chance
        day, last = chance.choice(DAYS), chance.choice([1, 1, 2])
        amounts = [Decimal(chance.choice(["10.00", "7.10", "0.01", "-2.00"])) for _ in range(last)]
        for nth, amount in enumerate([*amounts, Decimal(chance.choice(["0.00"] * 9 + ["1.00"])) - sum(amounts)]):
            sides = (str(amount), "") if amount >= 0 else ("", str(-amount))
            at = chance.choice([day] * 20 + [*DAYS, "2025-13-01"])
            row = name, f"{name}{nth}", at, chance.choice(["D1", "D2"]), chance.choice(list(ACCOUNTS)), *sides
            yield from [row] * chance.choice([1] * 9 + [2])

    # What must hold

    def check_figures(self, state: DeliveryState) -> None:
        events = self.home.events()
        for event in events:
            self.rules_of.setdefault(event.delivery_id, self.rules)
        live = self._in_order(state.live)
        if not (state.inactive or state.withdrawn or state.booked):
            assert {one.event.object_key: self.sent(one) for one in live} == self.present, "each file counts"
            here = {item.key for item in self.home.raw.list_objects()}
            self.rules_of |= {one.delivery_id: self.rules for one in live if one.event.object_key in here}
            self._check_rows(live)
        publication = self.home.publication
        assert publication
        if publication.refusal:
            return
        if any(one.booked_from for one in live):
            expected = self._expected(state, self._in_order(state.effective))
            assert self._years(state, self.published()) == self._years(state, expected), "a booking moves lines"
        else:
            assert self.taken_in or not any(map(self._unbalanced, live)), "a voucher counts whole"
            expected = {place: amount for place, amount in self._expected(state, live).items() if amount}
            frozen = publication.frozen
            open_now = {place: amount for place, amount in expected.items() if place[1] not in frozen}
            assert self.published(without=frozen) == open_now, "figures follow the files and their rules"

    def _in_order(self, deliveries: Iterable[LiveDelivery]) -> list[LiveDelivery]:
        seen = list(dict.fromkeys((event.object_key, event.fingerprint) for event in self.home.events()))
        return sorted(deliveries, key=lambda one: seen.index((one.event.object_key, one.event.fingerprint)))

    def _years(self, state: DeliveryState, amounts: Amounts) -> Amounts:
        """Return Actual of all months, where an account has the same type in all of them."""
        sums: Amounts = defaultdict(Decimal)
        for (scenario, _, department, account), amount in amounts.items():
            types = {self._type(state, account, month) for month in MONTHS}
            if scenario == "actual" and len(types) == 1:
                sums[scenario, "", department, account] += amount
        return {place: amount for place, amount in sums.items() if amount}

    def _lines(self, one: LiveDelivery) -> list[Line]:
        lines = LINES[one.event.feed](self.sent(one), self.rules_of[one.delivery_id])
        return [line for line in lines if line.month in one.portion]

    def _unbalanced(self, one: LiveDelivery) -> Decimal:
        return sum((line.amount for line in self._lines(one) if line.scenario == "actual"), Decimal(0))

    def _expected(self, state: DeliveryState, live: Sequence[LiveDelivery]) -> Amounts:
        sums: Amounts = defaultdict(Decimal)
        last = {(line.scenario, line.key): line for one in live for line in self._lines(one)}
        for line in last.values():
            is_credit = self._type(state, line.account, line.month) in CREDIT_NATURED
            is_flipped = line.sign == ("debit_positive" if is_credit else "credit_positive")
            sums[line[1:5]] += -line.amount if is_flipped else line.amount
        return sums

    def _type(self, state: DeliveryState, account: str, month: str) -> str:
        """Return the type that the latest file which describes the period gives the account."""
        then = [one for one in state.descriptions if one.since <= month < (one.until or "9999")]
        files = [self.sent(one.delivery) for one in sorted(then, key=lambda one: one.delivery.position)]
        return {row[0]: row[2] for rows in files for row in rows}.get(account, "")

    def _check_rows(self, live: Sequence[LiveDelivery]) -> None:
        """Hold the rows of each file in the statement against those that were sent."""
        expected, found = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
        for one in live:
            if one.event.feed != "accounts":
                weights = self.rules_of[one.delivery_id].weights.split()
                months = sum(weight != "0" for weight in weights) if one.event.feed == "plan" else 1
                rows = expected[one.event.object_key, "delivered"] = len(self.sent(one)) * months
                expected[one.event.object_key, "not accepted"] = rows - len(self._lines(one))
        for line in self.home.status().reconciliation.lines:
            found[line.file, "delivered"] += line.term("delivered").rows
            found[line.file, "not accepted"] += line.term("rejected").rows + line.term("duplicate").rows
        assert +found == +expected, "every row is delivered, and those that do not count are named"


@in_parts(PARTS)
@at_night("the test below does and checks the same with two changes")
@SETTINGS
@given(seed=st.integers(0, 2**32 - 1), steps=st.integers(3, 8))
def test_figures_follow_the_rules_by_which_files_are_read(
    part: int, spark: SparkSession, seed: int, steps: int
) -> None:
    RulesStory.play(spark, seed * PARTS + part, steps)


@settings(SETTINGS, max_examples=1)
@given(seed=st.integers(0, 2**32 - 1))
def test_figures_follow_descriptors_that_change_at_once(spark: SparkSession, tmp_path: Path, seed: int) -> None:
    story = RulesStory(tmp_path, spark, seed)
    for merged in ("7100", "7000"):
        story.change(Rules(WEIGHTS[1], SIGNS[1], merged))
        story.refresh()
