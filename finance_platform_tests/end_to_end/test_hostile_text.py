"""A home whose file names, cells, headers and reasons are written to harm the person who looks at them.

Belongs here: that no output of the platform has a control character, markup or a formula of a file.
Does not belong here: how a text is written for one kind of reader (see `test_safe_text`).
"""

from __future__ import annotations

import csv
import io
import json
import os
import pty
import sqlite3
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from finance_platform_tests.end_to_end.home import Home
from finance_platform_tests.terminals import read_terminal
from finance_platform_tests.unit.factories import LEDGER
from finance_platform_tests.unit.test_safe_text import is_shown

pytestmark = pytest.mark.end_to_end

EVIL = "\x1b]0;pwn\x07[bold]:smile:`x`|<script>*b*\u202e"
NAME = "ledger\x1b]0;pwn\x07\n[bold] \u202e|`x`.csv"
DEPARTMENT = '=HYPERLINK("http://x")'
ACCOUNT = "|[bold]<script>`x`"
FEED = LEDGER.replace("  amount:", "  department_name: {from: Name}\n  description: {from: Text}\n  amount:").replace(
    "constants:", "tolerance: {rejected_rows: 1.0}\nconstants:"
)
HEADER = "Date,Dept,Account,Amount,Name,Text\n"
ROWS = f"""\
2025-01-05,"=HYPERLINK(""http://x"")",{ACCOUNT},100.00,@name,"{EVIL}"
2025-01-06,+49 30,-1,-5.00,"{EVIL}",=1+1
2025-01-07,D\x1b1,6000,1.00,a,b
no\x1b[31m day,"{EVIL}",6000,2.00,a,=1+1
2025-01-05,D1,60\x0000,1.00,a,b
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """The home after a run; one delivery is live, and one is held."""
    home = Home(tmp_path_factory.mktemp("hostile"))
    home.write("feeds/ledger.yaml", FEED)
    home.write("feeds/e\x1bvil.yaml", 'feed: "\\e]0;x\\a"\n')
    home.write(f"raw/{NAME}", HEADER + ROWS)
    home.write("raw/ledger_bad.csv", HEADER + f"no\x1b[31m day,{EVIL},6000,1.00,,\n")
    home.write("raw/stray \x1b[31m.pdf", "x")
    result = home.command("run")
    assert result.returncode == 1, result.stderr
    assert_shown(result.stdout + result.stderr)
    return home


def assert_shown(text: str, *allowed: str) -> None:
    """Assert that a text has only visible characters, spaces and newlines, and the allowed ones."""
    hidden = sorted({character for character in text if not is_shown(character) and character not in {"\n", *allowed}})
    assert not hidden, text


COMMANDS: dict[str, list[str]] = {
    "status": ["status", "--by-file"],
    "status, json": ["status", "--json"],
    "rejected": ["rejected"],
    "rejected, csv": ["rejected", "--format", "csv"],
    "rejected, json": ["rejected", "--format", "json"],
    "movements, csv": ["movements", "--format", "csv"],
    "verify": ["verify"],
    "verify, json": ["verify", "--format", "json"],
    "history": ["history", "--file", EVIL],
    "an audit's sample": ["audit-sample", "2025-01", "--n", "99", "--seed", EVIL],
    "an audit's sample, csv": ["audit-sample", "2025-01", "--n", "99", "--seed", EVIL, "--format", "csv"],
    "a file's trace": ["trace", "--file", NAME],
    "a line's trace": ["trace", "--file", NAME, "--line", "2"],
    "a cell's trace": ["trace", "--period", "2025-01", "--department", DEPARTMENT, "--account", ACCOUNT],
    "a cell's trace, csv": [
        *("trace", "--period", "2025-01", "--department", DEPARTMENT, "--account", ACCOUNT, "--format", "csv")
    ],
    "no such cell": ["trace", "--period", "2025-01", "--department", EVIL, "--account", ACCOUNT],
    "query": ["query", "SELECT * FROM DimDepartment"],
    "query, json": ["query", "SELECT * FROM DimDepartment", "--format", "json"],
    "query, spreadsheet": ["query", "SELECT * FROM DimDepartment", "--spreadsheet"],
    "wrong query": ["query", f"SELECT '{EVIL}' FROM Nothing"],
    "accept nothing": ["accept", EVIL, "--why", EVIL],
    "accept what cannot be": ["accept", "ledger_bad.csv", "--why", EVIL],
    "an unknown argument": ["status", EVIL],
    "an unknown command": [EVIL],
}


@pytest.mark.parametrize("arguments", COMMANDS.values(), ids=COMMANDS)
def test_no_command_prints_a_control_character_of_a_file(home: Home, arguments: list[str]):
    result = home.command(*arguments)
    assert result.returncode in {0, 1, 2}
    assert_shown(result.stdout + result.stderr)


def test_texts_of_files_are_literal_in_tables_and_messages(home: Home):
    status = home.command("status").stdout
    assert r"$'ledger\x1b]0;pwn\x07\n[bold] \u202e|`x`.csv'" in status
    (line,) = [line for line in status.splitlines() if line.startswith("unmatched")]
    assert line.startswith(r"unmatched $'stray \x1b[31m.pdf': ")
    department = home.command("query", "SELECT DepartmentName FROM DimDepartment ORDER BY 1").stdout
    assert "[bold]:smile:`x`|<script>*b*" in department


def test_exports_for_spreadsheets_have_no_formula_and_every_number(home: Home):
    sql = "SELECT DepartmentCode, AccountNumber, SUM(Amount) AS Amount FROM FactFinancials JOIN DimDepartment "
    sql += "USING (DepartmentKey) JOIN DimAccount USING (AccountKey) GROUP BY 1, 2 ORDER BY 3"
    exported = list(csv.reader(io.StringIO(home.command("query", sql, "--spreadsheet").stdout)))
    assert exported[1:] == [["'+49 30", "-1", "-5.00"], [f"'{DEPARTMENT}", ACCOUNT, "100.00"]]
    raw = list(csv.reader(io.StringIO(home.command("query", sql, "--format", "csv").stdout)))
    assert raw[1:] == [["+49 30", "-1", "-5.00"], [DEPARTMENT, ACCOUNT, "100.00"]]


def test_csv_of_a_query_is_raw_for_a_machine_and_not_for_a_terminal(home: Home):
    arguments = ("query", "SELECT CHR(27) || '[31m' AS Text", "--format", "csv")
    assert home.process(*arguments).stdout == "Text\n\x1b[31m\n"
    assert on_terminal(home, *arguments) == "Text\n\\x1b[31m\n"


def on_terminal(home: Home, *arguments: str) -> str:
    """Return what a command prints on a pseudo terminal; it is short enough for the terminal's buffer."""
    terminal, end = pty.openpty()
    command = [sys.executable, "-m", "finance_platform.cli", *arguments, "--home", str(home.path)]
    try:
        subprocess.run(command, stdout=end, stderr=end, check=True)
    finally:
        os.close(end)
        printed = read_terminal(terminal)
    return printed.replace("\r\n", "\n")


def test_dagster_s_storage_the_logs_the_alerts_and_the_reports_have_no_control_character(home: Home):
    texts = list(_texts_on_disk(home.path))
    assert any("ledger" in text for text in texts)
    for text in texts:
        assert_shown(text, "\t")


def test_a_reason_with_control_characters_is_shown_as_text(home: Home):
    assert home.command("withdraw", NAME, "--why", f"be\x1bcause {EVIL}").returncode == 0
    status = home.command("status").stdout
    assert_shown(status)
    assert r"be\x1bcause \x1b]0;pwn\x07[bold]:smile:" in status


def _texts_on_disk(home: Path) -> Iterator[str]:
    """Yield every text that Dagster stored, and the text of every log, alert and report."""
    for database in (home / "dagster").rglob("*.db"):
        yield from _texts_in_database(database)
    for pattern in ("processed/jobs/**/*.log", "alerts.jsonl", "reports/*", "dagster/**/*.out", "dagster/**/*.err"):
        for file in home.glob(pattern):
            yield from _texts_in_file(file)


def _texts_in_file(file: Path) -> Iterator[str]:
    """Yield the text of a file, or of each part of a workbook."""
    if file.suffix != ".xlsx":
        yield file.read_text(errors="surrogateescape")
        return
    with zipfile.ZipFile(file) as workbook:
        for part in workbook.namelist():
            yield workbook.read(part).decode()


def _texts_in_database(database: Path) -> Iterator[str]:
    with sqlite3.connect(database) as connection:
        tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        for (table,) in tables:
            for row in connection.execute(f'SELECT * FROM "{table}"'):
                for value in row:
                    if isinstance(value, str):
                        yield from _strings(value)


def _strings(text: str) -> Iterator[str]:
    """Yield the strings inside a JSON document, or a text that is none."""
    try:
        yield from _leaves(json.loads(text))
    except ValueError:
        yield text


def _leaves(document: Any) -> Iterator[str]:
    if isinstance(document, dict):
        for name, value in document.items():
            yield name
            yield from _leaves(value)
    elif isinstance(document, list):
        for value in document:
            yield from _leaves(value)
    elif isinstance(document, str):
        yield document
