"""A ledger that is exported again: in another order, packed, or as the year to date, in a feed that adds every file.

Does not belong here: which deliveries are held (see `unit/deliveries/test_repeated_lines`).
"""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from click.testing import CliRunner

from finance_platform.cli import main
from finance_platform_tests.end_to_end.home import Home
from finance_platform_tests.end_to_end.in_process_refresh import Refresher
from finance_platform_tests.profiles import at_night

pytestmark = pytest.mark.end_to_end

DESCRIPTOR = """\
feed: gl
kind: ledger
path: "gl*.{csv,csv.gz}"
columns: {date: Day, department: Unit, account: Account, amount: Net, description: Text}
constants: {scenario: Actual}
load: {mode: append}
"""
HEADER = "Day,Unit,Account,Net,Text\n"
JANUARY = ["2025-01-02,D1,6000,10.00,Taxi\n", "2025-01-31,D1,6000,-4.00,Refund\n"]
FEBRUARY = ["2025-02-03,D1,6000,7.00,Taxi\n"]


@at_night("`unit/deliveries/test_repeated_lines` has each case")
def test_lines_that_another_file_has_do_not_count_twice(tmp_path: Path, refresh: Refresher) -> None:
    home = Home(tmp_path)
    home.write("feeds/gl.yaml", DESCRIPTOR)
    home.write("raw/gl_a.csv", HEADER + "".join(JANUARY))
    home.write("raw/gl_b.csv", (HEADER + "".join(reversed(JANUARY))).replace("\n", "\r\n"))
    home.write("raw/gl_c.csv.gz", gzip.compress((HEADER + "".join(JANUARY)).encode()))
    home.write("raw/gl_d.csv", HEADER + "".join(JANUARY + FEBRUARY))
    home.write("raw/gl_e.csv", (HEADER + "".join(JANUARY)).replace("Taxi", "Train"))
    refreshed = refresh(home)
    says = "has the same lines as gl_a.csv, which counts already: Actual 2025-01, lines 2, gross 14.00"
    assert refreshed.held() == {"gl_b.csv": says, "gl_c.csv.gz": says, "gl_d.csv": says}
    # gl_a and gl_e, whose texts differ, have 10.00 - 4.00 each.
    assert home.select("SELECT Period, Amount FROM PeriodAmount") == [("2025-01", 12)]
    checked = CliRunner().invoke(main, ["feed", "check", "--home", str(tmp_path), str(tmp_path / "raw/gl_d.csv")])
    assert checked.exit_code == 1
    assert f"held {says}" in checked.stdout
    accepted = home.command("accept", "gl_d.csv", "--why", "a year to date")
    assert accepted.returncode == 0
    assert "Some of its lines are in gl_a.csv too and count twice" in accepted.stdout
    refresh(home)
    assert home.select("SELECT Period, Amount FROM PeriodAmount ORDER BY Period") == [("2025-01", 18), ("2025-02", 7)]
