"""The log of a run stays as short for thousands of files as for a few.

Belongs here: what is said of many things of one kind. Does not belong here: the log of the first step (see
`test_unread_files`).
"""

from __future__ import annotations

from pathlib import Path

import pytest

from finance_platform.orchestration.dagster_instance import open_instance
from finance_platform.orchestration.definitions import build_definitions
from finance_platform.orchestration.jobs import REFRESH
from finance_platform.orchestration.ui.formatting import LINES_SHOWN, limit_lines, summarize
from finance_platform_tests.unit.factories import LEDGER, settings, write

READ = (["transactions"], ["rejected_rows"])
"""The tables of the processed zone that the first two steps write from a ledger."""


@pytest.mark.parametrize(
    ("things", "said"),
    [([], ""), (["a", "b", "c"], "a; b; c"), (["a", "b", "c", "d"], "a; b; c; and 1 more")],
)
def test_of_many_things_the_first_three_are_named_and_the_others_counted(things: list[str], said: str):
    assert summarize(things) == said


def test_each_of_ten_things_has_a_line_and_the_others_share_one():
    lines = [f"line {number}" for number in range(2000)]
    assert limit_lines(lines[:LINES_SHOWN], "are held") == lines[:LINES_SHOWN]
    assert limit_lines(lines, "are held") == [*lines[:LINES_SHOWN], "and 1,990 more are held"]


@pytest.mark.end_to_end
def test_many_files_that_are_read_and_held_at_once_are_ten_lines_each_and_one_for_the_rest(tmp_path: Path):
    write(tmp_path / "feeds/ledger.yaml", LEDGER)
    for number in range(1, 13):
        write(tmp_path / f"raw/ledger_{number:02}.csv", f"Date,Dept,Account,Amount\n2025-{number:02}-01,D1,6000,2.00\n")
        write(tmp_path / f"raw/ledger_bad_{number:02}.csv", "Date,Dept,Account,Amount\nno day,D1,6000,1.00\n")
    home = settings(home=tmp_path)
    job = build_definitions(home).resolve_job_def(REFRESH)
    reading = [key for key in job.asset_layer.executable_asset_keys if key.path[0] == "raw" or key.path[1:] in READ]
    with open_instance(home.dagster_home) as instance:
        result = job.execute_in_process(instance=instance, asset_selection=reading)
        said = [entry.user_message for entry in instance.all_logs(result.run_id) if not entry.is_dagster_event]
    assert len([line for line in said if line.startswith("read ledger_")]) == LINES_SHOWN
    (rest,) = [line for line in said if "more files read" in line]
    assert rest.startswith("and 14 more files read: 14 rows, ")
    assert len([line for line in said if " is held: " in line]) == LINES_SHOWN
    assert "and 2 more are held; `finance-platform status` lists them" in said
