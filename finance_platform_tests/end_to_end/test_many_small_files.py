"""Many small files: their deliveries share Parquet files, and nothing else is different.

Belongs here: what depends on the number of files, counted in files and writes. Does not belong here: seconds and
memory (see `benchmarks/many_files.py`).
"""

from __future__ import annotations

import gc
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyspark.sql import SparkSession

from finance_platform import bootstrap
from finance_platform.code_version import JobName
from finance_platform.deliveries.commits import DeliveryCommit, read_commits
from finance_platform.deliveries.events import DeliveryDiscovered
from finance_platform.refresh.steps.build_star import build_star
from finance_platform.refresh.steps.register import register
from finance_platform.refresh.steps.standardise import standardise
from finance_platform.refresh.verification.verify import Verifier
from finance_platform.reports.rejected_rows import RejectedRows
from finance_platform.settings import StarSettings, load_settings
from finance_platform.spark_jobs import batches
from finance_platform.storage import immutable_documents
from finance_platform.storage.local import LocalStore
from finance_platform_tests.end_to_end.home import Home, copy_home
from finance_platform_tests.end_to_end.in_process_refresh import Refresher
from finance_platform_tests.end_to_end.small_home import TRANSACTIONS, create_small_home
from finance_platform_tests.in_process_jobs import InProcessJobs
from finance_platform_tests.profiles import at_night

pytestmark = pytest.mark.end_to_end

MANY = 24
"""Enough to share files."""

OWN = "transactions_own.csv"
"""A file that no other test has, whose homes may be in memory."""

HEADER = "transaction_id,transaction_date,department_code,account_number,amount,description\n"
HELD, CORRECTED, REPEATED = "transactions_003.csv", "transactions_005.csv", "transactions_006.csv"
AT_ONCE = {"FINANCE_PLATFORM_RETENTION_DAYS": "0"}


def line(number: int, amount: object) -> str:
    return f"S{number:04d},2024-0{number % 3 + 1}-05,D100,4000,{amount},small\n"


def create_home(path: Path, count: int) -> Home:
    """Create a small home with many files of a line or two, and one of more lines than a shared file takes."""
    home = create_small_home(path)
    for number in range(count):
        home.write(f"raw/transactions_{number:03d}.csv", HEADER + line(number, 100 + number))
    # Half of its rows rejected: held. A row twice: a duplicate. A header that the feed does not know: refused.
    home.write(f"raw/{HELD}", HEADER + line(3, "50.00") + line(903, "tbc"))
    home.write(f"raw/{REPEATED}", HEADER + line(6, 106) * 2)
    home.write("raw/transactions_refused.csv", "a,b\n1,2\n")
    many = range(5_000, 5_000 + batches.SMALL_LINES + 1)
    home.write("raw/transactions_long.csv", HEADER + "".join(line(number, 1) for number in many))
    return home


def shared_files(home: Home) -> Counter[str]:
    """Return the number of Parquet files that deliveries share, by table."""
    files = (file for commit in home.commits().values() for of_table in commit.files.values() for file in of_table)
    return Counter(key.partition("/")[0] for key in {file.key for file in files if file.is_shared})


def figures(home: Home) -> dict[str, Any]:
    """Return the status without what names moments and files of the processed zone."""
    document = json.loads(home.command("status", "--json", "--all-versions").stdout)
    return {name: document[name] for name in ("reconciliation", "all_versions")}


def rejected(home: Home) -> list[dict[str, Any]]:
    return list(RejectedRows(home.processed, home.state).rows())


def refresh_and_count(refresh: Refresher, home: Home) -> tuple[Home, Counter[str]]:
    """Refresh a home; return it with the number of writes by folder, those of Spark left out."""

    def counted(original: Callable[..., Any]) -> Callable[..., Any]:
        def write(store: LocalStore, key: str, data: bytes, **named: Any) -> Any:
            writes[key.partition("/")[0]] += 1
            return original(store, key, data, **named)

        return write

    writes: Counter[str] = Counter()
    with pytest.MonkeyPatch.context() as patch:
        for name in ("write", "write_new", "replace"):
            patch.setattr(LocalStore, name, counted(getattr(LocalStore, name)))
        refresh(home)
    return home, writes


@pytest.fixture(scope="module")
def first_run(refresh: Refresher, tmp_path_factory: pytest.TempPathFactory) -> tuple[Home, Counter[str]]:
    """The home after its first refresh, and the writes of that refresh."""
    return refresh_and_count(refresh, create_home(tmp_path_factory.mktemp("shared"), MANY))


@pytest.fixture(scope="module")
def shared(first_run: tuple[Home, Counter[str]]) -> Home:
    """The home after its first refresh."""
    return first_run[0]


@pytest.fixture(scope="module")
def apart(refresh: Refresher, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """The same home, with Parquet files of its own for each delivery."""
    home = create_home(tmp_path_factory.mktemp("apart"), MANY)
    # A data catalog lists folders, so each delivery has one.
    refresh(home, FINANCE_PLATFORM_DATA_CATALOG_DATABASE="finance")
    return home


@at_night("`unit/deliveries/test_delivery_rows`, `model_based/test_trace`")
def test_deliveries_that_share_files_have_the_results_of_deliveries_that_do_not(shared: Home, apart: Home):
    assert shared.tables() == apart.tables()
    assert figures(shared) == figures(apart)
    assert rejected(shared) == rejected(apart)
    without_files = [
        {key: replace(commit, files={}, attempt="", committed_at="") for key, commit in home.commits().items()}
        for home in (shared, apart)
    ]
    assert without_files[0] == without_files[1]


def test_a_delivery_in_a_shared_file_has_its_own_rows_and_a_long_one_its_own_file(shared: Home):
    commits = shared.commits()
    files = {key: commit.files["transactions"] for key, commit in commits.items() if "transactions" in commit.files}
    assert HELD not in commits
    own = {key for key, of_delivery in files.items() if not all(file.is_shared for file in of_delivery)}
    assert own == {"transactions_long.csv"}
    (row,) = shared.rows(commits[CORRECTED], "transactions")
    assert (row["transaction_id"], row["source_file"]) == ("S0005", CORRECTED)


def differing_figures(home: Home) -> list[tuple[str, str]]:
    """Return what `verify` finds in the published figures."""
    settings = load_settings(home=home.path)
    raw, processed = bootstrap.raw_zone(settings), bootstrap.processed_zone(settings)
    found = Verifier(raw, processed, bootstrap.open_warehouse(settings)).verify().findings
    return [(one.subject, one.why) for one in found if one.part == "published figures"]


def copy_with_shared_lines(shared: Home, path: Path) -> tuple[Home, Path]:
    """Return a copy of the home, and the file that has the ledger lines of its small deliveries."""
    home = copy_home(shared.path, path)
    files = {
        file.key for one in home.commits().values() for file in one.files.get("transactions", ()) if file.is_shared
    }
    (key,) = files
    return home, home.path / "processed" / key


def test_verify_names_each_delivery_of_a_shared_file_whose_lines_another_one_has(shared: Home, tmp_path: Path):
    home, path = copy_with_shared_lines(shared, tmp_path / "home")
    assert differing_figures(home) == []
    table = pq.read_table(path)
    place = table.column_names.index("delivery_id")
    one, other = (home.commits()[f"transactions_{number:03d}.csv"].delivery_id for number in (7, 8))
    swapped = [{one: other, other: one}.get(name, name) for name in table["delivery_id"].to_pylist()]
    pq.write_table(table.set_column(place, table.schema.field(place), pa.array(swapped)), path)
    assert {subject for subject, why in differing_figures(home) if ".json says" in why} == {
        "transactions_007.csv",
        "transactions_008.csv",
    }


def test_verify_names_a_damaged_file_that_many_deliveries_share_once(shared: Home, tmp_path: Path):
    home, path = copy_with_shared_lines(shared, tmp_path / "home")
    path.write_bytes(b"PAR1 and nothing else PAR1")
    key = path.relative_to(home.path / "processed").as_posix()
    assert [subject for subject, why in differing_figures(home) if why.startswith("is damaged")] == [key]


def test_a_small_file_costs_one_write_and_the_files_of_a_table_share_one(first_run: tuple[Home, Counter[str]]):
    home, writes = first_run
    assert set(shared_files(home).values()) == {1}
    assert writes["deliveries"] == len(read_commits(home.processed)) > MANY
    assert max(number for folder, number in writes.items() if folder != "deliveries") < MANY / 2


def test_rejected_and_repeated_rows_that_share_a_file_are_listed_once_and_accounted_for(shared: Home):
    listed = [(one["source_file"], one["source_row"], one["outcome"]) for one in rejected(shared)]
    assert sorted(listed) == [(HELD, 3, "rejected"), (REPEATED, 3, "duplicate")]
    lines = figures(shared)["reconciliation"]["by_scenario"]
    assert {line["difference"]["net"] for line in lines} == {"0.00"}
    (actual,) = [line for line in lines if line["scenario"] == "Actual"]
    assert (actual["terms"]["held"]["net"], actual["terms"]["duplicate"]["net"]) == ("50.00", "106.00")


@at_night("the writes and the files of 24, above")
def test_twice_as_many_small_files_cost_one_write_each_and_no_further_parquet_file(
    first_run: tuple[Home, Counter[str]], refresh: Refresher, tmp_path: Path
):
    home, writes = first_run
    twice, writes_of_twice = refresh_and_count(refresh, create_home(tmp_path, 2 * MANY))
    assert shared_files(twice) == shared_files(home)
    assert set(shared_files(home).values()) == {1}
    assert writes_of_twice - writes == Counter(deliveries=MANY)


def test_a_file_whose_delivery_shares_a_parquet_file_leads_to_its_own_cell(shared: Home):
    result = shared.command("trace", "--file", CORRECTED, "--format", "json")
    assert result.returncode == 0, result.stderr
    assert [cell["amount"] for cell in json.loads(result.stdout)["cells"]] == ["105.00"]


def test_a_shared_file_stays_until_the_last_of_its_deliveries_is_removed(
    shared: Home, refresh: Refresher, tmp_path: Path
):
    home = copy_home(shared.path, tmp_path / "home")
    before = home.commits()
    (file,) = before[CORRECTED].files["transactions"]
    home.write(f"raw/{CORRECTED}", HEADER + line(5, 999))
    refresh(home)
    assert home.command("vacuum", "--yes", **AT_ONCE).returncode == 0
    assert (home.path / "processed" / file.key).exists()
    assert before[CORRECTED].delivery_id not in read_commits(home.processed)
    # It is read again, into another file, and its rows stay in the shared one.
    home.write(f"raw/{CORRECTED}", HEADER + line(5, 105))
    refresh(home)
    assert read_commits(home.processed)[before[CORRECTED].delivery_id].files["transactions"] != (file,)
    assert home.tables() == shared.tables()
    for number in range(MANY):
        home.write(f"raw/transactions_{number:03d}.csv", HEADER + line(number, 200 + number))
    home.write("raw/transactions.csv", TRANSACTIONS + line(700, 1))
    refresh(home)
    statement = figures(home)["all_versions"]
    assert home.command("vacuum", "--yes", **AT_ONCE).returncode == 0
    assert not (home.path / "processed" / file.key).exists()
    assert figures(home)["all_versions"] == statement


def test_no_delivery_is_in_memory_while_a_job_runs(
    spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    kept: dict[str, set[str]] = {}

    def look(job: JobName) -> None:
        kinds = (DeliveryCommit, DeliveryDiscovered)  # for millions of objects, a union takes four times as long
        objects = [one for one in gc.get_objects() if isinstance(one, kinds)]
        kept[job] = {one.object_key for one in objects} & {OWN}

    monkeypatch.setattr(immutable_documents, "FEWEST_RELEASED", 1)
    home = Home(tmp_path)
    home.write(f"raw/{OWN}", HEADER + line(1, "1.00"))
    attempts = iter(("first", "second"))
    settings = load_settings(home=home.path)
    raw, processed = bootstrap.raw_zone(settings), bootstrap.processed_zone(settings)
    jobs = InProcessJobs(spark, raw, processed, lambda: next(attempts), look)
    register(raw, processed, settings, at=datetime.now(UTC), run_id="run")
    standardise(raw, processed, jobs, settings, clock=lambda: datetime.now(UTC), run_id="run")
    assert build_star(processed, jobs, StarSettings.of(settings)).built
    assert kept == {"standardise": set(), "build_star": set()}
    look("build_star")
    assert kept["build_star"] == {OWN}
