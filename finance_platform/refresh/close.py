"""The close of a period: its gates, and the decision that they allow.

Belongs here: the use case: reading what the gates need, from the raw zone to the warehouse, and recording the close.
Does not belong here: the rule of a gate (see `quality.gates`), the event (see `deliveries.period_decisions`), printing.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from finance_platform.code_version import code_version
from finance_platform.contracts.model import Contract, SliceName
from finance_platform.contracts.star import DIM_DEPARTMENT, FACT_FINANCIALS, FEED_PERIOD, MATERIALITY, REPORTING
from finance_platform.deliveries import period_decisions
from finance_platform.deliveries.approvals import Author
from finance_platform.deliveries.commits import Count
from finance_platform.deliveries.discovery import scan_raw_zone, unread_objects, why_read_again
from finance_platform.deliveries.events import DecisionProposed, PeriodStatusChanged, select_discovered
from finance_platform.deliveries.register import Register
from finance_platform.deliveries.report_inputs import ReportInputs, read_report_inputs
from finance_platform.deliveries.scans import require_whole_register
from finance_platform.errors import DecisionError
from finance_platform.feeds.feed_set import load_feed_set
from finance_platform.home import Home
from finance_platform.quality import gates
from finance_platform.quality.account_months import find_unusual_months
from finance_platform.quality.evidence import through_period
from finance_platform.quality.gates import (
    Finding,
    Gate,
    GateResult,
    RejectedPlace,
    ThinDepartment,
    ThinFeed,
    UntypedAccount,
)
from finance_platform.quality.published_figures import read_account_months
from finance_platform.refresh.books import find_imbalances
from finance_platform.refresh.completeness import find_missing
from finance_platform.refresh.stale_beside import find_stale_beside
from finance_platform.reports.rejected_rows import RejectedRows, count_of_row
from finance_platform.reports.statement import NO_SCENARIO
from finance_platform.settings import Settings, StarSettings
from finance_platform.slices.completeness import missing_departments
from finance_platform.slices.published import published_cells
from finance_platform.slices.settings_in_force import settings_in_force, settings_of_readers
from finance_platform.slices.signatures import (
    Signature,
    read_signature,
    sign_slices,
    signed_closings,
    table_rows,
    write_signature,
)
from finance_platform.slices.snapshot import Snapshot, read_snapshot
from finance_platform.storage.port import ObjectStore
from finance_platform.trace.published_lines import LineStore
from finance_platform.warehouse.ledger import published_slices
from finance_platform.warehouse.period_status import actual_lines, status_rows, update_statuses
from finance_platform.warehouse.port import Queryable
from finance_platform.warehouse.statements import SqlFile, select_columns, statement


@dataclass(frozen=True)
class PeriodToClose:
    """A period before its close.

    Attributes:
        period: YYYY-MM.
        gates: the result of every gate.
        opening: the earlier periods that are closed with it, because it is the home's first close.
        closed: the periods that are closed already.
        target: the target version of each period's fact slice.
        versions: the published version of each slice, by table and slice.
        load_number: the last load.
    """

    period: str
    gates: Sequence[GateResult]
    opening: Sequence[str]
    closed: Collection[str]
    target: Mapping[str, str]
    versions: Mapping[SliceName, str]
    load_number: int

    @property
    def closed_after(self) -> set[str]:
        """The periods that are closed once it is."""
        return {*self.closed, *self.opening, self.period}

    def red_without(self, waived: Collection[str]) -> list[GateResult]:
        """Return the red gates that are not waived."""
        return [result for result in gates.red(self.gates) if result.gate.name not in waived]


def examine_period(home: Home, period: str, *, at: datetime) -> PeriodToClose:
    """Return a period with the result of every gate; nothing is written.

    Args:
        home: the home.
        period: YYYY-MM.
        at: now, UTC.

    Raises:
        DecisionError: the period is closed already, or nothing is published of it.
        RegisterError: the register is damaged.
    """
    listed = home.listed_once()
    raw, processed, settings = listed.raw, listed.processed, home.settings
    require_whole_register(processed)
    register = Register(processed)
    with home.warehouse.reading() as published_state:
        ledger = published_slices(published_state)
        versions = {name: one.version for name, one in ledger.items()}
        published = _facts(versions)
        snapshot = read_snapshot(processed, StarSettings.of(settings))
        period_decisions.require_published_open(period, snapshot.state.closed, published)
        opening, open_before = period_decisions.opening_periods(
            register.events(), snapshot.state.closed.keys(), published.keys(), period
        )
        feed_set = load_feed_set(settings.feeds_path)
        of_readers = settings_of_readers(processed, settings)
        scan = scan_raw_zone(raw, register, feed_set, of_readers, at=at, run_id="")
        target = _facts({(one.table, one.slice): one.version for one in snapshot.target})
        others = find_stale_beside(processed, published_state, settings, snapshot, versions, period)
        pending = unread_objects(snapshot.state, scan)
        again = {key: event for key, event in pending.items() if event.reads_again}
        store = LineStore(processed, snapshot.commits, select_discovered(register.events()), snapshot.state)
        inputs = read_report_inputs(processed, snapshot.state.reference)
        balanced = {feed.feed for feed in feed_set.feeds if feed.balanced}
        threshold = _published_threshold(published_state, settings.materiality_amount)
        findings: dict[Gate, Sequence[Finding]] = {
            gates.HELD: gates.find_held(snapshot.state, scan.problems, period),
            gates.STALE: [
                *gates.find_stale(
                    [*opening, period],
                    target,
                    published,
                    [*(pending.keys() - again.keys()), *scan.unavailable],
                    others=others,
                    read_again=len(again),
                    why_again=why_read_again(again.values()),
                ),
                *gates.find_other_threshold(settings.materiality_amount, threshold),
            ],
            gates.CONTROL_TOTALS: gates.find_untied_totals(snapshot.state.live, period),
            gates.PREVIOUS: gates.find_open_before(open_before),
            **_of_lines(published_state, snapshot.state.closed, period),
            **_of_accounts(published_state, inputs, period, opening),
            **find_imbalances(store, published_state, balanced, inputs.balances, period, published[period]),
        }
    findings |= _of_rejected_rows(processed, snapshot, settings.currency, threshold, period)
    undelivered, missing = find_missing(
        store, published, feed_set.own, inputs.balances, of_readers, period, today=at.date()
    )
    findings |= {
        gates.COMPLETENESS: [*findings[gates.COMPLETENESS], *undelivered],
        gates.DOCUMENT_NUMBERS: missing,
    }
    return PeriodToClose(
        period,
        gates.results(findings),
        opening,
        frozenset(snapshot.state.closed),
        target,
        versions,
        max(one.load_number for one in ledger.values()),
    )


def close_period(
    home: Home, examined: PeriodToClose, author: Author, *, waived: Collection[str]
) -> PeriodStatusChanged | DecisionProposed:
    """Close a period whose gates are green or waived, or propose it; once it is closed, Actual covers it.

    Args:
        home: the home; the caller holds its lock since before the period was examined.
        examined: the period with its gates.
        author: who closes it, and why.
        waived: names of red gates that the author waives.

    Raises:
        DecisionError: a gate is red and not waived, or waived although it is green or cannot be waived.
        LoadError: the warehouse could not store the status; the close is recorded, and the next run stores it.
    """
    require_waivable(examined, waived)
    contradicted = {result.gate.name: "; ".join(result.lines) for result in gates.red(examined.gates)}
    if red := examined.red_without(waived):
        raise DecisionError(
            f"{examined.period} stays open: {', '.join(result.gate.name for result in red)} red",
            fix="correct what the gates name, or waive them",
        )
    processed, warehouse, settings = home.processed, home.warehouse, home.settings
    published = _facts(examined.versions)
    with warehouse.reading() as published_state:
        signature = _sign(processed, published_state, settings, examined)
    event = period_decisions.close(
        processed,
        examined.period,
        author,
        target=examined.target,
        published=published,
        cells={
            name: published_cells(processed, name, published[name]) for name in (*examined.opening, examined.period)
        },
        opening=examined.opening,
        waived={name: contradicted[name] for name in sorted(waived)},
        signature=signature,
    )
    if isinstance(event, DecisionProposed):
        return event
    warehouse.prepare()
    in_force = settings_in_force(processed, StarSettings.of(settings), examined.closed)
    update_statuses(warehouse, examined.closed_after, in_force.actuals_through)
    return event


def _sign(processed: ObjectStore, warehouse: Queryable, settings: Settings, examined: PeriodToClose) -> str:
    """Store what the close signs, and return the name of the document."""
    in_force = settings_in_force(processed, StarSettings.of(settings), examined.closed)
    earlier = signed_closings(Register(processed).events())
    before = read_signature(processed, earlier[-1].signature) if earlier else None
    tables = {contract: _table(warehouse, contract) for contract in REPORTING}
    tables |= status_rows(warehouse, examined.closed_after, in_force.actuals_through)
    signature = Signature(
        period=examined.period,
        closed=sorted(examined.closed_after),
        slices=sign_slices(processed, examined.versions, before),
        tables={contract.name: table_rows(contract, rows) for contract, rows in tables.items()},
        load_number=examined.load_number,
        code_version=code_version("build_star"),
        settings={
            "currency": settings.currency,
            "baseline_scenario": in_force.baseline_scenario,
            "actuals_through": in_force.actuals_through,
            "fiscal_year_start_month": str(in_force.fiscal_year_start_month),
        },
    )
    return write_signature(processed, signature)


def _table(warehouse: Queryable, contract: Contract) -> list[dict[str, object]]:
    rows = _rows(warehouse, contract, contract.column_names)
    return [dict(zip(contract.column_names, row, strict=True)) for row in rows]


def require_waivable(examined: PeriodToClose, waived: Collection[str]) -> None:
    """Refuse to waive a gate that cannot be waived, or that is green.

    Raises:
        DecisionError: such a gate is to be waived.
    """
    red = {result.gate.name for result in gates.red(examined.gates)}
    for gate in gates.GATES:
        if gate.name in waived and not gate.is_waivable:
            raise DecisionError(
                f"gate {gate.name} cannot be waived: the close would sign other figures than the delivered ones",
                fix="run `finance-platform run` first",
            )
        if gate.name in waived and gate.name not in red:
            raise DecisionError(
                f"gate {gate.name} of {examined.period} is green", fix=f"leave out `--waive {gate.name}`"
            )


def _facts(versions: Mapping[tuple[str, str], str]) -> dict[str, str]:
    """Return the version of each period of the fact table."""
    return {name: version for (table, name), version in versions.items() if table == FACT_FINANCIALS.name}


def _published_threshold(published: Queryable, setting: Decimal) -> Decimal:
    """Return the amount from which a variance of the home is material, as the last load stored it.

    The gate compares with what the close signs, not with what the command happens to have in its environment.
    """
    rows = _rows(published, MATERIALITY, ("account_key", "minimum_amount"))
    return next((Decimal(amount) for account, amount in rows if account is None), setting)


def _of_lines(published: Queryable, closed: Collection[str], period: str) -> dict[Gate, Sequence[Finding]]:
    """Return the findings of the gates about numbers of lines."""
    lines = actual_lines(published)
    counts = lines.get(period, {})
    usual = missing_departments(lines, period, closed)
    columns = ("department_key", "department_code", "department_name")
    names = (
        {int(key): f"{code} {name}" for key, code, name in _rows(published, DIM_DEPARTMENT, columns)} if usual else {}
    )
    departments = [ThinDepartment(names[key], counts.get(key, 0), number) for key, number in usual.items()]
    feeds = [
        ThinFeed(feed, int(line_count), int(usual_count))
        for feed, of_period, line_count, usual_count in _rows(
            published, FEED_PERIOD, ("feed", "period", "line_count", "usual_line_count")
        )
        if of_period == period and usual_count is not None and 2 * line_count < usual_count
    ]
    return {
        gates.COMPLETENESS: gates.find_incomplete(sorted(departments), sorted(feeds)),
        gates.ACTUALS: gates.find_no_actuals(sum(counts.values())),
    }


def _of_accounts(
    published: Queryable, inputs: ReportInputs, period: str, opening: Sequence[str]
) -> dict[Gate, Sequence[Finding]]:
    """Return the findings of the gates about accounts.

    What is wrong with a period as a whole is looked for in those of the opening too, which the close signs; amounts of
    single accounts were explained where their books were closed.
    """
    signed = {*opening, period}
    untyped = published.query(statement(SqlFile.UNCLASSIFIED_ACTUAL), {"period": period}).rows
    unusual = find_unusual_months(read_account_months(published, through_period(period)), opening)
    of_period = [one for one in unusual.months if one.month.period == period]
    year_ends = [one for one in unusual.year_ends if one.period in signed]
    wrong_signs = [one for one in unusual.wrong_signs if one.period in signed]
    other_units = [one for one in unusual.other_units if one.period in signed]
    running_years = [one for one in unusual.running_years if one.period in signed]
    commented = {one.account_key for one in inputs.comments if one.period == period and one.comment}
    return {
        gates.UNCLASSIFIED: gates.find_unclassified(UntypedAccount(*row) for row in untyped),
        gates.UNUSUAL: [
            *gates.find_running_totals(running_years),
            *gates.find_contradicting_units(other_units),
            *gates.find_contradicting_signs(wrong_signs),
            *gates.find_closed_years(year_ends),
            *gates.find_unanswered(of_period, commented),
        ],
    }


def _of_rejected_rows(
    processed: ObjectStore, snapshot: Snapshot, currency: str, threshold: Decimal, period: str
) -> dict[Gate, Sequence[Finding]]:
    """Return the findings of the gates about rejected rows.

    A row without a period may belong to each period in which its file has lines.

    Args:
        processed: the processed zone.
        snapshot: its state.
        currency: the home's currency.
        threshold: the gross amount of a scenario up to which nothing is material.
        period: YYYY-MM.
    """
    files = {
        delivery.event.object_key
        for delivery in snapshot.state.live
        if any(count.period == period for count in delivery.commit.periods)
    }
    rejected: dict[RejectedPlace, Count] = {}
    of_vouchers: dict[str, Count] = {}
    for row, unit in RejectedRows(processed, snapshot.state, currency=currency).with_units():
        file = row["source_file"]
        is_of_period = row["period"] == period or (row["period"] is None and file in files)
        if row["outcome"] != "rejected" or row["state"] != "live" or not is_of_period:
            continue
        count = count_of_row(row)
        place = RejectedPlace(file, row["scenario"] or NO_SCENARIO, unit, row["period"] is not None)
        rejected[place] = rejected.get(place, Count()) + count
        if not gates.VOUCHER_RULES.isdisjoint(row["rules"].split(",")):
            of_vouchers[file] = of_vouchers.get(file, Count()) + count
    return {
        gates.REJECTED: gates.find_rejected(rejected, threshold, currency),
        gates.BALANCED: gates.find_unbalanced(of_vouchers),
    }


def _rows(published: Queryable, contract: Contract, columns: Sequence[str]) -> Sequence[Sequence[Any]]:
    return published.query(select_columns(contract, columns)).rows
