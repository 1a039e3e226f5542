"""What reads the warehouse after a load: at the same time in most homes, one after the other where it needs memory.

Belongs here: when `once_published` is called. Does not belong here: what is read (see `warehouse.test_unusual_amounts`,
`report_pack`).
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from finance_platform import bootstrap
from finance_platform.quality.published_figures import check_published_figures
from finance_platform.refresh.steps import publish as step
from finance_platform.settings import load_settings
from finance_platform_tests.end_to_end.home import Home
from finance_platform_tests.environment import platform_environment

pytestmark = pytest.mark.end_to_end


# The small home has 3 accounts and 2 periods.
@pytest.mark.parametrize(("most", "order"), [(1_000, ["report", "checks"]), (1, ["checks"])])
def test_the_report_is_read_beside_the_checks_unless_they_read_very_many_months_of_accounts(
    run_home: Home, monkeypatch: pytest.MonkeyPatch, most: int, order: list[str]
):
    found: list[str] = []

    def noted(*arguments: Any, **options: Any) -> Any:
        found.append("checks")
        return check_published_figures(*arguments, **options)

    monkeypatch.setattr(step, "check_published_figures", noted)
    monkeypatch.setattr(step, "_MANY_ACCOUNT_MONTHS", most)
    with platform_environment(run_home.path):
        settings = load_settings(home=run_home.path)
        with bootstrap.home_lock(settings):
            step.publish(
                bootstrap.open_home(settings),
                clock=lambda: datetime.now(UTC),
                run_id="run",
                once_published=lambda: found.append("report"),
            )
    assert found == order
