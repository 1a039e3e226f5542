"""`finance-platform migrate`: what it shows, and what it does.

Belongs here: the command on a home. Does not belong here: what may be changed (see `test_migrating`).
"""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from finance_platform.cli import main
from finance_platform.warehouse import statements
from finance_platform.warehouse.duckdb import migration
from finance_platform.warehouse.duckdb.warehouse import DuckDBWarehouse


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "home" / "raw").mkdir(parents=True)
    return tmp_path / "home"


def migrate(home: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["migrate", "--home", str(home), *arguments])


def test_a_dry_run_shows_every_statement_and_makes_nothing(home: Path) -> None:
    done = migrate(home, "--dry-run")

    assert done.exit_code == 0
    assert "CREATE TABLE IF NOT EXISTS FactFinancials" in done.stdout
    assert done.stdout.endswith(f"statements would be run in {home}/warehouse.duckdb.\n")
    assert not (home / "warehouse.duckdb").exists()


def test_it_makes_the_tables_once_and_then_has_nothing_to_do(home: Path) -> None:
    assert migrate(home).stdout.endswith("has the tables and views of this release now.\n")

    again = migrate(home)

    assert (again.exit_code, again.stdout.count("CREATE")) == (0, 0)
    assert again.stdout.endswith("has the tables and views of this release.\n")
    assert DuckDBWarehouse(home / "warehouse.duckdb").planned() == ()


def test_what_must_be_done_by_hand_is_told_and_exits_three(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    migrate(home)
    less = tuple(text.replace("    Quarter       INTEGER    NOT NULL,\n", "") for text in statements.definitions())
    monkeypatch.setattr(migration, "definitions", lambda: less)
    monkeypatch.setattr(migration, "definitions_fingerprint", lambda: "next")

    done = migrate(home)

    assert done.exit_code == 3
    assert "ALTER TABLE DimDate DROP COLUMN Quarter;" in done.stderr
    assert "move" in done.stderr
