"""The option `--as-of`: a command on what was signed or published then, instead of what is published now.

Belongs here: the option, and the warehouse that a command reads. Does not belong here: finding and loading the state
(see `refresh.as_of`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, NamedTuple

import click

from finance_platform.cli.console import echo

if TYPE_CHECKING:
    from finance_platform.refresh.as_of import PublishedState
    from finance_platform.settings import Settings
    from finance_platform.warehouse.port import Warehouse

as_of_option = click.option(
    "--as-of",
    metavar="STATE",
    default="",
    help="As signed, close:2025-03 or close:2025-03#1, or as published then, 2025-04-30T18:00Z.",
)


class ShownState(NamedTuple):
    """The state that a command reads: a warehouse that has it, and what it is; None for what is published now."""

    warehouse: Warehouse
    state: PublishedState | None = None


@contextmanager
def shown_state(settings: Settings, as_of: str) -> Iterator[ShownState]:
    """Yield the state that `--as-of` names, or what is published now.

    Raises:
        AsOfError: there is no such state, or it is no longer kept.
    """
    from finance_platform.bootstrap import embedded_warehouse, open_warehouse, processed_zone

    published = open_warehouse(settings)
    if not as_of:
        yield ShownState(published)
        return
    from finance_platform.refresh.as_of import find_state, load_state

    processed = processed_zone(settings)
    state = find_state(processed, published, as_of, now=datetime.now(UTC))
    with TemporaryDirectory(prefix="finance-platform-as-of-") as folder:
        warehouse = embedded_warehouse(Path(folder) / "as_of.duckdb")
        load_state(processed, warehouse, settings, state, Path(folder))
        echo(f"Shown {state.title}.", err=True)
        yield ShownState(warehouse, state)
