"""Reports on movements: the rows, the summary, the command.

Belongs here: `reports.movements` and `finance-platform movements`, on a warehouse with movements.
Does not belong here: which changes are movements (see `test_movements`).
"""

from __future__ import annotations

import csv
import io
import json
import shutil
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from finance_platform.cli import main
from finance_platform.contracts.star import DIM_ACCOUNT, DIM_DEPARTMENT, DIM_SCENARIO
from finance_platform.errors import QueryError
from finance_platform.notifications.alerts import Alert
from finance_platform.reports.movements import (
    DAYS_SHOWN,
    EARLIEST,
    describe_moved,
    gross_amounts,
    group_by_cause,
    movement_rows,
    movement_summary,
    restatement_alerts,
    restatement_summary,
    shown_movements,
)
from finance_platform.warehouse.duckdb.warehouse import DuckDBWarehouse
from finance_platform.warehouse.load import publish
from finance_platform.warehouse.load_request import LoadRequest
from finance_platform_tests.warehouse.engines import DuckDBEngine
from finance_platform_tests.warehouse.star_files import (
    RENT,
    StarFiles,
    accounts,
    departments,
    january,
    removed,
    scenarios,
)

SECOND = datetime(2025, 7, 2, 8, 0, tzinfo=UTC)
THIRD = datetime(2025, 7, 3, 0, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def moved_once(duckdb_engine: DuckDBEngine, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """July 2nd: closed January lost revenue, and rent is an asset. July 3rd: February is removed. For copies."""
    folder = tmp_path_factory.mktemp("moved")
    warehouse, star_files = duckdb_engine.loaded(folder), duckdb_engine.star_files(folder)
    reclassified = [{**row, "account_type": "Asset"} if row["account_key"] == RENT else row for row in accounts()]
    slices = [
        star_files.dimension(DIM_ACCOUNT, reclassified, "d2"),
        star_files.facts("2025-01", "j2", [*january()[:1], *january()[2:]]),
    ]
    publish(
        warehouse,
        LoadRequest(
            slices,
            run_id="run-2",
            loaded_at=SECOND,
            closed_periods=["2025-01"],
            causes={slices[1].name: ["transactions.csv: another version"]},
        ),
    )
    publish(warehouse, LoadRequest([removed("2025-02")], run_id="run-3", loaded_at=THIRD))
    return folder / "home"


@pytest.fixture
def moved(moved_once: Path, path: Path) -> DuckDBWarehouse:
    """A warehouse of the test's own with these movements."""
    shutil.copytree(moved_once, path.parent)
    return DuckDBWarehouse(path)


def command(path: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["movements", "--home", str(path.parent), *arguments])


def command_rows(path: Path, *arguments: str) -> list[dict[str, Any]]:
    result = command(path, *arguments, "--format", "json")
    assert result.exit_code == 0, result.output
    return list(json.loads(result.stdout))


def test_a_row_has_its_members_names_amounts_and_cause(moved: DuckDBWarehouse) -> None:
    result = movement_rows(moved, since=SECOND)

    first = dict(zip(result.columns, result.rows[0], strict=True))
    assert first == {
        "LoadedAt": SECOND.replace(tzinfo=None),
        "LoadNumber": 2,
        "Kind": "movement",
        "Period": "2025-01",
        "Scenario": "Actual",
        "Measure": "Amount",
        "DepartmentCode": "0010",
        "DepartmentName": "Sales",
        "AccountNumber": "4000",
        "AccountName": "Revenue",
        "Attribute": None,
        "OldValue": None,
        "NewValue": None,
        "OldAmount": Decimal("1000.00"),
        "NewAmount": Decimal("0.00"),
        "Difference": Decimal("-1000.00"),
        "IsRestatement": True,
        "Cause": "transactions.csv: another version",
        "OldVersion": "j1",
        "NewVersion": "j2",
        "RunId": "run-2",
    }


def test_a_movement_is_still_reported_after_its_members_are_removed(
    moved: DuckDBWarehouse, star_files: StarFiles
) -> None:
    only_works = star_files.dimension(DIM_DEPARTMENT, departments()[1:], "d3")
    publish(moved, LoadRequest([only_works], run_id="run-4", loaded_at=THIRD))

    result = movement_rows(moved)

    codes = {row[result.columns.index("DepartmentCode")] for row in result.rows}
    assert codes == {"0010"}


def test_a_scenario_that_is_gone_keeps_its_name_in_rows_and_summary(
    moved: DuckDBWarehouse, star_files: StarFiles
) -> None:
    publish(
        moved, LoadRequest([star_files.dimension(DIM_SCENARIO, scenarios()[1:], "s3")], run_id="run-4", loaded_at=THIRD)
    )

    result = movement_rows(moved)

    names = {row["scenario_name"] for row in scenarios()}
    assert {row[result.columns.index("Scenario")] for row in result.rows} == names
    assert {row["scenario"] for row in movement_summary(moved, EARLIEST)} == names


def test_the_summary_nets_each_load_by_period_scenario_measure_and_cause(moved: DuckDBWarehouse) -> None:
    rows = movement_summary(moved, SECOND + timedelta(seconds=1))

    assert rows == [
        {
            "load_number": 3,
            "loaded_at": THIRD.replace(tzinfo=None),
            "run_id": "run-3",
            "period": "2025-02",
            "kind": "movement",
            "scenario": "Actual",
            "measure": "Amount",
            "quantity": "flow",
            "cells": 2,
            "old_amount": Decimal("1350.50"),
            "new_amount": Decimal("0.00"),
            "difference": Decimal("-1350.50"),
            "reclassified": Decimal("0.00"),
            "moved": Decimal("1350.50"),
            "is_restatement": False,
            "cause": None,
        }
    ]
    everything = movement_summary(moved)
    assert {(row["period"], row["kind"]) for row in everything if row["is_restatement"]} == {
        ("2025-01", "movement"),
        ("2025-01", "reclassification"),
    }
    assert sum(row["cells"] for row in everything) == len(movement_rows(moved).rows)


UI = "http://127.0.0.1:3000"


def alerts_of(summary: list[dict[str, Any]], threshold: str = "0.00") -> list[Alert]:
    return restatement_alerts(summary, threshold=Decimal(threshold), ui_url=UI)


def summary_row(**values: Any) -> dict[str, Any]:
    """A row of the summary: a restatement of Actual in 2025-01 by load 2 with a gross amount of 10.00."""
    row = {
        "load_number": 2,
        "loaded_at": SECOND.replace(tzinfo=None),
        "run_id": "run-2",
        "period": "2025-01",
        "kind": "movement",
        "scenario": "Actual",
        "measure": "Amount",
        "quantity": "flow",
        "cells": 1,
        "moved": "10.00",
        "is_restatement": True,
        "cause": "a.csv: another version",
    }
    return row | values


def test_a_restatement_gives_one_alert_per_cause_with_gross_amounts_per_scenario_and_link(
    moved: DuckDBWarehouse,
) -> None:
    by_file, by_account = alerts_of(movement_summary(moved))

    assert by_file.found == {
        "periods": ["2025-01"],
        "gross": {"Actual Amount": "1000.00"},
        "cause": "transactions.csv: another version",
    }
    assert by_account.found == {
        "periods": ["2025-01"],
        "gross": {
            "Actual Amount reclassified": "250.50",
            "Actual BudgetAmount reclassified": "200.00",
            "Budget Amount reclassified": "200.00",
            "Budget BudgetAmount reclassified": "200.00",
            "Forecast Amount reclassified": "240.00",
            "Forecast BudgetAmount reclassified": "200.00",
        },
        "cause": "unknown",
    }
    assert {alert.kind for alert in (by_file, by_account)} == {"restatement"}
    assert {alert.where for alert in (by_file, by_account)} == {"warehouse/fact_financials, 2025-01"}
    assert (by_file.run_id, by_file.link) == ("run-2", f"{UI}/runs/run-2")
    assert by_file.fix == "`finance-platform movements --period 2025-01` lists the changes"


def test_a_cause_that_restates_several_periods_gives_one_alert_with_their_gross_amount() -> None:
    rows = [summary_row(period=f"2025-{month:02}", moved=f"{month}.00") for month in range(1, 13)]

    (alert,) = alerts_of(rows)

    assert alert.key == "restatement of 2025-01 by load 2"
    assert alert.title == "The closed periods 2025-01 … 2025-12 (12 periods) were restated in 12 cells"
    assert alert.found == {
        "periods": [f"2025-{month:02}" for month in range(1, 13)],
        "gross": {"Actual Amount": "78.00"},
        "cause": "a.csv: another version",
    }
    assert alert.fix == "`finance-platform movements --since 2025-07-02` lists the changes"


def test_each_cause_of_a_load_has_a_key_of_its_own_and_the_first_that_of_earlier_releases() -> None:
    rows = [
        *(summary_row(cause=cause) for cause in ("a.csv came", "b.csv came", None)),
        summary_row(cause="c.csv came", period="2025-02"),
        summary_row(load_number=3, cause="a.csv came"),
        summary_row(load_number=3, cause="d.csv came", is_restatement=False),
    ]

    assert [alert.key for alert in alerts_of(rows)] == [
        "restatement of 2025-01 by load 2",
        "restatement of 2025-01 by load 2, cause 2",
        "restatement of 2025-01 by load 2, cause 3",
        "restatement of 2025-02 by load 2",
        "restatement of 2025-01 by load 3",
    ]


def test_amounts_of_scenarios_balances_and_units_are_never_added() -> None:
    rows = [
        summary_row(moved="10.00"),
        summary_row(moved="30.00", scenario="Budget"),
        summary_row(moved="30.00", measure="BudgetAmount"),
        summary_row(moved="5.00", kind="publication", scenario="Forecast"),
        *(summary_row(moved="7.00", period=f"2025-0{month}", quantity="balance") for month in (1, 2, 3)),
        *(summary_row(moved="2.00", period=f"2025-0{month}", quantity="statistical") for month in (1, 2)),
        summary_row(kind="rename", moved="0.00"),
    ]

    assert {label: str(amount) for label, amount in gross_amounts(rows).items()} == {
        "Actual Amount": "10.00",
        "Budget Amount": "30.00",
        "Actual BudgetAmount": "30.00",
        "Forecast Amount first published": "5.00",
        "Actual Amount (balances, largest period)": "7.00",
        "Actual Amount (units, largest period)": "2.00",
    }


def test_the_threshold_is_compared_with_the_largest_gross_amount_and_not_with_a_net_or_a_sum() -> None:
    offsetting = [
        summary_row(moved="60.00"),
        summary_row(moved="80.00", scenario="Budget"),
    ]

    assert len(alerts_of(offsetting, "80.00")) == 1
    assert alerts_of(offsetting, "80.01") == []


def test_units_are_not_compared_with_the_threshold_and_a_restatement_of_units_alone_has_an_alert() -> None:
    units = summary_row(moved="500.00", quantity="statistical")

    assert alerts_of([units, summary_row(moved="60.00")], "80.00") == []
    assert len(alerts_of([units], "80.00")) == 1


def test_amounts_that_offset_each_other_are_gross(loaded: DuckDBWarehouse, star_files: StarFiles) -> None:
    swapped = [fact._replace(amount="900.00") if fact.amount == "1000.00" else fact for fact in january()]
    swapped = [fact._replace(amount="350.50") if fact.amount == "250.50" else fact for fact in swapped]
    load = star_files.facts("2025-01", "j2", swapped)
    publish(loaded, LoadRequest([load], run_id="run-2", loaded_at=SECOND, closed_periods=["2025-01"]))

    (row,) = movement_summary(loaded)
    assert (row["difference"], row["moved"]) == (Decimal("0.00"), Decimal("200.00"))
    assert len(alerts_of([row], "200.00")) == 1


def test_what_a_run_says_has_the_amounts_before_and_after_with_sign_and_the_gross_where_it_is_more(
    moved: DuckDBWarehouse,
) -> None:
    by_cause = {described.partition(": ")[0]: described for described in map(describe_moved, groups(moved, THIRD))}
    assert by_cause["2025-02"] == "2025-02: Actual Amount 1,350.50 → 0.00 (-1,350.50); 2 cells"
    offsetting = {"old_amount": "50.00", "new_amount": "60.00", "difference": "10.00", "moved": "30.00"}
    assert describe_moved([summary_row(**offsetting)]) == (
        "2025-01: Actual Amount 50.00 → 60.00 (+10.00, 30.00 gross); 1 cell"
    )
    published = summary_row(kind="publication", old_amount="0.00", new_amount="5.00", difference="5.00", moved="5.00")
    assert describe_moved([published]) == "2025-01: Actual Amount first published 5.00; 1 cell"
    reclassified = [group for group in groups(moved, SECOND) if group[0]["kind"] == "reclassification"]
    assert "Actual Amount reclassified 501.00;" in describe_moved(reclassified[0])


def test_of_balances_the_amounts_are_those_of_the_period_that_moved_most() -> None:
    rows = [
        summary_row(period=f"2025-0{month}", quantity="balance", old_amount="9.00", **change)
        for month, change in enumerate(
            (
                {"new_amount": "8.00", "difference": "-1.00", "moved": "1.00"},
                {"new_amount": "4.00", "difference": "-5.00", "moved": "5.00"},
            ),
            1,
        )
    ]
    assert describe_moved(rows) == (
        "2025-01 … 2025-02 (2 periods): Actual Amount (balances, largest period) 9.00 → 4.00 (-5.00); 2 cells"
    )


def groups(warehouse: DuckDBWarehouse, since: datetime) -> list[list[Mapping[str, Any]]]:
    return group_by_cause(movement_summary(warehouse, since))


def test_a_rename_in_a_closed_period_gives_no_alert(loaded: DuckDBWarehouse, star_files: StarFiles) -> None:
    renamed = [{**row, "account_name": "Lease"} if row["account_key"] == RENT else row for row in accounts()]
    slices = [star_files.dimension(DIM_ACCOUNT, renamed, "d2")]
    publish(loaded, LoadRequest(slices, run_id="run-2", loaded_at=SECOND, closed_periods=["2025-01"]))

    summary = movement_summary(loaded)
    assert {(row["kind"], row["is_restatement"], row["moved"]) for row in summary} == {("rename", False, Decimal(0))}
    assert alerts_of(summary) == []


def test_a_home_without_a_load_has_no_movements(warehouse: DuckDBWarehouse) -> None:
    assert movement_summary(warehouse, SECOND) == []


def test_pages_have_the_movements_of_the_last_days_and_every_restatement(moved: DuckDBWarehouse) -> None:
    everything = movement_summary(moved)
    restated = [row for row in everything if row["is_restatement"]]
    assert 0 < len(restated) < len(everything)
    assert shown_movements(moved, SECOND + timedelta(days=DAYS_SHOWN)) == everything
    assert shown_movements(moved, THIRD + timedelta(days=DAYS_SHOWN, seconds=1)) == restated
    assert restatement_summary(moved) == restated
    assert restatement_summary(moved, SECOND + timedelta(seconds=1)) == []


def test_a_time_without_a_zone_is_rejected(moved: DuckDBWarehouse) -> None:
    with pytest.raises(ValueError, match="no time zone"):
        movement_summary(moved, datetime.fromisoformat("2025-07-02"))


def test_an_invalid_period_is_rejected_with_the_fix(moved: DuckDBWarehouse) -> None:
    with pytest.raises(QueryError, match="'2025-13' is not a valid period") as caught:
        movement_rows(moved, period="2025-13")

    assert "YYYY-MM" in caught.value.fix


def test_the_command_lists_what_was_loaded_on_a_day_or_later(moved: DuckDBWarehouse, path: Path) -> None:
    everything = command_rows(path)
    assert len(everything) == len(movement_rows(moved).rows)
    assert command_rows(path, "--since", "2025-07-02") == everything
    assert [
        (row["Period"], row["AccountNumber"], row["Difference"]) for row in command_rows(path, "--since", "2025-07-03")
    ] == [
        ("2025-02", "4000", "-1100.00"),
        ("2025-02", "6000", "-250.50"),
    ]
    assert {row["Period"] for row in command_rows(path, "--period", "2025-02")} == {"2025-02"}


def test_the_command_writes_csv_with_every_column(moved: DuckDBWarehouse, path: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(command(path, "--since", "2025-07-03", "--format", "csv").stdout)))

    assert list(rows[0]) == movement_rows(moved).columns
    assert [row["OldAmount"] for row in rows] == ["1100.00", "250.50"]


@pytest.mark.usefixtures("moved")
def test_the_command_shows_a_table_by_default(path: Path) -> None:
    result = command(path, "--period", "2025-01")

    assert result.exit_code == 0
    assert "transactions.csv: another version" in result.stdout
    assert "-1,000.00" in result.stdout


@pytest.mark.usefixtures("loaded")
def test_the_command_prints_one_line_if_nothing_moved(path: Path) -> None:
    assert command(path).stdout == "Nothing moved.\n"
    assert command(path, "--since", "2025-07-01", "--period", "2025-01").stdout == (
        "Nothing moved in 2025-01 since 2025-07-01.\n"
    )
    assert command_rows(path) == []
    assert command(path, "--format", "csv").stdout.startswith("LoadedAt,LoadNumber,Kind,")


@pytest.mark.parametrize("wrong", [("--since", "yesterday"), ("--period", "May"), ("--format", "xml")])
@pytest.mark.usefixtures("loaded")
def test_wrong_use_of_the_command_exits_two(path: Path, wrong: tuple[str, str]) -> None:
    assert command(path, *wrong).exit_code == 2


def test_the_command_fails_with_the_fix_before_the_first_load(path: Path) -> None:
    result = command(path)

    assert result.exit_code == 2
    assert "finance-platform run" in result.stderr
