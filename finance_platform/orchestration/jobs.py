"""Jobs: `refresh`, everything that is stale, end to end; and the quiet logger that it may run under.

Belongs here: selections of assets that run together, how they are executed. Does not belong here: asset logic.
"""

from __future__ import annotations

import logging

import dagster as dg

REFRESH = "refresh"

RUN_LOGGER = logging.getLogger("finance_platform.run")
"""Gets what a run logs when the command line runs it; the command line decides what is shown."""


@dg.logger
def quiet_logger(_: dg.InitLoggerContext) -> logging.Logger:
    """Hand a run's messages to the command line instead of printing them."""
    RUN_LOGGER.setLevel(logging.DEBUG)
    RUN_LOGGER.propagate = False
    return RUN_LOGGER


def refresh_job() -> dg.UnresolvedAssetJobDefinition:
    """Return the job that the UI, sensors and the command line all run."""
    return dg.define_asset_job(
        REFRESH,
        selection=dg.AssetSelection.all(),
        description="Everything that is stale, end to end: register, read, build, load, report.",
        # One process for all steps: what they do is in subprocesses and the warehouse, and a step is quick to start.
        executor_def=dg.in_process_executor,
    )
