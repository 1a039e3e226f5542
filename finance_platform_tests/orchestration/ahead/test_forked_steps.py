"""The steps of a run in a fork of its process: what the run's steps get, what they do themselves, when the fork ends.

Belongs here: `orchestration.ahead.forked_steps` and `fork_worker`, with a script as the process of the jobs. Does not
belong here: the steps themselves, steps in a thread (see `test_steps_ahead`), whole runs that are killed (`faults`).
"""

from __future__ import annotations

import errno
import io
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType, SimpleNamespace
from typing import Any, cast

import pytest

from finance_platform.bootstrap import is_home_locked
from finance_platform.data_catalog import delta_log
from finance_platform.data_catalog.delta_log import SyncReport
from finance_platform.deliveries.commits import read_commits, write_commits
from finance_platform.deliveries.current_state import read_state
from finance_platform.deliveries.register import Register
from finance_platform.errors import WorkbookSizeError
from finance_platform.home import Home
from finance_platform.orchestration.ahead import fork_messages, fork_worker
from finance_platform.orchestration.ahead import forked_steps as module
from finance_platform.orchestration.ahead import steps_ahead as first_steps
from finance_platform.orchestration.ahead.forked_steps import ForkedSteps
from finance_platform.orchestration.ahead.steps_ahead import steps_ahead
from finance_platform.orchestration.job_runners.job_process import FailedAttemptError, JobProcess
from finance_platform.quality.checks import LINES_EQUAL_STAR, Outcome
from finance_platform.refresh import answers_ahead, status_ahead
from finance_platform.refresh import report_pack as last_step
from finance_platform.refresh.steps import build_star as third_step
from finance_platform.refresh.steps import publish as fourth_step
from finance_platform.refresh.steps.standardise import ReadDeliveries, Standardised
from finance_platform.settings import Settings
from finance_platform.slices.commits import ScenarioSum, SliceCommit
from finance_platform.slices.versions import TargetSlice
from finance_platform.spark_jobs.job_runner import JobRunner
from finance_platform.storage.local import LocalStore
from finance_platform.storage.port import ObjectStore, StoredObject
from finance_platform.warehouse.duckdb.kept_readers import kept_readers, known_answers
from finance_platform.warehouse.known_answers import KnownAnswers
from finance_platform.warehouse.port import QueryResult
from finance_platform_tests.orchestration.ahead.test_steps_ahead import HOST, READ, SCAN, ignore
from finance_platform_tests.unit.factories import commit_of, delivered, log_of, settings, write
from finance_platform_tests.waits import is_alive, wait_for_text, wait_until

GOOD = Outcome(LINES_EQUAL_STAR, passed=True, summary="equal")
BAD = Outcome(LINES_EQUAL_STAR, passed=False, summary="not equal")

ANSWERS = KnownAnswers("of the load", {("SELECT 1", ()): QueryResult(["one"], [(Decimal("1.00"),)])})

Begin = Callable[..., ForkedSteps]


@dataclass(frozen=True)
class Pack:
    cells: tuple[int, ...]


@dataclass(frozen=True)
class Written:
    pack: Pack
    workbook: WorkbookSizeError


@pytest.fixture
def home(tmp_path: Path) -> Settings:
    (tmp_path / "raw").mkdir()
    return settings(home=tmp_path)


@pytest.fixture
def begin(home: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Begin]:
    """Begins the steps of a run; `work` is what the job of the second step does."""
    opened: list[Any] = []

    def begun(
        work: str = "pass",
        *,
        has_news: bool = True,
        after_job: Callable[[], None] = lambda: None,
        build: Callable[[], None] = lambda: None,
        reads: Callable[[ObjectStore], ReadDeliveries] = lambda _: READ,
        looks: Callable[[ObjectStore], None] = lambda _: None,
        read: Outcome = GOOD,
        built: Outcome = GOOD,
        published: Outcome = GOOD,
        takes_all: bool = True,
        meanwhile: Callable[[], Iterator[None]] = lambda: iter(()),
        ask: Callable[[], None] = lambda: None,
        render: Callable[[], None] = lambda: None,
        derive: Callable[[], None] = lambda: None,
        rows: int = 1,
        sync: Callable[[], None] = lambda: None,
        open_tables: bool = True,
    ) -> ForkedSteps:
        def standardise(
            _raw: object, zone: ObjectStore, jobs: JobRunner, *_: object, on_read: Callable[..., None], **__: object
        ) -> Standardised:
            result = jobs.run("standardise", b'{"deliveries": 1}') if has_news else {}
            read = reads(zone)
            on_read(read)
            after_job()
            return Standardised(read, [], repaired=[str(result)])

        def build_star(zone: ObjectStore, *_: object) -> object:
            looks(zone)
            build()
            return SimpleNamespace(built=MappingProxyType({"2024-01": 1}), row_count=rows, snapshot="snapshot")

        def sync_tables(*_: object) -> SyncReport:
            sync()
            return SyncReport(f"by {os.getpid()}")

        def publish(opened: Home, *, once_published: Callable[[], None], **__: object) -> object:
            looks(opened.processed)
            once_published()
            return SimpleNamespace(star_outcomes=[], outcomes=[published])

        def ask_ahead(*_: object) -> KnownAnswers:
            ask()
            return ANSWERS

        def write_pack(pack: Pack, *_: object, **__: object) -> Written:
            render()
            return Written(pack, WorkbookSizeError("too many", fix="ask for it"))

        def derive_status(opened: Home, **__: object) -> str:
            derive()
            return "status of what was listed for the first step" if opened.raw is steps._raw else ""

        monkeypatch.setattr(ForkedSteps, "_may_fork", lambda *_: True)  # pytest has threads
        monkeypatch.setattr(first_steps, "register", lambda *_, **__: SCAN)
        monkeypatch.setattr(fork_worker, "standardise", standardise)
        monkeypatch.setattr(fork_worker, "take_snapshot", lambda *_: "snapshot")
        monkeypatch.setattr(fork_worker, "check_read", lambda *_: [read])
        monkeypatch.setattr(third_step, "build_star", build_star)
        monkeypatch.setattr(third_step, "check_built", lambda *_: [built])
        monkeypatch.setattr(delta_log, "sync_as_reported", sync_tables)
        monkeypatch.setattr(fourth_step, "publish", publish)
        monkeypatch.setattr(answers_ahead, "ask_ahead", ask_ahead)
        monkeypatch.setattr(last_step, "read_published_pack", lambda *_, **__: Pack((1, 2)))
        monkeypatch.setattr(last_step, "read_figures_for_a_run", lambda *_: None)
        monkeypatch.setattr(last_step, "write_report_pack", write_pack)
        monkeypatch.setattr(status_ahead, "derive_status_ahead", derive_status)
        process = JobProcess(write(tmp_path / "host.py", HOST.format(work=work)))
        process.start()
        chosen = home.model_copy(update={"open_tables": open_tables})
        steps = ForkedSteps(chosen, process, takes_all=takes_all, meanwhile=meanwhile)
        context = steps_ahead(home, process, lambda *_: steps)
        assert context.__enter__() is steps
        opened.extend([context, process])
        return steps

    yield begun
    for context, process in zip(opened[::2], opened[1::2], strict=True):
        context.__exit__(None, None, None)
        process.close()


def test_the_steps_of_a_run_get_what_was_done_beside_it_once(begin: Begin, home: Settings):
    steps, read = begin(), list[ReadDeliveries]()
    assert is_home_locked(home)
    assert steps.take_scan() is SCAN
    done = steps.take_standardised(read.append)
    assert done is not None
    assert done.repaired == ["{'requested': {'deliveries': 1}, 'variables': {}}"]
    assert read == [READ]
    checked: Any = steps.take_checked()
    assert (checked.snapshot, checked.outcomes) == ("snapshot", [GOOD])
    assert steps.take_checked() is None
    built: Any = steps.take_built()
    assert (built.star.built, built.outcomes) == ({"2024-01": 1}, [GOOD])
    published = steps.take_published()
    assert published is not None
    assert published.outcomes == [GOOD]
    written: Any = steps.take_pack()
    assert written.pack == Pack((1, 2))
    assert str(written.workbook) == str(WorkbookSizeError("too many", fix="ask for it"))
    assert steps.take_pack() is None


def test_open_tables_are_brought_up_to_date_beside_a_run_that_built_few_rows(begin: Begin):
    steps = begin()
    steps.take_standardised(ignore)
    built = steps.take_built()
    assert built is not None
    assert built.open_tables is not None
    assert built.open_tables.message not in {"", f"by {os.getpid()}"}


@pytest.mark.parametrize("why", ["many rows", "by setting", "fails", "checks"])
def test_open_tables_that_were_not_brought_up_to_date_are_left_to_the_run(begin: Begin, why: str):
    def fail() -> None:
        raise OSError("the disk is full")

    steps = begin(
        open_tables=why != "by setting",
        rows=500_001 if why == "many rows" else 500_000,
        sync=fail if why == "fails" else lambda: None,
        built=BAD if why == "checks" else GOOD,
    )
    steps.take_standardised(ignore)
    built = steps.take_built()
    assert built is not None
    assert built.open_tables is None
    assert (steps.take_published() is None) == (why == "checks")


def test_the_process_of_the_jobs_ends_with_the_last_job(begin: Begin):
    steps = begin()
    steps.take_standardised(ignore)
    assert steps.take_built() is not None
    assert not steps._process.is_started


@pytest.mark.parametrize("failing", ["read", "built", "published"])
def test_no_step_is_taken_behind_a_blocking_check_that_has_failed(begin: Begin, failing: str):
    steps = begin(**{failing: BAD})
    assert steps.take_standardised(ignore) is not None
    assert (steps.take_built() is None) == (failing == "read")
    assert (steps.take_published() is None) == (failing in ("read", "built"))
    assert steps.take_pack() is None


def test_a_run_that_builds_again_takes_the_later_steps_itself(begin: Begin):
    steps = begin(takes_all=False)
    assert steps.take_standardised(ignore) is not None
    assert steps.take_built() is None


def test_a_job_that_failed_beside_the_run_is_reported_with_its_exit_code(begin: Begin):
    steps = begin("sys.exit(9)")
    with pytest.raises(FailedAttemptError) as raised:
        steps.take_standardised(ignore)
    assert (raised.value.job, raised.value.exit_code) == ("standardise", 9)


def test_a_fork_that_is_slow_to_end_changes_no_exit_code_of_a_failed_job(begin: Begin, monkeypatch: pytest.MonkeyPatch):
    """The job's process takes a while to end after its last answer; nothing may kill it meanwhile."""
    send = fork_messages.Sender.send

    def send_slowly(sender: fork_messages.Sender, kind: bytes, value: object) -> None:
        send(sender, kind, value)
        if kind == fork_messages.FAILED:
            time.sleep(5)

    monkeypatch.setattr(fork_messages.Sender, "send", send_slowly)
    steps = begin("os.close(1); time.sleep(0.2); os._exit(9)")
    with pytest.raises(FailedAttemptError) as raised:
        steps.take_standardised(ignore)
    assert raised.value.exit_code == 9


def test_a_process_of_the_jobs_that_ends_without_an_error_leaves_the_job_to_the_step(begin: Begin):
    assert begin("raise SystemExit(0)").take_standardised(ignore) is None


def test_what_was_read_is_reported_where_the_verdicts_failed_beside_the_run(begin: Begin):
    def fail() -> None:
        raise OSError("the disk is full")

    read: list[ReadDeliveries] = []
    assert begin(after_job=fail).take_standardised(read.append) is None
    assert read == [READ]


def test_a_step_is_taken_again_by_the_run_alone(begin: Begin, tmp_path: Path):
    number = tmp_path / "number"

    def build() -> None:
        number.write_text(str(os.getpid()))
        time.sleep(60)

    steps = begin(build=build)
    assert steps.take_standardised(ignore) is not None
    child = int(wait_for_text(number))
    assert is_alive(child)
    assert steps.take_standardised(ignore) is None
    assert not is_alive(child)
    assert steps.take_built() is None


def test_a_run_that_waits_for_the_fork_does_the_rest_of_its_work_step_by_step(begin: Begin, tmp_path: Path):
    done: list[int] = []

    def meanwhile() -> Iterator[None]:
        for number in range(3):
            done.append(number)
            if number == 2:
                (tmp_path / "go").touch()
            yield
        raise OSError("what needs it reports this")

    steps = begin(after_job=lambda: wait_until((tmp_path / "go").exists), meanwhile=meanwhile)
    assert steps.take_standardised(ignore) is not None
    assert done == [0, 1, 2]
    assert steps.take_built() is not None


def test_what_the_run_will_ask_the_warehouse_comes_with_what_was_published(begin: Begin, home: Settings):
    steps = begin()
    with kept_readers():
        assert steps.take_standardised(ignore) is not None
        assert steps.take_built() is not None
        assert known_answers(home.warehouse_path) is None
        assert steps.take_published() is not None
        assert known_answers(home.warehouse_path) == ANSWERS


def test_a_warehouse_that_cannot_be_asked_beside_the_run_is_asked_by_it(begin: Begin, home: Settings):
    def fail() -> None:
        raise OSError("the disk is full")

    steps = begin(ask=fail)
    with kept_readers():
        assert steps.take_standardised(ignore) is not None
        assert steps.take_built() is not None
        assert steps.take_published() is not None
        assert known_answers(home.warehouse_path) is None
        assert steps.take_pack() is not None


def test_the_status_of_what_the_steps_have_left_comes_after_the_pack(begin: Begin):
    steps = begin()
    assert steps.take_standardised(ignore) is not None
    assert steps.take_built() is not None
    assert steps.take_published() is not None
    assert steps.take_pack() is not None
    status: Any = steps.take_status()
    assert status == "status of what was listed for the first step"
    assert steps.take_status() is None


def test_a_status_that_cannot_be_derived_beside_the_run_is_left_to_it(begin: Begin):
    def fail() -> None:
        raise OSError("the disk is full")

    steps = begin(derive=fail)
    assert steps.take_standardised(ignore) is not None
    assert steps.take_built() is not None
    assert steps.take_published() is not None
    assert steps.take_pack() is not None
    assert steps.take_status() is None


def test_a_fork_and_its_run_list_no_deliveries_again(
    begin: Begin, home: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    processed, earlier, new = LocalStore(home.processed_root), delivered("a.csv"), delivered("b.csv")
    Register(processed).append(log_of((earlier, commit_of(earlier))))
    write_commits(processed, [commit_of(earlier)])
    list_objects = LocalStore.list_objects

    def recording(store: LocalStore, prefix: str = "", *, after: str = "") -> Iterator[StoredObject]:
        with (tmp_path / "listed").open("a") as file:
            file.write(f"{prefix}\n")
        return list_objects(store, prefix, after=after)

    def reads(zone: ObjectStore) -> ReadDeliveries:
        Register(zone).append(log_of((new, commit_of(new))))
        write_commits(zone, [commit_of(new)])
        return ReadDeliveries([commit_of(new)])

    def looks(zone: ObjectStore) -> None:
        assert {live.event.object_key for live in read_state(zone).live} == {"a.csv", "b.csv"}

    monkeypatch.setattr(LocalStore, "list_objects", recording)
    steps = begin(reads=reads, looks=looks)
    assert steps.take_standardised(ignore) is not None
    assert steps.take_built() is not None
    assert steps.take_published() is not None
    assert steps.take_pack() is not None
    assert (tmp_path / "listed").read_text().splitlines().count("deliveries") == 1


def test_a_run_with_nothing_to_read_does_not_wait_for_the_later_steps(begin: Begin, tmp_path: Path):
    steps = begin(has_news=False, build=lambda: wait_until((tmp_path / "go").exists))
    (tmp_path / "go").touch()
    assert steps.take_standardised(ignore) is not None
    assert steps.take_built() is not None


def test_where_the_machine_has_no_process_left_a_thread_takes_the_first_steps(
    begin: Begin, monkeypatch: pytest.MonkeyPatch
):
    def fork() -> int:
        raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))

    monkeypatch.setattr(os, "fork", fork)
    steps = begin()
    assert steps.take_standardised(ignore) is not None
    assert steps.take_built() is None


def test_a_fork_that_is_killed_leaves_its_step_to_the_run(begin: Begin):
    steps = begin(build=lambda: os.kill(os.getpid(), signal.SIGKILL))
    assert steps.take_standardised(ignore) is not None
    assert steps.take_built() is None
    assert steps.take_published() is None


def test_a_run_that_ends_before_its_steps_ends_the_fork_while_it_holds_the_lock(begin: Begin, tmp_path: Path):
    number = tmp_path / "number"

    def build() -> None:
        number.write_text(str(os.getpid()))
        time.sleep(60)

    with begin(build=build):
        child = int(wait_for_text(number))
    assert not is_alive(child)


def test_a_fork_is_killed_with_the_run(begin: Begin, tmp_path: Path):
    number = tmp_path / "number"

    def build() -> None:
        number.write_text(str(os.getpid()))
        time.sleep(60)

    run = os.fork()
    if run == 0:
        try:
            begin(build=build)
            time.sleep(60)
        finally:
            os._exit(0)
    child = int(wait_for_text(number))
    os.kill(run, signal.SIGKILL)
    os.waitpid(run, 0)
    wait_until(lambda: not is_alive(child))


def test_only_a_process_without_threads_and_engines_has_a_fork(home: Settings, monkeypatch: pytest.MonkeyPatch):
    def may_fork(*, threads: int, is_started: bool = True, has_engine: bool = False) -> bool:
        monkeypatch.setattr(threading, "active_count", lambda: threads)
        monkeypatch.delitem(sys.modules, "_duckdb", raising=False)
        if has_engine:
            monkeypatch.setitem(sys.modules, "_duckdb", module)
        process = cast("JobProcess", SimpleNamespace(is_started=is_started))
        return ForkedSteps(home, process)._may_fork()

    assert may_fork(threads=1)
    assert not may_fork(threads=2)
    assert not may_fork(threads=1, is_started=False)
    assert not may_fork(threads=1, has_engine=True)


def home_of_three_files(settings: Settings) -> LocalStore:
    """Return the processed zone of a home in which two files count and one is still to be read."""
    processed = LocalStore(settings.processed_root)
    counted = [delivered(f"{name}.csv") for name in "ab"]
    Register(processed).append(log_of(*((event, commit_of(event)) for event in counted), (delivered("c.csv"), None)))
    write_commits(processed, map(commit_of, counted))
    return processed


def test_a_fork_takes_the_steps_of_a_home_of_which_most_was_read_before(
    home: Settings, monkeypatch: pytest.MonkeyPatch
):
    processed = home_of_three_files(home)
    monkeypatch.setattr(module, "MOST_PENDING", 1)
    shared = module._read_shared(processed)
    assert shared is not None
    state = read_state(processed)
    assert {*map(id, shared)} >= {*map(id, state.live)}
    assert {*map(id, shared)} >= {*map(id, Register(processed).events()), *map(id, read_commits(processed).values())}
    monkeypatch.setattr(module, "MOST_PENDING", 0)
    assert module._read_shared(processed) is None


def test_what_cannot_be_read_before_the_fork_is_left_to_the_step(home: Settings):
    processed = home_of_three_files(home)
    Register(processed).append([delivered("d.csv")])
    (Path(home.processed_root) / "register" / f"{1:012d}.json").unlink()
    assert module._read_shared(processed) is None


def test_a_message_has_only_the_numbers_of_what_both_processes_have(home: Settings):
    processed = home_of_three_files(home)
    shared = module._read_shared(processed)
    assert shared is not None
    state, stream = read_state(processed), io.BytesIO()
    sender, receiver = fork_messages.Sender(stream, shared), fork_messages.Receiver(shared)

    def sent(value: object) -> tuple[int, Any]:
        stream.seek(0)
        stream.truncate()
        sender.send(b"x", value)
        data = stream.getvalue()[fork_messages.HEAD.size :]
        return len(data), receiver.value(data)

    new = replace(state.live[0], accepted=frozenset({"doubt"}))
    size, (live, commits) = sent(([*state.live, new], {"a": state.live[0].commit}))
    assert [*live] == [*state.live, new]
    assert all(mine is theirs for mine, theirs in zip(live, state.live, strict=False))
    assert commits["a"] is live[2].commit is state.live[0].commit
    assert size < 300
    again, later = sent([new])
    assert (later[0] is live[-1], again < 30) == (True, True), "what an earlier message had is not sent again"


@pytest.mark.parametrize("make", [list, tuple])
def test_of_a_long_list_only_the_difference_from_one_that_both_have_is_sent(make: Callable[[Any], Any]):
    known = make(object() for _ in range(1000))
    shared, stream = [known, *known], io.BytesIO()
    sender, receiver = fork_messages.Sender(stream, shared), fork_messages.Receiver(shared)
    others = [
        make([*known, "new"]),
        make(["new", *known]),
        make([*known[:400], "new", "newer", *known[401:]]),
        make([*known[:300], *known[600:]]),
        make(known[:500]),
        make(known),
        make(reversed(known)),
    ]
    sizes = []
    for other in others:
        stream.seek(0)
        stream.truncate()
        sender.send(b"x", [other, other])
        one, again = receiver.value(stream.getvalue()[fork_messages.HEAD.size :])
        assert one is again
        assert type(one) is type(other)
        assert len(one) == len(other)
        assert all(mine is theirs or mine == theirs == mine[:] for mine, theirs in zip(one, other, strict=True))
        sizes.append(stream.tell())
    assert max(sizes[:-1]) < 100 < sizes[-1]
    sender.send(b"x", others[0])
    receiver.value(stream.getvalue()[sizes[-1] + fork_messages.HEAD.size :])
    assert stream.tell() - sizes[-1] < 30, "what an earlier message had is not sent again"


def test_of_a_large_mapping_only_the_difference_from_one_that_both_have_is_sent():
    known = MappingProxyType({f"{number:04}": object() for number in range(1000)})
    shared, stream = [known, *known.values()], io.BytesIO()
    sender, receiver = fork_messages.Sender(stream, shared), fork_messages.Receiver(shared)
    without = {key: value for key, value in known.items() if key not in {"0003", "0999"}}
    others = [
        dict(sorted({**known, "0500a": "new", "0000": "other"}.items())),
        without,
        {"new": 1, **without},
        {**without, "0003": known["0003"]},  # in another order
    ]
    sizes = []
    for other in others:
        stream.seek(0)
        stream.truncate()
        sender.send(b"x", MappingProxyType(other))
        received = receiver.value(stream.getvalue()[fork_messages.HEAD.size :])
        assert type(received) is MappingProxyType
        assert list(received) == list(other)
        assert received == other
        sizes.append(stream.tell())
    assert max(sizes[:-1]) < 200 < sizes[-1]


def test_slices_are_received_as_they_were_sent():
    stream = io.BytesIO()
    sender, receiver = fork_messages.Sender(stream, ()), fork_messages.Receiver()
    inputs = {"lines": [["a", "Actual"]], "actual_covers": None, "first_year": 2025}
    sums = (ScenarioSum(1, "Actual", 1, 1, Decimal("1.00"), Decimal(0), Decimal("1.00"), Decimal(1)),)
    sent = [
        TargetSlice("fact_financials", "2025-01", "v1", inputs),
        SliceCommit("fact_financials", "2025-01", "v1", 1, (), sums, inputs=inputs),
        SliceCommit("fact_financials", "2025-01", "v1", 1, (), sums),
    ]
    sender.send(b"x", sent)
    assert receiver.value(stream.getvalue()[fork_messages.HEAD.size :]) == sent


def test_a_value_that_cannot_be_sent_leaves_no_part_of_it_in_the_next_message():
    stream = io.BytesIO()
    sender = fork_messages.Sender(stream, ())
    with pytest.raises(AttributeError):
        sender.send(b"p", ["a", lambda: None])
    sender.send(b"e", True)
    assert fork_messages.Receiver().value(stream.getvalue()[fork_messages.HEAD.size :]) is True
