"""Actual that no plan is compared with, although a budget of its periods is there under another name."""

from __future__ import annotations

import pytest

from finance_platform.quality.missing_baseline import MissingBaseline, find_missing_baseline
from finance_platform.reports.status import StatusDetails
from finance_platform_tests.unit.factories import commit_of, delivered, in_period, state_of
from finance_platform_tests.unit.printed_text import status


def found(*parts: str, baseline: str = "Budget") -> MissingBaseline | None:
    """Return what is found in a home with these scenarios, each as `NAME PERIOD` in a file of its own."""
    pairs = []
    for part in parts:
        name, _, period = part.rpartition(" ")
        event = delivered(f"{part}.csv", part)
        pairs.append((event, commit_of(event, in_period(period, name, kind=name.split()[0].capitalize()))))
    return find_missing_baseline(state_of(*pairs), baseline)


def test_a_budget_with_a_year_in_its_name_is_named_with_the_setting_that_compares_it():
    missing = found("Actual 2025-01", "Actual 2025-02", "Budget 2025 2025-01", "Budget 2025 2025-12")
    assert missing is not None
    assert missing.file == "Budget 2025 2025-01.csv"
    assert missing.warning == (
        "the baseline 'Budget', with which reports compare Actual, has no line in any period, and 'Budget 2025' has "
        "lines in 2025-01: no variance is shown"
    )
    assert status(details=StatusDetails(missing_baseline=missing)).warnings == [
        {"file": missing.file, "kind": "baseline", "warning": missing.warning, "fix": missing.fix}
    ]
    assert 'FINANCE_PLATFORM_BASELINE_SCENARIO="Budget 2025"' in missing.fix


def test_the_budget_of_a_new_year_is_named_once_the_year_has_actual():
    earlier = ("Actual 2025-12", "Budget 2025-12", "Budget 2026 2026-01")
    assert found(*earlier) is None
    missing = found(*earlier, "Actual 2026-01")
    assert missing is not None
    assert (missing.period, missing.is_elsewhere) == ("2026-01", True)


def test_several_budgets_are_named_together():
    missing = found("Actual 2025-01", *(f"Budget v{number} 2025-01" for number in range(1, 6)))
    assert missing is not None
    assert "'Budget v5', 'Budget v4', 'Budget v3' and 2 more have lines in 2025-01" in missing.warning


@pytest.mark.parametrize(
    "parts",
    [
        (),
        ("Actual 2025-01",),
        ("Budget 2025 2025-01",),
        ("Actual 2025-01", "Budget 2025-01"),
        ("Actual 2025-01", "BUDGET 2025-01", "Budget v2 2025-01"),
        ("Actual 2025-01", "Forecast 2025-01"),
        ("Actual 2025-01", "Budget 2026 2026-01"),
        ("Actual 2024-01", "Actual 2025-01", "Budget 2024 2024-01", "Budget 2025-01"),
        ("Actual 2024-12", "Actual 2025-01", "Budget 2024-12", "Forecast 2025-01"),
    ],
)
def test_homes_whose_last_period_has_its_plan_or_none_are_right(parts: tuple[str, ...]):
    assert found(*parts) is None


def test_the_setting_of_the_fix_ends_the_warning():
    assert found("Actual 2025-01", "Budget 2025 2025-01", baseline="Budget 2025") is None
