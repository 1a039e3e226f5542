"""The options `--as-of` and `--attributes`: what was signed or published then, and with the attributes of which period.

Belongs here: the options, and the warehouse that a command reads. Does not belong here: finding and loading the state
(see `refresh.as_of`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
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

attributes_option = click.option(
    "--attributes",
    type=click.Choice(["as-was", "as-is"]),
    default="as-was",
    show_default=True,
    help="Accounts and departments as they were in each period, or in every period as they are now.",
)


class ShownState(NamedTuple):
    """The state that a command reads: a warehouse that has it, and what it is; None for what is published now."""

    warehouse: Warehouse
    state: PublishedState | None = None


@contextmanager
def shown_state(settings: Settings, as_of: str, attributes: str = "as-was") -> Iterator[ShownState]:
    """Yield the state that the options name, or what is published now.

    With the attributes of now, the state is loaded like an earlier one.

    Raises:
        AsOfError: there is no such state, or it is no longer kept.
    """
    from finance_platform.bootstrap import embedded_warehouse, open_warehouse, processed_zone

    published = open_warehouse(settings)
    if not as_of and attributes == "as-was":
        yield ShownState(published)
        return
    from finance_platform.refresh.as_of import find_state, load_state, published_state
    from finance_platform.storage.temporary_folders import temporary_folder

    processed, now = processed_zone(settings), datetime.now(UTC)
    with published.reading() as reader:
        state = find_state(processed, reader, as_of, now=now) if as_of else published_state(processed, reader, now=now)
    state = replace(state, attributes=attributes)
    with temporary_folder() as folder:
        warehouse = embedded_warehouse(folder / "as_of.duckdb")
        load_state(processed, warehouse, settings, state, folder)
        latest = "with the latest attributes in every period" if attributes != "as-was" else ""
        echo(f"Shown {', '.join(text for text in (state.title, latest) if text)}.", err=True)
        yield ShownState(warehouse, state)
