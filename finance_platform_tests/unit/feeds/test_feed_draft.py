"""`feed draft`: a descriptor for a file that no feed reads yet, from its names and from its values."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import pytest
import xlsxwriter
import yaml
from hypothesis import given
from hypothesis import settings as settings_of_test
from hypothesis import strategies as st

from finance_platform.errors import DescriptorError, UnreadableDeliveryError
from finance_platform.feeds.descriptor.parser import parse_descriptor
from finance_platform.feeds.draft.values import guess_amounts, guess_dates
from finance_platform.feeds.values.header_words import WORDS, plain_name
from finance_platform.feeds.values.month_names import read_month
from finance_platform.refresh.file_check.feed_check import check_file
from finance_platform.storage.local import LocalStore
from finance_platform_tests.profiles import current_profile
from finance_platform_tests.unit.factories import settings
from finance_platform_tests.unit.feeds.drafts import checked, draft, drafted, mistakes_of
from finance_platform_tests.workbooks import xlsx

GERMAN = """\
Kontenblatt 2025;;;;
Firma Muster;;;;
Buchungsdatum;Kostenstelle;Sachkonto;Betrag;Buchungstext
31.01.2025;0460;6110;1.234,50;Büro
15.02.2025;0460;6120;-99,00;Reise
"""
FRENCH = """\
Date comptable,Centre de coût,Numéro de compte,Débit,Crédit,Libellé
03/01/2025,C1,601000,"1 200.50",,Achats
28/01/2025,C1,701000,,"300.00",Ventes
"""
PLAIN = "Posting Date,Cost Centre,GL Account,Amount\n2025-01-31,D1,4000,10.00\n2025-02-28,D1,4000,20.00\n"


def test_a_file_in_which_nothing_is_ambiguous_passes_check_by_its_draft(tmp_path: Path):
    check = checked(tmp_path, PLAIN)
    assert check.is_fine
    assert {place: str(count.amount) for place, count in check.sums.items()} == {
        ("Actual", "2025-01"): "10.00",
        ("Actual", "2025-02"): "20.00",
    }


def test_delimiter_encoding_titles_marks_and_dates_are_found(tmp_path: Path):
    check = checked(tmp_path, GERMAN.encode("cp1252"))
    assert check.is_fine
    assert {place: str(count.amount) for place, count in check.sums.items()} == {
        ("Actual", "2025-01"): "1234.50",
        ("Actual", "2025-02"): "-99.00",
    }
    feed = drafted(GERMAN.encode("cp1252"))
    assert (feed.dialect.delimiter, feed.dialect.encoding, feed.dialect.header_row) == (";", "cp1252", [3])
    assert (feed.columns["amount"].decimal, feed.columns["amount"].thousands) == (",", ".")
    assert feed.columns["date"].formats == ["dd.MM.yyyy"]
    assert "The file is not UTF-8" in draft(GERMAN.encode("cp1252"))


def test_debit_and_credit_are_proposed_as_a_pair(tmp_path: Path):
    feed = drafted(FRENCH)
    assert feed.columns["amount"].source is not None
    assert feed.columns["amount"].source.model_dump(exclude_none=True) == {"debit": "Débit", "credit": "Crédit"}  # type: ignore[union-attr]
    check = checked(tmp_path, FRENCH)
    assert {place: str(count.amount) for place, count in check.sums.items()} == {("Actual", "2025-01"): "900.50"}


def test_the_accounted_sides_of_a_journal_are_taken_before_the_entered_ones(tmp_path: Path):
    """Entered amounts are in the currency of the document."""
    rows = (
        "GL Date,Cost Center,Account,Entered Dr,Entered Cr,Accounted Dr,Accounted Cr\n"
        "03-JAN-2025,0460,6110,1000.00,,1234.50,\n05-JAN-2025,0460,6110,,90.00,,99.00\n"
    )
    check = checked(tmp_path, rows)
    assert {str(count.amount) for count in check.sums.values()} == {"1135.50"}


def test_a_file_without_a_header_gets_names_and_samples_of_what_is_not_used():
    rows = "1;20250131;4000;10,00\n2;20250228;4000;20,00\n"
    text = draft(rows)
    feed = drafted(rows, department="D1", account="4000")
    assert (feed.dialect.header_row, len(feed.dialect.names)) == ([0], 4)
    assert feed.columns["date"].source == ["column 2"]
    assert feed.columns["amount"].source == ["column 4"]
    assert "column 3 ('4000')" in text


def test_a_column_is_proposed_only_if_its_values_are_of_that_field():
    text = draft("Date,Amount,Cost Centre,Account\nsoon,10.00,D1,4000\nlater,20.00,D1,4000\n")
    assert "'Date' looks like a date by its name, but 'soon' is not one" in text
    assert "date:" not in text.partition("columns:\n")[2].partition("constants")[0]


@pytest.mark.parametrize(
    ("dates", "comment"),
    [("03/04/2025,05/06/2025", "is also a date of the form MM/dd/yyyy"), ("13/04/2025,05/06/2025", "")],
)
def test_days_and_months_that_could_be_exchanged_are_for_a_person_to_decide(dates: str, comment: str):
    rows = "".join(f"{day},D1,4000,1.00\n" for day in dates.split(","))
    text = draft("Date,Dept,Account,Amount\n" + rows)
    assert "dd/MM/yyyy" in text
    assert ("is also a date" in text) == bool(comment)
    assert comment in text


def test_an_amount_that_could_mean_two_things_is_for_a_person_to_decide():
    text = draft("Date,Dept,Account,Amount\n2025-01-01,D1,4000,1.234\n")
    assert "decide: '1.234' could mean two things" in text
    settled = draft('Date,Dept,Account,Amount\n2025-01-01,D1,4000,"1.234"\n2025-01-01,D1,4000,"2.345,50"\n')
    assert "could mean two things" not in settled


def test_rows_that_a_run_would_reject_are_named():
    text = draft(PLAIN + "".join("2025-01-31,D1,4000,10.00\n" for _ in range(20)) + "2025-01-31,D1,4000,n/a\n")
    assert "'n/a' is not an amount, so its row will be rejected" in text


def test_a_missing_department_is_refused_until_a_person_decides(tmp_path: Path):
    text = "Date,Nominal Code,Net Amount\n2025-01-31,4000,10.00\n"
    assert "decide: No column was recognized as the department" in draft(text)
    (mistake,) = mistakes_of(draft(text))
    assert mistake.endswith("constants.department is not decided")
    with pytest.raises(DescriptorError) as refused:
        parse_descriptor(draft(text), "costs.yaml")
    assert "name that column in columns.department and remove constants.department" in refused.value.fix
    assert checked(tmp_path, text, department="D1").is_fine


def test_the_name_of_a_budget_gives_its_scenario():
    assert drafted(PLAIN, "budget_2025.csv").constants["scenario"] == "Budget"


@pytest.mark.parametrize(
    ("name", "scenario"),
    [
        ("forecast_2025-06.csv", "Forecast 2025-06"),
        ("Forecast 202506.csv", "Forecast 2025-06"),
        ("budget_q1_hr.csv", "Budget Q1"),
        ("forecast_hr.csv", "Forecast"),
    ],
)
def test_a_draft_takes_the_scenario_of_a_plan_from_the_name_as_the_shipped_feeds_do(
    name: str, scenario: str, tmp_path: Path
):
    assert {of for of, _ in checked(tmp_path, PLAIN, name).sums} == {scenario}


@pytest.mark.parametrize(
    ("name", "mode"),
    [
        ("forecast_hr.csv", "replace_period"),
        ("forecast_2025-06.csv", "replace_period"),
        ("Budget FY25.csv", "replace_period"),
        ("ledger.csv", "append"),
    ],
)
def test_a_second_version_of_a_plan_does_not_count_beside_the_first(name: str, mode: str):
    assert drafted(PLAIN, name).load.mode == mode


@pytest.mark.parametrize(
    ("header", "columns"),
    [
        ("Dept No,Dept Name,Division", {"code": "Dept No", "name": "Dept Name", "business_unit": "Division"}),
        (
            "Department ID,Department,Division",
            {"code": "Department ID", "name": "Department", "business_unit": "Division"},
        ),
        ("Code,Department,Directorate", {"code": "Code", "name": "Department", "business_unit": "Directorate"}),
    ],
)
def test_a_department_s_code_is_the_column_with_numbers_and_its_name_the_one_with_words(
    header: str, columns: dict[str, str]
):
    feed = drafted(f"{header}\n100,Brewing,Operations\n200,Sales,Commercial\n", "list.csv")
    assert {name: column.source for name, column in feed.columns.items()} == {
        name: [source] for name, source in columns.items()
    }


def test_an_account_s_number_is_the_column_with_numbers_and_a_group_of_its_type_is_its_category():
    header = "GL Code,Account,Account Type,Detail Type"
    feed = drafted(f"{header}\n4000,Beer,Income,Sales\n6000,Rent,Expense,Premises\n", "list.csv")
    assert {name: column.source for name, column in feed.columns.items()} == {
        "number": ["GL Code"],
        "name": ["Account"],
        "type": ["Account Type"],
        "category": ["Detail Type"],
    }


def test_scenarios_of_a_column_are_proposed_and_others_left_to_decide():
    feed = drafted("Date,Dept,Account,Amount,Version\n2025-01-31,D1,4000,1.00,Actual\n2025-01-31,D1,4000,1.00,Budget\n")
    assert feed.columns["scenario"].source == ["Version"]
    assert "'V1'" in draft("Date,Dept,Account,Amount,Version\n2025-01-31,D1,4000,1.00,V1\n")


@pytest.mark.parametrize(
    ("text", "kind", "fields"),
    [
        ("Cost Centre,Name,Business Unit\n0460,IT,Central\n", "departments", {"code", "name", "business_unit"}),
        ("Account,Account Name,Type\n4000,Sales,Revenue\n", "accounts", {"number", "name", "type"}),
        ("Konto;Bezeichnung;Kontenart\n6110;Miete;Aufwand\n", "accounts", {"number", "name", "type"}),
        ("Konto;Bezeichnung;GuV-Seite\n6110;Miete;Aufwand\n", "accounts", {"number", "name", "type"}),
        ("Kostenstelle;Bezeichnung;Bereich\n1;Süd;Vertrieb\n", "departments", {"code", "name", "business_unit"}),
        (
            "Department,Valid from,End Date,Replaces,Share\nA,2025-01-01,,,\nB,2025-03-01,2025-12-31,A,60%\n",
            "departments",
            {"code", "valid_from", "valid_to", "predecessor", "share"},
        ),
        ("Department,Share\nA,60%\nB,40%\n", "departments", {"code"}),
        (
            "Konto;Kontenart;Gültig ab\n6110;Aufwand;01.01.2025\n",
            "accounts",
            {"number", "type", "valid_from"},
        ),
    ],
)
def test_master_data_is_recognized(text: str, kind: str, fields: set[str], tmp_path: Path):
    feed = drafted(text, "masters.csv")
    assert (feed.kind, set(feed.columns)) == (kind, fields)
    assert checked(tmp_path, text, "masters.csv").is_fine


@pytest.mark.parametrize(
    ("name", "text", "kind", "code"),
    [
        ("departments.csv", "Cost Center,Name\nD10,Sales\nD20,Operations\nD30,HR\n", "departments", "Cost Center"),
        ("units.csv", "Departments of 2025\n\nCost Center,Name\nD10,Sales\nD20,HR\n", "departments", "Cost Center"),
        ("departments_2025.csv", "CC,Label\nD10,Sales\nD20,HR\n", "departments", "CC"),
        ("accounts.csv", "Nr,Label\nS1,Sales\nR1,Rent\n", "accounts", "Nr"),
    ],
)
def test_master_data_without_a_number_is_recognized_by_its_first_row_and_its_name(
    name: str, text: str, kind: str, code: str, tmp_path: Path
):
    feed = drafted(text, name)
    column = feed.columns["code" if kind == "departments" else "number"]
    assert (feed.kind, column.source) == (kind, [code])
    assert checked(tmp_path, text, name).is_fine


@pytest.mark.parametrize(
    ("name", "feed", "path"),
    [
        ("spend_2025-01.csv", "spend", "spend_*.csv"),
        ("erp/GL Extract 03.csv", "gl_extract", "erp/GL Extract *.csv"),
        ("hauptbuch_2025_q1.csv", "hauptbuch", "hauptbuch_*.csv"),
        ("FY25 Costs v3.csv", "fy25_costs", "FY25 Costs v*.csv"),
        ("2025-03_costs.csv", "costs", "20??-??_costs.csv"),
        ("S_ALR_87013611.csv", "s_alr_87013611", "S_ALR_87013611.csv"),
        ("S_ALR_87013611_2025-03.csv", "s_alr_87013611", "S_ALR_87013611_*.csv"),
        ("FAGLL03 2025-03.csv", "fagll03", "FAGLL03 *.csv"),
        ("sage50_tb.csv", "sage50_tb", "sage50_tb.csv"),
        ("2025.csv", "new_feed", "20??.csv"),
        ("[x] a.csv", "x_a", "?x? a.csv"),
        ("unread files.csv", "new_feed", "unread files.csv"),
        ("é.csv", "new_feed", "é.csv"),
        ("a..b**.csv", "a_b", "a?.b*.csv"),
    ],
)
def test_the_path_covers_the_file_and_its_successors(name: str, feed: str, path: str):
    descriptor = drafted(PLAIN, name)
    assert (descriptor.feed, descriptor.path) == (feed, path)
    assert descriptor.matches(name)


def test_a_file_whose_name_no_feed_reads_gets_a_path_to_decide():
    text = draft(PLAIN, "ledger.dat")
    assert parse_descriptor(text, "draft.yaml").path == "ledger.csv"
    assert "decide: no feed reads files that end in '.dat'; rename the file" in text


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "the file is empty"),
        (b"  \n ", "the file is empty"),
        (b"%PDF-1.7\n", "a PDF document"),
        (b"<html><body>", "an HTML page"),
        (b"one\ntwo\n", "no row has two cells"),
    ],
)
def test_a_file_without_a_table_is_refused(data: bytes, message: str):
    with pytest.raises(UnreadableDeliveryError, match=message):
        draft(data)


@pytest.mark.parametrize(
    ("text", "message", "fix"),
    [
        ('#FLAGGA 0\r\n#FORMAT PC8\r\n#KONTO 5010 "Lokalhyra"\r\n', "a SIE file", "Verifikationslista"),
        ("!TRNS\tDATE\tACCNT\tAMOUNT\n!ENDTRNS\nTRNS\t3/5/2025\tBank\t-5.00\nENDTRNS\n", "IIF", "Transaction Detail"),
        ("!HDR\tPROD\tVER\nHDR\tQuickBooks\tx\n", "an IIF file of QuickBooks", "Transaction Detail by Account"),
        ("!Type:Bank\nD03/05/2025\nT-5.00\n^\n", "a QIF file", "lines of the ledger"),
        ("OFXHEADER:100\nDATA:OFXSGML\n", "an OFX file", "lines of the ledger"),
        (":20:STARTUMS\n:25:1234/5678\n:60F:C250301EUR5,00\n", "an MT940 file", "lines of the ledger"),
        ('[{"account": "6110", "amount": 5.00}, {"account": "6120", "amount": 6.00}]', "a JSON document", "as CSV"),
    ],
)
def test_a_file_that_programs_exchange_is_refused_with_what_to_export(text: str, message: str, fix: str):
    """An IIF file asked for the account, the department and another ending; others had no two cells."""
    with pytest.raises(UnreadableDeliveryError, match=message) as error:
        draft(text, "export.csv")
    assert fix in error.value.fix


@pytest.mark.parametrize("first", ["#", "!Account", "[Account]", "{Account"])
def test_a_table_whose_first_header_has_a_mark_is_drafted(first: str):
    assert draft(f"{first},Dept,Date,Amount\n6110,10,2025-03-01,5.00\n")


HOSTILE = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=30)


@settings_of_test(max_examples=current_profile().examples_of_slow(100))
@given(names=st.lists(HOSTILE, min_size=1, max_size=4), file=HOSTILE)
def test_no_header_or_file_name_makes_a_draft_that_says_anything_else(names: list[str], file: str):
    quoted = ",".join(f'"{name.replace(chr(34), chr(34) * 2)}"' for name in (*names, "Posting Date", "Amount", "Dept"))
    cells = ",".join(["x"] * len(names))
    text = draft(f"{quoted},Account\n{cells},2025-01-31,10.00,D1,4000\n", f"{file.replace('/', '_')}.csv")
    values = yaml.load(text, yaml.BaseLoader)  # noqa: S506 - texts only, as the product reads it
    assert set(values) <= {
        "feed",
        "kind",
        "path",
        "dialect",
        "columns",
        "constants",
        "load",
        "control_total",
        "unpivot",
    }
    assert all(character == "\n" or character.isprintable() or character == "\xa0" for character in text)
    # Nothing is made up: what was not recognized is not decided, and nothing else is wrong.
    mistakes = mistakes_of(text)
    assert all("is not decided" in mistake for mistake in mistakes), (mistakes, text)


def test_patterns_of_dates_are_those_that_read_every_sample():
    guess = guess_dates(["2025-01-31", "31/01/2025"])
    assert guess is not None
    assert set(guess.formats) == {"yyyy-MM-dd", "dd/MM/yyyy"}
    assert guess_dates(["red", "blue"]) is None
    assert guess_dates([]) is None


def test_marks_of_amounts_are_those_that_read_every_sample():
    for texts, marks in (
        (["1,234.50", "3"], (".", ",")),
        (["1.234,50"], (",", ".")),
        (["1'234.50"], (".", "'")),
        (["12,5"], (",", ".")),
        (["(12.50)", "-"], (".", ",")),
        (["1234.50", "-12.50"], (".", None)),
        (["1234,50", "0,50"], (",", None)),
        (["12", "15"], (".", None)),
    ):
        guess = guess_amounts(texts)
        assert guess is not None
        assert (guess.decimal, guess.thousands) == marks
    assert guess_amounts(["a", "-"]) is None
    assert guess_amounts(["-"]) is None


@pytest.mark.parametrize(
    ("header", "month"),
    [
        ("Jan", 1),
        ("März", 3),
        ("Dez 2025", 12),
        ("2025-07", 7),
        ("août", 8),
        ("Q1", None),
        ("Total", None),
        ("13", None),
    ],
)
def test_months_are_known_in_several_languages(header: str, month: int | None):
    named = read_month(header)
    assert (named.month if named else None) == month


def test_every_word_of_a_header_is_written_as_it_is_compared():
    assert {word for words in WORDS.values() for word in words if plain_name(word) != word} == set()


def workbook(path: Path, sheets: dict[str, list[list[object]]]) -> bytes:
    with xlsxwriter.Workbook(path) as book:
        for name, rows in sheets.items():
            sheet = book.add_worksheet(name)
            for number, row in enumerate(rows):
                sheet.write_row(number, 0, row)
    return path.read_bytes()


TABLE: list[list[object]] = [
    ["Ledger of the branch"],
    [],
    ["Posting Date", "Cost Centre", "Account", "Amount"],
    ["2025-01-31", "D1", "4000", 10.5],
    ["2025-02-28", "D1", "4000", 20],
]


def test_the_sheet_with_a_table_and_its_header_row_are_found(tmp_path: Path):
    data = workbook(tmp_path / "in.xlsx", {"Cover": [["Read me"]], "Ledger": TABLE})
    feed = drafted(data, "ledger.xlsx")
    assert (feed.sheet, feed.dialect.header_row) == (["Ledger"], [3])
    assert "decide: other sheets are not read: 'Cover'" in draft(data, "ledger.xlsx")
    check = checked(tmp_path, data, "ledger.xlsx")
    assert check.is_fine
    assert sum(count.amount for count in check.sums.values()) == Decimal("30.50")


def test_sheets_with_the_same_header_are_read_together(tmp_path: Path):
    data = workbook(tmp_path / "in.xlsx", {"Jan": TABLE, "Feb": TABLE})
    assert drafted(data, "ledger.xlsx").sheet == ["Jan", "Feb"]
    assert checked(tmp_path, data, "ledger.xlsx").outcomes["accepted"].rows == 4


@pytest.mark.parametrize(
    ("name", "sheets", "date"),
    [
        ("costs.xlsx", ["Jan 2025", "Mar 2025"], {"formats": ["MMM yyyy"]}),
        ("costs.xlsx", ["2025-01", "2025-03"], {"formats": ["yyyy-MM"]}),
        ("costs_2025.xlsx", ["Januar", "März"], {"map": {"Januar": "2025-01-01", "März": "2025-03-01"}}),
    ],
)
def test_sheets_that_are_called_like_months_give_the_date(
    name: str, sheets: list[str], date: dict[str, object], tmp_path: Path
):
    """One date for all of them would put the money of the year into one month."""
    header = ["Cost Centre", "Account", "Amount"]
    book = xlsx({sheet: [header, ["0460", "6110", 10 + nth]] for nth, sheet in enumerate(sheets)})
    assert "date: DECIDE" not in draft(book, name)
    values = drafted(book, name).columns["date"].model_dump(by_alias=True)
    assert {key: values[key] for key in date} == date
    check = checked(tmp_path, book, name)
    assert {place[1]: str(count.amount) for place, count in check.sums.items()} == {
        "2025-01": "10.00",
        "2025-03": "11.00",
    }


def test_sheets_of_months_without_a_year_are_for_a_person_to_decide():
    header = ["Cost Centre", "Account", "Amount"]
    text = draft(xlsx({sheet: [header, ["0460", "6110", 10]] for sheet in ("Jan", "Feb")}), "costs.xlsx")
    assert "map: {Jan: DECIDE, Feb: DECIDE}" in text


def test_days_as_a_spreadsheet_counts_them_are_a_date_where_the_name_says_so(tmp_path: Path):
    rows = "Date,Cost Centre,GL Account,Amount\n45660,D1,4000,10.00\n45713,D1,4000,20.00\n"
    check = checked(tmp_path, rows)
    assert {place[1] for place in check.sums} == {"2025-01", "2025-02"}
    assert "date:" not in draft(rows.replace("Date,", "Number,")).partition("columns:")[2].partition("constants")[0]


def test_a_workbook_without_a_table_is_refused(tmp_path: Path):
    data = workbook(tmp_path / "in.xlsx", {"Cover": [["Read me"]]})
    with pytest.raises(UnreadableDeliveryError, match="no sheet looks like a table: 'Cover'"):
        draft(data, "ledger.xlsx")


def test_packed_text_is_drafted_as_text(tmp_path: Path):
    data = gzip.compress(PLAIN.encode())
    assert drafted(data, "ledger_1.csv.gz").path == "ledger_*.csv.gz"
    assert checked(tmp_path, data, "ledger_1.csv.gz").is_fine


def test_printed_totals_are_claimed_and_must_tie(tmp_path: Path):
    rows = "Posting Date,Cost Centre,GL Account,Amount\n2025-01-31,D1,4000,10.00\n2025-01-31,D2,4000,20.00\n"
    check = checked(tmp_path, rows + "Grand Total,,,30.00\n")
    assert check.is_fine
    assert check.findings.control_totals.tied == 1
    levels = draft(rows + "Subtotal,,,30.00\n" + "2025-02-28,D1,4000,1.00\nSubtotal,,,1.00\nTotal,,,31.00\n")
    (line,) = [line for line in levels.splitlines() if line.startswith("control_total")]
    assert yaml.safe_load(line)["control_total"] == [
        {"kind": "subtotal", "row": {"column": "Posting Date", "matches": "(?i)^subtotal"}},
        {"kind": "grand", "row": {"column": "Posting Date", "matches": "(?i)^total"}},
    ]


def test_a_total_without_a_name_below_totals_with_one_is_the_total_of_all_lines(tmp_path: Path):
    rows = (
        "Account,Date,Department,Amount\n6110 - Rent,2025-01-03,D1,1234.50\n6110 - Rent,2025-01-25,D1,-99.00\n"
        "Total - 6110 - Rent,,,1135.50\n6120 - Travel,2025-02-13,D1,10.00\nTotal - 6120 - Travel,,,10.00\n"
        "Total,,,1145.50\n"
    )
    check = checked(tmp_path, rows)
    assert check.is_fine, check.holds
    assert (check.findings.control_totals.checked, check.findings.control_totals.tied) == (3, 3)
    assert {str(count.amount) for count in check.sums.values()} == {"1135.50", "10.00"}


def test_an_account_that_is_called_total_is_not_taken_for_a_total():
    text = "Posting Date,Cost Centre,GL Account,Amount\n2025-01-31,D1,Total Energies,10.00\n2025-01-31,D1,Rent,1.00\n"
    assert "control_total" not in draft(text)


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("gl_2025-03.csv", {"date": {"from_name": "(20[0-9]{2})[-_ .]?(0[1-9]|1[0-2])", "template": "{1}-{2}"}}),
        ("gl_202503.csv", {"date": {"from_name": "(20[0-9]{2})[-_ .]?(0[1-9]|1[0-2])", "template": "{1}-{2}"}}),
    ],
)
def test_a_month_in_the_name_gives_the_date_of_a_file_without_one(name: str, source: dict[str, dict[str, str]]):
    values = yaml.safe_load(draft("Cost Centre,GL Account,Amount\nD1,4000,10.00\n", name))
    assert values["columns"]["date"] == {**source["date"], "formats": ["yyyy-MM"]}


@pytest.mark.parametrize(
    ("name", "feed"),
    [("Budget 2025.xlsx.csv", "budget_2025_xlsx"), ("Budget 2025.csv", "budget_files"), ("costs.csv", "costs")],
)
def test_a_draft_never_has_the_name_of_a_shipped_feed_which_it_would_replace(name: str, feed: str):
    text = "Posting Date,Cost Centre,GL Account,Amount\n2025-01-31,D1,4000,10.00\n"
    assert yaml.safe_load(draft(text, name))["feed"] == feed


MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


@pytest.mark.parametrize(
    ("title", "months", "name", "scenario"),
    [
        ("Budget 2026", MONTHS, "costs.csv", "Budget"),
        ("", MONTHS, "plan_2026.csv", "Budget"),
        ("", [f"{month} 2026" for month in MONTHS], "costs.csv", "Actual"),
        ("", [f"2026-{number:02d}" for number in range(1, 13)], "costs.csv", "Actual"),
        ("2026", ("Januar", "Februar", "März", "April", "Mai", "Juni", "Juli"), "costs.csv", "Actual"),
        ("", ("Jan 2026", "Feb 2026", "Mar 2026"), "costs.csv", "Actual"),
        ("2026", ("January", "February"), "costs.csv", "Actual"),
        ("", ("Jan-26", "Feb-26", "Mar-26"), "costs.csv", "Actual"),
        ("", ("31.01.2026", "28.02.2026"), "costs.csv", "Actual"),
        ("", ("Jan'26", "Feb'26"), "costs.csv", "Actual"),
        ("", ("Forecast Jan 2026", "Forecast Feb 2026"), "costs.csv", "Forecast"),
        ("", ("Jan 2026",), "costs.csv", "Actual"),
        ("FY2026", [f"P{number}" for number in range(1, 13)], "costs.csv", "Actual"),
        ("2026", [str(number) for number in range(1, 13)], "costs.csv", "Actual"),
    ],
)
def test_a_column_per_month_becomes_a_line_per_month(
    title: str, months: Sequence[str], name: str, scenario: str, tmp_path: Path
):
    head = f"{title}\n" if title else ""
    text = f"{head}Cost Centre,Account,{','.join(months)}\n0460,6110,{','.join(['100.00'] * len(months))}\n"
    check = checked(tmp_path, text, name)
    assert check.is_fine
    expected = [(scenario, f"2026-{number:02d}") for number in range(1, len(months) + 1)]
    assert sorted(check.sums) == expected


PUBLISHED = Path(__file__).resolve().parents[4] / "shared" / "data"
FIRST_LINES = 1_500
"""By default a published file has no more lines."""


@pytest.mark.parametrize(
    ("file", "decided", "rows", "total", "total_of_first"),
    [
        ("gla_spend/raw/all.csv", {"department": "GLA"}, 28_145, "1000083306.00", "21103379.68"),
        ("oxford_spend/raw/expenditure-over-500-apr-jun-2016.csv", {}, 3_335, "11597335.91", "4370126.83"),
        ("oxford_spend/raw/expenditure-over-500-apr-jun-2014.csv", {}, 3_836, "14165887.28", "5247179.71"),
        (
            "oakland_budget/raw/FY19-20__adopted.csv",
            {"FY19-20": "2019-07-01", "account": "4000"},
            19_456,
            "3312445302.00",
            "207430464.00",
        ),
    ],
)
def test_a_published_file_passes_check_by_its_draft(
    file: str, decided: dict[str, str], rows: int, total: str, total_of_first: str, tmp_path: Path
):
    path = PUBLISHED / file
    if not path.exists():
        pytest.skip(f"the published files are not in {PUBLISHED}")
    data = path.read_bytes()
    if not current_profile().is_exhaustive:
        rows, total = FIRST_LINES, total_of_first
        data = b"".join(data.splitlines(keepends=True)[: 1 + FIRST_LINES])
    (tmp_path / path.name).write_bytes(data)
    check = check_file(LocalStore(tmp_path), path.name, drafted(data, path.name, **decided), settings())
    assert check.is_fine
    accepted = check.outcomes["accepted"]
    assert (accepted.rows, accepted.amount) == (rows, Decimal(total))


@pytest.mark.parametrize("name", ["gl.csv", "gl_2024.csv", "market_2024.csv"])
def test_a_file_without_a_date_is_refused_until_a_person_decides(name: str, tmp_path: Path):
    text = "Cost Centre,GL Account,Amount\nD1,4000,10.00\n"
    assert "decide: No column was recognized as the date" in draft(text, name)
    (mistake,) = mistakes_of(draft(text, name))
    assert mistake.endswith("constants.date is not decided")
    check = checked(tmp_path, text, name, date="2024-03-31")
    assert (check.is_fine, list(check.sums)) == (True, [("Actual", "2024-03")])


def test_a_column_of_signs_is_proposed():
    feed = drafted("Datum;KSt;Konto;Betrag;S/H\n31.01.2025;D1;4000;1,00;H\n31.01.2025;D1;4000;2,00;S\n")
    assert feed.columns["amount"].sign_column is not None
    assert feed.columns["amount"].sign_column.negative == ["H"]
    assert feed.sign == "debit_positive"


@pytest.mark.parametrize(
    ("number", "reverses"),
    [("Document No", "Reversed document"), ("Entry No", "Reversal of"), ("Id", "Reverses"), ("Belegnr", "Storno zu")],
)
def test_a_column_that_names_the_reversed_line_is_a_field_of_its_own(number: str, reverses: str) -> None:
    text = f"Posting Date,Cost Centre,GL Account,Amount,{number},{reverses}\n"
    fields = drafted(f"{text}2025-01-31,D1,4000,10.00,M1,\n2025-02-28,D1,4000,-10.00,M2,M1\n").columns
    assert (fields["transaction_id"].source, fields["reverses"].source) == ([number], [reverses])


def test_a_column_that_names_the_reversed_line_is_not_read_without_numbers_of_lines() -> None:
    text = PLAIN.replace("Amount\n", "Amount,Reversal of\n").replace(".00\n", ".00,M1\n")
    assert "reverses" not in drafted(text).columns


@pytest.mark.parametrize(
    ("header", "periods", "months"),
    [
        ("Fiscal Year,Period", ["2025,001", "2025,002", "2025,013", "2025,016"], "01 02 12 12"),
        ("Fiscal Year,Period", ["2025,1", "2025,2", "2025,13"], "01 02 12"),
        ("Fiscal Year,Period", ["2025,P01", "2025,P12", "2025,P13"], "01 12 12"),
        ("Note,Posting period", ["a,001/2025", "a,012/2025", "a,013/2025"], "01 12 12"),
        ("Note,Posting period", ["a,2025001", "a,2025012", "a,2025014"], "01 12 12"),
    ],
)
def test_periods_of_the_year_end_count_in_the_last_month(tmp_path: Path, header: str, periods: list[str], months: str):
    text = f"{header},Account,Department,Amount\n" + "".join(f"{one},6000,10,1.00\n" for one in periods)
    assert "decide: periods of the year-end count in the last month of their year" in draft(text).replace("\n  #", "")
    check = checked(tmp_path, text)
    assert check.is_fine
    assert sorted(period for (_, period), count in check.sums.items() for _ in range(count.rows)) == [
        f"2025-{month}" for month in months.split()
    ]


@pytest.mark.parametrize("texts", ["001/2025 012/2025 017/2025", "01/31/2025 12/31/2025 13/01/2025"])
def test_a_number_that_is_no_period_of_the_year_end_is_not_mapped(texts: str):
    lines = "".join(f"{text},6000,10,1.00\n" for text in texts.split())
    written = draft(f"Posting period,Account,Department,Amount\n{lines}")
    assert "map" not in written


TYPED = """\
Date,Account,Account Type,Department,Amount
2025-01-31,4000,{0},10,{1}70.00
2025-01-31,6000,Expense,10,{2}20.00
"""


@pytest.mark.parametrize(
    ("revenue", "of_revenue", "of_costs", "sign"),
    [
        ("Income", "", "-", "credit_positive"),
        ("Revenue", "-", "", "debit_positive"),
        ("Other Income", "", "", None),
        ("Expense", "", "-", None),
        ("Asset", "", "-", None),
    ],
)
def test_the_signs_of_types_give_the_rule_of_signs(
    tmp_path: Path, revenue: str, of_revenue: str, of_costs: str, sign: str | None
):
    text = TYPED.format(revenue, of_revenue, of_costs)
    assert yaml.safe_load(draft(text)).get("sign") == sign
    check = checked(tmp_path, text)
    assert check.is_fine
    if sign:
        # Debit less credit, from which the star has the natural sign of each type: both are positive there.
        assert [count.amount for count in check.sums.values()] == [Decimal("-50.00")]


def test_some_corrections_do_not_hide_the_sign_of_a_type():
    lines = "".join(f"2025-01-31,4000,Income,10,{amount}\n" for amount in ("-1.00", "5.00", "6.00", "7.00", "8.00"))
    written = draft(TYPED.format("Income", "", "-") + lines)
    assert "# decide: amounts of revenue are positive and those of costs negative\nsign: credit_positive" in written
    mixed = draft(TYPED.format("Income", "", "-") + lines.replace("5.00", "-5.00"))
    assert "sign:" not in mixed


UNTYPED = (
    "Date,Account,Department,Amount\n2025-01-31,4000,10,{}70.00\n2025-01-31,6000,10,20.00\n2025-01-31,6100,10,30.00\n"
)


@pytest.mark.parametrize("header", ["Jan 2025,Feb 2025", "Actual,Budget"])
def test_signs_are_a_question_where_amounts_are_in_several_columns(header: str):
    rows = "4000,10,-500.00,-520.00\n4100,10,-200.00,-210.00\n6000,10,300.00,310.00\n6100,20,75.00,80.00\n"
    title = "" if "2025" in header else "Day,"
    day = "2025-01-31," if title else ""
    text = f"{title}Account,Department,{header}\n" + "".join(f"{day}{row}\n" for row in rows.splitlines())
    said = " ".join(draft(text).replace("\n#", "").split())
    assert "decide: the amounts of 4000, 4100 are negative and those of 6000 and others positive" in said


def test_accounts_that_are_negative_throughout_are_a_question_about_signs():
    """Without an answer, a ledger of debits less credits would show a loss of its revenue and costs together."""
    written = draft(UNTYPED.format("-")).replace("\n# ", " ")
    assert (
        "decide: the amounts of 4000 are negative and those of 6000 and others positive. Write sign: debit_positive if "
        "they are debit less credit, sign: credit_positive if spending is negative"
    ) in written
    assert "sign" not in yaml.safe_load(draft(UNTYPED.format("-")))


@pytest.mark.parametrize(
    "deduction", ["", "2025-01-31,4900,10,-9.00\n", "2025-01-31,4900,10,-90.00\n2025-02-28,4900,10,90.00\n"]
)
def test_deductions_and_corrections_are_no_question_about_signs(deduction: str):
    assert "sign:" not in draft(UNTYPED.format("") + deduction)


@pytest.mark.parametrize(
    "amounts", ["Amount (Foreign Currency),Amount", "Amount in doc. curr.,Amount in local currency"]
)
def test_the_currency_of_another_amount_rejects_no_rows(tmp_path: Path, amounts: str):
    text = f"Date,Account,Department,Currency,{amounts}\n2025-01-31,6000,10,EUR,300.00,330.00\n"
    assert "'Currency' is not read: it seems to be the currency of other amounts" in draft(text).replace("\n# ", " ")
    (total,) = checked(tmp_path, text).sums.values()
    assert total.amount == Decimal("330.00")


def test_a_currency_beside_the_only_amount_may_say_nothing_about_it():
    text = "Date,Account,Department,Currency,Amount\n2025-01-31,6000,10,EUR,3.00\n2025-01-31,6000,10,USD,3.00\n"
    written = draft(text).replace("\n  #", "")
    assert "If the amounts are in USD all the same, as NetSuite's are, name the column in ignore_columns" in written
