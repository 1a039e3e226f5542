"""What a close signs besides the facts of its period, and a run would change.

Belongs here: comparing it with what is published. Does not belong here: the facts of the period and unread files, which
the gate compares too (see `close`), tables that follow from decisions (see `verification.verify_tables`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from finance_platform.contracts.model import SliceName
from finance_platform.contracts.star import FACT_FINANCIALS
from finance_platform.refresh.steps.small_tables import stale_tables_of_files
from finance_platform.settings import Settings
from finance_platform.slices.closed_periods import freeze
from finance_platform.slices.published import explain_stale
from finance_platform.slices.snapshot import Snapshot
from finance_platform.storage.port import ObjectStore
from finance_platform.warehouse.port import Queryable


def find_stale_beside(
    processed: ObjectStore,
    published: Queryable,
    settings: Settings,
    snapshot: Snapshot,
    versions: Mapping[SliceName, str],
    period: str,
) -> dict[str, Sequence[str]]:
    """Return what a run would publish besides the period, by dimension, earlier period and small table, with causes.

    The close signs it with the period: the types of its accounts, its year to date, comments. What waits for a decision
    about a closed period is no part of it, since a run would leave it.

    Args:
        processed: the processed zone.
        published: what is published.
        settings: the home.
        snapshot: the state of the processed zone.
        versions: the published versions.
        period: the period that is closed, YYYY-MM.
    """
    frozen = freeze(processed, settings, snapshot, versions)
    target = {(one.table, one.slice): one.version for one in frozen.snapshot.target}
    stale = [
        name
        for name in sorted(target.keys() | versions.keys())
        if target.get(name) != versions.get(name)
        and name not in frozen.unknown
        and (name[0] != FACT_FINANCIALS.name or name[1] < period)
    ]
    causes = explain_stale(processed, frozen.snapshot, versions, stale) if stale else {}
    tables = stale_tables_of_files(processed, published, settings, frozen, versions)
    return dict.fromkeys(tables, ()) | {
        slice_name if table == FACT_FINANCIALS.name else table: causes.get((table, slice_name), ())
        for table, slice_name in stale
    }
