"""The command line: each command calls one use case and prints the result.

Belongs here: arguments, exit codes, terminal output. Does not belong here: figures (see `reports`), use cases (see
`refresh`). A process imports the module of its own command alone, and that imports Dagster, Spark and the adapters'
libraries only where it needs them: start-up is most of the time of a small command (067).
"""

from __future__ import annotations

try:
    import atexit
    import gc
    import os
    import sys
    from importlib import import_module
    from typing import Any

    import click

    from finance_platform.cli.console import echo
    from finance_platform.cli.help_texts import HELP_TEXTS, epilog
    from finance_platform.cli.options import (
        OWN_PROCESS,
        note_interruptions,
        prepare_output,
        report_error,
        report_interruption,
    )
    from finance_platform.cli.program_name import address, explain_program, note_mention, remember_home
    from finance_platform.cli.usage_errors import with_fix
    from finance_platform.unused_imports import leave_out
except KeyboardInterrupt:  # Nothing is under way yet, so Ctrl-C ends the process without a traceback.
    raise SystemExit(130) from None

_MODULES = {
    "init": "init",
    "run": "run",
    "status": "status",
    "query": "query",
    "tables": "query",
    "rejected": "rejected",
    "movements": "movements",
    "trace": "trace",
    "report": "report",
    "accept": "decisions",
    "withdraw": "decisions",
    "close": "close",
    "reopen": "decisions",
    "vacuum": "vacuum",
    "verify": "verify",
    "audit-sample": "audit_sample",
    "history": "history",
    "restatement": "restatement",
    "migrate": "migrate",
    "secure": "security",
    "ui": "ui",
    "webserver": "ui",
    "feed": "feeds",
    "prove": "prove",
    "deploy": "deploy",
    "remote": "deploy",
}
"""The module of each command, which is a function of the same name."""

_HIDDEN = ("webserver",)
"""Commands that other commands start."""


_GARBAGE_THRESHOLDS = (200_000, 20, 20)
"""How many new objects, and searches among younger ones, start a search for garbage; Python has 700, 10 and 10."""


_UNUSED = {
    # They parse no text of a file: only that needs NumPy.
    "status": ("numpy",),
    "rejected": ("numpy",),
    # What Dagster imports, imports them for coloured listings of errors, and does without where they are not installed.
    "run": ("pygments", "attr"),
}
"""Libraries that a command does not use beside pandas, which none does."""

_UNTIDY = frozenset({"boto3", "coverage", "grpc", "pyspark"})
"""Libraries that may write or stop something when Python ends: connections, processes, a measurement."""


class _Commands(click.Group):
    """The commands. Click's errors quote wrong arguments, and a shell's `*` makes names of files arguments."""

    def list_commands(self, context: click.Context) -> list[str]:  # noqa: ARG002  click's
        """Return the names of the commands."""
        return sorted(_MODULES)

    def get_command(self, context: click.Context, name: str) -> click.Command | None:  # noqa: ARG002  click's
        """Import and return a command; None if there is no such command."""
        module = _MODULES.get(name)
        if module is None:
            return None
        command: click.Command = getattr(import_module(f"{__name__}.{module}"), name.replace("-", "_"))
        if name in HELP_TEXTS:
            command.epilog = epilog(name)
        for part, subcommand in getattr(command, "commands", {}).items():
            subcommand.epilog, subcommand.short_help = epilog(f"{name} {part}"), HELP_TEXTS[f"{name} {part}"].summary
        return command

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002  click's
        """Write the list of commands without importing their modules."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, HELP_TEXTS[name].summary) for name in sorted(_MODULES) if name in HELP_TEXTS])

    def main(self, *arguments: Any, **options: Any) -> Any:
        """Run the command line; the disk below the output may be full for the help and the version too."""
        if not arguments and "args" not in options:  # a process of the command's own
            command = next((one for one in sys.argv[1:] if one in _MODULES), "")
            leave_out({"pandas", *_UNUSED.get(command, ())})
            # Arrow's own allocator keeps most of what was freed: 40 to 70 MiB of a run. Its jobs inherit the choice.
            os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
            # Sail's takes pages of 2 MiB, has each zeroed, and soon gives it back: a tenth of the jobs' time.
            os.environ.setdefault("MIMALLOC_ALLOW_THP", "0")
            # The C library has up to eight heaps for each core, each of which keeps what its threads have freed.
            os.environ.setdefault("MALLOC_ARENA_MAX", str(max(2, os.cpu_count() or 2)))
            # NumPy's library for matrices starts a thread for each core, which waits actively. No matrix is multiplied.
            os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
            # Modules and classes are no garbage: looking for it among them takes a tenth of the start.
            gc.set_threshold(*_GARBAGE_THRESHOLDS)
            at_exit = _PromptExit()
            # The handler that is registered first is called last.
            atexit.register(at_exit.end)
            # Where the process ends in the usual way, Python would look for garbage among a million objects before.
            atexit.register(_leave_garbage)
            options["obj"] = OWN_PROCESS
            note_interruptions()
        else:
            at_exit = None
        try:
            prepare_output()
            return super().main(*arguments, **options)
        except SystemExit as ended:
            if at_exit:
                at_exit.code = ended.code
            raise
        except KeyboardInterrupt:
            sys.exit(report_interruption())
        except Exception as error:  # of a command itself, `with_exit_code` has reported it
            sys.exit(report_error(error))
        finally:
            # A pipe, a file or a schedule has no person who would type a command.
            if sys.stderr.isatty() and (text := explain_program()):
                echo(text, err=True)
            remember_home(None)

    def invoke(self, context: click.Context) -> object:
        """Run a command."""
        try:
            return super().invoke(context)
        except click.ClickException as error:
            group = error.ctx.command if isinstance(error, click.UsageError) and error.ctx else self
            commands = group.list_commands(context) if isinstance(group, click.Group) else ()
            message = with_fix(error, [name for name in commands if name not in _HIDDEN])
            error.message = address(message)  # type: ignore[misc]  # final for subclasses
            note_mention(error.message)
            raise
        except KeyboardInterrupt:  # while the command's module is imported; Click would end with the code 1
            context.exit(report_interruption())

    def make_context(self, *arguments: Any, **options: Any) -> click.Context:
        """Read the arguments before the command."""
        try:
            return super().make_context(*arguments, **options)
        except click.ClickException as error:
            error.message = with_fix(error)  # type: ignore[misc]  # final for subclasses
            raise
        except KeyboardInterrupt:
            raise click.exceptions.Exit(report_interruption()) from None


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="finance-platform")
def main() -> None:
    """Turn a finance department's files into a star schema that a controller trusts to the cent."""


def _leave_garbage() -> None:
    """Let Python's last searches for garbage find nothing.

    After the second one, which goes over what is left of the modules, DuckDB's bindings print what it has not found.
    """
    if "_duckdb" in sys.modules:
        gc.disable()  # leaves the first one out
    else:
        gc.freeze()


class _PromptExit:
    """Ends a process without destroying its modules, classes and functions one by one.

    That takes a tenth of a second, and half a second where Dagster is imported.

    Threads have ended by then, and every other handler of the exit was called. What a command writes, it has written.

    Attributes:
        code: the exit code; a process without a number here ends in the usual way.
    """

    def __init__(self) -> None:
        self.code: object = None

    def end(self) -> None:
        """End the process, unless a library that it has imported has more to do than Python's own handlers know."""
        if not isinstance(self.code, int) or not _UNTIDY.isdisjoint(sys.modules):
            return
        try:
            sys.stdout.flush()
            sys.stderr.flush()
        except (OSError, ValueError):
            return  # Python flushes them again, and reports it
        os._exit(self.code)
