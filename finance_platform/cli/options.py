"""Options, exit codes, error output and the choice of the home: what more than one module of commands needs.

Belongs here: code that commands share. Does not belong here: any command.
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

from finance_platform.cli.console import echo
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

EXIT_OK, EXIT_ATTENTION, EXIT_USAGE, EXIT_FAILED = 0, 1, 2, 3
"""Attention: a delivery is held or refused, a check fails, or a trace does not reconcile."""

TABLE_ROWS = 50
QUERY_TABLE_ROWS = 100

_USAGE_ERRORS = (SettingsError, HomeError, QueryError, DecisionError, TraceError, UiOpenError, DeploymentParameterError)

home_option = click.option(
    "--home", type=click.Path(path_type=Path, file_okay=False), help="The home folder; default: data."
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
format_option = click.option("--format", "output_format", type=click.Choice(["table", "csv", "json"]), default="table")


def with_exit_code(command: Callable[..., int]) -> Callable[..., None]:
    """Exit with the code that the command returns, and print an expected error as a message without a traceback."""

    @wraps(command)
    def run(*args: Any, **kwargs: Any) -> None:
        try:
            code = command(*args, **kwargs)
        except FinancePlatformError as error:
            echo(str(error), err=True)
            code = EXIT_USAGE if isinstance(error, _USAGE_ERRORS) else EXIT_FAILED
        except (click.ClickException, click.exceptions.Exit):
            raise
        except BrokenPipeError:
            # The reader (`head`, for example) has closed the pipe; without this, Python reports an error at exit.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            code = EXIT_OK
        except Exception:
            # A bug: print the traceback. Python's own exit code, 1, would mean that something is held.
            echo(traceback.format_exc(), err=True)
            code = EXIT_FAILED
        sys.exit(code)

    return run


def require_raw_zone(settings: Settings) -> Settings:
    """Return the settings after checking that their raw zone exists.

    Raises:
        HomeError: the raw zone does not exist.
        StorageError: it cannot be listed.
    """
    from finance_platform.bootstrap import raw_zone

    if not raw_zone(settings).exists():
        raise HomeError(f"the folder {settings.raw_root} does not exist", fix="give the path of the home to --home")
    return settings


def read_snapshot(settings: Settings) -> Snapshot:
    """Read the processed zone; write nothing."""
    from finance_platform.bootstrap import processed_zone
    from finance_platform.settings import StarSettings
    from finance_platform.slices.snapshot import take_snapshot

    return take_snapshot(processed_zone(settings), StarSettings.of(settings), record=False)


def object_key(settings: Settings, argument: str) -> str:
    """Return the object key for a key, a path to the file, or its S3 address."""
    zone = f"{settings.raw_root.rstrip('/')}/"
    if zone.startswith(S3_SCHEME):
        return argument.removeprefix(zone)
    with suppress(ValueError):
        return Path(argument).absolute().relative_to(Path(settings.raw_root).absolute()).as_posix()
    return argument
