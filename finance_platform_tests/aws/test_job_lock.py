"""`spark_jobs.job_lock` on S3: a killed job's lease is taken over, a running job locks others out.

Does not belong here: leases themselves (see `test_lease`), locks on disk (see `orchestration/test_glue_resource`).
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
from finance_platform.storage.lease import DEFAULT_TIMINGS, JOB, is_leased, lease_key
from finance_platform.storage.port import ObjectStore


@pytest.fixture
def processed(bucket: str, monkeypatch: pytest.MonkeyPatch) -> ObjectStore:
    monkeypatch.setattr(lease, "_POLL_SECONDS", 0.05)
    return open_store(f"s3://{bucket}")


def write_lease(processed: ObjectStore, *, free_in_seconds: float) -> None:
    """Write the lease of another job, killed or running."""
    until = datetime.now(UTC) + timedelta(seconds=free_in_seconds - DEFAULT_TIMINGS.clock_skew_seconds)
    document = {
        "holder": "another",
        "who": "glue on a worker, process 7",
        "run_id": "",
        "since": (until - timedelta(seconds=DEFAULT_TIMINGS.duration_seconds)).isoformat(),
        "until": until.isoformat(),
        "number": 3,
        "is_given_back": False,
    }
    processed.write(lease_key(JOB), json.dumps(document).encode())


def test_a_job_waits_until_the_lease_of_a_killed_job_can_be_taken_over(processed: ObjectStore):
    write_lease(processed, free_in_seconds=0.3)
    with job_lease(processed):
        assert json.loads(processed.read(lease_key(JOB)))["holder"] != "another"
    assert not is_leased(processed, JOB)


def test_a_running_job_locks_the_next_one_out_and_is_named(processed: ObjectStore, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(job_lock, "TAKEOVER_SECONDS", 0.1)
    write_lease(processed, free_in_seconds=600)
    with pytest.raises(LockedError, match="glue on a worker, process 7"), job_lease(processed):
        pytest.fail("two jobs at once")
