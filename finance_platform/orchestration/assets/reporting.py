"""The last step: the reports that people open.

Belongs here: the reporting assets. Does not belong here: the step itself (see `refresh.steps.report`,
`refresh.report_pack`).
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from typing import Any
from urllib.parse import quote

import dagster as dg

from finance_platform.bootstrap import home_lock, warehouse_readers
from finance_platform.code_version import platform_version
from finance_platform.errors import LockedError
from finance_platform.feeds.feed_set import load_feed_set
from finance_platform.orchestration.ahead.pack_ahead import PackAhead, read_pack
from finance_platform.orchestration.ahead.taken_steps import TakenSteps
from finance_platform.orchestration.checks import evaluated_check
from finance_platform.orchestration.error_handling import dagster_failures
from finance_platform.orchestration.jobs import asks_for_step
from finance_platform.orchestration.runs import ATTENTION, COMMAND_LINE, STARTED_BY
from finance_platform.orchestration.ui.metadata_values import compute_data_version, table_metadata
from finance_platform.orchestration.ui.table_specs import pack_spec, report_spec
from finance_platform.quality.checks import all_checks
from finance_platform.refresh.steps.complete_run import record_complete_run
from finance_platform.refresh.steps.report import REPORT_FILE, report
from finance_platform.reports.pack.file_names import PACK_FILE, PACK_PATH, WORKBOOK_FILE
from finance_platform.reports.pack.model import Pack
from finance_platform.reports.pack.written import WrittenFile, WrittenPack
from finance_platform.reports.run_outcome import EvaluatedCheck
from finance_platform.reports.variance import VarianceRow
from finance_platform.safe_text import printable_line
from finance_platform.settings import Settings
from finance_platform.storage.listed_once import listed_once
from finance_platform.storage.port import ObjectStore
from finance_platform.storage.s3_options import S3_SCHEME
from finance_platform.warehouse.port import Warehouse

_STEPS_BEFORE = {
    dg.AssetKey(["processed", "transactions"]),
    dg.AssetKey(["processed", "fact_financials"]),
    dg.AssetKey(["warehouse", "fact_financials"]),
}
"""An asset of each step between the scan of the raw zone and the report."""


_ROWS_SHOWN = 12

_VARIANCE_REPORT = dg.AssetKey(["reporting", "variance_report"])
_REPORT_PACK = dg.AssetKey(["reporting", "report_pack"])


def reporting_assets(settings: Settings) -> dg.AssetsDefinition:
    """Return the assets of the reports."""
    platform = platform_version()

    # The name is the step's, which the command line shows.
    @dg.multi_asset(
        name="reporting__variance_report",
        specs=[
            spec.replace_attributes(skippable=True)
            for spec in (report_spec(settings, REPORT_FILE), pack_spec(settings, PACK_FILE))
        ],
        can_subset=True,
    )
    def reports_of_a_home(
        context: dg.AssetExecutionContext,
        processed_zone: dg.ResourceParam[ObjectStore],
        warehouse: dg.ResourceParam[Warehouse],
        reports: dg.ResourceParam[ObjectStore],
        steps_ahead: dg.ResourceParam[TakenSteps],
        pack_ahead: dg.ResourceParam[PackAhead | None],
    ) -> Iterator[dg.MaterializeResult[None]]:
        with dagster_failures(context), warehouse_readers(settings):
            processed = listed_once(processed_zone)
            if _VARIANCE_REPORT in context.selected_asset_keys:
                yield _variance_report(context.run, processed, warehouse, reports)
            if _REPORT_PACK in context.selected_asset_keys:
                written = steps_ahead.take_pack()
                yield _report_pack(written or _write_pack(processed, warehouse, reports, settings, pack_ahead))
            checks = _evaluated_checks(context)
            _tag(context, checks)
            if {_VARIANCE_REPORT, _REPORT_PACK} <= context.selected_asset_keys:
                _record(context, settings, processed_zone, warehouse, reports, platform, checks)

    return reports_of_a_home


def _variance_report(
    run: dg.DagsterRun, processed: ObjectStore, warehouse: Warehouse, reports: ObjectStore
) -> dg.MaterializeResult[None]:
    result = report(
        processed,
        warehouse,
        reports,
        run_id=run.run_id,
        is_complete=_took_every_step(run),
        continued_runs={name for name in (run.parent_run_id, run.root_run_id) if name},
    )
    return dg.MaterializeResult(
        asset_key=_VARIANCE_REPORT,
        data_version=compute_data_version([result.text]),
        metadata={
            "dagster/uri": result.uri,
            "dagster/row_count": len(result.rows),
            **table_metadata("report", _newest_first(result.rows)),
        },
    )


def _write_pack(
    processed: ObjectStore, warehouse: Warehouse, reports: ObjectStore, settings: Settings, ahead: PackAhead | None
) -> WrittenPack:
    from finance_platform.refresh.report_pack import read_figures_for_a_run, write_report_pack  # as `read_pack` does

    read = partial(read_pack, processed, warehouse, settings)
    pack = ahead.take(read) if ahead is not None else read()
    return write_report_pack(pack, read_figures_for_a_run(warehouse, pack), reports, at=datetime.now(UTC))


def _report_pack(written: WrittenPack) -> dg.MaterializeResult[None]:
    """Return the event of a pack; a load that changes no figure leaves its data version as it is."""
    pack = written.pack
    choice = pack.choice
    return dg.MaterializeResult(
        asset_key=_REPORT_PACK,
        data_version=compute_data_version([written.figures]),
        metadata={
            "dagster/uri": written.uri,
            **_links_of_the_ui(written),
            "file": _link(written.uri),
            "size_in_bytes": written.size,
            "workbook": _link(written.workbook.uri)
            if isinstance(written.workbook, WrittenFile)
            else str(written.workbook),
            "period": choice.period or "none",
            "compared_with": printable_line(choice.reference) or "nothing",
            "is_preliminary": pack.is_preliminary,
            **table_metadata("changed_since_signing", _restatements(pack), shown=_ROWS_SHOWN),
            **table_metadata("decisions", _decisions(pack), shown=_ROWS_SHOWN),
        },
    )


def _restatements(pack: Pack) -> list[dict[str, Any]]:
    """Return what changed since each close: file, effect on profit, who allowed it and why."""
    return [
        {
            "close": f"{one.period}#{one.close_number}",
            "scenario": "budget beside Actual" if one.measure == "BudgetAmount" else one.scenario,
            "account_type": one.account_type,
            "step": one.cause,
            "file": one.object_key,
            "amount": one.amount,
            "allowed_by": one.decided_by,
            "why": one.reason,
        }
        for one in pack.restatements
        if not one.is_figure
    ]


def _decisions(pack: Pack) -> list[dict[str, Any]]:
    """Return the decisions of people, the newest first."""
    return [
        {
            "at": f"{one.at:%Y-%m-%d %H:%M}",
            "decision": one.words,
            "about": one.subject,
            "who": one.who,
            "why": one.why,
            "amounts": "; ".join(one.money),
        }
        for one in pack.decisions
    ]


def _links_of_the_ui(written: WrittenPack) -> dict[str, dg.UrlMetadataValue]:
    """Return the addresses under which the UI of this machine serves the pack; on AWS it has no rights to read it."""
    if written.uri.startswith(S3_SCHEME):
        return {}
    links = {"open": dg.MetadataValue.url(PACK_PATH + PACK_FILE)}
    if isinstance(written.workbook, WrittenFile):
        links["download"] = dg.MetadataValue.url(PACK_PATH + WORKBOOK_FILE)
    return links


def _link(uri: str) -> dg.UrlMetadataValue | dg.PathMetadataValue:
    """Return where a person opens a file: the object's page of the AWS console, or the path on this machine."""
    if not uri.startswith(S3_SCHEME):
        return dg.MetadataValue.path(uri)
    bucket, _, key = uri.removeprefix(S3_SCHEME).partition("/")
    return dg.MetadataValue.url(f"https://console.aws.amazon.com/s3/object/{bucket}?prefix={quote(key)}")


def _evaluated_checks(context: dg.AssetExecutionContext) -> list[EvaluatedCheck]:
    entries = context.instance.all_logs(context.run.run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION)
    events = [entry.dagster_event for entry in entries if entry.dagster_event]
    return [evaluated_check(event.asset_check_evaluation_data) for event in events]


def _tag(context: dg.AssetExecutionContext, checks: Sequence[EvaluatedCheck]) -> None:
    """Tag a run in which a check failed: to Dagster it is a success, since a held file keeps no other from loading."""
    failed = sum(not check.passed and not check.is_warning for check in checks)
    if failed:
        text = "1 check failed" if failed == 1 else f"{failed} checks failed"
        context.instance.add_run_tags(context.run.run_id, {ATTENTION: text})


def _record(
    context: dg.AssetExecutionContext,
    settings: Settings,
    processed: ObjectStore,
    warehouse: Warehouse,
    reports: ObjectStore,
    platform: str,
    checks: Sequence[EvaluatedCheck],
) -> None:
    """Record what a run of the UI or of a sensor leaves, so that `finance-platform run` has nothing to do after it.

    The command line records its own runs, once their alerts are sent. Those of other runs are sent by sensors, which
    may be switched off, so a run with a finding that sends one is not recorded.
    """
    run = context.run
    if run.tags.get(STARTED_BY) == COMMAND_LINE or not _took_every_step(run):
        return
    feeds = load_feed_set(settings.feeds_path).feeds
    alerted = {
        ("/".join(check.asset), check.name) for check in all_checks(one.feed for one in feeds) if check.is_alerted
    }
    if any((check.asset, check.name) in alerted for check in checks if not check.passed):
        return
    with suppress(LockedError), home_lock(settings):  # another run is at work, and records itself
        record_complete_run(
            processed, warehouse, reports, settings, run_id=run.run_id, checks=checks, platform=platform
        )


def _newest_first(rows: Sequence[VarianceRow]) -> list[dict[str, Any]]:
    """Return the columns that a page has room for, the newest fiscal year first."""
    newest_first = sorted(rows, key=lambda row: -row.fiscal_year)
    return [
        {
            "FiscalYear": row.fiscal_year,
            "Line": row.line,
            "Actual": row.actual,
            "Budget": row.budget,
            "Variance": row.variance,
            "Effect": row.effect,
        }
        for row in newest_first
    ]


def _took_every_step(run: dg.DagsterRun) -> bool:
    """Return whether the run included every step; one with a selection may not."""
    if run.asset_selection:
        return run.asset_selection >= _STEPS_BEFORE
    return asks_for_step(run, "register")
