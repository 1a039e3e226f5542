"""A descriptor whose `load.key` or `load.scope` is edited: which figures stay until a person decides.

Does not belong here: each reason to hold a file (see `unit/deliveries/test_returning_lines`, `test_other_loads`).
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from click.testing import CliRunner

from finance_platform.cli import main
from finance_platform_tests.end_to_end.home import Home
from finance_platform_tests.end_to_end.in_process_refresh import Refresher

pytestmark = pytest.mark.end_to_end

DESCRIPTOR = """\
feed: gl
kind: ledger
path: "gl*.csv"
columns: {date: Day, department: Unit, account: Account, amount: Net, transaction_id: Number}
constants: {scenario: Actual}
"""
BY_NUMBER = "load: {mode: upsert, key: [transaction_id]}\n"
BY_NUMBER_AND_ACCOUNT = "load: {mode: upsert, key: [transaction_id, account]}\n"
BY_DEPARTMENT = "load: {mode: replace_period, scope: [department]}\n"
BY_ACCOUNT = "load: {mode: replace_period, scope: [department, account]}\n"
HEADER = "Day,Unit,Account,Net,Number\n"


def write(home: Home, name: str, *lines: str) -> None:
    """Write a file with lines of January, each `department,account,amount,number`."""
    home.write(f"raw/{name}", HEADER + "".join(f"2025-01-15,{line}\n" for line in lines))


def total(home: Home) -> Decimal:
    """Return what is published."""
    ((amount,),) = home.select("SELECT sum(Amount) FROM PeriodAmount")
    return Decimal(amount)


def decide(home: Home, *arguments: str) -> str:
    """Decide about a file; return what is printed."""
    done = home.command(*arguments, "--why", "looked at it")
    assert done.returncode == 0, done.stderr
    return done.stdout


def check(home: Home, name: str) -> str:
    """Return what the check of a file says, before a run reads it."""
    arguments = ["feed", "check", "--home", str(home.path), str(home.path / "raw" / name)]
    return CliRunner().invoke(main, arguments).stdout


def test_a_document_that_moves_to_another_account_counts_once(tmp_path: Path, refresh: Refresher) -> None:
    home = Home(tmp_path)
    home.write("feeds/gl.yaml", DESCRIPTOR + BY_NUMBER_AND_ACCOUNT)
    write(home, "gl_1.csv", "D1,6000,50.00,N1", "D1,6000,41.00,N2")
    assert refresh(home).held() == {}
    write(home, "gl_2.csv", "D1,7000,50.00,N1", "D1,7000,3.00,N3")
    says = "gl_1.csv has the document 'N1' with the same amount and another account"
    checked = check(home, "gl_2.csv")
    assert f"held {says}" in checked
    assert (
        "Fix: if the other file has the document as it was before, send that file again without it, or withdraw"
    ) in checked
    assert f"`finance-platform accept --home {home.path} gl_2.csv --why TEXT` counts both" in checked
    assert "commands about the file work once a run holds it" in checked
    assert refresh(home).held()["gl_2.csv"].startswith(says)
    assert total(home) == 91
    decide(home, "accept", "gl_2.csv")
    refresh(home)
    assert total(home) == 144


def test_a_new_file_does_not_count_beside_lines_that_have_other_keys(tmp_path: Path, refresh: Refresher) -> None:
    """50.00 and 41.00 are published; a file corrects the first to 45.00 and adds 7.00."""
    home = Home(tmp_path)
    home.write("feeds/gl.yaml", DESCRIPTOR + BY_NUMBER)
    write(home, "gl_0.csv", "D1,8000,49.00,N1")
    refresh(home)
    write(home, "gl_1.csv", "D1,6000,50.00,N1", "D1,6000,41.00,N2")
    assert refresh(home).held() == {}
    home.write("feeds/gl.yaml", DESCRIPTOR + BY_NUMBER_AND_ACCOUNT)
    assert set(refresh(home).held()) == {"gl_0.csv", "gl_1.csv"}, "49.00 would count again"
    write(home, "gl_2.csv", "D1,6000,45.00,N1", "D1,6000,7.00,N3")
    says = (
        "it replaces no line of gl_1.csv, which counts as it was read before `load` was changed: Actual 2025-01, "
        "lines 1, net 50.00"
    )
    assert f"held {says}" in check(home, "gl_2.csv")
    assert refresh(home).held()["gl_2.csv"] == says
    assert total(home) == 91
    write(home, "gl_3.csv", "D1,6000,1.00,N4", "D1,7000,2.00,N1")
    assert "gl_3.csv" not in refresh(home).held()
    assert total(home) == 94, "N4, and N1 of another account, are new lines under the new key"
    assert "takes that one out too" in decide(home, "withdraw", "gl_0.csv")
    assert "takes that one out too" not in decide(home, "withdraw", "gl_0.csv")
    decide(home, "accept", "gl_1.csv")
    decide(home, "accept", "gl_2.csv")
    assert refresh(home).held() == {}
    assert total(home) == 45 + 41 + 7 + 1 + 2


def test_a_line_that_a_later_file_dropped_does_not_return_under_a_narrower_scope(
    tmp_path: Path, refresh: Refresher
) -> None:
    """The later file has 12.00 in place of 10.00 and 11.00."""
    home = Home(tmp_path)
    home.write("feeds/gl.yaml", DESCRIPTOR + BY_DEPARTMENT)
    write(home, "gl_1.csv", "D1,4000,10.00,N1", "D1,5000,11.00,N2")
    write(home, "gl_3.csv", "D3,4000,1.00,N5")
    refresh(home)
    write(home, "gl_2.csv", "D1,4000,12.00,N3")
    assert refresh(home).held() == {}
    assert total(home) == 13
    home.write("feeds/gl.yaml", DESCRIPTOR + BY_ACCOUNT)
    held = refresh(home).held()
    assert set(held) == {"gl_1.csv", "gl_2.csv"}
    assert held["gl_1.csv"] == (
        "under `load: {mode: replace_period}`, lines count again that another file of the feed has replaced: Actual "
        "2025-01, lines 1, gross 11.00"
    )
    assert total(home) == 13
    decide(home, "accept", "gl_1.csv")
    decide(home, "accept", "gl_2.csv")
    assert refresh(home).held() == {}
    assert total(home) == 12 + 11 + 1


def test_a_line_that_would_go_under_a_wider_scope_leaves_no_other_line_counted_twice(
    tmp_path: Path, refresh: Refresher
) -> None:
    """10.00 is replaced by 12.00, and 5.00 and 6.00 count; under the wider scope only 12.00 would."""
    home = Home(tmp_path)
    home.write("feeds/gl.yaml", DESCRIPTOR + BY_ACCOUNT)
    write(home, "gl_1.csv", "D1,4000,10.00,N1", "D1,5000,5.00,N2", "D1,5000,6.00,N4")
    refresh(home)
    write(home, "gl_2.csv", "D1,4000,12.00,N3")
    assert refresh(home).held() == {}
    assert total(home) == 23
    home.write("feeds/gl.yaml", DESCRIPTOR + BY_DEPARTMENT)
    assert set(refresh(home).held()) == {"gl_1.csv", "gl_2.csv"}
    assert total(home) == 23
    home.write("feeds/gl.yaml", DESCRIPTOR + BY_ACCOUNT)
    assert refresh(home).held() == {}
    assert total(home) == 23


def test_a_withdrawn_file_counts_again_after_an_edit_of_how_it_is_read_as_the_command_says(
    tmp_path: Path, refresh: Refresher
):
    home = Home(tmp_path)
    home.write("feeds/gl.yaml", DESCRIPTOR + BY_NUMBER)
    write(home, "gl_0.csv", "D1,8000,49.00,N1")
    write(home, "gl_1.csv", "D1,6000,41.00,N2")
    refresh(home)
    warns = "After a change of the file, or of how its descriptor reads it, a run judges it as a new one."
    assert warns in decide(home, "withdraw", "gl_0.csv")
    refresh(home)
    assert total(home) == 41
    home.write("feeds/gl.yaml", DESCRIPTOR + BY_NUMBER_AND_ACCOUNT)
    (movement,) = refresh(home).status.details.movements
    assert "gl_0.csv" in movement["cause"]
    assert total(home) == 90
