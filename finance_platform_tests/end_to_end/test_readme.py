"""The README's commands for its three readers, on the sample after its first run.

Belongs here: that each does what its line promises. Does not belong here: figures of the sample (see
`test_sample_answer_key`), the tutorial (see `test_tutorial`).
"""

from __future__ import annotations

from pathlib import Path

import pytest

from finance_platform_tests.documented_commands import PAGES, REPOSITORY, documented_commands
from finance_platform_tests.end_to_end.sample_home import refresh_sample_once

CHANGES_THE_HOME = {"accept", "withdraw", "close", "init", "run", "ui", "report"}
RUN_ELSEWHERE = [["query", "-f", "sql/dml/sample_queries.sql"]]
"""In `test_sample_queries`, query by query."""

PROMISED = {
    ("status",): "in the warehouse",
    ("vacuum",): "90 days",
    ("rejected",): "blank_account",
    ("movements",): "Nothing moved.",
    ("trace", "--period"): "transactions.csv",
    ("trace", "--file"): "2022-10",
    ("query", "SELECT COUNT(*) FROM DimDate"): "1461",
    ("tables", "TopVariance"): "Fix before summing",
    ("migrate", "--dry-run"): "has the tables and views of this release",
}
"""By the first words of a command, what its output shows."""


@pytest.mark.end_to_end
def test_the_commands_of_the_readme_do_what_it_promises(tmp_path_factory: pytest.TempPathFactory):
    home = refresh_sample_once(tmp_path_factory)
    commands = [words for words in documented_commands(PAGES[0]) if words[0] not in CHANGES_THE_HOME]
    assert PAGES[0] == REPOSITORY / "README.md"
    promised, written = dict(PROMISED), tmp_path_factory.mktemp("written")
    for words in commands:
        # `verify` and `audit-sample` read every raw line, and have tests of their own.
        if words in RUN_ELSEWHERE or words[0] in {"feed", "deploy", "remote", "verify", "audit-sample"}:
            continue
        # What a command writes belongs into a folder of the test; other tests use the home, too.
        result = home.command(*(str(written / Path(word).name) if word.endswith(".xlsx") else word for word in words))
        assert result.returncode in {0, 1}, f"{words}: {result.stderr}"
        key = next((start for start in promised if tuple(words[: len(start)]) == start), None)
        if key:
            assert promised.pop(key) in result.stdout, words
    assert promised == {}
