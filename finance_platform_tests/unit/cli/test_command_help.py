"""Help and wrong use of every command: it fits a terminal, has an example, and an error says what to do instead.

Belongs here: what needs no home. Does not belong here: errors about files and figures (see `end_to_end`).
"""

from __future__ import annotations

import shlex
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from finance_platform.cli import main
from finance_platform.cli.help_texts import HELP_TEXTS
from finance_platform.errors import QueryError
from finance_platform.warehouse.dialect import parse_query


def invoke(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(main, arguments, prog_name="finance-platform")
    return result.exit_code, result.output


@pytest.mark.parametrize("name", ["", *HELP_TEXTS])
def test_the_help_of_each_command_fits_80_columns_and_has_an_example(name: str):
    code, text = invoke(*name.split(), "--help")
    assert code == 0
    assert [line for line in text.splitlines() if len(line) > 80] == []
    assert "..." not in text.replace("[ARGS]...", "").replace("COMMAND...", "")
    if name:
        assert text.splitlines()[-1] == f"    finance-platform {HELP_TEXTS[name].examples[-1]}"


@pytest.mark.parametrize("name", HELP_TEXTS)
def test_each_example_has_arguments_that_its_command_takes(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    Path("spend.yaml").touch()
    for example in HELP_TEXTS[name].examples:
        words = shlex.split(example.partition(" > ")[0])
        command: click.Command = main
        context = click.Context(main)
        while isinstance(command, click.Group):
            found = command.get_command(context, words.pop(0))
            assert found is not None
            command = found
        command.make_context(command.name, words)


def test_every_command_is_listed():
    _, text = invoke("--help")
    context = click.Context(main)
    visible = [name for name in main.list_commands(context) if not main.get_command(context, name).hidden]  # type: ignore[union-attr]
    assert [line.split()[0] for line in text.partition("Commands:")[2].splitlines() if line] == visible


def test_help_shows_the_format_of_a_day():
    _, text = invoke("history", "--help")
    assert "--since YYYY-MM-DD" in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("statsu", "there is no command 'statsu'. Did you mean 'status'? `finance-platform --help` lists all"),
        ("feed lst", "there is no command 'lst'. Did you mean 'list'? `finance-platform feed --help` lists all"),
        ("feed sql", "there is no command 'sql'. `finance-platform feed --help` lists all"),
        ("late", "there is no command 'late'. Did you mean 'status'?"),
        ("Undo", "there is no command 'Undo'. Did you mean 'withdraw'?"),
        ("export", "there is no command 'export'. Did you mean 'report'?"),
        ("frobnicate", "there is no command 'frobnicate'. `finance-platform --help` lists all"),
        ("ui --port 80999", "80999 is out of range; give a whole number from 1 to 65535"),
        ("ui --port http", "'http' is not a whole number; give a whole number from 1 to 65535"),
        ("query --limit -1 x", "-1 is out of range; give a whole number from 0"),
        ("trace --file a.csv --line 0", "0 is out of range; give a whole number from 1"),
        ("status --since 2025-9", "'2025-9' is not a valid day; write it as YYYY-MM-DD, such as 2025-06-30"),
        ("movements --since yesterday", "'yesterday' is not a valid day; write it as YYYY-MM-DD, such as 2025-06-30"),
        ("movements --period 2025-9", "'2025-9' is not a valid period; write it as YYYY-MM; did you mean 2025-09?"),
        ("rejected --period 2025-13", "'2025-13' is not a valid period; write it as YYYY-MM, such as 2025-06"),
        ("report --period 202506", "did you mean 2025-06?"),
        ("trace --period June --department D100 --account 1", "write it as YYYY-MM, such as 2025-06"),
        ("run --rebuild --period 2025/6", "did you mean 2025-06?"),
        ("close 2025-6 --why x", "did you mean 2025-06?"),
        ("reopen 6.2025 --why x", "write it as YYYY-MM, such as 2025-06"),
        ("history --period 2025-6", "did you mean 2025-06?"),
        ("audit-sample 2025-06 2025-7 --seed 1", "did you mean 2025-07?"),
        ("verify 2025-6", "did you mean 2025-06?"),
        ("query --format xml x", "'xml' is not one of 'table', 'csv', 'json'"),
        ("vacuum --jsn", "Did you mean"),
    ],
)
def test_wrong_use_is_a_sentence_with_a_fix(arguments: str, message: str):
    code, text = invoke(*shlex.split(arguments))
    assert code == 2
    assert message in text.splitlines()[-1]
    assert text.count("Did you mean") <= 1


def test_a_file_where_a_folder_is_expected_is_wrong_use():
    code, text = invoke("status", "--home", __file__)
    assert code == 2
    assert text.splitlines()[-1].endswith("is a file; give the path of a folder")


@pytest.mark.parametrize(
    ("sql", "fix"),
    [
        ("SHOW TABLES", "`finance-platform tables` lists the tables and views"),
        ("show tables;", "`finance-platform tables` lists the tables and views"),
        ("DESCRIBE finance.FactFinancials", "`finance-platform tables FactFinancials` describes its columns"),
        ('desc "DimDate";', "`finance-platform tables DimDate` describes its columns"),
        ("SHOW COLUMNS FROM Kpi", "`finance-platform tables Kpi` describes its columns"),
        ("DELETE FROM DimDate", "write one SELECT; `finance-platform tables` lists what can be queried"),
    ],
)
def test_statements_that_list_tables_lead_to_the_command_that_does(sql: str, fix: str):
    with pytest.raises(QueryError) as caught:
        parse_query(sql)
    assert caught.value.fix.startswith(fix)


def test_a_period_is_no_file_that_is_called_like_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "2025-03").write_text("")
    (tmp_path / "pack.bin").write_text("")
    monkeypatch.chdir(tmp_path)
    assert f"{tmp_path / 'home'} does not exist" in invoke("verify", "2025-03", "--home", str(tmp_path / "home"))[1]
    assert "pack.bin" in invoke("verify", "pack.bin")[1]
