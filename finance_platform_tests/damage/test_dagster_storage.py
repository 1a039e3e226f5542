"""Dagster's storage in the home, damaged: it begins anew, and a person's own settings stay.

Belongs here: `dagster.yaml` and the SQLite files. Does not belong here: runs.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from dagster import DagsterInstance

from finance_platform.errors import HomeError
from finance_platform.orchestration.dagster_instance import open_instance, prepare_dagster_home
from finance_platform.orchestration.runs import last_run
from finance_platform_tests.damage.damages import DAMAGES, OTHER_DAMAGES
from finance_platform_tests.profiles import current_profile
from finance_platform_tests.session_artifacts import session_artifact

DATABASES = ("history/runs.db", "history/runs/index.db", "schedules/schedules.db")
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


@pytest.mark.parametrize("damages", SETS)
def test_every_damaged_database_is_replaced(folder: Path, damages: tuple[str, ...]):
    for name, damage in zip(DATABASES, damages, strict=True):
        ALL[damage](folder / name)
    assert last_run(folder) is None
    with open_instance(folder) as instance:
        use(instance)
    assert last_run(folder) is None


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
