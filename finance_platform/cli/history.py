"""The command `history`: who decided what, when, why, and about how much money.

Belongs here: arguments, columns. Does not belong here: the rows (see `reports.history`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

import click

from finance_platform.cli.console import echo
from finance_platform.cli.exports import export_options, export_rows, require_output
from finance_platform.cli.options import EXIT_OK, TABLE_ROWS, home_option, object_key, require_raw_zone, with_exit_code
from finance_platform.cli.usage_errors import DAY, PERIOD
from finance_platform.settings import load_settings

_PROPOSAL = "proposal"
"""The column that says what became of a proposal; it changes later, so it is in no table of the warehouse."""


@click.command()
@home_option
@click.option("--period", type=PERIOD, help="Only decisions about this period, or files with lines in it.")
@click.option("--file", "file", metavar="FILE", help="Only decisions about this file.")
@click.option("--who", metavar="NAME", help="Only decisions that this person made or prepared.")
@click.option("--since", type=DAY, help="Decisions of this day (UTC) or later.")
@export_options
@with_exit_code
def history(
    home: Path | None,
    period: str | None,
    file: str | None,
    who: str | None,
    since: datetime | None,
    output_format: str,
    output: Path | None,
) -> int:
    """List every accept, withdraw, close and reopen: who, when, why, and about how much money."""
    from finance_platform.bootstrap import open_warehouse, processed_zone
    from finance_platform.contracts.star import DECISION_AMOUNT
    from finance_platform.deliveries.commits import read_commits, read_retired
    from finance_platform.deliveries.register import Register
    from finance_platform.deliveries.scans import require_whole_register
    from finance_platform.refresh.proposals import read_outcomes
    from finance_platform.reports.history import HistoryFilter, decisions_in, rows_of

    require_output(output_format, output)
    settings = require_raw_zone(load_settings(home=home))
    wanted = HistoryFilter(period, object_key(settings, file) if file else None, who, since)
    processed = processed_zone(settings)
    require_whole_register(processed)
    commits = {**read_retired(processed), **read_commits(processed)}
    events = Register(processed).events()
    decisions = [one for one in decisions_in(events, commits) if wanted.selects(one)]
    has_proposal = any(one.is_proposal for one in decisions)
    proposals = read_outcomes(processed, open_warehouse(settings), events) if has_proposal else {}
    is_table = output_format == "table"
    if not decisions:
        echo("There is no decision that these options select.", err=not is_table)
    if is_table and decisions:
        shown = [
            _for_a_table(list(rows_of(one, settings.currency)), settings.currency, proposals.get(one.number, ""))
            for one in decisions[-TABLE_ROWS:]
        ]
        export_rows("Decisions", list(shown[0]), [list(row.values()) for row in shown], output_format, output)
        if len(shown) < len(decisions):
            echo(f"{len(decisions) - len(shown)} earlier ones; --format csv, json or xlsx lists all", err=True)
    elif not is_table:
        rows = [
            {**row, _PROPOSAL: proposals.get(decision.number)}
            for decision in decisions
            for row in rows_of(decision, settings.currency)
        ]
        columns = [*DECISION_AMOUNT.column_names, _PROPOSAL]
        export_rows("Decisions", columns, [[row[name] for name in columns] for row in rows], output_format, output)
    return EXIT_OK


def _for_a_table(rows: Sequence[Mapping[str, object]], currency: str, proposal: str) -> dict[str, object]:
    """Return a decision on one line; what was proposed, and by whom it is known, are part of other columns.

    Args:
        rows: those of the decision, which differ in their amounts.
        currency: of the home, which amounts do not name.
        proposal: what became of it, if it is a proposal.
    """
    row = rows[0]
    action = f"proposed: {row['action']}" if row["is_proposal"] else row["action"]
    who = f"{row['decided_by']} (unverified)" if row["identified_by"] == "unverified" else row["decided_by"]
    who = f"{who}, prepared by {row['prepared_by']}" if row["prepared_by"] else who
    action = f"{action} as the opening of {row['opening_of']}" if row["opening_of"] else action
    action = f"{action}, late lines of {row['late_periods']}" if row["late_periods"] else action
    action = f"{action}, booked in {row['booked_in']}" if row["booked_in"] else action
    action = f"{action} ({proposal})" if proposal else action
    at = row["decided_at"]
    return {
        "decided_at": f"{at:%Y-%m-%dT%H:%M:%SZ}" if isinstance(at, datetime) else at,
        "action": action,
        "subject": row["object_key"] or row["period"],
        "decided_by": who,
        "reason": row["reason"],
        "net amounts": _amounts(rows, currency),
    }


def _amounts(rows: Sequence[Mapping[str, object]], currency: str) -> str:
    from finance_platform.reports.history import amounts_in_words

    amounts = ((row["scenario_name"], row["account_type"], row["unit"], row["net_amount"]) for row in rows)
    return amounts_in_words(amounts, currency)
