"""What the law has found, one story each, so that it stays found.

Belongs here: short sequences of deliveries that once broke the law. Does not belong here: sequences at random (see
`test_law`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from finance_platform.deliveries import decisions, period_decisions
from finance_platform.deliveries.approvals import Author
from finance_platform.feeds import reader_versions
from finance_platform.warehouse.ledger import published_versions
from finance_platform_tests.model_based import model
from finance_platform_tests.model_based.home import FIRST_MOMENT, LawHome
from finance_platform_tests.model_based.sent import Delivery, Feed, SentRow, as_bytes

LEDGER = Feed("ledger", mode="upsert", key=("transaction_id",), scenario="Actual")
PLAN = Feed("plan", mode="replace_period", has_covers=True)
BUDGET = Feed("budgets", scenario="Budget")
DATED_ACCOUNTS = """\
feed: accounts
kind: accounts
path: accounts.csv
columns: {number: number, name: name, type: type, valid_from: since}
"""


def row(day: str, amount: str, key: str = "K1", scenario: str = "", department: str = "D1") -> SentRow:
    return SentRow(key, day, department, "4000", scenario, amount)


def refreshed(
    path: Path, spark: SparkSession, sent: Sequence[tuple[Feed, str, Sequence[SentRow]]], through: str | None = None
) -> tuple[model.Star, model.Star]:
    """Return what the warehouse holds after the last file came behind the others, and what it must hold."""
    home = LawHome(path, spark, actuals_through=through)
    deliveries = []
    for number, (feed, name, rows) in enumerate(sent):
        home.describe(feed.name, feed.descriptor())
        key, at = f"{feed.name}/{name}.csv", FIRST_MOMENT + timedelta(hours=number)
        home.put(key, as_bytes("ledger", tuple(rows)), at)
        deliveries.append(Delivery(key, feed, rows, at.isoformat()))
        if number >= len(sent) - 2:
            home.refresh()
    return home.star(), model.star(deliveries, "Budget", through)


def test_a_period_whose_actuals_another_delivery_replaces_by_none_has_no_actual_rows(
    spark: SparkSession, tmp_path: Path
):
    found, expected = refreshed(
        tmp_path,
        spark,
        [
            (
                PLAN,
                "2024-01_2024-02_a",
                [row("2024-01-05", "5", scenario="Actual"), row("2024-02-05", "5", scenario="Actual")],
            ),
            (PLAN, "2024-01_2024-02_b", [row("2024-02-05", "7", scenario="Actual")]),
            (BUDGET, "a", [row("2024-01-01", "50")]),
        ],
    )
    assert found == expected


@pytest.mark.parametrize(
    ("first", "later"),
    [
        pytest.param([("K1", "D1")], [["K1"]], id="by one"),
        pytest.param([("K1", "D1"), ("K2", "D1")], [["K1"], ["K2"]], id="by two together"),
        pytest.param([("K1", "D1"), ("K2", "D1"), ("K3", "D1")], [["K1", "K2"], ["K1", "K2"]], id="not by two alike"),
        pytest.param([("K1", "D1"), ("K2", "D1")], [["K1"], ["K1"]], id="nor by two alike that hide half"),
    ],
)
def test_actuals_begin_where_their_first_line_is_that_no_later_one_has_moved(
    first: list[tuple[str, str]], later: list[list[str]], spark: SparkSession, tmp_path: Path
):
    moved = [
        (LEDGER, f"later_{number}", [row("2024-02-05", "7", key) for key in keys]) for number, keys in enumerate(later)
    ]
    found, expected = refreshed(
        tmp_path,
        spark,
        [
            (LEDGER, "first", [row("2024-01-05", "5", key, department=department) for key, department in first]),
            (BUDGET, "a", [row("2024-01-01", "50")]),
            *moved,
        ],
        through="2024-03",
    )
    assert found == expected


def close_january(home: LawHome) -> None:
    versions = {name: version for (_, name), version in published_versions(home.warehouse).items()}
    author = Author("ana", "signed", home.tick())
    period_decisions.close(home.processed, "2024-01", author, target=versions, published=versions)


def with_another_release(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(reader_versions, "OF_ALL_FILES", reader_versions.OF_ALL_FILES + 1)


def test_a_file_that_is_withdrawn_before_a_release_reads_it_again_is_not_pending(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Its new reading was known when the earlier one was withdrawn; a close would wait for it for ever."""
    home = LawHome(tmp_path, spark)
    home.describe("ledger", LEDGER.descriptor())
    for name in ("a", "b"):
        home.put(f"ledger/{name}.csv", as_bytes("ledger", (row("2024-01-05", "5", name),)), FIRST_MOMENT)
    home.refresh()
    with_another_release(monkeypatch)
    home.register()
    decisions.withdraw(
        home.processed, "ledger/a.csv", Author("ana", "a test file", home.tick()), holds_closed_periods=False
    )
    home.refresh()
    status = home.status()
    assert {(one["file"], one["state"]) for one in status.deliveries} == {
        ("ledger/a.csv", "withdrawn"),
        ("ledger/b.csv", "live"),
    }
    assert not status.is_stale
    decisions.reinstate(
        home.processed, "ledger/a.csv", Author("ana", "it is right", home.tick()), holds_closed_periods=False
    )
    home.refresh()
    assert home.status().column("state") == ["live", "live"]


def test_a_closed_period_that_a_change_waits_for_is_reconciled_after_a_release_reads_its_files_again(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """A line of its second file supersedes one of the first; what waits is the other sign of its account."""
    home = LawHome(tmp_path, spark, closed_periods="hold")
    home.describe("accounts", DATED_ACCOUNTS)
    home.put("accounts.csv", b"number,name,type,since\n4000,Rent,Expense,2024-01-01\n", FIRST_MOMENT)
    home.describe("ledger", replace(LEDGER, sign="debit_positive").descriptor())
    for name, amount in (("a", "5"), ("b", "7")):
        lines = (row("2024-01-05", amount), row("2024-01-06", amount, key=f"of {name}"))
        home.put(f"ledger/{name}.csv", as_bytes("ledger", lines), FIRST_MOMENT)
        home.refresh()
    close_january(home)
    closed = home.star()
    home.put("accounts.csv", b"number,name,type,since\n4000,Rent,Revenue,2024-01-01\n", FIRST_MOMENT)
    with_another_release(monkeypatch)
    home.refresh()
    status = home.status()
    assert home.star().facts == closed.facts
    assert "fact_financials" in [change.table for change in status.details.waiting]
    assert not status.is_stale
    terms = ("in_warehouse", "superseded", "not_loaded_yet")
    assert [status.reconciliation.rows(term) for term in terms] == [3, 1, 0]


@pytest.mark.parametrize("scope", [(), ("department",)], ids=["the scenario", "the scope"])
def test_a_version_that_stays_in_a_closed_period_replaces_there_what_it_replaced_before(
    scope: tuple[str, ...], spark: SparkSession, tmp_path: Path
):
    """What its later version leaves to it has lines of one scenario and scope; the whole file had another one too."""
    home = LawHome(tmp_path, spark, closed_periods="hold")
    home.describe("plan", replace(PLAN, scope=scope).descriptor())
    other = row("2024-01-05", "9", scenario="Budget Q1", department="D2")
    own = row("2024-01-05", "5", scenario="Budget")
    december = replace(other, id="K2", date="2023-12-31")
    home.put("plan/2024-01_2024-02.csv", as_bytes("ledger", (other,)), FIRST_MOMENT)
    home.put("plan/2023-12_2024-01.csv", as_bytes("ledger", (own, december)), FIRST_MOMENT + timedelta(hours=1))
    home.refresh()
    close_january(home)
    closed = {cell: figures for cell, figures in home.star().facts.items() if cell.day.year == 2024}
    assert [(cell.scenario, figures.amount) for cell, figures in closed.items()] == [("budget", Decimal(5))]

    later = (replace(own, amount="6"), replace(own, id="K3", date="2023-12-31"))
    home.put("plan/2023-12_2024-01.csv", as_bytes("ledger", later), FIRST_MOMENT + timedelta(hours=2))
    home.refresh()

    assert [delivery.late_periods for delivery in home.state().inactive] == [("2024-01",)]
    assert {cell: figures for cell, figures in home.star().facts.items() if cell.day.year == 2024} == closed


def two_months(amount: str) -> tuple[SentRow, ...]:
    return row("2024-01-05", amount), row("2024-02-05", amount, key="K2")


def sent_and_decided(home: LawHome, amount: str, *, is_accepted: bool = True) -> dict[str, Decimal]:
    """Send the file again, let a person accept what waits of it, and return the published money by period."""
    home.put("ledger/a.csv", as_bytes("ledger", two_months(amount)), home.tick())
    home.refresh()
    if is_accepted:
        decisions.accept(home.processed, "ledger/a.csv", Author("ana", "audited", home.tick()))
        home.refresh()
    return {f"{cell.day:%Y-%m}": figures.amount for cell, figures in home.star().facts.items()}


def test_a_content_that_comes_back_after_another_one_was_accepted_changes_no_closed_period(
    spark: SparkSession, tmp_path: Path
):
    home = LawHome(tmp_path, spark, closed_periods="hold")
    home.describe("ledger", replace(LEDGER, mode="append", key=()).descriptor())
    sent_and_decided(home, "5", is_accepted=False)
    close_january(home)
    for amount in ("6", "7"):
        assert sent_and_decided(home, amount) == {"2024-01": Decimal(amount), "2024-02": Decimal(amount)}
    assert sent_and_decided(home, "6", is_accepted=False) == {"2024-01": Decimal(7), "2024-02": Decimal(6)}
    assert [delivery.late_periods for delivery in home.state().inactive] == [("2024-01",)]


def test_a_file_that_a_release_has_read_again_keeps_what_was_accepted_since_when_it_is_copied(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    home = LawHome(tmp_path, spark, closed_periods="hold")
    home.describe("ledger", LEDGER.descriptor())
    sent_and_decided(home, "5", is_accepted=False)
    close_january(home)
    sent_and_decided(home, "6", is_accepted=False)
    with_another_release(monkeypatch)
    assert sent_and_decided(home, "6") == {"2024-01": Decimal(6), "2024-02": Decimal(6)}
    assert sent_and_decided(home, "6", is_accepted=False) == {"2024-01": Decimal(6), "2024-02": Decimal(6)}
    assert list(home.state().inactive) == []
