"""The last step: the report that people open.

Belongs here: the reporting assets. Does not belong here: what a report says (see `reporting`).
"""

import dagster as dg

from finance_platform.assets.describing import OWNERS, explained_failures, markdown_table, version_of
from finance_platform.contracts.star import STAR
from finance_platform.lake.local import LocalLake
from finance_platform.lake.looks import mark_refreshed
from finance_platform.reporting.variance import as_csv, variance_rows
from finance_platform.resources.lake import LakeResource
from finance_platform.resources.warehouse import WarehouseResource
from finance_platform.settings import Settings

REPORT_FILE = "variance_report.csv"

_STEPS_BEFORE = {
    dg.AssetKey(["processed", "transactions"]),
    dg.AssetKey(["processed", "fact_financials"]),
    dg.AssetKey(["warehouse", "fact_financials"]),
}
"""An asset of each step between the look at the raw zone and the report."""


def reporting_assets(settings: Settings) -> dg.AssetsDefinition:
    """Return the report's asset."""

    @dg.asset(
        key=["reporting", "variance_report"],
        deps=[dg.AssetKey(["warehouse", contract.name]) for contract in STAR],
        group_name="reporting",
        kinds={"csv", "report"},
        owners=OWNERS,
        description="Actual against Budget by calendar year and account type; `no budget` where no period has one.",
    )
    def variance_report(
        context: dg.AssetExecutionContext, lake: LakeResource, warehouse: WarehouseResource
    ) -> dg.MaterializeResult[None]:
        with explained_failures():
            rows = variance_rows(warehouse.open())
            text = as_csv(rows)
            folder = LocalLake(settings.reports_path)
            folder.write(REPORT_FILE, text.encode())
            if _is_whole(context.run):
                mark_refreshed(lake.processed, context.run.run_id)
            return dg.MaterializeResult(
                data_version=version_of([text]),
                metadata={
                    "dagster/uri": folder.uri(REPORT_FILE),
                    "dagster/row_count": len(rows),
                    "report": markdown_table([row.cells() for row in rows]),
                },
            )

    return variance_report


def _is_whole(run: dg.DagsterRun) -> bool:
    """Return whether a run that has come this far has left no step out, as one that somebody selects by hand may."""
    return not run.asset_selection or run.asset_selection >= _STEPS_BEFORE
