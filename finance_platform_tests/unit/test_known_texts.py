"""Texts to look for in many tables: the same ones are found whether Arrow makes a set of them or their hashes do."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from finance_platform import text_hashes
from finance_platform.known_texts import KnownTexts
from finance_platform.text_hashes import SortedTexts, hash_texts

_TEXTS = st.one_of(st.text(max_size=12), st.sampled_from(["", "T1", "T2", "T00000001", "T00000002", "x" * 40]))


@given(st.lists(_TEXTS, min_size=1), st.lists(st.one_of(st.none(), _TEXTS)), st.integers(0, 3))
def test_texts_are_found_among_others_and_nulls_are_not(texts: list[str], others: list[str | None], start: int) -> None:
    known, asked = pa.array(texts, pa.string()), pa.array([*["T1"] * start, *others], pa.string())[start:]
    expected = [text is not None and text in texts for text in others]

    assert SortedTexts(known).are_among(asked).to_pylist() == expected


@given(st.lists(_TEXTS, min_size=1), st.lists(st.one_of(st.none(), _TEXTS)))
def test_texts_with_one_hash_are_distinguished(texts: list[str], others: list[str | None]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(text_hashes, "hash_texts", lambda column: hash_texts(column) % np.uint64(2))
        found = SortedTexts(pa.array(texts, pa.string())).are_among(pa.array(others, pa.string()))

    assert found.to_pylist() == [text is not None and text in texts for text in others]


@pytest.mark.parametrize("is_dictionary", [False, True], ids=["texts", "dictionary"])
@given(st.lists(st.one_of(st.none(), _TEXTS), min_size=20), st.lists(st.one_of(st.none(), _TEXTS), max_size=8))
def test_a_null_is_found_exactly_if_it_is_looked_for(
    is_dictionary: bool, texts: list[str | None], others: list[str | None]
) -> None:
    asked = pa.array(others, pa.string())
    found = KnownTexts(pa.array(texts, pa.string())).are_among(asked.dictionary_encode() if is_dictionary else asked)

    assert found.to_pylist() == [text in texts for text in others]


def test_no_text_is_among_none() -> None:
    assert KnownTexts(pa.array([], pa.string())).are_among(pa.array(["a", None])).to_pylist() == [False, False]
