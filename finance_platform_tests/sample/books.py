"""The genuine books of the sample company: budget, forecast and ledger, without faults.

Belongs here: plans, actuals, and the stories in the figures.
Does not belong here: writing files (see `rows`, `generator`) and faults (see `faults`).

Random numbers and factors are integers: floating point and `math` may differ between platforms in the last digit, and
the sample is the same byte for byte everywhere.
"""

from __future__ import annotations

import calendar
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from random import Random
from typing import NamedTuple

from finance_platform_tests.sample.company import ACCOUNTS, PROJECTS, SEASONS, UNBUDGETED, Posting, parse_postings
from finance_platform_tests.sample.rows import money

FIRST_PERIOD = "2022-10"
LAST_ACTUAL = "2025-09"
LAST_BUDGET = "2025-12"
OPEN_YEAR = "2025"
FORECAST_MADE_AFTER = "2025-06"
CREDIT_NOTES_PER_MILLE = 18


class Cell(NamedTuple):
    """The grain of a plan: period, department and account."""

    period: str
    department: str
    account: str


class Entry(NamedTuple):
    """One genuine ledger line."""

    day: date
    department: str
    account: str
    amount: Decimal
    description: str


@dataclass(frozen=True)
class Story:
    """A finding: in these periods, actuals deviate from the plan.

    Attributes:
        title: a controller's summary.
        department: department code.
        account: account number.
        first: first period.
        last: last period.
        per_cent: actuals in per cent of the plan, one per period; empty if the story is about single lines.
    """

    title: str
    department: str
    account: str
    first: str
    last: str
    per_cent: tuple[int, ...] = ()

    @property
    def periods(self) -> tuple[str, ...]:
        """The periods of the story."""
        return periods(self.first, self.last)


STORIES = {
    "cloud_cost_creep": Story(
        title="Cloud hosting of Platform Engineering outgrows its budget a little more every month of 2025",
        department="D210",
        account="6210",
        first="2025-01",
        last="2025-09",
        per_cent=(104, 108, 113, 117, 124, 129, 136, 141, 149),
    ),
    "keying_slip": Story(
        title="A hotel bill of 643.50 was keyed as 64,350.00 in November 2024 and corrected in December",
        department="D300",
        account="6320",
        first="2024-11",
        last="2024-12",
    ),
    "late_invoice": Story(
        title="An invoice dated March 2023 is the last line of the file; it raises a period long published",
        department="0450",
        account="6530",
        first="2023-03",
        last="2023-03",
    ),
    "missed_revenue_target": Story(
        title="Hardware sales of the first half of 2025 miss their target by more than a quarter",
        department="D300",
        account="4500",
        first="2025-01",
        last="2025-06",
        per_cent=(76, 71, 69, 74, 70, 67),
    ),
    "overspent_project": Story(
        title="The data centre costs far more than its budget from April to September 2024",
        department="D220",
        account="0310",
        first="2024-04",
        last="2024-09",
        per_cent=(148, 187, 231, 214, 176, 139),
    ),
}

LATE_INVOICE = Entry(
    date(2023, 3, 14),
    "0450",
    "6530",
    Decimal("48250.00"),
    "Brückner & Söhne AG, site survey March 2023 (received late)",
)
KEYING_SLIP = (
    Entry(date(2024, 11, 19), "D300", "6320", Decimal("64350.00"), "Hotel, trade fair week"),
    Entry(
        date(2024, 12, 5),
        "D300",
        "6320",
        Decimal("-63706.50"),
        "Correction: hotel, trade fair week, keyed as 64,350.00",
    ),
)

_ACCOUNTS = {account.number: account for account in ACCOUNTS}
_PHRASES = {  # account number or category → descriptions of its lines; a number or the period follows
    "Borrowings": ("Loan repayment",),
    "Cost of Sales": ("Purchase order", "Åkerström Teknik AB, part delivery", "Carrier invoice", "Supplier invoice"),
    "Deductions": ("Credit note", "Volume discount", "Goodwill credit, late delivery"),
    "Hardware": ("Order", "Sensor kit, 12 units", 'Display 24"', "Export order", "Order", "Call-off"),
    "Payroll": ("Payroll run",),
    "Services": ("Milestone", "Time and materials", "Workshop, 2 days", "Acceptance"),
    "Subscriptions": ("Monthly plan", "Annual plan", "Upgrade", "Seats added"),
    "6050": ("Agency staff", "Agency staff, night shift"),
    "6060": ("Job advertisement", "Agency fee"),
    "6070": ("Course fee", "Certification"),
    "6110": ("Müller GmbH – rent", "Nordhafen Immobilien AG, rent"),
    "6310": ("Client visit", "Rail, return", "Łódź – site visit", "Project week"),
    "6320": ("Client visit", 'Hotel "Zum Anker", Graz', "Project week", "Hôtel du Lac"),
    "6330": ("Team lunch", "Client dinner", "Catering, workshop"),
    "6410": ("Search campaign", 'Banner "Save a day"', "Video campaign"),
    "6420": ("Stand build, hall 7", "Stand hire", "Printed matter"),
    "6430": ("Agence Lumière – création", "Copy and layout", "Photography"),
}


def periods(first: str, last: str) -> tuple[str, ...]:
    """Return the periods from `first` to `last`, both included."""
    start, end = (int(period[:4]) * 12 + int(period[5:]) - 1 for period in (first, last))
    return tuple(f"{month // 12:04d}-{month % 12 + 1:02d}" for month in range(start, end + 1))


def first_day(period: str) -> date:
    """Return the first day of a period."""
    return date(int(period[:4]), int(period[5:]), 1)


def build_plan() -> dict[Cell, int]:
    """Return the plan in cents of every cell to the last budgeted period, rounded to whole tens."""
    plan: dict[Cell, int] = {}
    table = parse_postings()
    for months, period in enumerate(periods(FIRST_PERIOD, LAST_BUDGET)):
        for posting in table:
            per_cent = SEASONS[posting.season][int(period[5:]) - 1]
            for department, monthly in posting.monthly.items():
                cents = monthly * per_cent * (12_000 + posting.growth * months) // 12_000
                if per_cent:
                    plan[Cell(period, department, posting.account)] = _whole_tens(cents)
        for project in PROJECTS:
            if project.first <= period <= project.last:
                plan[Cell(period, project.department, project.account)] = project.monthly * 100
    return plan


def select_budget(plan: dict[Cell, int]) -> dict[Cell, int]:
    """Return the cells with an approved budget; the others are posted to without one."""
    return {cell: cents for cell, cents in plan.items() if cell.account not in UNBUDGETED}


def draw_ledger(plan: dict[Cell, int], rng: Random) -> list[Entry]:
    """Return the genuine ledger in order of date, without the late invoice."""
    postings_of = {(code, posting.account): posting for posting in parse_postings() for code in posting.monthly}
    for project in PROJECTS:
        posting = Posting(project.account, "flat", 0, project.lines, 0, {project.department: project.monthly})
        postings_of[project.department, project.account] = posting
    entries = list(KEYING_SLIP)
    for cell, cents in plan.items():
        if cell.period <= LAST_ACTUAL:
            posting = postings_of[cell.department, cell.account]
            entries += _split_month(cell, _actual_cents(cell, cents, posting, rng), posting, rng)
    rng.shuffle(entries)
    return sorted(entries, key=lambda entry: entry.day)


def build_forecast(plan: dict[Cell, int], entries: list[Entry]) -> dict[Cell, int]:
    """Return the forecast of the open year: six months of actuals, then the plan scaled by their ratio to plan."""
    booked: dict[Cell, int] = {}
    for entry in entries:
        cell = Cell(entry.day.isoformat()[:7], entry.department, entry.account)
        booked[cell] = booked.get(cell, 0) + int(entry.amount.scaleb(2))
    open_cells = {cell: cents for cell, cents in select_budget(plan).items() if cell.period.startswith(OPEN_YEAR)}
    actual_and_plan: dict[tuple[str, str], list[int]] = {}
    for cell, cents in open_cells.items():
        if cell.period <= FORECAST_MADE_AFTER:
            totals = actual_and_plan.setdefault((cell.department, cell.account), [0, 0])
            totals[0] += booked.get(cell, 0)
            totals[1] += cents
    expected: dict[Cell, int] = {}
    for cell, cents in open_cells.items():
        if cell.period <= FORECAST_MADE_AFTER:
            expected[cell] = _whole_tens(booked.get(cell, 0))
        else:
            actual, plan_to_date = actual_and_plan.get((cell.department, cell.account), [1, 1])
            expected[cell] = _whole_tens(cents * actual // plan_to_date)
    return {cell: cents for cell, cents in expected.items() if cents}


def _whole_tens(cents: int) -> int:
    return cents // 1000 * 1000


def _actual_cents(cell: Cell, plan: int, posting: Posting, rng: Random) -> int:
    """Return the actual amount of a cell in cents; 0 if the plan was not carried out."""
    per_mille = 1000 + rng.randrange(-80, 81)
    happens = posting.lines > 1 or rng.randrange(100) < 85
    for story in STORIES.values():
        if story.per_cent and (story.department, story.account) == cell[1:] and cell.period in story.periods:
            per_mille = story.per_cent[story.periods.index(cell.period)] * 10 + rng.randrange(-9, 10)
    if posting.day:
        per_mille = 1000 + (per_mille - 1000) // 4
    if _ACCOUNTS[cell.account].type == "Expense":
        per_mille -= 12
    return plan * per_mille // 1000 + rng.randrange(-499, 500) if happens else 0


def _split_month(cell: Cell, cents: int, posting: Posting, rng: Random) -> list[Entry]:
    """Split the amount of a cell over ledger lines, and sometimes add a credit note and its re-billing."""
    if not cents:
        return []
    count = posting.lines if posting.day else max(1, posting.lines + rng.randrange(-2, 3))
    weights = [rng.randrange(40, 161) for _ in range(count)]
    parts = [cents * weight // sum(weights) for weight in weights]
    parts[-1] += cents - sum(parts)
    for part in list(parts):
        if not posting.day and part > 0 and rng.randrange(1000) < CREDIT_NOTES_PER_MILLE:
            credited = part * rng.randrange(5, 40) // 100
            parts += [-credited, credited] if credited else []
    return [_entry(cell, part, posting, rng) for part in parts if part]


def _entry(cell: Cell, cents: int, posting: Posting, rng: Random) -> Entry:
    account = _ACCOUNTS[cell.account]
    year, month = int(cell.period[:4]), int(cell.period[5:])
    day = posting.day or rng.randrange(1, calendar.monthrange(year, month)[1] + 1)
    booked_on = date(year, month, day)
    if not posting.day and booked_on.weekday() >= 5:
        # A Saturday or Sunday becomes the Friday before, or the Monday after if that Friday is in another month.
        friday = day - (booked_on.weekday() - 4)
        booked_on = date(year, month, friday if friday > 0 else day + 7 - booked_on.weekday())
    plain = (f"{account.name}, invoice", account.name, account.name, account.name)
    phrases = _PHRASES.get(account.number) or _PHRASES.get(account.category) or plain
    phrase = phrases[rng.randrange(len(phrases))]
    if cents < 0 and account.category not in {"Deductions", "Borrowings"}:
        phrase = f"{account.name}: credit note"
    reference = cell.period if account.category == "Payroll" else str(rng.randrange(10_000, 100_000))
    return Entry(booked_on, cell.department, cell.account, money(cents), f"{phrase} {reference}")
