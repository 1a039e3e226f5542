"""Dagster's definitions of a home.

Belongs here: which assets, jobs and resources there are. Does not belong here: logic, I/O beyond descriptors.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import dagster as dg

from finance_platform.feeds.feed_set import load_feed_set
from finance_platform.orchestration.assets.register import register_assets
from finance_platform.orchestration.assets.reporting import reporting_assets
from finance_platform.orchestration.assets.standardise import standardise_assets
from finance_platform.orchestration.assets.star import star_assets
from finance_platform.orchestration.assets.warehouse import warehouse_assets
from finance_platform.orchestration.dagster_environment import warn_of_foreign_history
from finance_platform.orchestration.jobs import audit_job, rebuild_job, refresh_job
from finance_platform.orchestration.resources import described_resources, platform_resources
from finance_platform.orchestration.run_log import quiet_logger
from finance_platform.orchestration.schedules import close_calendar, nightly_audit
from finance_platform.orchestration.sensors.alerts import alerting_sensors
from finance_platform.orchestration.sensors.raw_files import raw_files_sensor
from finance_platform.orchestration.sensors.run_retention import run_retention_sensors
from finance_platform.orchestration.ui.feed_specs import broken_feed_specs, delivery_spec, describe_problem
from finance_platform.orchestration.ui.table_specs import by_period_spec
from finance_platform.settings import Settings, load_settings
from finance_platform.storage.file_modes import mask_new_files

_log = logging.getLogger(__name__)


def build_definitions(settings: Settings, resources: Mapping[str, Any] | None = None) -> dg.Definitions:
    """Return everything that Dagster needs to know for a home.

    Args:
        settings: decides the home, and through its descriptors which `raw/<feed>` assets there are.
        resources: those of a run that brings its own; otherwise those of `platform_resources`.
    """
    feed_set = load_feed_set(settings.feeds_path)
    return dg.Definitions(
        assets=[
            register_assets(settings, feed_set),
            standardise_assets(settings, feed_set),
            star_assets(settings, feed_set),
            warehouse_assets(settings),
            reporting_assets(settings),
            by_period_spec(settings),
            *(delivery_spec(feed) for feed in feed_set.feeds),
            *broken_feed_specs(feed_set),
        ],
        jobs=[refresh_job(), rebuild_job(), audit_job()],
        schedules=[*close_calendar(settings), nightly_audit(settings)],
        sensors=[raw_files_sensor(settings), *alerting_sensors(settings), *run_retention_sensors(settings)],
        resources=described_resources(platform_resources(settings) if resources is None else resources),
        loggers={"quiet": quiet_logger},
        executor=dg.in_process_executor,
    )


@dg.definitions
def defs() -> dg.Definitions:
    """Return the definitions of the home that the environment names; what `workspace.yaml` loads.

    Each process of a code location and each run begins with it, so it also decides the modes of their files.
    """
    settings = load_settings()
    mask_new_files(group_readable=settings.group_readable)
    if warning := warn_of_foreign_history(settings):
        _log.warning("%s", warning)
    for problem in load_feed_set(settings.feeds_path).problems:
        _log.warning("%s", describe_problem(problem))
    return build_definitions(settings)
