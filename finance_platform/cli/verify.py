"""The command `verify`: whether anything was changed behind the platform's back.

Belongs here: arguments, progress, output. Does not belong here: what is compared (see `refresh.verification.verify`).
"""

from __future__ import annotations

import sys
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from finance_platform.cli.console import echo, open_console
from finance_platform.cli.options import (
    EXIT_ATTENTION,
    EXIT_OK,
    format_option,
    home_option,
    read_snapshot,
    require_raw_zone,
    with_exit_code,
)
from finance_platform.cli.usage_errors import PeriodType
from finance_platform.count_text import pluralize
from finance_platform.safe_text import printable_line
from finance_platform.settings import Settings, load_settings

if TYPE_CHECKING:
    from finance_platform.deliveries.event_chain import Head
    from finance_platform.refresh.verification.verify import Progress, Verification
    from finance_platform.refresh.verification.verify_records import OpenTables

_COLUMNS = ("part", "subject", "finding")
_PROGRESS_SECONDS = 2.0


class _PeriodOrPackType(PeriodType):
    """A period, or the path of an audit pack."""

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the value; what is neither is wrong use."""
        return value if _is_file(value) else super().convert(value, param, ctx)


def _is_file(value: str) -> bool:
    """Return whether a path is meant, also one of an archive that was renamed or does not exist; a period is none."""
    from finance_platform.feeds.values.dates import is_valid_period

    return value.lower().endswith(".zip") or (not is_valid_period(value) and Path(value).is_file())


@click.command()
@home_option
@click.argument("period", type=_PeriodOrPackType(), required=False, metavar="[PERIOD|FILE.zip]")
@click.option(
    "--head",
    "kept",
    metavar="NUMBER:HASH",
    help="Check that the register still has this head, which was kept elsewhere.",
)
@click.option("--print-head", is_flag=True, help="Print the register's head, to keep it elsewhere, and verify nothing.")
@format_option
@with_exit_code
def verify(home: Path | None, period: str | None, kept: str | None, print_head: bool, output_format: str) -> int:
    """Compare register, raw files, lines and published cells, or the members of an audit pack; name what changed."""
    from finance_platform.bootstrap import open_warehouse, processed_zone, raw_zone
    from finance_platform.cli import rendering
    from finance_platform.deliveries.register import Register
    from finance_platform.refresh.verification.verify import Verifier

    if period is not None and _is_file(period):
        return _verify_pack(Path(period), kept, output_format)
    settings = require_raw_zone(load_settings(home=home))
    processed = processed_zone(settings)
    if print_head:
        echo(str(Register(processed).head()))
        return EXIT_OK
    heads = [(_parse(kept), "the head given to --head")] if kept else []
    verifier = Verifier(
        raw_zone(settings),
        processed,
        open_warehouse(settings),
        period,
        heads,
        partial(_open_tables, settings) if settings.open_tables else None,
        settings,
        _progress(),
    )
    result = verifier.verify()
    rows = [(one.part, one.subject, one.why) for one in result.findings]
    if output_format == "table":
        _print_parts(result)
    if result.not_compared:
        echo(f"{result.not_compared}.", err=True)
    if rows or output_format != "table":
        rendering.print_rows(open_console(), _COLUMNS, rows, output_format)
    return EXIT_ATTENTION if rows else EXIT_OK


def _open_tables(settings: Settings) -> OpenTables:
    """Return the open tables as the next run would leave them, and of the versions that are published.

    Raises:
        FinancePlatformError: what they follow from is damaged.
    """
    from finance_platform.bootstrap import delta_options, open_warehouse, processed_zone
    from finance_platform.data_catalog.open_tables import open_tables
    from finance_platform.refresh.verification.verify_records import OpenTables
    from finance_platform.slices.published import published_snapshot
    from finance_platform.warehouse.ledger import published_versions

    snapshot = read_snapshot(settings)
    published = published_snapshot(processed_zone(settings), snapshot, published_versions(open_warehouse(settings)))
    return OpenTables([*open_tables(snapshot), *open_tables(published)], delta_options(settings))


def _verify_pack(path: Path, kept: str | None, output_format: str) -> int:
    from finance_platform.cli import rendering
    from finance_platform.refresh.verification.verify_audit_pack import verify_audit_pack

    if not path.is_file():
        raise click.BadParameter(f"{str(path)!r} is not a file", param_hint="FILE.zip")
    heads = [(_parse(kept), "the head given to --head")] if kept else []
    result = verify_audit_pack(path, heads)
    rows = [(one.subject, one.why) for one in result.findings]
    if output_format == "table" and result.head is not None:
        outcome = "as they were written" if not rows else pluralize(len(rows), "finding")
        echo(f"Audit pack of {printable_line(result.title)}: {result.members:,} members, {outcome}")
        echo(f"Head of the register up to the close, to compare with one that was kept: {result.head}")
        echo(f"SHA-256 of the archive, to compare with the one that `report --audit` printed: {result.sha256}")
    if rows or output_format != "table":
        rendering.print_rows(open_console(), ("member", "finding"), rows, output_format)
    return EXIT_ATTENTION if rows else EXIT_OK


def _parse(kept: str) -> Head:
    from finance_platform.deliveries.event_chain import parse_head

    head = parse_head(kept)
    if head is None:
        raise click.BadParameter(
            "expected a number, a colon and 64 hexadecimal digits, as `verify --print-head` prints", param_hint="--head"
        )
    return head


def _print_parts(result: Verification) -> None:
    for part in result.parts:
        found = len(part.findings)
        outcome = "as the platform left them" if not found else pluralize(found, "finding")
        if part.left_out:
            outcome = f"{f'{outcome}, ' if found else ''}not compared: {part.left_out}"
        echo(f"{part.name}: {part.checked}, {outcome}")
    echo(f"Head of the register, to keep elsewhere and give to --head later: {result.head}")


def _progress() -> Progress:
    """Return a function that prints a line every few seconds, on a terminal."""
    last = time.monotonic()

    def show(part: str, done: int, of: int) -> None:
        nonlocal last
        if sys.stderr.isatty() and time.monotonic() - last >= _PROGRESS_SECONDS:
            last = time.monotonic()
            echo(f"{part}: {done:,}{f' of {of:,}' if of else ''} …", err=True)

    return show
