"""The output of the commands about feeds.

Belongs here: the parts of each and their order, for people and as JSON. Does not belong here: figures (see
`refresh.feed_check`, `refresh.feed_list`).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from finance_platform.cli.console import SafeConsole, colored, open_console
from finance_platform.cli.rendering import new_table, print_json, print_rows
from finance_platform.count_text import pluralize
from finance_platform.deliveries.commits import OUTCOMES, Count
from finance_platform.feeds.feed_set import Problem
from finance_platform.feeds.findings import ControlTotals
from finance_platform.money_text import grouped_money, plain_money, signed_money
from finance_platform.refresh.file_check.feed_check import FileCheck, RefusedRow
from finance_platform.refresh.file_check.feed_header import CheckedTable, HeaderColumn
from finance_platform.refresh.file_check.feed_list import COLUMNS, FeedListing
from finance_platform.refresh.file_check.feed_match import MatchedFile
from finance_platform.refresh.file_check.live_comparison import LiveComparison
from finance_platform.safe_text import quote_name

_MAX_COLUMNS = 100
"""Columns of a header that are listed; a wide file has many that no field uses."""

_BESIDE_DIFFERENCE = ("now", "then", "rows now", "rows then", "closed")
_MAX_SUMS = 60
_MANY_EQUAL = 3
"""Rows with one reason from which they share a line."""

_MAX_TIED = 5
"""Totals that tie and are listed; a wide budget prints one for each department and month."""

_WIDE = 76
"""Characters of a terminal from which every column of the list of feeds has a place."""


def print_feeds(console: SafeConsole, listing: FeedListing, output_format: str) -> None:
    """Print the feeds of a home, then what is wrong with its descriptors."""
    if output_format != "table":
        print_rows(console, COLUMNS, listing.rows(), output_format)
    else:
        shown = COLUMNS if console.width >= _WIDE else ("feed", "path", "files")
        table = new_table(*shown, title="Feeds", numbers_from=len(shown))
        for row in listing.rows():
            values = dict(zip(COLUMNS, row, strict=True))
            table.add_row(*("" if values[name] is None else str(values[name]) for name in shown))
        for column in table.columns:
            column.overflow = "fold"
        console.print(table)
    # Beside rows for a program, problems are for people.
    problems = console if output_format == "table" else open_console(err=True)
    for problem in listing.problems:
        _print_problem(problems, problem)


def _print_problem(console: SafeConsole, problem: Problem) -> None:
    _print_line(console, ("problem", "red"), f" {quote_name(problem.where)}: {problem.message}")
    _print_line(console, f"  Fix: {problem.fix}")


def print_check(console: SafeConsole, matched: MatchedFile, checked: FileCheck | None, *, as_json: bool) -> None:
    """Print what a run would make of a file."""
    if as_json:
        print_json(console, _as_json(matched, checked))
        return
    if matched.problem is not None:
        _print_problem(console, matched.problem)
    if checked is not None:
        _print_checked(console, matched, checked)


def _print_checked(console: SafeConsole, matched: MatchedFile, checked: FileCheck) -> None:
    place = "" if matched.is_in_raw_zone else ", which is not in the raw zone"
    _print_line(console, f"File: {quote_name(matched.object_key)}{place}")
    _print_line(console, f"Feed: {checked.feed} ({checked.kind}), descriptor: {quote_name(matched.origin)}")
    if matched.remark:
        _print_line(console, ("warning", "yellow"), f" {matched.remark}")
    for table in checked.tables:
        _print_header(console, table)
    if checked.refusal:
        _print_finding(console, ("refused", "red"), checked.refusal, checked.fix)
        return
    _print_counts(console, checked)
    _print_sums(console, checked)
    if checked.live is not None:
        _print_live(console, checked.live, checked.feed)
    _print_control_totals(console, checked.findings.control_totals)
    _print_rejected(console, checked)
    for warning, fix in checked.findings.fixes.items():
        _print_finding(console, ("warning", "yellow"), warning, fix)
    for fix, held in itertools.groupby(checked.holds.items(), key=lambda one: one[1]):
        reasons = [reason for reason, _ in held]
        for reason in reasons[:-1]:
            _print_finding(console, ("held", "red"), reason, "")
        _print_finding(console, ("held", "red"), reasons[-1], fix)
    for reason, fix in checked.conditions.items():
        text = f"{reason}; a run holds this file unless another file of the home gives it"
        _print_finding(console, ("condition", "yellow"), text, fix)
    if checked.is_fine and not checked.conditions:
        unless = "" if checked.live else ", unless an earlier delivery or a closed period holds it"
        _print_line(console, ("ok", "green"), f" a run would publish this file{unless}")


def _print_finding(console: SafeConsole, kind: tuple[str, str], text: str, fix: str) -> None:
    _print_line(console, kind, f" {text}")
    if fix:
        _print_line(console, f"  Fix: {fix}")


def _print_line(console: SafeConsole, *parts: str | tuple[str, str]) -> None:
    """Print a line; a terminal wraps it, so that nothing is cut."""
    console.print(colored(*parts), soft_wrap=True)


def _print_header(console: SafeConsole, table: CheckedTable) -> None:
    title = "Header" if table.sheet is None else f"Header of sheet {table.sheet!r}"
    grid = new_table("column", "field", title=title, numbers_from=2)
    for column in table.columns[:_MAX_COLUMNS]:
        grid.add_row(column.name, _uses(column) or "not used")
    for name, text in table.other.items():
        grid.add_row(f"every row: {text}" if text else "no column", name)
    for name, feed in table.looked_up.items():
        grid.add_row(f"looked up in feed {feed}", name)
    for cell in grid.columns:
        cell.overflow = "fold"
    console.print(grid)
    if len(table.columns) > _MAX_COLUMNS:
        _print_line(console, f"… {len(table.columns) - _MAX_COLUMNS:,} more columns")


def _uses(column: HeaderColumn) -> str:
    fields = ", ".join(column.fields)
    if column.values:
        fields += f" ({', '.join(f'{name} {text}' for name, text in column.values.items())})"
    return ", ".join([*filter(None, [fields]), *column.keys])


def _print_counts(console: SafeConsole, checked: FileCheck) -> None:
    counts = ", ".join(f"{_count(checked, name).rows:,} {name}" for name in OUTCOMES if _count(checked, name).rows)
    _print_line(console, f"Rows: {checked.read.rows:,} read" + (f" = {counts}" if counts else ""))
    if checked.kind != "ledger":
        return
    for name in OUTCOMES:
        count = _count(checked, name)
        if count.amount or count.absolute:
            unpriced = f", {count.unpriced:,} without a valid amount" if count.unpriced else ""
            _print_line(
                console, f"  {name}: net {grouped_money(count.amount)}, gross {grouped_money(count.absolute)}{unpriced}"
            )
    for currency, gross in sorted(checked.foreign.items()):
        _print_line(console, f"  rejected in {currency}: gross {grouped_money(gross)}")
    if checked.rounding:
        _print_line(console, f"  rounding to cents adds {checked.rounding:f}")


def _count(checked: FileCheck, outcome: str) -> Count:
    return checked.outcomes.get(outcome, Count())


def _print_sums(console: SafeConsole, checked: FileCheck) -> None:
    # Rows that another row of the file rejects leave a sum without rows.
    sums = [(place, count) for place, count in sorted(checked.sums.items()) if count.rows]
    if not sums:
        return
    # Of vouchers, which balance, the net amount says nothing.
    has_gross = any(count.absolute and not count.amount for _, count in sums)
    columns = ("scenario", "period", "rows", "amount", *(["gross"] if has_gross else []))
    table = new_table(*columns, title="Accepted", numbers_from=2)
    for (scenario, period), count in sums[:_MAX_SUMS]:
        gross = [grouped_money(count.absolute)] if has_gross else []
        table.add_row(scenario, period, f"{count.rows:,}", grouped_money(count.amount), *gross)
    for cell in table.columns[1:]:
        cell.no_wrap = True
    table.columns[3].min_width = max(len(grouped_money(count.amount)) for _, count in sums)
    console.print(table)
    if len(sums) > _MAX_SUMS:
        _print_line(console, f"… {len(sums) - _MAX_SUMS:,} more; --json lists all")


def _print_live(console: SafeConsole, live: LiveComparison, feed: str) -> None:
    """Print what the file would change of the lines that count now, and what a run would only warn of."""
    if live.is_live:
        _print_line(console, "This content counts already: a run changes nothing.")
        return
    replaced = " instead of its version that counts now" if live.replaces else ""
    if not live.changed:
        _print_line(console, f"With this file{replaced}, rows and amounts of feed {feed} stay as they are.")
    else:
        title = f"Lines of feed {feed} that count, now and with this file{replaced}"
        # By department and account; it is the difference itself where all of them move to the same side.
        has_moved = any(one.moved and one.moved != abs(one.after.amount - one.before.amount) for one in live.changed)
        columns = ("scenario", "period", "difference", *(["moved gross"] if has_moved else []), *_BESIDE_DIFFERENCE)
        table = new_table(*columns, title=title, numbers_from=2)
        for one in live.changed[:_MAX_SUMS]:
            before, after = one.before, one.after
            moved = [grouped_money(one.moved)] if has_moved else []
            amounts = (signed_money(after.amount - before.amount), *moved)
            rows = (f"{before.rows:,}", f"{after.rows:,}", "closed" if one.is_closed else "")
            now_and_then = (grouped_money(before.amount), grouped_money(after.amount))
            table.add_row(one.scenario, one.period, *amounts, *now_and_then, *rows)
        console.print(table)
        if len(live.changed) > _MAX_SUMS:
            _print_line(console, f"… {len(live.changed) - _MAX_SUMS:,} more; --json lists all")
        if live.equal:
            _print_line(console, f"{pluralize(live.equal, 'period')} of the file with the same rows and amounts")
    for warning in live.warnings:
        _print_line(console, ("warning", "yellow"), f" {warning}")


def _print_control_totals(console: SafeConsole, totals: ControlTotals) -> None:
    if totals.checked:
        _print_line(console, f"Control totals: {totals.tied:,} of {totals.checked:,} tie")
        tied = [total.description for total in totals.listed if total.ties][:_MAX_TIED]
        for description in tied:
            _print_line(console, f"  {description}")
        if totals.tied > len(tied):
            _print_line(console, f"  … {totals.tied - len(tied):,} more tie")


def _print_rejected(console: SafeConsole, checked: FileCheck) -> None:
    """Print the first rows that are not read; rows with the same reason share a line."""
    total = _count(checked, "rejected").rows + _count(checked, "duplicate").rows
    groups: dict[tuple[str, str], list[RefusedRow]] = {}
    for row in checked.refused_rows:
        groups.setdefault((row.outcome, row.reasons), []).append(row)
    # The first rows have one reason, and the file breaks one rule: so do the others, perhaps by another value.
    is_one = len(groups) == len(checked.rules) == 1 and len(checked.refused_rows) >= _MANY_EQUAL
    for (outcome, reasons), (row, *others) in _shared_lines(groups):
        place = f"line {row.row}" if row.sheet is None else f"sheet {row.sheet!r}, row {row.row}"
        cell = f", column {row.column!r}" if row.column is not None else ""
        count = total - 1 if is_one else len(others)
        more = f" and {count:,} more" if count else ""
        _print_line(console, (outcome, "yellow"), f" {place}{cell}{more}: {reasons}")
    if total > len(checked.refused_rows) and not is_one:
        rules = ", ".join(f"{rule} {count:,}" for rule, count in checked.rules.most_common())
        _print_line(console, f"… {total - len(checked.refused_rows):,} more; by rule: {rules}")


def _shared_lines(
    groups: Mapping[tuple[str, str], Sequence[RefusedRow]],
) -> Iterator[tuple[tuple[str, str], Sequence[RefusedRow]]]:
    """Yield the rows that share a line; of a few, each has its own."""
    for key, rows in groups.items():
        if len(rows) >= _MANY_EQUAL:
            yield key, rows
        else:
            yield from ((key, [row]) for row in rows)


def _as_json(matched: MatchedFile, checked: FileCheck | None) -> dict[str, Any]:
    document: dict[str, Any] = {
        "file": matched.object_key,
        "is_in_raw_zone": matched.is_in_raw_zone,
        "feed": matched.feed.feed if matched.feed else None,
        "descriptor": matched.origin or None,
        "problem": matched.problem.message if matched.problem else None,
        "fix": matched.problem.fix if matched.problem else None,
        "remark": matched.remark or None,
    }
    return document if checked is None else document | _checked_as_json(checked)


def _live_as_json(live: LiveComparison | None) -> dict[str, Any] | None:
    if live is None:
        return None
    changed = [
        {
            "scenario": one.scenario,
            "period": one.period,
            "is_closed": one.is_closed,
            "rows_before": one.before.rows,
            "rows_after": one.after.rows,
            "amount_before": plain_money(one.before.amount),
            "amount_after": plain_money(one.after.amount),
            "difference": plain_money(one.after.amount - one.before.amount),
            "moved": plain_money(one.moved),
        }
        for one in live.changed
    ]
    return {
        "replaces": live.replaces,
        "is_live": live.is_live,
        "changed": changed,
        "equal": live.equal,
        "warnings": list(live.warnings),
    }


def _checked_as_json(checked: FileCheck) -> dict[str, Any]:
    return {
        "state": "refused"
        if checked.refusal
        else "held"
        if checked.holds
        else "conditional"
        if checked.conditions
        else "ok",
        "problem": checked.refusal or None,
        "fix": checked.fix or None,
        "tables": [
            {
                "sheet": table.sheet,
                "columns": [_column_as_json(column) for column in table.columns],
                "other_fields": dict(table.other),
                "looked_up_fields": dict(table.looked_up),
            }
            for table in checked.tables
        ],
        "rows": checked.read.rows,
        "outcomes": {name: _count_as_json(_count(checked, name)) for name in OUTCOMES},
        "rejected_foreign": {name: plain_money(gross) for name, gross in checked.foreign.items()},
        "rounding": f"{checked.rounding:f}",
        "sums": list(_sums_as_json(checked)),
        "rules": dict(checked.rules),
        "rejected": [
            {
                "sheet": row.sheet,
                "row": row.row,
                "column": row.column,
                "outcome": row.outcome,
                "reasons": row.reasons,
            }
            for row in checked.refused_rows
        ],
        "control_totals": asdict(checked.findings.control_totals),
        "warnings": [{"warning": text, "fix": fix} for text, fix in checked.findings.fixes.items()],
        "live": _live_as_json(checked.live),
        "holds": [{"reason": text, "fix": fix} for text, fix in checked.holds.items()],
        "conditions": [{"reason": text, "fix": fix} for text, fix in checked.conditions.items()],
    }


def _column_as_json(column: HeaderColumn) -> dict[str, Any]:
    document: dict[str, Any] = {"name": column.name, "fields": list(column.fields)}
    if column.values:
        document["values"] = dict(column.values)
    if column.keys:
        document["keys"] = list(column.keys)
    return document


def _count_as_json(count: Count) -> Mapping[str, Any]:
    return {
        "rows": count.rows,
        "net": plain_money(count.amount),
        "gross": plain_money(count.absolute),
        "unpriced": count.unpriced,
    }


def _sums_as_json(checked: FileCheck) -> Iterator[dict[str, Any]]:
    for (scenario, period), count in sorted(checked.sums.items()):
        if count.rows:
            yield {"scenario": scenario, "period": period, "rows": count.rows, "amount": plain_money(count.amount)}
