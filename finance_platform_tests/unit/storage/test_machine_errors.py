"""Which errors of Python have a cause in the machine, and what users read."""

from __future__ import annotations

import errno
import os

import pytest

from finance_platform.errors import HomeError, LockedError
from finance_platform.storage.machine_errors import translate_machine_error


@pytest.mark.parametrize(
    ("code", "fix"),
    [
        (errno.ENOSPC, "free space there"),
        (errno.EROFS, "mount the file system writable"),
        (errno.EACCES, "give this user the permission"),
        (errno.EMFILE, "`ulimit -n`"),
        (errno.EFBIG, "`ulimit -f`"),
    ],
)
def test_an_error_of_the_system_names_the_path_its_reason_and_a_fix(code: int, fix: str):
    error = translate_machine_error(OSError(code, os.strerror(code), "/home/x/raw/a.csv"))
    assert isinstance(error, HomeError)
    assert error.found == f"/home/x/raw/a.csv: {os.strerror(code)}"
    assert fix in error.fix


def test_an_error_without_a_path_has_its_reason():
    error = translate_machine_error(OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
    assert error is not None
    assert error.found == "No space left on device"


def test_a_path_that_is_not_valid_text_can_be_printed():
    error = translate_machine_error(PermissionError(errno.EACCES, "Permission denied", "/raw/B\udcfcro.csv"))
    assert error is not None
    str(error).encode()
    assert error.found.startswith("/raw/B")


def test_too_little_memory_is_an_error_of_the_machine():
    error = translate_machine_error(MemoryError())
    assert error is not None
    assert error.found == "there is not enough memory"


def test_an_error_of_the_platform_stays_as_it_is():
    locked = LockedError("x", fix="y")
    assert translate_machine_error(locked) is locked


@pytest.mark.parametrize("error", [ValueError("x"), FileNotFoundError(errno.ENOENT, "x", "y"), OSError("x")])
def test_a_bug_is_no_error_of_the_machine(error: Exception):
    assert translate_machine_error(error) is None
