"""The commands that record a person's decision about a file or a period: accept, withdraw, reopen.

Belongs here: arguments, the lock. Does not belong here: who decides (see `author`), closing a period (see `close`),
which decisions are allowed (see `deliveries.decisions`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from finance_platform.cli.console import SafeConsole, echo, open_console
from finance_platform.cli.options import (
    EXIT_ATTENTION,
    EXIT_OK,
    format_option,
    home_option,
    object_key,
    require_raw_zone,
    with_exit_code,
)
from finance_platform.cli.rendering import print_rows
from finance_platform.cli.usage_errors import PERIOD
from finance_platform.errors import DecisionError, LockedError, PreviewError
from finance_platform.money_text import grouped_money
from finance_platform.safe_text import quote_name
from finance_platform.settings import Settings, load_settings

if TYPE_CHECKING:
    from finance_platform.deliveries.approvals import Author
    from finance_platform.deliveries.effects_on_files import EffectOnFile
    from finance_platform.deliveries.events import DecisionProposed, DecisionRecorded, PeriodStatusChanged
    from finance_platform.deliveries.previews import PreviewRow
    from finance_platform.storage.port import ObjectStore

late_period_option = click.option(
    "--period",
    "periods",
    type=PERIOD,
    multiple=True,
    help="Of late lines, only those of this period; may be repeated.",
)
why_option = click.option("--why", required=True, metavar="TEXT", help="The reason, recorded with your name.")


@click.command()
@home_option
@click.argument("key", metavar="FILE")
@click.option("--why", metavar="TEXT", default="", help="The reason, recorded with your name; needed to accept.")
@click.option("--dry-run", "is_dry_run", is_flag=True, help="Show what would move, and change nothing.")
@click.option(
    "--in-next-open-period",
    "is_booked_later",
    is_flag=True,
    help="Leave closed periods as they are, and book what would change them in the first period after the last one.",
)
@late_period_option
@format_option
@with_exit_code
def accept(
    home: Path | None,
    key: str,
    why: str,
    *,
    is_dry_run: bool,
    is_booked_later: bool,
    periods: tuple[str, ...],
    output_format: str,
) -> int:
    """Accept the held delivery of a raw object, or its late lines; the next run publishes it."""
    from finance_platform.bootstrap import raw_zone
    from finance_platform.deliveries import decisions
    from finance_platform.deliveries.decision_errors import require_judged_content
    from finance_platform.deliveries.previews import preview_acceptance, preview_booking, preview_effects_on_files
    from finance_platform.deliveries.verdicts.repeated_lines import find_files_counted_twice

    settings = require_raw_zone(load_settings(home=home))
    author = None if is_dry_run else new_author(settings, why)
    with locked_processed_zone(settings, is_dry_run=is_dry_run) as processed:
        key = object_key(settings, key)
        require_judged_content(raw_zone(settings), processed, key)
        if author is None:
            preview = (preview_booking if is_booked_later else preview_acceptance)(processed, key, periods)
            options = f"{'--in-next-open-period ' if is_booked_later else ''}{quote_name(key)}"
            of_files: Sequence[EffectOnFile] = ()
            if output_format == "table":
                of_files = preview_effects_on_files(processed, key, periods, is_booked_later=is_booked_later)
            holds = settings.holds_closed_periods
            _print_preview(open_console(), options, preview, of_files, output_format, holds_closed_periods=holds)
            return EXIT_OK
        decision = (decisions.book if is_booked_later else decisions.accept)(processed, key, author, periods)
        repeating = find_files_counted_twice(processed, key)
    effect = f"is accepted{f', and booked in {decision.booked_in}' if decision.booked_in else ''}"
    outcome = report_decision(decision, quote_name(key), effect, settings)
    _print_counted_twice(repeating)
    return outcome


def _print_counted_twice(files: Sequence[str]) -> None:
    """Print which files have the same lines as the one about which a person has decided."""
    if files:
        names = ", ".join(map(quote_name, files))
        echo(f"Some of its lines are in {names} too and count twice; `withdraw` takes one of the files out.")


def _print_preview(
    console: SafeConsole,
    subject: str,
    rows: Sequence[PreviewRow],
    of_files: Sequence[EffectOnFile],
    output_format: str,
    *,
    holds_closed_periods: bool,
) -> None:
    """Print what an acceptance would move; for people also the effect on profit, closed periods apart."""
    from finance_platform.deliveries.previews import profit_effects

    columns = ("scenario", "period", "closed", "account type", "amount", "gross", "profit effect")
    cells = [
        (one.scenario, one.period, one.is_closed, one.account_type, one.amount, one.gross, one.profit_effect)
        for one in rows
    ]
    print_rows(console, columns, cells, output_format, is_listing=True)
    if output_format != "table":
        return
    retyped = [one for one in of_files if one.is_retyped and not (one.is_closed and holds_closed_periods)]
    for of_closed, where in ((True, "closed periods"), (False, "all periods")):
        by_scenario = profit_effects([*rows, *retyped], of_closed=of_closed)
        effects = ", ".join(f"{name} {grouped_money(effect)}" for name, effect in by_scenario.items())
        console.print(f"Effect on profit in {where}: {effects or 'none'}", soft_wrap=True)
    _print_effects_on_files(console, of_files)
    if any(one.is_retyped and one.is_closed for one in of_files) and holds_closed_periods:
        console.print("In closed periods, accounts keep their types until these are reopened.", soft_wrap=True)
    command = f"`finance-platform accept {subject} --why TEXT`"
    console.print(f"Nothing is decided: {command} publishes this with the next run.", soft_wrap=True)


def _print_effects_on_files(console: SafeConsole, of_files: Sequence[EffectOnFile]) -> None:
    """Print what an acceptance would change in lines of other files; nothing if it changes none."""
    if not of_files:
        return
    console.print("Lines of other files that change:")
    columns = ("file", "scenario", "closed", "periods", "change", "lines", "amount now", "amount then", "profit effect")
    cells = [
        (
            *(quote_name(one.object_key), one.scenario, one.is_closed, _span(one.periods), one.change, one.lines),
            *(one.before, one.after, one.profit_effect),
        )
        for one in of_files
    ]
    print_rows(console, columns, cells, "table", is_listing=True)


def _span(periods: Sequence[str]) -> str:
    """Return periods as their first and last one."""
    return periods[0] if len(periods) == 1 else f"{periods[0]} … {periods[-1]} ({len(periods)})"


@click.command()
@home_option
@click.option("--undo", is_flag=True, help="Reverse a withdrawal.")
@click.option(
    "--late-lines", "is_of_late_lines", is_flag=True, help="Only the lines that wait; the others of the file count."
)
@late_period_option
@click.argument("key", metavar="FILE")
@why_option
@with_exit_code
def withdraw(
    home: Path | None, undo: bool, key: str, why: str, *, is_of_late_lines: bool, periods: tuple[str, ...]
) -> int:
    """Remove the lines of a raw object, or drop its held delivery; the next run publishes the rest."""
    from finance_platform.deliveries import decisions
    from finance_platform.deliveries.current_state import read_whole_state
    from finance_platform.deliveries.events import DecisionRecorded
    from finance_platform.deliveries.verdicts.repeated_lines import find_files_counted_twice

    if periods and not is_of_late_lines:
        raise click.UsageError("--period is only for late lines: add --late-lines, or leave --period out")
    settings = require_raw_zone(load_settings(home=home))
    with locked_processed_zone(settings) as processed:
        key, holds_closed_periods = object_key(settings, key), settings.holds_closed_periods
        author = new_author(settings, why)
        if is_of_late_lines:
            of_late_lines = decisions.reinstate_late_lines if undo else decisions.withdraw_late_lines
            decision = of_late_lines(processed, key, author, periods)
        else:
            apply = decisions.reinstate if undo else decisions.withdraw
            decision = apply(processed, key, author, holds_closed_periods=holds_closed_periods)
        repeating = find_files_counted_twice(processed, key) if undo else []
        is_recorded = isinstance(decision, DecisionRecorded)
        is_of_one_version = isinstance(decision, DecisionRecorded) and decision.keeps_earlier and not undo
        still_counts = is_of_one_version and key in {one.event.object_key for one in read_whole_state(processed).live}
    subject = f"{quote_name(key)}, late lines," if is_of_late_lines else quote_name(key)
    outcome = report_decision(decision, subject, "is no longer withdrawn" if undo else "is withdrawn", settings)
    if still_counts:
        echo("The version of the file before it counts; the same command, given again, takes that one out too.")
    if is_recorded and not (undo or is_of_late_lines):
        echo("After a change of the file, or of how its descriptor reads it, a run judges it as a new one.")
    _print_counted_twice(repeating)
    return outcome


@click.command()
@home_option
@click.argument("period", type=PERIOD)
@why_option
@with_exit_code
def reopen(home: Path | None, period: str, why: str) -> int:
    """Reopen a closed period."""
    from finance_platform.bootstrap import open_home
    from finance_platform.deliveries import period_decisions
    from finance_platform.deliveries.events import DecisionProposed
    from finance_platform.refresh.reopen import reopen_period, show_as_open

    settings = require_raw_zone(load_settings(home=home))
    with locked_processed_zone(settings) as processed:
        decision = reopen_period(processed, period, new_author(settings, why))
        freed = period_decisions.held_until_reopened(processed, period)
        is_open = not isinstance(decision, DecisionProposed)
        shown_as_closed = show_as_open(replace(open_home(settings), processed=processed), period) if is_open else ""
    outcome = report_decision(decision, period, "is open again", settings)
    if shown_as_closed:
        echo(f"Until then, reports show {period} as closed: {shown_as_closed}.")
    if freed:
        names = ", ".join(quote_name(name) for name in freed)
        echo(f"It also judges again what waited because {period} was closed: {names}. `withdraw` drops it before that.")
    return outcome


@contextmanager
def locked_processed_zone(settings: Settings, *, is_dry_run: bool = False) -> Iterator[ObjectStore]:
    """Yield the processed zone, with the home locked against runs; a dry run has nothing to record, and says so.

    Raises:
        LockedError: a run, or the command of another person, holds the lock.
        PreviewError: the decision that a dry run shows would be refused.
    """
    from finance_platform.bootstrap import home_lock, processed_zone

    outcome = "the dry run has shown nothing" if is_dry_run else "the decision was not recorded"

    with ExitStack() as stack:
        try:
            stack.enter_context(home_lock(settings))
        except LockedError as error:
            raise LockedError(
                f"{error.found}; {outcome}",
                fix="give the command again when that has ended; a run may have judged the file again by then",
            ) from None
        try:
            yield processed_zone(settings)
        except DecisionError as error:
            if not is_dry_run:
                raise
            raise PreviewError(error.found, fix=error.fix) from None


def new_author(settings: Settings, why: str) -> Author:
    """Return who decides, now, and why.

    Raises:
        click.BadParameter: the reason is blank.
    """
    from finance_platform.cli.author import identify_author

    if not why.strip():
        raise click.BadParameter("give a reason; the register keeps it", param_hint="--why")
    return identify_author(settings, " ".join(why.split()))


def report_decision(
    decision: DecisionRecorded | PeriodStatusChanged | DecisionProposed,
    subject: str,
    effect: str,
    settings: Settings,
    *,
    is_published: bool = False,
) -> int:
    """Print what was decided, or proposed, and the next command; a proposal needs a second person."""
    from finance_platform.bootstrap import processed_zone
    from finance_platform.deliveries.events import DecisionProposed
    from finance_platform.deliveries.proposals import command_of, explain_ended
    from finance_platform.deliveries.register import Register

    if isinstance(decision, DecisionProposed):
        echo(
            f"{subject.rstrip(',')}: {decision.who} has proposed that it {effect}. Two people have to agree: until "
            f"another person gives `{command_of(decision)}`, nothing changes."
        )
        if ended := explain_ended(Register(processed_zone(settings)).events(), decision):
            echo(ended)
        return EXIT_ATTENTION
    if is_published:
        echo(f"{subject} {effect}.")
    else:
        echo(f"{subject} {effect}. `finance-platform run` publishes the change.")
    return EXIT_OK
