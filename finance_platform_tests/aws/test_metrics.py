"""Metrics in CloudWatch, over a real wire to a stand-in of it: what a run tells, once, and never at a run's expense.

Belongs here: what is measured, what is sent. Does not belong here: alerts (see `test_alerts`).
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, get_args

import boto3
import dagster as dg
import pytest

from finance_platform.bootstrap import open_metrics
from finance_platform.feeds.feed_set import load_feed_set
from finance_platform.notifications.cloudwatch import CloudWatchMetrics
from finance_platform.notifications.metrics import UNITS, Metric, MetricsError, Name
from finance_platform.orchestration.definitions import build_definitions
from finance_platform.orchestration.jobs import REFRESH
from finance_platform.orchestration.resources.alerts import AlertsResource
from finance_platform.orchestration.resources.metrics import MetricsResource, send_or_warn
from finance_platform.orchestration.run_metrics import measure_runs, metrics_of_run
from finance_platform.orchestration.runs import KILLED
from finance_platform.orchestration.sensors.alerts import alerting_sensors
from finance_platform.reports.metrics import freshness_lags, metrics_of_deliveries, restated_amount
from finance_platform_tests.aws.fault_responses import answering
from finance_platform_tests.aws.measured import sums
from finance_platform_tests.aws.moto_server import environment
from finance_platform_tests.unit.factories import settings

AT = datetime(2026, 1, 31, 12, tzinfo=UTC)
LOG = logging.getLogger("test")


def lead_to(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in environment(address).items():
        monkeypatch.setenv(name, value)


def test_every_metric_has_a_unit_and_says_whether_it_is_of_a_feed():
    assert list(UNITS) == list(get_args(Name))
    with pytest.raises(ValueError, match="a feed is named by"):
        Metric("RowsRead", 1, AT)
    with pytest.raises(ValueError, match="a feed is named by"):
        Metric("RunsFailed", 1, AT, "gl")
    with pytest.raises(ValueError, match="no time zone"):
        Metric("RunsFailed", 1, AT.replace(tzinfo=None))


@pytest.mark.usefixtures("aws")
def test_money_arrives_to_the_cent_with_its_feed():
    CloudWatchMetrics("Cents").send([Metric("MoneyRejected", Decimal("90071992547409.91"), AT, "gl")])
    total, count = sums("Cents", "MoneyRejected", "gl")
    assert (f"{total:.2f}", count) == ("90071992547409.91", 1)
    (known,) = boto3.client("cloudwatch").list_metrics(Namespace="Cents")["Metrics"]
    assert known["Dimensions"] == [{"Name": "Feed", "Value": "gl"}]


@pytest.mark.usefixtures("aws")
def test_many_metrics_go_a_thousand_at_a_time(monkeypatch: pytest.MonkeyPatch):
    calls: list[int] = []
    session = boto3.Session()
    session.events.register("before-call.cloudwatch.PutMetricData", lambda **_: calls.append(1))
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", session)
    CloudWatchMetrics("Many").send([Metric("RunsFailed", 1, AT)] * 2001)
    assert len(calls) == 3
    assert sums("Many", "RunsFailed") == (2001, 2001)


def test_no_figures_are_no_call(monkeypatch: pytest.MonkeyPatch):
    lead_to("http://127.0.0.1:9", monkeypatch)
    CloudWatchMetrics("None").send([])


def test_a_service_that_says_no_costs_a_warning_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    with answering(403, '{"__type": "AccessDenied", "message": "not yours"}', "application/json") as service:
        lead_to(service.address, monkeypatch)
        with pytest.raises(MetricsError, match="namespace Denied"):
            CloudWatchMetrics("Denied").send([Metric("RunsFailed", 1, AT)])
        send_or_warn(CloudWatchMetrics("Denied"), [Metric("RunsFailed", 1, AT)], LOG)
    assert "Metrics could not be sent: RunsFailed: namespace Denied" in caplog.text
    assert "allow cloudwatch:PutMetricData" in caplog.text


def test_without_a_namespace_nobody_looks(tmp_path: Path):
    assert open_metrics(settings(home=tmp_path)) is None
    assert MetricsResource().open() is None
    send_or_warn(None, [Metric("RunsFailed", 1, AT)], LOG)


def test_money_restated_by_a_load_is_what_moved_in_closed_periods_whichever_way():
    rows: list[dict[str, Any]] = [
        {"load_number": load, "is_restatement": closed, "measure": measure, "moved": Decimal(moved)}
        for load, closed, measure, moved in [
            (2, True, "Amount", "10.00"),
            (2, True, "Amount", "5.50"),
            (2, True, "BudgetAmount", "7.00"),
            (2, False, "Amount", "100.00"),
            (1, True, "Amount", "1000.00"),
        ]
    ]
    assert restated_amount(rows, 2, AT).value == Decimal("15.50")
    assert restated_amount(rows, 3, AT).value == 0


def test_a_lag_is_the_time_since_the_last_delivery_and_never_negative():
    came = {"gl": AT - timedelta(days=1), "clock_ahead": AT + timedelta(seconds=5)}
    assert [(one.feed, one.value) for one in freshness_lags(came, AT)] == [("clock_ahead", 0), ("gl", 86400)]


def test_nothing_read_makes_no_metrics():
    assert metrics_of_deliveries([], AT) == []


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as found:
        yield found


class Sent:
    """Metrics that are kept."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def send(self, metrics: Any) -> None:
        self.names += [one.name for one in metrics]


def ended(home: Path, instance: dg.DagsterInstance, message: str, tags: dict[str, str] | None = None) -> dg.DagsterRun:
    run = instance.create_run_for_job(build_definitions(settings(home=home)).resolve_job_def(REFRESH), tags=tags)
    instance.report_run_failed(run, message)
    found = instance.get_run_by_id(run.run_id)
    assert found
    return found


def test_a_run_that_is_told_of_twice_counts_once(tmp_path: Path, instance: dg.DagsterInstance):
    sent = Sent()
    run = ended(tmp_path, instance, KILLED)
    for _ in range(2):
        measure_runs(sent, instance, [run], LOG)
    assert sent.names == ["RunsFailed"], "and a killed one has no duration"


def test_a_run_that_is_started_again_is_counted_by_its_last_attempt(tmp_path: Path, instance: dg.DagsterInstance):
    run = ended(tmp_path, instance, "its process died", {"dagster/will_retry": "true"})
    assert metrics_of_run(instance, run) == []


def test_where_nobody_looks_no_run_is_marked(tmp_path: Path, instance: dg.DagsterInstance):
    run = ended(tmp_path, instance, KILLED)
    measure_runs(None, instance, [run], LOG)
    assert not [name for name in instance.get_run_by_id(run.run_id).tags if "measured" in name]  # type: ignore[union-attr]


@pytest.mark.usefixtures("aws")
def test_the_lag_of_every_feed_that_had_a_file_is_told_though_nothing_runs(
    tmp_path: Path, instance: dg.DagsterInstance
):
    feed = load_feed_set(tmp_path / "feeds").feeds[0].feed
    instance.report_runless_asset_event(
        dg.AssetMaterialization(["deliveries", feed], metadata={"first_seen": "2025-12-31T00:00:00+00:00"})
    )
    (sensor,) = [one for one in alerting_sensors(settings(home=tmp_path)) if one.name == "overdue_feeds"]
    resources = {
        "alerts": AlertsResource(path=str(tmp_path / "alerts.jsonl")),
        "metrics": MetricsResource(namespace="Lags"),
    }
    with dg.build_sensor_context(instance=instance, resources=resources) as context:
        sensor.evaluate_tick(context)
    assert sums("Lags", "FreshnessLag", feed)[0] > 86400
    assert len(boto3.client("cloudwatch").list_metrics(Namespace="Lags")["Metrics"]) == 1


@pytest.mark.usefixtures("aws")
def test_the_sensors_of_runs_count_each_end(tmp_path: Path, instance: dg.DagsterInstance):
    run = ended(tmp_path, instance, "no step began")
    (tell,) = [one for one in alerting_sensors(settings(home=tmp_path)) if one.name == "failed_runs"]
    event = instance.all_logs(run.run_id, of_type=dg.DagsterEventType.RUN_FAILURE)[-1].dagster_event
    assert event
    for _ in range(2):
        tell(
            dg.build_run_status_sensor_context(
                sensor_name="failed_runs",
                dagster_event=event,
                dagster_instance=instance,
                dagster_run=run,
                resources={
                    "alerts": AlertsResource(path=str(tmp_path / "alerts.jsonl")),
                    "metrics": MetricsResource(namespace="Ends"),
                },
            )
        )
    assert sums("Ends", "RunsFailed") == (1, 1)
