"""The output of the command `run`: the summary, as text and as JSON.

Belongs here: its sentences and their order. Does not belong here: figures (see `reports`), other commands' output.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from finance_platform.cli.console import SafeConsole, colored
from finance_platform.cli.movement_output import movements_of_run, print_movements_of_run
from finance_platform.cli.reconciliation_output import print_sentences
from finance_platform.cli.rendering import STOPPED, new_table, print_deliveries, print_pending, print_warnings
from finance_platform.count_text import pluralize
from finance_platform.money_text import grouped_money
from finance_platform.quality.checks import CLOSED_PERIODS_STAND, fix_of
from finance_platform.reports.run_outcome import EvaluatedCheck, RunOutcome, RunReport
from finance_platform.reports.variance import MONTHS_OF_YEAR, VarianceRow
from finance_platform.safe_text import printable_line, quote_name

if TYPE_CHECKING:
    from finance_platform.reports.status import Status

_RESTATED_SHOWN = 5


def print_summary(console: SafeConsole, report: RunReport, seconds: float, home: Path | None) -> None:
    """Print what the run did, and the state of the home afterwards; `home` is the one given to the command."""
    outcome, status = report.outcome, report.status
    print_deliveries(console, status)
    print_warnings(console, status)
    console.print()
    print_variance(console, report.variance)
    if report.variance:
        console.print()
    _print_checks(console, outcome.checks, status)
    for sentence in outcome.repaired:
        console.print(colored(("repaired", "yellow"), f" {sentence}"), soft_wrap=True)
    console.print(_describe_work(outcome, len(status.pending)))
    print_movements_of_run(console, status, outcome.run_id)
    print_restated(console, report.restated)
    if outcome.error:
        console.print(colored(("failed:", "red"), f" {outcome.error}"))
    print_pending(console, status.pending)
    console.print(_describe_run(outcome, seconds, home))
    print_sentences(console, status.reconciliation)


def summary_as_json(report: RunReport, seconds: float) -> dict[str, Any]:
    """Return the summary as JSON values; money is text with two decimals."""
    outcome, status = report.outcome, report.status
    return {
        "run_id": outcome.run_id or None,
        "unchanged_since": outcome.unchanged_since or None,
        "succeeded": outcome.succeeded,
        "error": outcome.error,
        "seconds": round(seconds, 1),
        "deliveries_read": outcome.deliveries_read,
        "read_again": outcome.read_again or None,
        "not_read": [{name: row[name] for name in ("file", "reason", "fix")} for row in status.pending],
        "built": list(outcome.built),
        "loaded": list(outcome.loaded),
        "unchanged": list(outcome.unchanged),
        "also_loaded": list(outcome.also_loaded),
        "repaired": list(outcome.repaired),
        "movements": movements_of_run(status, outcome.run_id),
        "restated": list(report.restated),
        "checks": [asdict(check) for check in outcome.checks],
        "actual_vs_budget": [row.cells() for row in report.variance],
        "status": status.as_json(),
    }


def print_variance(console: SafeConsole, rows: Sequence[VarianceRow]) -> None:
    """Print Actual against Budget by fiscal year, and the periods that are left out."""
    if not rows:
        return
    # Both columns are only shown where they say something.
    has_partial_budget = any(row.actual_with_budget not in {None, row.actual} for row in rows)
    has_incomplete = any(row.actual_incomplete for row in rows)
    columns = ["fiscal year", "line", "actual", *(["actual with budget"] if has_partial_budget else [])]
    columns += ["budget", "variance", "%", *(["incomplete"] if has_incomplete else []), "effect"]
    table = new_table(*columns, title="Actual against Budget", numbers_from=2)
    table.columns[-1].justify = "left"
    year = None
    for row in rows:
        amounts = [row.actual, *([row.actual_with_budget] if has_partial_budget else []), row.budget, row.variance]
        texts = [row.text_of(amount, grouped_money) for amount in amounts]
        incomplete = [grouped_money(row.actual_incomplete)] if has_incomplete else []
        label = _describe_year(row) if row.fiscal_year != year else ""
        table.add_row(label, printable_line(row.line), *texts, row.grouped_percent, *incomplete, row.effect)
        year = row.fiscal_year
    console.print(table)
    periods = sorted({period for row in rows for period in row.incomplete_periods})
    if periods:
        console.print(
            f"Incomplete and left out: {', '.join(periods)}. A period counts when it has its usual lines or is closed; "
            "FINANCE_PLATFORM_ACTUALS_THROUGH overrides that."
        )


def print_restated(console: SafeConsole, restated: Sequence[str]) -> None:
    """Print what leads from signed profits to those of now, a line for each of the newest periods."""
    for sentence in restated[:_RESTATED_SHOWN]:
        console.print(colored(("restated", "yellow"), f" {printable_line(sentence)}"), soft_wrap=True)
    if restated:
        more = f"{len(restated) - _RESTATED_SHOWN} more, and every" if len(restated) > _RESTATED_SHOWN else "Every"
        console.print(f"  {more} step with its amounts: `finance-platform restatement`")


def _describe_year(row: VarianceRow) -> str:
    """Return a fiscal year, with its number of complete months if that is not twelve."""
    if row.months == MONTHS_OF_YEAR:
        return str(row.fiscal_year)
    return f"{row.fiscal_year}, {pluralize(row.months, 'month')}"


def _describe_run(outcome: RunOutcome, seconds: float, home: Path | None) -> str:
    of_home = f" --home {quote_name(str(home))}" if home else ""
    if outcome.unchanged_since:
        return (
            f"No run was needed since run {outcome.unchanged_since}, {seconds:.1f} s; "
            f"to run all the same: finance-platform run{of_home} --force"
        )
    return f"Run {outcome.run_id}, {seconds:.1f} s; to see it in the UI: finance-platform ui{of_home}"


def _describe_work(outcome: RunOutcome, pending: int) -> str:
    work = (outcome.deliveries_read, outcome.built, outcome.loaded, outcome.also_loaded, outcome.unchanged)
    if not any(work) and outcome.succeeded and pending:
        return f"Nothing was loaded: {pluralize(pending, 'delivery is', 'deliveries are')} not read."
    if not any(work) and outcome.succeeded:
        return "Nothing to do: no new deliveries, every period is current."
    read = pluralize(outcome.deliveries_read, "delivery", "deliveries")
    built, loaded = _slice_parts(outcome.built), [*_slice_parts(outcome.loaded), *outcome.also_loaded]
    left = f"; left {_joined(_slice_parts(outcome.unchanged))} as before" if outcome.unchanged else ""
    again = f" ({outcome.read_again})" if outcome.read_again else ""
    return f"Read {read}{again}; built {_joined(built)}; loaded {_joined(loaded)}{left}."


def _joined(parts: Sequence[str]) -> str:
    if len(parts) < 2:
        return "".join(parts) or "nothing"
    return f"{', '.join(parts[:-1])} and {parts[-1]}"


def _slice_parts(names: Sequence[str]) -> list[str]:
    periods = sorted(name.split()[1] for name in names if name.startswith("fact_financials "))
    dimensions = [name.split()[0] for name in names if not name.startswith("fact_financials ")]
    parts = []
    if periods:
        span = periods[0] if len(periods) == 1 else f"{periods[0]} … {periods[-1]}"
        parts.append(f"{pluralize(len(periods), 'period', 'periods')} ({span})")
    if dimensions:
        parts.append(pluralize(len(dimensions), "dimension", "dimensions"))
    return parts


def _print_checks(console: SafeConsole, checks: Sequence[EvaluatedCheck], status: Status) -> None:
    """Print the checks, without the files and descriptors whose reason and fix are printed below the deliveries.

    Below a failed check is what to do about it, unless each row, or the line of its file above, has that.
    """
    states = zip(status.column("file"), status.column("state"), strict=True)
    stopped = (f"file {file}, reason " for file, state in states if state in STOPPED)
    problems = (f"file {row['file']}, problem " for row in status.problems)
    headers = (f"feed {change.feed}, file {change.file}, what " for change in status.header_changes)
    above = (*stopped, *problems, *headers, *(f"file {file}, fix " for file in status.unmatched))
    named = {f"file {file}" for file in status.vanished}
    named |= {f"file {row['file']}, what {row['warning']}" for row in status.warnings}
    failed = [check for check in checks if not check.passed]
    errors = sum(1 for check in failed if not check.is_warning)
    passed = len(checks) - len(failed)
    warnings = pluralize(len(failed) - errors, "warning", "warnings")
    # Not "0 warnings" and nothing else below one.
    of_files = len(status.warnings) if len(failed) == errors else 0
    more = f"; {pluralize(of_files, 'warning')} about files above" if of_files else ""
    console.print(f"Checks: {passed} passed, {warnings}, {errors} failed{more}")
    for check in failed:
        mark = ("warning", "yellow") if check.is_warning else ("failed", "red")
        console.print(colored("  ", mark, f" {check.asset} {check.name}: {printable_line(check.summary)}"))
        for row in check.evidence:
            if row.startswith(above):
                continue
            console.print(f"    {printable_line(row)}")
        has_fix = check.name == CLOSED_PERIODS_STAND.name  # its changes are above, each with its own
        has_fix |= bool(check.evidence) and all(", fix " in row or row in named for row in check.evidence)
        if not has_fix and (fix := fix_of(check.name)):
            console.print(f"    Fix: {fix}", soft_wrap=True)
