"""Files with random damage beside a good one: every refresh ends, the good file is loaded, no row or cent is lost.

Belongs here: refreshes of homes full of damaged files; 10,000 files in the nightly profile. Does not belong here: how
files are damaged (see `mutations`).
"""

from __future__ import annotations

import os
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from random import Random

import pytest

from finance_platform_tests.end_to_end.home import Home
from finance_platform_tests.end_to_end.in_process_refresh import Refresher
from finance_platform_tests.hostile.mutations import mutate
from finance_platform_tests.hostile.variants import DESCRIPTOR, HEADER
from finance_platform_tests.profiles import current_profile

pytestmark = pytest.mark.end_to_end

PROFILE = current_profile()
FILES_OF_A_HOME = 250 if PROFILE.is_exhaustive else 40
HOMES = 40 if PROFILE.is_exhaustive else 1
SEED = os.environ.get("MUTATION_SEED") or (f"{datetime.now(UTC):%Y-%m-%d}" if PROFILE.is_random else "1")
"""Each day has its own damage, the same in every process of a run; MUTATION_SEED repeats that of another day."""

GOOD_DESCRIPTOR = DESCRIPTOR.replace("feed: transactions", "feed: good").replace("*transactions*.csv", "good.csv")
GOOD_FILE = f"{HEADER}\nG1,2024-01-05,GOOD,GOOD,100.00,good\nG2,2024-02-05,GOOD,GOOD,23.45,good\n"
STATES = {"live", "held", "refused"}


def valid_file(number: int) -> bytes:
    """Return a file without a fault."""
    lines = [
        f"M{number}-{nth},2024-{nth % 12 + 1:02d}-{nth + 1:02d},D{nth % 3},4{number % 10}00,{nth * 10}.25,line {nth}"
        for nth in range(20)
    ]
    return "\n".join([HEADER, *lines, ""]).encode()


@pytest.mark.parametrize("nth", range(HOMES), ids=lambda nth: f"MUTATION_SEED={SEED}-{nth}")
def test_files_with_random_damage_lose_no_row_and_stop_no_other_file(nth: int, tmp_path: Path, refresh: Refresher):
    random = Random(f"{SEED}-{nth}")
    home = Home(tmp_path / "home")
    home.write("feeds/transactions.yaml", DESCRIPTOR)
    home.write("feeds/good.yaml", GOOD_DESCRIPTOR)
    home.write("raw/good.csv", GOOD_FILE)
    for number in range(FILES_OF_A_HOME):
        home.write(f"raw/transactions_{number:03d}.csv", mutate(valid_file(number), random))
    status = refresh(home).status
    by_file = {row["file"]: row for row in status.deliveries}
    assert set(by_file) == {"good.csv", *(f"transactions_{number:03d}.csv" for number in range(FILES_OF_A_HOME))}
    assert {row["state"] for row in by_file.values()} <= STATES
    assert by_file["good.csv"]["state"] == "live"
    assert not status.reconciliation.unexplained
    published = home.select(
        "SELECT SUM(Amount) FROM FactFinancials "
        "INNER JOIN DimAccount ON DimAccount.AccountKey = FactFinancials.AccountKey WHERE AccountNumber = 'GOOD'"
    )
    assert published == [(Decimal("123.45"),)]
    assert not refresh(home).has_work
