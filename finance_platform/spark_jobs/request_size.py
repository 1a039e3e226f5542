"""How much a job reads, by its request: what decides where the job runs.

Belongs here: the estimate. Does not belong here: the request's fields (see `requests`, which the version of a job's
code covers, unlike this module), the choice (see `orchestration.job_runners.sized_jobs`).
"""

from __future__ import annotations

import json
from typing import Any

from finance_platform.code_version import JobName

TEXT_PER_COMPRESSED_BYTE = 8
"""Bytes of text in a byte of a compressed file or a workbook, whose cells have to be unpacked."""

TEXT_PER_PARQUET_BYTE = 3
"""Bytes of delivered text in a byte of Parquet."""

_COMPRESSED = (".gz", ".xlsx", ".xls", ".ods")


def text_bytes(job: JobName, request: bytes) -> int:
    """Return about how many bytes of text a job reads: what it would read if all its files were plain CSV.

    Args:
        job: the job.
        request: its document.
    """
    document = json.loads(request)
    if job == "standardise":
        return sum(map(_delivered, document["deliveries"]))
    return TEXT_PER_PARQUET_BYTE * sum(int(file["size"]) for _, file, _ in document["files"])


def _delivered(delivery: dict[str, Any]) -> int:
    is_compressed = delivery["object_key"].lower().endswith(_COMPRESSED)
    return int(delivery["size"]) * (TEXT_PER_COMPRESSED_BYTE if is_compressed else 1)
