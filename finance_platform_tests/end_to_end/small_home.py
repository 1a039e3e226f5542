"""A small home on disk, and the command run on it.

Belongs here: files that a department might send, and running the command, in this process or in one of its own. Does
not belong here: assertions.

The command is the same code from its arguments to its exit code in either way. A process of its own costs two seconds
of imports each time, so only tests of what a process adds have one: how it is started, how it ends, being killed.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from click.testing import CliRunner

from finance_platform.cli import main
from finance_platform_tests.environment import clean_environment

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


@dataclass(frozen=True)
class Ended:
    """How a command ended, and what it said."""

    returncode: int
    stdout: str
    stderr: str


@dataclass(frozen=True)
class Home:
    """A home folder; `raw` and `feeds` are there."""

    path: Path

    def write(self, name: str, content: str | bytes) -> Path:
        """Write a file under the home, as a sender or a person would."""
        target = self.path / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content if isinstance(content, bytes) else content.encode())
        return target

    def command(self, *arguments: str, **environment: str) -> Ended:
        """Run `finance-platform` with `--home` in this process."""
        with clean_environment(self.path, **environment):
            done = CliRunner().invoke(main, self._with_home(arguments), prog_name="finance-platform")
        if done.exception and not isinstance(done.exception, SystemExit):
            raise done.exception
        return Ended(done.exit_code, done.stdout, done.stderr)

    def process(self, *arguments: str, **environment: str) -> Ended:
        """Run `finance-platform` with `--home` in a process of its own."""
        done = subprocess.run(
            [sys.executable, "-m", "finance_platform.cli", *self._with_home(arguments)],
            capture_output=True,
            text=True,
            check=False,
            env={**os.environ, **environment},
            cwd=self.path,
            timeout=180,
        )
        return Ended(done.returncode, done.stdout, done.stderr)

    def _with_home(self, arguments: tuple[str, ...]) -> list[str]:
        name, *rest = arguments
        return [name, "--home", str(self.path), *rest]

    def run(self) -> dict[str, Any]:
        """Run everything that is stale and return the summary."""
        done = self.command("run", "--json")
        assert done.stdout, done.stderr
        return dict(json.loads(done.stdout))

    def query(self, sql: str) -> list[dict[str, Any]]:
        """Return a query's rows."""
        done = self.command("query", sql, "--format", "json")
        assert done.returncode == 0, done.stderr
        return list(json.loads(done.stdout))


def small_home(path: Path) -> Home:
    """Return a home with good files of every shipped feed but the forecast."""
    home = Home(path)
    home.write("raw/departments.csv", DEPARTMENTS)
    home.write("raw/accounts.csv", ACCOUNTS)
    home.write("raw/transactions.csv", TRANSACTIONS)
    home.write("raw/budget.csv", BUDGET)
    return home


def copied(home: Path, target: Path) -> Home:
    """Return a copy of a home; its files keep their times, so that nothing looks changed."""
    shutil.copytree(home, target, copy_function=shutil.copy2)
    return Home(target)
