"""The audit trail survives the warehouse: history and movements come back with the figures, whatever was lost and when.

Does not belong here: damage of the warehouse's file itself (see `test_warehouse_file`), tampering (see
`test_tampering`).
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from finance_platform.bootstrap import open_warehouse, processed_zone, raw_zone
from finance_platform.refresh.verification.verify import Verifier
from finance_platform.settings import load_settings
from finance_platform.storage import immutable_documents
from finance_platform.warehouse.load_records import LoadRecords
from finance_platform_tests.end_to_end.home import Home, copy_home
from finance_platform_tests.end_to_end.in_process_refresh import Refresher
from finance_platform_tests.profiles import at_night, current_profile
from finance_platform_tests.session_artifacts import session_artifact

LEDGER = "SELECT LoadNumber, TableName, Slice, Version, IsRemoved, RowCount, Amount, RunId, LoadedAt FROM LoadLedger"
MOVED = (
    "SELECT LoadNumber, Kind, Measure, Period, AccountNumber, OldAmount, NewAmount, IsRestatement, Cause, RunId, "
    "LoadedAt FROM Movements"
)
CORRECTION = """\
transaction_id,transaction_date,department_code,account_number,amount,description
T9,2024-03-09,D100,4000,78.50,March corrected
"""
LATER = """\
transaction_id,transaction_date,department_code,account_number,amount,description
T77,2024-03-11,D100,4000,1.00,March too
"""
KILLS = [("confirm", False, True), ("write", True, False), ("write", False, False), ("confirm", True, True)]
"""Where a run is killed, whether after the step, and whether its load is published then."""


class KilledError(Exception):
    """The process ended here."""


@pytest.fixture
def moved(
    home_with_overlap: Path, refresh: Refresher, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> Home:
    """A home with two loads, of which the second has moved a cell of a closed period."""

    def create(path: Path) -> None:
        home = copy_home(home_with_overlap, path / "home")
        home.write(".env", "FINANCE_PLATFORM_CLOSED_PERIODS=publish\n")
        assert home.command("close", "2024-03", "--why", "audited").returncode == 0
        home.write("raw/transactions_4.csv", CORRECTION)
        assert refresh(home).loaded
        assert len(home.select(MOVED)) == 1

    return copy_home(session_artifact(tmp_path_factory, "moved", create) / "home", tmp_path / "home")


def trail(home: Home) -> list[tuple[Any, ...]]:
    """Return the rows about the first two loads."""
    return sorted((row for sql in (LEDGER, MOVED) for row in home.select(sql) if row[0] <= 2), key=repr)


def findings(home: Home) -> list[str]:
    immutable_documents.forget_documents()
    settings = load_settings(home=home.path)
    verifier = Verifier(raw_zone(settings), processed_zone(settings), open_warehouse(settings))
    return [f"{one.part}: {one.subject}: {one.why}" for one in verifier.verify().findings]


def kill_at(monkeypatch: pytest.MonkeyPatch, name: str, *, after: bool) -> None:
    """Let the next call of a method of the records end the process, before or after it has done its work."""
    original = getattr(LoadRecords, name)

    def kill(*arguments: Any) -> Any:
        monkeypatch.setattr(LoadRecords, name, original)
        if after:
            original(*arguments)
        raise KilledError

    monkeypatch.setattr(LoadRecords, name, kill)


@at_night("the next test proves it with a new file")
def test_a_lost_warehouse_comes_back_with_the_history_of_its_loads(moved: Home, refresh: Refresher):
    before, tables = trail(moved), moved.tables()
    (moved.path / "warehouse.duckdb").unlink()
    assert "loads: the warehouse: ends with load 0, and load 2 was published; the next run restores it" in findings(
        moved
    )
    refresh(moved)
    assert trail(moved) == before
    assert moved.tables() == tables
    assert [row for row in moved.select(MOVED) if row[0] > 2] == []
    assert findings(moved) == []
    assert not refresh(moved).has_work


def test_what_arrived_while_the_warehouse_was_lost_has_moved_what_was_published(moved: Home, refresh: Refresher):
    before = trail(moved)
    (moved.path / "warehouse.duckdb").unlink()
    moved.write("raw/transactions_5.csv", LATER)
    refresh(moved)
    assert trail(moved) == before
    assert findings(moved) == []
    (movement,) = [row for row in moved.select(MOVED) if row[0] > 2]
    assert (movement[1], movement[3], movement[6] - movement[5]) == ("movement", "2024-03", 1)
    assert movement[7] is True


@at_night("by day one gets the load of a killed run, below")
def test_an_older_copy_of_the_warehouse_gets_the_loads_that_it_lacks(home: Home, refresh: Refresher, tmp_path: Path):
    shutil.copy(home.path / "warehouse.duckdb", tmp_path / "older.duckdb")
    home.write("raw/transactions_4.csv", CORRECTION)
    refresh(home)
    before, tables = trail(home), home.tables()
    shutil.copy(tmp_path / "older.duckdb", home.path / "warehouse.duckdb")
    refresh(home)
    assert trail(home) == before
    assert home.tables() == tables
    assert findings(home) == []


def test_a_home_of_a_release_without_records_gets_them(moved: Home, refresh: Refresher):
    shutil.rmtree(moved.path / "processed/loads")
    refresh(moved)
    before = trail(moved)
    (moved.path / "warehouse.duckdb").unlink()
    refresh(moved)
    assert trail(moved) == before


@pytest.mark.parametrize(("name", "after", "is_published"), KILLS if current_profile().is_exhaustive else KILLS[:1])
def test_a_run_that_was_killed_at_the_commit_leaves_one_load_and_one_record_for_an_older_copy_of_the_warehouse(
    home: Home, refresh: Refresher, tmp_path: Path, name: str, after: bool, is_published: bool
):
    older = Path(shutil.copy(home.path / "warehouse.duckdb", tmp_path / "older.duckdb"))
    home.write("raw/transactions_4.csv", CORRECTION)
    with pytest.MonkeyPatch.context() as patch:
        kill_at(patch, name, after=after)
        with pytest.raises(KilledError):
            refresh(home)
    assert (len(home.select(MOVED)) == 1) is is_published
    refresh(home)
    assert [row[0] for row in home.select(MOVED)] == [2]
    assert LoadRecords(home.processed).confirmed() == 2
    assert findings(home) == []
    before, tables = trail(home), home.tables()
    shutil.copy(older, home.path / "warehouse.duckdb")
    refresh(home)
    assert trail(home) == before
    assert home.tables() == tables
    assert findings(home) == []
