"""Fixtures and hooks of every test: an environment without the developer's settings, and one Spark session on Sail.

Belongs here: hiding the developer's configuration, hypothesis' profile, the session, the order of files, where files
are, Python's garbage collector.
Does not belong here: data, set-up of one layer.
"""

from __future__ import annotations

import atexit
import gc
import os
import signal
from contextlib import nullcontext
from functools import cache
from typing import TYPE_CHECKING

import pytest
from pytest_rerunfailures import ClientStatusDB, StatusDB

from finance_platform.setting_sources import ENV_PREFIX
from finance_platform_tests.new_warehouses import new_warehouses_are_copies, new_warehouses_are_created
from finance_platform_tests.open_readers import readers_stay_open
from finance_platform_tests.profiles import current_profile, load_hypothesis_profile
from finance_platform_tests.shared_spark import shared_session, stop_shared_session
from finance_platform_tests.temporary_files import keep_temporary_files_in_memory
from finance_platform_tests.worker_end import end_promptly
from finance_platform_tests.worker_messages import send_fewer_messages

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from pathlib import Path

    from pyspark.sql import SparkSession
    from xdist.remote import Producer
    from xdist.scheduler import Scheduling

load_hypothesis_profile()
keep_temporary_files_in_memory()
# The settings of the developer are not those of tests.
for _name in [name for name in os.environ if name.upper().startswith(ENV_PREFIX)]:
    del os.environ[_name]
# A shell starts background jobs with SIGINT ignored, and so would be the processes that tests interrupt.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Modules and test items stay until the end. To search them for garbage takes a third of the time in which the tests are
# collected, and again time whenever tests have created a few more objects.
gc.disable()


LONGEST_FIRST = (
    "/browser/test_ui.py",
    "test_engine_parity.py",
    "/aws/test_end_to_end.py",
    "/browser/",
    "/model_based/test_law.py",
    "/end_to_end/test_command_line.py",
    "/machine/",
    "/aws/test_caller_proof.py",
    "/orchestration/test_re",
    "/faults/",
    "/damage/test_tampering.py",
    "/end_to_end/test_ui_command.py",
    "/model_based/",
    "/feed_examples/",
    "/aws/test_deploy.py",
    "/aws/test_s3_errors.py",
    "/end_to_end/test_a",
    "/end_to_end/test_c",
    "/end_to_end/test_e",
    "/aws/test_prove.py",
    "/end_to_end/",
    "/aws/test_lease.py",
    "/orchestration/",
    "/independent/",
    "/damage/",
    "/warehouse/test_movements.py",
    "/warehouse/test_report_views.py",
    "/warehouse/test_parents.py",
    "/aws/test_redshift.py",
    "/warehouse/",
    "/aws/",
    "/transforms/",
    "/unit/test_feed_",
    "/unit/test_sample_generator.py",
    "/unit/feeds/test_workbook.py",
    "/unit/deliveries/test_removals_model.py",
    "/unit/test_read",
    "/unit/test_l",
    "",
)
"""Parts of paths, in order: a worker takes whole files, and a file that takes a minute must not start last.

What has no name here takes five seconds or less, so the other workers wait no longer than that for the last one.
Files of `aws` that mostly wait for time limits are far from each other, so that the other workers keep all cores busy.
"""


@pytest.hookimpl(trylast=True)  # pytest-rerunfailures has opened its connection
def pytest_configure(config: pytest.Config) -> None:
    """Let workers keep their own count of what ran again (243).

    For each test, pytest-rerunfailures sends the controller a number and asks it for one, so that a test whose worker
    has crashed may run again. No such test does here.
    """
    database = getattr(config, "failures_db", None)
    if isinstance(database, ClientStatusDB):
        database.sock.close()
        config.failures_db = StatusDB()  # type: ignore[attr-defined]
    send_fewer_messages(config)


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Begin each worker's collection of a directory at another of its files (243).

    The first process that imports a test module rewrites its assertions and writes the compiled file. In a new
    checkout, workers that collect in one order import each module at the same time, so each would rewrite all of them.
    """
    report = yield
    if isinstance(collector, pytest.Directory):
        first = len(report.result) * _worker_number() // _worker_count()
        report.result = report.result[first:] + report.result[:first]
    return report


def _worker_number() -> int:
    return int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))


def _worker_count() -> int:
    return int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    # By path too: xdist requires that all workers have one order.
    items.sort(key=lambda item: (_rank(item.path), item.path))


@cache
def _rank(file: Path) -> int:
    path = file.as_posix()
    return next(rank for rank, part in enumerate(LONGEST_FIRST) if part in path)


def pytest_collection_finish() -> None:
    gc.freeze()
    gc.set_threshold(5_000, 10, 10)
    gc.enable()


def pytest_xdist_auto_num_workers() -> int:
    """Return one worker more than there are cores: some tests wait for a job, a server or a browser (243).

    Each collects all tests, imports Dagster and Spark, and starts servers of its own: some 20 s of processor time.
    """
    return (os.cpu_count() or 1) + 1


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Scheduling | None:
    """Return the scheduler of `--dist loadfile` that gives away the parts of long tests one by one; none for others."""
    if config.getvalue("dist") != "loadfile":
        return None
    from finance_platform_tests.night_parts import PartsApart  # workers and single processes need no scheduler

    return PartsApart(config, log)  # without its log, it prints a line for each test


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item, nextitem: pytest.Item | None) -> bool | None:
    if not current_profile().is_exhaustive:
        return None
    from finance_platform_tests.night_parts import run_in_own_process  # imports xdist

    return run_in_own_process(item, nextitem) or None


@pytest.fixture(autouse=True)
def _readers_stay_open(request: pytest.FixtureRequest) -> Iterator[None]:
    with nullcontext() if "opens_readers" in request.fixturenames else readers_stay_open():
        yield


@pytest.fixture
def opens_readers() -> None:
    """For tests of the readers of a warehouse: each query opens one, as commands do outside of tests."""


@pytest.fixture(scope="session", autouse=True)
def _new_warehouses(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with nullcontext() if current_profile().is_exhaustive else new_warehouses_are_copies(tmp_path_factory):
        yield


@pytest.fixture
def creates_warehouses() -> Iterator[None]:
    """For tests of the creation itself."""
    with new_warehouses_are_created():
        yield


@pytest.fixture
def modules_stay_frozen(monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests that release memory: a search for garbage in all modules of all tests takes half a second."""
    monkeypatch.setattr(gc, "unfreeze", lambda: None)


@pytest.fixture(scope="session")
def spark() -> SparkSession:
    """The session of a local Glue job."""
    return shared_session()


def pytest_sessionfinish() -> None:
    stop_shared_session()
    # Pytest searches for garbage twice after this. With all of a worker's modules and items that takes longer than the
    # five seconds after which xdist interrupts the worker, which then prints a trace.
    gc.freeze()
    if "PYTEST_XDIST_WORKER" in os.environ:
        end_promptly()
    else:
        atexit.register(gc.unfreeze)  # libraries report as leaked what Python cannot free at the end
