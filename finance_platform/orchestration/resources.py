"""Which resources the assets and sensors get: the ports of the composition root, and what their run brings, by name.

Belongs here: names of resources and what the UI says of them, and which runner has the Spark jobs, since runners know
Dagster. Does not belong here: which adapter implements another port (see `bootstrap`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import dagster as dg

from finance_platform import bootstrap
from finance_platform.orchestration.ahead.pack_ahead import PackAhead
from finance_platform.orchestration.ahead.taken_steps import NOTHING_TAKEN, TakenSteps
from finance_platform.orchestration.job_runners.job_process import JobProcess
from finance_platform.orchestration.job_runners.pipes_jobs import DagsterJobRunner, JobZones
from finance_platform.orchestration.job_runners.subprocess_jobs import SubprocessJobRunner
from finance_platform.settings import Settings
from finance_platform.storage.port import ObjectStore

DESCRIPTIONS: Mapping[str, str] = {
    "raw_zone": "The files as delivered. The platform only reads them.",
    "processed_zone": "Typed lines, rejected rows and the star as Parquet files, and the register of deliveries.",
    "raw_zone_events": "The queue of S3's events on new and removed files. Only on AWS.",
    "reports": "The folder of the variance report and the report pack.",
    "spark_jobs": "Runs the jobs that read files and build the star: on this machine; on AWS also in Glue.",
    "warehouse": "The published star. A load replaces its stale slices in one transaction.",
    "data_catalog": "The AWS Glue Data Catalog, which lists the processed tables. Only on AWS.",
    "alerts": "Where alerts go: alerts.jsonl in the home; on AWS also SNS topics.",
    "metrics": "Where figures of runs go: Amazon CloudWatch, if a namespace of metrics is set.",
    "steps_ahead": "Steps that a run of the command line takes before Dagster has it; none in runs of the UI.",
    "pack_ahead": "Reads the report pack during the load of a run of the command line; not in runs of the UI.",
}
"""By resource, what its page says, without Markdown: the list of resources shows the beginning as it is written."""


def described_resources(resources: Mapping[str, Any]) -> dict[str, dg.ResourceDefinition]:
    """Return resources with what their pages show; of a plain object, Dagster shows `<lambda>` and no description."""
    return {name: _described(resource, DESCRIPTIONS[name]) for name, resource in resources.items()}


def _described(resource: object, description: str) -> dg.ResourceDefinition:
    def provide(_context: dg.InitResourceContext) -> object:
        return resource

    # The page shows the function's name as the type of what it returns.
    provide.__name__, provide.__module__ = type(resource).__name__, type(resource).__module__
    return dg.ResourceDefinition(provide, description=description)


def platform_resources(
    settings: Settings,
    process: JobProcess | None = None,
    processed: ObjectStore | None = None,
    *,
    steps_ahead: TakenSteps = NOTHING_TAKEN,
    pack_ahead: PackAhead | None = None,
) -> dict[str, Any]:
    """Return the resources by the names under which assets and sensors ask for them.

    Args:
        settings: the home.
        process: runs the Spark jobs of this machine; without it, each has a process of its own.
        processed: the processed zone of a run that holds the home's lock, which its steps share.
        steps_ahead: the steps of such a run that are taken already.
        pack_ahead: reads the report pack beside the load of such a run.
    """
    return {
        "raw_zone": bootstrap.raw_zone(settings),
        "processed_zone": processed or bootstrap.processed_zone(settings),
        "raw_zone_events": bootstrap.open_raw_zone_events(settings),
        "reports": bootstrap.reports_folder(settings),
        "spark_jobs": _spark_jobs(settings, process),
        "warehouse": bootstrap.open_warehouse(settings),
        "data_catalog": bootstrap.open_data_catalog(settings),
        "alerts": bootstrap.open_alerts(settings),
        "metrics": bootstrap.open_metrics(settings),
        "steps_ahead": steps_ahead,
        "pack_ahead": pack_ahead,
    }


def _spark_jobs(settings: Settings, process: JobProcess | None) -> DagsterJobRunner:
    zones = JobZones(settings.raw_root, settings.processed_root, bootstrap.s3_options(settings, is_raw=True))
    if not settings.is_on_aws:
        return SubprocessJobRunner(zones, settings.job_engine, spark_master=settings.spark_master, process=process)
    from finance_platform.orchestration.job_runners.glue_jobs import GlueJobRunner  # boto3 takes most of a second
    from finance_platform.orchestration.job_runners.glue_run import WaitPolicy
    from finance_platform.orchestration.job_runners.sized_jobs import SizedJobRunner

    waiting = WaitPolicy(settings.glue_poll_seconds)
    glue = GlueJobRunner(zones, settings.scripts_uri, settings.glue_job_prefix, settings.glue_modules, waiting)
    small = SubprocessJobRunner(zones, settings.job_engine, process=process, works_on_disk=True)
    return SizedJobRunner(small, glue, settings.glue_from_bytes)
