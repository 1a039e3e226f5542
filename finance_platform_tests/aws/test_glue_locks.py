"""One job at a time in a lake on S3: a job that was killed is waited for, one that goes on keeps others out.

Does not belong here: leases themselves (see `test_s3_lease`), locks on disk (see `orchestration/test_glue_resource`).
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from finance_platform.errors import LockedError
from finance_platform.spark_jobs import job_lock
from finance_platform.spark_jobs.job_lock import job_lease
from finance_platform.storage import lease
from finance_platform.storage.factory import open_store
from finance_platform.storage.lease import JOB, TERMS, is_leased, lease_key
from finance_platform.storage.port import ObjectStore


@pytest.fixture
def processed(bucket: str, monkeypatch: pytest.MonkeyPatch) -> ObjectStore:
    monkeypatch.setattr(lease, "_LOOKED_AT_EVERY_SECONDS", 0.05)
    return open_store(f"s3://{bucket}")


def leave_lease(processed: ObjectStore, *, free_in_seconds: float) -> None:
    """Write what a job leaves that was killed, or goes on."""
    until = datetime.now(UTC) + timedelta(seconds=free_in_seconds - TERMS.clocks_differ)
    left = {
        "holder": "another",
        "who": "glue on a worker, process 7",
        "run_id": "",
        "since": (until - timedelta(seconds=TERMS.lasts)).isoformat(),
        "until": until.isoformat(),
        "number": 3,
        "is_given_back": False,
    }
    processed.write(lease_key(JOB), json.dumps(left).encode())


def test_a_job_that_was_killed_is_waited_for_until_its_lease_has_run_out(processed: ObjectStore):
    leave_lease(processed, free_in_seconds=0.3)
    with job_lease(processed):
        assert json.loads(processed.read(lease_key(JOB)))["holder"] != "another"
    assert not is_leased(processed, JOB)


def test_a_job_that_goes_on_keeps_the_next_one_out_and_is_named(
    processed: ObjectStore, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(job_lock, "UNTIL_FREE_SECONDS", 0.1)
    leave_lease(processed, free_in_seconds=600)
    with pytest.raises(LockedError, match="glue on a worker, process 7"), job_lease(processed):
        pytest.fail("two jobs at once")
