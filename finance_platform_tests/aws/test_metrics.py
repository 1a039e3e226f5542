"""Metrics in CloudWatch, on a fake of AWS: which are sent, each once, and that failures never affect a run.

Belongs here: metrics of the data and of runs, and their adapter. Does not belong here: alerts (see `test_sns`).
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
from finance_platform.notifications.alerts_file import AlertsFile
from finance_platform.notifications.cloudwatch import CloudWatchMetrics
from finance_platform.notifications.metrics import UNITS, Metric, MetricsError, Name, send_or_warn
from finance_platform.orchestration.definitions import build_definitions
from finance_platform.orchestration.jobs import REFRESH
from finance_platform.orchestration.run_metrics import collect_run_metrics, send_run_metrics
from finance_platform.orchestration.runs import KILLED
from finance_platform.orchestration.sensors.alerts import alerting_sensors
from finance_platform.reports.metrics import delivery_metrics, freshness_lags, restated_amount
from finance_platform_tests.aws.fault_responses import fault_server
from finance_platform_tests.aws.metric_values import sums
from finance_platform_tests.aws.moto_server import environment
from finance_platform_tests.unit.factories import settings

AT = datetime(2026, 1, 31, 12, tzinfo=UTC)
LOG = logging.getLogger("test")


def use_endpoint(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in environment(address).items():
        monkeypatch.setenv(name, value)


def test_every_metric_has_a_unit_and_feed_metrics_a_feed():
    assert list(UNITS) == list(get_args(Name))
    with pytest.raises(ValueError, match=r"only .* have a feed"):
        Metric("RowsRead", 1, AT)
    with pytest.raises(ValueError, match=r"only .* have a feed"):
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
def test_metrics_are_sent_in_batches_of_a_thousand(monkeypatch: pytest.MonkeyPatch):
    calls: list[int] = []
    session = boto3.Session()
    session.events.register("before-call.cloudwatch.PutMetricData", lambda **_: calls.append(1))
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", session)
    CloudWatchMetrics("Many").send([Metric("RunsFailed", 1, AT)] * 2001)
    assert len(calls) == 3
    assert sums("Many", "RunsFailed") == (2001, 2001)


def test_without_metrics_there_is_no_call(monkeypatch: pytest.MonkeyPatch):
    use_endpoint("http://127.0.0.1:9", monkeypatch)
    CloudWatchMetrics("None").send([])


def test_a_refusal_is_only_a_warning(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture):
    with fault_server(403, '{"__type": "AccessDenied", "message": "not yours"}', "application/json") as service:
        use_endpoint(service.address, monkeypatch)
        with pytest.raises(MetricsError, match="namespace Denied"):
            CloudWatchMetrics("Denied").send([Metric("RunsFailed", 1, AT)])
        send_or_warn(CloudWatchMetrics("Denied"), [Metric("RunsFailed", 1, AT)], LOG)
    assert "Metrics could not be sent: RunsFailed: namespace Denied" in caplog.text
    assert "allow cloudwatch:PutMetricData" in caplog.text


def test_without_a_namespace_no_metrics_are_sent(tmp_path: Path):
    assert open_metrics(settings(home=tmp_path)) is None
    send_or_warn(None, [Metric("RunsFailed", 1, AT)], LOG)


def test_the_restated_amount_is_the_largest_gross_amount_of_a_scenario_in_closed_periods():
    rows: list[dict[str, Any]] = [
        {
            "load_number": load,
            "is_restatement": closed,
            "kind": "movement",
            "period": "2025-01",
            "scenario": scenario,
            "measure": measure,
            "quantity": quantity,
            "moved": Decimal(moved),
        }
        for load, closed, scenario, measure, quantity, moved in [
            (2, True, "Actual", "Amount", "flow", "10.00"),
            (2, True, "Actual", "Amount", "flow", "5.50"),
            (2, True, "Actual", "Amount", "statistical", "99.00"),
            (2, True, "Budget", "Amount", "flow", "8.00"),
            (2, True, "Actual", "BudgetAmount", "flow", "7.00"),
            (2, False, "Actual", "Amount", "flow", "100.00"),
            (1, True, "Actual", "Amount", "flow", "1000.00"),
        ]
    ]
    assert restated_amount(rows, 2, AT).value == Decimal("15.50")
    assert restated_amount(rows, 3, AT).value == 0


def test_a_lag_is_the_time_since_the_last_delivery_and_never_negative():
    arrivals = {"gl": AT - timedelta(days=1), "clock_ahead": AT + timedelta(seconds=5)}
    assert [(lag.feed, lag.value) for lag in freshness_lags(arrivals, AT)] == [("clock_ahead", 0), ("gl", 86400)]


def test_without_deliveries_there_are_no_metrics():
    assert delivery_metrics([], AT) == []


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as ephemeral:
        yield ephemeral


class RecordedMetrics:
    """Metrics in memory."""

    def __init__(self) -> None:
        self.names: list[str] = []

    def send(self, metrics: Any) -> None:
        self.names += [metric.name for metric in metrics]


def failed_run(
    home: Path, instance: dg.DagsterInstance, message: str, tags: dict[str, str] | None = None
) -> dg.DagsterRun:
    run = instance.create_run_for_job(build_definitions(settings(home=home)).resolve_job_def(REFRESH), tags=tags)
    instance.report_run_failed(run, message)
    failed = instance.get_run_by_id(run.run_id)
    assert failed
    return failed


def test_a_run_that_is_seen_twice_counts_once(tmp_path: Path, instance: dg.DagsterInstance):
    recorded = RecordedMetrics()
    run = failed_run(tmp_path, instance, KILLED)
    for _ in range(2):
        send_run_metrics(recorded, instance, [run], LOG)
    assert recorded.names == ["RunsFailed"], "a killed run has no duration"


def test_a_run_that_will_be_retried_is_not_counted(tmp_path: Path, instance: dg.DagsterInstance):
    run = failed_run(tmp_path, instance, "its process died", {"dagster/will_retry": "true"})
    assert collect_run_metrics(instance, run) == []


def test_without_a_namespace_no_run_is_marked(tmp_path: Path, instance: dg.DagsterInstance):
    run = failed_run(tmp_path, instance, KILLED)
    send_run_metrics(None, instance, [run], LOG)
    assert not [name for name in instance.get_run_by_id(run.run_id).tags if "measured" in name]  # type: ignore[union-attr]


@pytest.mark.usefixtures("aws")
def test_the_sensor_sends_the_lag_of_every_feed_that_had_a_file(tmp_path: Path, instance: dg.DagsterInstance):
    feed = load_feed_set(tmp_path / "feeds").feeds[0].feed
    instance.report_runless_asset_event(
        dg.AssetMaterialization(["deliveries", feed], metadata={"first_seen": "2025-12-31T00:00:00+00:00"})
    )
    (sensor,) = [sensor for sensor in alerting_sensors(settings(home=tmp_path)) if sensor.name == "overdue_feeds"]
    resources = {
        "alerts": AlertsFile(tmp_path / "alerts.jsonl"),
        "metrics": CloudWatchMetrics("Lags"),
    }
    with dg.build_sensor_context(instance=instance, resources=resources) as context:
        sensor.evaluate_tick(context)
    assert sums("Lags", "FreshnessLag", feed)[0] > 86400
    assert len(boto3.client("cloudwatch").list_metrics(Namespace="Lags")["Metrics"]) == 1


@pytest.mark.usefixtures("aws")
def test_the_run_sensors_count_each_run_once(tmp_path: Path, instance: dg.DagsterInstance):
    run = failed_run(tmp_path, instance, "no step began")
    (run_sensor,) = [sensor for sensor in alerting_sensors(settings(home=tmp_path)) if sensor.name == "failed_runs"]
    event = instance.all_logs(run.run_id, of_type=dg.DagsterEventType.RUN_FAILURE)[-1].dagster_event
    assert event
    for _ in range(2):
        run_sensor(
            dg.build_run_status_sensor_context(
                sensor_name="failed_runs",
                dagster_event=event,
                dagster_instance=instance,
                dagster_run=run,
                resources={
                    "alerts": AlertsFile(tmp_path / "alerts.jsonl"),
                    "metrics": CloudWatchMetrics("Ends"),
                },
            )
        )
    assert sums("Ends", "RunsFailed") == (1, 1)
