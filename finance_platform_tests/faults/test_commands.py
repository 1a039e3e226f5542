"""Whole commands under faults: a full disk, a read-only one, a kill, two runs at once.

Belongs here: what a person sees of them, and the next run. Does not belong here: faults of single operations (see
`test_every_fault`), locks by themselves (see `unit/storage/test_file_lock`). One kill runs by day, the rest at night
(080).

Each ends in a sentence with a fix or in the right result. The next run gives the state of no fault: the equation
holds, and the good files beside one that cannot be read are loaded.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from finance_platform.storage.checkpoints import FOLDER as CHECKPOINTS
from finance_platform_tests.dagster_jobs import dagster_jobs_in_this_process
from finance_platform_tests.end_to_end.home import CommandResult, Home
from finance_platform_tests.end_to_end.small_home import TRANSACTIONS, create_small_home
from finance_platform_tests.environment import clean_environment
from finance_platform_tests.faults.small_disk import small_disk
from finance_platform_tests.profiles import current_profile

EVERY_POINT = current_profile().is_exhaustive
KILLS, STRANGE = Path(__file__).parent / "kills", Path(__file__).parent / "strange_file"
EARLY_CHECKPOINTS = {"FEWEST_NEW": "4"}
NIGHTLY = pytest.mark.skipif(not EVERY_POINT, reason="takes minutes: make test-nightly")
BAD_FILE = "transactions_without_amounts.csv"
STATE_TABLES = (
    "SELECT * FROM DimDate",
    "SELECT * FROM DimDepartment",
    "SELECT * FROM DimAccount",
    "SELECT * FROM DimScenario",
    "SELECT DateKey, DepartmentKey, AccountKey, ScenarioKey, Amount, BudgetAmount, Variance FROM FactFinancials",
    "SELECT TableName, Slice, Version, RowCount, Amount FROM LoadLedger",
)

pytestmark = pytest.mark.end_to_end


@pytest.fixture(autouse=True)
def _jobs_in_this_process() -> Iterator[None]:
    with dagster_jobs_in_this_process():
        yield


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The state after a run without a fault."""
    home = sent(tmp_path_factory.mktemp("undisturbed") / "home")
    with dagster_jobs_in_this_process():
        assert home.command("run").returncode == 1, "one file cannot be read"
    return state(home)


def sent(path: Path) -> Home:
    """Return a small home with a correction, and with a file that cannot be read."""
    home = create_small_home(path)
    more = "T6,2024-04-05,D100,4000,50.00,April\n"
    home.write("raw/transactions_more.csv", TRANSACTIONS.replace("1100.00", "1110.00") + more)
    home.write(f"raw/{BAD_FILE}", "transaction_id,transaction_date\nT9,2024-01-05\n")
    return home


def state(home: Home) -> dict[str, Any]:
    """Return what is published, what `status` says of each file, and the equation; without times and runs."""
    tables = {sql: sorted(str(row) for row in home.select(sql)) for sql in STATE_TABLES}
    status = status_of(home)
    names = ("file", "state", "rows", "reason", "fix", "warnings")
    files = [{name: row.get(name) for name in names} for row in status["deliveries"]]
    return {**tables, "files": files, "reconciliation": status["reconciliation"], "problems": status["problems"]}


def status_of(home: Home) -> dict[str, Any]:
    """Return what `status` prints for monitors."""
    document: dict[str, Any] = json.loads(home.command("status", "--json").stdout)
    return document


def assert_repaired(home: Home, expected: dict[str, Any]) -> None:
    """Run again, and compare with the state of no fault."""
    assert home.command("run").returncode == 1
    found = state(home)
    assert found == expected
    assert [row["file"] for row in found["files"] if row["state"] == "refused"] == [BAD_FILE]
    assert home.select("SELECT COUNT(*) FROM FactFinancials") != [(0,)], "the good files are loaded"
    for line in found["reconciliation"]["by_file"]:
        assert (line["difference"]["rows"], line["difference"]["net"]) == (0, "0.00"), line


def assert_sentence(result: CommandResult, cause: str) -> None:
    """Check that a command ended with its cause and a fix, without a stack trace."""
    text = " ".join((result.stdout + result.stderr).split())
    assert result.returncode in {2, 3}, text
    assert cause in text
    assert "Fix:" in text
    assert "Traceback" not in text


# A disk of the processed zone that is read-only, then full: 8 KiB end the first step, 60 the reading of files, 150 the
# building of the star


@pytest.mark.parametrize("kilobytes", [pytest.param(size, marks=NIGHTLY) for size in (8, 60, 100, 150, 190)])
def test_a_read_only_and_a_full_disk_end_in_a_sentence_and_the_next_run_has_the_state_of_no_fault(
    kilobytes: int, tmp_path: Path, expected: dict[str, Any]
):
    home = sent(tmp_path / "home")
    with small_disk(home.path / "processed", kilobytes) as disk:
        disk.remount("ro")
        assert_sentence(home.command("run"), "Read-only file system")
        disk.remount("rw")
        assert_sentence(home.command("run"), "No space left on device")
        disk.remount("size=100m")
        assert_repaired(home, expected)


@NIGHTLY
@pytest.mark.parametrize(("kilobytes", "lines"), [(200, 20_000), (600, 60_000)], ids=["few lines", "many lines"])
def test_a_disk_that_lines_have_filled_is_reported_as_a_disk_and_not_as_a_file(
    kilobytes: int, lines: int, tmp_path: Path
):
    """Many lines are read by tasks of Spark, few by the job itself; the fault is the disk's, not the file's."""
    home = create_small_home(tmp_path / "home")
    rows = (f"X{number},2024-05-05,D100,4000,{number}.25,{number * 7919}\n" for number in range(lines))
    home.write("raw/transactions_more.csv", "".join([*TRANSACTIONS.splitlines(keepends=True)[:1], *rows]))
    with small_disk(home.path / "processed", kilobytes) as disk:
        assert_sentence(home.command("run"), "No space left on device")
        assert {row["state"] for row in status_of(home)["deliveries"]} == {"pending"}
        disk.remount("size=100m")
        assert home.command("run").returncode == 0
        assert {row["state"] for row in status_of(home)["deliveries"]} == {"live"}


@NIGHTLY
@pytest.mark.parametrize("kilobytes", [100, 1500, 4000])
def test_a_home_on_a_full_disk_ends_without_harm(kilobytes: int, tmp_path: Path, expected: dict[str, Any]):
    with small_disk(tmp_path / "disk", kilobytes) as disk:
        home = sent(disk.path / "home")
        assert home.process("run").returncode in {2, 3}
        disk.remount("size=200m")
        assert_repaired(home, expected)


@NIGHTLY
def test_a_read_only_home_ends_in_a_sentence_and_the_next_run_has_the_state_of_no_fault(
    tmp_path: Path, expected: dict[str, Any]
):
    with small_disk(tmp_path / "disk", 200_000) as disk:
        home = sent(disk.path / "home")
        disk.remount("ro")
        assert_sentence(home.command("run"), "Read-only file system")
        disk.remount("rw")
        assert_repaired(home, expected)


# A file that meets a fault of the reader


@pytest.mark.parametrize("lines", [2, pytest.param(60_000, marks=NIGHTLY)], ids=["few lines", "many lines"])
def test_a_file_that_meets_a_fault_of_the_reader_stops_no_other_and_is_read_once_the_fault_is_gone(
    lines: int, tmp_path: Path
):
    home = create_small_home(tmp_path / "home")
    strange = "transactions_strange.csv"
    rows = (f"X{number},2024-05-05,D100,4000,{number}.25,{number * 7919}\n" for number in range(lines))
    home.write(f"raw/{strange}", "".join([*TRANSACTIONS.splitlines(keepends=True)[:1], *rows]))
    done = home.process("run", PYTHONPATH=path_with(STRANGE), STRANGE_FILE=strange)
    reason = r"could not be read: a fault of the platform, ValueError: no reader expects\x1b this"
    assert done.returncode == 1, done.stderr
    assert f"pending {strange}: {reason}. Fix: keep the file and report this fault" in done.stdout
    assert "Read 4 deliveries; built " in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    assert any("Traceback" in log.read_text() for log in home.path.glob("processed/jobs/*/job.log"))
    states = {row["file"]: (row["state"], row["reason"]) for row in status_of(home)["deliveries"]}
    assert states.pop(strange) == ("pending", reason)
    assert set(states.values()) == {("live", "")}
    assert home.command("status").returncode == 1
    assert home.process("run").returncode == 0  # which writes the logs of open tables too
    assert {row["state"] for row in status_of(home)["deliveries"]} == {"live"}
    assert home.command("verify").returncode == 0


# A kill


def test_a_command_that_is_killed_at_a_write_is_repaired_by_the_next(tmp_path: Path, expected: dict[str, Any]):
    """It dies at one of its renames, links and removals, while the job that builds the star is at work."""
    home = sent(tmp_path / "killed")
    assert is_killed(home, 36, tmp_path)
    assert list(home.path.glob("processed/fact_financials"))
    assert not (home.path / "warehouse.duckdb").exists()
    assert_repaired(home, expected)


@NIGHTLY
def test_a_command_that_is_killed_at_every_write_comes_through_in_the_end(tmp_path: Path, expected: dict[str, Any]):
    """Each run dies at the write after the one at which the run before it died, until one comes through."""
    home = sent(tmp_path / "killed")
    died = 0
    while is_killed(home, died + 1, tmp_path):
        died += 1
        assert died < 200, "no run came through"
    assert died >= 1
    assert_repaired(home, expected)


@NIGHTLY
def test_a_run_whose_fork_is_killed_at_any_write_does_the_rest_itself(tmp_path: Path, expected: dict[str, Any]):
    """Each run has a home of its own: the one before has come through, and a further one would have nothing to do."""
    died = 0
    while is_killed(home := sent(tmp_path / f"home-{died}"), died + 1, tmp_path, KILL_FORK="1"):
        died += 1
        assert state(home) == expected, f"killed at write {died}"
        shutil.rmtree(home.path)
    assert died >= 10


@NIGHTLY
def test_a_run_that_is_killed_while_it_writes_checkpoints_leaves_none_that_is_wrong(tmp_path: Path):
    """So few documents are worth a checkpoint that one more file adds to those of its period, and of the register.

    The next run reads what the killed one has left, the one after it builds the period again, and `verify` compares
    each checkpoint with what it was made of.
    """
    before = create_small_home(tmp_path / "before")
    for number in range(5):
        run_with_line(before, number)
    undisturbed = before.copied_to(tmp_path / "undisturbed")
    expected = [run_with_line(undisturbed, number) for number in (5, 6)]
    for name in ("lines", "register"):
        assert checkpoints(undisturbed)[name] != checkpoints(before)[name]
    died, is_through = 0, False
    while not is_through:
        home = before.copied_to(tmp_path / f"home-{died}")
        send_line(home, 5)
        is_through = not is_killed(home, died + 1, tmp_path, code=0, **EARLY_CHECKPOINTS)
        assert [run_with_line(home, number) for number in (5, 6)] == expected, f"killed at write {died + 1}"
        # Runs of this process write no logs of open tables, and the killed one may have written some.
        verified = home.command("verify", FINANCE_PLATFORM_OPEN_TABLES="false")
        assert verified.returncode == 0, f"killed at write {died + 1}"
        died += not is_through
        shutil.rmtree(home.path)
    assert died >= 20


def run_with_line(home: Home, number: int) -> dict[str, Any]:
    """Send a line, if it has not been sent yet, and return the state after a run."""
    send_line(home, number)
    done = home.process("run", PYTHONPATH=path_with(KILLS), **EARLY_CHECKPOINTS)
    assert done.returncode == 0, done.stderr
    return state(home)


def send_line(home: Home, number: int) -> None:
    """Send a file with one line of January, unless it was sent."""
    header = TRANSACTIONS.splitlines()[0]
    name = f"raw/transactions_{number}.csv"
    if not (home.path / name).exists():
        home.write(name, f"{header}\nS{number},2024-01-15,D100,4000,{number + 1}.00,Small\n")


def checkpoints(home: Home) -> dict[str, set[str]]:
    """Return the names of the files of checkpoints, by what they are of."""
    folder = home.path / "processed" / CHECKPOINTS
    return {of.name: {file.name for file in of.rglob("*.parquet")} for of in folder.iterdir()}


def is_killed(home: Home, point: int, folder: Path, *, code: int = 1, **environment: str) -> bool:
    """Run the command, which dies at its nth write, or its fork does; return whether it had so many.

    Args:
        home: the home.
        point: the number of the write.
        folder: where the writes are counted.
        code: the exit code of a run that does not die.
        environment: further variables of `kills/sitecustomize`.
    """
    counter = folder / f"counter-{point}"
    counter.write_text("0")
    kills = {"PYTHONPATH": path_with(KILLS), "KILL_AT": str(point), "KILL_COUNTER": str(counter)}
    kills["TMPDIR"] = str(folder)  # what a killed command leaves there goes with the test
    done = home.process("run", **kills, **environment)
    is_at_point = int(counter.read_text()) >= point
    assert done.returncode == code or (is_at_point and "KILL_FORK" not in environment), done.stderr
    return is_at_point


@NIGHTLY
def test_a_command_that_is_killed_at_any_time_is_repaired_by_the_next(tmp_path: Path, expected: dict[str, Any]):
    moments = random.Random()
    for number in range(10):
        home, seconds = sent(tmp_path / f"killed-{number}"), moments.uniform(0.5, 8)
        with started(home) as run:
            try:
                run.wait(seconds)
            except subprocess.TimeoutExpired:
                os.killpg(run.pid, signal.SIGKILL)
        # A job notices within a second that its run is gone; it holds the lock of the zone until then.
        time.sleep(2)
        try:
            assert_repaired(home, expected)
        except AssertionError as error:
            error.add_note(f"killed after {seconds} s")
            raise


# Two at once


@NIGHTLY
def test_of_two_runs_at_once_one_works_and_the_other_ends_in_a_sentence(tmp_path: Path, expected: dict[str, Any]):
    home = sent(tmp_path / "home")
    with started(home) as first, started(home) as second:
        outputs = [run.communicate(timeout=300) for run in (first, second)]
    codes = sorted(run.returncode for run in (first, second))
    assert codes in ([1, 1], [1, 3]), outputs
    if codes == [1, 3]:
        assert "Another run or command is active in this home" in "".join(text for output in outputs for text in output)
    assert_repaired(home, expected)


@contextmanager
def started(home: Home) -> Iterator[subprocess.Popen[str]]:
    """Start a run in a process group of its own; it ends with the block."""
    with clean_environment(home.path, TMPDIR=str(home.path.parent)):
        command = [sys.executable, "-m", "finance_platform.cli", "run", "--home", str(home.path)]
        run = subprocess.Popen(
            command, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
        )
    with run:
        yield run


def path_with(folder: Path) -> str:
    """Return PYTHONPATH with the module of a fault."""
    return os.pathsep.join([str(folder), *filter(None, [os.environ.get("PYTHONPATH")])])
