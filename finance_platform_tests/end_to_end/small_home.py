"""A small home: a few lines of every shipped feed but the forecast.

Belongs here: its files. Does not belong here: running anything on it (see `home`).
"""

from __future__ import annotations

from pathlib import Path

from finance_platform_tests.end_to_end.home import Home

DEPARTMENTS = """\
department_code,department_name,business_unit,parent_department_code
D100,Sales,Commercial,
0450,Facilities,Operations,
"""
ACCOUNTS = """\
account_number,account_name,account_type,category,parent_account_number
4000,Subscriptions,Revenue,Recurring,
6000,Salaries,Expense,Payroll,
0310,Servers,Asset,CapEx,
"""
TRANSACTIONS = """\
transaction_id,transaction_date,department_code,account_number,amount,description
T1,2024-01-05,D100,4000,1000.00,January
T2,2024-01-31,0450,6000,250.10,Salaries
T3,2024-02-05,D100,4000,1100.00,February
T4,2024-02-29,0450,6000,"1,250.25",Salaries
T5,2024-03-05,D100,4000,(100.00),Credit note
"""
BUDGET = """\
period,department_code,account_number,budget_amount
2024-01,D100,4000,900.00
2024-02,D100,4000,900.00
2024-02,0450,6000,1000.00
"""


def create_small_home(path: Path) -> Home:
    """Write the files into a folder."""
    home = Home(path)
    home.write("raw/departments.csv", DEPARTMENTS)
    home.write("raw/accounts.csv", ACCOUNTS)
    home.write("raw/transactions.csv", TRANSACTIONS)
    home.write("raw/budget.csv", BUDGET)
    return home
