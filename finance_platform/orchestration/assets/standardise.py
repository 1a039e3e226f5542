"""The second step: read the deliveries that nobody has read yet.

Belongs here: the assets of the processed zone's tables. Does not belong here: how a file is read (see `glue`).
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import dagster as dg

from finance_platform.bootstrap import home_lock
from finance_platform.contracts.model import Contract
from finance_platform.contracts.processed import PROCESSED
from finance_platform.deliveries.acceptance import judge
from finance_platform.deliveries.commits import OUTCOMES, DeliveryCommit, read_commits
from finance_platform.deliveries.register import Register
from finance_platform.deliveries.scans import discard_scan
from finance_platform.deliveries.state import derive_state
from finance_platform.errors import JobError
from finance_platform.feeds.feed_set import FeedSet, load_feed_set
from finance_platform.orchestration.assets.delivery_events import last_arrivals, report_deliveries
from finance_platform.orchestration.checks import check_result, check_specs
from finance_platform.orchestration.error_handling import POOL, dagster_failures, fail_on_blocking_checks
from finance_platform.orchestration.resources.glue import GlueResource
from finance_platform.orchestration.resources.lake import LakeResource
from finance_platform.orchestration.resources.metrics import MetricsResource, send_or_warn
from finance_platform.orchestration.ui.formatting import LINES_SHOWN, first_lines, version_of
from finance_platform.orchestration.ui.metadata_values import money, span, table
from finance_platform.orchestration.ui.previews import preview_of_files
from finance_platform.orchestration.ui.specs import processed_spec
from finance_platform.quality.checks import ARRIVED_IN_ORDER, DELIVERY_CHECKS, SCHEMA_CHECKS, Outcome, counted
from finance_platform.quality.deliveries import check_deliveries
from finance_platform.quality.schemas import check_schema
from finance_platform.refresh.job_requests import standardise_request
from finance_platform.reports.metrics import freshness_lags, metrics_of_deliveries
from finance_platform.settings import Settings, StarSettings
from finance_platform.slices.snapshot import Snapshot, take_snapshot

_NAMES = {contract.name for contract in PROCESSED}


def standardise_assets(settings: Settings, catalog: FeedSet) -> dg.AssetsDefinition:
    """Return the step with one output per table of the processed zone."""
    checks = [check for check in SCHEMA_CHECKS if check.asset[1] in _NAMES] + list(DELIVERY_CHECKS)

    feeds = [feed.feed for feed in catalog.feeds]

    @dg.multi_asset(
        name="standardise",
        pool=POOL,
        specs=[processed_spec(contract, catalog, settings) for contract in PROCESSED],
        check_specs=check_specs(checks),
    )
    def standardise(
        context: dg.AssetExecutionContext, lake: LakeResource, glue: GlueResource, metrics: MetricsResource
    ) -> Iterator[dg.MaterializeResult[None]]:
        with dagster_failures(context), home_lock(settings, context.run.run_id):
            read = _read_pending(context, settings, lake, glue)
            # At once: should the step be tried again, these are read already and counted no second time.
            send_or_warn(metrics.open(), metrics_of_deliveries(read, datetime.now(UTC)), context.log)
            _judge(context, settings, lake)
            snapshot = take_snapshot(lake.processed, StarSettings.of(settings))
            report_deliveries(context, feeds, snapshot, Register(lake.processed), currency=settings.currency)
            _measure_lags(context, feeds, metrics)
            outcomes = check_deliveries(snapshot.state)
            told: list[Outcome] = []
            for contract in PROCESSED:
                new_files = [file.key for commit in read for file in commit.files.get(contract.name, ())]
                results = [check_schema(contract, lake.processed, new_files)]
                results += [outcome for outcome in outcomes if outcome.check.asset == ("processed", contract.name)]
                told += results
                yield dg.MaterializeResult(
                    asset_key=["processed", contract.name],
                    data_version=_version(contract, snapshot),
                    metadata={
                        **_metadata(contract, snapshot, read, settings.currency),
                        **_preview(contract, snapshot, lake),
                    },
                    check_results=[check_result(outcome) for outcome in results],
                )
            fail_on_blocking_checks(told)

    return standardise


def _measure_lags(context: dg.AssetExecutionContext, feeds: Sequence[str], metrics: MetricsResource) -> None:
    opened = metrics.open()
    if opened is not None:
        lags = freshness_lags(last_arrivals(context.instance, feeds), datetime.now(UTC))
        send_or_warn(opened, lags, context.log)


def _judge(context: dg.AssetExecutionContext, settings: Settings, lake: LakeResource) -> None:
    verdicts = judge(
        lake.processed,
        at=datetime.now(UTC),
        run_id=context.run.run_id,
        holds_closed_periods=settings.holds_closed_periods,
    )
    held = [f"{one.object_key} is held: {'; '.join(one.reasons)}. Fix: {one.fix}" for one in verdicts if one.is_held]
    for line in first_lines(held, "are held; `finance-platform status` lists them"):
        context.log.error(line)
    warnings = [f"{one.object_key}: {warning}" for one in verdicts for warning in one.warnings]
    for line in first_lines(warnings, f"warnings; the check {ARRIVED_IN_ORDER.name} lists them"):
        context.log.warning(line)


def _read_pending(
    context: dg.AssetExecutionContext, settings: Settings, lake: LakeResource, glue: GlueResource
) -> list[DeliveryCommit]:
    """Read what is pending; return the new commits, which must be what the job says it committed."""
    feeds = {feed.feed: feed.resolve(settings) for feed in load_feed_set(settings.feeds_path).feeds}
    state = derive_state(Register(lake.processed).events(), read_commits(lake.processed))
    pending = [event for event in state.pending if event.feed in feeds]
    if pending:
        # What vanished before it was read cannot be read; without this, every run would start a job for it.
        present = {item.key for item in lake.raw.list_objects()}
        pending = [event for event in pending if event.object_key in present]
    if not pending:
        context.log.info("nothing new to read")
        return []
    result = glue.run(context, "standardise", standardise_request(pending, feeds))
    closed = [
        f"{one['object_key']}: cannot be opened: {one['reason']}. Fix: mend it, then run again"
        for one in result["not_opened"]
    ]
    for line in first_lines(closed, "cannot be opened; `finance-platform status` lists them"):
        context.log.error(line)
    if closed:
        discard_scan(lake.processed)
    commits = read_commits(lake.processed)
    asked = {event.delivery_id for event in pending}
    told = set(result["committed"])
    if told - asked or told - commits.keys() or len(told) + len(result["not_opened"]) != len(asked):
        raise JobError(
            f"standardise was asked for {len(asked)} deliveries and says it committed {len(told)}, "
            f"of which {len(told & commits.keys())} have a commit",
            fix="run again; deliveries without a commit are read anew",
        )
    read = [commits[delivery_id] for delivery_id in sorted(told)]
    _log_read(context, read)
    return read


def _log_read(context: dg.AssetExecutionContext, read: Sequence[DeliveryCommit]) -> None:
    said = [f"read {commit.object_key}: {_came_of([commit])}" for commit in read]
    for line in first_lines(said, f"files read: {_came_of(read[LINES_SHOWN:])}"):
        context.log.info(line)


def _came_of(read: Sequence[DeliveryCommit]) -> str:
    outcomes = [(name, sum(commit.outcome(name).rows for commit in read)) for name in OUTCOMES]
    rows = ", ".join(f"{count:,} {name}" for name, count in outcomes)
    periods = sorted({count.period for commit in read for count in commit.periods})
    reached = f", reaching {span(periods)}" if periods else ""
    return f"{counted(sum(commit.read.rows for commit in read), 'row')}, {rows}{reached}"


def _version(contract: Contract, snapshot: Snapshot) -> dg.DataVersion:
    state = snapshot.state
    commits = [delivery.commit for delivery in state.live]
    if contract.name == "rejected_rows":
        commits += [stopped.commit for stopped in state.stopped]
        return version_of(commit.delivery_id for commit in commits)
    return version_of(commit.delivery_id for commit in commits if commit.files.get(contract.name))


def _metadata(contract: Contract, snapshot: Snapshot, read: Sequence[DeliveryCommit], currency: str) -> dict[str, Any]:
    live = [delivery.commit for delivery in snapshot.state.live]
    metadata: dict[str, Any] = {"deliveries_read_now": len(read)}
    if contract.name == "rejected_rows":
        return metadata | _of_rejected_rows([*live, *(one.commit for one in snapshot.state.stopped)], currency)
    if contract.name in {"transactions", "budget"}:
        return metadata | _of_lines(live, currency, is_actual=contract.name == "transactions")
    delivered = [commit for commit in live if commit.files.get(contract.name)]
    metadata["dagster/row_count"] = sum(commit.outcome("accepted").rows for commit in delivered)
    return metadata | table("by_file", [{"file": c.object_key, "rows": c.outcome("accepted").rows} for c in delivered])


def _of_rejected_rows(commits: Sequence[DeliveryCommit], currency: str) -> dict[str, Any]:
    names = ("rejected", "duplicate", "skipped")
    rows = [
        {
            "file": commit.object_key,
            **{name: commit.outcome(name).rows for name in names},
            f"rejected {currency}": commit.outcome("rejected").amount,
            "unpriced": commit.outcome("rejected").unpriced,
        }
        for commit in commits
    ]
    rejected = sum((commit.outcome("rejected").amount for commit in commits), Decimal("0.00"))
    return {
        "dagster/row_count": sum(commit.outcome(name).rows for commit in commits for name in names),
        **money("rejected_amount", rejected, currency),
        **table("by_file", rows),
    }


def _of_lines(live: Sequence[DeliveryCommit], currency: str, *, is_actual: bool) -> dict[str, Any]:
    counts = [(c, one) for c in live for one in c.periods if (one.scenario_type == "Actual") == is_actual]
    by_file: dict[tuple[str, str], tuple[int, Decimal]] = {}
    for commit, one in counts:
        rows, amount = by_file.get((commit.object_key, one.scenario), (0, Decimal("0.00")))
        by_file[commit.object_key, one.scenario] = rows + one.rows, amount + one.amount
    return {
        "dagster/row_count": sum(one.rows for _, one in counts),
        **money("amount", sum((one.amount for _, one in counts), Decimal("0.00")), currency),
        "periods": span(sorted({one.period for _, one in counts})),
        **table(
            "by_file",
            [
                {"file": file, "scenario": scenario, "rows": rows, f"amount {currency}": amount}
                for (file, scenario), (rows, amount) in by_file.items()
            ],
        ),
    }


def _preview(contract: Contract, snapshot: Snapshot, lake: LakeResource) -> dict[str, Any]:
    files = [file.key for delivery in snapshot.state.live for file in delivery.commit.files.get(contract.name, ())]
    return preview_of_files(contract, lake.processed, files)
