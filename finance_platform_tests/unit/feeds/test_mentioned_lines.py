"""The lines of a ledger file from which members are derived although their lines are in a file already.

Does not belong here: the members themselves (see `transforms/test_written_lines`).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa

from finance_platform.feeds.lines.line_files import LineFiles
from finance_platform.storage.local import LocalStore


def test_the_first_line_of_each_code_of_a_sheet_is_mentioned_once(tmp_path: Path) -> None:
    files = LineFiles(LocalStore(tmp_path), "attempt", {})
    columns = {
        "department_code": pa.array(["D1", "D1", "D2", "D1"]),
        "account_number": pa.array(["1", "2", "1", "2"]),
    }
    is_written = np.array([False, True, True, True])
    assert files.mentions(columns, None, is_written).tolist() == [1, 2]
    assert files.mentions(columns, None, is_written).tolist() == []
    assert files.mentions(columns, "other sheet", is_written).tolist() == [1, 2]


def test_each_of_many_codes_is_mentioned_where_it_is_first(tmp_path: Path) -> None:
    files = LineFiles(LocalStore(tmp_path), "attempt", {})
    count = 20_000  # of each, so that a search among all others for each code would take seconds
    columns = {
        "department_code": pa.array(["D1"] * 2 * count),
        "account_number": pa.array([str(number) for number in range(count)] * 2),
    }
    assert files.mentions(columns, None, np.ones(2 * count, np.bool_)).tolist() == list(range(count))
