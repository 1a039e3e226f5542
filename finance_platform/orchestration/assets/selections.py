"""Selections: each step does its whole work, whatever was selected; what it reports of the rest.

Belongs here: which results of a step are its outputs and which are logged beside them. Does not belong here: the
results themselves (see the steps), what Dagster may select (see the steps).

A step reads every pending delivery, builds every missing slice and publishes all stale slices or none (085). So a run
that selects one table also changes others. Dagster takes outputs of selected assets only; the others are events.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, cast

import dagster as dg

from finance_platform.orchestration.checks import check_result
from finance_platform.quality.checks import Outcome
from finance_platform.slices.snapshot import Snapshot

Result = dg.MaterializeResult[None]
StepResult = dg.MaterializeResult[None] | dg.AssetCheckResult

_DATA_VERSION = "dagster/data_version"


def is_of_checks_alone(context: dg.AssetExecutionContext) -> bool:
    """Return whether a run selects only checks of a step, which then changes nothing."""
    return not context.selected_asset_keys


def selected_checks(
    context: dg.AssetExecutionContext,
    outcomes: Iterable[Outcome],
    more: Callable[[Outcome], Mapping[str, Any]] = lambda _: {},
) -> list[dg.AssetCheckResult]:
    """Return the results of the selected checks, each with what `more` returns for it as metadata."""
    return [check_result(outcome, more(outcome)) for outcome in selected_outcomes(context, outcomes)]


def selected_outcomes(context: dg.AssetExecutionContext, outcomes: Iterable[Outcome]) -> list[Outcome]:
    """Return the outcomes of the selected checks."""
    selected = {(tuple(key.asset_key.path), key.name) for key in context.selected_asset_check_keys}
    return [outcome for outcome in outcomes if (outcome.check.asset, outcome.check.name) in selected]


def warn_if_nothing_is_read(context: dg.AssetExecutionContext, snapshot: Snapshot) -> None:
    """Log a warning if a run of a selection finds no file that was read, and does not look at the raw zone itself.

    In a new home such a run succeeds and every table is empty, which looks as if the files were empty.
    """
    selected = context.run.asset_selection
    if snapshot.commits or selected is None or any(key.path[0] == "raw" for key in selected):
        return
    context.log.warning(
        "no file has been read yet, and this run does not look for files: start the job refresh, or select the assets "
        "upstream, too"
    )


def report_results(context: dg.AssetExecutionContext, results: Iterable[Result], reason: str) -> Iterator[StepResult]:
    """Yield the results that were selected; log those of other assets that changed, and say so in a line.

    Args:
        context: the step's.
        results: of every asset of the step.
        reason: why the step did more than was selected, as a clause with a subject.
    """
    widened = []
    for result in results:
        key = cast("dg.AssetKey", result.asset_key)
        if key in context.selected_asset_keys:
            checks = result.check_results or []
            yield _with_checks(result, [check for check in checks if _is_selected(context, check)])
            _log_checks(context, [check for check in checks if not _is_selected(context, check)])
        elif _has_changed(context.instance, key, result):
            widened.append(key.to_user_string())
            log_result(context, result)
        else:
            yield from (check for check in result.check_results or [] if _is_selected(context, check))
    if widened:
        context.log.info(f"not selected and updated all the same, because {reason}: {', '.join(widened)}")


def log_result(context: dg.AssetExecutionContext, result: Result) -> None:
    """Log an asset that the run did not select, with its checks, as events beside the step's outputs."""
    version = result.data_version
    context.log_event(
        dg.AssetMaterialization(
            cast("dg.AssetKey", result.asset_key),
            metadata=result.metadata or {},
            tags={_DATA_VERSION: version.value} if version else None,
        )
    )
    _log_checks(context, result.check_results or [])


def _log_checks(context: dg.AssetExecutionContext, results: Sequence[dg.AssetCheckResult]) -> None:
    for result in results:
        evaluation = dg.AssetCheckEvaluation(
            asset_key=cast("dg.AssetKey", result.asset_key),
            check_name=cast("str", result.check_name),
            passed=result.passed,
            metadata=result.metadata,
            severity=result.severity,
            description=result.description,
        )
        # Dagster takes it, although the type of the parameter names materializations and observations only.
        context.log_event(cast("Any", evaluation))


def _with_checks(result: Result, checks: Sequence[dg.AssetCheckResult]) -> Result:
    return dg.MaterializeResult(
        asset_key=result.asset_key,
        metadata=result.metadata,
        data_version=result.data_version,
        tags=result.tags,
        check_results=checks,
    )


def _is_selected(context: dg.AssetExecutionContext, result: dg.AssetCheckResult) -> bool:
    key = dg.AssetCheckKey(cast("dg.AssetKey", result.asset_key), cast("str", result.check_name))
    return key in context.selected_asset_check_keys


def _has_changed(instance: dg.DagsterInstance, key: dg.AssetKey, result: Result) -> bool:
    """Return whether an asset's last event has another data version than a result."""
    event = instance.get_latest_materialization_event(key)
    last = event.asset_materialization if event else None
    version = result.data_version
    return last is None or version is None or (last.tags or {}).get(_DATA_VERSION) != version.value
