"""The timeline of a feed: what came is a materialization, what was only read again is not, and each is told once.

Belongs here: events of made-up deliveries, and when a feed is overdue after them. Does not belong here: what an event
says of real files (see `test_describing_runs`), how an alert is sent (see `test_alerting`).
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from finance_platform.deliveries.commits import DeliveryCommit
from finance_platform.deliveries.overlaps import NO_OVERLAPS
from finance_platform.deliveries.register import Register
from finance_platform.deliveries.state import DeliveryState
from finance_platform.orchestration.assets.delivery_events import EVENTS_AT_ONCE, report_deliveries
from finance_platform.orchestration.resources.alerts import AlertsResource
from finance_platform.orchestration.resources.metrics import MetricsResource
from finance_platform.orchestration.sensors.alerts import alerting_sensors
from finance_platform.slices.snapshot import Snapshot
from finance_platform.storage.local import LocalStore
from finance_platform_tests.unit.factories import LEDGER, commit_of, delivered, in_period, settings, with_lines, write

KEY = dg.AssetKey(["deliveries", "ledger"])
NOW = datetime.now(UTC)


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as found:
        yield found


class Timeline:
    """A home of one feed, to which deliveries come and are read."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.register = Register(LocalStore(path / "processed"))
        self.commits: dict[str, DeliveryCommit] = {}
        write(path / "feeds" / "ledger.yaml", with_lines(LEDGER, freshness="{fail_after_days: 31}"))

    def read(self, file: str, content: str, *, days_ago: int, rules: str = "v1", feed: str = "ledger") -> str:
        """Register and read a file under some rules, and return when."""
        at = (NOW - timedelta(days=days_ago)).isoformat(timespec="microseconds")
        event = delivered(file, content, delivery_id=f"{file}-{content}-{rules}-{feed}", at=at, feed=feed)
        self.register.append([event])
        self.commits[event.delivery_id] = commit_of(event, in_period("2025-01"), committed_at=at)
        return at

    def tell(self, instance: dg.DagsterInstance) -> list[tuple[str, str]]:
        """Tell what is new; return kind and delivery of each event."""
        snapshot = Snapshot(self.commits, DeliveryState((), (), (), ()), NO_OVERLAPS, (), {})

        @dg.asset
        def teller(context: dg.AssetExecutionContext) -> None:
            report_deliveries(context, ["ledger"], snapshot, self.register, currency="USD")

        result = dg.materialize([teller], instance=instance)
        found = []
        for entry in instance.all_logs(result.run_id):
            event = entry.asset_materialization or entry.asset_observation
            if event and event.asset_key == KEY:
                kind = "came" if entry.asset_materialization else "read again"
                found.append((kind, (event.tags or {})["finance_platform/delivery"]))
        return found

    def overdue(self, instance: dg.DagsterInstance) -> str:
        """Return what the sensor says."""
        (sensor,) = [one for one in alerting_sensors(settings(home=self.path)) if one.name == "overdue_feeds"]
        resources = {"alerts": AlertsResource(path=str(self.path / "alerts.jsonl")), "metrics": MetricsResource()}
        with dg.build_sensor_context(instance=instance, resources=resources) as context:
            return sensor.evaluate_tick(context).skip_message or ""


@pytest.fixture
def timeline(tmp_path: Path) -> Timeline:
    return Timeline(tmp_path)


def first_seen(instance: dg.DagsterInstance) -> list[str]:
    records = [*instance.fetch_materializations(KEY, limit=9).records, *instance.fetch_observations(KEY, 9).records]
    events = [record.asset_materialization or record.asset_observation for record in records]
    return [str(event.metadata["first_seen"].value) for event in events if event]


def test_the_same_bytes_read_by_a_corrected_descriptor_are_no_new_delivery(
    timeline: Timeline, instance: dg.DagsterInstance
):
    seen = timeline.read("ledger.csv", "january", days_ago=40)
    assert timeline.tell(instance) == [("came", "ledger.csv-january-v1-ledger")]
    timeline.read("ledger.csv", "january", days_ago=2, rules="v2")
    assert timeline.tell(instance) == [("read again", "ledger.csv-january-v2-ledger")]
    assert first_seen(instance) == [seen, seen]


def test_a_feed_whose_files_are_only_read_again_stays_overdue(timeline: Timeline, instance: dg.DagsterInstance):
    seen = timeline.read("ledger.csv", "january", days_ago=40)
    timeline.tell(instance)
    timeline.read("ledger.csv", "january", days_ago=2, rules="v2")
    timeline.tell(instance)
    assert timeline.overdue(instance) == f"ledger is overdue: nothing came since {seen[:10]}"


def test_a_file_that_comes_ends_it(timeline: Timeline, instance: dg.DagsterInstance):
    timeline.read("ledger.csv", "january", days_ago=40)
    timeline.read("ledger.csv", "february", days_ago=2)
    assert [kind for kind, _ in timeline.tell(instance)] == ["came", "came"]
    assert timeline.overdue(instance) == "no feed is overdue"


def test_nothing_is_told_twice_whichever_kind_came_last(timeline: Timeline, instance: dg.DagsterInstance):
    timeline.read("ledger.csv", "january", days_ago=40)
    timeline.tell(instance)
    timeline.read("ledger.csv", "january", days_ago=20, rules="v2")
    assert len(timeline.tell(instance)) == 1
    assert timeline.tell(instance) == []
    timeline.read("ledger.csv", "february", days_ago=2, rules="v2")
    assert timeline.tell(instance) == [("came", "ledger.csv-february-v2-ledger")]
    assert timeline.tell(instance) == []


def test_nothing_is_told_twice_after_the_last_delivery_that_was_told_is_vacuumed(
    timeline: Timeline, instance: dg.DagsterInstance
):
    timeline.read("ledger.csv", "january", days_ago=200)
    timeline.read("ledger.csv", "february", days_ago=150)
    timeline.tell(instance)
    del timeline.commits["ledger.csv-february-v1-ledger"]
    assert timeline.tell(instance) == []


def test_a_storage_of_dagster_that_was_lost_is_told_all_anew_and_sets_no_clock_back(
    timeline: Timeline, instance: dg.DagsterInstance
):
    timeline.read("ledger.csv", "january", days_ago=60)
    seen = timeline.read("ledger.csv", "february", days_ago=40)
    timeline.read("ledger.csv", "january", days_ago=3, rules="v2")
    timeline.read("ledger.csv", "february", days_ago=2, rules="v2")
    assert [kind for kind, _ in timeline.tell(instance)] == ["came", "came", "read again", "read again"]
    assert timeline.overdue(instance) == f"ledger is overdue: nothing came since {seen[:10]}"


def test_a_timeline_that_begins_with_files_read_again_counts_from_the_last_that_came(
    timeline: Timeline, instance: dg.DagsterInstance
):
    for number in range(EVENTS_AT_ONCE):
        timeline.read(f"ledger_{number:03}.csv", "old", days_ago=400)
    timeline.read("ledger_000.csv", "new", days_ago=5)
    for number in range(EVENTS_AT_ONCE):
        timeline.read(f"ledger_{number:03}.csv", "new" if number == 0 else "old", days_ago=1, rules="v2")
    assert len(timeline.tell(instance)) == EVENTS_AT_ONCE
    assert timeline.overdue(instance) == "no feed is overdue"


def test_a_file_that_goes_over_to_another_feed_begins_that_feeds_timeline_and_is_as_old_as_it_is(
    timeline: Timeline, instance: dg.DagsterInstance
):
    seen = timeline.read("ledger.csv", "january", days_ago=40, feed="erp")
    timeline.read("ledger.csv", "january", days_ago=2)
    assert timeline.tell(instance) == [("came", "ledger.csv-january-v1-ledger")]
    assert first_seen(instance) == [seen]
    assert timeline.overdue(instance).startswith("ledger is overdue")
