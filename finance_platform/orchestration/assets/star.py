"""The third step: build the slices that the live deliveries ask for and nobody has built.

Belongs here: the star's assets in the processed zone. Does not belong here: how a slice is built (see `glue`).
"""

from collections.abc import Iterator, Sequence

import dagster as dg
from pydantic import Field

from finance_platform.bootstrap import home_lock
from finance_platform.contracts.model import Contract
from finance_platform.contracts.star import FACT_FINANCIALS, STAR
from finance_platform.errors import JobError
from finance_platform.feeds.feed_set import FeedSet
from finance_platform.orchestration.checks import check_result, check_specs
from finance_platform.orchestration.error_handling import POOL, dagster_failures, fail_on_blocking_checks
from finance_platform.orchestration.resources.data_catalog import DataCatalogResource, register_or_warn
from finance_platform.orchestration.resources.glue import GlueResource
from finance_platform.orchestration.resources.lake import LakeResource
from finance_platform.orchestration.ui.metadata_values import table
from finance_platform.orchestration.ui.previews import preview_of_files
from finance_platform.orchestration.ui.slice_metadata import (
    describe_slices,
    period_rows,
    slice_metadata,
    version_of_table,
)
from finance_platform.orchestration.ui.specs import star_spec
from finance_platform.quality.checks import SCHEMA_CHECKS, STAR_CHECKS, Outcome
from finance_platform.quality.schemas import check_schema
from finance_platform.quality.star import check_accounts_have_sign, check_lines_equal_star
from finance_platform.refresh.job_requests import build_request
from finance_platform.settings import Settings, StarSettings
from finance_platform.slices.snapshot import Snapshot, take_snapshot
from finance_platform.slices.versions import TargetSlice

_NAMES = {contract.name for contract in STAR}
_FACT = FACT_FINANCIALS.name


class RebuildConfig(dg.Config):
    """Which slices to make again although they are current.

    Attributes:
        rebuild: whether to make slices again at all.
        periods: the periods of the fact table to make again, YYYY-MM; every slice when empty.
    """

    rebuild: bool = False
    periods: list[str] = Field(default_factory=list)

    def selects(self, table: str, slice_name: str) -> bool:
        """Return whether a slice is to be made again."""
        return self.rebuild and (not self.periods or (table == "fact_financials" and slice_name in self.periods))


def star_assets(settings: Settings, catalog: FeedSet) -> dg.AssetsDefinition:
    """Return the step with one output per table of the star."""
    checks = [check for check in SCHEMA_CHECKS if check.asset[1] in _NAMES] + list(STAR_CHECKS)

    @dg.multi_asset(
        name="build_star",
        pool=POOL,
        specs=[star_spec(contract, catalog, settings) for contract in STAR],
        check_specs=check_specs(checks),
    )
    def build_star(
        context: dg.AssetExecutionContext,
        config: RebuildConfig,
        lake: LakeResource,
        glue: GlueResource,
        data_catalog: DataCatalogResource,
    ) -> Iterator[dg.MaterializeResult[None]]:
        with dagster_failures(context), home_lock(settings, context.run.run_id):
            before = take_snapshot(lake.processed, StarSettings.of(settings))
            built = _build(context, settings, config, glue, before)
            snapshot = take_snapshot(lake.processed, StarSettings.of(settings)) if built else before
            if snapshot.to_build:
                names = ", ".join(f"{slice_.table} {slice_.slice}" for slice_ in snapshot.to_build)
                raise JobError(f"build_star did not build {names}", fix="run again; what is missing is built anew")
            outcomes = [check_lines_equal_star(snapshot), check_accounts_have_sign(snapshot, lake.processed)]
            told: list[Outcome] = []
            for contract in STAR:
                new = [s for s in built if s.table == contract.name]
                files = [f.key for s in new for f in snapshot.built[s.table, s.slice].files]
                results = [check_schema(contract, lake.processed, files)]
                results += [outcome for outcome in outcomes if outcome.check.asset == ("processed", contract.name)]
                told += results
                yield dg.MaterializeResult(
                    asset_key=["processed", contract.name],
                    data_version=version_of_table(contract, snapshot),
                    metadata={
                        **slice_metadata(contract, snapshot, [s.slice for s in new], settings.currency),
                        **(
                            table("periods", period_rows(snapshot, [s.slice for s in new]))
                            if contract.sliced_by_period
                            else {}
                        ),
                        **preview_of_files(contract, lake.processed, _files(contract, snapshot)),
                    },
                    check_results=[check_result(outcome) for outcome in results],
                )
            fail_on_blocking_checks(told)
            register_or_warn(data_catalog.open(), snapshot, lake.processed, context.log)

    return build_star


def _build(
    context: dg.AssetExecutionContext, settings: Settings, config: RebuildConfig, glue: GlueResource, snapshot: Snapshot
) -> Sequence[TargetSlice]:
    unbuilt = {(slice_.table, slice_.slice) for slice_ in snapshot.to_build}
    stale = [s for s in snapshot.wanted if (s.table, s.slice) in unbuilt or config.selects(s.table, s.slice)]
    if not stale:
        context.log.info("nothing to build")
        return []
    result = glue.run(
        context, "build_star", build_request(snapshot.state, snapshot.overlaps, stale, StarSettings.of(settings))
    )
    told = {tuple(item) for item in result["built"]}
    asked = {(s.table, s.slice, s.version) for s in stale}
    if told != asked:
        raise JobError(f"build_star was asked for {len(asked)} slices and says it built {len(told)}", fix="run again")
    context.log.info(f"built {describe_slices([(slice_.table, slice_.slice) for slice_ in stale])}")
    return stale


def _files(contract: Contract, snapshot: Snapshot) -> list[str]:
    slices = sorted(name for name in snapshot.built if name[0] == contract.name)
    return [file.key for name in slices for file in snapshot.built[name].files]
