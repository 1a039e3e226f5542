"""A delivery that is damaged while its file is gone from the raw zone: refreshes, and each way out that is printed.

Belongs here: refreshes. Does not belong here: the rules one by one (see `test_lost_deliveries`).
"""

from __future__ import annotations

import pytest

from finance_platform.deliveries.commits import commit_key
from finance_platform.errors import LostDeliveryError
from finance_platform_tests.damage.conftest import GOOD_FILE, LATER_FILE
from finance_platform_tests.end_to_end.home import Home, Tables
from finance_platform_tests.end_to_end.in_process_refresh import Refresher
from finance_platform_tests.profiles import at_night

pytestmark = [
    pytest.mark.end_to_end,
    at_night("three refreshes take a while"),
]
FILE = "transactions_2.csv"


@pytest.fixture(params=["its commit", "its rows"])
def home_with_loss(home: Home, refresh: Refresher, request: pytest.FixtureRequest) -> Home:
    """A home that has published a file which is gone from the raw zone, with a good file beside it."""
    commit = home.commits()[FILE]
    damaged = commit_key(commit.delivery_id) if request.param == "its commit" else commit.files["transactions"][0].key
    (home.path / "processed" / damaged).write_bytes(b"PAR1")
    (home.path / "raw" / FILE).unlink()
    home.write("raw/transactions_3.csv", LATER_FILE)
    before = home.tables()
    with pytest.raises(LostDeliveryError) as caught:
        refresh(home)
    assert FILE in caught.value.found
    assert home.tables() == before
    status = home.command("status")
    assert status.returncode == 1
    assert f"put {FILE} with that content back into the raw zone" in " ".join(status.stdout.split())
    return home


def test_the_file_that_is_put_back_is_read_again(home_with_loss: Home, refresh: Refresher, healthy_tables: Tables):
    home_with_loss.write(f"raw/{FILE}", GOOD_FILE)
    result = refresh(home_with_loss)
    assert FILE in result.read
    assert not result.needs_attention
    assert not result.status.reconciliation.unexplained
    assert home_with_loss.tables() == healthy_tables


def test_a_withdrawal_takes_its_lines_out(home_with_loss: Home, refresh: Refresher):
    withdrawal = home_with_loss.command("withdraw", FILE, "--why", "its record is lost")
    assert withdrawal.returncode == 0, withdrawal.stderr
    result = refresh(home_with_loss)
    assert not result.status.reconciliation.unexplained
    amounts = home_with_loss.select("SELECT SUM(TransactionCount) FROM FactFinancials")
    assert amounts == [(9,)]  # five lines of the first file, one of the good file, three of the budget
    assert home_with_loss.command("status").returncode == 0


def test_a_file_that_needs_no_lost_rows_is_published_and_the_loss_stays_named(home: Home, refresh: Refresher):
    """Neither its period nor its key is one of the lost rows."""
    (lost, *_) = home.commits()[FILE].files["transactions"]
    (home.path / "processed" / lost.key).write_bytes(b"PAR1")
    (home.path / "raw" / FILE).unlink()
    before = home.select("SELECT SUM(Amount) FROM FactFinancials")[0][0]
    home.write("raw/transactions_3.csv", LATER_FILE.replace("T8,", "T99,"))
    assert refresh(home).needs_attention
    assert home.select("SELECT SUM(Amount) FROM FactFinancials")[0][0] - before == 5
    status = home.command("status")
    assert status.returncode == 1
    assert f"put {FILE} with that content back into the raw zone" in " ".join(status.stdout.split())
