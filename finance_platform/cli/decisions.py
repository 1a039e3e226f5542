"""The commands by which people decide: accept, withdraw, close, reopen; and vacuum, which removes for good.

Belongs here: arguments, who decides, the lock under which it happens. Does not belong here: what may be decided (see
`lake.decisions`), what may be removed (see `lake.retention`).
"""

from __future__ import annotations

import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from finance_platform.cli.options import (
    EXIT_FINE,
    console,
    existing,
    explained,
    home_option,
    json_option,
    object_key,
    snapshot,
)
from finance_platform.settings import Settings, load_settings

if TYPE_CHECKING:
    from finance_platform.deliveries.decisions import Author
    from finance_platform.storage.port import ObjectStore

why_option = click.option("--why", required=True, metavar="TEXT", help="Why; the register keeps it with your name.")


@click.command()
@home_option
@click.argument("key")
@why_option
@explained
def accept(home: Path | None, key: str, why: str) -> int:
    """Let the held delivery of a raw object count from the next run on."""
    from finance_platform.deliveries import decisions

    settings = existing(load_settings(home=home))
    with _deciding(settings) as processed:
        decided = decisions.accept(processed, object_key(settings, key), _author(why))
    return _said(f"{decided.object_key} is accepted", settings)


@click.command()
@home_option
@click.option("--undo", is_flag=True, help="Take back a withdrawal.")
@click.argument("key")
@why_option
@explained
def withdraw(home: Path | None, undo: bool, key: str, why: str) -> int:
    """Take out what a raw object says, or drop its held delivery, from the next run on."""
    from finance_platform.deliveries import decisions

    settings = existing(load_settings(home=home))
    with _deciding(settings) as processed:
        name, holds = object_key(settings, key), settings.holds_closed_periods
        if undo:
            decisions.reinstate(processed, name, _author(why), holds_closed_periods=holds)
        else:
            decisions.withdraw(processed, name, _author(why), holds_closed_periods=holds)
    return _said(f"{name} {'is no longer withdrawn' if undo else 'is withdrawn'}", settings)


@click.command()
@home_option
@click.argument("period")
@why_option
@explained
def close(home: Path | None, period: str, why: str) -> int:
    """Close a period: what changes it from then on is a restatement."""
    from finance_platform.bootstrap import open_warehouse
    from finance_platform.deliveries import decisions
    from finance_platform.warehouse.ledger import published_versions

    settings = existing(load_settings(home=home))
    with _deciding(settings) as processed:
        wanted = {w.slice: w.version for w in snapshot(settings).wanted if w.table == "fact_financials"}
        there = published_versions(open_warehouse(settings))
        versions = {name: version for (table, name), version in there.items() if table == "fact_financials"}
        decisions.close(processed, period, _author(why), wanted=wanted, published=versions)
    click.echo(f"{period} is closed.")
    return EXIT_FINE


@click.command()
@home_option
@click.argument("period")
@why_option
@explained
def reopen(home: Path | None, period: str, why: str) -> int:
    """Open a closed period again."""
    from finance_platform.deliveries import decisions

    settings = existing(load_settings(home=home))
    with _deciding(settings) as processed:
        decisions.reopen(processed, period, _author(why))
    return _said(f"{period} is open again", settings)


@click.command()
@home_option
@click.option("--yes", "is_meant", is_flag=True, help="Remove it; without, it is listed and stays.")
@json_option
@explained
def vacuum(home: Path | None, is_meant: bool, as_json: bool) -> int:
    """List, or with --yes remove, what was replaced longer ago than the retention and nothing needs."""
    from finance_platform.bootstrap import home_lock, jobs_lock, open_warehouse, processed_zone
    from finance_platform.cli.vacuum_output import print_vacuum
    from finance_platform.slices.retention import find_expired, remove
    from finance_platform.warehouse.ledger import published_versions

    settings = existing(load_settings(home=home))
    processed, days = processed_zone(settings), settings.retention_days
    with home_lock(settings), jobs_lock(settings):
        there = published_versions(open_warehouse(settings))
        found = find_expired(processed, snapshot(settings), there, now=datetime.now(UTC), retention_days=days)
        if is_meant:
            remove(processed, found)
    print_vacuum(console(), found, retention_days=days, is_removed=is_meant, as_json=as_json)
    return EXIT_FINE


@contextmanager
def _deciding(settings: Settings) -> Iterator[ObjectStore]:
    """Give the processed zone while no run is at work in it."""
    from finance_platform.bootstrap import home_lock, processed_zone

    with home_lock(settings):
        yield processed_zone(settings)


def _author(why: str) -> Author:
    from finance_platform.deliveries.decisions import Author

    if not why.strip():
        raise click.BadParameter("say why; the register keeps it", param_hint="--why")
    return Author(getpass.getuser(), " ".join(why.split()), datetime.now(UTC))


def _said(what: str, settings: Settings) -> int:
    click.echo(f"{what}. `finance-platform run --home {settings.home}` publishes what follows.")
    return EXIT_FINE
