"""The model: what the star must hold, in plain Python, out of the rows as they were sent.

Belongs here: the rules as the design says them, written a second time, with lists, sets and Decimal. Nothing of the
platform is imported. Does not belong here: which deliveries count (the register says that), comparing (see `machine`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import NamedTuple

from finance_platform_tests.model_based.sent import COVERS, ORDER, Delivery, Feed, SentAccount, SentRow

ACCOUNT_TYPES = {"Revenue", "Expense", "Asset", "Liability", "Equity", "Statistical", "Unknown"}
CREDIT_NATURED = {"Revenue", "Liability", "Equity"}
PROFIT_SIGNS = {"Revenue": 1, "Expense": -1}
SCENARIO_TYPES = {"actual": "Actual", "budget": "Budget", "budget q1": "Budget", "forecast": "Forecast"}
ZERO = Decimal("0.00")


@dataclass(frozen=True)
class Line:
    """A ledger line, amount as delivered."""

    day: date
    department: str
    account: str
    spelled: str
    amount: Decimal
    type: str
    key: tuple[str, ...] | None

    @property
    def scenario(self) -> str:
        return self.spelled.casefold()

    @property
    def period(self) -> str:
        return f"{self.day:%Y-%m}"

    @property
    def posted(self) -> date:
        return self.day if self.scenario == "actual" else self.day.replace(day=1)

    def scope(self, feed: Feed) -> tuple[str, ...]:
        return tuple({"department": self.department, "account": self.account}[name].casefold() for name in feed.scope)


class Typed(NamedTuple):
    """What one file gives: its lines, and how many rows became none."""

    lines: tuple[Line, ...]
    rejected: int
    duplicate: int


class Cell(NamedTuple):
    """What names a row of the fact table; codes and names folded."""

    day: date
    department: str
    account: str
    scenario: str


class Figures(NamedTuple):
    """What a row of the fact table says."""

    amount: Decimal
    budget: Decimal
    lines: int


@dataclass(frozen=True)
class Star:
    """The star, codes and names folded.

    Attributes:
        facts: the fact table.
        departments: shown code and whether it is inferred, by code.
        accounts: shown number, type, profit sign and whether it is inferred, by number.
        scenarios: shown name, type and whether it is the baseline, by name.
        years: first and last calendar year; None where there is no line.
    """

    facts: Mapping[Cell, Figures]
    departments: Mapping[str, tuple[str, bool]]
    accounts: Mapping[str, tuple[str, str, int, bool]]
    scenarios: Mapping[str, tuple[str, str, bool]]
    years: tuple[int, int] | None


def typed(delivery: Delivery) -> Typed:
    """Type a ledger file's rows; what repeats a key once more is no line, what contradicts itself neither."""
    rows = [row for row in delivery.content if isinstance(row, SentRow)]
    maybe = [_line(delivery.feed, row, covered_by_name(delivery)) for row in rows]
    lines = [line for line in maybe if line]
    rejected = len(rows) - len(lines)
    if not delivery.feed.key:
        return Typed(tuple(lines), rejected, 0)
    by_key: dict[tuple[str, ...] | None, list[Line]] = {}
    for line in lines:
        by_key.setdefault(line.key, []).append(line)
    conflicts = {key for key, same in by_key.items() if len(set(same)) > 1}
    kept = tuple(same[0] for key, same in by_key.items() if key not in conflicts)
    in_conflict = sum(len(by_key[key]) for key in conflicts)
    return Typed(kept, rejected + in_conflict, len(lines) - len(kept) - in_conflict)


def counted(delivery: Delivery) -> tuple[Line, ...]:
    """Return the lines in the periods in which the delivery counts."""
    return tuple(line for line in typed(delivery).lines if delivery.counts(line.period))


def _line(feed: Feed, row: SentRow, covers: Sequence[str]) -> Line | None:
    first, _, rest = (feed.scenario or row.scenario).partition(" ")
    scenario = f"{first.capitalize()} {rest}".strip()
    try:
        day = date.fromisoformat(row.date)
        amount = Decimal(row.amount).quantize(Decimal("0.01"), ROUND_HALF_UP)
    except (ValueError, InvalidOperation):
        return None
    if not (row.department and row.account and scenario.casefold() in SCENARIO_TYPES):
        return None
    if feed.has_types and row.type and row.type not in ACCOUNT_TYPES:
        return None
    if covers and f"{day:%Y-%m}" not in covers:
        return None
    if "transaction_id" in feed.key and not row.id:
        return None
    parts = {"transaction_id": row.id, "date": row.date}
    key = tuple(parts[name] for name in feed.key) if feed.key else None
    return Line(day, row.department, row.account, scenario, amount, row.type if feed.has_types else "", key)


def covered_by_name(delivery: Delivery) -> list[str]:
    """Return the periods that the name declares, where the feed reads them there."""
    if not delivery.feed.has_covers:
        return []
    found = re.search(COVERS, delivery.key)
    assert found, delivery.key
    (year, month), last = map(int, found[1].split("-")), found[2]
    periods = [found[1]]
    while periods[-1] < last:
        year, month = (year + 1, 1) if month == 12 else (year, month + 1)
        periods.append(f"{year}-{month:02d}")
    return periods


def in_order(deliveries: Iterable[Delivery]) -> list[Delivery]:
    """Return the deliveries in the defined order."""
    return sorted(deliveries, key=_position)


def _position(delivery: Delivery) -> tuple[str, str, str]:
    return _order(delivery), delivery.first_seen, delivery.key


def _order(delivery: Delivery) -> str:
    """Return what a delivery says of its place in the order; numbers sort by value."""
    said: list[str] = []
    if delivery.feed.order == "name":
        found = re.search(ORDER, delivery.key)
        assert found, delivery.key
        said = [found[1]]
    if delivery.feed.order == "column":
        said = [row.id if isinstance(row, SentRow) else row.number for row in delivery.content]
    return max((re.sub(r"\d+", lambda digits: digits[0].zfill(20), one.casefold()) for one in said), default="")


def live_lines(deliveries: Sequence[Delivery]) -> list[tuple[Delivery, Line]]:
    """Return the lines that no later delivery of the same feed hides; `deliveries` are in order."""
    ledger = [(delivery, counted(delivery)) for delivery in deliveries if delivery.feed.kind == "ledger"]
    claims = [_claims(delivery, lines) for delivery, lines in ledger]
    live = []
    for place, (delivery, lines) in enumerate(ledger):
        later = [claims[n] for n in range(place + 1, len(ledger)) if ledger[n][0].feed.name == delivery.feed.name]
        claimed = set().union(*later)
        live += [(delivery, line) for line in lines if _claim(delivery.feed, line) not in claimed]
    return live


def totals(deliveries: Sequence[Delivery]) -> dict[tuple[str, str, str, str], Decimal]:
    """Return the money that counts by feed, scenario, department and account, over all periods, sign as delivered."""
    sums: dict[tuple[str, str, str, str], Decimal] = {}
    for delivery, line in live_lines(deliveries):
        place = (delivery.feed.name, line.scenario, line.department.casefold(), line.account.casefold())
        sums[place] = sums.get(place, ZERO) + line.amount
    return {place: total for place, total in sums.items() if total}


def _claim(feed: Feed, line: Line) -> tuple[object, ...] | None:
    """Return what a later delivery must claim to hide a line."""
    if feed.mode == "upsert":
        return ("key", line.key)
    if feed.mode == "replace_period":
        return ("period", feed.scope, line.scenario, line.period, line.scope(feed))
    return None


def _claims(delivery: Delivery, lines: Sequence[Line]) -> set[tuple[object, ...] | None]:
    feed = delivery.feed
    claimed = {_claim(feed, line) for line in lines} - {None}
    if feed.mode == "replace_period":
        whole = {(line.scenario, line.scope(feed)) for line in typed(delivery).lines}
        if feed.scenario and not feed.scope:
            whole.add((feed.scenario.casefold(), ()))
        covers = [period for period in covered_by_name(delivery) if delivery.counts(period)]
        claimed |= {("period", feed.scope, name, period, scope) for name, scope in whole for period in covers}
    return claimed


class Described(NamedTuple):
    """A file of accounts, and the periods that it describes: from `since`, before `until` if it no longer counts."""

    delivery: Delivery
    since: str
    until: str | None


def star(
    deliveries: Iterable[Delivery],
    baseline: str,
    actuals_through: str | None,
    described: Iterable[Described] = (),
) -> Star:
    """Return what the star must hold.

    Args:
        deliveries: those that count.
        baseline: scenario that the others are compared with.
        actuals_through: last period that Actual covers, or None for the periods with lines.
        described: the files of accounts that count, or counted until a period was closed.
    """
    ordered, files = in_order(deliveries), list(described)
    accounts = _accounts(ordered)
    ledger = [delivery for delivery in ordered if delivery.feed.kind == "ledger"]
    types: dict[str, dict[str, tuple[str, str, int, bool]]] = {}
    lines = []
    for delivery, line in live_lines(ordered):
        if line.period not in types:
            then = [f.delivery for f in files if f.since <= line.period and (f.until is None or line.period < f.until)]
            types[line.period] = _accounts([*in_order(then), *ledger])
        lines.append(_with_sign(delivery, line, types[line.period]))
    every = [line for delivery in ordered if delivery.feed.kind == "ledger" for line in typed(delivery).lines]
    years = [line.posted.year for line in every]
    departments: dict[str, tuple[str, bool]] = {}
    for line in every:
        departments.setdefault(line.department.casefold(), (line.department, True))
    return Star(
        _facts(lines, baseline.casefold(), actuals_through),
        departments,
        accounts,
        _scenarios(ordered, baseline.casefold()),
        (min(years), max(years)) if years else None,
    )


def _accounts(ordered: Sequence[Delivery]) -> dict[str, tuple[str, str, int, bool]]:
    described: dict[str, SentAccount] = {}
    inferred: dict[str, tuple[str, str]] = {}
    for delivery in ordered:
        if delivery.feed.kind == "accounts":
            described |= {row.number.casefold(): row for row in delivery.content if isinstance(row, SentAccount)}
            continue
        for line in typed(delivery).lines:
            number, known = inferred.get(line.account.casefold(), (line.account, ""))
            inferred[line.account.casefold()] = (number, known or line.type)
    found = {}
    for key in described.keys() | inferred.keys():
        row = described.get(key)
        number = row.number if row else inferred[key][0]
        its_type = (row.type if row else "") or inferred.get(key, ("", ""))[1] or "Unknown"
        found[key] = (number, its_type, PROFIT_SIGNS.get(its_type, 0), row is None)
    return found


def _scenarios(ordered: Sequence[Delivery], baseline: str) -> dict[str, tuple[str, str, bool]]:
    """Return the scenarios as the first delivery shows them, by period and name."""
    shown: dict[str, str] = {}
    for delivery in ordered:
        if delivery.feed.kind == "ledger":
            for _, spelled in sorted((line.period, line.spelled) for line in counted(delivery)):
                shown.setdefault(spelled.casefold(), spelled)
    return {name: (spelled, SCENARIO_TYPES[name], name == baseline) for name, spelled in shown.items()}


def _with_sign(delivery: Delivery, line: Line, accounts: Mapping[str, tuple[str, str, int, bool]]) -> Line:
    its_type = accounts[line.account.casefold()][1]
    if delivery.feed.sign == "debit_positive" and its_type in CREDIT_NATURED:
        return replace(line, amount=-line.amount)
    return line


def _facts(lines: Sequence[Line], baseline: str, actuals_through: str | None) -> dict[Cell, Figures]:
    facts: dict[Cell, Figures] = {}

    def add(cell: Cell, amount: Decimal, budget: Decimal, count: int) -> None:
        before = facts.get(cell, Figures(ZERO, ZERO, 0))
        facts[cell] = Figures(before.amount + amount, before.budget + budget, before.lines + count)

    for line in lines:
        cell = Cell(line.posted, line.department.casefold(), line.account.casefold(), line.scenario)
        add(cell, line.amount, line.amount if line.scenario == baseline else ZERO, 1)
    planned = [line for line in lines if line.scenario == baseline]
    for line in planned:
        for scenario in _covering(lines, line.period, actuals_through) - {baseline}:
            cell = Cell(line.day.replace(day=1), line.department.casefold(), line.account.casefold(), scenario)
            add(cell, ZERO, line.amount, 0)
    return facts


def _covering(lines: Sequence[Line], period: str, actuals_through: str | None) -> set[str]:
    """Return the scenarios that are compared in a period."""
    covering = {line.scenario for line in lines if line.period == period}
    with_actuals = sorted({line.period for line in lines if line.scenario == "actual"})
    if actuals_through is None:
        return covering
    covering.discard("actual")
    if with_actuals and with_actuals[0] <= period <= actuals_through:
        covering.add("actual")
    return covering
