"""A damaged register in a home: the status works and says what to do, runs stop, and what is published stays.

Belongs here: commands. Does not belong here: each way in which an event is damaged (see
`unit/deliveries/test_register_damage`).
"""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from finance_platform.errors import RegisterError
from finance_platform_tests.end_to_end.home import Home
from finance_platform_tests.end_to_end.in_process_refresh import Refresher
from finance_platform_tests.profiles import at_night

pytestmark = pytest.mark.end_to_end


def test_status_names_the_event_and_shows_what_is_published(home: Home, refresh: Refresher):
    (home.path / "processed" / "register" / "000000000001.json").write_bytes(b'{"events": [')
    tables = home.tables()
    status = home.command("status", "--json")
    assert status.returncode == 3
    document = json.loads(status.stdout)
    (problem,) = document["problems"]
    assert "000000000001.json, event number 1" in problem["problem"]
    assert {row["state"] for row in document["slices"]} == {"published"}
    with pytest.raises(RegisterError):
        refresh(home)
    withdraw = home.command("withdraw", "transactions.csv", "--why", "test")
    assert withdraw.returncode == 3
    assert "event number 1" in withdraw.stderr
    assert home.tables() == tables


@at_night("a refresh takes seconds")
def test_a_home_without_a_copy_of_an_event_goes_on_as_the_fix_says(home: Home, refresh: Refresher):
    tables = home.tables()
    for number in (1, 2):
        (home.path / "processed" / "register" / f"{number:012d}.json").write_bytes(b"")
    for _ in (1, 2):
        fix = json.loads(home.command("status", "--json").stdout)["problems"][0]["fix"]
        match = re.search(r"put (\{.*\}) into (\S+?):", fix)
        assert match
        Path(match[2]).write_text(match[1])
    result = refresh(home)
    assert not result.needs_attention
    assert home.tables() == tables


def test_a_foreign_file_in_the_register_is_named_and_ignored(home: Home):
    home.write("processed/register/notes.txt", "hi\n")
    status = home.command("status", "--json")
    assert status.returncode == 0, status.stdout
    warnings = json.loads(status.stdout)["warnings"]
    assert [one["file"] for one in warnings if one["kind"] == "damaged"] == ["register/notes.txt"]
