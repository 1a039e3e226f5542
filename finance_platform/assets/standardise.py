"""The second step: read the deliveries that nobody has read yet.

Belongs here: the assets of the processed zone's tables. Does not belong here: how a file is read (see `glue`).
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any

import dagster as dg

from finance_platform.assets.describing import (
    contract_spec,
    explained_failures,
    markdown_table,
    version_of,
)
from finance_platform.checks.translation import check_result, check_specs
from finance_platform.contracts.model import Contract
from finance_platform.contracts.processed import PROCESSED
from finance_platform.errors import JobError
from finance_platform.feeds.catalog import Catalog, load_catalog
from finance_platform.lake.deliveries import DeliveryCommit, read_commits
from finance_platform.lake.judging import judge
from finance_platform.lake.lock import run_lock
from finance_platform.lake.plan import StarSettings
from finance_platform.lake.register import Register
from finance_platform.lake.requests import standardise_request
from finance_platform.lake.snapshot import Snapshot, take_snapshot
from finance_platform.lake.state import derive_state
from finance_platform.quality.catalogue import DELIVERY_CHECKS, SCHEMA_CHECKS
from finance_platform.quality.deliveries import check_deliveries
from finance_platform.quality.schemas import check_schema
from finance_platform.resources.glue import GlueResource
from finance_platform.resources.lake import LakeResource
from finance_platform.settings import Settings

_KINDS_OF_TABLE = {
    "departments": {"departments"},
    "accounts": {"accounts"},
    "rejected_rows": {"ledger", "departments", "accounts"},
}
_NAMES = {contract.name for contract in PROCESSED}


def standardise_assets(settings: Settings, catalog: Catalog) -> dg.AssetsDefinition:
    """Return the step with one output per table of the processed zone."""
    checks = [check for check in SCHEMA_CHECKS if check.asset[1] in _NAMES] + list(DELIVERY_CHECKS)

    @dg.multi_asset(
        name="standardise",
        specs=[
            contract_spec(contract, "processed", {"pyspark", "parquet"}, _deps(contract, catalog))
            for contract in PROCESSED
        ],
        check_specs=check_specs(checks),
    )
    def standardise(
        context: dg.AssetExecutionContext, lake: LakeResource, glue: GlueResource
    ) -> Iterator[dg.MaterializeResult[None]]:
        with explained_failures(), run_lock(settings.home_path):
            read = _read_pending(context, settings, lake, glue)
            _judge(context, settings, lake)
            snapshot = take_snapshot(lake.processed, StarSettings.of(settings))
            outcomes = check_deliveries(snapshot.state)
            for contract in PROCESSED:
                new_files = [file.key for commit in read for file in commit.files.get(contract.name, ())]
                results = [check_schema(contract, lake.processed, new_files)]
                results += [outcome for outcome in outcomes if outcome.check.asset == ("processed", contract.name)]
                yield dg.MaterializeResult(
                    asset_key=["processed", contract.name],
                    data_version=_version(contract, snapshot),
                    metadata=_metadata(contract, snapshot, read),
                    check_results=[check_result(outcome) for outcome in results],
                )

    return standardise


def _deps(contract: Contract, catalog: Catalog) -> list[dg.AssetKey]:
    kinds = _KINDS_OF_TABLE.get(contract.name, {"ledger"})
    return [dg.AssetKey(["raw", feed.feed]) for feed in catalog.feeds if feed.kind in kinds]


def _judge(context: dg.AssetExecutionContext, settings: Settings, lake: LakeResource) -> None:
    verdicts = judge(
        lake.processed,
        at=datetime.now(UTC),
        run_id=context.run.run_id,
        holds_closed_periods=settings.holds_closed_periods,
    )
    for verdict in verdicts:
        if verdict.is_held:
            context.log.error(f"{verdict.object_key} is held: {'; '.join(verdict.reasons)}. Fix: {verdict.fix}")
        for warning in verdict.warnings:
            context.log.warning(f"{verdict.object_key}: {warning}")


def _read_pending(
    context: dg.AssetExecutionContext, settings: Settings, lake: LakeResource, glue: GlueResource
) -> list[DeliveryCommit]:
    """Read what is pending; return the new commits, which must be what the job says it committed."""
    feeds = {feed.feed: feed.resolve(settings) for feed in load_catalog(settings.feeds_path).feeds}
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
    for failure in result["not_opened"]:
        context.log.error(
            f"{failure['object_key']}: cannot be opened: {failure['reason']}. Fix: mend it, then run again"
        )
    commits = read_commits(lake.processed)
    asked = {event.delivery_id for event in pending}
    told = set(result["committed"])
    if told - asked or told - commits.keys() or len(told) + len(result["not_opened"]) != len(asked):
        raise JobError(
            f"standardise was asked for {len(asked)} deliveries and says it committed {len(told)}, "
            f"of which {len(told & commits.keys())} have a commit",
            fix="run again; deliveries without a commit are read anew",
        )
    context.log.info(f"{len(told)} deliveries read")
    return [commits[delivery_id] for delivery_id in sorted(told)]


def _version(contract: Contract, snapshot: Snapshot) -> dg.DataVersion:
    state = snapshot.state
    commits = [delivery.commit for delivery in state.live]
    if contract.name == "rejected_rows":
        commits += [stopped.commit for stopped in state.stopped]
        return version_of(commit.delivery_id for commit in commits)
    return version_of(commit.delivery_id for commit in commits if commit.files.get(contract.name))


def _metadata(contract: Contract, snapshot: Snapshot, read: Sequence[DeliveryCommit]) -> dict[str, Any]:
    live = [delivery.commit for delivery in snapshot.state.live]
    stopped = [s.commit for s in snapshot.state.stopped]
    metadata: dict[str, Any] = {"deliveries_read_now": len(read)}
    if contract.name == "rejected_rows":
        current = [*live, *stopped]
        names = ("rejected", "duplicate", "skipped")
        rows = [
            {
                "file": c.object_key,
                **{name: c.outcome(name).rows for name in names},
                "amount": c.outcome("rejected").amount,
            }
            for c in current
        ]
        metadata["dagster/row_count"] = sum(row[name] for row in rows for name in names)
        metadata["by_file"] = markdown_table(rows)
        return metadata
    if contract.name in {"transactions", "budget"}:
        is_actual = contract.name == "transactions"
        counts = [c for commit in live for c in commit.periods if (c.scenario_type == "Actual") == is_actual]
        metadata["dagster/row_count"] = sum(count.rows for count in counts)
        metadata["amount"] = str(sum(count.amount for count in counts))
        metadata["periods"] = len({count.period for count in counts})
        return metadata
    metadata["dagster/row_count"] = sum(c.outcome("accepted").rows for c in live if c.files.get(contract.name))
    return metadata
