"""Members of many deliveries: groups that an engine can hold, and hashes that slices of earlier releases have."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Sequence

import pyarrow as pa
import pytest

from finance_platform.spark_jobs import members_by_delivery
from finance_platform.spark_jobs.members_by_delivery import HASHED, MEMBER_COLUMNS, hash_members, member_groups
from finance_platform.spark_jobs.rows_by_delivery import by_delivery

_TEXTS = [
    "",
    "Rent",
    'say "x"',
    "back\\slash",
    "Müller – 私",
    "𝒜",
    "tab\there",
    "\x7f",
    "\ue000",
    "a b",
    "a",
    "B",
    "~",
    "/",
]


def _members(seed: int) -> list[tuple[str | None, ...]]:
    draw = random.Random(seed)
    return [(draw.choice("abc"), *(draw.choice([None, *_TEXTS]) for _ in HASHED)) for _ in range(draw.randint(1, 60))]


def _table(rows: Sequence[tuple[str | None, ...]], *, is_encoded: bool) -> pa.Table:
    columns = [pa.array(values, pa.string()) for values in zip(*rows, strict=True)]
    return pa.table([column.dictionary_encode() if is_encoded else column for column in columns], names=MEMBER_COLUMNS)


def test_members_have_the_hash_of_their_sorted_rows_however_they_are_divided():
    for seed in range(60):
        rows = _members(seed)
        expected = {}
        for delivery_id in {row[0] for row in rows}:
            values = sorted([value or "" for value in row[1:]] for row in rows if row[0] == delivery_id)
            expected[delivery_id] = hashlib.sha256(json.dumps(values).encode()).hexdigest()[:16]
        tables = [_table(rows[start : start + 7], is_encoded=seed % 2 == 0) for start in range(0, len(rows), 7)]
        assert dict(hash_members(tables)) == expected


def test_rows_of_a_delivery_stay_together_and_in_their_order():
    rows = [(name, str(number), *[None] * (len(HASHED) - 1)) for number, name in enumerate("babcabca")]
    found = {name: table[HASHED[0]].to_pylist() for name, table in by_delivery(_table(rows, is_encoded=True))}
    assert found == {"b": ["0", "2", "5"], "a": ["1", "4", "7"], "c": ["3", "6"]}
    assert list(by_delivery(_table(rows, is_encoded=False).slice(0, 0))) == []


def test_members_of_deliveries_are_derived_in_groups_of_a_bounded_number(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(members_by_delivery, "MEMBERS_AT_ONCE", 10)
    members = {"a": 4, "b": 30, "c": 5, "d": 5, "e": 1, "f": 2}
    assert member_groups(members) == [["a"], ["b"], ["c", "d"], ["e", "f"]]
    # Deliveries that share files are written together, however many members they have.
    assert member_groups(members, {"b", "e"}) == [["b", "e"], ["a", "c"], ["d", "f"]]
    assert member_groups({}) == [[]]
