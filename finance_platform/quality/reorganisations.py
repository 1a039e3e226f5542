"""The check on reorganisations of departments: rows of files that contradict each other, and unknown predecessors.

Belongs here: the outcome. Does not belong here: which rows count (see `deliveries.members.reorganisations`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from finance_platform.contracts.star import DIM_DEPARTMENT, WHOLE_TABLE
from finance_platform.count_text import pluralize
from finance_platform.deliveries.members.reorganisations import Reorganisation, find_reorganisations
from finance_platform.feeds.values.codes import closest_match
from finance_platform.quality.checks import REORGANISATIONS_CONSISTENT, Outcome
from finance_platform.safe_text import quote_name
from finance_platform.slices.snapshot import Snapshot
from finance_platform.storage.documents import open_parquet
from finance_platform.storage.port import ObjectStore

_KEY, _CODE = "department_key", "department_code"


def check_reorganisations(snapshot: Snapshot, processed: ObjectStore) -> Outcome:
    """Check that departments take over others that exist, and not more of them than there is.

    Args:
        snapshot: the processed zone; its departments are built.
        processed: the processed zone.

    Raises:
        DamagedObjectError: the rows of a delivery or of the departments are damaged.
    """
    reorganisations = find_reorganisations(processed, snapshot.state)
    found = [(one.text, one.object_key, one.line, one.period) for one in reorganisations.contradictions]
    if reorganisations.rows:
        known = dict(_departments(snapshot, processed))
        unknown = [one for one in reorganisations.rows if one.predecessor_key not in known]
        found += [(_unknown(one, list(known.values())), one.object_key, one.line, one.period) for one in unknown]
    evidence: list[dict[str, Any]] = [
        {"what": f"{quote_name(file)}, line {line}: {text}", "file": file, "row": line, "period": period}
        for text, file, line, period in found
    ]
    summary = "; ".join(one[0] for one in found[:3])
    if len(found) > 3:
        summary += f"; and {len(found) - 3:,} more"
    return Outcome.from_evidence(
        REORGANISATIONS_CONSISTENT,
        evidence,
        summary or f"{pluralize(len(reorganisations.rows), 'predecessor')} of departments",
    )


def _departments(snapshot: Snapshot, processed: ObjectStore) -> Iterator[tuple[int, str]]:
    commit = snapshot.built.get((DIM_DEPARTMENT.name, WHOLE_TABLE))
    for file in commit.files if commit else ():
        with open_parquet(processed, file.key) as parquet:
            for row in parquet.read(columns=[_KEY, _CODE]).to_pylist():
                yield row[_KEY], row[_CODE]


def _unknown(row: Reorganisation, known: list[str]) -> str:
    similar = closest_match(row.predecessor, known)
    hint = f"did you mean {similar}?" if similar else "correct the code, or describe the department in a row of its own"
    subject = f"{row.predecessor}, the predecessor of {row.successor} from {row.period} on,"
    return f"{subject} is in no other row and no line; {hint}"
