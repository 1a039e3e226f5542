"""`feed draft` for departments across months or scenarios: headers of two lines, each of which says a part.

Does not belong here: months across scenarios (see `test_feed_draft_periods`), departments alone (see
`test_feed_draft_reports`).
"""

from __future__ import annotations

import itertools
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

from finance_platform.feeds.descriptor.parser import parse_descriptor
from finance_platform.refresh.file_check.feed_check import FileCheck, check_file
from finance_platform.storage.local import LocalStore
from finance_platform_tests.unit.factories import settings
from finance_platform_tests.unit.feeds.drafts import draft
from finance_platform_tests.unit.feeds.test_feed_draft_reports import check, csv_text
from finance_platform_tests.workbooks import xlsx

Rows = list[list[Any]]
ACCOUNTS = ["4000", "6110", "6120"]
MONTHS = ["Jan 2025", "Feb 2025"]
SCENARIOS = ["Actual", "Budget"]
DEPARTMENTS = ["D100 Sales", "Operations"]


def report(above: list[str], below: list[str], account: str = "Account") -> Rows:
    """Return a report with the names `below` under each of those `above`, as a text file has merged cells."""
    upper = [cell for text in above for cell in (text, *[""] * (len(below) - 1))]
    lines = [[one, *[f"{place * 10 + row}.25" for place in range(len(upper))]] for row, one in enumerate(ACCOUNTS)]
    return [["", *upper], [account, *below * len(above)], *lines]


def expected(above: list[str], below: list[str]) -> Counter[str]:
    """Return the sum of each column of a report, by what both lines say."""
    pairs = [f"{upper}|{lower}" for upper in above for lower in below]
    return Counter(
        {pair: str(sum(place * 10 + row for row in range(3)) + Decimal("0.75")) for place, pair in enumerate(pairs)}
    )


def read(descriptor: dict[str, Any]) -> dict[str, tuple[str, str]]:
    pairs = {name: fields.values() for name, fields in descriptor["measures"].items()}
    return {name: (str(one), str(other)) for name, (one, other) in pairs.items()}


def next_check(folder: Path, first: str, rows: str, name: str = "next.csv") -> FileCheck:
    """Check another file by the draft of the first one."""
    (folder / name).write_text(rows)
    return check_file(
        LocalStore(folder), name, parse_descriptor(draft(first, "dept_2025-03.csv"), "x.yaml"), settings()
    )


def sums_by_place(found: FileCheck) -> dict[tuple[str, str], str]:
    return {place: str(count.amount) for place, count in found.sums.items()}


@pytest.mark.parametrize("is_workbook", [True, False])
@pytest.mark.parametrize(("above", "below"), [(DEPARTMENTS, MONTHS), (MONTHS, DEPARTMENTS)])
def test_departments_across_months_are_lines_of_both(
    above: list[str], below: list[str], is_workbook: bool, tmp_path: Path
):
    rows = report(above, below)
    data = xlsx({"Budget": rows}) if is_workbook else csv_text(rows)
    name = f"budget_2025.{'xlsx' if is_workbook else 'csv'}"
    found = yaml.safe_load(draft(data, name))
    assert found["dialect"]["header_row"] == [1, 2]
    assert read(found) == {
        f"{upper} {lower}": ((upper, day[lower]) if lower in day else (lower, day[upper]))
        for upper in above
        for lower in below
        for day in [{"Jan 2025": "2025-01-01", "Feb 2025": "2025-02-01"}]
    }
    months = {"2025-01": Decimal(0), "2025-02": Decimal(0)}
    for pair, amount in expected(above, below).items():
        months["2025-01" if "Jan" in pair else "2025-02"] += Decimal(str(amount))
    assert sums_by_place(check(tmp_path, data, name)) == {
        ("Budget", period): str(amount) for period, amount in months.items()
    }


@pytest.mark.parametrize(
    ("above", "below"),
    [(DEPARTMENTS, SCENARIOS), (SCENARIOS, DEPARTMENTS), (["100", "200"], SCENARIOS), (SCENARIOS, ["100", "200"])],
)
def test_departments_across_scenarios_are_lines_of_both(above: list[str], below: list[str], tmp_path: Path):
    """Of codes below scenarios, the header was not found, and a row of amounts was taken for it."""
    text = csv_text([["Departments, March 2025"], [], *report(above, below)])
    found = yaml.safe_load(draft(text, "dept_2025-03.csv"))
    assert set(read(found).values()) == {
        (lower, upper) if above == SCENARIOS else (upper, lower) for upper in above for lower in below
    }
    wanted = dict.fromkeys(SCENARIOS, Decimal(0))
    for pair, amount in expected(above, below).items():
        wanted["Actual" if "Actual" in pair else "Budget"] += Decimal(str(amount))
    assert sums_by_place(check(tmp_path, text, "dept_2025-03.csv")) == {
        (scenario, "2025-03"): str(amount) for scenario, amount in wanted.items()
    }


@pytest.mark.parametrize("last", ["Variance", "Var %", "Total", "Prior Year"])
def test_totals_differences_and_other_years_below_departments_are_not_read(last: str):
    found = yaml.safe_load(draft(csv_text(report([*DEPARTMENTS, "Total"], [*SCENARIOS, last])), "dept_2025-03.csv"))
    assert set(read(found)) == {f"{one} {scenario}" for one in DEPARTMENTS for scenario in SCENARIOS}
    assert found["ignore_columns"] == [
        f"{DEPARTMENTS[0]} {last}", f"{DEPARTMENTS[1]} {last}", "Total Actual", "Total Budget", f"Total {last}"
    ]  # fmt: skip


def test_months_of_departments_have_the_year_of_the_name_or_leave_it_to_a_person():
    text = csv_text(report(DEPARTMENTS, ["Jan", "Feb", "Mar"]))
    found = yaml.safe_load(draft(text, "budget_2025.csv"))
    assert [day for _, day in read(found).values()] == ["2025-01-01", "2025-02-01", "2025-03-01"] * 2
    assert found["path"] == "budget_2025*.csv"
    assert "D100 Sales Feb: {department: D100 Sales, date: DECIDE-02-01}" in draft(text, "budget.csv")


def test_quarters_of_departments_ask_how_each_month_gets_its_part():
    text = draft(csv_text(report(["Q1 2025", "Q2 2025"], DEPARTMENTS)), "budget.csv")
    assert {day for _, day in read(yaml.safe_load(text)).values()} == {"2025-01-01", "2025-04-01"}
    assert "spread: {over: quarter, how: even}" in " ".join(text.replace("\n#", "").split())


@pytest.mark.parametrize(
    ("above", "below", "account"),
    [
        (DEPARTMENTS, MONTHS, "Department"),  # the texts above are accounts
        (["Opening", "Movement"], ["Debit", "Credit"], "Account"),
        (["2024", "2025"], DEPARTMENTS, "Account"),
        (DEPARTMENTS, ["Jan 2025", "Actual"], "Account"),
        (["Opening balance", "Closing balance"], MONTHS, "Account"),
        (SCENARIOS, MONTHS, "Account"),
    ],
)
def test_other_headers_of_two_lines_have_no_departments(above: list[str], below: list[str], account: str):
    found = yaml.safe_load(draft(csv_text(report(above, below, account)), "x_2025-03.csv"))
    assert not any("department" in fields for fields in found.get("measures", {}).values())


def test_the_departments_of_the_next_file_may_be_in_another_order(tmp_path: Path):
    """The columns of a CSV file below its merged cells were known by their positions alone."""
    rows = report(DEPARTMENTS, SCENARIOS)
    exchanged = [[row[0], *row[3:], *row[1:3]] for row in rows]
    first = check(tmp_path, csv_text(rows), "dept_2025-03.csv")
    found = next_check(tmp_path, csv_text(rows), csv_text(exchanged), "next_2025-03.csv")
    assert (found.is_fine, found.sums) == (True, first.sums)


def test_a_month_that_the_next_file_has_for_each_department_holds_it(tmp_path: Path):
    found = next_check(
        tmp_path, csv_text(report(DEPARTMENTS, MONTHS)), csv_text(report(DEPARTMENTS, [*MONTHS, "Mar 2025"]))
    )
    assert any("'D100 Sales Mar 2025' has amounts beside columns of months" in reason for reason in found.holds)


@pytest.mark.parametrize("names", [["D100 Sales", "D150 Service", "Operations"], [*DEPARTMENTS, "D150 Service"]])
@pytest.mark.parametrize("others", [SCENARIOS, MONTHS])
@pytest.mark.parametrize("is_above", [True, False])
def test_a_department_that_the_next_file_has_too_holds_it(
    names: list[str], others: list[str], is_above: bool, tmp_path: Path
):
    """Its money is in no figure; the amounts of the department behind it are not taken for its own."""
    known, rows = (
        report(*pair) if is_above else report(*pair[::-1]) for pair in ((DEPARTMENTS, others), (names, others))
    )
    found = next_check(tmp_path, csv_text(known), csv_text(rows), "next_2025-03.csv")
    new = [f"D150 Service {one}" if is_above else f"{one} D150 Service" for one in others]
    assert [[name for name in new if f"the column {name!r} has amounts" in reason] for reason in found.holds] == [
        [name] for name in new
    ]
    assert not found.findings.notes
    kept = {
        pair: amount
        for pair, amount in expected(names if is_above else others, others if is_above else names).items()
        if "D150" not in pair
    }
    assert sum(map(Decimal, sums_by_place(found).values())) == sum(map(Decimal, kept.values()))
    fix = next(iter(reversed(found.holds.values())))
    assert f'add ["{new[0]}", "{new[1]}"] to measures in the descriptor, each with d' in fix
    assert "period" not in fix


@pytest.mark.parametrize("other", ["Variance", "Var %", "Prior Year"])
def test_a_new_column_of_departments_that_compares_others_holds_nothing(other: str, tmp_path: Path):
    known, rows = (csv_text(report(DEPARTMENTS, others)) for others in (SCENARIOS, [*SCENARIOS, other]))
    assert not next_check(tmp_path, known, rows, "next_2025-03.csv").findings.doubts


@pytest.mark.parametrize("other", ["Total", "Prior year", "Vorjahr"])
def test_a_new_total_or_comparison_of_departments_holds_nothing(other: str, tmp_path: Path):
    known, rows = (csv_text(report(names, SCENARIOS)) for names in (DEPARTMENTS, [*DEPARTMENTS, other]))
    assert not next_check(tmp_path, known, rows, "next_2025-03.csv").findings.doubts


def test_a_month_behind_the_last_department_holds_the_file_too(tmp_path: Path):
    known, rows = (csv_text(report(DEPARTMENTS, others)) for others in (MONTHS, [*MONTHS, "Mar 2025"]))
    holds = next_check(tmp_path, known, rows).holds
    assert any(f"'{DEPARTMENTS[-1]} Mar 2025' has amounts beside '{DEPARTMENTS[-1]} Jan 2025'" in one for one in holds)


@pytest.mark.parametrize(
    ("names", "scenarios"),
    [
        (("Actual", "Budget"), ("Actual", "Budget")),
        (("Actuals 2025", "Forecast 2025"), ("Actual", "Forecast")),
        (("Ist", "Plan"), ("Actual", "Budget")),
        (("2025 Budget", "2025 Forecast"), ("Budget", "Forecast")),
    ],
)
def test_sheets_that_are_named_by_scenarios_give_them(
    names: tuple[str, str], scenarios: tuple[str, str], tmp_path: Path
):
    """All lines of both sheets were of one scenario, without a question."""
    header = ["Dept", "Account", "Jan", "Feb"]
    sheets: dict[str, Rows] = {
        name: [[*header], ["10", "6110", place + 0.5, place]] for place, name in enumerate(names, start=1)
    }
    name = "costs_2025.xlsx"
    assert sums_by_place(check(tmp_path, xlsx(sheets), name)) == {
        (scenarios[0], "2025-01"): "1.50", (scenarios[0], "2025-02"): "1.00",
        (scenarios[1], "2025-01"): "2.50", (scenarios[1], "2025-02"): "2.00",
    }  # fmt: skip


@pytest.mark.parametrize(
    "names", [("Budget North", "Budget South"), ("Actual", "Sales"), ("Actual vs Budget", "Budget")]
)
def test_sheets_that_are_named_otherwise_give_no_scenario(names: tuple[str, str]):
    sheets: dict[str, Rows] = {name: [["Dept", "Account", "Jan"], ["10", "6110", 1.5]] for name in names}
    assert "scenario" not in yaml.safe_load(draft(xlsx(sheets), "costs_2025.xlsx"))["columns"]


def amounts_of(rows: Rows) -> dict[str, Decimal]:
    """Return the sum of each column of a report, by its place."""
    places = range(1, len(rows[-1]))
    return {str(place): sum((Decimal(str(row[place])) for row in rows[-3:]), Decimal(0)) for place in places}


@pytest.mark.parametrize("is_workbook", [True, False])
@pytest.mark.parametrize("order", [(0, 1, 2), (1, 0, 2), (2, 1, 0), (0, 2, 1)])
def test_months_departments_and_scenarios_are_three_lines_of_a_header(
    order: tuple[int, int, int], is_workbook: bool, tmp_path: Path
):
    """The texts of the first line were lost from the second text of the second line on."""
    parts = [MONTHS, DEPARTMENTS, SCENARIOS]
    columns = list(itertools.product(*(parts[place] for place in order)))
    header = [["", *(column[level] for column in columns)] for level in range(3)]
    for level in (0, 1):
        changes = [column[: level + 1] for column in columns]
        header[level][1:] = [
            text if not place or changes[place] != changes[place - 1] else ""
            for place, text in enumerate(header[level][1:])
        ]
    header[2][0] = "Account"
    rows = [
        *header,
        *([one, *[f"{place}.{row}5" for place in range(len(columns))]] for row, one in enumerate(ACCOUNTS)),
    ]
    data = xlsx({"Report": rows}) if is_workbook else csv_text(rows)
    name = f"report.{'xlsx' if is_workbook else 'csv'}"
    found = yaml.safe_load(draft(data, name))
    assert found["dialect"]["header_row"] == [1, 2, 3]
    wanted: dict[tuple[str, str], Decimal] = {}
    for place, (column, fields) in enumerate(zip(columns, found["measures"].values(), strict=True), start=1):
        text = {part: column[level] for level, part in enumerate(order)}
        day = "2025-01-01" if text[0] == "Jan 2025" else "2025-02-01"
        assert fields == {"department": text[1], "date": day, "scenario": text[2]}
        key = text[2], day[:7]
        wanted[key] = wanted.get(key, Decimal(0)) + amounts_of(rows)[str(place)]
    assert sums_by_place(check(tmp_path, data, name)) == {place: str(amount) for place, amount in wanted.items()}


def test_years_months_and_scenarios_are_three_lines_of_a_header():
    rows = [
        ["", "2025", "", "", "", "2026", "", "", ""],
        ["", "Nov", "", "Dec", "", "Jan", "", "Feb", ""],
        ["Account", *SCENARIOS * 4],
        *([one, *[f"{place}.25" for place in range(8)]] for one in ACCOUNTS),
    ]
    found = yaml.safe_load(draft(csv_text(rows), "report.csv"))
    assert [(str(one["date"]), one["scenario"]) for one in found["measures"].values()] == [
        (day, scenario) for day in ("2025-11-01", "2025-12-01", "2026-01-01", "2026-02-01") for scenario in SCENARIOS
    ]


def test_years_and_months_are_above_departments():
    rows = [
        ["", "2025", "", "2026", ""],
        ["", "Dec", "", "Jan", ""],
        ["Account", *DEPARTMENTS * 2],
        *([one, "1.25", "2.25", "3.25", "4.25"] for one in ACCOUNTS),
    ]
    found = yaml.safe_load(draft(csv_text(rows), "report.csv"))
    assert list(read(found).values()) == [
        (department, day) for day in ("2025-12-01", "2026-01-01") for department in DEPARTMENTS
    ]


@pytest.mark.parametrize(("month", "total"), [("Month", "YTD"), ("Current Month", "Year to date"), ("MTD", "YTD")])
def test_the_amount_of_the_month_is_read_below_each_department(month: str, total: str, tmp_path: Path):
    rows = report(DEPARTMENTS, [month, total])
    found = yaml.safe_load(draft(csv_text(rows), "pl_2025-03.csv"))
    assert found["measures"] == {f"{one} {month}": {"department": one} for one in DEPARTMENTS}
    assert found["ignore_columns"] == [f"{one} {total}" for one in DEPARTMENTS]
    wanted = amounts_of(rows)
    assert sums_by_place(check(tmp_path, csv_text(rows), "pl_2025-03.csv")) == {
        ("Actual", "2025-03"): str(wanted["1"] + wanted["3"])
    }


def test_debits_and_credits_of_each_department_need_another_export():
    text = draft(csv_text(report(DEPARTMENTS, ["Debit", "Credit"])), "gl_2025-03.csv")
    assert "Each department has a column of debits and one of credits" in text
    assert "amount:  {from: DECIDE" in text


def test_years_are_no_departments():
    found = yaml.safe_load(draft(csv_text(report(["2024", "2025"], SCENARIOS)), "x.csv"))
    assert not any("department" in fields for fields in found.get("measures", {}).values())
