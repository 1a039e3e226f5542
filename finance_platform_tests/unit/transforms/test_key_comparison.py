"""Rows that share a key: what is said about each of them, as if each was described alone."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from typing import Any

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from finance_platform.contracts.processed import REJECTED_ROWS
from finance_platform.contracts.schemas import DELIVERED_CELLS, arrow_schema
from finance_platform.transforms.delivered_cells import name_cells
from finance_platform.transforms.key_comparison import compare_keys
from finance_platform.transforms.reasons import CONFLICTING_KEY, REPEATED_ROW, describe_place

_TEXTS = st.text(
    st.one_of(st.characters(codec="utf-8"), st.sampled_from('"\\\n\t\x00\x1f\x7f\u2028é😀 {}[]/')), max_size=8
)
_KEYS = st.one_of(st.sampled_from(["k", 'a "b"', "\\", "{key}", "x" * 300]), _TEXTS)
_SHEETS = st.sampled_from([None, "", "Sheet1", "it's", 'say "x"'])
_ROWS = st.fixed_dictionaries(
    {
        "delivery_id": st.sampled_from(["d1", "d2"]),
        "line_key": _KEYS,
        "source_sheet": _SHEETS,
        "source_row": st.integers(1, 99_999_999),
        "source_column": _SHEETS,
        "description": st.one_of(st.none(), _TEXTS),
        "amount": st.one_of(st.none(), st.sampled_from([Decimal("0.00"), Decimal("-1250.50")])),
        "posting_date": st.one_of(st.none(), st.just(date(2025, 1, 31))),
    }
)
_SCHEMA = pa.schema(
    [
        *((name, pa.string()) for name in ("delivery_id", "line_key", "source_sheet", "source_column", "description")),
        ("source_row", pa.int64()),
        ("amount", pa.decimal128(18, 2)),
        ("posting_date", pa.date32()),
    ]
)
_COMPARED = ("posting_date", "description", "amount")
_PLACE = ("source_sheet", "source_row", "source_column")


def _place_of(row: dict[str, Any]) -> tuple[str, int, str]:
    return row["source_sheet"] or "", row["source_row"], row["source_column"] or ""


def _dump(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _described_one_by_one(rows: list[dict[str, Any]]) -> dict[tuple[object, ...], tuple[str, str, str, str]]:
    """Return what is said about each row that repeats or contradicts another one, by its name."""
    by_key: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in sorted(rows, key=_place_of):
        by_key.setdefault((row["delivery_id"], row["line_key"]), []).append(row)
    described: dict[tuple[object, ...], tuple[str, str, str, str]] = {}
    for (delivery_id, key), same in by_key.items():
        differs = len({tuple(row[name] for name in _COMPARED) for row in same}) > 1
        first, last = (describe_place(*(row[name] for name in _PLACE)) for row in (same[0], same[-1]))
        words = (CONFLICTING_KEY if differs else REPEATED_ROW).format(key=key, first=first, last=last)
        rule = "conflicting_key" if differs else "repeated_row"
        for row in same if differs else same[1:]:
            values = {name: str(row[name]) for name in _COMPARED if row[name] is not None}
            reason = {"rule": rule, "column": "", "value": key[:200], "words": words}
            outcome = "rejected" if differs else "duplicate"
            described[delivery_id, key, *_place_of(row)] = (outcome, rule, _dump([reason]), _dump(values))
    return described


@settings(max_examples=300, deadline=None)
@given(st.lists(_ROWS, max_size=8, unique_by=_place_of))
def test_rows_of_one_key_are_described_as_if_each_was_described_alone(rows: list[dict[str, Any]]):
    batches = [pa.RecordBatch.from_pylist([row], _SCHEMA) for row in rows]
    described = [
        row for batch in compare_keys(pa.Table.from_batches(batches, _SCHEMA), _COMPARED) for row in batch.to_pylist()
    ]

    assert {
        (row["delivery_id"], row["line_key"], *_place_of(row)): tuple(
            row[f"key_{name}"] for name in ("outcome", "rules", "reasons", "raw_row")
        )
        for row in described
    } == _described_one_by_one(rows)


@settings(max_examples=200, deadline=None)
@given(
    st.sampled_from([("conflicting_key", "key"), ("half_voucher", "voucher"), ("unbalanced_voucher", "voucher")]),
    st.tuples(_TEXTS, _TEXTS),
    st.tuples(_TEXTS, _TEXTS),
    st.one_of(st.none(), _TEXTS),
)
def test_the_reason_of_a_row_gets_the_column_and_the_value_of_its_cells(
    rule_and_part: tuple[str, str], written: tuple[str, str], named: tuple[str, str], cells: str | None
):
    rule, part = rule_and_part
    reason = {"rule": rule, "column": "", "value": written[0], "words": written[1]}
    row = dict.fromkeys(REJECTED_ROWS.column_names) | {"rules": rule, "reasons": _dump([reason]), "raw_row": "typed"}
    row |= {f"{part}_column": named[0], f"{part}_value": named[1]} if cells is not None else {}
    row["cells_raw_row"] = cells
    schema = pa.unify_schemas([arrow_schema(REJECTED_ROWS.columns), arrow_schema(DELIVERED_CELLS)])

    (batch,) = name_cells([pa.RecordBatch.from_pylist([row], schema)])

    if cells is None:
        expected, raw_row = reason, "typed"
    else:
        expected, raw_row = {**reason, "column": named[0], "value": named[1] or written[0]}, cells
    assert (batch["reasons"][0].as_py(), batch["raw_row"][0].as_py()) == (_dump([expected]), raw_row)
