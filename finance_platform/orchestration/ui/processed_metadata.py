"""Processed metadata: the rows, amounts and files of ledger lines, reference rows and rejected rows.

Belongs here: metadata of the step `standardise`. Does not belong here: the step itself (see `assets.standardise`), the
star (see `slice_metadata`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from itertools import islice
from typing import Any

import dagster as dg

from finance_platform.contracts.model import Contract
from finance_platform.contracts.processed import LINE_CONTRACTS
from finance_platform.deliveries.commits import Count, DeliveryCommit, PeriodCount
from finance_platform.deliveries.discovery import why_read_again
from finance_platform.deliveries.live_files import live_with_files
from finance_platform.deliveries.state import DeliveryState
from finance_platform.orchestration.ui.formatting import format_periods
from finance_platform.orchestration.ui.metadata_values import (
    ROWS_SHOWN,
    compute_data_version,
    money_metadata,
    table_metadata,
)
from finance_platform.orchestration.ui.previews import preview_delivery
from finance_platform.quality.checks import NOTHING_HELD, WITHIN_TOLERANCE, Outcome
from finance_platform.reports.reconciliation import current_deliveries
from finance_platform.reports.rejected_rows import RejectedRows
from finance_platform.reports.rejected_selection import Selection
from finance_platform.reports.statement import NO_SCENARIO
from finance_platform.slices.snapshot import Snapshot
from finance_platform.storage.immutable_documents import derive_once
from finance_platform.storage.port import ObjectStore

_FILES_SHOWN = 4
_ROWS_OF_A_FILE = 5

READ_NOW = "deliveries_read_now"
"""The metadata name of the number of deliveries that a run read, from which the command line reports it."""

READ_AGAIN_NOW = "of_these_read_again"
"""The metadata name of how many of them are unchanged files that were read again, and why."""

NET_SUM = "net sum of all lines"
"""The name of a file's sum over accounts of all types, which compares it with its source and is no figure."""


def lines_version(contract: Contract, snapshot: Snapshot) -> dg.DataVersion:
    """Return the data version of a table, which follows from the deliveries in it."""
    state = snapshot.state
    if contract.name == "rejected_rows":
        counting = [delivery.commit.delivery_id for delivery in state.live]
        return compute_data_version([*counting, *(stopped.commit.delivery_id for stopped in state.inactive)])
    return compute_data_version(commit.delivery_id for commit in _with_files_of(contract, state))


def _with_files_of(contract: Contract, state: DeliveryState) -> Sequence[DeliveryCommit]:
    """Return the commits of live deliveries with files of a table, in order."""
    return [delivery.commit for delivery in live_with_files(state, contract.name)]


def processed_metadata(
    contract: Contract, snapshot: Snapshot, read: Sequence[DeliveryCommit], processed: ObjectStore, currency: str
) -> dict[str, Any]:
    """Return the metadata of a table of ledger lines, reference rows or rejected rows.

    Args:
        contract: the table.
        snapshot: the processed zone.
        read: the deliveries that this run has read.
        processed: the processed zone.
        currency: the home's.
    """
    first = next(iter(_with_files_of(contract, snapshot.state)), None)
    preview = preview_delivery(contract, processed, first) if first else {}
    return {**_figures(contract, snapshot, read, currency), **preview}


def rows_behind(outcome: Outcome, processed: ObjectStore, state: DeliveryState) -> dict[str, Any]:
    """Return the first rejected rows of the files that a failed check names: file, row, and reason without the cell.

    Cells may name people; `finance-platform rejected` shows them.
    """
    if outcome.passed or outcome.check not in {WITHIN_TOLERANCE, NOTHING_HELD}:
        return {}
    rejected = RejectedRows(processed, state)
    rows = []
    for file in dict.fromkeys(row["file"] for row in outcome.evidence[:_FILES_SHOWN]):
        of_file = (row for row in rejected.rows(Selection(file=file)) if row["outcome"] == "rejected")
        rows += [
            {"file": row["source_file"], "row": row["source_row"], "reason": _reason(row["details"])}
            for row in islice(of_file, _ROWS_OF_A_FILE)
        ]
    return table_metadata("first_rejected_rows", rows)


def _reason(details: Sequence[Mapping[str, str]]) -> str:
    rules = ((reason["column"], reason["rule"].replace("_", " ")) for reason in details)
    return "; ".join(f"{column}: {rule}" if column else rule for column, rule in rules)


def _figures(contract: Contract, snapshot: Snapshot, read: Sequence[DeliveryCommit], currency: str) -> dict[str, Any]:
    # The same for each table; of thousands of deliveries, a search for these few takes a while.
    again = derive_once("files that were read again", (snapshot.state, read), _read_again)
    metadata: dict[str, Any] = {READ_NOW: str(len(read)), **again}
    if contract.name == "rejected_rows":
        current = [one.commit for one in current_deliveries(snapshot.state) if one.commit.status == "read"]
        changes = [{"feed": one.feed, "file": one.file, "what": one.words} for one in snapshot.state.header_changes]
        return metadata | _rejected_rows_metadata(current, currency) | table_metadata("header_changes", changes)
    if contract in LINE_CONTRACTS:
        live = [delivery.commit for delivery in snapshot.state.live]
        return metadata | _lines_metadata(live, currency, is_actual=contract.name == "transactions")
    delivered = _with_files_of(contract, snapshot.state)
    metadata["dagster/row_count"] = sum(commit.outcome("accepted").rows for commit in delivered)
    return metadata | table_metadata(
        "by_file", [{"file": c.object_key, "rows": c.outcome("accepted").rows} for c in reversed(delivered)]
    )


def _read_again(state: DeliveryState, read: Sequence[DeliveryCommit]) -> dict[str, str]:
    """Return how many of the deliveries that were read are unchanged files, and why they were; nothing if none is."""
    ids = {commit.delivery_id for commit in read}
    events = [state.by_id[name].event for name in ids & state.by_id.keys()]
    events += [stopped.event for stopped in state.inactive if stopped.commit.delivery_id in ids]
    again = {event.delivery_id: event for event in events if event.reads_again}
    why = why_read_again(again.values())
    return {READ_AGAIN_NOW: f"{len(again):,} of them again, since {why}"} if why else {}


def _rejected_rows_metadata(commits: Sequence[DeliveryCommit], currency: str) -> dict[str, Any]:
    """Return the figures of the reconciliation's terms; amounts of scenarios and currencies are never added."""
    names = ("rejected", "duplicate", "skipped")
    # Of most of thousands of files every row is accepted.
    incomplete = [commit for commit in commits if not commit.outcomes.keys().isdisjoint(names)]
    rejected: dict[str, Decimal] = {}
    for commit in incomplete:
        for scenario, counts in _outcomes_by_scenario(commit).items():
            lost = counts.get("rejected", Count())
            if scenario and lost.rows:
                rejected[scenario] = rejected.get(scenario, Decimal("0.00")) + lost.amount
    # The last ones first; of thousands of files, the others are only counted.
    by_file: list[dict[str, Any]] = []
    for commit in reversed(commits):
        if len(by_file) >= ROWS_SHOWN:
            break
        by_file += [
            {
                "file": commit.object_key,
                "scenario": scenario,
                **{name: counts.get(name, Count()).rows for name in names},
                f"rejected {currency}": counts.get("rejected", Count()).amount,
                "unpriced": counts.get("rejected", Count()).unpriced,
            }
            for scenario, counts in reversed(_outcomes_by_scenario(commit).items())
        ]
    of_all = sum(map(_count_scenarios, commits))
    rows = sum(commit.outcome(name).rows for commit in incomplete for name in names)
    metadata: dict[str, Any] = {"dagster/row_count": rows}
    for scenario, amount in sorted(rejected.items()):
        metadata |= money_metadata(f"rejected_amount_{scenario}", amount, currency)
    by_reason: dict[str, int] = {}
    for rule, count in (item for commit in commits for item in commit.rules.items()):
        by_reason[rule] = by_reason.get(rule, 0) + count
    reasons = [{"rule": rule, "rows": count} for rule, count in sorted(by_reason.items(), key=lambda item: -item[1])]
    return metadata | table_metadata("by_file", by_file, of_all=of_all) | table_metadata("by_reason", reasons)


def _count_scenarios(commit: DeliveryCommit) -> int:
    """Return how many scenarios `_outcomes_by_scenario` has."""
    if commit.kind != "ledger":
        return 1
    return len({lines.scenario or NO_SCENARIO for lines in commit.scenarios})


def _outcomes_by_scenario(commit: DeliveryCommit) -> dict[str, dict[str, Count]]:
    """Return rows and money in the home's currency by scenario and outcome; a reference file has no scenario."""
    if commit.kind != "ledger":
        return {"": dict(commit.outcomes)}
    outcomes: dict[str, dict[str, Count]] = {}
    for lines in commit.scenarios:
        counts = outcomes.setdefault(lines.scenario or NO_SCENARIO, {})
        count = Count(lines.count.rows, unpriced=lines.count.unpriced) if lines.currency else lines.count
        counts[lines.term] = counts.get(lines.term, Count()) + count
    return outcomes


def _lines_metadata(live: Sequence[DeliveryCommit], currency: str, *, is_actual: bool) -> dict[str, Any]:
    rows, periods = 0, set[str]()
    by_file: dict[tuple[str, str], list[PeriodCount]] = {}
    for commit in live:
        for count in commit.periods:
            if (count.scenario_type == "Actual") == is_actual:
                rows += count.rows
                periods.add(count.period)
                by_file.setdefault((commit.object_key, count.scenario), []).append(count)
    # The last ones first; of thousands of files, the others are only counted.
    shown = [
        {
            "file": file,
            "scenario": scenario,
            "rows": sum(count.rows for count in counts),
            f"{NET_SUM}, {currency}": sum((count.amount for count in counts), Decimal("0.00")),
        }
        for (file, scenario), counts in islice(reversed(by_file.items()), ROWS_SHOWN)
    ]
    return {
        "dagster/row_count": rows,
        "periods": format_periods(sorted(periods)),
        **table_metadata("by_file", shown, of_all=len(by_file)),
    }
