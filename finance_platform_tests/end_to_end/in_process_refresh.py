"""A refresh by the use cases alone: no Dagster, no job processes, one Spark session for every refresh of the tests.

Belongs here: the steps in order, and their results. Does not belong here: expectations, Dagster's job (see
`dagster_refresh`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from uuid import uuid4

from finance_platform import bootstrap
from finance_platform.feeds.feed_set import load_feed_set
from finance_platform.notifications.alerts import Alert
from finance_platform.quality.checks import Outcome
from finance_platform.quality.deliveries import check_deliveries, check_raw, check_unread
from finance_platform.refresh.status import read_status
from finance_platform.refresh.steps.build_star import build_star
from finance_platform.refresh.steps.publish import publish
from finance_platform.refresh.steps.register import register
from finance_platform.refresh.steps.report import report
from finance_platform.refresh.steps.standardise import standardise
from finance_platform.reports.movements import restatement_alerts
from finance_platform.reports.status import Status
from finance_platform.settings import Settings, StarSettings, load_settings
from finance_platform_tests.end_to_end.home import Home
from finance_platform_tests.environment import platform_environment
from finance_platform_tests.in_process_jobs import InProcessJobs

if TYPE_CHECKING:
    from pyspark.sql import SparkSession


@dataclass(frozen=True)
class Refreshed:
    """The results of a refresh.

    Attributes:
        read: raw object of each delivery that was read.
        built: table and slice of each slice that was built.
        loaded: table and slice of each slice that was loaded.
        failed_checks: name of each check that failed and is not a warning.
        alerts: the alerts about restatements.
        status: the status after it.
    """

    read: Sequence[str]
    built: Sequence[str]
    loaded: Sequence[str]
    failed_checks: Sequence[str]
    alerts: Sequence[Alert]
    status: Status

    @property
    def needs_attention(self) -> bool:
        """Whether the command `run` would exit with 1."""
        has_unread = any(row["state"] == "pending" for row in self.status.deliveries)
        return bool(has_unread or self.failed_checks or not self.status.is_healthy)

    @property
    def has_work(self) -> bool:
        """Whether anything was read, built or loaded."""
        return bool(self.read or self.built or self.loaded)

    def held(self) -> dict[str, str]:
        """Return the reason for each held delivery by raw object."""
        return {row["file"]: row["reason"] for row in self.status.deliveries if row["state"] == "held"}


class Refresher:
    """Refreshes homes on one Spark session."""

    def __init__(self, spark: SparkSession) -> None:
        self._spark = spark

    def __call__(self, home: Home, **environment: str) -> Refreshed:
        """Run every step on a home, with these environment variables."""
        with platform_environment(home.path, **environment):
            settings = load_settings(home=home.path)
            with bootstrap.home_lock(settings), bootstrap.warehouse_readers(settings):
                return self._refresh(settings)

    def _refresh(self, settings: Settings) -> Refreshed:
        run_id = f"run-{uuid4().hex[:8]}"
        home, reports = bootstrap.open_home(settings), bootstrap.reports_folder(settings)
        raw, processed = home.raw, home.processed
        jobs = InProcessJobs(self._spark, raw, processed, lambda: f"{_now():%Y%m%dT%H%M%S}-{uuid4().hex[:8]}")
        scan = register(raw, processed, settings, at=_now(), run_id=run_id)
        standardised = standardise(raw, processed, jobs, settings, clock=_now, run_id=run_id)
        star = build_star(processed, jobs, StarSettings.of(settings))
        publication = publish(home, clock=_now, run_id=run_id)
        report(processed, home.warehouse, reports, run_id=run_id, is_complete=True)
        outcomes = [
            *(one for feed in load_feed_set(settings.feeds_path).feeds for one in check_raw(feed.feed, scan)),
            *check_unread(scan, str(settings.feeds_path)),
            *check_deliveries(star.snapshot.state, star.snapshot.overlaps),
            *star.outcomes,
            *publication.outcomes,
        ]
        return Refreshed(
            read=[commit.object_key for commit in standardised.read.commits],
            built=[f"{target.table} {target.slice}" for target in star.built],
            loaded=[" ".join(loaded.name) for loaded in publication.load.loaded] if publication.load else [],
            failed_checks=list(_failed(outcomes)),
            alerts=restatement_alerts(
                publication.movements, threshold=settings.restatement_alert_from, ui_url=settings.ui_url
            ),
            status=read_status(home, at=_now()),
        )


def _failed(outcomes: Sequence[Outcome]) -> Iterator[str]:
    for outcome in outcomes:
        if not outcome.passed and not outcome.check.is_warning:
            yield outcome.check.name


def _now() -> datetime:
    return datetime.now(UTC)
