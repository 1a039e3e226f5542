"""The timeline of a feed: a new delivery is a materialization; one that is read again, held or decided an observation.

Belongs here: events of invented deliveries, and whether the feed is overdue after them. Does not belong here: the
metadata of events (see `test_run_metadata`), sending alerts (see `test_run_alerts`).
"""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
from markdown_it import MarkdownIt

from finance_platform.deliveries.commits import DeliveryCommit
from finance_platform.deliveries.events import DecisionRecorded, select_discovered
from finance_platform.deliveries.overlaps import NO_OVERLAPS
from finance_platform.deliveries.register import Register
from finance_platform.deliveries.state import DeliveryState, InactiveDelivery
from finance_platform.notifications.alerts_file import AlertsFile
from finance_platform.orchestration.assets.delivery_events import EVENTS_AT_ONCE, report_deliveries
from finance_platform.orchestration.sensors.alerts import alerting_sensors
from finance_platform.slices.snapshot import Snapshot
from finance_platform.storage.local import LocalStore
from finance_platform_tests.unit.factories import LEDGER, commit_of, delivered, in_period, settings, with_lines, write

KEY = dg.AssetKey(["deliveries", "ledger"])
NOW = datetime.now(UTC)


class Timeline:
    """A home with one feed, whose deliveries are registered and read."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.register = Register(LocalStore(path / "processed"))
        self.commits: dict[str, DeliveryCommit] = {}
        self.messages: list[str] = []
        self.held: list[InactiveDelivery] = []
        write(path / "feeds" / "ledger.yaml", with_lines(LEDGER, freshness="{fail_after_days: 31}"))

    def read(self, file: str, content: str, *, days_ago: int, rules: str = "v1", feed: str = "ledger") -> str:
        """Register and read a file under a version of the rules; return the time."""
        at = (NOW - timedelta(days=days_ago)).isoformat(timespec="microseconds")
        event = delivered(
            file, content, delivery_id=re.sub(r"[^\w.-]", "", f"{file}-{content}-{rules}-{feed}"), at=at, feed=feed
        )
        self.register.append([event])
        self.commits[event.delivery_id] = commit_of(event, in_period("2025-01"), committed_at=at)
        return at

    def hold(self, file: str, reason: str) -> None:
        """Hold the delivery of a file that was read."""
        (event,) = [event for event in select_discovered(self.register.events()) if event.object_key == file]
        self.held.append(InactiveDelivery(event, self.commits[event.delivery_id], reason, "`accept` it"))

    def decide(self, file: str, why: str) -> None:
        """Record the decision of a person about a file that was read."""
        (event,) = [event for event in select_discovered(self.register.events()) if event.object_key == file]
        decision = DecisionRecorded("accepted", file, event.delivery_id, "kim", why, NOW.isoformat())
        self.register.append([decision])

    def report(self, instance: dg.DagsterInstance) -> list[tuple[str, str]]:
        """Report the deliveries that have no event yet; return kind and delivery of each new event."""
        snapshot = Snapshot(self.commits, DeliveryState((), self.held, (), ()), NO_OVERLAPS, (), {})

        @dg.asset
        def reporter(context: dg.AssetExecutionContext) -> None:
            report_deliveries(context, ["ledger"], snapshot, self.register, currency="USD")

        result = dg.materialize([reporter], instance=instance)
        reported = []
        self.messages = [entry.user_message for entry in instance.all_logs(result.run_id)]
        for entry in instance.all_logs(result.run_id):
            event = entry.asset_materialization or entry.asset_observation
            if event and event.asset_key == KEY:
                tags = event.tags or {}
                kind = "new" if entry.asset_materialization else tags.get("finance_platform/verdict", "read again")
                reported.append((kind, tags["finance_platform/delivery"]))
        return reported

    def overdue(self, instance: dg.DagsterInstance) -> str:
        """Return the message of the sensor on overdue feeds."""
        sensors = {sensor.name: sensor for sensor in alerting_sensors(settings(home=self.path))}
        resources = {"alerts": AlertsFile(self.path / "alerts.jsonl"), "metrics": None}
        with dg.build_sensor_context(instance=instance, resources=resources) as context:
            return sensors["overdue_feeds"].evaluate_tick(context).skip_message or ""


@pytest.fixture
def timeline(tmp_path: Path) -> Timeline:
    return Timeline(tmp_path)


def first_seen(instance: dg.DagsterInstance) -> list[str]:
    records = [*instance.fetch_materializations(KEY, limit=9).records, *instance.fetch_observations(KEY, 9).records]
    events = [record.asset_materialization or record.asset_observation for record in records]
    return [str(event.metadata["first_seen"].value) for event in events if event]


def test_the_same_bytes_read_under_a_corrected_descriptor_are_not_a_new_delivery(
    timeline: Timeline, instance: dg.DagsterInstance
):
    seen = timeline.read("ledger.csv", "january", days_ago=40)
    assert timeline.report(instance) == [("new", "ledger.csv-january-v1-ledger")]
    timeline.read("ledger.csv", "january", days_ago=2, rules="v2")
    assert timeline.report(instance) == [("read again", "ledger.csv-january-v2-ledger")]
    assert first_seen(instance) == [seen, seen]


def test_a_held_file_is_an_observation_until_it_is_decided(timeline: Timeline, instance: dg.DagsterInstance):
    timeline.read("ledger.csv", "january", days_ago=3)
    timeline.hold("ledger.csv", "2 of 3 rows rejected")
    name = "ledger.csv-january-v1-ledger"
    assert timeline.report(instance) == [("new", name), ("held", name)]
    assert timeline.report(instance) == []
    (held,) = instance.fetch_observations(KEY, 9).records
    assert held.asset_observation
    assert held.asset_observation.description == "ledger.csv is held: 2 of 3 rows rejected. Fix: 'accept' it"
    timeline.held.clear()
    assert timeline.report(instance) == [("decided", name)]
    assert timeline.report(instance) == []


MARKED_UP = "*gl* [pay](http://x.test) <b>_1_.csv"


def test_the_page_shows_the_name_of_a_file_as_it_is_and_nothing_of_it_as_a_link_or_emphasis(
    timeline: Timeline, instance: dg.DagsterInstance
):
    timeline.read(MARKED_UP, "january", days_ago=3)
    timeline.hold(MARKED_UP, "`amount`: *all* of <i>it</i>")
    timeline.decide(MARKED_UP, "as [agreed](http://x.test)")
    timeline.report(instance)
    records = [*instance.fetch_materializations(KEY, 9).records, *instance.fetch_observations(KEY, 9).records]
    events = [record.asset_materialization or record.asset_observation for record in records]
    # Dagster renders the description of an event as Markdown on the asset's page.
    shown = [rendered(event.description or "") for event in events if event]
    assert len(shown) == 3
    assert all(text.startswith(f"'{MARKED_UP}'") for text in shown)
    assert any("'amount': *all* of <i>it</i>" in text for text in shown)
    assert any("as [agreed](http://x.test)" in text for text in shown)


def rendered(description: str) -> str:
    """Return what a reader sees of a description that has no markup."""
    (_, inline, _) = MarkdownIt("commonmark").parse(description)
    children = inline.children or []
    assert {child.type for child in children} <= {"text", "text_special"}, description
    return "".join(child.content for child in children)


def test_a_feed_whose_files_are_only_read_again_stays_overdue(timeline: Timeline, instance: dg.DagsterInstance):
    seen = timeline.read("ledger.csv", "january", days_ago=40)
    timeline.report(instance)
    timeline.read("ledger.csv", "january", days_ago=2, rules="v2")
    timeline.report(instance)
    assert timeline.overdue(instance) == f"ledger is overdue: no delivery since {seen[:10]}"


def test_a_new_delivery_ends_the_overdue_state(timeline: Timeline, instance: dg.DagsterInstance):
    timeline.read("ledger.csv", "january", days_ago=40)
    timeline.read("ledger.csv", "february", days_ago=2)
    assert [kind for kind, _ in timeline.report(instance)] == ["new", "new"]
    assert timeline.overdue(instance) == "no feed is overdue"


def test_no_delivery_is_reported_twice_whichever_kind_was_last(timeline: Timeline, instance: dg.DagsterInstance):
    timeline.read("ledger.csv", "january", days_ago=40)
    timeline.report(instance)
    timeline.read("ledger.csv", "january", days_ago=20, rules="v2")
    assert len(timeline.report(instance)) == 1
    assert timeline.report(instance) == []
    timeline.read("ledger.csv", "february", days_ago=2, rules="v2")
    assert timeline.report(instance) == [("new", "ledger.csv-february-v2-ledger")]
    assert timeline.report(instance) == []


def test_deliveries_are_reported_once_and_in_the_order_in_which_they_were_read(
    timeline: Timeline, instance: dg.DagsterInstance
):
    """Commits have the order of their ids, which says nothing about time."""
    for days_ago, content in ((1, "c"), (3, "a"), (2, "b")):
        timeline.read("ledger.csv", content, days_ago=days_ago)
    assert timeline.report(instance) == [("new", f"ledger.csv-{content}-v1-ledger") for content in "abc"]
    assert timeline.report(instance) == []


def test_no_delivery_is_reported_twice_after_the_last_reported_one_is_vacuumed(
    timeline: Timeline, instance: dg.DagsterInstance
):
    timeline.read("ledger.csv", "january", days_ago=200)
    timeline.read("ledger.csv", "february", days_ago=150)
    timeline.report(instance)
    del timeline.commits["ledger.csv-february-v1-ledger"]
    assert timeline.report(instance) == []


def test_after_a_loss_of_dagster_s_storage_all_is_reported_again_and_the_feed_stays_overdue(
    timeline: Timeline, instance: dg.DagsterInstance
):
    timeline.read("ledger.csv", "january", days_ago=60)
    seen = timeline.read("ledger.csv", "february", days_ago=40)
    timeline.read("ledger.csv", "january", days_ago=3, rules="v2")
    timeline.read("ledger.csv", "february", days_ago=2, rules="v2")
    assert [kind for kind, _ in timeline.report(instance)] == ["new", "new", "read again", "read again"]
    assert timeline.overdue(instance) == f"ledger is overdue: no delivery since {seen[:10]}"


def test_a_timeline_that_begins_with_files_read_again_counts_from_the_last_new_delivery(
    timeline: Timeline, instance: dg.DagsterInstance
):
    for number in range(EVENTS_AT_ONCE):
        timeline.read(f"ledger_{number:03}.csv", "old", days_ago=400)
    timeline.read("ledger_000.csv", "new", days_ago=5)
    for number in range(EVENTS_AT_ONCE):
        timeline.read(f"ledger_{number:03}.csv", "new" if number == 0 else "old", days_ago=1, rules="v2")
    assert len(timeline.report(instance)) == EVENTS_AT_ONCE
    # One message names the rest.
    (message,) = [message for message in timeline.messages if "no event of their own" in message]
    assert message.startswith("201 deliveries of ledger, ledger_000.csv to ledger_000.csv, have")
    assert timeline.overdue(instance) == "no feed is overdue"


def test_a_file_that_moves_to_another_feed_starts_its_timeline_and_keeps_its_age(
    timeline: Timeline, instance: dg.DagsterInstance
):
    seen = timeline.read("ledger.csv", "january", days_ago=40, feed="erp")
    timeline.read("ledger.csv", "january", days_ago=2)
    assert timeline.report(instance) == [("new", "ledger.csv-january-v1-ledger")]
    assert first_seen(instance) == [seen]
    assert timeline.overdue(instance).startswith("ledger is overdue")


def test_a_withdrawal_and_its_undoing_are_on_the_timeline_once_with_who_and_why(
    timeline: Timeline, instance: dg.DagsterInstance
):
    timeline.read("ledger.csv", "january", days_ago=3)
    timeline.report(instance)
    name = "ledger.csv-january-v1-ledger"
    for action, why in (("withdrawn", "a draft"), ("reinstated", "approved")):
        decision = DecisionRecorded(action, "ledger.csv", name, "ana", why, NOW.isoformat(), identified_by="os")  # type: ignore[arg-type]
        timeline.register.append([decision])
    assert len(timeline.report(instance)) == 2
    shown = [record.asset_observation for record in instance.fetch_observations(KEY, 9).records]
    assert [one.description for one in shown if one] == [
        "ledger.csv: reinstated by ana: approved",
        "ledger.csv: withdrawn by ana: a draft",
    ]
    assert timeline.report(instance) == []
