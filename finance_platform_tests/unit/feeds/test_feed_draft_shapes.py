"""`feed draft` for files whose rows or columns are not one line each: years, quarters, measures, vouchers, totals."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from finance_platform_tests.unit.feeds.drafts import checked, draft, drafted, mistakes_of


def sums(folder: Path, text: str, name: str = "costs.csv", **decided: str) -> dict[tuple[str, str], str]:
    """Return the accepted money by scenario and period of a file that passes check by its draft."""
    check = checked(folder, text, name, **decided)
    assert check.is_fine, check.holds
    return {place: str(count.amount) for place, count in check.sums.items()}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16-le", "utf-32"])
def test_a_large_file_of_any_encoding_has_a_draft_that_knows_its_last_row(encoding: str):
    lines = "".join(f"2025-{place % 12 + 1:02}-01,D{place % 7},400{place % 9},{place}.00\n" for place in range(50_000))
    text = f"Date,Department,Account,Amount\n{lines}Total,,,1249975000.00\n"
    written = yaml.safe_load(draft(text.encode(encoding)))
    assert written["columns"]["amount"] == "Amount"
    assert written["control_total"] == [{"kind": "grand", "row": {"column": "Date", "matches": "(?i)^total"}}]


@pytest.mark.parametrize(
    ("header", "rows", "periods"),
    [
        ("Year", ["2025", "2024"], ["2025-01", "2024-01"]),
        ("Fiscal Year", ["FY2025", "FY2024"], ["2025-01", "2024-01"]),
        ("Jahr,Monat", ["2025,3", "2025,12"], ["2025-03", "2025-12"]),
        ("Year,Month", ["2025,Mar", "2024,Dec"], ["2025-03", "2024-12"]),
        ("Year,Month", ["2025,March", "2024,December"], ["2025-03", "2024-12"]),
        ("Year,Period", ["2025,03", "2024,12"], ["2025-03", "2024-12"]),
        ("Year,Quarter", ["2025,Q2", "2024,Q4"], ["2025-04", "2024-10"]),
        ("Year,Quarter", ["2025,2", "2024,4"], ["2025-04", "2024-10"]),
        ("Period", ["Q1 2025", "Q3 2025"], ["2025-01", "2025-07"]),
        ("Period", ["2025-Q1", "2025-Q3"], ["2025-01", "2025-07"]),
        ("Half", ["H1 2025", "H2 2025"], ["2025-01", "2025-07"]),
        ("Halbjahr", ["2025-HJ1", "2025-HJ2"], ["2025-01", "2025-07"]),
    ],
)
def test_years_months_and_quarters_give_the_date(header: str, rows: list[str], periods: list[str], tmp_path: Path):
    lines = "".join(f"{row},10,4000,{100 + place}.00\n" for place, row in enumerate(rows))
    expected = {("Actual", period): f"{100 + place}.00" for place, period in enumerate(periods)}
    assert sums(tmp_path, f"{header},Dept,Account,Amount\n{lines}") == expected


@pytest.mark.parametrize(
    ("header", "rows", "date"),
    [
        ("Fiscal Year,Period", ["2026,1", "2026,12"], {"from": "{Fiscal Year}-{Period}", "formats": ["yyyy-P"]}),
        ("Period", ["FY26-P01", "FY26-P12"], {"from": "Period", "formats": ["'FY'FF-'P'PP"]}),
        ("Fiscal Period", ["01/2026", "12/2026"], {"from": "Fiscal Period", "formats": ["PP/yyyy"]}),
        ("Fiscal Period", ["Apr 2026", "Mar 2026"], {"from": "Fiscal Period", "formats": ["MMM FFFF"]}),
    ],
)
def test_periods_of_fiscal_years_are_read_by_the_fiscal_calendar(header: str, rows: list[str], date: dict[str, object]):
    text = f"{header},Dept,Account,Amount\n" + "".join(f"{row},10,4000,5.00\n" for row in rows)
    assert yaml.safe_load(draft(text))["columns"]["date"] == {**date, "calendar": "fiscal"}
    assert "decide: calendar: fiscal means the home's fiscal years" in draft(text)


@pytest.mark.parametrize(
    "form",
    [
        "P{:02d} FY25", "FY25 P{:02d}", "FY2025-{:02d}", "Period {} / 2025", "2025M{:02d}", "{:02d}/25", "{:02d}-25",
        "{:03d}.2025", "FY25P{:02d}",
    ],
)  # fmt: skip
def test_periods_are_read_in_the_forms_of_common_systems(form: str, tmp_path: Path):
    rows = "".join(f"{form.format(month)},10,6000,{month}.50\n" for month in range(1, 13))
    assert sums(tmp_path, f"Period,Dept,Account,Amount\n{rows}") == {
        ("Actual", f"2025-{month:02d}"): f"{month}.50" for month in range(1, 13)
    }


@pytest.mark.parametrize("year", ["FY25", "FY2025"])
@pytest.mark.parametrize("parts", [["Jan", "Feb", "Dec"], ["P01", "P02", "P12"], ["1", "2", "12"]])
def test_months_beside_a_column_of_fiscal_years_are_read(year: str, parts: list[str], tmp_path: Path):
    rows = "".join(f"{year},{part},10,6000,1.50\n" for part in parts)
    assert sums(tmp_path, f"Years,Period,Dept,Account,Amount\n{rows}") == {
        ("Actual", f"2025-{month}"): "1.50" for month in ("01", "02", "12")
    }


def test_the_four_periods_of_a_year_end_are_read_beside_few_months(tmp_path: Path):
    rows = "".join(f"{number:03d}.2025,10,6000,1.00\n" for number in (11, 12, 13, 14, 15, 16))
    assert sums(tmp_path, f"Posting period,Dept,Account,Amount\n{rows}") == {
        ("Actual", "2025-11"): "1.00",
        ("Actual", "2025-12"): "5.00",
    }


@pytest.mark.parametrize(
    ("texts", "is_asked"), [(["Wk 1 2025", "Wk 2 2025"], True), (["Wk 1 2025", "Wk 1 2025"], False)]
)
def test_the_month_of_a_name_is_not_that_of_several_periods(texts: list[str], is_asked: bool):
    rows = "".join(f"{text},10,6000,1.50\n" for text in texts)
    written = draft(f"Period,Dept,Account,Amount\n{rows}", "ledger_2025-03.csv")
    assert ("date: DECIDE" in written) == is_asked
    assert "looks like a date by its name" in written


def test_a_fraction_is_no_period():
    rows = "".join(f"2025-01-31,{number:02d}/25,6000,1.50\n" for number in range(1, 13))
    assert "MM/yy" not in draft(f"Date,Lot,Account,Amount\n{rows}")


@pytest.mark.parametrize(
    ("header", "cell", "over"),
    [("Period", "Q1 2025", "quarter"), ("Year,Quarter", "2025,Q2", "quarter"), ("Half", "H1 2025", "half_year")],
)
def test_the_draft_of_quarters_and_halves_says_how_each_month_gets_its_part(header: str, cell: str, over: str):
    text = " ".join(draft(f"{header},Dept,Account,Amount\n{cell},10,4000,5.00\n").replace("\n  #", "").split())
    assert f"spread: {{over: {over}, how: even}} gives each month its part" in text


def test_codes_are_no_halves_of_years():
    assert "Site" not in yaml.safe_load(draft("Site,Account,Amount\nS101,4000,5.00\nS202,4000,5.00\n"))["columns"].get(
        "date", ""
    )


def test_a_number_beside_a_year_may_be_a_period_of_a_fiscal_year():
    text = draft("Year,Period,Dept,Account,Amount\n2026,1,10,4000,5.00\n2026,12,10,4000,5.00\n")
    assert "decide: formats: [yyyy-P] and calendar: fiscal if these are of a fiscal year" in text


@pytest.mark.parametrize(
    ("headers", "formats"),
    [("Apr,May,Jun,Jul,Aug,Sep,Oct,Nov,Dec,Jan,Feb,Mar", ["MMM"]), ("P1,P2,P3,P4,P5,P6,P7,P8,P9", ["'P'P"])],
)
def test_columns_of_a_fiscal_year_have_the_fiscal_calendar(headers: str, formats: list[str]):
    amounts = ",".join(f"{place}.50" for place in range(len(headers.split(","))))
    text = draft(f"Dept,Account,{headers}\n10,4000,{amounts}\n20,4000,{amounts}\n", "budget_fy2026.csv")
    assert yaml.safe_load(text)["columns"]["date"] == {"formats": formats, "calendar": "fiscal"}


@pytest.mark.parametrize(("header", "formats"), [("{}", "P"), ("M{}", "'M'P"), ("Month {}", "'Month 'P")])
def test_columns_with_numbers_of_months_may_be_periods_of_a_fiscal_year(header: str, formats: str):
    headers, amounts = (",".join(map(form.format, range(1, 13))) for form in (header, "{}.50"))
    text = draft(f"Dept,Account,{headers}\n10,4000,{amounts}\n20,4000,{amounts}\n", "budget_2026.csv")
    assert f"decide: formats: [{formats}] and calendar: fiscal if these are periods of a fiscal year" in text


def test_years_that_no_pattern_reads_are_asked_for_one_by_one(tmp_path: Path):
    text = "Budget Year,Dept,Account,Amount\nFY14-15,10,4000,1.00\nFY15-16,10,4000,2.00\n"
    assert [mistake.rpartition(": ")[2] for mistake in mistakes_of(draft(text))] == [
        "columns.date.map.FY14-15 is not decided",
        "columns.date.map.FY15-16 is not decided",
    ]
    decided = {"FY14-15": "2014-07-01", "FY15-16": "2015-07-01"}
    assert sums(tmp_path, text, **decided) == {("Budget", "2014-07"): "1.00", ("Budget", "2015-07"): "2.00"}


@pytest.mark.parametrize(
    ("headers", "periods"),
    [
        (["Q1 2025", "Q2 2025", "Q3 2025", "Q4 2025"], ["2025-01", "2025-04", "2025-07", "2025-10"]),
        (["2025 Q1", "2025 Q2"], ["2025-01", "2025-04"]),
        (["2023", "2024", "2025"], ["2023-01", "2024-01", "2025-01"]),
        (["Jan 2025", "Feb 2025", "Q1 2025", "2025"], ["2025-01", "2025-02"]),
    ],
)
def test_columns_of_quarters_and_years_give_lines_and_coarser_ones_are_totals(
    headers: list[str], periods: list[str], tmp_path: Path
):
    text = f"Dept,Account,{','.join(headers)}\nD1,4000,{','.join(str(place + 1) for place in range(len(headers)))}\n"
    assert sums(tmp_path, text) == {("Actual", period): f"{place + 1}.00" for place, period in enumerate(periods)}


def test_a_total_beside_columns_of_months_is_not_read_twice(tmp_path: Path):
    header = "Department;Account;Jan 2025;Feb 2025;Mar 2025;Total"
    text = f"{header}\nD1;4000;1,00;2,00;3,00;6,00\nD2;4000;1,50;2,50;3,50;7,50\n"
    assert sums(tmp_path, text) == {
        ("Actual", "2025-01"): "2.50",
        ("Actual", "2025-02"): "4.50",
        ("Actual", "2025-03"): "6.50",
    }


def test_names_of_months_that_no_pattern_reads_are_mapped_and_a_column_gives_their_year(tmp_path: Path):
    text = "Cost Centre,Account,Year,July,Aug,Sept,Okt\n0460,6110,2025,1.00,2.00,3.00,4.00\n"
    assert sums(tmp_path, text) == {("Actual", f"2025-{7 + place:02d}"): f"{1 + place}.00" for place in range(4)}


def test_the_year_of_headers_is_refused_until_a_person_decides_unless_the_file_gives_it(tmp_path: Path):
    text = "Dept,Account,Jan,Feb,Mar\nD1,4000,1.00,2.00,3.00\n"
    assert all(mistake.endswith("unpivot.year is not decided") for mistake in mistakes_of(draft(text, "costs.csv")))
    assert mistakes_of(draft(text, "costs_2024_to_2025.csv"))
    assert ("Actual", "2025-03") in sums(tmp_path, text, year="2025")


def test_months_of_two_scenarios_are_lines_with_a_date_and_a_scenario(tmp_path: Path):
    text = "Dept,Account,Jan 2025 Actual,Jan 2025 Budget,Feb 2025 Budget\nD1,4000,1.00,2.00,3.00\n"
    assert sums(tmp_path, text) == {
        ("Actual", "2025-01"): "1.00",
        ("Budget", "2025-01"): "2.00",
        ("Budget", "2025-02"): "3.00",
    }


@pytest.mark.parametrize("cents", ["", ".50"])
def test_amounts_of_several_accounts_in_a_row_are_measures_whose_accounts_a_person_gives(cents: str, tmp_path: Path):
    text = f"Date,Dept,Sales,COGS,Tax,Total\n2025-01-01,1,5{cents},6,1.50,{'13.00' if cents else '12.50'}\n"
    assert all("account is not decided" in mistake for mistake in mistakes_of(draft(text)))
    assert list(yaml.safe_load(draft(text))["measures"]) == ["Sales", "COGS", "Tax"]
    assert sums(tmp_path, text, account="4000") == {("Actual", "2025-01"): "13.00" if cents else "12.50"}


def test_columns_of_scenarios_are_measures(tmp_path: Path):
    rows = "2025-01-01,1,4000,5.00,6.00,1.00\n2025-01-02,1,4000,7.00,3.00,-4.00\n"
    text = f"Date,Dept,Account,Budget,Actual,Variance\n{rows}"
    assert sums(tmp_path, text) == {("Budget", "2025-01"): "12.00", ("Actual", "2025-01"): "9.00"}


def test_of_several_amounts_one_that_is_called_so_is_read_and_the_others_are_named():
    text = draft(
        "Date,Dept,Account,Net,VAT,Gross\n2025-01-01,1,4000,1.00,0.20,1.20\n2025-01-02,1,4000,2.00,0.40,2.40\n"
    )
    assert yaml.safe_load(text)["columns"]["amount"]["from"] == "Net"
    assert "decide: not read, other columns with amounts: 'VAT', 'Gross'" in text


@pytest.mark.parametrize("columns", ["Opening,Movement,Closing\n{},10.50,3.25,13.75", "Foo\n{},7"])
def test_an_amount_that_no_name_says_is_refused_until_a_person_decides(columns: str):
    text = draft("Date,Dept,Account," + columns.format("2025-01-01,1,4000") + "\n")
    (mistake,) = mistakes_of(text)
    assert mistake.rpartition(": ")[2] in {"columns.amount is not decided", "columns.amount.from is not decided"}


JOURNAL = (
    "Journal,Date,Dept,Account,{}\n1,2025-01-01,D1,6000,{}\n1,2025-01-01,D1,1000,{}\n"
    "2,2025-01-02,D1,6000,{}\n2,2025-01-02,D1,1000,{}\n"
)


@pytest.mark.parametrize(
    "text",
    [
        JOURNAL.format("Dr,Cr", "100.00,", ",100.00", "50.00,", ",50.00"),
        JOURNAL.format("Amount,S/H", "100.00,S", "100.00,H", "50.00,S", "50.00,H"),
        JOURNAL.format("Amount", "100.00", "-100.00", "50.00", "(50.00)"),
    ],
)
def test_vouchers_that_balance_are_proposed_as_balanced(text: str, tmp_path: Path):
    feed = drafted(text)
    assert feed.balanced is not None
    assert feed.balanced.by == ["Journal"]
    assert sums(tmp_path, text) == {("Actual", "2025-01"): "0.00"}


@pytest.mark.parametrize(
    "text",
    [
        JOURNAL.format("Dr,Cr", "100.00,", ",99.00", "50.00,", ",51.00"),
        JOURNAL.format("Amount", "100.00", "100.00", "50.00", "50.00"),
        "Journal,Date,Dept,Account,Dr,Cr\n1,2025-01-01,D1,6000,1.00,\n2,2025-01-01,D1,1000,,1.00\n",
    ],
)
def test_vouchers_that_do_not_balance_are_not_proposed(text: str):
    assert drafted(text).balanced is None


def test_one_voucher_in_many_that_does_not_balance_is_left_to_the_check():
    header, *_ = JOURNAL.splitlines()
    rows = "".join(f"{number},2025-01-01,D1,6000,5.00,\n{number},2025-01-01,D1,1000,,5.00\n" for number in range(9))
    text = draft(f"{header.format('Dr,Cr')}\n{rows}9,2025-01-01,D1,6000,5.00,\n9,2025-01-01,D1,1000,,4.00\n")
    assert "# 9 of 10 sampled vouchers balance; one that does not is rejected whole." in text


def test_a_row_of_sums_without_a_word_is_claimed_if_it_ties(tmp_path: Path):
    lines = "Date,Dept,Account,Amount\n2025-01-01,D1,6110,1.00\n2025-01-01,D1,6120,2.00\n"
    check = checked(tmp_path, f"{lines},,,3.00\n")
    assert (check.is_fine, check.findings.control_totals.tied) == (True, 1)
    assert "control_total" not in draft(f"{lines},,,4.00\n")
    assert "control_total" not in draft(f"{lines}2025-01-02,D1,6120,3.00\n")
    blocks = f"{lines},,,3.00\n2025-01-02,D1,6110,4.00\n2025-01-02,D1,6110,5.00\n,,,9.00\n"
    assert checked(tmp_path, blocks).findings.control_totals.tied == 2


def test_the_total_below_thousands_of_rows_is_found():
    lines = "Date,Dept,Account,Amount\n" + "2025-01-01,D1,6110,1.00\n" * 3_000
    assert "control_total" in draft(f'{lines}Total,,,"3,000.00"\n')


@pytest.mark.parametrize(
    ("header", "scaled"),
    [("Betrag (TUSD)", True), ("Amount (k)", True), ("Net in thousands", True), ("Amount $'000", True), ("Net", False)],
)
def test_amounts_in_thousands_are_scaled(header: str, scaled: bool, tmp_path: Path):
    text = f'Date,Dept,Account,"{header}"\n2025-01-31,D1,4000,1.5\n'
    assert sums(tmp_path, text) == {("Actual", "2025-01"): "1500.00" if scaled else "1.50"}


def test_a_title_says_that_the_columns_of_months_are_in_thousands(tmp_path: Path):
    text = "Costs 2025 in thousands\nDept,Account,Jan,Feb\nD1,4000,1.5,2\n"
    assert sums(tmp_path, text) == {("Actual", "2025-01"): "1500.00", ("Actual", "2025-02"): "2000.00"}


@pytest.mark.parametrize(
    ("title", "scale"),
    [
        ("Budget 2025 (in USD 000s)", "1000"),
        ("Amounts in k USD", "1000"),
        ("in Tausend", "1000"),
        ("USD 000", "1000"),
        ("USD m", "1000000"),
        ("in Mio. USD", "1000000"),
        ("$ millions", "1000000"),
        ("Account 4000 of USD 1,000.00", ""),
        ("Report for May 2025", ""),
    ],
)
def test_a_title_in_other_words_says_what_amounts_are_in(title: str, scale: str):
    text = draft(f"{title},,,\nDate,Dept,Account,Amount\n2025-01-31,D1,4000,1.5\n2025-02-28,D1,4000,2.5\n")
    assert text.partition("scale: ")[2].partition("}")[0] == scale


def test_credits_that_all_have_a_minus_are_drafted_as_signed(tmp_path: Path):
    rows = "Date,Dept,Account,Debit,Credit\n2025-01-03,D1,6110,1234.50,\n2025-01-05,D1,6110,,-99.00\n"
    assert "{debit: Debit, credit: Credit, signed: true}" in draft(rows)
    check = checked(tmp_path, rows)
    assert {str(count.amount) for count in check.sums.values()} == {"1135.50"}


def test_a_column_of_sides_is_known_by_its_values(tmp_path: Path):
    text = "Date,Dept,Account,Amount,Kennz\n2025-01-31,D1,4000,5.00,S\n2025-01-31,D1,4100,2.00,H\n"
    assert sums(tmp_path, text) == {("Actual", "2025-01"): "3.00"}
    one_side = "Date,Dept,Account,Amount,Kennz\n2025-01-31,D1,4000,5.00,S\n2025-01-31,D1,4100,2.00,S\n"
    assert sums(tmp_path, one_side) == {("Actual", "2025-01"): "7.00"}


def test_a_trial_balance_of_whole_numbers_is_not_taken_for_master_data():
    text = draft("Account,Name,Opening Debit,Closing Debit\n1000,Cash,10,20\n4000,Sales,0,0\n")
    assert yaml.safe_load(text)["kind"] == "ledger"
    assert mistakes_of(text)


def test_columns_that_may_be_the_department_are_named():
    text = draft("Day,Shop,Account,Amount\n2025-01-31,S1,4000,1.50\n")
    assert "No column was recognized as the department; 'Shop' may be it" in text


def test_the_currency_of_a_file_without_the_home_s_is_refused_until_a_person_decides(tmp_path: Path):
    text = "Date,Dept,Account,Amount,Currency\n2025-01-31,D1,4000,1.00,{}\n2025-01-31,D1,4000,2.00,{}\n"
    (mistake,) = mistakes_of(draft(text.format("EUR", "EUR")))
    assert mistake.endswith("columns.currency.map.EUR is not decided")
    assert "put it into a home with FINANCE_PLATFORM_CURRENCY=EUR" in draft(text.format("EUR", "EUR")).replace(
        "\n  # ", " "
    )
    assert sums(tmp_path, text.format("EUR", "EUR"), EUR="USD") == {("Actual", "2025-01"): "3.00"}
    assert "decide: rows in 'EUR' will be rejected" in draft(text.format("EUR", "USD"))
    assert "will be rejected" not in draft(text.format("USD", "USD"))
    signs = "Date,Dept,Account,Amount\n2025-01-31,D1,4000,€1.00\n"
    assert "decide: written with €; the home's currency is USD, so every row will be rejected" in draft(signs)


def test_amounts_of_the_month_are_read_and_not_those_of_the_year_to_date(tmp_path: Path):
    header = "Dept,Account,Period,Month Actual,Month Budget,Variance,YTD Actual,YTD Budget"
    text = f"{header}\n10,4000,2025-03,30.50,29.50,1.00,93.50,87.50\n"
    assert sums(tmp_path, text) == {("Actual", "2025-03"): "30.50", ("Budget", "2025-03"): "29.50"}
    alone = "Dept,Account,Period,YTD Actual,Month Actual\n10,4000,2025-03,93.50,30.50\n"
    assert sums(tmp_path, alone, "alone.csv") == {("Actual", "2025-03"): "30.50"}


def test_variances_and_the_year_before_are_no_scenarios(tmp_path: Path):
    text = "Dept,Account,Period,Actual,Budget,Budget Variance,Prior Year Actual\n10,4000,2025-03,3.50,2.50,1.00,9.50\n"
    assert sums(tmp_path, text) == {("Actual", "2025-03"): "3.50", ("Budget", "2025-03"): "2.50"}


def test_percentages_beside_months_are_not_asked_for(tmp_path: Path):
    text = "Dept,Account,Jan 2025,Jan 2025 % Rev,Feb 2025,Feb 2025 % Rev\n10,4000,30.50,100.0,31.50,100.0\n"
    assert sums(tmp_path, text) == {("Actual", "2025-01"): "30.50", ("Actual", "2025-02"): "31.50"}


def test_columns_of_months_and_scenarios_have_the_year_of_the_name(tmp_path: Path):
    text = "Dept,Account,Jan Act,Feb Act,Mar Fcst\n10,4000,30.50,31.50,32.50\n"
    expected = {("Actual", "2025-01"): "30.50", ("Actual", "2025-02"): "31.50", ("Forecast", "2025-03"): "32.50"}
    assert sums(tmp_path, text, "outlook_2025.csv") == expected
    assert "measures.Jan Act.date is not decided" in " ".join(mistakes_of(draft(text)))
    over_the_year = text.replace("Jan Act", "Nov Act").replace("Feb Act", "Dec Act").replace("Mar", "Jan")
    assert "measures.Nov Act.date is not decided" in " ".join(mistakes_of(draft(over_the_year, "outlook_2025.csv")))


def test_amounts_in_the_currency_of_the_home_are_read_and_not_those_beside(tmp_path: Path):
    text = "Date,Dept,Account,Currency,Amount,Amount USD\n2025-03-02,10,4000,EUR,30.50,33.50\n"
    assert sums(tmp_path, text) == {("Actual", "2025-03"): "33.50"}


def test_versions_of_a_forecast_are_scenarios(tmp_path: Path):
    rows = "".join(f"{version},2025-04,10,4000,{amount}\n" for version, amount in (("FC 3+9", "1.50"), ("6+6", "2.50")))
    expected = {("Forecast 3+9", "2025-04"): "1.50", ("Forecast 6+6", "2025-04"): "2.50"}
    text = f"Version,Period,Dept,Account,Amount\n{rows}"
    assert sums(tmp_path, text) == expected
    assert drafted(text).load.mode == "replace_period"


def test_debits_and_credits_of_a_ledger_are_a_pair():
    header = "Accounting Date,Cost Center,Ledger Account,Ledger Debit Amount,Ledger Credit Amount"
    columns = yaml.safe_load(draft(f"{header}\n2025-03-03,10,6100,300.00,0.00\n2025-03-04,10,4000,0.00,9.00\n"))[
        "columns"
    ]
    assert columns["amount"]["from"] == {"debit": "Ledger Debit Amount", "credit": "Ledger Credit Amount"}
