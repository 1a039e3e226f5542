"""The sample company: departments, accounts, monthly plans and projects.

Belongs here: data, and the parsing of the one table that is written as text.
Does not belong here: anything random (see `books`) and anything wrong (see `faults`).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Department:
    """One row of departments.csv; `parent` is empty at the top."""

    code: str
    name: str
    business_unit: str
    parent: str = ""


@dataclass(frozen=True)
class Account:
    """One row of accounts.csv; `parent` is empty at the top."""

    number: str
    name: str
    type: str
    category: str
    parent: str = ""


@dataclass(frozen=True)
class Posting:
    """The plan of an account.

    Attributes:
        account: account number.
        season: name of a row of `SEASONS`.
        growth: per mille and year, linear from the first period.
        lines: approximate number of ledger lines per month and department.
        day: day of the month of every line; 0 is any working day.
        monthly: department code → plan per month in whole units of currency, before season and growth.
    """

    account: str
    season: str
    growth: int
    lines: int
    day: int
    monthly: dict[str, int]


@dataclass(frozen=True)
class Project:
    """A capital project with a monthly plan from period `first` to `last`."""

    department: str
    account: str
    first: str
    last: str
    monthly: int
    lines: int


DEPARTMENTS = (
    Department("D100", "Executive Office", "Corporate"),
    Department("D110", "Finance", "Corporate", "D100"),
    Department("D120", "People and Culture", "Corporate", "D100"),
    Department("D200", "Product Engineering", "Technology"),
    Department("D210", "Platform Engineering", "Technology", "D200"),
    Department("D220", "IT Infrastructure", "Technology", "D200"),
    Department("D300", "Sales", "Commercial"),
    Department("D310", "Marketing", "Commercial", "D300"),
    Department("D320", "Customer Success", "Commercial", "D300"),
    Department("0450", "Field Services", "Operations"),
    Department("0460", "Logistics", "Operations", "0450"),
    Department("D480", "Facilities", "Operations", "0450"),
)

ACCOUNTS = (
    Account("0100", "Fixed assets", "Asset", "CapEx"),
    Account("0210", "Office fit-out", "Asset", "CapEx", "0100"),
    Account("0310", "Data centre construction", "Asset", "CapEx", "0100"),
    Account("0320", "Servers and storage", "Asset", "CapEx", "0100"),
    Account("0330", "Network equipment", "Asset", "CapEx", "0100"),
    Account("0340", "Laptops and devices", "Asset", "CapEx", "0100"),
    Account("0410", "Vehicles", "Asset", "CapEx", "0100"),
    Account("0420", "Warehouse equipment", "Asset", "CapEx", "0100"),
    Account("0425", "Warehouse automation", "Asset", "CapEx", "0100"),
    Account("0430", "Field instruments", "Asset", "CapEx", "0100"),
    Account("0510", "Capitalised development", "Asset", "CapEx", "0100"),
    Account("0520", "Purchased licences", "Asset", "CapEx", "0100"),
    Account("1300", "Supplier deposits paid", "Asset", "Deposits"),
    Account("2400", "Customer deposits", "Liability", "Deposits"),
    Account("2500", "Deferred revenue", "Liability", "Deferred Income"),
    Account("2600", "Term loan", "Liability", "Borrowings"),
    Account("4000", "Revenue", "Revenue", "Summary"),
    Account("4100", "Cloud subscriptions", "Revenue", "Subscriptions", "4000"),
    Account("4110", "Platform add-ons", "Revenue", "Subscriptions", "4000"),
    Account("4200", "Perpetual licences", "Revenue", "Licences", "4000"),
    Account("4210", "Licence renewals", "Revenue", "Licences", "4000"),
    Account("4300", "Support contracts", "Revenue", "Support", "4000"),
    Account("4310", "Premium support", "Revenue", "Support", "4000"),
    Account("4400", "Implementation services", "Revenue", "Services", "4000"),
    Account("4410", "Training courses", "Revenue", "Services", "4000"),
    Account("4500", "Hardware sales", "Revenue", "Hardware", "4000"),
    Account("4510", "Spare parts", "Revenue", "Hardware", "4000"),
    Account("4520", "Freight recharged", "Revenue", "Hardware", "4000"),
    Account("4900", "Discounts and credit notes", "Revenue", "Deductions", "4000"),
    Account("5000", "Cost of sales", "Expense", "Summary"),
    Account("5100", "Hardware purchases", "Expense", "Cost of Sales", "5000"),
    Account("5110", "Inbound freight", "Expense", "Cost of Sales", "5000"),
    Account("5120", "Packaging", "Expense", "Cost of Sales", "5000"),
    Account("5130", "Payment processing fees", "Expense", "Cost of Sales", "5000"),
    Account("5140", "Subcontracted field work", "Expense", "Cost of Sales", "5000"),
    Account("6000", "Operating expense", "Expense", "Summary"),
    Account("6010", "Salaries", "Expense", "Payroll", "6000"),
    Account("6020", "Bonuses", "Expense", "Payroll", "6000"),
    Account("6030", "Employer contributions", "Expense", "Payroll", "6000"),
    Account("6040", "Pension contributions", "Expense", "Payroll", "6000"),
    Account("6050", "Temporary staff", "Expense", "Payroll", "6000"),
    Account("6060", "Recruitment", "Expense", "Payroll", "6000"),
    Account("6070", "Staff training", "Expense", "Payroll", "6000"),
    Account("6110", "Rent", "Expense", "Facilities", "6000"),
    Account("6120", "Electricity and heating", "Expense", "Facilities", "6000"),
    Account("6130", "Cleaning", "Expense", "Facilities", "6000"),
    Account("6140", "Repairs", "Expense", "Facilities", "6000"),
    Account("6150", "Site security", "Expense", "Facilities", "6000"),
    Account("6210", "Cloud hosting", "Expense", "Cloud and Software", "6000"),
    Account("6220", "Cloud storage and transfer", "Expense", "Cloud and Software", "6000"),
    Account("6230", "Software subscriptions", "Expense", "Cloud and Software", "6000"),
    Account("6250", "Telephony and data lines", "Expense", "Cloud and Software", "6000"),
    Account("6310", "Air and rail fares", "Expense", "Travel", "6000"),
    Account("6320", "Hotels", "Expense", "Travel", "6000"),
    Account("6330", "Meals and hospitality", "Expense", "Travel", "6000"),
    Account("6340", "Mileage and car hire", "Expense", "Travel", "6000"),
    Account("6410", "Online advertising", "Expense", "Marketing", "6000"),
    Account("6420", "Trade fairs", "Expense", "Marketing", "6000"),
    Account("6430", "Content and agencies", "Expense", "Marketing", "6000"),
    Account("6510", "Legal fees", "Expense", "Professional Services", "6000"),
    Account("6520", "Audit fees", "Expense", "Professional Services", "6000"),
    Account("6530", "Consulting", "Expense", "Professional Services", "6000"),
    Account("6610", "Insurance", "Expense", "Other Operating", "6000"),
    Account("6620", "Vehicle running costs", "Expense", "Other Operating", "6000"),
    Account("6630", "Office supplies", "Expense", "Other Operating", "6000"),
    Account("6650", "Bank charges", "Expense", "Other Operating", "6000"),
    Account("6690", "Sundry expense", "Expense", "Other Operating", "6000"),
)

SEASONS = {  # per cent of the monthly plan, January to December; 0 is a month without a plan
    "flat": (100,) * 12,
    "quarter": (80, 85, 135, 80, 85, 130, 80, 75, 130, 85, 90, 145),
    "services": (85, 100, 115, 105, 105, 105, 85, 70, 110, 115, 115, 90),
    "hardware": (75, 80, 100, 90, 95, 100, 85, 80, 105, 115, 130, 145),
    "winter": (165, 155, 130, 95, 65, 50, 50, 50, 65, 95, 130, 150),
    "summer": (80, 80, 90, 95, 105, 125, 145, 140, 105, 85, 75, 75),
    "travel": (80, 95, 115, 105, 115, 115, 70, 55, 125, 130, 125, 70),
    "campaign": (70, 95, 120, 110, 105, 85, 65, 65, 125, 135, 140, 85),
    "bonus": (0, 0, 500, 0, 0, 0, 0, 0, 0, 0, 0, 700),
    "audit": (260, 240, 120, 0, 0, 80, 0, 0, 0, 160, 180, 160),
    "quarterly": (0, 0, 300, 0, 0, 300, 0, 0, 300, 0, 0, 300),
}

UNBUDGETED = frozenset({"1300", "2600", "6690"})
"""Accounts with postings and without plans."""

_POSTINGS = """
4100 flat      160 28  0  D300:1360000 D320:160000
4110 flat      120 14  0  D300:160000 D320:64000
4200 quarter   -80 10  0  D300:210000
4210 quarter    20 12  0  D320:130000
4300 flat       60 16  0  D320:240000
4310 flat       90 10  0  D320:85000
4400 services   50 16  0  0450:310000
4410 services   40 12  0  D320:48000 0450:22000
4500 hardware   40 30  0  D300:420000
4510 flat       20 16  0  0460:38000
4520 flat       10 10  0  0460:12000
4900 flat       30  6  0  D300:-36000 D320:-9000
5100 hardware   40 18  0  0460:255000
5110 hardware   40 10  0  0460:21000
5120 hardware   20  6  0  0460:6500
5130 flat      120  8  0  D300:14500
5140 services   50 10  0  0450:74000
6010 flat       45  3 25  D100:62000 D110:78000 D120:41000 D200:285000 D210:198000 D220:92000
6010 flat       45  3 25  D300:176000 D310:68000 D320:121000 0450:164000 0460:58000 D480:27000
6020 bonus      40  2 25  D100:9000 D200:22000 D300:34000 0450:11000
6030 flat       45  2 25  D100:13000 D110:16400 D120:8600 D200:59800 D210:41600 D220:19300
6030 flat       45  2 25  D300:37000 D310:14300 D320:25400 0450:34400 0460:12200 D480:5700
6040 flat       45  1 25  D100:3100 D110:3900 D120:2000 D200:14200 D210:9900 D220:4600
6040 flat       45  1 25  D300:8800 D310:3400 D320:6000 0450:8200 0460:2900 D480:1300
6050 summer     20  6  0  D200:18000 0450:21000 0460:14500 D480:4200
6060 flat       10  5  0  D120:16500
6070 flat       20  5  0  D120:7200 D200:5400 0450:3800
6110 flat       25  2  1  D480:118000 0460:46000
6120 winter     60  4  0  D480:21000 0460:13500 D220:9800
6130 flat       30  5  0  D480:8200 0460:2700
6140 flat       20  6  0  D480:9400 0460:4800
6150 flat       25  3  0  D480:5900 0460:3600
6210 flat       90  7  0  D210:96000 D200:38000 D220:27000
6220 flat       80  6  0  D210:22000 D220:9500
6230 flat       70  5  0  D110:6200 D120:3400 D200:24500 D210:17800 D220:21000 D300:15200 D310:8600 D320:9900
6250 flat       10  5  0  D220:11200 0450:3900 D320:2600
6310 travel     30 10  0  D100:6400 D200:5200 D300:27500 D310:7800 D320:9100 0450:24800
6320 travel     30  8  0  D100:4100 D200:3900 D300:19400 D310:6100 D320:6600 0450:17900
6330 travel     30  7  0  D100:2300 D300:8900 D310:3100 0450:4700
6340 travel     20  7  0  D300:6200 D320:2400 0450:11300
6410 campaign   60 15  0  D310:92000
6420 campaign   30  8  0  D310:58000
6430 flat       20  7  0  D310:31000
6510 flat       20  4  0  D110:14200 D100:9800
6520 audit      30  2  0  D110:18500
6530 flat       10  4  0  D100:12500 D200:19800 D220:11800 0450:15500
6610 flat       40  1  1  D110:19800 D480:6100
6620 flat       30 11  0  0450:17200 0460:9100
6630 flat        0  6  0  D100:420 D110:560 D120:390 D300:780 D480:3100 0460:940
6650 flat        0  4  0  D110:2900
6690 flat        0  1  0  D110:450 D480:380
0320 quarterly  20  3  0  D220:42000
0330 quarterly  10  2  0  D220:15500
0340 flat       20  5  0  D220:28500
0410 quarterly   0  1  0  0450:26000
0420 flat       10  1  0  0460:9900
0430 flat       20  3  0  0450:14800
0510 flat       50  2 28  D200:88000 D210:41000
0520 flat       10  1  0  D220:12500
1300 quarterly   0  1  0  D480:1500
2400 flat       20  4  0  D300:11000
2500 quarter    40  3  0  D300:64000
2600 quarterly   0  1 28  D110:-25000
"""

PROJECTS = (
    Project("0460", "0425", "2023-05", "2023-09", 64_000, 4),
    Project("D220", "0310", "2024-01", "2024-12", 240_000, 7),
    Project("D480", "0210", "2025-02", "2025-07", 95_000, 5),
)


def parse_postings() -> tuple[Posting, ...]:
    """Parse the posting table: account, season, growth, lines, day, then department:monthly plan."""
    parsed = []
    for text in _POSTINGS.split("\n"):
        if not text:
            continue
        account, season, growth, lines, day, *cells = text.split()
        monthly = {code: int(plan) for code, plan in (cell.split(":") for cell in cells)}
        parsed.append(Posting(account, season, int(growth), int(lines), int(day), monthly))
    return tuple(parsed)
