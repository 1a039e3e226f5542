"""`feed draft` for composed accounts of few rows, lists of balances with sums, and statements by department."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
import xlsxwriter
import yaml

from finance_platform.refresh.file_check.feed_check import FileCheck
from finance_platform_tests.unit.checked_files import check_text
from finance_platform_tests.unit.feeds.drafts import checked, columns_of, draft
from finance_platform_tests.unit.feeds.test_feed_draft_shapes import sums


def decided(folder: Path, text: str, name: str, *answers: tuple[str, str]) -> FileCheck:
    """Return the check of a file by its draft, in which a person has replaced one text after another."""
    written = draft(text, name)
    for asked, answer in answers:
        assert asked in written
        written = written.replace(asked, answer, 1)
    return check_text(folder, text, written, name)


def words_of(text: str) -> str:
    return " ".join(line.strip(" #") for line in text.splitlines())


D365 = """\
Date,Voucher,Ledger account,Account name,Amount
3/15/2025,V1,606300-002-022,Supplies,150.00
3/15/2025,V1,200100--,Accounts payable,-150.00
3/16/2025,V2,606300-003-022,Supplies,80.00
3/16/2025,V2,200100--,Accounts payable,-80.00
"""


def test_an_account_without_dimensions_beside_one_with_them_is_composed(tmp_path: Path):
    columns = columns_of(D365)
    assert columns["account"] == {"from": "Ledger account", "part": {"split": "-", "number": 1, "of": 3}}
    check = decided(tmp_path, D365, "x.csv", ("number: DECIDE", "number: 2"), ("default: DECIDE", "default: NONE"))
    assert check.is_fine
    assert [str(count.amount) for count in check.sums.values()] == ["0.00"]


@pytest.mark.parametrize(
    ("header", "accounts", "parts"),
    [
        ("Account", ["01-120-6110-0000"], 4),
        ("Account Combination", ["120-6110", "000-2100"], 2),
        ("Kontierung", ["120.6110"], 2),
    ],
)
def test_few_rows_are_enough_for_an_account_that_says_that_it_is_composed(header: str, accounts: list[str], parts: int):
    text = f"Date,{header},Amount\n" + "".join(f"2025-03-31,{account},5.00\n" for account in accounts)
    assert columns_of(text)["account"]["part"]["of"] == parts


@pytest.mark.parametrize("accounts", [["3.1.01.001", "3.1.01.002"], ["6063-", "6064"], ["770.01.001"], ["6-6110"]])
def test_an_account_whose_parts_prove_nothing_is_one_account(accounts: list[str]):
    text = "Date,Account,Amount\n" + "".join(f"2025-03-31,{account},5.00\n" for account in accounts)
    assert columns_of(text)["account"] == "Account"


BALANCES = """\
CoCd,Item,Text for B/S P&L Item,Account,Reporting period(03.2025-03.2025),Comparison period(03.2024-03.2024),{}
1000,3011,Sales,800000,"-9,000.00","-8,000.00","-1,000.00",
1000,3011,Licences,801000,"-1,000.00","-1,000.00",0.00,
1000,,,,"-10,000.00","-9,000.00","-1,000.00",*3*
1000,3021,Rent,400000,"1,500.00","1,000.00",500.00,
1000,3021,Power,400100,500.00,500.00,0.00,
1000,,,,"2,000.00","1,500.00",500.00,*3*
1000,,,,"-8,000.00","-7,500.00",-500.00,*2*
""".format("Absolute difference,Summation level")


def test_a_list_of_balances_of_sap_gives_its_reporting_period_and_its_sums_tie(tmp_path: Path):
    check = decided(
        tmp_path,
        BALANCES,
        "balances_2025-03.csv",
        ("department: DECIDE", "department: ALL"),
    )
    assert check.is_fine, check.holds
    assert {period: str(count.amount) for (_, period), count in check.sums.items()} == {"2025-03": "-8000.00"}
    rules = yaml.safe_load(draft(BALANCES, "balances_2025-03.csv"))["control_total"]
    assert [(rule["kind"], rule["row"]["matches"]) for rule in rules] == [
        ("subtotal", r"^\*3\*( |$)"),
        ("grand", r"^\*2\*( |$)"),
    ]


@pytest.mark.parametrize(
    ("title", "is_of_several"),
    [
        ("Berichtszeitraum 2025.01-2025.03", True),
        ("01.01.2025 - 31.03.2025", True),
        ("From Jan 2025 to Mar 2025", True),
        ("Berichtszeitraum 2025.03-2025.03", False),
        ("01.03.2025 - 31.03.2025", False),
        ("As of 31 March 2025", False),
        ("Contract 2025.01-2025.0345", False),
    ],
)
def test_a_title_of_several_months_contradicts_the_month_in_the_name(title: str, is_of_several: bool):
    text = draft(f"{title};;;\n\nDept;Account;Amount;Text\n10;6110;5,00;x\n10;6120;6,00;y\n", "costs_2025-03.csv")
    assert yaml.safe_load(text)["columns"]["date"]["template"] == "{1}-{2}"
    assert ("names several: export a report for each month" in words_of(text)) == is_of_several


NETSUITE = """\
Income Statement by {}

Financial Row,Sales - Amount,Marketing - Amount,- No Department - - Amount,Total - Amount
Income,,,,
4000 - Sales,"$10,000.00",$0.00,$500.00,"$10,500.00"
Total - Income,"$10,000.00",$0.00,$500.00,"$10,500.00"
Expense,,,,
6100 - Rent,"$1,000.00",$400.00,$0.00,"$1,400.00"
6200 - Travel,$200.00,$300.00,$0.00,$500.00
Total - Expense,"$1,200.00",$700.00,$0.00,"$1,900.00"
"""


@pytest.mark.parametrize("word", ["Department", "Departments", "Class", "Location", "Cost Center"])
def test_a_statement_by_department_has_a_line_for_each_of_its_columns(word: str, tmp_path: Path):
    text = NETSUITE.format(word)
    written = yaml.safe_load(draft(text, "pl_2025-03.csv"))
    assert written["unpivot"]["into"] == "department"
    assert list(written["columns"]["department"]["map"].values()) == ["Sales", "Marketing", "No Department"]
    assert written["ignore_columns"] == ["Total - Amount"]
    assert sums(tmp_path, text, "pl_2025-03.csv") == {("Actual", "2025-03"): "12400.00"}


@pytest.mark.parametrize("word", ["Product", "Departmental Products", "Month"])
def test_columns_of_a_statement_by_something_else_are_no_departments(word: str):
    assert "unpivot" not in yaml.safe_load(draft(NETSUITE.format(word), "pl_2025-03.csv"))


QUARTERS = """\
Cost Centre,Account,{},,,{},,
,,{}
100,6110,10.50,20.00,30.00,1.00,2.00,3.00
200,6110,5.00,5.00,5.00,1.00,1.00,1.00
"""


@pytest.mark.parametrize(("first", "second"), [("Q1 2025", "Q2 2025"), ("2025 Q1", "2025-Q2"), ("Q1/2025", "q2'2025")])
def test_months_below_their_quarter_are_of_its_year(first: str, second: str, tmp_path: Path):
    text = QUARTERS.format(first, second, "Jan,Feb,Mar,Apr,May,Jun")
    amounts = ("15.50", "25.00", "35.00", "2.00", "3.00", "4.00")
    assert sums(tmp_path, text) == {("Actual", f"2025-{month:02}"): one for month, one in enumerate(amounts, start=1)}


def test_months_below_quarters_without_a_year_have_that_of_the_name(tmp_path: Path):
    text = "Dept,Account,Q1,,,Q2,Total\n,,Jan,Feb,Mar,Apr,\n10,6110,1.50,2.50,3.50,4.50,12.00\n"
    rows = text.replace("Q1,,,", "Q1,Q1,Q1,")
    assert sums(tmp_path, rows, "budget_2025.csv") == {
        ("Budget", "2025-01"): "1.50", ("Budget", "2025-02"): "2.50",
        ("Budget", "2025-03"): "3.50", ("Budget", "2025-04"): "4.50",
    }  # fmt: skip
    other = rows.replace("Jan,Feb,Mar,Apr", "Apr,May,Jun,Jul")
    assert "unpivot" not in yaml.safe_load(draft(other, "budget_2025.csv"))


def test_months_below_another_quarter_are_of_a_fiscal_year_that_a_person_knows():
    text = QUARTERS.format("Q1 2025", "Q2 2025", "Apr,May,Jun,Jul,Aug,Sep")
    assert "DECIDE" in draft(text)
    assert "2025-04" not in draft(text)


def test_months_below_merged_quarters_are_of_their_year(tmp_path: Path):
    buffer = io.BytesIO()
    book = xlsxwriter.Workbook(buffer)
    sheet = book.add_worksheet()
    for place, name in ((0, "Dept"), (1, "Account"), (5, "Total")):
        sheet.merge_range(0, place, 1, place, name)
    sheet.merge_range(0, 2, 0, 4, "Q1 2025")
    sheet.write_row(1, 2, ["Jan", "Feb", "Mar"])
    sheet.write_row(2, 0, ["100", "6110", 10.5, 20, 30, 60.5])
    sheet.write_row(3, 0, ["200", "6110", 5, 5, 5, 15])
    book.close()
    check = checked(tmp_path, buffer.getvalue(), "plan.xlsx")
    assert check.is_fine, check.holds
    assert [str(count.amount) for count in check.sums.values()] == ["15.50", "25.00", "35.00"]


@pytest.mark.parametrize(
    "header", ["Account,Sales,Admin,Total", "Account,Jan 2025,Jan 2025,Feb 2025", "Dept,First,Second,Third"]
)
def test_a_table_of_whole_numbers_is_no_list_of_accounts_or_departments(header: str):
    written = yaml.safe_load(draft(f"{header}\n6110,1,2,3\n6120,5,6,11\n", "x_2025_03.csv"))
    assert written["kind"] == "ledger"
    assert written.get("unpivot", {}).get("into") != "department"


@pytest.mark.parametrize("header", ["Account,Name,Type,Sort", "Account,Level,Sort Order,Description"])
def test_a_list_of_accounts_may_have_numbers(header: str):
    rows = "6110,Rent,Expense,1\n" if "Type" in header else "6110,1,1,Rent\n"
    assert yaml.safe_load(draft(f"{header}\n{rows}{rows.replace('6110', '6120')}", "chart.csv"))["kind"] == "accounts"


def test_days_of_a_system_come_before_a_fiscal_year_of_two_digits(tmp_path: Path):
    text = "G/L Date,Fiscal Year,Object Account,Dept,Amount\n03/31/2025,25,6110,10,5.00\n"
    assert columns_of(text)["date"]["from"] == "G/L Date"
    assert sums(tmp_path, text) == {("Actual", "2025-03"): "5.00"}


@pytest.mark.parametrize("first", ["100 Sales", "North"])
def test_departments_below_scenarios_are_not_left_out_because_one_of_each_is_named(first: str, tmp_path: Path):
    text = f"Account,Actual,,Budget,\n,{first},200 Admin,{first},200 Admin\n6110,1.50,2.50,3.00,4.00\n6120,5,6,7,8\n"
    measures = yaml.safe_load(draft(text, "x_2025_03.csv"))["measures"]
    assert measures[f"Actual {first}"] == {"department": first, "scenario": "Actual"}
    assert sums(tmp_path, text, "x_2025_03.csv") == {("Actual", "2025-03"): "15.00", ("Budget", "2025-03"): "22.00"}


def test_one_column_below_each_scenario_is_its_amount(tmp_path: Path):
    text = "Dept,Account,Actual,Budget\n,,Amount,Amount\n10,6110,1.50,3.00\n10,6120,5.00,7.00\n"
    assert sums(tmp_path, text, "x_2025_03.csv") == {("Actual", "2025-03"): "6.50", ("Budget", "2025-03"): "10.00"}
