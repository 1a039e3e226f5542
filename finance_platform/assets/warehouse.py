"""The fourth step: publish what the lake wants, in one transaction that commits only what passes the blocking checks.

Belongs here: the warehouse's assets. Does not belong here: how a load works (see `warehouse.load`).
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import dagster as dg

from finance_platform.assets.describing import contract_spec, explained_failures, markdown_table
from finance_platform.assets.star import RebuildConfig, slice_metadata, version_of_table
from finance_platform.checks.translation import check_result, check_specs
from finance_platform.contracts.model import Contract
from finance_platform.contracts.star import FACT_FINANCIALS, STAR
from finance_platform.lake.closed_periods import Kept, keep_closed
from finance_platform.lake.lock import run_lock
from finance_platform.lake.plan import StarSettings
from finance_platform.lake.port import Lake
from finance_platform.lake.slices import SliceCommit
from finance_platform.lake.snapshot import Snapshot, take_snapshot
from finance_platform.lake.standing import causes, standing
from finance_platform.quality.catalogue import WAREHOUSE_CHECKS
from finance_platform.quality.warehouse import Audit, check_closed_periods
from finance_platform.reporting.movements import movement_summary, restatement_alerts
from finance_platform.resources.alerts import AlertsResource
from finance_platform.resources.lake import LakeResource
from finance_platform.resources.warehouse import WarehouseResource
from finance_platform.settings import Settings
from finance_platform.warehouse.ledger import published_versions
from finance_platform.warehouse.load import AuditFailedError, publish
from finance_platform.warehouse.plan import LoadResult, SliceName, SliceSum, SliceToLoad
from finance_platform.warehouse.port import Warehouse

_MOVEMENTS_SHOWN = 50
_DAYS_SHOWN = 30


def warehouse_assets(settings: Settings) -> dg.AssetsDefinition:
    """Return the step with one output per table of the star."""

    @dg.multi_asset(
        name="load",
        specs=[
            contract_spec(contract, "warehouse", {"duckdb", "table"}, [dg.AssetKey(["processed", contract.name])])
            for contract in STAR
        ],
        check_specs=check_specs(WAREHOUSE_CHECKS),
    )
    def load(
        context: dg.AssetExecutionContext,
        config: RebuildConfig,
        lake: LakeResource,
        warehouse: WarehouseResource,
        alerts: AlertsResource,
    ) -> Iterator[dg.MaterializeResult[None]]:
        with explained_failures(), run_lock(settings.home_path):
            opened = warehouse.open()
            kept = _what_to_publish(settings, lake.processed, opened)
            snapshot = kept.snapshot
            audit = Audit(snapshot, actuals_through=settings.actuals_through, kept=kept.periods)
            result = _publish(context, config, lake.processed, snapshot, opened, audit)
            if audit.outcomes is None:
                audit(opened)
            outcomes = [*(audit.outcomes or ()), check_closed_periods(kept.periods)]
            sender = alerts.open()
            for alert in restatement_alerts(
                opened, threshold=settings.restatement_alert_from, ui_url=settings.ui_url
            ):
                if sender.send(alert):
                    context.log.warning(f"{alert.title}. Fix: {alert.fix}")
            # Told is what stands there, which is not what was wanted when the audit has refused it.
            there = standing(lake.processed, snapshot, published_versions(opened))
            for contract in STAR:
                yield dg.MaterializeResult(
                    asset_key=["warehouse", contract.name],
                    data_version=version_of_table(contract, there),
                    metadata=_metadata(contract, there, result, opened),
                    check_results=[
                        check_result(outcome)
                        for outcome in outcomes
                        if outcome.check.asset == ("warehouse", contract.name)
                    ],
                )

    return load


def _what_to_publish(settings: Settings, processed: Lake, warehouse: Warehouse) -> Kept:
    """Return what the lake wants, closed periods left as they are where the home holds those."""
    snapshot = take_snapshot(processed, StarSettings.of(settings))
    if not settings.holds_closed_periods:
        return Kept(snapshot, ())
    return keep_closed(processed, snapshot, published_versions(warehouse))


def slices_to_load(lake: Lake, snapshot: Snapshot, names: Sequence[SliceName]) -> list[SliceToLoad]:
    """Return what the load needs to know of slices; a slice that nothing wants any more is to be taken out."""
    return [_slice_to_load(lake, name, snapshot.built.get(name)) for name in names]


def _slice_to_load(lake: Lake, name: SliceName, commit: SliceCommit | None) -> SliceToLoad:
    table, slice_name = name
    if commit is None:
        return SliceToLoad(table, slice_name, None)
    sums = tuple(SliceSum(one.scenario_key, one.row_count, one.amount, one.budget_amount) for one in commit.sums)
    files = tuple(lake.uri(file.key) for file in commit.files)
    return SliceToLoad(table, slice_name, commit.version, files, commit.row_count, sums)


def _publish(
    context: dg.AssetExecutionContext,
    config: RebuildConfig,
    lake: Lake,
    snapshot: Snapshot,
    warehouse: Warehouse,
    audit: Audit,
) -> LoadResult | None:
    """Publish what is stale; None where there was nothing to load, or where the audit refused it."""
    warehouse.prepare()
    versions = published_versions(warehouse)
    again = {name for name in snapshot.built if config.selects(*name)}
    names = list(dict.fromkeys([*snapshot.unloaded(versions), *sorted(again)]))
    if not names:
        context.log.info("nothing to load: the warehouse holds every slice as wanted")
        return None
    try:
        result = publish(
            warehouse,
            slices_to_load(lake, snapshot, names),
            run_id=context.run.run_id,
            loaded_at=datetime.now(UTC),
            again=again,
            closed_periods=snapshot.state.closed,
            causes=causes(lake, snapshot, versions, names),
            audit=audit,
        )
    except AuditFailedError as error:
        # The failed checks, which block, fail the step once they are shown.
        context.log.warning(str(error))
        return None
    context.log.info(f"load {result.load_number}: {len(result.loaded)} slices published")
    return result


def _metadata(contract: Contract, there: Snapshot, result: LoadResult | None, warehouse: Warehouse) -> dict[str, Any]:
    loaded = [one.slice for one in result.loaded if one.contract_name == contract.name] if result else []
    number = result.load_number if result else None
    metadata = {
        **slice_metadata(contract, there, loaded),
        "load_number": "nothing was loaded" if number is None else str(number),
    }
    if contract is not FACT_FINANCIALS:
        return metadata
    return {**metadata, **_movements(result), f"moved_in_{_DAYS_SHOWN}_days": _moved_lately(warehouse)}


def _moved_lately(warehouse: Warehouse) -> dg.MarkdownMetadataValue:
    rows = movement_summary(warehouse, since=datetime.now(UTC) - timedelta(days=_DAYS_SHOWN))
    names = ("loaded_at", "period", "kind", "scenario", "measure", "cells", "difference", "is_restatement", "cause")
    return markdown_table([{name: row[name] for name in names} for row in rows[-_MOVEMENTS_SHOWN:]])


def _movements(result: LoadResult | None) -> dict[str, Any]:
    """What the load moved in what was published: the net by period, scenario and measure."""
    moved = result.moved if result else ()
    shown = [
        {
            "period": one.period,
            "kind": one.kind,
            "scenario": one.scenario,
            "measure": one.measure,
            "cells": one.cells,
            "was": one.old_amount,
            "is": one.new_amount,
            "difference": one.difference,
            "": "restatement" if one.is_restatement else "",
        }
        for one in moved[:_MOVEMENTS_SHOWN]
    ]
    return {
        "movement_rows": sum(one.cells for one in moved),
        "restatement_rows": sum(one.cells for one in moved if one.is_restatement),
        "movements": markdown_table(shown),
    }
