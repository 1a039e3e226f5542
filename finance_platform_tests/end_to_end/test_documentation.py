"""Every command of README and docs on one sample home, page by page, in the nightly profile.

Belongs here: that each ends as a reader would expect. Does not belong here: its arguments (see
`unit.test_documented_commands`), what README promises of its output (see `test_readme`), the tutorial of docs/feeds.md
with its output (see `test_tutorial`).
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from finance_platform_tests.documented_commands import PAGES, REPOSITORY, documented_commands
from finance_platform_tests.end_to_end.home import Home
from finance_platform_tests.end_to_end.sample_home import refresh_sample_once
from finance_platform_tests.profiles import at_night

PROVED_ELSEWHERE = {
    "ui": "test_ui_command and browser.test_ui",
    "remote": "aws.test_deploy, on substitutes",
    "prove": "aws.test_prove, on substitutes",
    "init": "installed_wheel and test_tutorial",
    "feed": "test_tutorial and unit.test_feed_commands",
    "withdraw": "test_stories; what follows it here would need a run first",
}
"""Commands that need something else than a sample home, and the tests that run them."""

PAGES_WITH_OUTPUT = {"feeds.md", "month_end.md"}
"""Tutorials, whose commands run with the output that the page shows."""

PLACEHOLDERS = {
    "SELECT ...": "SELECT COUNT(*) FROM FactFinancials",
    "sql/dml/sample_queries.sql": str(REPOSITORY / "sql" / "dml" / "sample_queries.sql"),
}
"""What a page leaves to the reader, or names from the root of the checkout."""

RED_ON_THE_SAMPLE = ("--waive", "rejected", "--waive", "unclassified")
"""The gates that are red on the sample, beside those that a page waives; what follows needs a closed period."""

REFUSED = {
    ("accept",): "nothing of the sample is held, so there is nothing to accept",
    ("close", "2025-03", "--waive"): "another way to close what the line above has closed",
    ("reopen",): "a second time what a line above has reopened",
    ("verify", "--head"): "the head of the page is an example, and no chain has it",
    ("verify", "audit_pack_2025-03.zip"): "the same, and the test has written the pack elsewhere",
    ("query", "--as-of"): "the sample was first published after the time of the example, and one line has no query",
    ("trace", "--file", "budget.xlsx"): "the sample has no workbook",
}
"""By the first words of a command, why it is wrong use on the sample (exit code 2) if it is."""

OPENS = "--open"
"""Would open a browser."""


@pytest.mark.end_to_end
@at_night("some sixty whole commands: at night")
def test_every_command_of_the_documentation_runs_on_the_sample(
    tmp_path_factory: pytest.TempPathFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("HOME", str(tmp_path))
    problems, count = [], 0
    for page in PAGES:
        if page.name in PAGES_WITH_OUTPUT:
            continue
        home = Home(Path(shutil.copytree(refresh_sample_once(tmp_path_factory).path, tmp_path / page.stem)))
        for words in documented_commands(page):
            if words[0] in PROVED_ELSEWHERE or "--home" in words:
                continue
            result = home.command(*_on_the_sample(words, tmp_path))
            count += 1
            allowed = {0, 1} | ({2} if any(tuple(words[: len(start)]) == start for start in REFUSED) else set())
            if result.returncode not in allowed or "Traceback" in result.stderr:
                problems.append(f"{page.name}: {' '.join(words)}: {result.returncode} {result.stderr[-400:]}")
    assert "\n".join(problems) == ""
    assert count > 40


def _on_the_sample(words: list[str], folder: Path) -> list[str]:
    """Return a command with what the sample has in the place of placeholders, and its files in a folder of the test."""
    named = [PLACEHOLDERS.get(word, word) for word in words if word != OPENS]
    placed = [
        str(folder / Path(word).name) if word.endswith(".xlsx") and words[0] == "query" else word for word in named
    ]
    placed = [word.replace("~", str(folder)) for word in placed]
    if words[0] == "close" and "--dry-run" not in words:
        return [*placed, *RED_ON_THE_SAMPLE]
    return [*placed, "--out", str(folder / "packs")] if words[0] == "report" and "--out" not in placed else placed
