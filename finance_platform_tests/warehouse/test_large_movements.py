"""Large movements: a figure that would move further between two loads than the warehouse's column holds.

A person withdraws a file and sends its opposite before the next load.

Belongs here: what the run says, and that the steps that it names help. Does not belong here: sums that are too large
(see `unit/deliveries/test_acceptance_cell_sums`).
"""

from __future__ import annotations

from pathlib import Path

from finance_platform_tests.end_to_end.home import Home

HEADER = "transaction_id,date,department_code,account_number,amount\n"


def test_the_fix_of_a_figure_that_moves_too_far_publishes_it(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.write("raw/transactions_1.csv", f"{HEADER}1,2025-03-01,D1,1000,6000000000000000.00\n")
    assert home.command("run").returncode == 0
    home.command("withdraw", "transactions_1.csv", "--why", "wrong sign")
    home.write("raw/transactions_2.csv", f"{HEADER}2,2025-03-01,D1,1000,-6000000000000000.00\n")
    failed = home.command("run")
    assert failed.returncode == 3
    assert "a figure would move by more than 16 digits hold since the last load" in failed.stdout
    home.command("withdraw", "transactions_2.csv", "--why", "as the fix says")
    assert home.command("run").returncode == 0
    home.command("withdraw", "--undo", "transactions_2.csv", "--why", "as the fix says")
    last = home.command("run")
    assert (last.returncode, "in the warehouse -6,000,000,000,000,000.00" in last.stdout) == (0, True)
