"""Jobs: `refresh`, which updates everything that is stale, `rebuild_periods`, `audit`.

Belongs here: selections of assets that run together, their executor. Does not belong here: asset logic.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import dagster as dg

from finance_platform.contracts.star import STAR
from finance_platform.orchestration.start_here import job_description

REFRESH = "refresh"
REBUILD_PERIODS = "rebuild_periods"
AUDIT = "audit"

_REBUILDING_STEPS = frozenset({"build_star", "load", "reporting__variance_report"})


def refresh_job() -> dg.UnresolvedAssetJobDefinition:
    """Return the job that the UI, the sensors and the command line run."""
    return dg.define_asset_job(
        REFRESH,
        selection=dg.AssetSelection.all(),
        description=job_description(),
        # One process for all steps: the work is in subprocesses and the warehouse, and steps start quickly.
        executor_def=dg.in_process_executor,
    )


def audit_job() -> dg.UnresolvedAssetJobDefinition:
    """Return the job that audits every published slice, and changes nothing that is published (151)."""
    return dg.define_asset_job(
        AUDIT,
        selection=dg.AssetSelection.checks_for_assets(*(dg.AssetKey(["warehouse", one.name]) for one in STAR)),
        description="Runs every check of the warehouse on every published slice. A load audits the slices that it "
        "replaces; this also finds what somebody changed in the others. If a check fails, so does the run, and loads "
        "audit everything until all pass.",
        executor_def=dg.in_process_executor,
    )


def rebuild_job() -> dg.UnresolvedAssetJobDefinition:
    """Return the job that builds and loads some periods again in one run, as `run --rebuild --period` does (086)."""
    groups = dg.AssetSelection.groups("warehouse", "reporting")
    star = dg.AssetSelection.assets(*(["processed", contract.name] for contract in STAR))
    return dg.define_asset_job(
        REBUILD_PERIODS,
        selection=star | groups,
        description="Builds and loads periods of the fact table again, all of them in one run. The Launchpad asks for "
        "`periods`: a list of `2025-06` or `2025-01..2025-06`; an empty one is refused. What else is stale is "
        "published with them.",
        config=_rebuild_config,
        executor_def=dg.in_process_executor,
    )


@dg.config_mapping(
    config_schema={
        "periods": dg.Field(
            dg.Array(str),
            description="Periods YYYY-MM, or ranges of them: ['2025-06', '2024-01..2024-12'].",
        )
    }
)
def _rebuild_config(config: Mapping[str, Any]) -> Mapping[str, Any]:
    # To the steps an empty list is every slice. The Launchpad scaffolds one, which is no wish for all years.
    return rebuild_config(config["periods"] or [""])


def rebuild_config(periods: Sequence[str]) -> dict[str, Any]:
    """Return the configuration of a run whose steps make slices again although they are current.

    Args:
        periods: those of the fact table whose slices are made again; every slice if empty.
    """
    again = {"config": {"rebuild": True, "periods": list(periods)}}
    return {"ops": {"build_star": again, "load": again}}


def asks_for_step(run: dg.DagsterRun, step: str) -> bool:
    """Return whether a run, or the run that it re-executes, asked for a step without selecting single assets."""
    return run.job_name != REBUILD_PERIODS or step in _REBUILDING_STEPS
