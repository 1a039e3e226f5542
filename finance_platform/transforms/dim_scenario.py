"""`dim_scenario`: every scenario that has a live ledger line.

Grain of the output: one scenario, in the order of keys.
"""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow as pa

from finance_platform.contracts.schemas import arrow_schema
from finance_platform.contracts.star import DIM_SCENARIO


def dim_scenario(scenarios: Iterable[tuple[int, str, str]], baseline_key: int) -> pa.Table:
    """Return the dimension.

    Args:
        scenarios: surrogate key, name and type; one row each.
        baseline_key: surrogate key of the baseline.
    """
    rows = [
        {"scenario_key": key, "scenario_name": name, "scenario_type": kind, "is_baseline": key == baseline_key}
        for key, name, kind in sorted(scenarios)
    ]
    return pa.Table.from_pylist(rows, arrow_schema(DIM_SCENARIO.stored_columns))
