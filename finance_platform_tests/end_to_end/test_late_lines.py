"""Late lines on a whole home: what is published, said, traced and counted while lines wait, and after each decision.

Does not belong here: which lines wait (see `unit/deliveries/test_late_lines`), every cause (see
`test_causes_in_closed_periods`).
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from finance_platform_tests.end_to_end.home import Home, copy_home
from finance_platform_tests.end_to_end.in_process_refresh import Refreshed, Refresher
from finance_platform_tests.end_to_end.small_home import BUDGET, TRANSACTIONS
from finance_platform_tests.profiles import at_night

pytestmark = pytest.mark.end_to_end

HEADER = TRANSACTIONS.splitlines()[0]
LATE = f"{HEADER}\nT8,2024-01-09,D100,4000,7.00,Late\nT9,2024-05-09,D100,4000,5.00,May\n"
"""One line in January, which is closed, and one in May."""


@pytest.fixture
def home(january_closed: Path, tmp_path: Path) -> Home:
    return copy_home(january_closed, tmp_path / "home")


def sales(home: Home) -> dict[str, str]:
    rows = home.select("SELECT Period, SUM(Actual) FROM ActualVsBudget WHERE AccountNumber = '4000' GROUP BY Period")
    return {period: str(amount) for period, amount in rows if amount}


def january(home: Home) -> list[object]:
    return sorted(home.select("SELECT * FROM ActualVsBudget WHERE Period = '2024-01'"), key=repr)


def actual(refreshed: Refreshed) -> dict[str, tuple[int, str, str]]:
    """Return rows, net and gross of each term of Actual; no term is missing and nothing is unexplained."""
    (line,) = [one for one in refreshed.status.reconciliation.by_scenario if one.scenario == "Actual"]
    assert line.difference.is_zero
    return {
        name: (count.rows, f"{count.amount:.2f}", f"{count.absolute:.2f}")
        for name, count in line.terms.items()
        if not count.is_zero
    }


def traced(home: Home, line: int) -> dict[str, Any]:
    trace = home.command("trace", "--file", "transactions_late.csv", "--line", str(line), "--format", "json")
    assert trace.returncode == 0, trace.stderr
    return dict(json.loads(trace.stdout))


def test_lines_of_open_periods_are_published_while_late_ones_wait(home: Home, refresh: Refresher) -> None:
    before = sales(home)
    home.write("raw/transactions_late.csv", LATE)
    refreshed = refresh(home)
    assert sales(home) == {**before, "2024-05": "5.00"}
    assert refreshed.needs_attention
    assert actual(refreshed)["held"] == (1, "7.00", "7.00")
    (held,) = [row for row in refreshed.status.deliveries if row["state"] == "held"]
    assert (held["file"], held["rows"], held["accepted"]) == ("transactions_late.csv", 1, 1)
    assert "2024-01, which is closed: Actual 7.00; only its lines of 2024-01 wait" in held["reason"]
    (january,) = refreshed.status.details.closed
    assert "transactions_late.csv has late lines" in january["waiting"][0]
    assert "only its lines of 2024-01 wait" in traced(home, 2)["unpublished"][0]["why"]
    assert [cell["period"] for cell in traced(home, 3)["cells"]] == ["2024-05"]
    assert home.command("verify").returncode == 0

    preview = home.command("accept", "transactions_late.csv", "--dry-run", "--format", "json")
    assert [(row["period"], row["profit effect"]) for row in json.loads(preview.stdout)] == [("2024-01", "7.00")]
    assert home.command("accept", "transactions_late.csv", "--why", "the supplier was late").returncode == 0
    accepted = refresh(home)
    assert sales(home) == {**before, "2024-01": "1007.00", "2024-05": "5.00"}
    assert not accepted.needs_attention
    assert [alert.kind for alert in accepted.alerts] == ["restatement"]
    assert "held" not in actual(accepted)


@at_night("the nightly profile has every decision")
def test_late_lines_that_are_withdrawn_leave_the_rest_of_their_file(home: Home, refresh: Refresher) -> None:
    before = sales(home)
    home.write("raw/transactions.csv", TRANSACTIONS.replace("1000.00", "1000.50").replace("1100.00", "1101.00"))
    refreshed = refresh(home)
    assert sales(home) == {**before, "2024-02": "1101.00"}
    assert actual(refreshed)["held"] == (2, "1250.60", "1250.60")
    decided = home.command("withdraw", "transactions.csv", "--late-lines", "--why", "a mistake of the source")
    assert decided.returncode == 0, decided.stderr
    dropped = refresh(home)
    assert sales(home) == {**before, "2024-02": "1101.00"}
    assert not dropped.needs_attention
    assert actual(dropped)["withdrawn"] == (2, "1250.60", "1250.60")
    everything = home.command("status", "--all-versions")
    assert everything.returncode == 0, everything.stdout

    undone = home.command("withdraw", "transactions.csv", "--why", "the file is a draft")
    assert undone.returncode == 0, undone.stderr
    refreshed = refresh(home)
    assert sales(home) == before
    assert not refreshed.needs_attention


@at_night("the nightly profile has every decision")
def test_late_lines_are_booked_in_the_next_open_period(home: Home, refresh: Refresher) -> None:
    before, signed = sales(home), january(home)
    home.write("raw/transactions_late.csv", LATE)
    refresh(home)
    preview = home.command("accept", "transactions_late.csv", "--in-next-open-period", "--dry-run", "--format", "json")
    assert [(row["period"], row["amount"], row["profit effect"]) for row in json.loads(preview.stdout)] == [
        ("2024-02", "7.00", "7.00")
    ]
    booked = home.command("accept", "transactions_late.csv", "--in-next-open-period", "--why", "small")
    assert "is accepted, and booked in 2024-02" in booked.stdout, booked.stderr
    refreshed = refresh(home)
    assert sales(home) == {**before, "2024-02": "1107.00", "2024-05": "5.00"}
    assert january(home) == signed
    assert not refreshed.needs_attention
    assert not refreshed.alerts
    assert actual(refreshed)["superseded"] == (1, "7.00", "7.00")
    (movement,) = [row for row in refreshed.status.details.movements if row["period"] == "2024-02"]
    assert "late lines of transactions_late.csv for 2024-01 are booked here" in movement["cause"]
    trace = home.command(
        *("trace", "--period", "2024-02", "--department", "D100", "--account", "4000", "--format", "json")
    )
    lines = {line["file"]: line for line in json.loads(trace.stdout)["lines"]}
    line = lines["transactions_late.csv"]
    assert (line["document_date"], line["booked_from"], line["row"]) == ("2024-01-09", "2024-01", 2)
    assert line["text"] == "T8,2024-01-09,D100,4000,7.00,Late"
    assert "booked in 2024-02" in traced(home, 2)["unpublished"][0]["why"]
    for command in (("verify",), ("status", "--all-versions"), ("restatement",)):
        assert home.command(*command).returncode == 0, command
    history = home.command("history", COLUMNS="200")
    assert "accepted, late lines of 2024-01, booked in 2024-02" in history.stdout, history.stderr

    withdrawn = home.command("withdraw", "transactions_late.csv", "--why", "not ours")
    assert withdrawn.returncode == 0, withdrawn.stderr
    assert not refresh(home).needs_attention
    assert sales(home) == before


def book_a_corrected_line(home: Home, refresh: Refresher) -> tuple[dict[str, str], list[object]]:
    """Book a correction of January in February, correct March later; return the figures before."""
    before, signed = sales(home), january(home)
    first = TRANSACTIONS.replace("1000.00", "1000.50")
    home.write("raw/transactions.csv", first)
    refresh(home)  # held as a whole: nothing but January changes
    booked = home.command("accept", "transactions.csv", "--in-next-open-period", "--why", "small")
    assert booked.returncode == 0, booked.stderr
    assert not refresh(home).needs_attention
    assert (sales(home), january(home)) == ({**before, "2024-02": "1100.50"}, signed)

    home.write("raw/transactions.csv", first.replace("(100.00)", "(90.00)"))
    assert not refresh(home).needs_attention  # January is as booked, so nothing waits
    assert (sales(home), january(home)) == ({**before, "2024-02": "1100.50", "2024-03": "-90.00"}, signed)
    return before, signed


def test_a_corrected_line_is_booked_as_a_reversal_and_a_later_correction_still_works(
    home: Home, refresh: Refresher
) -> None:
    book_a_corrected_line(home, refresh)
    assert home.command("verify").returncode == 0


@at_night("the nightly profile has every decision")
def test_a_line_that_is_corrected_again_after_its_booking_is_booked_again(home: Home, refresh: Refresher) -> None:
    before, signed = book_a_corrected_line(home, refresh)
    home.write("raw/transactions.csv", TRANSACTIONS.replace("1000.00", "1002.00").replace("(100.00)", "(80.00)"))
    refreshed = refresh(home)
    assert refreshed.needs_attention
    assert "Actual 1.50; only its lines of 2024-01 wait" in refreshed.held()["transactions.csv"]
    assert sales(home) == {**before, "2024-02": "1100.50", "2024-03": "-80.00"}
    booked = home.command("accept", "transactions.csv", "--in-next-open-period", "--why", "small again")
    assert booked.returncode == 0, booked.stderr
    refreshed = refresh(home)
    actual(refreshed)
    assert (sales(home), january(home)) == ({**before, "2024-02": "1102.00", "2024-03": "-80.00"}, signed)
    assert home.command("verify").returncode == 0


@at_night("the nightly profile has every decision")
def test_lines_of_a_plan_are_not_booked_in_another_period(home: Home, refresh: Refresher) -> None:
    home.write("raw/budget.csv", BUDGET.replace("2024-01,D100,4000,900.00", "2024-01,D100,4000,950.00"))
    refresh(home)
    refused = home.command("accept", "budget.csv", "--in-next-open-period", "--why", "small")
    assert (refused.returncode, "only lines of Actual can be booked later" in refused.stderr) == (2, True)
