"""The terminal: text of files is printed literally, whatever it contains.

Belongs here: `cli.console`, and that no other module writes to the terminal.
Does not belong here: how one text is written (see `test_safe_text`), whole commands (see `test_hostile_text`).
"""

from __future__ import annotations

import csv
import io
import json
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner
from hypothesis import example, given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.text import Text

from finance_platform import cli
from finance_platform.cli.console import SafeConsole, colored
from finance_platform.cli.options import with_exit_code
from finance_platform.cli.rendering import print_deliveries, print_rows, print_warnings
from finance_platform.cli.sentence_wrap import wrap_sentence
from finance_platform.safe_text import printable_line, quote_name
from finance_platform_tests.unit.cli.test_rendering import DELIVERY
from finance_platform_tests.unit.printed_text import printed, status
from finance_platform_tests.unit.test_safe_text import TEXTS, is_shown

STYLE = re.compile(r"\x1b\[[0-9;]*m")
"""What rich writes for a colour."""


def on_terminal(show: Any, *arguments: Any) -> str:
    """Return what a function prints on a terminal of any width, without its colours."""
    stream = io.StringIO()
    show(SafeConsole(file=stream, force_terminal=True, color_system="truecolor", width=5000), *arguments)
    return STYLE.sub("", stream.getvalue())


def assert_shown(text: str) -> None:
    assert all(is_shown(character) for character in text.replace("\n", ""))


@given(TEXTS)
def test_a_table_of_any_text_has_it_literally_in_one_row(text: str):
    for print_it in (printed, on_terminal):
        table = print_it(print_rows, [text, "b"], [(text, Decimal("1.00"))], "table")
        assert_shown(table)
    assert printable_line(text).strip() in on_terminal(print_rows, ["a"], [(text,)], "table")
    assert len(on_terminal(print_rows, ["a"], [("x",), (text,)], "table").splitlines()) == 3


@given(TEXTS, TEXTS)
def test_a_delivery_s_name_and_reason_are_literal(name: str, reason: str):
    held = DELIVERY | {"file": name, "state": "held", "reason": reason, "fix": reason, "warnings": [reason]}
    home = status(deliveries=[held], problems=[{"file": name, "problem": reason, "fix": reason}])
    output = on_terminal(print_deliveries, home) + on_terminal(print_warnings, home)
    assert_shown(output)
    for word in ("held", "problem"):
        assert f"{word} {quote_name(name)}: " in output


@given(TEXTS)
def test_json_and_csv_of_any_text_have_no_control_character_and_are_read_back(text: str):
    document = on_terminal(print_rows, [text], [(text,), (text,)], "json")
    assert_shown(document)
    assert json.loads(document) == json.loads(json.dumps([{text: text}] * 2))
    exported = printed(print_rows, ["a"], [(text,)], "csv")
    assert all(is_shown(character) for character in exported.replace("\n", "").replace("\t", ""))
    assert len(list(csv.reader(io.StringIO(exported, newline="")))) == 2


@pytest.mark.parametrize(("rows", "text"), [([], "[]\n"), ([(1,)], '[\n  {\n    "a": 1\n  }\n]\n')])
def test_json_is_written_row_by_row_as_one_array(rows: list[tuple[int]], text: str):
    assert printed(print_rows, ["a"], rows, "json") == text


def test_raw_csv_goes_into_a_pipe_as_it_is_and_onto_a_terminal_escaped():
    row = ("=1+1\x1b[2J", -1)

    def show_raw(console: SafeConsole) -> None:
        print_rows(console, ["a", "b"], [row], "csv", is_raw=True)

    assert printed(show_raw) == "a,b\n=1+1\x1b[2J,-1\n"
    assert on_terminal(show_raw) == "a,b\n=1+1\\x1b[2J,-1\n"


def test_a_part_is_colored_and_the_text_beside_it_is_not_markup():
    stream = io.StringIO()
    console = SafeConsole(file=stream, force_terminal=True, color_system="standard", width=80)
    console.print(colored(("held", "red"), " [bold]x[/bold] :smile:"))
    assert stream.getvalue() == "\x1b[31mheld\x1b[0m [bold]x[/bold] :smile:\n"


FIX = "  Fix: correct it; `finance-platform withdraw 'a b.csv' --why TEXT` drops it, and nothing else is to be done"


@pytest.mark.parametrize("width", [20, 40, 66, 80, 200])
def test_a_command_is_not_broken_on_a_terminal_since_a_line_break_is_pasted_too(width: int):
    for text in (FIX, colored(("held", "red"), FIX)):
        stream = io.StringIO()
        SafeConsole(file=stream, force_terminal=True, color_system=None, width=width).print(text)
        lines = stream.getvalue().splitlines()
        assert "`finance-platform withdraw 'a b.csv' --why TEXT`" in stream.getvalue()
        assert " ".join(lines) == str(text)
        assert [line for line in lines if len(line) > width and "`" not in line] == []
        assert len(lines) == 1 or max(map(len, lines)) > width / 2


def test_a_command_behind_a_colon_is_not_broken_either():
    stream = io.StringIO()
    sentence = "No run was needed since run 1, 3.2 s; to run all the same: finance-platform run --home b --force"
    SafeConsole(file=stream, force_terminal=True, color_system=None, width=80).print(sentence)
    assert stream.getvalue().splitlines()[1:] == ["finance-platform run --home b --force"]


@given(TEXTS, st.integers(1, 30))
@example("\xa0\x1b]0;title\x07", 1)
@example("a name\xa0with two", 6)
def test_lines_of_any_text_are_its_own_and_as_wide_as_the_terminal(text: str, width: int):
    shown = printable_line(text)
    lines = wrap_sentence(Text(shown), width).plain.split("\n")
    assert "".join(lines).replace(" ", "") == shown.replace(" ", "").replace("\n", "")
    assert all(
        cell_len(line) <= width or " " not in line.strip() or cell_len(line.split(" ")[0]) > width for line in lines
    )


def test_a_sentence_is_one_line_in_a_pipe():
    stream = io.StringIO()
    SafeConsole(file=stream, width=250, no_color=True).print("held " + "word " * 200 + "end")
    assert stream.getvalue().count("\n") == 1


def test_only_the_console_writes_to_the_terminal():
    writers = re.compile(
        r"click\.(echo|secho|style)\b|rich\.(console|markup|text|print)\b|(?<![.\w])print\(|sys\.std(out|err)\.write"
    )
    folder = Path(cli.__file__).parent
    found = {file.name for file in folder.glob("*.py") if writers.search(file.read_text())}
    # The table and sentences are laid out of texts that are printable already, and the console prints them.
    assert found == {"console.py", "fitting_table.py", "sentence_wrap.py"}


def test_ctrl_c_ends_a_command_with_an_exit_code_of_its_own():
    @click.command()
    @with_exit_code
    def work() -> int:
        raise KeyboardInterrupt

    result = CliRunner().invoke(work)
    assert (result.exit_code, result.stderr) == (130, "Interrupted. What was committed stays.\n")


def test_ctrl_c_while_a_class_is_created_ends_a_command_as_elsewhere():
    @click.command()
    @with_exit_code
    def work() -> int:
        raise RuntimeError("Error calling __set_name__") from KeyboardInterrupt()

    result = CliRunner().invoke(work)
    assert (result.exit_code, result.stderr) == (130, "Interrupted. What was committed stays.\n")


def test_ctrl_c_at_a_question_ends_a_command_without_a_traceback():
    @click.command()
    @with_exit_code
    def ask() -> int:
        return int(click.confirm("Continue?"))

    # The end of the input is to a question what Ctrl-C is.
    result = CliRunner().invoke(ask, input="")
    assert (result.exit_code, result.stderr) == (130, "Interrupted. What was committed stays.\n")
