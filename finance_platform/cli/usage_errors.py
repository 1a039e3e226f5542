"""Click's errors about arguments as sentences with a fix.

Belongs here: what to do about a value that an option does not take, and about a command that does not exist. Does not
belong here: errors of the commands themselves (see `errors`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import click

from finance_platform.cli.program_name import NAME
from finance_platform.safe_text import printable

_NEARLY_A_PERIOD = re.compile(r"([0-9]{4})[-/. ]?(0?[1-9]|1[0-2])")


class PeriodType(click.ParamType[str]):
    """An accounting period."""

    name = "period"

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str | None:  # noqa: ARG002  click's
        """Return what help shows for the value: of an argument its name, of an option the format."""
        return None if isinstance(param, click.Argument) else "YYYY-MM"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the value; one in another format is wrong use."""
        from finance_platform.feeds.values.dates import is_valid_period

        if not is_valid_period(value):
            near = _NEARLY_A_PERIOD.fullmatch(value)
            such_as = f"; did you mean {near[1]}-{int(near[2]):02}?" if near else ", such as 2025-06"
            self.fail(f"{value!r} is not a valid period; write it as YYYY-MM{such_as}", param, ctx)
        return value


PERIOD = PeriodType()


class PeriodOrNoneType(PeriodType):
    """An accounting period, or `none` for what has no valid date."""

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the value, empty for `none`; one in another format is wrong use."""
        return "" if value == "none" else super().convert(value, param, ctx)


PERIOD_OR_NONE = PeriodOrNoneType()


class DayType(click.ParamType[datetime]):
    """A day, as its first moment in UTC."""

    name = "day"

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:  # noqa: ARG002  click's
        """Return what help shows for the value: its format."""
        return "YYYY-MM-DD"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Return the day; one in another format is wrong use."""
        try:
            return datetime.strptime(value, "%Y-%m-%d").replace(tzinfo=UTC)
        except ValueError:
            self.fail(f"{value!r} is not a valid day; write it as YYYY-MM-DD, such as 2025-06-30", param, ctx)


DAY = DayType()

_OTHER_NAMES = {
    **dict.fromkeys(("late", "overdue", "check", "list"), "status"),
    **dict.fromkeys(("undo", "remove", "delete"), "withdraw"),
    **dict.fromkeys(("refused", "errors", "rejects"), "rejected"),
    **dict.fromkeys(("lines", "drill", "detail", "explain"), "trace"),
    **dict.fromkeys(("sql", "ask", "select"), "query"),
    **dict.fromkeys(("excel", "export", "pack", "xlsx"), "report"),
    **dict.fromkeys(("add", "import", "draft"), "feed draft"),
    **dict.fromkeys(("load", "refresh", "start"), "run"),
    **dict.fromkeys(("diff", "changes"), "movements"),
    **dict.fromkeys(("log", "audit", "decisions"), "history"),
    "help": "--help",
}
"""The command for a word that people try first, and that none of ours has; some are close to another one's name."""


def with_fix(error: click.ClickException, commands: Iterable[str] = ()) -> str:
    """Return the message of an error about arguments, with what to do about it.

    Args:
        error: what click has raised.
        commands: the commands that exist, to suggest one.
    """
    message = printable(error.message).rstrip(".")
    if isinstance(error, click.exceptions.NoSuchCommand):
        error.possibilities = None  # type: ignore[misc]  # click would add a second suggestion, of a group's commands
        path = error.ctx.command_path.split()[1:] if error.ctx else []
        return _no_such_command(error.command_name, commands, " ".join([NAME, *path]))
    if not isinstance(error, click.BadParameter) or error.param is None:
        return printable(error.message)
    fix = _fix(error.param.type)
    if not fix or isinstance(error, click.MissingParameter):
        return printable(error.message)
    # Click names the range as `1<=x<=65535`, and its own types.
    message = re.sub(r" is not in the range .*", " is out of range", message)
    return f"{message.replace('is not a valid integer range', 'is not a whole number')}; {fix}"


def _no_such_command(name: str, commands: Iterable[str], program: str) -> str:
    from finance_platform.feeds.values.codes import closest_match

    similar = closest_match(name, commands)
    if program == NAME:
        similar = _OTHER_NAMES.get(name.casefold()) or similar
    suggestion = f" Did you mean {similar!r}?" if similar else ""
    return f"there is no command {printable(name)!r}.{suggestion} `{program} --help` lists all"


def _fix(kind: click.ParamType[Any]) -> str:
    """Return what to give for a type of value; empty where click's message says it."""
    if isinstance(kind, click.IntRange):
        if kind.max is None:
            return f"give a whole number from {kind.min}"
        return f"give a whole number from {kind.min} to {kind.max}"
    if isinstance(kind, click.Path):
        return "check the path" if kind.exists else "give the path of a folder" if not kind.file_okay else "give a file"
    return ""
