"""The fourth step: publish what the lake wants, in one transaction that commits only what passes the blocking checks.

Belongs here: the warehouse's assets. Does not belong here: how a load works (see `warehouse.load`).
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

import dagster as dg

from finance_platform.bootstrap import home_lock
from finance_platform.contracts.star import FACT_FINANCIALS, STAR
from finance_platform.orchestration.assets.period_partitions import report_periods
from finance_platform.orchestration.assets.star import RebuildConfig
from finance_platform.orchestration.checks import check_result, check_specs
from finance_platform.orchestration.error_handling import POOL, dagster_failures, fail_on_blocking_checks
from finance_platform.orchestration.resources.alerts import AlertsResource
from finance_platform.orchestration.resources.lake import LakeResource
from finance_platform.orchestration.resources.metrics import MetricsResource, send_or_warn
from finance_platform.orchestration.resources.warehouse import WarehouseResource
from finance_platform.orchestration.ui.previews import earlier_previews, preview_of_table
from finance_platform.orchestration.ui.slice_metadata import describe_slices, version_of_table
from finance_platform.orchestration.ui.specs import warehouse_spec
from finance_platform.orchestration.ui.warehouse_metadata import PublishedPage
from finance_platform.quality.checks import WAREHOUSE_CHECKS
from finance_platform.quality.warehouse import Audit, check_closed_periods
from finance_platform.reports.metrics import restated_amount
from finance_platform.reports.movements import movement_summary, restatement_alerts
from finance_platform.settings import Settings, StarSettings
from finance_platform.slices.closed_periods import FrozenPeriods, freeze_closed_periods
from finance_platform.slices.commits import SliceCommit
from finance_platform.slices.published import causes, standing
from finance_platform.slices.snapshot import Snapshot, take_snapshot
from finance_platform.storage.lease import ensure_lease_held
from finance_platform.storage.port import ObjectStore
from finance_platform.warehouse.ledger import published, published_versions
from finance_platform.warehouse.load import AuditFailedError, publish
from finance_platform.warehouse.load_request import LoadResult, SliceName, SliceSum, SliceToLoad
from finance_platform.warehouse.port import Queryable, Warehouse


def warehouse_assets(settings: Settings) -> dg.AssetsDefinition:
    """Return the step with one output per table of the star."""

    @dg.multi_asset(
        name="load",
        pool=POOL,
        specs=[warehouse_spec(contract, settings) for contract in STAR],
        check_specs=check_specs(WAREHOUSE_CHECKS),
    )
    def load(
        context: dg.AssetExecutionContext,
        config: RebuildConfig,
        lake: LakeResource,
        warehouse: WarehouseResource,
        alerts: AlertsResource,
        metrics: MetricsResource,
    ) -> Iterator[dg.MaterializeResult[None]]:
        with dagster_failures(context), home_lock(settings, context.run.run_id):
            opened = warehouse.open()
            kept = _what_to_publish(settings, lake.processed, opened)
            snapshot = kept.snapshot
            audit = Audit(snapshot, actuals_through=settings.actuals_through, kept=kept.periods)
            result = _publish(context, config, lake.processed, snapshot, opened, audit)
            if audit.outcomes is None:
                audit(opened)
            outcomes = [*(audit.outcomes or ()), check_closed_periods(kept.periods)]
            summary = movement_summary(opened)
            if result is not None and result.load_number is not None:
                restated = restated_amount(summary, result.load_number, datetime.now(UTC))
                send_or_warn(metrics.open(), [restated], context.log)
            # Told is what stands there, which is not what was wanted when the audit has refused it.
            ledger = published(opened)
            there = standing(lake.processed, snapshot, {name: one.version for name, one in ledger.items()})
            page = PublishedPage(settings, ledger, there, result, summary)
            previews = earlier_previews(context.instance, [dg.AssetKey(["warehouse", c.name]) for c in STAR])
            report_periods(
                context,
                ledger,
                there,
                page.restated,
                loaded_now=page.loaded(FACT_FINANCIALS),
                currency=settings.currency,
            )
            for contract in STAR:
                version = version_of_table(contract, there)
                earlier = previews.get(("warehouse", contract.name, version.value))
                yield dg.MaterializeResult(
                    asset_key=["warehouse", contract.name],
                    data_version=version,
                    metadata={**page.metadata(contract), **(earlier or preview_of_table(contract, opened))},
                    check_results=[
                        check_result(outcome)
                        for outcome in outcomes
                        if outcome.check.asset == ("warehouse", contract.name)
                    ],
                )
            found = restatement_alerts(summary, threshold=settings.restatement_alert_from, ui_url=settings.ui_url)
            # Last, since numbers that are published stay published whether people can be told or not.
            for alert in alerts.open().send(found):
                context.log.warning(f"{alert.title}. Fix: {alert.fix}")
            fail_on_blocking_checks(outcomes)

    return load


def _what_to_publish(settings: Settings, processed: ObjectStore, warehouse: Warehouse) -> FrozenPeriods:
    """Return what the lake wants, closed periods left as they are where the home holds those."""
    snapshot = take_snapshot(processed, StarSettings.of(settings))
    if not settings.holds_closed_periods:
        return FrozenPeriods(snapshot, ())
    return freeze_closed_periods(processed, snapshot, published_versions(warehouse))


def slices_to_load(lake: ObjectStore, snapshot: Snapshot, names: Sequence[SliceName]) -> list[SliceToLoad]:
    """Return what the load needs to know of slices; a slice that nothing wants any more is to be taken out."""
    return [_slice_to_load(lake, name, snapshot.built.get(name)) for name in names]


def _slice_to_load(lake: ObjectStore, name: SliceName, commit: SliceCommit | None) -> SliceToLoad:
    table, slice_name = name
    if commit is None:
        return SliceToLoad(table, slice_name, None)
    sums = tuple(SliceSum(one.scenario_key, one.row_count, one.amount, one.budget_amount) for one in commit.sums)
    files = tuple(lake.uri(file.key) for file in commit.files)
    return SliceToLoad(table, slice_name, commit.version, files, commit.row_count, sums)


def _publish(
    context: dg.AssetExecutionContext,
    config: RebuildConfig,
    lake: ObjectStore,
    snapshot: Snapshot,
    warehouse: Warehouse,
    audit: Audit,
) -> LoadResult | None:
    """Publish what is stale; None where there was nothing to load, or where the audit refused it."""
    warehouse.prepare()
    versions = published_versions(warehouse)
    again = {name for name in snapshot.built if config.selects(*name)}
    names = list(dict.fromkeys([*snapshot.to_publish(versions), *sorted(again)]))
    if not names:
        context.log.info("nothing to load: the warehouse holds every slice as wanted")
        return None

    def last_look(connection: Queryable) -> bool:
        is_good = audit(connection)
        # A process that was stopped for minutes and goes on may have been taken over from.
        ensure_lease_held(lake.root)
        return is_good

    try:
        result = publish(
            warehouse,
            slices_to_load(lake, snapshot, names),
            run_id=context.run.run_id,
            loaded_at=datetime.now(UTC),
            again=again,
            closed_periods=snapshot.state.closed,
            causes=causes(lake, snapshot, versions, names),
            audit=last_look,
        )
    except AuditFailedError as error:
        # The failed checks, which block, fail the step once they are shown.
        context.log.warning(str(error))
        return None
    restated = {moved.period for moved in result.moved if moved.is_restatement}
    told = describe_slices([one.name for one in result.loaded])
    context.log.info(f"loaded {told}, {len(restated)} restated, as load {result.load_number}")
    return result
