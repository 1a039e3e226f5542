"""The recorded status: what is written down is what was derived, in every part that is printed or returned.

Belongs here: `reports.status_record`. Does not belong here: when it is used (see `end_to_end.test_nothing_new`).
"""

from __future__ import annotations

import gzip
import json
from datetime import date
from decimal import Decimal

import pytest

from finance_platform.deliveries.commits import Count
from finance_platform.deliveries.header_changes import HeaderChange
from finance_platform.errors import DamagedObjectError
from finance_platform.reports.expected_feeds import ExpectedFeed
from finance_platform.reports.statement import Line, Reconciliation
from finance_platform.reports.status import Status, StatusDetails
from finance_platform.reports.status_record import decode_status, encode_status
from finance_platform.reports.status_rows import StatusRows
from finance_platform_tests.unit.printed_text import status

RUN = {"run_id": "r2", "job": "refresh", "status": "SUCCESS", "started": None, "ended": None}


def rich_status() -> Status:
    """Return a status with every part that a home without damage may have; a name has half a character."""
    terms = {
        "delivered": Count(3, Decimal("10.125"), Decimal("10.125"), 1),
        "in_warehouse": Count(2, Decimal("10.12"), Decimal("12.00")),
    }
    lines = [Line("Actual", "USD", terms, "ledger", "a\udce9.csv", has_sides=True), Line("Budget", "EUR", {})]
    expected = [
        ExpectedFeed(
            "ledger", "a*.csv", "Anna", date(2025, 1, 3), date(2025, 2, 3), is_overdue=True, last_state="held"
        ),
        ExpectedFeed("plan", "p*.csv", "", None, None, is_overdue=False),
    ]
    return status(
        deliveries=[{"file": "a\udce9.csv", "state": "live", "rules": {"r": 1}, "warnings": []}] * 2,
        vanished=["gone.csv"],
        unmatched=["strange.pdf"],
        problems=[{"file": "b.csv", "problem": "p", "fix": "f"}],
        reconciliation=Reconciliation(lines, "USD"),
        header_changes=[HeaderChange("ledger", "b.csv", "a.csv", ("x",), ("y",), (("y", "x"),), 2)],
        details=StatusDetails(
            closed=[{"period": "2025-01", "waiting": []}],
            movements=[{"period": "2025-01", "moved": "1.00"}],
            last_run=RUN,
            expected=expected,
            untyped_accounts=3,
        ),
    )


def test_a_status_that_was_written_down_is_the_one_that_was_derived():
    derived = rich_status()
    known = decode_status("key", encode_status(derived), RUN)
    assert known.as_json() == derived.as_json()
    assert known.warnings == derived.warnings
    assert len(known.warnings) == 4
    assert list(known.reconciliation.lines) == derived.reconciliation.lines
    assert known.reconciliation.by_scenario == derived.reconciliation.by_scenario
    assert known.reconciliation.by_feed == derived.reconciliation.by_feed
    assert known.details == derived.details
    assert (known.is_healthy, known.is_stale, known.without_types) == (False, False, derived.without_types)
    assert encode_status(known) == encode_status(derived)


def test_a_record_of_an_earlier_release_has_no_state_of_the_last_file():
    derived = rich_status()
    text, rest = gzip.decompress(encode_status(derived)).split(b"\n")
    document = json.loads(text)
    for feed in document["expected"]:
        del feed["last_state"]
    earlier = gzip.compress(b"\n".join((json.dumps(document).encode(), rest)))
    known = decode_status("key", earlier, RUN)
    assert [feed.last_state for feed in known.details.expected] == ["", ""]
    assert known.details.expected[0].last == date(2025, 1, 3)


def test_rows_that_differ_and_rows_that_do_not_are_read_as_they_were():
    names = ("file", "state", "rows", "amount", "warnings", "control_totals")
    rows = [(f"{n}.csv", "live", n, f"{n}.00" if n else None, ["w"] * n, {"listed": ()}) for n in range(3)]
    lines = [
        Line("Actual", "USD", {"delivered": Count(n), "held": Count(n, Decimal("1.50"))}, "f", f"{n}.csv")
        for n in range(1, 3)
    ]
    lines.insert(1, Line("Actual", "USD", {"delivered": Count(1)}, "f", "other.csv", has_sides=True))
    for some in ([], rows[:1], rows, rows[:1] * 3):
        derived = status(deliveries=StatusRows(names, some), reconciliation=Reconciliation(lines[: len(some)], "USD"))
        known = decode_status("key", encode_status(derived), RUN)
        expected = [{**row, "control_totals": {"listed": []}} for row in derived.deliveries]
        assert list(known.deliveries) == expected
        assert known.column("rows") == [row[2] for row in some]
        assert [*known.deliveries[1:]] == expected[1:]
        assert list(known.reconciliation.lines) == lines[: len(some)]


def test_the_last_run_is_not_written_down():
    other = decode_status("key", encode_status(rich_status()), {**RUN, "status": "FAILURE"})
    assert other.details.last_run == {**RUN, "status": "FAILURE"}


@pytest.mark.parametrize("data", [b"", b"{}", *(gzip.compress(one, mtime=0) for one in (b"", b"{}", b"[]"))])
def test_anything_else_is_not_a_recorded_status(data: bytes):
    with pytest.raises(DamagedObjectError, match="not a recorded status"):
        decode_status("key", data, None)
