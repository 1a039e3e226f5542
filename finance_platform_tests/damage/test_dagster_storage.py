"""Dagster's storage in the home, damaged: it begins anew, and a person's own settings stay.

Belongs here: `dagster.yaml` and the SQLite files. Does not belong here: runs.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from dagster import DagsterInstance

from finance_platform.errors import HomeError
from finance_platform.orchestration.dagster_instance import open_instance, prepare_dagster_home
from finance_platform.orchestration.dagster_storage import find_damaged_storage
from finance_platform.orchestration.runs import last_run
from finance_platform_tests.damage.damages import DAMAGES, OTHER_DAMAGES
from finance_platform_tests.profiles import current_profile
from finance_platform_tests.session_artifacts import session_artifact

DATABASES = ("history/runs.db", "history/runs/index.db", "schedules/schedules.db")
HEADER_BYTES = 100
"""Of an SQLite file; its first page begins with it."""

ALL = {**DAMAGES, **OTHER_DAMAGES}
SETS = (
    [(name, name, name) for name in ALL] if current_profile().is_exhaustive else [("truncated", "garbage", "a folder")]
)


@pytest.fixture(scope="module")
def used_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Dagster's folder after its first use; for copies."""

    def create(path: Path) -> None:
        with open_instance(path) as instance:
            use(instance)

    return session_artifact(tmp_path_factory, "dagster_storage", create)


@pytest.fixture
def folder(used_once: Path, tmp_path: Path) -> Path:
    """A folder of the test's own."""
    import shutil

    return Path(shutil.copytree(used_once, tmp_path / "dagster"))


def use(instance: DagsterInstance) -> None:
    """Use each of the files."""
    assert instance.get_runs() == []
    assert instance.all_instigator_state() == []
    assert list(instance.all_asset_keys()) == []


def damage_within(path: Path) -> None:
    """Overwrite what is behind the header of a database, whose size stays."""
    with path.open("r+b") as stream:
        stream.seek(HEADER_BYTES)
        stream.write(b"\xff" * 2_000)


@pytest.mark.parametrize("damages", SETS)
def test_every_damaged_database_is_replaced(folder: Path, damages: tuple[str, ...]):
    for name, damage in zip(DATABASES, damages, strict=True):
        ALL[damage](folder / name)
    assert last_run(folder) is None
    with open_instance(folder) as instance:
        use(instance)
    assert last_run(folder) is None


def test_a_database_is_read_once_while_it_stays_as_it_is(folder: Path, monkeypatch: pytest.MonkeyPatch):
    read: list[str] = []

    def connect(path: Path, **options: Any) -> sqlite3.Connection:
        read.append(path.name)
        return sqlite3.Connection(path, **options)

    monkeypatch.setattr("finance_platform.orchestration.dagster_storage.sqlite3.connect", connect)
    for _ in range(3):
        assert find_damaged_storage(folder) == {}
    assert sorted(read) == ["index.db", "runs.db", "schedules.db"]


def test_a_database_that_is_damaged_after_it_was_read_is_found(folder: Path):
    assert find_damaged_storage(folder) == {}
    for name in DATABASES:
        damage_within(folder / name)
    assert find_damaged_storage(folder).keys() == {folder / name for name in DATABASES}


def test_damage_that_only_the_log_of_a_database_has_is_found(folder: Path):
    path = folder / DATABASES[0]
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript("PRAGMA journal_mode = WAL; CREATE TABLE lost (number INTEGER)")
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        assert find_damaged_storage(folder) == {}
        before = path.read_bytes()
        connection.executescript(
            "PRAGMA writable_schema = ON; UPDATE sqlite_master SET rootpage = 99999 WHERE name = 'lost'"
        )
        assert path.read_bytes() == before
        assert find_damaged_storage(folder).keys() == {path}


def test_a_database_that_was_locked_is_read_when_it_is_free(folder: Path):
    path = folder / DATABASES[0]
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
        connection.execute("BEGIN EXCLUSIVE")
        damage_within(path)
        assert find_damaged_storage(folder) == {}
    assert find_damaged_storage(folder).keys() == {path}


def test_a_log_without_its_database_is_set_aside(folder: Path):
    (folder / DATABASES[0]).unlink()
    (folder / f"{DATABASES[0]}-wal").write_bytes(b"left behind")
    with open_instance(folder) as instance:
        use(instance)
    assert list((folder / "history").glob("runs.db-wal.damaged-*"))


@pytest.mark.parametrize("damage", ALL)
def test_a_damaged_configuration_is_written_again(folder: Path, damage: str):
    written = (folder / "dagster.yaml").read_bytes()
    if damage == "truncated":
        (folder / "dagster.yaml").write_bytes(b"telemetry:\n  enabled: [fal")
    else:
        ALL[damage](folder / "dagster.yaml")
    prepare_dagster_home(folder)
    assert (folder / "dagster.yaml").read_bytes() == written
    assert damage == "missing" or list(folder.glob("dagster.yaml.damaged-*"))


def test_a_persons_own_settings_stay(folder: Path):
    own = "telemetry:\n  enabled: false\nconcurrency:\n  pools:\n    default_limit: 1\n"
    (folder / "dagster.yaml").write_text(own)
    prepare_dagster_home(folder)
    assert (folder / "dagster.yaml").read_text() == own


def test_settings_that_dagster_refuses_are_named_and_the_fix_helps(folder: Path):
    (folder / "dagster.yaml").write_text("telemetri:\n  enabled: false\n")
    with pytest.raises(HomeError, match="telemetri") as caught, open_instance(folder):
        pass
    assert "remove it" in caught.value.fix
    (folder / "dagster.yaml").unlink()
    with open_instance(folder) as instance:
        use(instance)
