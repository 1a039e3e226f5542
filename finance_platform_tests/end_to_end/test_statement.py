"""The statement of a home: small homes whose every figure is known.

Belongs here: the reconciliation from files to its lines. Does not belong here: its terms by properties (see
`unit.test_reconciliation`), every order of events (see `model_based`).
"""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from pathlib import Path

import pytest

from finance_platform.cli.reconciliation_output import print_sentences
from finance_platform.deliveries.commits import Count
from finance_platform.reports.rejected_rows import RejectedRows
from finance_platform.reports.statement import Line, Reconciliation, sides
from finance_platform_tests.end_to_end.home import Home
from finance_platform_tests.end_to_end.in_process_refresh import Refreshed, Refresher
from finance_platform_tests.end_to_end.small_home import TRANSACTIONS
from finance_platform_tests.unit.printed_text import lines

pytestmark = pytest.mark.end_to_end

LEDGER = """\
feed: gl
kind: ledger
path: gl*.csv
columns: {date: Date, department: Dept, account: Account, amount: Amount}
constants: {scenario: Actual}
"""
EXACT, SIGNS, LARGE_CELL = "Budget exact", "Budget signs", "Budget cell"
CONFLICT, BLOCKED = "Budget conflict", "Budget blocked"
MIX, OTHER_MIX, HEAD_COUNTS = "Budget mix", "Forecast mix", "Budget heads"
"""The scenarios of the feeds of one home, whose lines of the statement are then their own."""
LARGE = "9999999999999999.99"
JOURNAL = """\
feed: journal
kind: ledger
path: journal-*.csv
columns: {date: Date, department: Dept, account: Account, currency: Currency, amount: {from: {debit: Dr, credit: Cr}}}
constants: {scenario: Actual}
tolerance: {rejected_rows: 1.0}
"""
JOURNAL_HEADER = "Date,Voucher,Dept,Account,Currency,Dr,Cr\n"
ACCOUNTS = "account_number,account_name,account_type\n5000,Materials,Expense\n2000,Payables,Liability\n"

MIXED = (
    JOURNAL.replace("journal-*", "mixed*")
    .replace("journal", "mixed")
    .replace("constants: {scenario: Actual}\n", "")
    .replace("{date", "{scenario: Scenario, date")
)
UPSERTED = LEDGER.replace("columns: {", "columns: {transaction_id: Id, ") + (
    "load: {mode: upsert, key: [transaction_id]}\ntolerance: {rejected_rows: 1.0}\nhold_if_removes: never\n"
)
HEADS = "account_number,account_name,account_type\nM,Rent,Expense\nH,Heads,{}\n"
CONFLICTING = f"""\
feed: conflict
kind: ledger
path: conflict.csv
columns: {{date: Date, department: Dept, account: Account, account_type: Type, amount: Amount}}
constants: {{scenario: {CONFLICT}}}
"""


def line_of(statement: Reconciliation, scenario: str = "Actual", unit: str = "USD") -> Line:
    (line,) = [one for one in statement.by_scenario if (one.scenario, one.unit) == (scenario, unit)]
    return line


def figures(line: Line, term: str) -> tuple[int, str, str]:
    count = line.term(term)
    return count.rows, str(count.amount), str(count.absolute)


def feed(name: str, scenario: str) -> str:
    """Return a descriptor like `LEDGER`."""
    return LEDGER.replace("gl", name).replace("Actual", scenario)


@pytest.fixture(scope="module")
def of_feeds(tmp_path_factory: pytest.TempPathFactory, refresh: Refresher) -> tuple[Home, Refreshed]:
    """A home with a feed for each of the tests that have a scenario of their own; refreshed once."""
    home = Home(tmp_path_factory.mktemp("feeds"))
    header = "Date,Dept,Account,Amount\n"
    home.write("feeds/exact.yaml", feed("exact", EXACT))
    rows = "".join(f"2024-01-01,A,{account},{amount}\n" for account, amount in zip("XYZ", ["0.335"] * 3, strict=True))
    home.write("raw/exact.csv", header + rows)
    keyed = feed("signs", SIGNS).replace("columns: {", "columns: {transaction_id: Id, ")
    home.write(
        "feeds/signs.yaml", f"{keyed}load: {{mode: upsert, key: [transaction_id]}}\ntolerance: {{rejected_rows: 1.0}}\n"
    )
    rows = "1,2024-01-01,A,X,0.335\n2,2024-01-01,A,X,-0.334\n2,2024-01-01,A,X,-0.334\n3,never,A,X,7.001\n"
    home.write("raw/signs.csv", "Id," + header + rows)
    home.write("feeds/cell.yaml", feed("cell", LARGE_CELL))
    home.write("raw/cell_large.csv", f"{header}2024-01-01,A,X,{LARGE}\n2024-01-02,A,X,1.00\n")
    home.write("raw/cell_good.csv", f"{header}2024-01-01,A,Y,5.00\n")
    home.write("feeds/journal.yaml", JOURNAL)
    home.write("raw/accounts.csv", ACCOUNTS)
    vouchers = (
        "2025-01-10,V1,D1,5000,USD,100.00,\n2025-01-10,V1,D1,2000,USD,,100.00\n"
        "2025-01-11,V2,D1,5000,EUR,2500000.00,\n2025-01-11,V2,D1,2000,eur,,2500000.00\n"
        "2025-01-12,V3,D1,5000,Swiss money,9.00,\n"
    )
    home.write("raw/journal-02.csv", JOURNAL_HEADER + vouchers)
    home.write("feeds/mixed.yaml", MIXED)
    rows = (
        f"{MIX},2025-01-10,V1,D1,5000,USD,100.0050,\n{MIX},never,V1,D1,2000,USD,,100.00\n"
        f"{OTHER_MIX},never,V2,D1,5000,USD,7,\nGuess,2025-01-10,V3,D1,5000,USD,3.00,\n"
        f"{MIX},2025-01-11,V2,D1,5000,EUR,25.00,\n{MIX},2025-01-11,V2,D1,5000,USD,x,\n"
    )
    home.write("raw/mixed.csv", "Scenario," + JOURNAL_HEADER + rows)
    home.write("feeds/heads.yaml", UPSERTED.replace("gl", "heads").replace("Actual", HEAD_COUNTS))
    home.write("raw/accounts_heads.csv", HEADS.format("Statistical"))
    home.write(
        "raw/heads_1.csv",
        f"Id,{header}1,2024-01-01,A,M,100.00\n2,2024-01-01,A,H,12.345\n"
        "3,2024-01-01,A,H,3\n3,2024-01-01,A,H,3\n4,never,A,H,7.001\n5,2024-02-01,A,M,1.00\n",
    )
    home.write("raw/heads_2.csv", f"Id,{header}3,2024-01-01,A,H,4\n")
    return home, refresh(home)


def test_delivered_is_exact_and_rounding_is_a_term(of_feeds: tuple[Home, Refreshed]):
    line = line_of(of_feeds[1].status.reconciliation, EXACT)
    assert figures(line, "delivered") == (3, "1.005", "1.005")
    assert figures(line, "in_warehouse") == (3, "1.02", "1.02")
    assert figures(line, "rounding") == (0, "-0.015", "-0.015")
    assert line.difference.is_zero


def test_rounding_of_both_signs_of_rejected_and_of_repeated_rows_is_the_lines_own(of_feeds: tuple[Home, Refreshed]):
    line = line_of(of_feeds[1].status.reconciliation, SIGNS)
    assert figures(line, "delivered") == (4, "6.668", "8.004")
    assert figures(line, "in_warehouse") == (2, "0.01", "0.67")
    assert figures(line, "rejected") == (1, "7.00", "7.00")
    assert figures(line, "duplicate") == (1, "-0.33", "0.33")
    assert figures(line, "rounding") == (0, "-0.012", "0.004")
    assert line.difference.is_zero


def test_a_foreign_voucher_is_shown_in_its_currency_and_added_to_nothing(of_feeds: tuple[Home, Refreshed]):
    home, status = of_feeds[0], of_feeds[1].status
    euro = line_of(status.reconciliation, unit="EUR")
    assert figures(euro, "rejected") == figures(euro, "delivered") == (2, "0.00", "5000000.00")
    assert sides(euro.term("rejected")) == (Decimal(2500000), Decimal(2500000))
    assert line_of(status.reconciliation).term("delivered") == Count(2, Decimal("0.00"), Decimal("200.00"))
    # A text that is no currency has no total: its rows are counted, its money is in the rejected row as delivered.
    assert line_of(status.reconciliation, unit="other").term("rejected") == Count(1, unpriced=1)
    assert not status.reconciliation.unexplained
    (journal,) = [row for row in status.deliveries if row["file"] == "journal-02.csv"]
    assert (journal["rejected_amount"], journal["rejected_foreign"]["EUR"]) == ("0.00", "5000000.00")
    printed = home.command("rejected", "--file", "journal-02.csv", "--format", "csv").stdout
    assert printed.count(",EUR\n") == 2


@pytest.fixture(scope="module")
def changed(
    tmp_path_factory: pytest.TempPathFactory, refresh: Refresher
) -> tuple[Home, Reconciliation, Reconciliation]:
    """A home with a feed for each of the tests of a later delivery; the statements before and after all of these."""
    home = Home(tmp_path_factory.mktemp("changed"))
    home.write("feeds/journal.yaml", JOURNAL.replace("Actual", BLOCKED))
    home.write("raw/accounts.csv", ACCOUNTS)
    first = "2025-01-10,V1,D1,5000,USD,1000.00,\n2025-01-10,V1,D1,2000,USD,,1000.00\n"
    home.write("raw/journal-01.csv", JOURNAL_HEADER + first)
    home.write("feeds/gl.yaml", UPSERTED)
    home.write("raw/accounts_heads.csv", HEADS.format("Statistical"))
    home.write("raw/gl_1.csv", "Id,Date,Dept,Account,Amount\n1,2024-01-01,A,H,12\n")
    home.write("feeds/conflict.yaml", CONFLICTING)
    home.write(
        "raw/conflict.csv",
        "Date,Dept,Account,Type,Amount\n2024-01-01,A,205,Expense,10.00\n2024-01-02,A,205,Revenue,90.00\n",
    )
    before = refresh(home).status.reconciliation
    untyped = "2025-01-20,V9,D1,5998,USD,10.00,\n2025-01-20,V9,D1,2000,USD,,10.00\n"
    home.write("raw/journal-03.csv", JOURNAL_HEADER + untyped)
    home.write("raw/accounts_heads.csv", HEADS.format("Expense"))
    home.write("raw/accounts_205.csv", "account_number,account_name,account_type\n205,Stationery,Expense\n")
    return home, before, refresh(home).status.reconciliation


def test_a_blocked_load_leaves_the_statement_of_a_debit_credit_feed_true(
    changed: tuple[Home, Reconciliation, Reconciliation],
):
    statement = changed[2]
    line = line_of(statement, BLOCKED)
    assert figures(line, "delivered") == (4, "0.00", "2020.00")
    assert figures(line, "in_warehouse") == (2, "0.00", "2000.00")
    waiting = line.term("not_loaded_yet") + line.term("held")
    assert waiting == Count(2, Decimal(0), Decimal(20))
    assert line.has_sides
    for one in (*statement.lines, *statement.by_feed, line):
        assert one.difference.is_zero


def test_a_file_that_is_sent_again_with_a_blank_line_changes_no_term_but_skipped(run_home: Home, refresh: Refresher):
    home = run_home
    rejected = TRANSACTIONS + "T99,not a day,D100,4000,410.00,\n"
    descriptor = next((home.path / "feeds").glob("transactions*.yaml"), None)
    if descriptor:
        home.write(f"feeds/{descriptor.name}", descriptor.read_text() + "tolerance: {rejected_rows: 1.0}\n")
    home.write("raw/transactions.csv", rejected)
    first = refresh(home).status.reconciliation
    assert first.rows("rejected") == 1
    home.write("raw/transactions.csv", rejected + "\n")
    second = refresh(home).status.reconciliation
    assert second.rows("skipped") - first.rows("skipped") in {0, 1}
    for term in ("in_warehouse", "rejected", "duplicate", "superseded", "held", "withdrawn", "not_loaded_yet"):
        for before, after in zip(first.by_scenario, second.by_scenario, strict=True):
            assert before.term(term) == after.term(term), term


def test_rejected_rows_add_up_to_their_term_by_scenario_and_currency(of_feeds: tuple[Home, Refreshed]):
    home, statement = of_feeds[0], of_feeds[1].status.reconciliation
    assert not statement.unexplained
    totals: dict[tuple[str, str], Count] = defaultdict(Count)
    for row in RejectedRows(home.processed, home.state).rows():
        amount = row["amount"]
        count = Count(1, unpriced=1) if amount is None else Count(1, amount, abs(amount))
        totals[row["scenario"] or "(no scenario)", row["currency"] or "USD"] += count
    rejected = {
        (line.scenario, line.unit): line.term("rejected") for line in statement.by_scenario if "rejected" in line.terms
    }
    of_rows = {MIX, OTHER_MIX, "(no scenario)"}
    assert {name: total for name, total in totals.items() if name[0] in of_rows} == {
        name: total for name, total in rejected.items() if name[0] in of_rows
    }
    named = {(MIX, "USD"), (MIX, "EUR"), (OTHER_MIX, "USD"), ("(no scenario)", "USD")}
    assert {name for name in totals if name[0] in of_rows} == named


def test_lines_on_statistical_accounts_are_apart_from_money_in_every_term(of_feeds: tuple[Home, Refreshed]):
    statement = of_feeds[1].status.reconciliation
    heads, money = line_of(statement, HEAD_COUNTS, "statistical"), line_of(statement, HEAD_COUNTS)
    assert figures(heads, "delivered") == (5, "29.346", "29.346")
    assert figures(heads, "in_warehouse") == (2, "16.35", "16.35")
    assert figures(heads, "superseded") == (1, "3.00", "3.00")
    assert figures(heads, "duplicate") == (1, "3.00", "3.00")
    assert figures(heads, "rejected") == (1, "7.00", "7.00")
    assert figures(heads, "rounding") == (0, "-0.004", "-0.004")
    of_money = Count(2, Decimal(101), Decimal(101))
    assert money.terms == {"delivered": of_money, "in_warehouse": of_money}
    assert all(one.difference.is_zero for one in (*statement.lines, *statement.by_feed, heads, money))
    printed = "\n".join(lines(print_sentences, statement))
    assert f"{HEAD_COUNTS} statistical net: delivered 29.346 = in the warehouse 16.35" in printed


def test_an_account_that_becomes_money_moves_to_the_line_of_money_at_once(
    changed: tuple[Home, Reconciliation, Reconciliation],
):
    _, before, after = changed
    assert [line.unit for line in before.by_scenario if line.scenario == "Actual"] == ["statistical"]
    assert figures(line_of(after), "in_warehouse") == (1, "12.00", "12.00")
    assert [line.unit for line in after.by_scenario if line.scenario == "Actual"] == ["USD"]


def test_superseded_lines_of_an_account_that_becomes_statistical_move_with_it(tmp_path: Path, refresh: Refresher):
    home, header = Home(tmp_path), "Id,Date,Dept,Account,Amount\n"
    home.write("feeds/gl.yaml", UPSERTED)
    home.write("raw/accounts_heads.csv", HEADS.format("Asset"))
    home.write("raw/gl_1.csv", f"{header}1,2024-01-01,A,H,5\n2,2024-01-01,A,M,7\n")
    home.write("raw/gl_2.csv", f"{header}1,2024-02-01,A,H,6\n")
    refresh(home)
    for its_type, unit in (("Statistical", "statistical"), ("Asset", "USD"), ("Statistical", "statistical")):
        home.write("raw/accounts_heads.csv", HEADS.format(its_type))
        statement = refresh(home).status.reconciliation
        assert figures(line_of(statement, unit=unit), "superseded") == (1, "5.00", "5.00")
        in_warehouse = {line.unit: str(line.term("in_warehouse").amount) for line in statement.by_scenario}
        assert in_warehouse == ({"USD": "7.00", "statistical": "6.00"} if unit == "statistical" else {"USD": "13.00"})


def test_a_file_with_two_types_of_an_account_is_held_until_an_accounts_file_decides(
    changed: tuple[Home, Reconciliation, Reconciliation],
):
    home, before, after = changed
    assert figures(line_of(before, CONFLICT), "held") == (2, "100.00", "100.00")
    assert figures(line_of(after, CONFLICT), "in_warehouse") == (2, "100.00", "100.00")
    profit = (
        "SELECT SUM(f.Amount * a.ProfitSign) FROM FactFinancials f JOIN DimAccount a ON a.AccountKey = f.AccountKey"
        " WHERE a.AccountNumber = '205'"
    )
    assert home.select(profit) == [(Decimal("-100.00"),)]


def test_a_file_with_a_cell_that_is_too_large_is_held_and_the_others_load(of_feeds: tuple[Home, Refreshed]):
    _, refreshed = of_feeds
    assert refreshed.held().keys() == {"cell_large.csv"}
    assert "department A, account X: 10,000,000,000,000,000.99" in refreshed.held()["cell_large.csv"]
    assert figures(line_of(refreshed.status.reconciliation, LARGE_CELL), "in_warehouse") == (1, "5.00", "5.00")


def test_a_sum_over_a_year_may_be_larger_than_any_cell(tmp_path: Path, refresh: Refresher):
    home = Home(tmp_path)
    home.write("feeds/gl.yaml", LEDGER)
    rows = "".join(f"2024-{month:02}-01,A,X,{LARGE}\n" for month in range(1, 13))
    home.write("raw/gl.csv", f"Date,Dept,Account,Amount\n{rows}")
    refreshed = refresh(home)
    total = 12 * Decimal(LARGE)
    assert line_of(refreshed.status.reconciliation).term("in_warehouse") == Count(12, total, total)
    assert home.query("SELECT SUM(Amount) AS Total FROM FactFinancials") == [{"Total": str(total)}]
