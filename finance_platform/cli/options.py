"""Options, exit codes, error output and the choice of the home: what more than one module of commands needs.

Belongs here: code that commands share. Does not belong here: any command.
"""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext, suppress
from functools import wraps
from io import TextIOWrapper
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, TextIO

import click

from finance_platform.cli.console import echo
from finance_platform.cli.program_name import remember_home
from finance_platform.errors import (
    AsOfError,
    DecisionError,
    DeploymentParameterError,
    DescriptorError,
    HomeError,
    QueryError,
    ReportError,
    SettingsError,
    TraceError,
    UiOpenError,
    UnreadableDeliveryError,
)
from finance_platform.home_path import require_readable_path
from finance_platform.safe_text import hide_credentials, quote_name
from finance_platform.setting_sources import ENV_PREFIX
from finance_platform.settings import Settings, load_settings, unknown_settings
from finance_platform.storage.file_modes import masked_new_files
from finance_platform.storage.machine_errors import translate_machine_error
from finance_platform.storage.s3_options import S3_SCHEME

if TYPE_CHECKING:
    from finance_platform.slices.snapshot import Snapshot

EXIT_OK, EXIT_ATTENTION, EXIT_USAGE, EXIT_FAILED = 0, 1, 2, 3
"""Attention: a delivery is held or refused, a check fails, or a trace does not reconcile."""

EXIT_INTERRUPTED = 130
"""Ctrl-C, at a question too: 128 and the number of the signal, as shells have it."""

OWN_PROCESS = object()
"""The context's object of a command that has a process of its own, and is not called within another program's."""

_INTERRUPTED = "Interrupted. What was committed stays."
_interruptions: list[int] = []
"""The signals of a person who has pressed Ctrl-C."""

TABLE_ROWS = 50
QUERY_TABLE_ROWS = 100

_USAGE_ERRORS = (
    *(SettingsError, HomeError, DescriptorError, UnreadableDeliveryError, QueryError, DecisionError, TraceError),
    *(AsOfError, ReportError, UiOpenError, DeploymentParameterError),
)


def _remembered_home(_context: click.Context, _parameter: click.Parameter, home: Path | None) -> Path | None:
    remember_home(home)
    return home


home_option = click.option(
    "--home",
    type=click.Path(path_type=Path, file_okay=False),
    callback=_remembered_home,
    is_eager=True,
    help="The home folder; default: data.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
format_option = click.option(
    "--format", "output_format", type=click.Choice(["table", "csv", "json"]), default="table", show_default=True
)


def with_exit_code(command: Callable[..., int]) -> Callable[..., None]:
    """Exit with the code that the command returns, and print an expected error as a message without a traceback."""

    @wraps(command)
    def run(*args: Any, **kwargs: Any) -> None:
        try:
            for sentence in unknown_settings():
                echo(f"warning: {sentence}", err=True)
            with _masked_files(kwargs):
                code = command(*args, **kwargs)
            # Python would write the rest at its exit, where an error cannot be handled any more.
            sys.stdout.flush()
        except (click.ClickException, click.exceptions.Exit):
            raise
        except (KeyboardInterrupt, click.Abort):
            code = report_interruption()
        except BrokenPipeError:
            # The reader (`head`, for example) has closed the pipe.
            _discard_output(sys.stdout)
            code = EXIT_OK
        except Exception as error:
            code = report_error(error)
        sys.exit(code)

    return run


def note_interruptions() -> None:
    """Remember Ctrl-C from now on.

    A library that is interrupted may raise an error of its own: pydantic, while it builds a class, one about a schema.
    """
    # Where a shell or a caller has set another handler, that one stays.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _interrupt)


def _interrupt(number: int, _frame: FrameType | None) -> None:
    _interruptions.append(number)
    raise KeyboardInterrupt


def _masked_files(arguments: Mapping[str, Any]) -> AbstractContextManager[None]:
    """Give the files of a home their modes; a command without a home writes none."""
    if "home" not in arguments:
        return nullcontext()
    settings = load_settings(home=arguments["home"])
    require_readable_path(settings.home_path, sys.getfilesystemencoding())
    return masked_new_files(group_readable=settings.group_readable)


def prepare_output() -> None:
    """Make the output take any text: it may be closed (`>&-`), or its encoding may lack a character (`LC_ALL=C`)."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            # Open to the end of the process, as the stream that it replaces.
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115, PTH123
        elif isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def report_interruption() -> int:
    """Print that a person has stopped the command, and return its exit code."""
    echo(_INTERRUPTED, err=True)
    return EXIT_INTERRUPTED


def report_error(error: Exception) -> int:
    """Print an error and return the exit code: one paragraph if it is expected, the traceback if it is a bug.

    After an interruption, it is what a library has made of that.
    """
    if _interruptions or isinstance(error.__cause__, KeyboardInterrupt):  # Python wraps it in a new class
        return report_interruption()
    expected = translate_machine_error(error)
    try:
        if expected is None:
            echo(hide_credentials(traceback.format_exc()), err=True)
        else:
            echo(str(expected), err=True)
        sys.stdout.flush()
    except OSError:
        # The disk below the output is full, or its reader has gone.
        _discard_output(sys.stdout)
        _discard_output(sys.stderr)
    # Python's own exit code of a bug, 1, would mean that something is held.
    return EXIT_USAGE if isinstance(expected, _USAGE_ERRORS) else EXIT_FAILED


def _discard_output(stream: TextIO) -> None:
    """Send what a stream still holds, and all that follows, nowhere; else Python reports an error at its exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def require_raw_zone(settings: Settings) -> Settings:
    """Return the settings after checking that their raw zone exists.

    Raises:
        HomeError: the raw zone does not exist.
        StorageError: it cannot be listed.
    """
    from finance_platform.bootstrap import raw_zone

    if not raw_zone(settings).exists():
        raise _no_raw_zone(settings)
    return settings


def _no_raw_zone(settings: Settings) -> HomeError:
    """Return that a home has no raw zone, and the likeliest reason: a path with a typo, or one within the home."""
    home = settings.home_path
    if settings.raw_uri:
        fix = f"create it, or correct {ENV_PREFIX}RAW_URI"
        return HomeError(f"the folder {settings.raw_root} does not exist", fix=fix)
    above = next((one for one in home.parents if (one / "raw").is_dir() and (one / "feeds").is_dir()), None)
    if above is not None:
        fix = f"give the home itself, --home {quote_name(str(above))}"
    else:
        place = "DIR" if home.is_dir() else quote_name(str(home))
        fix = f"give the folder of a home to --home; `finance-platform init {place}` makes one"
    return HomeError(f"the folder {settings.raw_root if home.is_dir() else home} does not exist", fix=fix)


def read_snapshot(settings: Settings) -> Snapshot:
    """Read the processed zone; write nothing.

    Raises:
        RegisterError: the register is damaged, or lacks an event that an earlier run has seen.
    """
    from finance_platform.bootstrap import processed_zone
    from finance_platform.deliveries.scans import require_whole_register
    from finance_platform.refresh.steps.recorded_code import trust_recorded_code
    from finance_platform.settings import StarSettings
    from finance_platform.slices import snapshot

    processed = processed_zone(settings)
    trust_recorded_code(processed)
    require_whole_register(processed)
    return snapshot.read_snapshot(processed, StarSettings.of(settings))


def object_key(settings: Settings, argument: str) -> str:
    """Return the object key for a key, a path to the file, or its S3 address."""
    zone = f"{settings.raw_root.rstrip('/')}/"
    if zone.startswith(S3_SCHEME):
        return argument.removeprefix(zone)
    with suppress(ValueError):
        return Path(argument).absolute().relative_to(Path(settings.raw_root).absolute()).as_posix()
    return argument
