"""Every command, with arguments that make sense for the small home.

Belongs here: the arguments, from the commands themselves, so that a new command is tested too. Does not belong here:
states, expectations.
"""

from __future__ import annotations

from pathlib import Path

import click

from finance_platform.cli import main

VALUES = {
    "sql": "SELECT COUNT(*) AS Lines FROM FactFinancials",
    "key": "transactions.csv",
    "file": "transactions.csv",
    "period": "2024-01",
    "periods": "2024-01",
    "seed": "1",
    "why": "because a test asks",
    "command": "status",
    "name": "FactFinancials",
}
"""A value for each parameter that a command requires, by its name."""

OPTIONS = {
    "trace": ["--period", "2024-01", "--department", "D100", "--account", "4000"],
    "ui": ["--port", "0"],
    "accept": ["--why", "because a test asks"],
    "deploy": ["--dry-run"],
}
"""What a command needs beyond its required parameters, to do something and to end."""

RUNS = {"run"}
"""Commands that start a run, which takes seconds."""

SERVES = {"ui", "webserver"}
"""Commands that serve until they are stopped; `ui` is tested in a process of its own, and starts the others."""


def command_names() -> list[str]:
    """Return the names of all commands; those of a group follow its own, as in `feed check`."""
    names = []
    for name, command in _commands_of(main).items():
        names += [f"{name} {part}" for part in command.commands] if isinstance(command, click.Group) else [name]
    return sorted(names)


def _commands_of(group: click.Group) -> dict[str, click.Command]:
    """Return the commands of a group, which imports each when it is asked for."""
    context = click.Context(group)
    found = {name: group.get_command(context, name) for name in group.list_commands(context)}
    return {name: command for name, command in found.items() if command}


def arguments_of(name: str, home: Path) -> list[str]:
    """Return the arguments of a command on a home."""
    words = name.split()
    command: click.Command = main
    for word in words:
        assert isinstance(command, click.Group)
        command = _commands_of(command)[word]
    arguments = [*words]
    values = VALUES | {"home": str(home)}
    for parameter in command.params:
        is_option = isinstance(parameter, click.Option)
        if parameter.required or (parameter.name == "home" and is_option):
            value = values[str(parameter.name)]
            arguments += [parameter.opts[0], value] if is_option else [value]
    return [*arguments, *OPTIONS.get(name, [])]
