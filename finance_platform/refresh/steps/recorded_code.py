"""The versions of the jobs' code that the last complete run recorded, for processes that run no job themselves.

Belongs here: trusting them, and where the record is. Does not belong here: the record (see `complete_run`, which small
commands do not import: that takes longer than what they do).
"""

from __future__ import annotations

import json
from contextlib import suppress

from finance_platform.code_version import platform_version, trust_code_versions
from finance_platform.deliveries.scans import FOLDER
from finance_platform.storage.port import ObjectStore

COMPLETE = f"{FOLDER}/complete.json"
"""Beside the records of scans, which go with it: a run that completes a refresh removes it and writes it again."""


def trust_recorded_code(processed: ObjectStore) -> None:
    """Take the versions of the jobs' code from the record if it was made by the same files of the platform.

    Deriving them means parsing a hundred modules, which takes longer than everything else that a small command does. A
    record that is not there or damaged is not trusted. A job derives its own version and refuses any other, and a run
    whose job has failed removes the record.
    """
    with suppress(FileNotFoundError, ValueError, KeyError, TypeError, AttributeError):
        record = json.loads(processed.read(COMPLETE))
        if record["platform"] == platform_version():
            trust_code_versions({str(job): str(version) for job, version in record["code"].items()})
