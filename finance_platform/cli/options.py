"""What every command shares: options, exit codes, how errors are told, the home that is meant.

Belongs here: what more than one module of commands needs. Does not belong here: any command.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console

from finance_platform.errors import (
    DecisionError,
    DeploymentParameterError,
    FinancePlatformError,
    HomeError,
    QueryError,
    SettingsError,
    TraceError,
    UiOpenError,
)
from finance_platform.settings import Settings
from finance_platform.storage.s3_options import S3_SCHEME

if TYPE_CHECKING:
    from finance_platform.slices.snapshot import Snapshot

EXIT_FINE, EXIT_STOPPED, EXIT_WRONG_USE, EXIT_BROKEN = 0, 1, 2, 3
ROWS_IN_A_TABLE = 50

_WRONG_USE = (SettingsError, HomeError, QueryError, DecisionError, TraceError, UiOpenError, DeploymentParameterError)

home_option = click.option("--home", type=click.Path(path_type=Path, file_okay=False), help="The home; default: data.")
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
format_option = click.option("--format", "output_format", type=click.Choice(["table", "csv", "json"]), default="table")


def explained(command: Callable[..., int]) -> Callable[..., None]:
    """Turn a command's result into the exit code, and an expected error into a message without a trace."""

    @wraps(command)
    def run(*args: Any, **kwargs: Any) -> None:
        try:
            code = command(*args, **kwargs)
        except FinancePlatformError as error:
            click.echo(str(error), err=True)
            code = EXIT_WRONG_USE if isinstance(error, _WRONG_USE) else EXIT_BROKEN
        except (click.ClickException, click.exceptions.Exit):
            raise
        except BrokenPipeError:
            # The reader, `head` perhaps, has seen enough; Python must not complain about it at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            code = EXIT_FINE
        except Exception:
            # Nobody expected it, so the trace is the message; Python's own exit code would say that something is held.
            traceback.print_exc()
            code = EXIT_BROKEN
        sys.exit(code)

    return run


def existing(settings: Settings) -> Settings:
    """Return the settings once their raw zone is there.

    Raises:
        HomeError: it is not.
        StorageError: it cannot be listed.
    """
    from finance_platform.bootstrap import raw_zone

    if not raw_zone(settings).exists():
        raise HomeError(f"there is no folder {settings.raw_root}", fix="name the home with --home")
    return settings


def snapshot(settings: Settings) -> Snapshot:
    """Look at the processed zone, and write nothing."""
    from finance_platform.bootstrap import processed_zone
    from finance_platform.settings import StarSettings
    from finance_platform.slices.snapshot import take_snapshot

    return take_snapshot(processed_zone(settings), StarSettings.of(settings), record=False)


def object_key(settings: Settings, written: str) -> str:
    """Return the key inside the raw zone; a path to the file itself, or its address on S3, will do as well."""
    zone = f"{settings.raw_root.rstrip('/')}/"
    if zone.startswith(S3_SCHEME):
        return written.removeprefix(zone)
    with suppress(ValueError):
        return Path(written).absolute().relative_to(Path(settings.raw_root).absolute()).as_posix()
    return written


def console() -> Console:
    """Return where results go."""
    # A pipe has no width: a table must not be cut to eighty columns there.
    return Console() if sys.stdout.isatty() else Console(width=250, no_color=True)
