"""The DuckDB file, damaged: set aside and created again; never for a lock or a permission.

Belongs here: the adapter. Does not belong here: whole runs (see `test_derived_files`).
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import duckdb
import pytest

from finance_platform.errors import DamagedWarehouseError, HomeError, LoadError, SettingsError
from finance_platform.warehouse.duckdb.damaged_file import is_damage
from finance_platform.warehouse.duckdb.warehouse import DuckDBWarehouse
from finance_platform.warehouse.ledger import published_slices
from finance_platform.warehouse.port import NoWarehouseYetError, WarehouseInUseError
from finance_platform_tests.damage.damages import DAMAGES, OTHER_DAMAGES

pytestmark = pytest.mark.usefixtures("opens_readers")

COUNT = "SELECT COUNT(*) AS N FROM FactFinancials"
OF_A_FILE = {name: damage for name, damage in {**DAMAGES, **OTHER_DAMAGES}.items() if name != "missing"}


@pytest.fixture
def warehouse(tmp_path: Path) -> DuckDBWarehouse:
    """A prepared warehouse without rows."""
    warehouse = DuckDBWarehouse(tmp_path / "warehouse.duckdb")
    assert warehouse.prepare() == []
    return warehouse


@pytest.mark.parametrize("damage", OF_A_FILE)
def test_a_damaged_file_is_set_aside_and_created_again(warehouse: DuckDBWarehouse, damage: str):
    OF_A_FILE[damage](warehouse.path)
    kept = warehouse.path.read_bytes() if warehouse.path.is_file() else None
    with pytest.raises(DamagedWarehouseError) as caught:
        warehouse.query(COUNT)
    assert caught.value.fix.startswith("run `finance-platform run`")
    (sentence,) = warehouse.prepare()
    assert "\n" not in sentence
    assert warehouse.query(COUNT).rows == [(0,)]
    (aside,) = warehouse.path.parent.glob("warehouse.duckdb.damaged-*")
    assert kept is None or aside.read_bytes() == kept
    assert DuckDBWarehouse(warehouse.path).prepare() == []


@pytest.mark.parametrize("damage", ["a folder", "garbage", "foreign"])
def test_what_was_never_a_warehouse_by_its_name_too_is_refused_and_stays(tmp_path: Path, damage: str):
    """A setting with a wrong path would move another home's raw files away."""
    place = tmp_path / "raw"
    place.write_bytes(b"x" * 100)
    OF_A_FILE[damage](place)
    before = sorted(tmp_path.rglob("*"))
    warehouse = DuckDBWarehouse(place)
    for use in (warehouse.prepare, lambda: warehouse.query(COUNT)):
        with pytest.raises(SettingsError, match="WAREHOUSE_URI: expected a file of DuckDB, found "):
            use()
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("damage", ["empty", "truncated"])
def test_a_warehouse_of_any_name_is_set_aside_if_it_is_damaged(tmp_path: Path, damage: str):
    warehouse = DuckDBWarehouse(tmp_path / "books.db")
    warehouse.prepare()
    OF_A_FILE[damage](warehouse.path)
    assert len(warehouse.prepare()) == 1
    assert warehouse.query(COUNT).rows == [(0,)]


def test_a_newer_format_is_damage_and_a_lock_is_not():
    message = "Trying to read a database file with version number 999, but we can only read versions up to 68"
    assert is_damage(duckdb.IOException(message))
    assert not is_damage(duckdb.IOException("Could not set lock on file: Conflicting lock is held"))


def test_a_missing_file_and_a_link_to_nothing_are_no_damage(tmp_path: Path):
    (tmp_path / "link.duckdb").symlink_to(tmp_path / "other" / "warehouse.duckdb")
    warehouse = DuckDBWarehouse(tmp_path / "link.duckdb")
    with pytest.raises(NoWarehouseYetError):
        warehouse.query(COUNT)
    assert warehouse.prepare() == []
    assert warehouse.query(COUNT).rows == [(0,)]


def test_a_link_to_itself_is_replaced(tmp_path: Path):
    (tmp_path / "warehouse.duckdb").symlink_to(tmp_path / "warehouse.duckdb")
    warehouse = DuckDBWarehouse(tmp_path / "warehouse.duckdb")
    warehouse.prepare()
    assert warehouse.query(COUNT).rows == [(0,)]


def test_a_file_that_another_program_has_open_is_not_set_aside(warehouse: DuckDBWarehouse):
    code = "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('open', flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", code, str(warehouse.path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout
        assert other.stdout.readline() == b"open\n"
        with pytest.raises(WarehouseInUseError) as caught:
            warehouse.query(COUNT)
        path = re.escape(str(warehouse.path))
        assert re.fullmatch(rf"{path} is open for writing in .*python.* \(PID {other.pid}\)", caught.value.found)
        assert caught.value.fix.startswith("close the file in that program, or open it read-only there")
        with suppress(LoadError):  # whether the copy can be opened depends on the lock
            assert warehouse.prepare() == []
        other.communicate()
    assert list(warehouse.path.parent.glob("*.damaged-*")) == []
    assert warehouse.query(COUNT).rows == [(0,)]


def test_after_a_program_was_killed_while_it_wrote_the_fix_of_the_message_loads_again(warehouse: DuckDBWarehouse):
    code = (
        "import duckdb, os, signal, sys; c = duckdb.connect(sys.argv[1]); "
        "c.execute('CREATE TABLE theirs (a INTEGER)'); os.kill(os.getpid(), signal.SIGKILL)"
    )
    killed = subprocess.run([sys.executable, "-c", code, str(warehouse.path)], check=False)
    assert killed.returncode == -signal.SIGKILL
    with pytest.raises(LoadError) as caught, warehouse.transaction():
        pytest.fail("the log would be applied to the next file")
    log = re.search(r"it was killed: remove (\S+), which has only what that program wrote", caught.value.fix)
    assert log
    Path(log[1]).unlink()
    with warehouse.transaction():
        pass
    assert warehouse.query(COUNT).rows == [(0,)]


def test_tables_of_another_program_in_the_file_stay(tmp_path: Path):
    path = tmp_path / "warehouse.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE TABLE theirs AS SELECT 7 AS seven")
    warehouse = DuckDBWarehouse(path)
    assert published_slices(warehouse) == {}  # `status` shows what a run will load
    assert warehouse.pending_statements()
    assert warehouse.prepare() == []
    assert warehouse.pending_statements() == ()
    with duckdb.connect(str(path), read_only=True) as connection:
        assert connection.execute("SELECT seven FROM theirs").fetchall() == [(7,)]


def test_a_suspicion_that_the_file_does_not_confirm_sets_nothing_aside(warehouse: DuckDBWarehouse):
    # A load's copy may be damaged, by a full disk for example, while the published file is whole.
    with pytest.raises(DamagedWarehouseError), warehouse.transaction():
        raise DamagedWarehouseError("the copy", "Corrupt database file")
    assert warehouse.prepare() == []
    assert list(warehouse.path.parent.glob("*.damaged-*")) == []


def test_a_pipe_in_place_of_the_files_log_is_refused_and_nothing_waits(warehouse: DuckDBWarehouse):
    log = warehouse.path.with_name("warehouse.duckdb.wal")
    os.mkfifo(log)
    for read in (lambda: warehouse.query(COUNT), warehouse.prepare):
        with pytest.raises(HomeError, match=f"{log} is not a plain file"):
            read()
    log.unlink()
    assert warehouse.query(COUNT).rows == [(0,)]
