"""Why lines of a signed period count differently: the causes that follow from deliveries alone.

Belongs here: clauses about files. Does not belong here: amounts (see `end_to_end/test_restatement` and `model_based`).
"""

from __future__ import annotations

from pathlib import Path

import pytest

from finance_platform.storage.local import LocalStore
from finance_platform.trace.period_versions import Members, PeriodVersion
from finance_platform.trace.published_lines import LineStore, PublishedPeriod
from finance_platform.trace.roll_forward import CORRECTED, Source, _Comparison
from finance_platform_tests.unit.factories import commit_of, delivered, state_of

NOTHING = Members({}, {}, {}, {}, {}, {})


@pytest.mark.parametrize(
    ("content", "reads_again", "clause"),
    [
        ("v1", "signed", "read again by another release"),
        ("v1", "", "read under other rules"),
        ("v2", "", "another version"),
    ],
)
def test_a_file_that_a_release_reads_again_is_not_said_to_be_read_under_other_rules(
    tmp_path: Path, content: str, reads_again: str, clause: str
):
    signed = delivered("jan.csv", delivery_id="signed")
    now = delivered("jan.csv", content, delivery_id="now", reads_again=reads_again)
    pairs = [(event, commit_of(event)) for event in (signed, now)]
    commits = {commit.delivery_id: commit for _, commit in pairs}
    store = LineStore(LocalStore(tmp_path), commits, [signed, now], state_of(*pairs))
    before, after = (
        PeriodVersion(
            PublishedPeriod("2025-01", name, {name: ("Actual",)}, {}, {}, "budget", actual_covers=None, line_counts={}),
            {},
            {},
            NOTHING,
        )
        for name in ("signed", "now")
    )
    assert _Comparison(store, before, after)._source("now") == Source(CORRECTED, "jan.csv", clause)
