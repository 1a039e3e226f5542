"""The figures of the report pack are read once, beside the load, and otherwise by the report."""

from __future__ import annotations

import threading
import time
from typing import cast

from finance_platform.orchestration.ahead.pack_ahead import PackAhead
from finance_platform.reports.pack.model import Pack

READ_AHEAD, READ_AGAIN, READ_NOW = (cast("Pack", object()) for _ in range(3))


def now() -> Pack:
    return READ_NOW


def test_the_report_gets_what_was_read_ahead_once():
    with PackAhead() as ahead:
        ahead.begin(lambda: READ_AHEAD)
        assert ahead.take(now) is READ_AHEAD
        assert ahead.take(now) is READ_NOW


def test_a_load_that_is_tried_again_replaces_what_its_first_attempt_has_read():
    with PackAhead() as ahead:
        ahead.begin(lambda: READ_AHEAD)
        ahead.begin(lambda: READ_AGAIN)
        assert ahead.take(now) is READ_AGAIN


def test_what_could_not_be_read_ahead_is_read_by_the_report_which_reports_the_error():
    def fail() -> Pack:
        raise OSError("the file is gone")

    with PackAhead() as ahead:
        ahead.begin(fail)
        assert ahead.take(now) is READ_NOW


def test_a_run_without_a_report_ends_after_what_is_being_read():
    is_read = threading.Event()

    def read() -> Pack:
        time.sleep(0.05)
        is_read.set()
        return READ_AHEAD

    with PackAhead() as ahead:
        ahead.begin(read)
    assert is_read.is_set()
