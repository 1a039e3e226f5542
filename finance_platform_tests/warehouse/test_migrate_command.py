"""`finance-platform migrate`.

Belongs here: the command on a home. Does not belong here: the allowed changes (see `test_adapter_migration`).
"""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from finance_platform.cli import main
from finance_platform.warehouse import statements
from finance_platform.warehouse.duckdb.warehouse import DuckDBWarehouse


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "home" / "raw").mkdir(parents=True)
    return tmp_path / "home"


def migrate(home: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["migrate", "--home", str(home), *arguments])


def test_a_dry_run_prints_every_statement_and_creates_nothing(home: Path) -> None:
    result = migrate(home, "--dry-run")

    assert result.exit_code == 0
    assert "CREATE TABLE IF NOT EXISTS FactFinancials" in result.stdout
    assert "COMMENT ON VIEW Kpi IS" in result.stdout
    assert result.stdout.endswith(f"statements would be run in {home}/warehouse.duckdb.\n")
    assert not (home / "warehouse.duckdb").exists()


def test_a_dry_run_ends_with_what_changes_in_existing_tables(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    migrate(home)
    key = "    PRIMARY KEY (AccountKey),\n"
    extended = tuple(text.replace(key, f"    Remark VARCHAR(8),\n{key}") for text in statements.definitions())
    monkeypatch.setattr(statements, "definitions", lambda: extended)
    monkeypatch.setattr(statements, "definitions_fingerprint", lambda: "next")

    *_, title, change, kinds, last = migrate(home, "--dry-run").stdout.splitlines()

    assert (title, change) == ("Existing tables change:", "  ALTER TABLE DimAccount ADD COLUMN Remark VARCHAR(8);")
    assert kinds.startswith("0 new tables, ")
    assert "statements would be run in" in last


def test_the_tables_are_created_once_and_then_there_is_nothing_to_do(home: Path) -> None:
    first = migrate(home)
    assert first.stdout.endswith("has the tables and views of this release now.\n")
    assert "COMMENT ON" not in first.stdout
    assert "comments describe the tables, views and columns" in first.stdout

    second = migrate(home)

    assert (second.exit_code, second.stdout.count("CREATE")) == (0, 0)
    assert second.stdout.endswith("has the tables and views of this release.\n")
    assert DuckDBWarehouse(home / "warehouse.duckdb").pending_statements() == ()


def test_a_migration_that_writes_no_comments_says_nothing_about_them(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(statements, "comments", lambda: ())

    result = migrate(home)

    assert result.stdout.endswith("has the tables and views of this release now.\n")
    assert "0 comments" not in result.stdout


def test_a_change_to_make_by_hand_is_printed_and_exits_three(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    migrate(home)
    reduced = tuple(text.replace("    Quarter       INTEGER    NOT NULL,\n", "") for text in statements.definitions())
    monkeypatch.setattr(statements, "definitions", lambda: reduced)
    monkeypatch.setattr(statements, "definitions_fingerprint", lambda: "next")

    result = migrate(home)

    assert result.exit_code == 3
    assert "ALTER TABLE DimDate DROP COLUMN Quarter;" in result.stderr
    assert "move" in result.stderr
