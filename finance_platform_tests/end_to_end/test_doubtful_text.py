"""Homes whose files have text that could be read in more than one way: currencies, look-alike codes, encodings.

Belongs here: what reaches the warehouse and the status. Does not belong here: every form of a cell (see the unit tests
of `feeds`).
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from finance_platform_tests.end_to_end.home import Home, copy_home
from finance_platform_tests.end_to_end.in_process_refresh import Refreshed, Refresher
from finance_platform_tests.profiles import at_night
from finance_platform_tests.workbooks import xlsx

TOLERANT = """\
feed: {name}
kind: ledger
path: {name}*.csv
columns:
  transaction_id: transaction_id
  date: {{from: transaction_date, formats: [yyyy-MM-dd]}}
  department: department_code
  account: account_number
  amount: amount
constants: {{scenario: Actual}}
load: {{mode: upsert, key: [transaction_id]}}
tolerance: {{rejected_rows: 1.0}}
"""
SPACED = """\
feed: spaced
kind: ledger
path: spaced/*.csv
constants: {scenario: Actual}
columns: {date: Date, department: Dept, account: Acct, amount: {from: Amount, thousands: ","}}
"""
IN_CP1252 = """\
feed: {name}
kind: ledger
path: {name}*.csv
dialect: {{encoding: cp1252}}
constants: {{scenario: Actual}}
columns: {{date: Date, department: Dept, account: Account, amount: Amount}}
"""
PAIR = """\
feed: pair
kind: ledger
path: pair/*.csv
constants: {scenario: Actual}
columns:
  date: Date
  department: Dept
  account: Acct
  account_type: Type
  amount: {from: {debit: Dr, credit: Cr}, map: {"n/a": "0"}, default: "0"}
"""
PLAN = (
    "feed: plan\nkind: ledger\npath: plan*.xlsx\nconstants: {scenario: Budget}\n"
    "columns: {date: Date, department: Dept, account: {from: Account}, amount: Amount}\n"
)
HEADER = "transaction_id,transaction_date,department_code,account_number,amount"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


@pytest.fixture(scope="module")
def doubtful(tmp_path_factory: pytest.TempPathFactory, refresh: Refresher) -> tuple[Home, Refreshed]:
    """A home with a file or two for each of the tests below, which have departments of their own; refreshed once."""
    home = Home(tmp_path_factory.mktemp("doubtful"))
    accounts = ("0460,Travel", "8100,Rent", "0010,Travel by train")
    described = "".join(f"{account},Expense\n" for account in accounts)
    home.write("raw/accounts.csv", f"account_number,account_name,account_type\n{described}")
    home.write("feeds/plan.yaml", PLAN)
    cells = [["2025-03-01", "W1", account, 5] for account in (10, 4000, 4100)]
    home.write("raw/plan.xlsx", xlsx({"Plan": [["Date", "Dept", "Account", "Amount"], *cells]}))
    home.write("feeds/money.yaml", TOLERANT.format(name="money"))
    lines = ["C1,2025-01-05,C1,6100,$100.00"]
    lines += [f"C{i},2025-01-05,C1,6100,{text}" for i, text in enumerate(("€100.00", "£100.00", "¥100"), start=2)]
    home.write("raw/money.csv", "\n".join([HEADER, *lines]))
    lines = ["S1,2025-02-05,S1,6101,1.00", "S2,2025-02-05,S1,610¹,2.00", "S3,2025-02-05,S¹,6101,4.00"]
    home.write("raw/transactions_signs.csv", "\n".join([HEADER, *lines]))
    lines = [
        "Z1,2025-03-05,Z1,0460,1.00",
        "Z2,2025-03-05,Z1,0460\u200b,2.00",
        'Z3,2025-03-05,Z1,"=""0460""",4.00',
        "Z4,2025-03-05,Z1,04\u00ad60,8.00",
    ]
    home.write("raw/transactions_alike.csv", "\n".join([HEADER, *lines]))
    home.write("feeds/spaced.yaml", SPACED)
    rows = ["2025-02-05, Q1, 6100, 10.00", '2025-02-06, "Q1", "6100", "1,011.00"', '2025-02-07, "Q1", 6100, 12.00']
    home.write("raw/spaced/a.csv", "\n".join(["Date, Dept, Acct, Amount", *rows]))
    home.write("feeds/nul.yaml", TOLERANT.format(name="nul"))
    home.write("raw/nul_no.csv", f"{HEADER}\nK1,2025-03-05,0450,6100,5.00\n")
    home.write("raw/nul.csv", f"{HEADER}\nN1,2025-02-05,0450\0,6100,2.00\nN2,2025-02-06,0450,6100,4.00\n")
    home.write("feeds/gl.yaml", IN_CP1252.format(name="gl"))
    home.write("raw/gl.csv", "Date,Dept,Account,Amount\n2024-01-01,Café,X,1.00\n")
    home.write("raw/gl_2.csv", "Date,Dept,Account,Amount\n2024-01-01,Café,X,2.00\n".encode("cp1252"))
    home.write("feeds/marked.yaml", IN_CP1252.format(name="marked"))
    home.write("raw/marked.csv", "\ufeffDate,Dept,Account,Amount\n2025-03-08,Zürich,X,10.00\n")
    home.write("feeds/pair.yaml", PAIR)
    rows = [f"2025-03-08,P1,8100,{pair},Expense" for pair in ("10.00,", "n/a,4.00", ",", "0,0", "-3.00,")]
    home.write("raw/pair/a.csv", "\n".join(["Date,Dept,Acct,Dr,Cr,Type", *rows]))
    return home, refresh(home)


def by_account(home: Home, *departments: str) -> list[tuple[Any, ...]]:
    """Return account, department and amount, of these departments or of all."""
    rows = home.select(
        "SELECT a.AccountNumber, d.DepartmentCode, SUM(f.Amount) FROM FactFinancials f "
        "JOIN DimAccount a ON a.AccountKey = f.AccountKey JOIN DimDepartment d ON d.DepartmentKey = f.DepartmentKey "
        "GROUP BY 1, 2 ORDER BY 1, 2"
    )
    return [row for row in rows if row[1] in departments or not departments]


def row_of(refreshed: Refreshed, file: str) -> dict[str, Any]:
    (row,) = [row for row in refreshed.status.deliveries if row["file"] == file]
    return row


def test_amounts_in_a_foreign_currency_are_rejected_and_the_others_are_published(
    doubtful: tuple[Home, Refreshed],
) -> None:
    home, refreshed = doubtful
    row = row_of(refreshed, "money.csv")
    assert by_account(home, "C1") == [("6100", "C1", Decimal("100.00"))]
    assert (row["rejected"], row["rules"]) == (3, {"foreign_currency": 3})


def test_codes_with_compatibility_characters_are_members_of_their_own(doubtful: tuple[Home, Refreshed]) -> None:
    expected = [("6101", "S1", Decimal(1)), ("6101", "S¹", Decimal(4)), ("610¹", "S1", Decimal(2))]
    assert by_account(doubtful[0], "S1", "S¹") == expected


def test_codes_that_look_alike_are_one_account_and_the_removed_characters_are_reported(
    doubtful: tuple[Home, Refreshed],
) -> None:
    home, refreshed = doubtful
    assert by_account(home, "Z1") == [("0460", "Z1", Decimal(15))]
    assert row_of(refreshed, "transactions_alike.csv")["warnings"] == [
        "account: Excel's guard for text was removed, first on line 4 ('0460')",
        "account: invisible characters were removed, first on line 3 ('0460'); 2 cells in all",
    ]


def test_an_account_that_a_workbook_made_a_number_is_named_beside_the_described_one_until_it_is_filled(
    doubtful: tuple[Home, Refreshed], refresh: Refresher, tmp_path: Path
) -> None:
    home = copy_home(doubtful[0].path, tmp_path / "home")
    (warning,) = [row for row in doubtful[1].status.warnings if row["kind"] == "code"]
    assert [account for account, *_ in by_account(home, "W1")] == ["10", "4000", "4100"]
    assert (warning["file"], "'10' beside '0010'" in warning["warning"]) == ("plan.xlsx", True)
    assert "set columns.account.pad: 4 in the descriptor of feed plan" in warning["fix"]
    home.write("feeds/plan.yaml", PLAN.replace("{from: Account}", "{from: Account, pad: 4}"))
    assert [row for row in refresh(home).status.warnings if row["kind"] == "code"] == []
    assert [account for account, *_ in by_account(home, "W1")] == ["0010", "4000", "4100"]


def test_quotes_after_spaces_enclose_cells(doubtful: tuple[Home, Refreshed]) -> None:
    home, refreshed = doubtful
    accepted = row_of(refreshed, "spaced/a.csv")["accepted"]
    assert (accepted, by_account(home, "Q1")) == (3, [("6100", "Q1", Decimal("1033.00"))])


def test_a_row_with_a_nul_character_is_rejected_and_everything_else_is_published(
    doubtful: tuple[Home, Refreshed],
) -> None:
    home, refreshed = doubtful
    assert by_account(home, "0450") == [("6100", "0450", Decimal(9))]
    (rejected,) = home.rows(home.commits()["nul.csv"], "rejected_rows")
    assert (rejected["source_row"], rejected["rules"]) == (2, "nul_character")
    assert "export the file again without it" in rejected["reasons"]
    assert row_of(refreshed, "nul.csv")["accepted"] == 1


def test_utf_8_that_is_declared_as_cp1252_is_held_with_the_encoding_to_declare(
    doubtful: tuple[Home, Refreshed],
) -> None:
    home, refreshed = doubtful
    row = row_of(refreshed, "gl.csv")
    assert (row["state"], by_account(home, "Café")) == ("held", [("X", "Café", Decimal(2))])
    assert list(refreshed.held()) == ["gl.csv"]
    assert row["reason"] == ("line 2: the text is valid UTF-8, 'é', but is declared as cp1252, which makes it 'Ã©'")
    assert row["fix"].startswith("set dialect.encoding: utf-8 in the descriptor; or ")


def test_a_byte_order_mark_wins_over_the_declared_encoding_and_is_reported(doubtful: tuple[Home, Refreshed]) -> None:
    home, refreshed = doubtful
    assert by_account(home, "Zürich") == [("X", "Zürich", Decimal(10))]
    assert row_of(refreshed, "marked.csv")["warnings"] == [
        "the file's byte order mark says utf-8, so it was read as utf-8 and not as cp1252"
    ]


def test_map_and_default_apply_to_debit_and_credit(doubtful: tuple[Home, Refreshed]) -> None:
    home, refreshed = doubtful
    accepted = row_of(refreshed, "pair/a.csv")["accepted"]
    assert (accepted, by_account(home, "P1")) == (5, [("8100", "P1", Decimal(3))])


@at_night("`unit/deliveries/test_discovery` proves it by day")
def test_a_withdrawn_copy_that_is_deleted_has_not_vanished(home: Home, refresh: Refresher) -> None:
    for name in ("transactions.csv", "transactions_copy.csv"):
        home.write(f"raw/{name}", f"{HEADER}\nK1,2025-03-05,0460,6100,5.00\n")
        refreshed = refresh(home)
    assert list(refreshed.held()) == ["transactions_copy.csv"]
    assert home.command("withdraw", "transactions_copy.csv", "--why", "a copy").returncode == 0
    (home.path / "raw" / "transactions_copy.csv").unlink()
    assert refresh(home).status.vanished == []
    (home.path / "raw" / "transactions.csv").unlink()
    assert refresh(home).status.vanished == ["transactions.csv"]
