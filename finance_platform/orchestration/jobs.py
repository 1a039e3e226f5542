"""Jobs: `refresh`, which updates everything that is stale; the logger that the command line runs it with.

Belongs here: selections of assets that run together, their executor. Does not belong here: asset logic.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

import dagster as dg

REFRESH = "refresh"

RUN_LOGGER = logging.getLogger("finance_platform.run")
"""Receives the log of a run that the command line starts; the command line decides which messages it shows."""


_REPAIRED = "repaired: "


def log_repairs(context: dg.AssetExecutionContext, repaired: Sequence[str]) -> None:
    """Log what was damaged and was derived again, a line each."""
    for sentence in repaired:
        context.log.warning(_REPAIRED + sentence)


def repair_of(record: logging.LogRecord) -> str:
    """Return the sentence of a message of `log_repairs`; empty for any other message."""
    message = str(getattr(record, "dagster_meta", {}).get("orig_message") or "")
    return message.removeprefix(_REPAIRED) if message.startswith(_REPAIRED) else ""


@dg.logger
def quiet_logger(_: dg.InitLoggerContext) -> logging.Logger:
    """Return a logger that passes a run's messages to the command line instead of printing them."""
    RUN_LOGGER.setLevel(logging.DEBUG)
    RUN_LOGGER.propagate = False
    return RUN_LOGGER


def refresh_job() -> dg.UnresolvedAssetJobDefinition:
    """Return the job that the UI, the sensors and the command line run."""
    return dg.define_asset_job(
        REFRESH,
        selection=dg.AssetSelection.all(),
        description="Everything that is stale, end to end: register, read, build, load, report.",
        # One process for all steps: the work is in subprocesses and the warehouse, and steps start quickly.
        executor_def=dg.in_process_executor,
    )
