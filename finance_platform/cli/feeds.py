"""The commands about feeds: feed list, feed check, feed draft. None of them writes anything or needs Spark.

Belongs here: arguments, exit codes. Does not belong here: use cases (see `refresh`, `feeds.draft`), output (see
`feed_output`).
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from finance_platform.cli.console import echo_raw, open_console
from finance_platform.cli.options import (
    EXIT_ATTENTION,
    EXIT_OK,
    format_option,
    home_option,
    json_option,
    with_exit_code,
)
from finance_platform.errors import UnreadableDeliveryError
from finance_platform.safe_text import quote_name
from finance_platform.settings import load_settings

if TYPE_CHECKING:
    from finance_platform.refresh.file_check.feed_match import MatchedFile


@click.group()
def feed() -> None:
    """Feeds: list them, check a file against its descriptor, draft a descriptor for a new file."""


@feed.command("list")
@home_option
@format_option
@with_exit_code
def list_feeds(home: Path | None, output_format: str) -> int:
    """List the feeds with their paths, their files in the raw zone and the last delivery; and broken descriptors."""
    from finance_platform.bootstrap import processed_zone, raw_zone
    from finance_platform.cli import feed_output
    from finance_platform.feeds.feed_set import load_feed_set
    from finance_platform.refresh.file_check.feed_list import list_feeds

    settings = load_settings(home=home)
    feeds = load_feed_set(settings.feeds_path)
    listing = list_feeds(raw_zone(settings), processed_zone(settings), feeds)
    feed_output.print_feeds(open_console(), listing, output_format)
    return EXIT_ATTENTION if listing.problems else EXIT_OK


@feed.command()
@home_option
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--descriptor",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Read the file by this descriptor, whatever its path.",
)
@json_option
@with_exit_code
def check(home: Path | None, file: Path, descriptor: Path | None, as_json: bool) -> int:
    """Show what a run would make of a file, in the raw zone or anywhere else; nothing is written."""
    from finance_platform.bootstrap import processed_zone
    from finance_platform.cli import feed_output
    from finance_platform.refresh.file_check.feed_check import check_file

    settings = load_settings(home=home)
    matched = _match(home, file, descriptor)
    checked = None
    if matched.feed is not None:
        checked = check_file(matched.store, matched.object_key, matched.feed, settings, processed_zone(settings))
        if not matched.is_in_raw_zone:
            of_key, of_path = (f"feed draft {quote_name(name)}" for name in (matched.object_key, str(file)))
            checked.fix = checked.fix.replace(of_key, of_path)
    feed_output.print_check(open_console(), matched, checked, as_json=as_json)
    return EXIT_OK if checked is not None and checked.is_fine and not matched.remark else EXIT_ATTENTION


@feed.command()
@home_option
@click.argument("file", type=click.Path(path_type=Path))
@with_exit_code
def draft(home: Path | None, file: Path) -> int:
    """Print a descriptor for a new kind of file, with comments on what was guessed and what a person must decide."""
    from finance_platform.feeds.draft import draft_descriptor

    settings = load_settings(home=home)
    matched = _match(home, file, None)
    with matched.store.local_copy(matched.object_key) as copy:
        echo_raw(draft_descriptor(copy.open, matched.object_key, settings.currency, settings.fiscal_year_start_month))
    return EXIT_OK


def _match(home: Path | None, file: Path, descriptor: Path | None) -> MatchedFile:
    """Return a file and its feed.

    Raises:
        UnreadableDeliveryError: the file does not exist.
    """
    from finance_platform.bootstrap import raw_zone
    from finance_platform.feeds.feed_set import load_feed_set
    from finance_platform.feeds.values.codes import closest_match
    from finance_platform.refresh.file_check.feed_match import match_file

    settings = load_settings(home=home)
    if file.is_dir():
        raise UnreadableDeliveryError(f"{quote_name(str(file))} is a folder", fix="give one of the files in it")
    matched = match_file(file, raw_zone(settings), settings, load_feed_set(settings.feeds_path), descriptor)
    if matched is None:
        name = quote_name(str(file))
        closest = closest_match(str(file), [item.key for item in raw_zone(settings).list_objects()])
        raise UnreadableDeliveryError(
            f"{name} is neither a file nor a key of the raw zone {settings.raw_root}",
            fix=f"did you mean {quote_name(closest)}?" if closest else "check the path",
        )
    return matched
