"""Commands in messages: with `--home`, each is printed for that home, so that it can be pasted as it is."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner
from rich.table import Table

from finance_platform.cli import main
from finance_platform.cli.console import SafeConsole, colored, echo, literal
from finance_platform.cli.program_name import address, remember_home
from finance_platform.refresh.new_home import create_home


@pytest.fixture(autouse=True)
def books() -> object:
    """The command was given a home; the next test's was given none."""
    remember_home(Path("my books"))
    yield
    remember_home(None)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("`finance-platform run`", "`finance-platform run --home 'my books'`"),
        ("`finance-platform accept a.csv --why TEXT`", "`finance-platform accept --home 'my books' a.csv --why TEXT`"),
        ("`finance-platform feed check a.csv`", "`finance-platform feed check --home 'my books' a.csv`"),
        (
            "`finance-platform status` or `finance-platform audit-sample 2025-01`",
            "`finance-platform status --home 'my books'` or `finance-platform audit-sample --home 'my books' 2025-01`",
        ),
    ],
)
def test_each_command_of_a_sentence_gets_the_home(text: str, shown: str):
    assert address(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "`finance-platform run --home /srv/books`",
        "`finance-platform init DIR`",
        "`finance-platform deploy --stack-name x`",
        "`finance-platform remote --stack-name x status`",
        "`finance-platform --help`",
        "`withdraw` drops it",
        "finance-platform run",
    ],
)
def test_what_has_a_home_or_none_stays(text: str):
    assert address(text) == text


def test_without_the_option_no_command_changes():
    remember_home(None)
    assert address("`finance-platform run`") == "`finance-platform run`"


def test_sentences_get_the_home_and_data_do_not(capsys: pytest.CaptureFixture[str]):
    command, addressed = "`finance-platform run`", "`finance-platform run --home 'my books'`"
    console = SafeConsole(width=200)
    echo(command)
    console.print(command)
    console.print(colored(command))
    assert capsys.readouterr().out.splitlines() == [addressed] * 3
    console.print(literal(command))
    table = Table(box=None, show_header=False)
    table.add_row(command)
    console.print(table)
    assert {line.strip() for line in capsys.readouterr().out.splitlines()} == {command}


def test_a_refused_decision_names_commands_that_can_be_pasted(tmp_path: Path):
    home = tmp_path / "our books"
    create_home(home)
    result = CliRunner().invoke(main, ["withdraw", "--home", str(home), "a.csv", "--why", "x"])
    (command,) = re.findall(r"`(finance-platform [^`]+)`", result.output)
    assert shlex.split(command) == ["finance-platform", "status", "--home", str(home)]
    without = CliRunner().invoke(main, ["withdraw", "a.csv", "--why", "x"], env={"FINANCE_PLATFORM_HOME": str(home)})
    assert "`finance-platform status` lists all" in without.output
