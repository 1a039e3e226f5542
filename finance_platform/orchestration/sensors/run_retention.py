"""The sensor that removes old runs from Dagster's storage.

Belongs here: when Dagster does it. Does not belong here: which runs may go (see `orchestration.run_retention`).

A sensor and not a schedule: a schedule needs a job, and the page of each asset of that job would show it as one of the
times at which the asset is refreshed (156).
"""

from datetime import UTC, datetime

import dagster as dg

from finance_platform.count_text import pluralize
from finance_platform.orchestration.run_retention import AT_ONCE, purge_runs
from finance_platform.refresh.steps.complete_run import read_complete_run
from finance_platform.settings import Settings
from finance_platform.storage.port import ObjectStore

_EVERY_HOUR_SECONDS = 3600
"""Several times a day, since each evaluation removes a limited number; without an old run it is one query."""


def run_retention_sensors(settings: Settings) -> list[dg.SensorDefinition]:
    """Return the sensor that removes old runs from Dagster's storage; none if they are kept for ever."""
    days = settings.run_retention_days
    if not days:
        return []

    @dg.sensor(
        name="run_retention",
        minimum_interval_seconds=_EVERY_HOUR_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING if settings.auto_refresh else dg.DefaultSensorStatus.STOPPED,
        description=f"Starts no run: removes runs older than {days} days, with their events, at most {AT_ONCE} in an "
        "hour. The last event of each asset and partition stays. Set by FINANCE_PLATFORM_RUN_RETENTION_DAYS.",
    )
    def remove_old_runs(
        context: dg.SensorEvaluationContext, processed_zone: dg.ResourceParam[ObjectStore]
    ) -> dg.SkipReason:
        complete = read_complete_run(processed_zone)
        run_id = complete.run_id if complete else ""
        removed = purge_runs(context.instance, settings.dagster_home, days, datetime.now(UTC), complete=run_id)
        return dg.SkipReason(f"removed {pluralize(removed, 'run')} older than {days} days")

    return [remove_old_runs]
