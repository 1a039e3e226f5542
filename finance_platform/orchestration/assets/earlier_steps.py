"""Re-execution from failure: the first step of such a run repeats the steps before it.

Belongs here: when to repeat them, and in which order. Does not belong here: the steps themselves (see `refresh`).

The cause of a failure is often repaired in the raw zone, with a file that describes an account or a corrected one.
Dagster would skip the steps that read it, and the failed step would fail for ever (033).
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime

import dagster as dg

from finance_platform.contracts.processed import PROCESSED
from finance_platform.contracts.star import STAR
from finance_platform.count_text import pluralize
from finance_platform.orchestration.job_runners.pipes_jobs import DagsterJobRunner
from finance_platform.orchestration.jobs import asks_for_step
from finance_platform.refresh.steps.build_star import build_star
from finance_platform.refresh.steps.register import register
from finance_platform.refresh.steps.standardise import standardise
from finance_platform.settings import Settings, StarSettings
from finance_platform.storage.port import ObjectStore

STEPS = ("register", "standardise", "build_star", "load")
"""The steps that a later one depends on, in order; what the report needs is published."""

_STEP_OF: dict[tuple[str, ...], str] = {
    **{("processed", contract.name): "standardise" for contract in PROCESSED},
    **{("processed", contract.name): "build_star" for contract in STAR},
    **{("warehouse", contract.name): "load" for contract in STAR},
}
"""By asset, its step; `register` has those of the raw zone."""


def repeat_earlier_steps(
    context: dg.AssetExecutionContext,
    step: str,
    settings: Settings,
    raw: ObjectStore,
    processed: ObjectStore,
    jobs: DagsterJobRunner,
) -> None:
    """Take the steps before this one that the run asked for, if this is the first step of a re-execution from failure.

    Args:
        context: the step's.
        step: its name.
        settings: the home.
        raw: the raw zone.
        processed: the processed zone; the caller holds the home's lock.
        jobs: runs the Spark jobs.
    """
    skipped = _skipped_steps(context.run, step)
    if not skipped:
        return
    run_id = context.run.run_id
    scan = register(raw, processed, settings, at=datetime.now(UTC), run_id=run_id)
    read = 0
    if "standardise" in skipped:
        result = standardise(
            raw, processed, jobs.bind(context), settings, clock=lambda: datetime.now(UTC), run_id=run_id
        )
        read = len(result.read.commits)
    if "build_star" in skipped:
        build_star(processed, jobs.bind(context), StarSettings.of(settings))
    context.log.info(
        f"re-execution from {step}: repeated {', '.join(skipped)}; {scan.new_count} new or changed files, "
        f"{pluralize(read, 'delivery', 'deliveries')} read"
    )


def _skipped_steps(run: dg.DagsterRun, step: str) -> tuple[str, ...]:
    """Return the steps before this one that the run skips; none if another step is its first.

    A run of a selection has only the steps of its assets; "Materialize all" in the UI is a selection of every asset.
    """
    earlier = STEPS[: STEPS.index(step)]
    taken = run.step_keys_to_execute
    if not run.parent_run_id or not taken or set(earlier) & set(taken):
        return ()
    if run.asset_selection is None:
        return tuple(name for name in earlier if asks_for_step(run, name))
    return tuple(name for name in earlier if _has_asset(run.asset_selection, name))


def _has_asset(selection: Collection[dg.AssetKey], step: str) -> bool:
    return any(
        key.path[0] == "raw" if step == "register" else _STEP_OF.get(tuple(key.path)) == step for key in selection
    )
