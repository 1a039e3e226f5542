"""The last step: write the report, and mark the refresh as complete.

Belongs here: the use case. Does not belong here: the report's figures (see `reports.variance`).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from finance_platform.deliveries.scans import mark_refreshed
from finance_platform.reports.variance import VarianceRow, as_csv, published_variance
from finance_platform.storage.port import ObjectStore
from finance_platform.warehouse.port import Warehouse

REPORT_FILE = "variance_report.csv"


@dataclass(frozen=True)
class Report:
    """The report as it was written.

    Attributes:
        rows: its rows.
        text: its bytes as text.
        uri: its address.
    """

    rows: Sequence[VarianceRow]
    text: str
    uri: str


def report(
    processed: ObjectStore,
    warehouse: Warehouse,
    reports: ObjectStore,
    *,
    run_id: str,
    is_complete: bool,
    continued_runs: Collection[str] = (),
) -> Report:
    """Write the variance report from what is published.

    Args:
        processed: the processed zone.
        warehouse: the warehouse.
        reports: where reports go.
        run_id: the run.
        is_complete: whether the run took every step, so that its scan of the raw zone is refreshed.
        continued_runs: failed runs that this run continues; one of them may have scanned the raw zone.
    """
    rows = published_variance(warehouse)
    text = as_csv(rows)
    reports.write(REPORT_FILE, text.encode())
    if is_complete:
        for name in (run_id, *continued_runs):
            mark_refreshed(processed, name)
    return Report(rows, text, reports.uri(REPORT_FILE))
