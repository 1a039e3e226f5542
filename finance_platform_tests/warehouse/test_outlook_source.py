"""Which plan an open period's outlook comes from, where the baseline is a forecast itself.

Belongs here: the choice among forecasts. Does not belong here: the amounts of an outlook (see `test_report_views`).
"""

from __future__ import annotations

import pytest

from finance_platform.contracts.star import DIM_SCENARIO
from finance_platform.warehouse.load import publish
from finance_platform.warehouse.load_request import LoadRequest
from finance_platform.warehouse.port import Warehouse
from finance_platform_tests.warehouse.engines import EVERY_ENGINE
from finance_platform_tests.warehouse.star_files import ACTUAL, LOADED_AT, RENT, SALES, Fact, StarFiles

ENGINES = EVERY_ENGINE

MARCH, JUNE = "Forecast 2025-03", "Forecast 2025-06"


@pytest.mark.parametrize("keys", [(41, 42), (42, 41)], ids=["earlier key first", "later key first"])
def test_the_latest_forecast_counts_although_an_earlier_one_is_the_baseline(
    warehouse: Warehouse, star_files: StarFiles, keys: tuple[int, int]
) -> None:
    """Both cover four open periods; the later one has nothing in September, so the baseline stands in there."""
    march, june = keys
    scenarios = [
        {"scenario_key": ACTUAL, "scenario_name": "Actual", "scenario_type": "Actual", "is_baseline": False},
        {"scenario_key": march, "scenario_name": MARCH, "scenario_type": "Forecast", "is_baseline": True},
        {"scenario_key": june, "scenario_name": JUNE, "scenario_type": "Forecast", "is_baseline": False},
    ]
    july = [Fact("2025-07-09", SALES, RENT, ACTUAL, "212.00")]
    both = [(period, [march, june]) for period in ("2025-08", "2025-10", "2025-11")]
    planned = {
        period: [Fact(f"{period}-01", SALES, RENT, scenario, "200.00") for scenario in of_period]
        for period, of_period in (*both, ("2025-09", [march]), ("2025-12", [june]))
    }
    slices = [
        *star_files.dimensions()[:-1],
        star_files.dimension(DIM_SCENARIO, scenarios),
        *(star_files.facts(period, "v1", facts) for period, facts in {"2025-07": july, **planned}.items()),
    ]
    publish(warehouse, LoadRequest(slices, run_id="run-1", loaded_at=LOADED_AT))

    rows = warehouse.query("SELECT Period, ScenarioName FROM OutlookSource ORDER BY Period").rows

    assert rows == [
        ("2025-07", "Actual"),
        ("2025-08", JUNE),
        ("2025-09", MARCH),
        ("2025-10", JUNE),
        ("2025-11", JUNE),
        ("2025-12", JUNE),
    ]


@pytest.mark.parametrize(("through", "september"), [("2025-08", MARCH), ("2025-09", "Actual")])
def test_a_forecast_that_begins_after_a_month_in_progress_counts_from_its_first_month_on(
    warehouse: Warehouse, star_files: StarFiles, through: str, september: str
) -> None:
    """Of nine months of Actual, the last is not complete; the forecast of that month has the three others."""
    march, june = 41, 42
    scenarios = [
        {"scenario_key": ACTUAL, "scenario_name": "Actual", "scenario_type": "Actual", "is_baseline": False},
        {"scenario_key": march, "scenario_name": MARCH, "scenario_type": "Forecast", "is_baseline": False},
        {"scenario_key": june, "scenario_name": JUNE, "scenario_type": "Forecast", "is_baseline": False},
    ]
    of_month = {
        **{period: [ACTUAL, march] for period in ("2025-07", "2025-08", "2025-09")},
        **{period: [march, june] for period in ("2025-10", "2025-11", "2025-12")},
    }
    slices = [
        *star_files.dimensions()[:-1],
        star_files.dimension(DIM_SCENARIO, scenarios),
        *(
            star_files.facts(period, "v1", [Fact(f"{period}-01", SALES, RENT, one, "200.00") for one in keys])
            for period, keys in of_month.items()
        ),
    ]
    publish(warehouse, LoadRequest(slices, run_id="run-1", loaded_at=LOADED_AT, actuals_through=through))

    rows = warehouse.query("SELECT Period, ScenarioName FROM OutlookSource ORDER BY Period").rows

    assert rows == [
        ("2025-07", "Actual"),
        ("2025-08", "Actual"),
        ("2025-09", september),
        ("2025-10", JUNE),
        ("2025-11", JUNE),
        ("2025-12", JUNE),
    ]
