"""The ledger lines of each department and scenario by period, from the slices of the fact table.

Belongs here: counting the lines of a slice, remembering the counts. Does not belong here: what follows from them (see
`slices.completeness`, `warehouse.period_status`).

The status of a period depends on the lines of the periods before it, so a load needs the counts of every period. The
files of a slice never change, so their lines are counted once: what is remembered can be lost, and is counted again.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from finance_platform.errors import DamagedObjectError
from finance_platform.slices.commits import SliceCommit
from finance_platform.slices.completeness import Lines
from finance_platform.storage.documents import open_parquet, parse_document
from finance_platform.storage.port import ObjectStore

FOLDER = "audits"
"""What loads remember of the slices that they do not replace; all of it can be lost."""

REMEMBERED = f"{FOLDER}/line_counts.json"
_COLUMNS = ("department_key", "scenario_key", "transaction_count")


def count_lines(processed: ObjectStore, commits: Iterable[SliceCommit]) -> dict[str, Lines]:
    """Return the lines of slices of the fact table by period, reading those that are not remembered.

    Args:
        processed: the processed zone; the caller holds the home's lock.
        commits: at most one slice of each period.

    Raises:
        DamagedObjectError: a file of a slice is damaged.
    """
    remembered = _remembered(processed)
    slices = {commit.slice: commit for commit in commits if commit.row_count}
    counts: dict[str, Lines] = {}
    for period, commit in slices.items():
        known = remembered.get(_files(commit))
        counts[period] = _count(processed, commit) if known is None else known
    if {_files(commit) for commit in slices.values()} != remembered.keys():
        _remember(processed, {_files(slices[period]): lines for period, lines in counts.items()})
    return counts


def find_changed_counts(processed: ObjectStore, commits: Iterable[SliceCommit]) -> DamagedObjectError | None:
    """Return what is wrong with the remembered counts; None if they are those of the slices, or are lost.

    Args:
        processed: the processed zone.
        commits: the published slices of the fact table.
    """
    try:
        remembered = parse_document(REMEMBERED, processed.read(REMEMBERED), _parse)
    except FileNotFoundError:
        return None
    except DamagedObjectError as error:
        return error
    for commit in commits:
        known = remembered.get(_files(commit))
        if known is None:
            continue
        try:
            counted = _count(processed, commit)
        except (DamagedObjectError, OSError):
            continue  # the comparison of the figures names the file
        if known != counted:
            return DamagedObjectError(REMEMBERED, f"it has other numbers of lines than the slice of {commit.slice}")
    return None


def _files(commit: SliceCommit) -> str:
    """Return the files of a slice as one text; versions share them where only the names of deliveries changed."""
    return " ".join(file.key for file in commit.files)


def _count(processed: ObjectStore, commit: SliceCommit) -> Lines:
    lines: dict[tuple[int, int], int] = {}
    for file in commit.files:
        with open_parquet(processed, file.key, _COLUMNS) as parquet:
            rows = parquet.read(columns=list(_COLUMNS))
        grouped = rows.group_by(["department_key", "scenario_key"]).aggregate([("transaction_count", "sum")])
        keys = zip(grouped["department_key"].to_pylist(), grouped["scenario_key"].to_pylist(), strict=True)
        for key, count in zip(keys, grouped["transaction_count_sum"].to_pylist(), strict=True):
            lines[key] = lines.get(key, 0) + int(count)
    return lines


def _remembered(processed: ObjectStore) -> dict[str, Lines]:
    """Return the counts by the files of a slice; a lost or damaged document has none."""
    try:
        return parse_document(REMEMBERED, processed.read(REMEMBERED), _parse)
    except (FileNotFoundError, DamagedObjectError):
        return {}


def _remember(processed: ObjectStore, counts: Mapping[str, Lines]) -> None:
    document = {files: _by_column(lines) for files, lines in counts.items()}
    processed.write(REMEMBERED, json.dumps(document).encode())


def _by_column(lines: Lines) -> dict[str, list[int]]:
    """Return counts as JSON has them: a list of numbers is read in a tenth of the time of as many short lists."""
    departments, scenarios = [key[0] for key in lines], [key[1] for key in lines]
    return {"departments": departments, "scenarios": scenarios, "lines": list(lines.values())}


def _parse(values: Mapping[str, Any]) -> dict[str, Lines]:
    return {
        files: {
            (int(department), int(scenario)): int(count)
            for department, scenario, count in zip(
                columns["departments"], columns["scenarios"], columns["lines"], strict=True
            )
        }
        for files, columns in values.items()
    }
