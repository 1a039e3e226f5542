"""Every kind of derived file in a home, damaged: the status works, and the next run derives it again.

Belongs here: files that the register and the raw zone give again. Does not belong here: the register (see
`unit/deliveries/test_register_damage`), files of which the raw zone has no content any more (see
`test_lost_deliveries`).
"""

from __future__ import annotations

import json
from itertools import cycle

import pytest

from finance_platform.errors import DamagedObjectError
from finance_platform_tests.damage.conftest import LATER_FILE
from finance_platform_tests.damage.damages import DAMAGES, DERIVED, OTHER_DAMAGES
from finance_platform_tests.end_to_end.home import Home, Tables
from finance_platform_tests.end_to_end.in_process_refresh import Refreshed, Refresher
from finance_platform_tests.profiles import at_night

pytestmark = pytest.mark.end_to_end

EVERY_CASE = [(kind, damage) for kind in DERIVED for damage in DAMAGES]
EVERY_CASE += [("the warehouse", damage) for damage in OTHER_DAMAGES]
IN_THE_MIDDLE = ("ledger lines", "members", "rows of a fact slice")
FIX = "run `finance-platform run`"


def refresh_until_it_succeeds(refresh: Refresher, home: Home) -> Refreshed:
    """Follow the error of a run literally: damage in the middle of a file is found when it is read."""
    try:
        return refresh(home)
    except DamagedObjectError as error:
        if not error.fix.startswith("run again"):
            raise
        return refresh(home)


def assert_healthy(home: Home, result: Refreshed, expected: Tables) -> None:
    """Check figures, the equation, and that nothing is left to name."""
    assert not result.needs_attention
    assert not result.status.reconciliation.unexplained
    assert result.status.problems == []
    assert home.tables() == expected


def test_one_damaged_file_of_every_kind_at_once_is_healed_by_one_run(
    home: Home, refresh: Refresher, healthy_tables: Tables
):
    found = {kind: find(home) for kind, find in DERIVED.items()}
    for path, damage in zip(found.values(), cycle(DAMAGES)):
        DAMAGES[damage](path)
    status = home.command("status")
    assert status.returncode == 1, status.stderr
    home.write("raw/transactions_3.csv", LATER_FILE)
    result = refresh(home)
    assert {"transactions.csv", "transactions_3.csv", "accounts.csv"} <= set(result.read)
    assert_healthy(home, result, healthy_tables)
    assert home.command("status").returncode == 0
    assert not refresh(home).has_work


@pytest.mark.parametrize(
    ("has_raw", "fix"), [(True, "run `finance-platform run`"), (False, "put accounts.csv with that content back")]
)
def test_damaged_rows_that_the_status_needs_are_named_with_what_the_next_run_makes_of_them(
    home: Home, *, has_raw: bool, fix: str
):
    DAMAGES["missing"](DERIVED["master data"](home))
    if not has_raw:
        (home.path / "raw" / "accounts.csv").unlink()
    (problem,) = json.loads(home.command("status", "--json").stdout)["problems"]
    assert problem["file"].startswith("accounts/")
    assert problem["problem"].startswith("is damaged (it is missing): ")
    assert problem["fix"].startswith(fix)


@at_night("the whole matrix is for the nightly profile")
@pytest.mark.parametrize(("kind", "damage"), EVERY_CASE)
def test_a_damaged_file_is_named_and_healed_by_what_the_fix_says(
    home: Home, refresh: Refresher, healthy_tables: Tables, kind: str, damage: str
):
    {**DAMAGES, **OTHER_DAMAGES}[damage](DERIVED[kind](home))
    status = home.command("status", "--json")
    assert status.returncode in {0, 1}, status.stderr
    # A warning, such as that of an order which the files do not say, is there without the damage too.
    of_warnings = {f"Fix: {warning['fix']}" for warning in json.loads(status.stdout)["warnings"]}
    printed = home.command("status").stdout
    lines = [line.strip() for line in printed.splitlines()]
    fixes = [line for line in lines if line.startswith("Fix: ") and line not in of_warnings]
    assert all(fix.startswith(f"Fix: {FIX}") for fix in fixes), printed
    home.write("raw/transactions_3.csv", LATER_FILE)
    assert_healthy(home, refresh_until_it_succeeds(refresh, home), healthy_tables)


@at_night("the whole matrix is for the nightly profile")
@pytest.mark.parametrize("kind", IN_THE_MIDDLE)
def test_damage_in_the_middle_of_rows_is_found_by_a_rebuild(
    home: Home, refresh: Refresher, healthy_tables: Tables, kind: str
):
    path = DERIVED[kind](home)
    OTHER_DAMAGES["overwritten in the middle"](path)
    home.write("raw/transactions_3.csv", LATER_FILE)
    assert_healthy(home, refresh_until_it_succeeds(refresh, home), healthy_tables)
    assert home.command("status").returncode == 0
