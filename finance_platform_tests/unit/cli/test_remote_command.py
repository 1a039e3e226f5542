"""The command `remote` before it starts a task: what cannot work there is refused with what to do instead.

Does not belong here: tasks that are started (see `aws/test_deploy`).
"""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from finance_platform.cli import main


@pytest.mark.parametrize(
    ("command", "advice"),
    [
        ("rejected --format xlsx --output r.xlsx", "remote rejected --format csv > rejected.csv"),
        ("rejected --format=xlsx", "remote rejected --format csv > rejected.csv"),
        ("rejected --feed spend --output=r.csv --format csv", "remote rejected --format csv > rejected.csv"),
        ("query --format xlsx --output q.xlsx SELECT", "remote query --format csv > query.csv"),
        ("movements --output=m.csv --format csv", "remote movements --format csv > movements.csv"),
        ("report --out packs", "folder reports of the processed bucket"),
        ("report --audit 2025-03 --out=packs", "folder reports of the processed bucket"),
        ("report --open", "folder reports of the processed bucket"),
        ("feed check spend.csv --descriptor spend.yaml", "put the descriptor into infra/feeds"),
        ("query -f q.sql", 'remote query "$(cat FILE)"'),
        ("query --file=q.sql", 'remote query "$(cat FILE)"'),
        ("query -", 'remote query "$(cat FILE)"'),
        ("init books", "leave out `remote`"),
        ("ui", "leave out `remote`"),
        ("remote status", "leave out `remote`"),
    ],
)
def test_a_command_whose_files_are_on_this_machine_is_refused_before_a_task_starts(command: str, advice: str):
    result = CliRunner().invoke(main, ["remote", "--stack-name", "no-such-stack", *command.split()])
    assert result.exit_code == 2
    assert advice in " ".join(result.output.split())
