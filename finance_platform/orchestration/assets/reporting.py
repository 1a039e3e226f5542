"""The last step: the report that people open.

Belongs here: the reporting assets. Does not belong here: what a report says (see `reporting`).
"""

from collections.abc import Sequence
from typing import Any

import dagster as dg

from finance_platform.bootstrap import reports_folder
from finance_platform.deliveries.scans import mark_refreshed
from finance_platform.orchestration.error_handling import dagster_failures
from finance_platform.orchestration.resources.lake import LakeResource
from finance_platform.orchestration.resources.warehouse import WarehouseResource
from finance_platform.orchestration.ui.formatting import version_of
from finance_platform.orchestration.ui.metadata_values import money, table
from finance_platform.orchestration.ui.specs import report_spec
from finance_platform.reports.variance import VarianceRow, as_csv, variance_rows
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

    # The name is the step's, which the command line shows.
    @dg.multi_asset(name="reporting__variance_report", specs=[report_spec(settings, REPORT_FILE)])
    def variance_report(
        context: dg.AssetExecutionContext, lake: LakeResource, warehouse: WarehouseResource
    ) -> dg.MaterializeResult[None]:
        with dagster_failures(context):
            rows = variance_rows(warehouse.open())
            text = as_csv(rows)
            folder = reports_folder(settings)
            folder.write(REPORT_FILE, text.encode())
            if _is_whole(context.run):
                mark_refreshed(lake.processed, context.run.run_id)
            return dg.MaterializeResult(
                asset_key=["reporting", "variance_report"],
                data_version=version_of([text]),
                metadata={
                    "dagster/uri": folder.uri(REPORT_FILE),
                    "dagster/row_count": len(rows),
                    **table("report", [row.cells() for row in rows]),
                    **_last_year(rows, settings.currency),
                },
            )

    return variance_report


def _last_year(rows: Sequence[VarianceRow], currency: str) -> dict[str, Any]:
    """Return the figures of the last year: account types are not added up, so each has its own."""
    last = max((row.year for row in rows), default=0)
    metadata: dict[str, Any] = {"last_year": last} if rows else {}
    for row in rows:
        if row.year == last:
            metadata |= money(f"last_year_actual_{row.account_type}", row.actual, currency)
            if row.variance is not None:
                metadata |= money(f"last_year_variance_{row.account_type}", row.variance, currency)
    return metadata


def _is_whole(run: dg.DagsterRun) -> bool:
    """Return whether a run that has come this far has left no step out, as one that somebody selects by hand may."""
    return not run.asset_selection or run.asset_selection >= _STEPS_BEFORE
