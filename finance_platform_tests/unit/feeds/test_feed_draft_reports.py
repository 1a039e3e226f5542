"""`feed draft` for printed reports: pages, blocks, departments beside each other, two lines of header, balances.

Does not belong here: headers of common systems (see `test_feed_draft_systems`), labels among the lines below one header
(see `test_feed_draft_levels`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from finance_platform.errors import DescriptorError
from finance_platform.feeds.descriptor.parser import parse_descriptor
from finance_platform.feeds.draft.department_places import pattern_of_departments
from finance_platform.feeds.file_names import value_from_name
from finance_platform.refresh.file_check.feed_check import FileCheck
from finance_platform_tests.unit.checked_files import check_text, check_written
from finance_platform_tests.unit.feeds.drafts import draft
from finance_platform_tests.unit.feeds.test_feed_draft_levels import account_sums
from finance_platform_tests.workbooks import xlsx

Rows = list[list[Any]]


def check(folder: Path, data: str | bytes, name: str, first_month: int = 1, **decided: str) -> FileCheck:
    """Check a file under its draft, in which only these constants were left to a person."""
    text = draft(data, name, first_month)
    for field, value in decided.items():
        assert f"{field}: DECIDE" in text
        text = text.replace(f"{field}: DECIDE", f"{field}: '{value}'")
    return check_text(folder, data, text, name, fiscal_year_start_month=first_month)


def sums(found: FileCheck) -> dict[str, str]:
    assert found.is_fine, found.holds
    return {f"{scenario} {period}": str(count.amount) for (scenario, period), count in found.sums.items()}


def csv_text(rows: Rows, mark: str = ",") -> str:
    return "".join(mark.join(map(str, row)) + "\n" for row in rows)


def blocks_of_cost_centres(key: str, mark: str) -> str:
    """Return a list as SAP prints it, with the cost centre above each repetition of the header."""
    line = "-" * 60
    rows = ["Cost Centers: Actual/Plan   Date: 05.04.2025", ""]
    for centre, amounts in {"110": ("10,00", "20,50"), "120": ("1,25", "2,00-")}.items():
        rows += [
            f"{key}{centre}",
            f"Person Responsible{mark}Smith {centre}",
            f"Reporting period{mark}3 to 3 2025",
            line,
        ]
        rows += ["|Cost Elements|Act. Costs|Plan Costs|", line]
        rows += [
            f"|{account}|{amount}|100,00|"
            for account, amount in zip(("6110 Rent", "6200 Travel"), amounts, strict=True)
        ]
        rows += [line, f"|* Debit|{'30,50' if centre == '110' else '0,75-'}|200,00|", line, ""]
    return "\n".join(rows) + "\n"


@pytest.mark.parametrize(
    ("key", "mark", "part"),
    [("Cost Center/Group     ", "    ", 7), ("Cost Center: ", " ", 3)],
)
def test_a_cost_centre_above_each_block_is_the_department_of_its_lines(key: str, mark: str, part: int, tmp_path: Path):
    text = blocks_of_cost_centres(key, mark)
    descriptor = yaml.safe_load(draft(text, "S_ALR_2025-03.txt"))
    assert descriptor["columns"]["department"] == {
        "from": "(column 1)", "part": {"split": " ", "number": part}, "fill_down": "labels",
    }  # fmt: skip
    found = check(tmp_path, text, "S_ALR_2025-03.txt")
    assert sums(found) == {"Actual 2025-03": "29.75", "Budget 2025-03": "400.00"}


@pytest.mark.parametrize(
    ("header", "says"),
    [("Plan Costs|Act. Costs", "with the columns in another order"), ("Act. Costs|Prior Year", "rows rejected")],
)
def test_a_report_with_other_columns_is_held_by_the_draft_of_the_first_one(header: str, says: str, tmp_path: Path):
    text = blocks_of_cost_centres("Cost Center: ", " ")
    (tmp_path / "S_ALR_2025-04.txt").write_text(text.replace("Act. Costs|Plan Costs", header))
    found = check_written(tmp_path, draft(text, "S_ALR_2025-03.txt"), "S_ALR_2025-04.txt")
    assert any(says in reason for reason in found.holds)


def test_the_code_of_a_block_may_be_in_a_cell_that_has_amounts_in_lines(tmp_path: Path):
    rows: Rows = []
    for centre in (110, 120):
        rows += [["Cost Center/Group", centre], ["Reporting period", "3 to 3 2025"], [""]]
        rows += [["Cost Elements", "Act. Costs", "Plan Costs", "Var.(Abs.)", "Var.(%)"]]
        rows += [["6110 Rent", 5.5, 7, -1.5, 20], ["6200 Travel", 1, 2, -1, 50], [""]]
    data = xlsx({"List": rows})
    descriptor = yaml.safe_load(draft(data, "report_2025-03.xlsx"))
    assert descriptor["columns"]["department"] == {"from": "Act. Costs", "fill_down": "labels"}
    assert sums(check(tmp_path, data, "report_2025-03.xlsx")) == {"Actual 2025-03": "13.00", "Budget 2025-03": "18.00"}


def test_the_account_of_each_page_is_that_of_its_lines(tmp_path: Path):
    rows = ["", "G/L Account Line Item Display", ""]
    for account, name in (("6110", "Rent"), ("6200", "Travel and events")):
        rows += [f"G/L Account    {account}    {name}", "Company Code   1010", "-" * 40]
        rows += ["|DocumentNo|Doc. Date|CostCenter|LC amnt|", "-" * 40]
        rows += [f"|10{n}|0{n}.03.2025|110|{n},50|" for n in range(1, 4)]
        rows += ["-" * 40, "|*|||7,50|", "-" * 40, ""]
    text = "\n".join(rows) + "\n"
    assert yaml.safe_load(draft(text, "list.txt"))["columns"]["account"]["part"] == {"split": " ", "number": 6}
    assert sums(check(tmp_path, text, "list.txt")) == {"Actual 2025-03": "15.00"}


@pytest.mark.parametrize(
    ("heads", "part"),
    [
        (("Department: Sales North", "Department: Sales South"), {"split": ":", "number": 2}),
        (("Cost centre Sales North", "Cost centre Sales South"), None),
        (("Cost centre Sales", "Cost centre IT"), {"split": " ", "number": 3}),
    ],
)
def test_departments_of_several_words_above_narrow_tables_stay_apart(
    heads: tuple[str, str], part: dict[str, Any] | None, tmp_path: Path
):
    """A line has as few cells as a heading here, and begins as the title does; it must not be taken for one."""
    rows: Rows = [["Costs", "", ""]]
    for head in heads:
        rows += [[head, "", ""], ["Account", "Jan 2025", "Feb 2025"]]
        rows += [["6110", "1.50", "2.50"], ["Costs of sales", "3.50", ""]]
    text = csv_text(rows)
    department = yaml.safe_load(draft(text, "x.csv"))["columns"]["department"]
    assert department == {"from": "Account", "fill_down": "labels"} | ({"part": part} if part else {})
    assert sums(check(tmp_path, text, "x.csv")) == {"Actual 2025-01": "10.00", "Actual 2025-02": "5.00"}


def test_tables_below_each_other_have_the_scenario_above_them(tmp_path: Path):
    header = ["Dept", "Account", "Jan-25", "Feb-25"]
    actual: Rows = [["110", "6110", 10, 20], ["120", "6110", 30, 40]]
    budget: Rows = [["110", "6110", 11, 21], ["120", "6110", 31, 41]]
    data = xlsx({"P&L": [["Actual"], header, *actual, [""], ["Budget 2025"], header, *budget]})
    assert sums(check(tmp_path, data, "compared.xlsx")) == {
        "Actual 2025-01": "40.00", "Actual 2025-02": "60.00", "Budget 2025-01": "42.00", "Budget 2025-02": "62.00",
    }  # fmt: skip


def test_pages_without_a_heading_of_their_own_are_read_as_before():
    header = "Date,Dept,Account,Amount\n"
    text = f"{header}2025-01-01,1,6110,1.00\nPage 1 of 2,,,\n{header}2025-01-02,1,6110,2.00\n"
    assert "names:" not in draft(text, "x.csv")


@pytest.mark.parametrize("head", ["110 Operations", "Cost Center: 110", "Dept 110"])
def test_departments_above_their_accounts_are_given_to_these(head: str, tmp_path: Path):
    rows: Rows = [["Budget 2025"], [""], ["Account", "Description", "Jan-25", "Feb-25"]]
    for number in ("110", "120"):
        name = head.replace("110", number)
        rows += [[name], ["6110", "Rent", 10, 20], ["6200", "Travel", 1, 2], [f"Total {name}", "", 11, 22], [""]]
    found = check(tmp_path, xlsx({"B": rows}), "Budget_2025.xlsx")
    assert sums(found) == {"Budget 2025-01": "22.00", "Budget 2025-02": "44.00"}
    department = yaml.safe_load(draft(xlsx({"B": rows}), "Budget_2025.xlsx"))["columns"]["department"]
    assert department["fill_down"] == "labels"


def test_departments_by_name_are_labels_above_their_cost_elements(tmp_path: Path):
    text = (
        "Cost elements,Act. costs,Plan costs\nField sales,,\n400000  Material,1.50,1.00\n410000  Salaries,2.50,2.00\n"
        "* Field sales,4.00,3.00\nInside sales,,\n400000  Material,3.50,3.00\n410000  Salaries,4.50,4.00\n"
        "* Inside sales,8.00,7.00\n** All,12.00,10.00\n"
    )
    found = yaml.safe_load(draft(text, "S_ALR_2025-03.csv"))
    assert found["columns"]["department"] == {"from": "Cost elements", "fill_down": "labels"}
    assert found["columns"]["account"] == "Cost elements"
    read = check(tmp_path, text, "S_ALR_2025-03.csv")
    assert sums(read) == {"Actual 2025-03": "12.00", "Budget 2025-03": "10.00"}
    assert read.findings.control_totals.tied == read.findings.control_totals.checked > 0


def test_groups_of_accounts_are_no_departments():
    rows: Rows = [["Account", "Jan-25", "Feb-25"]]
    rows += [
        ["40 Revenue"],
        ["4000 Sales", 9, 9],
        ["4100 Fees", 1, 1],
        ["60 Costs"],
        ["6110 Rent", 5, 5],
        ["6200 Travel", 5, 5],
    ]
    assert "department: DECIDE" in draft(xlsx({"B": rows}), "Budget_2025.xlsx")


def test_labels_that_name_departments_are_read_beside_a_column_of_accounts(tmp_path: Path):
    rows: Rows = [["Date", "Doc", "Account", "Amount"]]
    for centre in ("110", "120"):
        rows += [
            [f"Cost Center: {centre}", "", "", ""],
            ["2025-01-05", "A1", "6110", "5.00"],
            ["2025-01-06", "A2", "6200", "2.50"],
        ]
        rows += [[f"Total {centre}", "", "", "7.50"]]
    text = csv_text(rows)
    assert yaml.safe_load(draft(text, "x.csv"))["columns"]["department"]["part"] == {"split": " ", "number": 3}
    assert sums(check(tmp_path, text, "x.csv")) == {"Actual 2025-01": "15.00"}


def test_opening_and_closing_balances_leave_the_label_above_them(tmp_path: Path):
    rows: Rows = [["General Ledger Detail", "", "", "", ""], ["Date", "Source", "Department", "Debit", "Credit"]]
    for name in ("Rent (6110)", "Travel (6200)"):
        rows += [[name, "", "", "", ""], ["Opening Balance", "", "", "40.00", "0.00"]]
        rows += [[f"0{day} Jan 2025", "Bill", "110", f"{day}.50", "0.00"] for day in (1, 2, 3)]
        rows += [[f"Total {name}", "", "", "7.50", "0.00"], ["Closing Balance", "", "", "47.50", ""]]
    text = csv_text(rows)
    assert sums(check(tmp_path, text, "general_ledger.csv")) == {"Actual 2025-01": "15.00"}
    balances = [rule for rule in yaml.safe_load(draft(text, "x.csv"))["skip"] if rule.get("keeps_label")]
    assert [rule["matches"] for rule in balances] == ["(?i)^opening balance", "(?i)^closing balance"]


def test_a_line_that_begins_as_a_balance_does_counts_if_it_has_all_that_lines_have(tmp_path: Path):
    rows: Rows = [["Date", "Department", "Account", "Text", "Amount"], ["", "", "6110", "Opening balance", "40.00"]]
    rows += [[f"2025-01-0{day}", "110", "6110", f"Rent {day}", f"{day}.50"] for day in range(1, 5)]
    rows += [["2025-01-05", "110", "6110", "Opening balance correction", "7.00"]]
    assert sums(check(tmp_path, csv_text(rows), "journal.csv")) == {"Actual 2025-01": "19.00"}


def test_sums_that_go_on_over_a_page_are_left_out(tmp_path: Path):
    rows: Rows = [["Datum", "Kostenstelle", "Konto", "Text", "Betrag"]]
    rows += [[f"0{day}.01.2025", "110", "6110", f"Miete {day}", f"{day},50"] for day in range(1, 5)]
    rows += [["", "", "", "Übertrag", "12,00"], ["Seite 2", "", "", "", ""], rows[0], ["", "", "", "Übertrag", "12,00"]]
    rows += [[f"0{day}.01.2025", "110", "6110", f"Miete {day}", f"{day},50"] for day in range(5, 9)]
    assert sums(check(tmp_path, csv_text(rows, ";"), "Journal.csv")) == {"Actual 2025-01": "40.00"}


@pytest.mark.parametrize(
    ("titles", "names"),
    [
        ([], ["Account", "Dept 110", "Dept 120", "Total"]),
        ([], ["Account", "110", "120", "130"]),
        (["Profit and Loss by Class"], ["", "110 Ops", "120 Sales", "Total"]),
    ],
)
def test_departments_beside_each_other_are_read_from_the_header(titles: list[str], names: list[str], tmp_path: Path):
    header = [*names[:1], "Account Name", *names[1:]] if names[0] else names
    rows: Rows = [*([title] for title in titles), header]
    for account, first, second in (("6110", "1.50", "2.25"), ("6200", "4.00", "8.00"), ("6300", "0.25", "0.50")):
        total = f"{float(first) + float(second):.2f}" if "Total" in names else "0.00"
        rows.append(
            [account if names[0] else f"{account} Costs", *(["Name"] if names[0] else []), first, second, total]
        )
    text = csv_text(rows)
    assert yaml.safe_load(draft(text, "costs_2025-03.csv"))["unpivot"]["into"] == "department"
    assert sums(check(tmp_path, text, "costs_2025-03.csv")) == {"Actual 2025-03": "16.50"}


def test_a_department_that_a_later_file_has_too_is_read(tmp_path: Path):
    first = "Account,Dept 110,Dept 120,Total\n6110,1.50,2.50,4.00\n6200,3.00,4.00,7.00\n"
    feed = draft(first, "costs_2025-03.csv")
    later = "Account,Dept 110,Dept 120,Dept 130,Total\n6110,1.50,2.50,9.00,13.00\n6200,3.00,4.00,9.00,16.00\n"
    assert sums(check_text(tmp_path, later, feed, "costs_2025-04.csv")) == {"Actual 2025-04": "29.00"}


@pytest.mark.parametrize(
    ("names", "pattern"),
    [
        (["Dept 110", "Dept 120"], "Dept [0-9]{3}"),
        (["110 Ops", "120 Sales", "Not Specified"], "[0-9]{3}(?:[^0-9].*)?|Not Specified"),
        (["CC.10", "CC.20"], r"CC\.[0-9]{2}"),
        (["Dept 10", "Unit 20"], ""),
        (["Dept 10", "Dept 200"], ""),
    ],
)
def test_the_headers_of_departments_have_a_pattern(names: list[str], pattern: str):
    assert pattern_of_departments(names) == pattern


@pytest.mark.parametrize(
    "names",
    [
        ["", "4000 Sales", "5000 Goods"],
        ["Account", "2024", "2025"],
        ["Account", "Rev 2024", "Rev 2025"],
        ["Account", "Mar 2025 Debit", "Mar 2025 Credit"],
        ["Account", "FY24 Budget", "FY25 Budget"],
        ["Account", "2024 Actual", "2025 Actual"],
    ],
    ids=["accounts", "years", "years behind a word", "sides of months", "plans of years", "actual amounts of years"],
)
def test_columns_of_accounts_years_and_sides_are_no_departments(names: list[str]):
    """Debits and credits of two months of a trial balance were added up as four departments."""
    assert "into: department" not in draft(csv_text([names, ["Ops", "1.50", "2.50"], ["IT", "3.50", "4.50"]]), "x.csv")


def test_sheets_that_are_named_by_codes_are_departments(tmp_path: Path):
    rows: Rows = [["Account", "Jan-25", "Feb-25"], ["6110", 10, 20], ["6200", 1, 2]]
    data = xlsx({"110 Ops": rows, "120 Sales": rows[:2]})
    assert sums(check(tmp_path, data, "Budget_2025.xlsx")) == {"Budget 2025-01": "21.00", "Budget 2025-02": "42.00"}
    pattern = yaml.safe_load(draft(data, "Budget_2025.xlsx"))["columns"]["department"]["from_name"]
    assert [value_from_name(pattern, None, name) for name in ("110 Ops", "Dept 120", "130")] == ["110", "120", "130"]


@pytest.mark.parametrize(
    "names", [("2024", "2025"), ("Version 01", "Version 02"), ("01", "02"), ("Company 100", "Company 200")]
)
def test_sheets_of_years_versions_months_and_companies_are_no_departments(names: tuple[str, str]):
    rows: Rows = [["Account", "Jan-25", "Feb-25"], ["6110", 10, 20], ["6200", 1, 2]]
    assert "department: DECIDE" in draft(xlsx({names[0]: rows, names[1]: rows[:2]}), "Budget.xlsx")


@pytest.mark.parametrize("groups", [2, 3])
def test_months_above_scenarios_are_the_months_of_their_columns(groups: int, tmp_path: Path):
    months = ["Jan 2025", "Feb 2025", "Total"][:groups]
    rows: Rows = [["Budget vs. Actuals"], ["", *(text for month in months for text in (month, "", ""))]]
    rows += [["", *("Actual", "Budget", "over Budget") * groups], ["Expenses"]]
    amounts = ["4.00", "5.00", "-1.00", "6.00", "7.00", "-1.00", "10.00", "12.00", "-2.00"][: 3 * groups]
    rows += [["6110 Rent", *amounts], ["Total Expenses", *amounts]]
    assert sums(check(tmp_path, csv_text(rows), "bva.csv", department="100")) == {
        "Actual 2025-01": "4.00", "Budget 2025-01": "5.00", "Actual 2025-02": "6.00", "Budget 2025-02": "7.00",
    }  # fmt: skip


def test_a_header_of_three_lines_is_read(tmp_path: Path):
    rows: Rows = [["", "", "FY25", "FY25"], ["", "", "Budget", "Budget"], ["CC", "Account", "Jan", "Feb"]]
    data = xlsx({"Ad hoc": [*rows, ["110", "6110", 5, 6], ["120", "6200", 7, 8]]})
    assert sums(check(tmp_path, data, "view.xlsx")) == {"Budget 2025-01": "12.00", "Budget 2025-02": "14.00"}


def test_debit_and_credit_are_those_below_the_month_and_not_those_of_balances(tmp_path: Path):
    rows: Rows = [["", "", "Initial Balance", "", "Mar 2025", "", "End Balance", ""]]
    rows += [["Account", "Dept", *("Debit", "Credit") * 3], ["6110", "110", "9.00", "", "5.00", "", "14.00", ""]]
    rows += [["4000", "110", "", "9.00", "", "2.00", "", "11.00"]]
    assert sums(check(tmp_path, csv_text(rows), "balances_2025-03.csv")) == {"Actual 2025-03": "3.00"}


def test_a_row_that_says_what_is_below_each_month_is_no_header(tmp_path: Path):
    rows: Rows = [["Financial Row", "Jan 2025", "Feb 2025"], ["", "Amount", "Amount"], ["Expense"]]
    rows += [
        ["6110 - Rent", "$1.00", "$2.00"],
        ["6200 - Travel", "$4.00", "($8.00)"],
        ["Total - Expense", "$5.00", "($6.00)"],
    ]
    assert sums(check(tmp_path, csv_text(rows), "statement.csv", department="100")) == {
        "Actual 2025-01": "5.00", "Actual 2025-02": "-6.00",
    }  # fmt: skip


@pytest.mark.parametrize("name", ["trial_balance_2025-03.csv", "sage_tb_2025-03.csv", "SuSa_2025-03.csv"])
def test_a_trial_balance_is_named_and_its_total_is_no_line(name: str, tmp_path: Path):
    text = "Konto,Name,Debit,Credit\n6110,Rent,5.00,\n6200,Travel,3.00,\n4000,Sales,,2.00\n,Totals:,8.00,2.00\n"
    found = check(tmp_path, text, name, department="100")
    assert sums(found) == {"Actual 2025-03": "6.00"}
    assert "kind: balances" in draft(text, name)
    assert "kind: balances" not in draft(text, "costs_2025-03.csv")


def test_a_day_of_another_year_is_not_the_amount_beside_totals_of_the_year():
    text = "Account,Dept,Debit - Year to date,Credit - Year to date,31 Mar 2024\n6110,1,5.00,,4.50\n4000,1,,2.00,1.00\n"
    assert yaml.safe_load(draft(text, "balances.csv"))["columns"]["amount"]["from"] == "DECIDE"


def test_totals_below_blocks_lack_the_account_although_lines_lack_the_label(tmp_path: Path):
    rows: Rows = [["Dept", "Account", "Jan-25", "Feb-25"]]
    for number in ("110", "120"):
        rows += [[number, "4000", 1, 2], ["", "6110", 4, 8], [f"{number} Total", "", 5, 10]]
    data = xlsx({"Pivot": [*rows, ["Grand Total", "", 10, 20]]})
    assert sums(check(tmp_path, data, "pivot.xlsx")) == {"Actual 2025-01": "10.00", "Actual 2025-02": "20.00"}


INTACCT = """\
Demo Inc.
General Ledger report

Posted dt.,Doc,Memo / Description,Department,Debit,Credit,Balance
6000 - Rent (Balance forward As of 03/01/2025),,,,,,"2,000.00"
03/05/2025,B1,March rent,100,"1,234.50",,"3,234.50"
03/16/2025,B2,Refund,100,,99.00,"3,135.50"
Totals for 6000 - Rent,,,,"1,234.50",99.00,"3,135.50"
6100 - Wages (Balance forward As of 03/01/2025),,,,,,0.00
03/30/2025,J1,Wages,200,"12,500.00",,"12,500.00"
03/31/2025,J2,Bonus,200,100.00,,"12,600.00"
Totals for 6100 - Wages,,,,"12,600.00",0.00,"12,600.00"
"""


def test_an_account_above_its_lines_lacks_the_day_of_its_balance():
    account = yaml.safe_load(draft(INTACCT, "gl.csv"))["columns"]["account"]
    assert account == {
        "from": "Posted dt.",
        "part": {"split": " (", "number": 1, "of": 2},
        "fill_down": "labels",
    }


@pytest.mark.parametrize(
    ("first", "second"), [("Rent (6000)", "Wages (6100)"), ("Rent (HQ)", "Wages (HQ)"), ("6000 - Rent", "6100 - Wages")]
)
def test_an_account_above_its_lines_keeps_a_code_and_a_place_in_brackets(first: str, second: str):
    text = INTACCT.replace("6000 - Rent (Balance forward As of 03/01/2025)", first)
    text = text.replace("6100 - Wages (Balance forward As of 03/01/2025)", second)
    account = yaml.safe_load(draft(text, "gl.csv"))["columns"]["account"]
    assert account == {"from": "Posted dt.", "fill_down": "labels"}


NOMINAL_ACTIVITY = """\
Demo Ltd
Nominal Activity

N/C:,7100,Name:,Rent,,,,Account Balance:,,"1,135.50 DR"
No,Type,Date,Account,Ref,Details,Dept,T/C,Debit,Credit
12,PI,05/03/2025,LAND01,1001,March rent,1,T1,"1,234.50",
13,PC,16/03/2025,LAND01,1002,Refund,1,T1,,99.00
,,,,,,,Totals:,"1,234.50",99.00
,,,,,,,History Balance:,"1,135.50",

N/C:,7000,Name:,Gross Wages,,,,Account Balance:,,"12,600.00 DR"
No,Type,Date,Account,Ref,Details,Dept,T/C,Debit,Credit
14,JD,30/03/2025,7000,J7,Wages,2,T9,"12,500.00",
15,JD,31/03/2025,7000,J8,Bonus,2,T9,100.00,
,,,,,,,Totals:,"12,600.00",
,,,,,,,History Balance:,"12,600.00",
"""


def test_a_heading_with_a_balance_gives_the_nominal_code_of_sage(tmp_path: Path):
    assert sums(check(tmp_path, NOMINAL_ACTIVITY, "activity.csv")) == {"Actual 2025-03": "13735.50"}
    feed = parse_descriptor(draft(NOMINAL_ACTIVITY, "activity.csv"), "x.yaml")
    assert account_sums(tmp_path, "activity.csv", feed) == {"7100": "1135.50", "7000": "12600.00"}


def test_a_column_gives_the_account_that_a_heading_names_no_better():
    text = NOMINAL_ACTIVITY.replace("N/C:", "Account:").replace("LAND01", "7100")
    assert yaml.safe_load(draft(text, "activity.csv"))["columns"]["account"] == "Account"


TRIAL_BALANCE = """\
Trial Balance
Demo Company
As at 31 March 2025

Account Code,Account,Account Type,Debit - Year to date,Credit - Year to date,31 Mar 2024
200,Sales,Revenue,,"50,000.00","41,000.00"
400,Advertising,Expense,"1,234.50",,900.00
477,Salaries,Expense,"48,765.50",,"40,100.00"
Total,,,"50,000.00","50,000.00",
"""


def test_a_trial_balance_of_totals_since_the_year_began_is_compared_and_not_added(tmp_path: Path):
    text = draft(TRIAL_BALANCE, "Demo_-_Trial_Balance.csv")
    found = yaml.safe_load(text)
    assert found["kind"] == "balances"
    assert found["constants"] == {"period": "DECIDE"}
    with pytest.raises(DescriptorError) as refused:
        parse_descriptor(text, "x.yaml")
    assert refused.value.found.count("constants.period") == 1
    assert "a row above the header says 'As at 31 March 2025'" in " ".join(text.replace("\n#", "").split())
    assert found["columns"]["balance"]["from"] == {"debit": "Debit - Year to date", "credit": "Credit - Year to date"}
    read = check(tmp_path, TRIAL_BALANCE, "Demo_-_Trial_Balance.csv", period="2025-03")
    assert read.is_fine
    assert read.outcomes["accepted"].rows == 3


def test_the_month_in_the_name_of_a_trial_balance_is_its_period(tmp_path: Path):
    closing = "Account,Opening balance,Closing balance\n6000,1.00,3.00\n4000,-1.00,-3.00\n"
    assert yaml.safe_load(draft(closing, "tb_2025-03.csv"))["columns"]["opening"]["from"] == "Opening balance"
    assert check(tmp_path, closing, "tb_2025-03.csv").is_fine


@pytest.mark.parametrize(
    "header", ["Account,Dept,Debit,Credit", "Account,Dept,Debit,Credit,YTD Debit,YTD Credit", "Account,Dept,Amount,YTD"]
)
def test_a_trial_balance_that_may_be_of_a_month_stays_a_question(header: str):
    text = draft(f"Trial balance\n\n{header}\n6000,10,5.00,1.00,9.00,2.00\n4000,10,1.00,5.00,2.00,9.00\n", "x.csv")
    assert yaml.safe_load(text)["kind"] == "ledger"
    assert "This seems to be a trial balance or a balance sheet." in text


DAYS_OF_BALANCES = """\
Demo Company
{title}
As at 31 March 2025
Account Code,Account,{days}
200,Sales,-30000.10,-20000.20
400,Advertising,1200.30,800.10
610,Accounts Receivable,28799.80,19200.10
"""


@pytest.mark.parametrize(
    ("title", "days", "last"),
    [
        ("Trial Balance", "31 Mar 2025,28 Feb 2025", "31 Mar 2025"),
        ("Balance Sheet", "31 Mar 2024,31 Mar 2025", "31 Mar 2025"),
        ("Balance Sheet", '"Feb 28, 2025","Mar 31, 2025"', "Mar 31, 2025"),
        ("Balance Sheet", '"As of Feb 28, 2025","As of Mar 31, 2025"', "As of Mar 31, 2025"),
        ("Saldenliste", "28.02.2025,31.03.2025", "31.03.2025"),
    ],
)
def test_columns_of_last_days_of_months_in_a_trial_balance_are_balances(
    title: str, days: str, last: str, tmp_path: Path
):
    """Both were lines of their months, so the second balance counted beside the first."""
    table = DAYS_OF_BALANCES.format(title=title, days=days)
    found = yaml.safe_load(draft(table, "export.csv"))
    assert (found["kind"], found["columns"]["balance"], found["constants"]) == ("balances", last, {"period": "2025-03"})
    read = check(tmp_path, table, "export.csv")
    assert read.is_fine
    assert read.outcomes["accepted"].rows == 3


@pytest.mark.parametrize(
    ("title", "days"),
    [
        ("Profit and Loss", "31 Mar 2025,28 Feb 2025"),
        ("Trial Balance", "Mar 2025,Feb 2025"),
        ("Trial Balance", "15 Mar 2025,15 Feb 2025"),
    ],
)
def test_columns_of_months_may_be_lines_of_these(title: str, days: str):
    assert yaml.safe_load(draft(DAYS_OF_BALANCES.format(title=title, days=days), "export.csv"))["kind"] == "ledger"


def test_a_balance_sheet_is_said_to_have_balances():
    """Its balances at the end of a month were lines of the month."""
    text = "Balance Sheet,\nAs of March 31 2025,\n\n,Total\nBank,\nChecking,5.50\nTotal Bank,5.50\n"
    assert "This seems to be a trial balance or a balance sheet." in draft(text, "x.csv")


def test_a_question_about_a_trial_balance_names_its_columns_of_balances():
    header = "Account,Dept,Opening balance,Debit,Credit,Closing balance"
    text = draft(f"Trial balance\n\n{header}\n6000,10,5.00,1.00,,7.00\n4000,10,-5.00,,1.00,-9.00\n", "x.csv")
    asked = " ".join(text.replace("\n#", "").split())
    assert "account and balance (opening: 'Opening balance', balance: 'Closing balance')" in asked


SAP_BALANCES = """\
Sachkontensalden
CoCd;Sachkonto;Saldovortrag;Vorperioden;Berichtszeitraum Soll;Berichtszeitraum Haben;Kumulierter Saldo
1000;0000113100;10.000,00;2.000,00;5.000,00;4.000,00-;13.000,00
1000;0000400000;0,00;20.000,00;10.000,00;0,00;30.000,00
1000;0000800000;0,00;22.000,00-;0,00;11.000,00-;33.000,00-
1000;0000070000;10.000,00-;0,00;0,00;0,00;10.000,00-
"""
DATEV_BALANCES = """\
Konto;Name;EB-Wert Soll;EB-Wert Haben;Monatswert Soll;Monatswert Haben;JVZ Soll;JVZ Haben;Saldo Soll;Saldo Haben
0420;Einrichtung;1.000,00;;200,00;;500,00;;1.500,00;
1200;Bank;5.000,00;;2.000,00;1.500,00;6.000,00;4.000,00;7.000,00;
4210;Miete;;;1.300,00;;3.900,00;;3.900,00;
8400;Umsatz;;;;2.000,00;;6.400,00;;6.400,00
0800;Kapital;;6.000,00;;;;;;6.000,00
;Summe;6.000,00;6.000,00;3.500,00;3.500,00;10.400,00;10.400,00;12.400,00;12.400,00
"""
BALANCES = """\
Account,Opening Balance,Debit,Credit,Closing Balance
1000,"10,000.00 Dr","5,000.00","4,000.00","11,000.00 Dr"
4000,"22,000.00 Cr",,"11,000.00","33,000.00 Cr"
5000,"20,000.00 Dr","10,000.00",,"30,000.00 Dr"
3000,"8,000.00 Cr",,,"8,000.00 Cr"
"""
BALANCETE = """\
Conta;Descrição;Saldo Anterior;Débito;Crédito;Saldo Atual
1.1.01;Caixa;10.000,00 D;5.000,00;4.000,00;11.000,00 D
3.1.01;Receita;22.000,00 C;;11.000,00;33.000,00 C
4.1.01;Despesa;20.000,00 D;10.000,00;;30.000,00 D
2.1.01;Capital;8.000,00 C;;;8.000,00 C
"""


@pytest.mark.parametrize(
    ("text", "name", "balance", "opening", "movements"),
    [
        (BALANCETE, "contas_2025-03.csv", "Saldo Atual", "Saldo Anterior", "'Débito' and 'Crédito'"),
        (SAP_BALANCES, "S_ALR_2025-03.csv", "Kumulierter Saldo", None,
         "'Berichtszeitraum Soll' and 'Berichtszeitraum Haben'"),
        (DATEV_BALANCES, "SuSa_2025-03.csv", {"debit": "Saldo Soll", "credit": "Saldo Haben"}, None,
         "'Monatswert Soll' and 'Monatswert Haben'"),
        (BALANCES.replace("Account", "Particulars"), "Tally_2025-03.csv", "Closing Balance", "Opening Balance",
         "'Debit' and 'Credit'"),
        (BALANCES, "accounts_2025-03.csv", "Closing Balance", "Opening Balance", "'Debit' and 'Credit'"),
    ],
)  # fmt: skip
def test_movements_that_lead_from_opening_to_closing_balances_prove_a_trial_balance(
    text: str, name: str, balance: Any, opening: str | None, movements: str, tmp_path: Path
):
    written = draft(text, name)
    found = yaml.safe_load(written)
    assert found["kind"] == "balances"
    assert found["columns"]["balance"]["from"] == balance
    assert (found["columns"].get("opening") or {}).get("from") == opening
    assert f"account and amount from {movements}" in " ".join(written.replace("\n#", "").split())
    read = check(tmp_path, text, name)
    assert read.is_fine
    assert read.outcomes["accepted"].rows == len([line for line in text.splitlines() if line[:1].isdigit()])


def test_lines_beside_which_balances_run_are_no_trial_balance():
    header = "Date,Dept,Account,Opening balance,Debit,Credit,Balance"
    lines = (
        "2025-03-01,10,6000,5.00,1.00,,6.00\n2025-03-02,10,6000,6.00,,2.00,4.00\n2025-03-03,10,7000,4.00,1.00,,5.00\n"
    )
    assert yaml.safe_load(draft(f"{header}\n{lines}", "lines.csv"))["kind"] == "ledger"


COST_CENTRE_REPORT = """\
Kostenstellen: Ist/Plan/Abweichung;Stand: 03.04.2025 09:15:22;;;
Kostenstelle/Gruppe;4711;Verwaltung;;
Berichtszeitraum;3 bis 3 2025;;;

Kostenarten;Istkosten;Plankosten;Abw (abs);Abw (%)
400000  Material;1.135,50;1.000,00;135,50;13,55
410000  Gehalt;12.500,00;12.000,00;500,00;4,17
* Belastung;13.635,50;13.000,00;635,50;4,89
"""


def test_a_report_of_one_cost_centre_asks_for_what_only_its_titles_say(tmp_path: Path):
    text = draft(COST_CENTRE_REPORT, "S_ALR_87013611.csv")
    found = yaml.safe_load(text)
    assert found["columns"]["account"] == "Kostenarten"
    assert found["constants"] == {"date": "DECIDE", "department": "DECIDE"}
    asked = " ".join(text.replace("\n#", "").split())
    assert "; the rows above the header say 'Kostenstelle/Gruppe', '4711'." in asked
    assert (
        "such as 2025-01-31; a row above the header says '3 bis 3 2025'. If each month has a file of its own" in asked
    )
    read = check(tmp_path, COST_CENTRE_REPORT, "S_ALR_87013611.csv", date="2025-03-31", department="4711")
    assert sums(read) == {"Actual 2025-03": "13635.50", "Budget 2025-03": "13000.00"}


def test_a_report_with_its_month_in_its_name_asks_for_no_date():
    found = yaml.safe_load(draft(COST_CENTRE_REPORT, "S_ALR_87013611_2025-03.csv"))
    assert found["constants"] == {"department": "DECIDE"}


def planning(*views: str) -> str:
    rows = "".join(f'"6110","{100 + place}","{200 + place}","{view}","Plan1"\n' for place, view in enumerate(views))
    return f'"Account","Jan","Feb","Point-of-View","Data Load Cube Name"\n{rows}'


def test_the_member_of_a_point_of_view_that_differs_is_the_department(tmp_path: Path):
    text = planning("Plan,Working,CC_4711,FY25", "Plan,Working,CC_4712,FY25")
    found = yaml.safe_load(draft(text, "plan.csv"))
    assert found["columns"]["department"] == {
        "from": "Point-of-View",
        "part": {"split": ",", "number": 3, "of": 4},
    }
    assert (found["constants"], found["unpivot"]["year"]) == ({"scenario": "Budget"}, "DECIDE")
    assert "'Point-of-View' says FY25." in draft(text, "plan.csv")
    read = check(tmp_path, text, "plan.csv", year="2025")
    assert sums(read) == {"Budget 2025-01": "201.00", "Budget 2025-02": "401.00"}


@pytest.mark.parametrize(
    "views",
    [
        ("Plan,Working,CC_4711,FY25", "Plan,Working,CC_4711,FY25"),
        ("Plan,Working,CC_4711,P1,FY25", "Plan,Final,CC_4712,P2,FY25"),
        ("Plan,CC_4711,FY25", "Plan,CC_4711,FY26"),
    ],
)
def test_a_point_of_view_asks_which_member_is_the_department(views: tuple[str, ...]):
    part = yaml.safe_load(draft(planning(*views), "plan.csv"))["columns"]["department"]["part"]
    assert part == {"split": ",", "number": "DECIDE", "of": views[0].count(",") + 1}


def test_members_of_points_of_view_that_are_not_equally_many_name_no_department():
    text = draft(planning("Plan,CC_4711,FY25", "Plan,FY25"), "plan.csv")
    assert yaml.safe_load(text)["constants"] == {"scenario": "Budget", "department": "DECIDE"}


YEARS_OVER_MONTHS: Rows = [
    ["Sum of Amount", "", "Years", "Month"],
    ["", "", "2024", "", "2025", "", "Grand Total"],
    ["Cost centre", "Account", "Nov", "Dec", "Jan", "Feb", ""],
    ["100", "6110", 1100, 2200, 3300, 4400.5, 11000.5],
    ["", "6120", 10, 20, 30, 40, 100],
    ["100 Total", "", 1110, 2220, 3330, 4440.5, 11100.5],
    ["200", "6110", 1, 1, 1, 1, 4],
    ["200 Total", "", 1, 1, 1, 1, 4],
    ["Grand Total", "", 1111, 2221, 3331, 4441.5, 11104.5],
]


def test_years_over_months_of_a_pivot_table_are_those_of_the_months(tmp_path: Path):
    data = xlsx({"Pivot": YEARS_OVER_MONTHS})
    found = yaml.safe_load(draft(data, "pivot.xlsx"))
    assert found["unpivot"] == {"columns": ["2024 Nov", "Dec", "2025 Jan", "Feb"], "into": "date"}
    assert sums(check(tmp_path, data, "pivot.xlsx")) == {
        "Actual 2024-11": "1111.00",
        "Actual 2024-12": "2221.00",
        "Actual 2025-01": "3331.00",
        "Actual 2025-02": "4441.50",
    }


def test_a_pivot_table_of_other_years_is_not_read_with_those_of_the_draft(tmp_path: Path):
    feed = draft(xlsx({"Pivot": YEARS_OVER_MONTHS}), "pivot.xlsx")
    later = [["", "", "2025", "", "2026", "", "Grand Total"] if row[2] == "2024" else row for row in YEARS_OVER_MONTHS]
    assert "2024 Nov" in check_text(tmp_path, xlsx({"Pivot": later}), feed, "pivot.xlsx").refusal


def test_a_year_over_months_of_two_calendar_years_stays_a_question():
    rows: Rows = [
        ["", "", "2025", "", "", ""],
        ["Dept", "Account", "Nov", "Dec", "Jan", "Feb"],
        ["10", "6110", 1, 2, 3, 4.5],
    ]
    assert yaml.safe_load(draft(xlsx({"S": rows}), "x.xlsx"))["dialect"] == {"header_row": 2}


def test_scenarios_over_months_beside_names_of_columns_reach_every_month(tmp_path: Path):
    rows: Rows = [
        ["Dept", "Account", "Actual", "", "Budget", ""],
        ["", "", "Jan 2025", "Feb 2025", "Jan 2025", "Feb 2025"],
        ["100", "6110", 1012.5, 2030, 4000, 5000],
        ["200", "6120", 10, 20, 40, 50],
    ]
    assert sums(check(tmp_path, xlsx({"S": rows}), "s.xlsx")) == {
        "Actual 2025-01": "1022.50",
        "Actual 2025-02": "2050.00",
        "Budget 2025-01": "4040.00",
        "Budget 2025-02": "5050.00",
    }


PIVOTS = {
    "months": """Sum of Amount,Column Labels,,,
Row Labels,2025-01,2025-02,2025-03,Grand Total
D100,300.00,330.00,,630.00
4000,100.00,110.00,,210.00
5000,200.00,220.00,,420.00
D200,30.00,33.00,36.00,99.00
4000,10.00,11.00,12.00,33.00
5000,20.00,22.00,24.00,66.00
Grand Total,330.00,363.00,36.00,729.00
""",
    "names": """Row Labels,2025-01,2025-02
Marketing,300.50,-5.00
4000,100.25,-5.00
5000,200.25,
Sales North,11.00,22.00
5000,11.00,22.00
Grand Total,311.50,17.00
""",
    "codes": """Row Labels,2025-01,2025-02
110,300.50,5.00
400000,100.25,5.00
500000,200.25,
120,11.00,22.00
500000,11.00,22.00
Grand Total,311.50,27.00
""",
    "codes before names": """Row Labels,2025-01,2025-02
1100 Marketing,300.50,5.00
400000 Sales,100.25,5.00
500000 Goods,200.25,
1200 Sales North,11.00,22.00
500000 Goods,11.00,22.00
Grand Total,311.50,27.00
""",
    "no sums": """Row Labels,2025-01,2025-02
Marketing,,
4000 Sales,100.25,5.00
5000 Goods,200.25,1.00
Sales North,,
5000 Goods,11.00,22.00
Grand Total,311.50,28.00
""",
}


@pytest.mark.parametrize(
    ("pivot", "expected"),
    [
        ("months", {"Actual 2025-01": "330.00", "Actual 2025-02": "363.00", "Actual 2025-03": "36.00"}),
        ("names", {"Actual 2025-01": "311.50", "Actual 2025-02": "17.00"}),
        ("codes", {"Actual 2025-01": "311.50", "Actual 2025-02": "27.00"}),
        ("codes before names", {"Actual 2025-01": "311.50", "Actual 2025-02": "27.00"}),
        ("no sums", {"Actual 2025-01": "311.50", "Actual 2025-02": "28.00"}),
    ],
)
def test_labels_of_a_compact_pivot_are_departments_and_their_sums_are_left_out(
    pivot: str, expected: dict[str, str], tmp_path: Path
):
    columns = yaml.safe_load(draft(PIVOTS[pivot], "pivot.csv"))["columns"]
    assert columns["department"] == {"from": "Row Labels", "fill_down": "labels"}
    assert columns["account"] == "Row Labels"
    assert sums(check(tmp_path, PIVOTS[pivot], "pivot.csv")) == expected


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Marketing,300.50", "Marketing,300.51"),
        ("Grand Total,311.50,17.00\n", ""),
        ("Marketing", "7"),
        ("Row Labels,2025-01,2025-02", "Row Labels,2025-01,2025-02,Department"),
        ("Sales North,11.00,22.00\n5000", "Sales North,11.00,22.00\n6000"),
    ],
)
def test_labels_with_amounts_that_may_be_lines_leave_the_codes_to_a_person(old: str, new: str):
    text = PIVOTS["names"].replace(old, new)
    assert "fill_down" not in draft(text, "pivot.csv")
