"""Rejected rows as they are kept: the JSON of their cells and of their reasons."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from finance_platform.feeds.limits import MAX_RAW_CELL_CHARACTERS, MAX_RAW_ROW_CHARACTERS, WIDE_HEADER
from finance_platform.feeds.raw_rows import raw_rows
from finance_platform.feeds.reasons import Reason, reasons_from_json, reasons_to_json
from finance_platform.feeds.shape_rules import is_derived

_TEXTS = st.text(
    st.one_of(st.characters(codec="utf-8"), st.sampled_from('"\\\n\t\x00\x1f\x7f\u2028é😀 /')), max_size=12
)
_ANY_TEXTS = st.text(st.characters(exclude_categories=()), max_size=12)
_NASTY = ["", " ", '"', "\\", '\\"', "\x00", "\x1f", "\x7f", "\u2028", "é", "😀", "a\r\nb\t", "</script>", "…"]


def _as_columns(rows: Sequence[Sequence[str | None]], names: Sequence[str]) -> dict[str, pa.StringArray]:
    return {name: pa.array(cells, pa.string()) for name, *cells in zip(names, *rows, strict=True)}


def _raw_rows(columns: Mapping[str, pa.StringArray], positions: Sequence[int]) -> list[str]:
    return list(raw_rows(columns, np.array(positions, np.int64)).to_pylist())


def _dump(row: Sequence[str | None], names: Sequence[str]) -> str:
    return json.dumps({name: text or "" for name, text in zip(names, row, strict=True)}, ensure_ascii=False)


@settings(max_examples=200, deadline=None)
@given(st.lists(_TEXTS.filter(lambda name: not is_derived(name)), min_size=1, max_size=4, unique=True), st.data())
def test_cells_are_written_as_json_dumps_writes_them(names: list[str], data: st.DataObject):
    cells = st.one_of(st.none(), _TEXTS)
    rows = data.draw(st.lists(st.lists(cells, min_size=len(names), max_size=len(names)), max_size=5))
    columns = {name: pa.array([row[place] for row in rows], pa.string()) for place, name in enumerate(names)}
    positions = data.draw(st.lists(st.integers(0, len(rows) - 1), max_size=8)) if rows else []

    assert _raw_rows(columns, positions) == [_dump(rows[position], names) for position in positions]


@settings(max_examples=200, deadline=None)
@given(st.lists(st.builds(Reason, _ANY_TEXTS, _ANY_TEXTS, _ANY_TEXTS, _ANY_TEXTS), min_size=1, max_size=3))
def test_reasons_are_written_as_json_dumps_writes_them_with_lone_surrogates_too(reasons: list[Reason]):
    values = [{"rule": one.rule, "column": one.column, "value": one.value, "words": one.words} for one in reasons]

    assert reasons_to_json(reasons) == json.dumps(values, ensure_ascii=False, separators=(",", ":"))
    assert reasons_from_json(reasons_to_json(reasons)) == reasons


def test_a_lone_surrogate_in_a_reason_is_kept():
    (reason,) = reasons_from_json(reasons_to_json([Reason("rule", "\ud800", '"\udfff', "\x00")]))

    assert reason == Reason("rule", "\ud800", '"\udfff', "\x00")


@pytest.mark.parametrize("text", _NASTY)
def test_one_cell_with_an_escape_changes_no_other_row(text: str):
    rows = [["1", "plain"], ["2", text], ["3", "plain"]]

    assert _raw_rows(_as_columns(rows, ["Nr", 'a "b"\\']), [0, 1, 2]) == [_dump(row, ["Nr", 'a "b"\\']) for row in rows]


def test_of_a_wide_header_blank_cells_are_left_out_and_the_others_keep_their_order():
    names = [f"column {number}" for number in range(WIDE_HEADER + 1)]
    rows: list[list[str | None]] = [
        [text if (number + place) % 3 else " " for number in range(len(names))] for place, text in enumerate(_NASTY)
    ]
    rows.append([None] * len(names))

    kept = [{name: text for name, text in zip(names, row, strict=True) if text and text.strip()} for row in rows]
    assert [json.loads(text) for text in _raw_rows(_as_columns(rows, names), range(len(rows)))] == kept
    assert _raw_rows(_as_columns(rows, names), range(len(rows)))[-1] == "{}"


@pytest.mark.parametrize("width", [2, WIDE_HEADER + 1])
def test_a_cell_of_millions_of_characters_is_cut_and_the_rows_around_it_are_whole(width: int):
    names = [f"column {number}" for number in range(width)]
    rows = [[f"{number} {place}" for number in range(width)] for place in range(3)]
    rows[1][1] = "ü" * 5_000_000
    cut = [*rows[1]]
    cut[1] = "ü" * MAX_RAW_CELL_CHARACTERS + "…"

    expected = [_dump(row, names) for row in (rows[0], cut, rows[2])]
    assert _raw_rows(_as_columns(rows, names), [0, 1, 2]) == expected


@pytest.mark.parametrize("extra", [0, 1])
def test_the_cells_after_the_most_characters_of_a_row_are_left_out(extra: int):
    names = [f"{number:04}" for number in range(20)]
    each = MAX_RAW_ROW_CHARACTERS // 19
    cells = ["x" * (each - 4) for _ in names]
    cells[0] += "x" * (MAX_RAW_ROW_CHARACTERS - 19 * each + extra)

    (row,) = map(json.loads, _raw_rows(_as_columns([cells], names), [0]))

    assert ("…" in row) is bool(extra)
    assert (names[-1] in row) is (not extra)


def test_more_rows_than_are_joined_at_once_stay_in_the_order_of_their_positions():
    columns = {"Nr": pa.array(map(str, range(2_500)))}

    assert _raw_rows(columns, range(2_499, -1, -1)) == [f'{{"Nr": "{number}"}}' for number in range(2_499, -1, -1)]


def test_a_table_without_columns_has_empty_rows():
    assert _raw_rows({}, [0, 1]) == ["{}", "{}"]
