"""Every command in the documentation's code blocks has arguments that the command takes."""

from __future__ import annotations

from pathlib import Path

import click
import pytest

from finance_platform.cli import main
from finance_platform_tests.documented_commands import PAGES, REPOSITORY, documented_commands


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_each_command_of_a_page_has_arguments_that_it_takes(page: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(REPOSITORY)
    for words in documented_commands(page):
        command: click.Command = main
        context, remaining = click.Context(main), list(words)
        while isinstance(command, click.Group):
            found = command.get_command(context, remaining.pop(0))
            assert found is not None, f"{page.name}: finance-platform {' '.join(words)}"
            command = found
        command.make_context(command.name, remaining)


def test_the_pages_have_commands():
    assert sum(len(list(documented_commands(page))) for page in PAGES) > 40
