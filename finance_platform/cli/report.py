"""The command `report`: the report pack as files that anybody can open.

Belongs here: arguments, and where the file goes. Does not belong here: figures and pages (see `reports.pack`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import click

from finance_platform.cli.as_of import as_of_option, attributes_option, shown_state
from finance_platform.cli.console import echo
from finance_platform.cli.options import EXIT_ATTENTION, EXIT_OK, home_option, with_exit_code
from finance_platform.cli.usage_errors import PERIOD
from finance_platform.errors import DiskError, ReportFolderError, WorkbookSizeError
from finance_platform.safe_text import printable_line, quote_name
from finance_platform.settings import Settings, load_settings

_MEGABYTES_FROM = 100_000
"""Bytes from which a size is said in megabytes."""


@click.command()
@home_option
@click.option("--period", type=PERIOD, help="The period; default: the last complete one.")
@click.option("--reference", metavar="SCENARIO", default="", help="What to compare with, or `Prior Year`.")
@click.option("--unit", metavar="NAME", default="", help="Only this business unit; the file has nothing of another.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="The folder; default: HOME/reports.")
@as_of_option
@attributes_option
@click.option(
    "--audit", metavar="PERIOD", default="", help="Write the audit pack of a close instead: 2025-03, or 2025-03#1."
)
@click.option("--open", "is_opened", is_flag=True, help="Open it in the browser.")
@with_exit_code
def report(
    home: Path | None,
    period: str | None,
    reference: str,
    unit: str,
    out: Path | None,
    as_of: str,
    attributes: str,
    audit: str,
    is_opened: bool,
) -> int:
    """Write the report pack of what is published: an HTML file that needs no network, and a workbook."""
    from finance_platform.bootstrap import open_home, processed_zone, reports_folder
    from finance_platform.refresh.report_pack import read_figures, read_published_pack, with_gates, write_report_pack
    from finance_platform.reports.pack.file_names import pack_file
    from finance_platform.reports.pack.model import PackSelection
    from finance_platform.storage.factory import open_store

    settings, period = load_settings(home=home), period or ""
    if audit:
        if period or reference or unit or as_of or is_opened or attributes != "as-was":
            raise click.UsageError("with --audit, only --out is allowed")
        return _write_audit_pack(settings, audit, out)
    with shown_state(settings, as_of, attributes) as shown:
        pack = read_published_pack(
            processed_zone(settings),
            shown.warehouse,
            settings,
            PackSelection(period, reference, unit),
            state=shown.state,
        )
        if not as_of:
            pack = with_gates(pack, open_home(settings), at=datetime.now(UTC))
        figures = read_figures(shown.warehouse, pack)
    reports = open_store(str(out.expanduser().absolute())) if out else reports_folder(settings)
    name = pack_file(period, reference, unit, as_of, "" if attributes == "as-was" else attributes)
    with _writing_reports():
        written = write_report_pack(pack, figures, reports, at=datetime.now(UTC), name=name)
    choice = pack.choice
    against = f" against {printable_line(choice.reference)}" if choice.reference else ""
    of_unit = f", {printable_line(choice.unit)} only" if choice.unit else ""
    subject = f"{printable_line(choice.scenario)} of {choice.period}" if choice.period else "an empty warehouse"
    state = " PRELIMINARY." if pack.is_preliminary else ""
    echo(f"Wrote {quote_name(written.uri)}: {subject}{against}{of_unit}, {_size(written.size)}.{state}")
    if is_opened:
        click.launch(written.uri)
    if isinstance(written.workbook, WorkbookSizeError):
        # The page is complete and can be sent: this is no error of the command, but no success without a look either.
        echo(str(written.workbook), err=True)
        return EXIT_ATTENTION
    echo(f"Wrote {quote_name(written.workbook.uri)}, {_size(written.workbook.size)}.")
    return EXIT_OK


@contextmanager
def _writing_reports() -> Iterator[None]:
    """Name the option that chooses the folder, where that cannot be written: a home may be read-only on purpose."""
    try:
        yield
    except DiskError as error:
        raise ReportFolderError(error.found, fix="give a folder that you may write to, with --out DIR") from error


def _size(size: int) -> str:
    """Return a number of bytes as people say it: `17 kB`, `0.9 MB`."""
    return f"{size / 1_000_000:.1f} MB" if size >= _MEGABYTES_FROM else f"{size / 1_000:.0f} kB"


def _write_audit_pack(settings: Settings, audit: str, out: Path | None) -> int:
    from finance_platform.bootstrap import open_warehouse, processed_zone, reports_folder
    from finance_platform.refresh.audit_pack import audit_pack
    from finance_platform.storage.factory import open_store

    with shown_state(settings, f"close:{audit.strip()}") as shown:
        if shown.state is None:
            raise click.UsageError(f"{audit!r} is no close")
        content = audit_pack(processed_zone(settings), open_warehouse(settings), shown.warehouse, settings, shown.state)
    reports = open_store(str(out.expanduser().absolute())) if out else reports_folder(settings)
    name = f"audit_pack_{audit.strip().replace('#', '_')}.zip"
    with _writing_reports():
        reports.write(name, content)
    echo(f"Wrote {quote_name(reports.uri(name))}, {len(content) / 1_000_000:.1f} MB.")
    echo(f"SHA-256 of the archive, to be kept elsewhere: {hashlib.sha256(content).hexdigest()}")
    echo("`finance-platform verify FILE` compares what is in it, also without the home.")
    return EXIT_OK
