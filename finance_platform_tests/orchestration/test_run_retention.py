"""The retention of runs: what leaves Dagster's storage, and what pages and later runs still find there.

Belongs here: `orchestration.run_retention` and its sensor, on a storage in files. Does not belong here: data of the
processed zone (see `test_retention`).
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.events import AssetObservationData, DagsterEvent, StepMaterializationData

from finance_platform.orchestration.run_retention import AT_ONCE, NEWEST_ARRIVALS, NEWEST_RUNS, purge_runs
from finance_platform.orchestration.sensors.run_retention import run_retention_sensors
from finance_platform.storage.local import LocalStore
from finance_platform_tests.unit.factories import settings

LATER = datetime.now(UTC) + timedelta(days=400)
FACT, PERIODS = dg.AssetKey(["warehouse", "fact"]), dg.AssetKey(["warehouse", "by_period"])
Event = dg.AssetMaterialization | dg.AssetObservation
TIMELINE = dg.AssetKey(["deliveries", "ledger"])


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        yield instance


def add_run(
    instance: dg.DagsterInstance, *events: dg.AssetMaterialization | dg.AssetObservation, ends: bool = True
) -> str:
    """Record a run with events of assets; return its id."""
    run = dg.DagsterRun(job_name="refresh", status=dg.DagsterRunStatus.SUCCESS if ends else dg.DagsterRunStatus.STARTED)
    instance.add_run(run)
    for event in events:
        kind, data = (
            (dg.DagsterEventType.ASSET_MATERIALIZATION, StepMaterializationData(event))
            if isinstance(event, dg.AssetMaterialization)
            else (dg.DagsterEventType.ASSET_OBSERVATION, AssetObservationData(event))
        )
        instance.report_dagster_event(
            DagsterEvent(kind.value, run.job_name, event_specific_data=data, step_key="load"), run.run_id
        )
    return run.run_id


def runs(instance: dg.DagsterInstance) -> set[str]:
    return {run.run_id for run in instance.get_runs()}


def purge(instance: dg.DagsterInstance, folder: Path, complete: str = "", days: int = 90) -> int:
    return purge_runs(instance, folder, days, LATER, complete=complete)


def test_a_run_stays_if_a_page_shows_its_events_or_a_later_run_reads_them(
    instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    """Dagster takes the events of assets away with their run."""
    january = add_run(instance, dg.AssetMaterialization(PERIODS, partition="2025-01"))
    replaced = add_run(instance, dg.AssetMaterialization(PERIODS, partition="2025-02"), dg.AssetMaterialization(FACT))
    february = add_run(instance, dg.AssetMaterialization(PERIODS, partition="2025-02"))
    arrivals = [add_run(instance, dg.AssetMaterialization(TIMELINE)) for _ in range(NEWEST_ARRIVALS + 2)]
    decided = add_run(instance, dg.AssetObservation(TIMELINE))
    current = add_run(instance, dg.AssetMaterialization(FACT))
    complete, unfinished = add_run(instance), add_run(instance, ends=False)
    newest = [add_run(instance) for _ in range(NEWEST_RUNS)]
    (tmp_path / "storage" / replaced / "load").mkdir(parents=True)
    assert purge(instance, tmp_path, complete) == 3
    kept = {january, february, decided, current, complete, unfinished, *arrivals[2:], *newest}
    assert runs(instance) == kept
    assert not list((tmp_path / "history" / "runs").glob(f"{replaced}.db*"))
    assert not (tmp_path / "storage" / replaced).exists()
    assert instance.get_materialized_partitions(PERIODS) == {"2025-01", "2025-02"}
    latest = instance.get_latest_materialization_event(FACT)
    assert latest is not None
    assert latest.run_id == current
    assert purge(instance, tmp_path, complete) == 0


def test_young_runs_stay_and_so_do_all_without_a_retention(instance: dg.DagsterInstance, tmp_path: Path) -> None:
    for _ in range(NEWEST_RUNS + 2):
        add_run(instance)
    assert purge(instance, tmp_path, days=0) == 0
    assert purge(instance, tmp_path, days=500) == 0
    assert purge(instance, tmp_path) == 2


def test_a_backlog_goes_from_the_oldest_run_on_in_several_nights(
    instance: dg.DagsterInstance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("finance_platform.orchestration.run_retention.AT_ONCE", 3)
    monkeypatch.setattr("finance_platform.orchestration.run_retention._PAGE", 2)
    added = [add_run(instance) for _ in range(NEWEST_RUNS + 5)]
    assert purge(instance, tmp_path) == 3
    assert runs(instance) == set(added[3:])
    assert purge(instance, tmp_path) == 2
    assert AT_ONCE > 3


def test_the_sensor_removes_old_runs_and_starts_none(
    instance: dg.DagsterInstance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(NEWEST_RUNS + 1):
        add_run(instance)
    clock = type("Clock", (datetime,), {"now": classmethod(lambda _, zone: LATER.astimezone(zone))})
    monkeypatch.setattr("finance_platform.orchestration.sensors.run_retention.datetime", clock)
    (sensor,) = run_retention_sensors(settings(home=tmp_path))
    context = dg.build_sensor_context(instance, resources={"processed_zone": LocalStore(tmp_path / "processed")})
    result = sensor(context)
    assert isinstance(result, dg.SkipReason)
    assert result.skip_message == "removed 1 run older than 180 days"
    assert run_retention_sensors(settings(home=tmp_path, run_retention_days=0)) == []
