"""Rows of a file that are neither lines nor totals at its end: what a draft and the advice of a check make of them.

Does not belong here: fields and shapes (see `test_feed_draft`, `test_feed_draft_shapes`).
"""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path

import pytest
import yaml

from finance_platform.feeds.descriptor.parser import parse_descriptor
from finance_platform.refresh.file_check.feed_check import FileCheck, check_file
from finance_platform.storage.local import LocalStore
from finance_platform_tests.unit.checked_files import check_text, check_written
from finance_platform_tests.unit.factories import settings
from finance_platform_tests.unit.feeds.drafts import checked, draft
from finance_platform_tests.unit.feeds.test_feed_draft_shapes import sums

HEADER = "Date,Cost Centre,Account,Amount\n"
LINES = [f"2025-01-{day:02d},D{1 + day % 2},{6000 + day % 3},{day}.50\n" for day in range(1, 13)]


@pytest.mark.parametrize(
    ("text", "rules"),
    [
        (HEADER + "".join(LINES[:6]) + HEADER + "".join(LINES[6:]), [("Date", "^Date$")]),
        (HEADER + "".join(LINES[:6]) + "\ufeff" + HEADER + "".join(LINES[6:]), [("Date", "Date$")]),
        (HEADER + "Datum,Kostenstelle,Konto,Betrag\n" + "".join(LINES), [("Date", "^Datum$")]),
        (HEADER + ",,,USD\n" + "".join(LINES), [("Amount", "^USD$")]),
        (
            "".join(f"{HEADER}{''.join(LINES[at : at + 4])}Page {at // 4 + 1} of 3,,,\n" for at in (0, 4, 8)),
            [("Date", "(?i)^page[ .:#]*[0-9]+"), ("Date", "^Date$")],
        ),
        (HEADER + "".join(LINES) + "Seite: 1,,,\n", [("Date", "(?i)^seite[ .:#]*[0-9]+")]),
    ],
)
def test_rows_that_are_not_data_are_skipped_by_a_draft_and_hide_no_column(
    text: str, rules: list[tuple[str, str]], tmp_path: Path
):
    (line,) = [line for line in draft(text).splitlines() if line.startswith("skip:")]
    assert [(rule["column"], rule["matches"]) for rule in yaml.safe_load(line)["skip"]] == rules
    assert "fill_down" not in draft(text)
    check = checked(tmp_path, text)
    assert not check.holds
    assert {str(count.amount) for count in check.sums.values()} == {"84.00"}


@pytest.mark.parametrize(
    "text",
    [
        HEADER + "".join(LINES),
        HEADER + "2025-01-31,Pages 3,6000,1.00\n" + "".join(LINES),
    ],
)
def test_lines_are_not_skipped_by_a_draft(text: str):
    assert "skip:" not in draft(text)


def test_labels_of_lines_that_have_every_code_are_left_out(tmp_path: Path):
    text = HEADER + "Northern region,,,\n" + "".join(LINES[:6]) + "Southern region,,,\n" + "".join(LINES[6:])
    check = checked(tmp_path, text)
    assert check.is_fine
    assert {str(count.amount) for count in check.sums.values()} == {"84.00"}
    (rule,) = yaml.safe_load(draft(text))["skip"]
    assert "label" not in rule


@pytest.mark.parametrize(
    ("word", "grand"),
    [
        ("Total", "Grand Total"),
        ("Ergebnis", "Gesamtergebnis"),
        ("total", "Total"),
        ("Total", ""),
        ("Result", "Overall Result"),
        ("Résultat", "Résultat global"),
        ("Resultado", "Resultado total"),
    ],
)
def test_the_subtotals_of_a_spreadsheet_below_its_groups_are_claimed_and_tie(word: str, grand: str, tmp_path: Path):
    groups = {
        unit: [f"2025-01-{day:02d},{unit},{6000 + day},{day}.50\n" for day in range(1, 4)] for unit in ("D1", "D2")
    }
    text = HEADER + "".join(f"{''.join(lines)},{unit} {word},,7.50\n" for unit, lines in groups.items())
    text += f",{grand},,15.00\n" if grand else ""
    check = checked(tmp_path, text)
    assert not check.holds
    assert (check.findings.control_totals.checked, check.findings.control_totals.tied) == (2 + bool(grand),) * 2
    assert {str(count.amount) for count in check.sums.values()} == {"15.00"}
    assert "fill_down" not in draft(text)


@pytest.mark.parametrize("is_repeated", [True, False])
@pytest.mark.parametrize(("word", "grand"), [("Result", "Overall Result"), ("Ergebnis", "Gesamtergebnis")])
def test_the_results_of_a_query_of_sap_are_claimed_and_tie(word: str, grand: str, is_repeated: bool, tmp_path: Path):
    """They were lines, so that each amount counted three times once the department of blank cells was given."""
    rows = [(account, [("100", "1.50"), ("200", "2.25"), (word, "3.75")]) for account in ("6110", "6120", "6130")]
    text = "Account,Cost Center,Amount\n"
    for account, lines in rows:
        for number, (centre, amount) in enumerate(lines):
            text += f"{account if is_repeated or not number else ''},{centre},{amount}\n"
    text += f"{grand},,11.25\n"
    assert sums(tmp_path, text, "query_2025-03.csv") == {("Actual", "2025-03"): "11.25"}
    control = yaml.safe_load(draft(text, "query_2025-03.csv"))["control_total"]
    assert [rule["kind"] for rule in control] == ["subtotal", "grand"]


@pytest.mark.parametrize(
    ("line", "total"),
    [
        ("Ergebnisabführung", "Ergebnis"),
        ("Resultado financiero", "Resultado"),
        ("Résultat exceptionnel", "Résultat"),
        ("Results of associates", "Result"),
        ("Total Energies", "Total"),
        ("Total Energies", "Total:"),
    ],
)
def test_accounts_whose_names_begin_with_the_word_of_a_total_are_lines(line: str, total: str, tmp_path: Path):
    """The rule of the total claimed them as well, and the file was held because they do not tie."""
    text = f"Account,Name,2025-03\n4000,Sales,5.00\n6000,{line},2.50\n,{total},7.50\n"
    check = checked(tmp_path, text, department="D1")
    assert not check.holds
    assert {str(count.amount) for count in check.sums.values()} == {"7.50"}


def test_the_rule_of_a_result_claims_no_line_of_the_next_file():
    text = "Account,Dept,Name,2025-03\n4000,D1,Sales,5.00\n6000,D1,Rent,2.50\n,,Result,7.50\n"
    (rule,) = yaml.safe_load(draft(text))["control_total"]
    assert [name for name in ("Result", "Results of associates") if re.search(rule["row"]["matches"], name)] == [
        "Result"
    ]


UNNAMED = """\
Account,Description,Cost Centre,Amount
6110,Rent March,100,1200.00
6110,Storage,200,300.00
,,,1500.00
6120,Hotel,200,210.00
6120,Train,100,90.00
,,,300.00
,,,1800.00
"""


def test_totals_of_groups_and_of_all_that_have_no_name_are_left_out(tmp_path: Path):
    """The draft asked for the account and the department of blank cells, whose rows counted as lines then."""
    assert sums(tmp_path, UNNAMED, "costs_2025-03.csv") == {("Actual", "2025-03"): "1800.00"}
    (rule,) = yaml.safe_load(draft(UNNAMED))["skip"]
    assert rule == {
        "column": "Account",
        "matches": "^$",
        "and": [{"column": "Description", "matches": "^$"}],
        "may_hold_money": True,
    }


@pytest.mark.parametrize(("old", "new"), [(",1800.00", ",1800.01"), (",1500.00", ",1500.01"), (",,,300.00\n", "")])
def test_rows_without_a_name_that_do_not_add_up_are_a_question(old: str, new: str):
    assert "default: DECIDE" in draft(UNNAMED.replace(old, new))


DESCRIPTOR = """\
feed: x
kind: ledger
path: x.csv
columns: {date: Date, department: Cost Centre, account: Account, amount: Amount}
constants: {scenario: Actual}
"""


def check_with(folder: Path, text: str, more: str = "") -> FileCheck:
    return check_text(folder, text, DESCRIPTOR + more)


@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_a_header_that_is_repeated_names_the_rule_that_skips_it(mark: str, tmp_path: Path):
    """Two files were joined; the second one may begin with the mark of its encoding."""
    text = HEADER + "".join(LINES[:6]) + mark + HEADER + "".join(LINES[6:])
    (fix,) = check_with(tmp_path, text).holds.values()
    assert fix.startswith("line 8 is the header again, as of two files that were joined: add skip: [")
    rule = re.findall(r"add (skip: \[.*?\}\]) to the descriptor", fix)[0]
    assert not check_with(tmp_path, text, rule + "\n").holds
    with_other = check_with(tmp_path, text, 'skip: [{column: Date, matches: "^Page"}]\n')
    assert 'add {column: "Date", matches: "Date$"} to skip in the descriptor' in next(iter(with_other.holds.values()))


STATEMENT = """Acme,,,
Profit and Loss,,,
,Jan 2025,Feb 2025,Total
Income,,,
   4000 Sales,100.00,110.00,210.00
Total Income,100.00,110.00,210.00
Gross Profit,100.00,110.00,210.00
Expenses,,,
   6000 Salaries,40.00,41.00,81.00
   6100 Rent,20.00,20.00,40.00
Total Expenses,60.00,61.00,121.00
Net Income,40.00,49.00,89.00
"Thursday, Apr 03, 2025 08:15 - Accrual Basis",,,
"""


def test_rows_of_a_statement_that_add_up_others_are_left_out(tmp_path: Path):
    written = draft(STATEMENT, "profit_and_loss.csv")
    assert yaml.safe_load(written)["columns"]["account"] == "(column 1)"
    check = checked(tmp_path, STATEMENT, "profit_and_loss.csv", department="D1")
    assert check.is_fine
    sums = {place: str(count.amount) for place, count in check.sums.items()}
    assert sums == {("Actual", "2025-01"): "160.00", ("Actual", "2025-02"): "171.00"}


def test_rows_of_a_statement_that_no_rule_leaves_out_are_a_warning(tmp_path: Path):
    written = draft(STATEMENT, "profit_and_loss.csv").replace("department: DECIDE", "department: D1")
    without = "".join(line for line in written.splitlines(keepends=True) if not line.startswith("skip:"))
    (tmp_path / "profit_and_loss.csv").write_text(STATEMENT, encoding="utf-8")

    def check(text: str) -> FileCheck:
        return check_written(tmp_path, text, "profit_and_loss.csv")

    ((warning, fix),) = check(without).findings.fixes.items()
    assert (
        warning
        == "2 rows are called totals and are the sum of the rows before, so amounts count twice, first on line 6"
    )
    rule = re.search(r"add (skip: \[.*\]) to the descriptor", fix)
    assert rule
    assert not [text for text in check(without + rule[1] + "\n").findings.fixes if "called" in text]


def test_an_account_that_is_called_total_is_no_total_without_its_heading():
    text = (
        "Account,Dept,Jan 2025,Feb 2025\nTotal Gas & Power,10,5.00,6.00\nNet Income,10,1.00,2.00\nRent,10,7.00,8.00\n"
    )
    assert "skip" not in yaml.safe_load(draft(text))


def test_sums_that_a_list_marks_with_stars_are_totals_of_their_level(tmp_path: Path):
    text = (
        "Period,Dept,Cost Elements,Act. Costs,Plan Costs\n2025-03,10,6000,7.50,7.00\n2025-03,10,6100,5.00,6.00\n"
        ",,* Staff,12.50,13.00\n2025-03,10,6200,1.00,2.00\n,,* Rent,1.00,2.00\n,,** Debit,13.50,15.00\n"
    )
    check = checked(tmp_path, text)
    assert check.is_fine, check.holds
    assert check.findings.control_totals.tied == check.findings.control_totals.checked > 0
    assert {place: str(count.amount) for place, count in check.sums.items()} == {
        ("Actual", "2025-03"): "13.50",
        ("Budget", "2025-03"): "15.00",
    }


LABELLED = (
    ",Date,Dept,Amount,Balance\nSalaries,,,,\n,2025-01-31,10,500.00,500.00\n,2025-02-28,10,600.00,1100.00\n"
    'Total for Salaries,,,"$1,100.00",\nRent,,,,\n,2025-01-31,10,7.00,7.00\nTotal for Rent,,,$7.00,\n'
)
LEVELS = (
    ",Type,Date,Class,Amount\nOrdinary Income/Expense,,,,\nIncome,,,,\n4000 · Sales,,,,\n"
    ",Invoice,01/05/2025,North,500.00\n,Invoice,01/15/2025,South,700.00\nTotal 4000 · Sales,,,,1200.00\n"
    "Total Income,,,,1200.00\nExpense,,,,\n6000 · Rent,,,,\n,Bill,01/03/2025,North,-300.00\n"
    "Total 6000 · Rent,,,,-300.00\nTotal Expense,,,,-300.00\nNet Income,,,,900.00\n"
)


BESIDE_DATES = (
    "Date,Source,Debit,Credit,Dept\nSales (200),,,,\n3 Jan 2025,Invoice,0.00,500.00,North\n"
    '15 Jan 2025,Invoice,0.00,700.00,South\nTotal Sales (200),,0.00,"1,200.00",\nRent (469),,,,\n'
    "3 Jan 2025,Bill,300.00,0.00,North\nTotal Rent (469),,300.00,0.00,\n"
)


def test_labels_above_the_dates_of_their_lines_are_the_account(tmp_path: Path):
    drafted = yaml.safe_load(draft(BESIDE_DATES))
    assert drafted["columns"]["account"] == {"from": "Date", "fill_down": "labels"}
    assert drafted["columns"]["date"] == {"from": "Date", "formats": ["d MMM yyyy"]}
    check = checked(tmp_path, BESIDE_DATES)
    assert check.is_fine, check.holds
    assert {str(count.amount) for count in check.sums.values()} == {"-900.00"}
    assert check.findings.control_totals.tied == check.findings.control_totals.checked == 4


HEADINGS = [
    # The text of a heading is in the column of the account, of the department, of the voucher or of the date.
    "Account,Department,Amount\n{}Income,,\n4000,100,14.50\nExpenses,,\n6110,100,1.25\n6120,200,2.25\n",
    "Department,Account,Amount\n{}Sales,,\n100,6110,14.50\n100,6120,1.25\nOperations,,\n200,6110,2.25\n",
    'Account,Name,Department,Amount\n{}"JE-1, 5 Mar",,,\n4000,Sales,100,14.50\n"JE-2, 6 Mar",,,\n6110,Rent,200,3.50\n',
    "Date,Account,Department,Amount\n{}2025-03-01,4000,100,14.50\nReclassifications,,,\n2025-03-31,6110,200,3.50\n",
]


@pytest.mark.parametrize("text", HEADINGS)
def test_headings_among_lines_are_left_out(text: str, tmp_path: Path):
    """Each draft asked for the department or the account of blank cells, which are those of the headings."""
    assert sums(tmp_path, text.format(""), "lines_2025-03.csv") == {("Actual", "2025-03"): "18.00"}
    (rule,) = yaml.safe_load(draft(text.format("")))["skip"]
    assert rule.keys() == {"column", "matches", "and"}


@pytest.mark.parametrize("text", HEADINGS[:3])
def test_a_line_that_lacks_its_codes_is_no_heading(text: str, tmp_path: Path):
    names = text.splitlines()[0].split(",")
    line = ",".join("7.50" if name == "Amount" else "" if place else "9999" for place, name in enumerate(names))
    feed = parse_descriptor(draft(text.format(""), "lines_2025-03.csv"), "draft.yaml")
    (tmp_path / "lines_2025-04.csv").write_text(text.format("") + line + "\n")
    assert not check_file(LocalStore(tmp_path), "lines_2025-04.csv", feed, settings()).is_fine


ONE_AMOUNT = """\
Profit and Loss,
Example Ltd,
March 2025,

,{}
Income,
4000 Consulting,14.50
Total Income,14.50
Expenses,
6110 Rent,1.25
6200 Travel,2.25
Total Expenses,3.50
Net Income,11.00
"""


@pytest.mark.parametrize(
    ("header", "name"), [("Total", "pl_2025-03.csv"), ("Mar 2025", "pl.csv"), ("Mar 25", "pl.csv")]
)
def test_a_statement_of_one_amount_is_read_below_its_only_name(header: str, name: str, tmp_path: Path):
    """Its header was not found, and its totals counted as lines once a person named the account."""
    text = ONE_AMOUNT.format(header)
    assert sums(tmp_path, text, name, department="100") == {("Actual", "2025-03"): "18.00"}
    assert yaml.safe_load(draft(text, name))["columns"]["account"] == "(column 1)"


def test_a_text_behind_a_blank_cell_that_names_no_amount_is_no_header():
    assert yaml.safe_load(draft(ONE_AMOUNT.format("Accrual basis"), "pl_2025-03.csv"))["dialect"]["header_row"] == 0


FEW = (
    "Date,Source,Debit,Credit,Running Balance,Dept\n469 - Rent,,,,,\nOpening Balance,,2400.00,0.00,2400.00,\n"
    "5 Mar 2025,Bill,1200.00,0.00,3600.00,North\nTotal 469 - Rent,,1200.00,0.00,1200.00,\n"
    "Closing Balance,,3600.00,0.00,3600.00,\n200 - Sales,,,,,\nOpening Balance,,0.00,40000.00,-40000.00,\n"
    "15 Mar 2025,Invoice,0.00,14000.50,-54000.50,South\nTotal 200 - Sales,,0.00,14000.50,-14000.50,\n"
    "Closing Balance,,0.00,54000.50,-54000.50,\nTotal,,1200.00,14000.50,-12800.50,\n"
)


def test_labels_of_accounts_with_one_line_each_are_known_by_their_totals(tmp_path: Path):
    """As in the first month of a small company; the draft asked for the date and the account."""
    check = checked(tmp_path, FEW)
    assert check.is_fine, check.holds
    assert {str(count.amount) for count in check.sums.values()} == {"-12800.50"}
    unknown = FEW.replace("Total 469 - Rent", "Total 470").replace("Total 200 - Sales", "Total 201")
    assert yaml.safe_load(draft(unknown))["constants"]["account"] == "DECIDE"


@pytest.mark.parametrize(("text", "net", "totals"), [(LABELLED, "1107.00", 2), (LEVELS, "900.00", 0)])
def test_labels_above_the_lines_of_each_account_are_given_to_them(text: str, net: str, totals: int, tmp_path: Path):
    check = checked(tmp_path, text)
    assert check.is_fine, check.holds
    assert sum(count.amount or 0 for count in check.sums.values()) == Decimal(net)
    assert check.findings.control_totals.tied == check.findings.control_totals.checked == totals
    drafted = yaml.safe_load(draft(text))
    assert drafted["columns"]["account"] == {"from": "(column 1)", "fill_down": True}
    assert drafted["skip"][-1]["label"] is True


@pytest.mark.parametrize(
    "text",
    [
        LABELLED.replace("Rent,,,,\n,", "Rent,"),  # a label on the first line of its block
        LABELLED.replace("Salaries,,,,\n", ""),  # lines above the first label
        "Account,Date,Dept,Amount\n6000,2025-01-31,10,5.00\n6100,2025-01-31,10,6.00\nRent,,,\n",
    ],
)
def test_a_text_alone_on_some_rows_is_no_label(text: str):
    assert "label: true" not in draft(text)


def test_a_total_with_the_currency_of_every_line_is_found_by_its_sum(tmp_path: Path):
    rows = "2025-01-31,10,6000,5.50,USD\n2025-02-28,20,6100,2.00,USD\n2025-02-28,20,6200,1.00,USD\n"
    text = f"Posting Date,Dept,Account,Amount,Currency\n{rows},,,8.50,USD\n"
    assert sums(tmp_path, text) == {("Actual", "2025-01"): "5.50", ("Actual", "2025-02"): "3.00"}
    assert yaml.safe_load(draft(text))["control_total"][0]["kind"] == "grand"


@pytest.mark.parametrize("last", [",,,8.60,USD", ",,,8.50,EUR", ",20,,8.50,USD"])
def test_a_row_that_lacks_cells_and_is_no_sum_is_no_total(last: str):
    rows = "2025-01-31,10,6000,5.50,USD\n2025-02-28,20,6100,2.00,USD\n2025-02-28,20,6200,1.00,USD\n"
    assert "control_total" not in yaml.safe_load(draft(f"Posting Date,Dept,Account,Amount,Currency\n{rows}{last}\n"))


@pytest.mark.parametrize(
    ("titles", "said"),
    [
        (
            "Cost Centers: Actual/Plan\nCost Center/Group     110\n",
            "a row above the header says 'Cost Center/Group 110'",
        ),
        ("Report,\nCost center,110\n", "the rows above the header say 'Cost center', '110'"),
        ("Kostenstelle 110\n\n", "a row above the header says 'Kostenstelle 110'"),
        ("Cost report\nDepartmental view\n", ""),
        ("Department,Description\n", ""),
        ("Department code,Department name\n", ""),  # names of columns, and no value of them
    ],
)
def test_a_title_that_names_the_department_is_shown_where_it_is_asked_for(titles: str, said: str):
    written = draft(f"{titles}Posting Date,Account,Amount\n2025-01-31,6000,5.50\n2025-02-28,6100,2.00\n")
    comment = " ".join(line.strip(" #") for line in written.splitlines())
    end = f"give there the department of every line; {said}." if said else "give there the department of every line."
    assert end in comment
    assert yaml.safe_load(written)["constants"]["department"] == "DECIDE"


@pytest.mark.parametrize("notes", [["Prepared by Jane"], ["Confidential", "* preliminary", "Exported on 2025-04-01"]])
@pytest.mark.parametrize("total", ["", "Total,,15.50,\n"])
def test_notes_below_a_table_are_left_out(notes: list[str], total: str, tmp_path: Path):
    below = "".join(f"{note},,,\n" for note in notes)
    text = f"Dept,Account,Amount,Comment\n100,6110,10.50,ok\n200,6120,5.00,\n{total}\n{below}"
    assert "fill_down" not in draft(text, "x_2025_03.csv")
    check = checked(tmp_path, text, "x_2025_03.csv")
    assert check.is_fine, check.holds
    assert [str(count.amount) for count in check.sums.values()] == ["15.50"]


@pytest.mark.parametrize("row", ["200,6130,", ",6130,", "200,,7.00"])
def test_a_line_below_the_others_that_lacks_a_cell_is_no_note(row: str):
    text = f"Dept,Account,Amount\n100,6110,10.50\n200,6120,5.00\n{row}\n"
    assert "skip" not in yaml.safe_load(draft(text, "x_2025_03.csv"))


def test_a_later_line_that_lacks_its_amount_is_rejected_by_a_draft_with_notes(tmp_path: Path):
    header = "Dept,Account,Amount\n100,6110,10.50\n200,6120,5.00\n"
    (tmp_path / "x_2025_03.csv").write_text(f"{header}200,6130,\nConfidential,,\n", encoding="utf-8")
    check = check_written(tmp_path, draft(f"{header}Confidential,,\n", "x_2025_03.csv"), "x_2025_03.csv")
    assert [row.row for row in check.refused_rows] == [4]
