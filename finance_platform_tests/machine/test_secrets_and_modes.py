"""Who can read a home's files, and that no secret of the environment is in them or in any output.

Belongs here: whole commands with secrets in their environment, and the modes of all files that they create. Does not
belong here: the validation of settings (see `unit.test_settings`).
"""

from __future__ import annotations

import gzip
import json
import os
import shutil
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from finance_platform.storage.s3 import s3_client
from finance_platform_tests.end_to_end.home import CommandResult, Home
from finance_platform_tests.end_to_end.small_home import TRANSACTIONS, create_small_home
from finance_platform_tests.machine.secret_scan import files_with

pytestmark = pytest.mark.end_to_end

SEEDS = {
    "AWS_SECRET_ACCESS_KEY": "seed-access-key-4711",
    "AWS_SESSION_TOKEN": "seed-session-token-4712",
    "AWS_ENDPOINT_URL": "http://endpoint:seed-endpoint-4713@127.0.0.1:9",
    "HTTPS_PROXY": "http://proxy:seed-proxy-4714@127.0.0.1:9",
    "PGPASSWORD": "seed-database-4715",
    "DAGSTER_CLOUD_API_TOKEN": "seed-dagster-4716",
}
SECRETS = [part for value in SEEDS.values() for part in value.replace("@", ":").split(":") if part.startswith("seed-")]

IN_AN_ADDRESS = "-".join(["seed", "address", "4718"])
ADDRESSES = {
    "UI_URL": "https://ops:{secret}@ui.example.com",
    "S3_ENDPOINT_URL": "https://ops:{secret}@s3.example.com",
    "RAW_EVENTS_QUEUE_URL": "https://sqs.example.com/1/queue?token={secret}",
    "RAW_URI": "s3://ops:{secret}@bucket/raw",
    "PROCESSED_URI": "s3://{secret}@bucket/processed",
    "SCRIPTS_URI": "s3://{secret}@bucket/scripts",
    "REPORTS_URI": "https://example.com/reports#{secret}",
    "WAREHOUSE_URI": "duckdb://x:{secret}@host/file",
    "REDSHIFT_HOST": "jdbc:redshift://host:5439/finance?user=x&password={secret}",
}
"""By setting, an address with a secret in it."""


def modes_of(home: Home) -> dict[str, str]:
    """Return the modes of all files and folders that the platform has created."""
    created = [path for path in home.path.rglob("*") if path.relative_to(home.path).parts[0] != "raw"]
    return {str(path.relative_to(home.path)): oct(stat.S_IMODE(path.stat().st_mode)) for path in created}


def test_every_file_of_a_home_is_its_owner_s_only(home_after_a_run: Home):
    modes = modes_of(home_after_a_run)
    kinds = {name.partition("/")[0] for name in modes}
    assert kinds >= {"processed", "dagster", "reports", "warehouse.duckdb", "run.lock"}
    wrong = {
        name: mode
        for name, mode in modes.items()
        if mode != ("0o700" if (home_after_a_run.path / name).is_dir() else "0o600")
    }
    assert wrong == {}


@pytest.fixture(scope="module")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Home, list[CommandResult]]:
    """A home whose group may read, after commands that succeed, need a decision and fail, with secrets around them."""
    earlier = os.umask(0o002)
    os.umask(earlier)
    home = create_small_home(tmp_path_factory.mktemp("seeded"))
    home.write(".env", "OTHER_PASSWORD=seed-other-4717\n")
    home.write("feeds/broken.yaml", "feed: broken\npath: broken*.csv\n")
    # A delivery with a rejected row among two is held, which sends an alert.
    home.write(
        "raw/transactions_held.csv", TRANSACTIONS.partition("\n")[0] + "\nT1,x,D100,4000,1.00,\nT2,x,D100,4000,1.00,\n"
    )
    environment = {**SEEDS, "FINANCE_PLATFORM_GROUP_READABLE": "true"}
    commands = (("run",), ("status", "--json"), ("rejected",), ("secure",))
    results = [home.command(*command, **environment) for command in commands]
    results.append(home.command("accept", "transactions_held.csv", "--why", "a test", **environment))
    assert os.umask(earlier) == earlier
    return home, results


def test_every_file_of_a_home_is_readable_for_its_group_where_the_setting_says_so(
    seeded: tuple[Home, list[CommandResult]],
):
    home, _ = seeded
    people = {".env", "feeds", "feeds/broken.yaml"}
    modes = {name: mode for name, mode in modes_of(home).items() if name not in people}
    expected = {name: "0o750" if (home.path / name).is_dir() else "0o640" for name in modes}
    assert modes == expected


def test_no_secret_of_the_environment_is_in_a_file_or_an_output(seeded: tuple[Home, list[CommandResult]]):
    home, results = seeded
    assert {result.returncode for result in results} >= {0, 1, 2}
    assert {"processed", "dagster", "reports", "alerts.jsonl"} <= {path.name for path in home.path.iterdir()}
    (home.path / ".env").unlink()
    secrets = [*SECRETS, "seed-other-4717"]
    assert files_with(secrets, home.path) == {}
    for result in results:
        assert not [secret for secret in secrets if secret in result.stdout + result.stderr]


ON_AWS = {
    "PROFILE": "aws",
    "RAW_URI": "s3://raw",
    "PROCESSED_URI": "s3://processed",
    "SCRIPTS_URI": "s3://scripts",
    "REDSHIFT_HOST": "127.0.0.1",
    "REDSHIFT_SECRET_ID": "loader",
    "REDSHIFT_COPY_ROLE_ARN": "arn:aws:iam::123456789012:role/copy",
    "AWS_REGION": "eu-central-1",
}


@pytest.mark.parametrize(
    ("arguments", "address"), [(("status",), "AWS_ENDPOINT_URL"), (("query", "SELECT 1"), "HTTPS_PROXY")]
)
def test_a_service_that_cannot_be_reached_is_named_without_the_password_of_its_address(
    arguments: tuple[str, ...], address: str, tmp_path: Path
):
    environment = {f"FINANCE_PLATFORM_{name}": value for name, value in ON_AWS.items()}
    environment |= {"AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": SEEDS["AWS_SECRET_ACCESS_KEY"]}
    # One attempt is enough; the others only wait.
    environment |= {address: SEEDS[address], "AWS_EC2_METADATA_DISABLED": "true", "AWS_MAX_ATTEMPTS": "1"}
    s3_client.cache_clear()  # a test before may have had another address
    result = Home(tmp_path).command(*arguments, **environment)
    s3_client.cache_clear()
    assert result.returncode == 3
    assert "http://***@127.0.0.1:9" in result.stderr
    assert not [secret for secret in SECRETS if secret in result.stdout + result.stderr]


@pytest.mark.parametrize("name", ADDRESSES)
def test_an_address_with_a_secret_is_refused_before_it_is_stored_or_shown(name: str, tmp_path: Path):
    home = create_small_home(tmp_path)
    result = home.command("run", **{f"FINANCE_PLATFORM_{name}": ADDRESSES[name].format(secret=IN_AN_ADDRESS)})
    assert result.returncode == 2
    assert f"FINANCE_PLATFORM_{name}" in result.stderr
    assert IN_AN_ADDRESS not in result.stdout + result.stderr
    assert files_with([IN_AN_ADDRESS], tmp_path) == {}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["raw"]


def test_files_of_an_earlier_release_are_reported_and_not_changed_by_a_run_on_an_empty_raw_zone(tmp_path: Path):
    home = Home(tmp_path / "home")
    home.write("alerts.jsonl", "")
    for folder in (tmp_path, home.path, home.path / "processed", home.path / "raw"):
        folder.mkdir(exist_ok=True)
        folder.chmod(0o755)
    (home.path / "alerts.jsonl").chmod(0o644)
    result = home.command("run")
    assert result.returncode == 0, result.stdout + result.stderr
    assert "Nothing to do" in result.stdout
    assert "may read processed, alerts.jsonl of" in result.stderr
    assert "Fix: chmod -R go= processed alerts.jsonl in that folder" in result.stderr
    assert stat.S_IMODE((home.path / "alerts.jsonl").stat().st_mode) == 0o644


def test_the_scan_finds_a_text_in_every_kind_of_file(tmp_path: Path):
    secret = SECRETS[0]
    (tmp_path / "plain.log").write_text(f"password {secret}")
    (tmp_path / "scan.jsonl.gz").write_bytes(gzip.compress(json.dumps({"a": secret}).encode()))
    pq.write_table(pa.table({"a": [secret] * 3}), tmp_path / "rows.parquet", compression="zstd")
    with closing(duckdb.connect(str(tmp_path / "w.duckdb"))) as warehouse:
        warehouse.execute(f"CREATE TABLE t AS SELECT '{secret}' AS a FROM range(2)")
    with closing(sqlite3.connect(tmp_path / "runs.db")) as records:
        records.execute("CREATE TABLE runs (body TEXT)")
        records.execute("INSERT INTO runs VALUES (?)", (f"tags {secret}",))
        records.commit()
    assert sorted(files_with([secret], tmp_path)) == [
        "plain.log",
        "rows.parquet",
        "runs.db",
        "scan.jsonl.gz",
        "w.duckdb",
    ]
    shutil.rmtree(tmp_path)
