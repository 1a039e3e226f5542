"""Codes: their equality and keys, and the types of scenarios."""

from __future__ import annotations

import hashlib
import unicodedata
from typing import Any, cast

import pyarrow as pa
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from finance_platform.feeds.lines.typed_codes import TypedCodes
from finance_platform.feeds.resolved import FieldRule
from finance_platform.feeds.values.codes import (
    MAX_NAME_BYTES,
    SCENARIO_TYPES,
    clean,
    closest_match,
    fold,
    joined_key,
    scenario_name,
    scenario_type,
    short_name,
    surrogate_key,
)

texts = st.text(max_size=20)
ascii_texts = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=20)
spaces = st.sampled_from([" ", "\t", "\n", "  ", "\u00a0", "\u3000", " \r\n "])


@pytest.mark.parametrize(
    ("code", "key"),
    [
        ("D100", 85760901473966),
        ("0010", 200643455046710),
        ("10", 205626216242674),
        ("Actual", 259954154273206),
        ("Straße", 80552187432108),
    ],
)
def test_keys_never_change_because_published_rows_contain_them(code: str, key: int) -> None:
    assert surrogate_key(code) == key


def test_a_key_is_the_first_48_bits_of_the_hash_of_the_length_prefixed_folded_code() -> None:
    assert surrogate_key("D100") == int(hashlib.sha256(b"4:d100").hexdigest()[:12], 16)


@given(st.lists(texts, max_size=3))
def test_keys_fit_into_48_bits(parts: list[str]) -> None:
    assert 0 <= surrogate_key(*parts) < 2**48


@given(ascii_texts)
def test_a_key_does_not_depend_on_case(code: str) -> None:
    assert surrogate_key(code.upper()) == surrogate_key(code.lower()) == surrogate_key(code)


@given(ascii_texts, ascii_texts, spaces, spaces)
def test_a_key_does_not_depend_on_the_kind_or_amount_of_white_space(
    first: str, second: str, space: str, other_space: str
) -> None:
    assert surrogate_key(f"{space}{first}{other_space}{second}") == surrogate_key(f"{first} {second}{space}")


@given(ascii_texts, ascii_texts)
def test_white_space_inside_a_code_is_not_dropped(first: str, second: str) -> None:
    assert surrogate_key(f"{first} {second}") != surrogate_key(f"{first}{second}")


@given(texts)
def test_composed_and_decomposed_letters_give_one_key(code: str) -> None:
    decomposed, composed = unicodedata.normalize("NFD", code), unicodedata.normalize("NFC", code)
    assert surrogate_key(decomposed) == surrogate_key(composed)


@given(st.integers(0, 99999), st.integers(1, 4))
def test_codes_with_different_leading_zeros_have_different_keys(number: int, zeros: int) -> None:
    assert surrogate_key("0" * zeros + str(number)) != surrogate_key(str(number))


@given(st.lists(texts.map(fold), min_size=1, max_size=3), st.lists(texts.map(fold), min_size=1, max_size=3))
@example(["ab", "c"], ["a", "bc"])
@example(["a", ""], ["", "a"])
@example(["1:a"], ["", "a"])
def test_two_natural_keys_are_joined_to_one_text_only_if_they_are_equal(first: list[str], second: list[str]) -> None:
    assert (joined_key(first) == joined_key(second)) == (first == second)


def test_the_length_prefix_counts_bytes_as_every_engine_does() -> None:
    assert joined_key(["é", "ab"]) == "2:é2:ab"


@given(texts)
def test_cleaning_twice_is_cleaning_once(text: str) -> None:
    assert clean(clean(text)) == clean(text)


@given(texts)
@example("ǰ")
@example("İ")
@example("ᾳͅ")
@example("ß\u0301")
def test_folding_twice_is_folding_once(text: str) -> None:
    assert fold(fold(text)) == fold(text)


@given(texts)
def test_a_code_and_its_cleaned_form_fold_to_one_text(text: str) -> None:
    assert fold(clean(text)) == fold(text)


@pytest.mark.parametrize("text", ["610¹", "①", "Ⅷ", "６１００", "ﬁ", "½", "ª", "™", "ŉ", "℃", "ſ", "１"])
def test_compatibility_characters_are_not_folded_into_plain_ones(text: str) -> None:
    assert fold(text) != fold(unicodedata.normalize("NFKC", text))
    assert fold(fold(text)) == fold(text)


@pytest.mark.parametrize(("first", "second"), [("STRASSE", "Straße"), ("Å", "å"), ("É", "e\u0301"), ("Ａ", "ａ")])
def test_case_is_folded_in_every_script(first: str, second: str) -> None:
    assert fold(first) == fold(second)


def test_cleaning_keeps_case_and_leading_zeros() -> None:
    assert clean("  00 Ab\t\n c ") == "00 Ab c"


@given(st.text(max_size=400))
def test_a_short_name_fits_into_the_warehouse_and_is_the_start_of_the_name(name: str) -> None:
    short = short_name(name)
    assert len(short.encode()) <= MAX_NAME_BYTES
    assert clean(name).startswith(short)


def test_a_name_is_never_cut_inside_a_character() -> None:
    assert short_name("€" * 100) == "€" * 85


def test_a_name_that_fits_is_not_cut() -> None:
    assert short_name("x" * MAX_NAME_BYTES) == "x" * MAX_NAME_BYTES


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Actual", "Actual"),
        (" ACTUAL ", "Actual"),
        ("Budget", "Budget"),
        ("budget q1", "Budget"),
        ("Budget\u00a0Q1", "Budget"),
        ("FORECAST 3+9", "Forecast"),
    ],
)
def test_actual_and_names_that_begin_with_a_plan_type_need_no_declaration(name: str, expected: str) -> None:
    assert scenario_type(name, {}) == expected


@pytest.mark.parametrize("name", ["Actual 2025", "Actuals", "Plan", "My Budget", "", "Q1 Forecast"])
def test_every_other_name_is_undeclared(name: str) -> None:
    assert scenario_type(name, {}) is None


def test_a_declared_name_has_its_declared_type_in_any_case_and_spacing() -> None:
    assert scenario_type("outlook  MAY", {"Outlook May": "Forecast"}) == "Forecast"


def test_a_declaration_does_not_apply_to_longer_names() -> None:
    assert scenario_type("Outlook June", {"Outlook": "Forecast"}) is None


@given(st.sampled_from(["actual", "ACTUAL", " Actual"]))
def test_actual_has_one_display_name(name: str) -> None:
    assert scenario_name(name, {}) == "Actual"


@pytest.mark.parametrize(
    ("name", "expected"), [("BUDGET  Q1", "Budget Q1"), ("forecast", "Forecast"), ("ZBB plan", "ZBB plan")]
)
def test_the_name_of_the_type_is_capitalised(name: str, expected: str) -> None:
    assert scenario_name(name, {}) == expected


def test_the_display_name_of_a_declared_scenario_is_the_declared_one() -> None:
    assert scenario_name("budget q1", {"BUDGET Q1": "Budget"}) == "BUDGET Q1"


@given(st.sampled_from(["Budget ", "FORECAST ", "Actual", "Outlook "]), texts)
def test_the_display_name_has_the_key_and_type_of_the_delivered_one(first: str, rest: str) -> None:
    declared = {"Outlook May": "Forecast"}
    name = scenario_name(first + rest, declared)
    assert surrogate_key(name) == surrogate_key(first + rest)
    assert scenario_type(name, declared) == scenario_type(first + rest, declared)


@pytest.mark.parametrize(("text", "expected"), [("Budgt", "Budget"), ("FORCAST", "Forecast"), ("actuals", "Actual")])
def test_the_closest_match_of_a_typo_is_the_allowed_value(text: str, expected: str) -> None:
    assert closest_match(text, SCENARIO_TYPES) == expected


def test_a_text_that_resembles_no_allowed_value_has_no_match() -> None:
    assert closest_match("zzz", SCENARIO_TYPES) is None


@given(texts)
def test_an_allowed_value_is_its_own_closest_match(text: str) -> None:
    assume(fold(text))
    assert closest_match(text, [text, "something else entirely"]) == text


@given(
    st.lists(
        st.text(st.sampled_from("aZ0~!\u00e9e\u0301\u00a0 \t\n\x7f\x00\u200b"), min_size=1, max_size=4), min_size=1
    )
)
def test_a_column_of_codes_is_cleaned_where_a_code_of_it_is_not_clean(texts: list[str]):
    typed = TypedCodes().type_column("account", FieldRule(), pa.array(texts), cast("Any", None))
    assert typed.column().to_pylist() == [clean(text) for text in texts]
