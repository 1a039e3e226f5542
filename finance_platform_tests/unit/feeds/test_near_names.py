"""Names of files that nearly give a scenario: which are named, and the form that gives it."""

from __future__ import annotations

from pathlib import Path

import pytest

from finance_platform.feeds.feed_set import shipped_descriptors
from finance_platform.refresh.file_check.feed_check import check_file
from finance_platform.storage.local import LocalStore
from finance_platform_tests.unit.factories import settings

HEADER = "period,department_code,account_number,amount"


def notes(folder: Path, name: str, header: str = HEADER, row: str = "2025-06,D1,6000,1.00") -> dict[str, str]:
    (folder / name).write_text(f"{header}\n{row}\n")
    (feed,) = (feed for feed in shipped_descriptors() if feed.matches(name))
    check = check_file(LocalStore(folder), name, feed, settings())
    assert check.is_fine
    return {text: note.fix for text, note in check.findings.notes.items()}


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("forecast_2025-6.csv", "forecast_2025-06.csv"),
        ("Forecast 2025.06.csv", "Forecast 2025-06.csv"),
        ("forecast_06-2025.csv", "forecast_2025-06.csv"),
        ("forecast_6_2025_hr.csv", "forecast_2025-06_hr.csv"),
        ("forecast_jun_2025.csv", "forecast_2025-06.csv"),
        ("forecast_2025_Juni.csv", "forecast_2025-06.csv"),
        ("forecast_2025m06.csv", "forecast_2025-06.csv"),
    ],
)
def test_a_forecast_whose_name_has_a_month_in_another_form_is_named(tmp_path: Path, name: str, other: str):
    ((text, fix),) = notes(tmp_path, name).items()
    assert text == f"scenario: the name {name!r} gives none, so that its lines are Forecast"
    assert f"the version Forecast 2025-06 of the plan, withdraw it and send it as {other};" in fix


@pytest.mark.parametrize(
    ("name", "other"), [("budget_2025_q1.csv", "budget_q1_2025.csv"), ("Budget-hr-Q2.csv", "Budget_q2_hr.csv")]
)
def test_a_budget_whose_quarter_is_at_another_place_is_named(tmp_path: Path, name: str, other: str):
    (fix,) = notes(tmp_path, name).values()
    assert f"of the plan, withdraw it and send it as {other};" in fix
    assert "the version Budget Q" in fix


@pytest.mark.parametrize(
    "name",
    ["forecast.csv", "forecast_2025.csv", "forecast_hr.csv", "forecast_2025-06.csv", "forecast_202506.csv",
     "forecast_2025-13.csv", "forecast_q2.csv", "budget.csv", "budget_2025.csv", "budget_2025-06.csv", "budget_q1.csv",
     "budget_q1_hr.csv", "budget_marketing_2025.csv", "budget_hq1.csv", "transactions_2025-6.csv"],
)  # fmt: skip
def test_other_names_give_what_they_say(tmp_path: Path, name: str):
    header = "transaction_id,date,department_code,account_number,amount" if name.startswith("trans") else HEADER
    row = "T1,2025-06-01,D1,6000,1.00" if name.startswith("trans") else "2025-06,D1,6000,1.00"
    assert notes(tmp_path, name, header, row) == {}


def test_a_column_with_the_scenario_says_more_than_the_name(tmp_path: Path):
    row = "2025-06,D1,6000,1.00,Forecast 2025-06"
    assert notes(tmp_path, "forecast_2025-6.csv", f"{HEADER},scenario", row) == {}
