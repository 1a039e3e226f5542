"""Workbooks with random damage: each is read or refused in a sentence, and every row is accounted for.

Belongs here: damage to the bytes of a file and to the XML inside it. Does not belong here: damage with a known effect
(see `unit/feeds/test_workbook.py`), text files (see `test_mutated_files.py`).
"""

from __future__ import annotations

import hashlib
import io
import re
import zipfile
from datetime import date
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from finance_platform.contracts.schemas import MEASURED, REFUSED
from finance_platform.feeds.read_file import FileToRead, read_file
from finance_platform.storage.local import LocalStore
from finance_platform_tests.profiles import current_profile
from finance_platform_tests.unit.factories import LEDGER, feed, with_lines
from finance_platform_tests.workbooks import Formula, Rows, ods, xls, xlsx

EXAMPLES = 700 if current_profile().is_exhaustive else 8
ROWS: Rows = [
    ["Date", "Dept", "Account", "Amount"],
    *[[f"2025-01-{day:02d}", "D100", 4000 + day, day * 1.25] for day in range(1, 29)],
]
TYPED: Rows = [*ROWS, [date(2025, 2, 1), "D", 1, Formula("1/0", "#DIV/0!")], [date(2025, 2, 2), "D", 1, Formula("A1")]]
FILES = {"xlsx": xlsx({"A": TYPED}), "ods": ods({"A": TYPED}), "xls": xls({"A": ROWS})}
FEED = feed(with_lines(LEDGER, path="a.{xlsx,ods,xls}"))

OF_LIBRARIES = re.compile(
    "item size|not well-formed|[Mm]agic|unpack requires|NoneType|codec|Errno|out of (range|bounds)|Error:|Exception"
)
"""Words of parsers' own errors, which say nothing to the person who sent the file."""

damage = st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=6)
cuts = st.none() | st.floats(0, 1)


def damaged(data: bytes, changes: list[tuple[float, int]], cut: float | None) -> bytes:
    """Return bytes of which some are replaced; cut off at a share of their length."""
    changed = bytearray(data)
    for place, byte in changes:
        changed[int(place * len(changed))] = byte
    return bytes(changed if cut is None else changed[: int(cut * len(changed))])


def damaged_inside(data: bytes, part: int, changes: list[tuple[float, int]]) -> bytes:
    """Return a package with damage in one of its parts, which is packed correctly."""
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as new:
        names = old.namelist()
        for name in names:
            content = old.read(name)
            new.writestr(name, damaged(content, changes, None) if name == names[part % len(names)] else content)
    return stream.getvalue()


def check(folder: Path, ending: str, data: bytes) -> None:
    """Read a file; each row that it gives is in the totals, or the file is refused with a reason and a fix."""
    (folder / f"a.{ending}").write_bytes(data)
    file = FileToRead("d", f"a.{ending}", "ledger", hashlib.sha256(data).hexdigest())
    batches = list(read_file("ledger", FEED, LocalStore(folder), file))
    rows = [row for batch in batches for row in batch.select(["outcome", "source_row", "source_sheet"]).to_pylist()]
    (summary,) = batches[-1].to_pylist()
    assert summary["outcome"] in {MEASURED, REFUSED}
    if summary["outcome"] == REFUSED:
        assert summary["reasons"]
        assert not OF_LIBRARIES.search(summary["reasons"]), summary["reasons"]
        assert summary["raw_row"]
    else:
        assert summary["measured_rows"] == len(rows) - 1
        assert all(row["source_sheet"] for row in rows[:-1])


@pytest.mark.parametrize("ending", FILES)
@given(changes=damage, cut=cuts)
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_workbook_with_damaged_bytes_is_read_or_refused(
    ending: str, changes: list[tuple[float, int]], cut: float | None, tmp_path: Path
):
    check(tmp_path, ending, damaged(FILES[ending], changes, cut))


@pytest.mark.parametrize("ending", ["xlsx", "ods"])
@given(part=st.integers(0, 20), changes=damage)
@settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_workbook_with_damaged_parts_is_read_or_refused(
    ending: str, part: int, changes: list[tuple[float, int]], tmp_path: Path
):
    check(tmp_path, ending, damaged_inside(FILES[ending], part, changes))


@pytest.mark.parametrize("ending", FILES)
def test_the_workbook_itself_is_read(ending: str, tmp_path: Path):
    check(tmp_path, ending, FILES[ending])


@pytest.mark.parametrize("ending", FILES)
@pytest.mark.parametrize("share", [0.1, 0.3, 0.5, 0.7, 0.9, 0.99])
def test_a_workbook_that_was_cut_off_is_refused_in_a_sentence(ending: str, share: float, tmp_path: Path):
    data = FILES[ending]
    check(tmp_path, ending, data[: int(len(data) * share)])


@pytest.mark.parametrize("ending", ["xlsx", "ods"])
@pytest.mark.parametrize("moved", [-40, -1, 1, 40, 1 << 24])
def test_a_workbook_whose_end_moves_its_parts_is_refused_in_a_sentence(ending: str, moved: int, tmp_path: Path):
    """Where parts are is counted from the beginning of the directory, which the file's end states."""
    data = bytearray(FILES[ending])
    place = data.rfind(b"PK\x05\x06") + 16
    data[place : place + 4] = (int.from_bytes(data[place : place + 4], "little") + moved).to_bytes(4, "little")
    check(tmp_path, ending, bytes(data))
