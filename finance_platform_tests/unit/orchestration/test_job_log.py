"""`job_runners.job_log` and `spark_jobs.failure`: what is left of a job that could not write everything.

Does not belong here: whole processes (see `orchestration.test_subprocess_jobs`).
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from finance_platform.errors import DiskError, JobError, MachineError, TransientStorageError
from finance_platform.orchestration.job_runners.job_log import last_explanation
from finance_platform.spark_jobs.arguments import JobArguments
from finance_platform.spark_jobs.failure import PIPE_VARIABLE, FailurePipe, JobFailure, failure_sent, send_failure
from finance_platform.spark_jobs.harness import execute, failure_key, request_key
from finance_platform_tests.unit.factories import write

TRACEBACK = """\
2026-11-27 09:00:00,000 CRITICAL finance_platform.spark_jobs.harness the job failed
Traceback (most recent call last):
  File "harness.py", line 1, in run_job
OSError: [Errno 28] No space left on device

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "harness.py", line 2, in run_job
DiskError: cannot write a.parquet: No space left on device
  Fix: free space there
"""


def explanation(path: Path, log: str | bytes) -> str:
    file = path / "job.log"
    file.write_bytes(log if isinstance(log, bytes) else log.encode())
    return last_explanation(file)


def test_a_whole_traceback_is_explained_by_its_last_line_at_the_margin(tmp_path: Path):
    assert explanation(tmp_path, TRACEBACK) == "DiskError: cannot write a.parquet: No space left on device"


def test_a_traceback_that_is_cut_anywhere_is_never_explained_by_a_heading(tmp_path: Path):
    """It is explained by the error that is complete, or by the beginning of the message of the next one."""
    first = "OSError: [Errno 28] No space left on device"
    for end in range(len(TRACEBACK)):
        text = explanation(tmp_path, TRACEBACK[:end])
        is_cut_message = text.endswith("…") and ": " in text
        assert text in {"", first, "DiskError: cannot write a.parquet: No space left on device"} or is_cut_message
        assert not text.startswith(("Traceback", "The above"))
        assert "the job failed" not in text
        if end > TRACEBACK.index(first) + len(first):
            assert text == first or text.startswith("DiskError: ")


def test_a_line_that_was_cut_ends_with_an_ellipsis(tmp_path: Path):
    assert explanation(tmp_path, "read a.csv\nValueError: the am") == "ValueError: the am…"
    assert len(explanation(tmp_path, "x" * 10_000 + "\n")) == 501


def test_bytes_that_are_no_text_are_replaced(tmp_path: Path):
    assert explanation(tmp_path, b"read\n\xff\xfe caf\xc3\n") == "\ufffd\ufffd caf\ufffd"


def test_a_long_log_is_read_from_its_last_whole_line(tmp_path: Path):
    assert explanation(tmp_path, "y" * (1 << 16) + "\n  a frame\n") == ""
    assert explanation(tmp_path, "line\n" * (1 << 16) + "the end\n") == "the end"


def test_no_log_has_no_explanation(tmp_path: Path):
    assert last_explanation(tmp_path / "job.log") == ""
    assert last_explanation(tmp_path) == ""
    assert explanation(tmp_path, "") == ""


# The account


def test_an_account_reaches_the_process_that_reads_it_and_the_first_one_counts(monkeypatch: pytest.MonkeyPatch):
    with FailurePipe() as pipe:
        monkeypatch.setenv(PIPE_VARIABLE, str(pipe.write_end))
        with pytest.raises(DiskError), failure_sent():
            raise DiskError("cannot write ä", fix="free space")
        send_failure(JobFailure.of(ValueError("a consequence")))
        assert pipe.read() == JobFailure(DiskError.title, "cannot write ä", "free space", is_transient=False)
        assert pipe.read() is None


def test_the_account_of_a_transient_error_and_of_a_bug_say_so():
    assert JobFailure.of(TransientStorageError("busy", fix="wait")).is_transient
    bug = JobFailure.of(ValueError("no rows\n  JVM stacktrace: …"))
    assert bug == JobFailure(JobError.title, "ValueError: no rows", fix="", is_transient=False)
    assert JobFailure.from_json(bug.to_json()) == bug


def test_an_account_of_any_size_fits_into_the_pipe(monkeypatch: pytest.MonkeyPatch):
    with FailurePipe() as pipe:
        monkeypatch.setenv(PIPE_VARIABLE, str(pipe.write_end))
        for _ in range(20):
            send_failure(JobFailure("😀" * 100_000, "😀" * 100_000, "😀" * 100_000, is_transient=False))
        failure = pipe.read()
    assert failure is not None
    assert failure.found == "😀" * 1_000 + "…"


def test_an_account_that_no_process_waits_for_or_a_cut_one_is_none(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.delenv(PIPE_VARIABLE, raising=False)
    send_failure(JobFailure.of(ValueError("no rows")))
    with FailurePipe() as pipe:
        monkeypatch.setenv(PIPE_VARIABLE, str(pipe.write_end))
        for data in (b'{"title": "A Sp', b"[]", b'{"title": "a"}'):
            os.write(pipe.write_end, data)
            assert pipe.read() is None
    send_failure(JobFailure.of(ValueError("the pipe is closed")))


@pytest.mark.parametrize(
    ("engine", "error", "raised", "found"),
    [
        ("sail", MemoryError(), MachineError, "there is not enough memory"),
        (
            "sail",
            OSError(28, "No space left on device", "sorted"),
            MachineError,
            "sorted: No space left on device",
        ),
        ("glue", MemoryError(), MemoryError, None),
        ("sail", ValueError("a bug"), ValueError, None),
    ],
)
def test_an_error_of_the_machine_leaves_an_account_with_a_fix_unless_the_machine_is_one_of_glue(
    tmp_path: Path, engine: str, error: Exception, raised: type[Exception], found: str | None
):
    arguments = JobArguments(str(tmp_path / "raw"), str(tmp_path / "processed"), "attempt", engine)
    write(tmp_path / "processed" / request_key("attempt"), "{}")

    def body(*_: object) -> dict[str, Any]:
        raise error

    with pytest.raises(raised):
        execute("standardise", body, arguments)
    account = tmp_path / "processed" / failure_key("attempt")
    assert account.exists() == bool(found)
    if found:
        failure = JobFailure.from_json(account.read_bytes())
        assert (failure.found, failure.title) == (found, MachineError.title)
        assert failure.fix


def test_an_interrupted_job_sends_no_account(monkeypatch: pytest.MonkeyPatch):
    with FailurePipe() as pipe:
        monkeypatch.setenv(PIPE_VARIABLE, str(pipe.write_end))
        for error in (KeyboardInterrupt(), SystemExit(75)):
            with pytest.raises(type(error)), failure_sent():
                raise error
        assert pipe.read() is None
