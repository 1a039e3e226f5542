"""Cleaning of cells: what cannot be seen is removed or found, Excel's guards are unwrapped."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from finance_platform.feeds.values.hidden_characters import clean_cell, clean_cells

INVISIBLE = [0x00AD, 0x034F, 0x061C, 0x180E, *range(0x200B, 0x2010), 0x202A, 0x2060, 0x2066, 0x3164, 0xFE0F, 0xFEFF]


@pytest.mark.parametrize("code", [*INVISIBLE, 0xE0020, 0x01, 0x07, 0x1A], ids=hex)
@pytest.mark.parametrize("form", ["{}0460", "04{}60", "0460{}"])
def test_an_invisible_character_is_removed_from_a_code_and_found(code: int, form: str) -> None:
    assert clean_cell(form.format(chr(code))) == ("0460", frozenset({"invisible"}))


@pytest.mark.parametrize("code", [0x08, 0x1B, 0x7F, 0x80, 0x9F, 0x202D, 0x202E], ids=hex)
def test_a_character_that_changes_its_neighbours_is_found_and_stays(code: int) -> None:
    assert clean_cell(f"04{chr(code)}60") == (f"04{chr(code)}60", frozenset({"harmful"}))


def test_a_nul_character_is_found_in_every_kind_of_text() -> None:
    assert "nul" in clean_cell("0460\0")[1]
    assert "nul" in clean_cell("Rent\0", is_name=True)[1]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ('="0460"', "0460"),
        ('= "0460"', "0460"),
        ('="04""60"', '04"60'),
        ("'0460", "0460"),
        ("'0460'", "0460"),
        ('="\u200b0460"', "0460"),
    ],
)
def test_a_guard_of_excel_is_unwrapped(text: str, code: str) -> None:
    cleaned, findings = clean_cell(text)
    assert (cleaned, "guard" in findings) == (code, True)


@pytest.mark.parametrize("text", ["0460", "O'Neill", "=0460", '="0460', "'", "A=B", "６１００", "610¹", "①", "Ⅷ"])
def test_a_code_without_a_guard_stays_as_it_is(text: str) -> None:
    assert clean_cell(text) == (text, frozenset())


@pytest.mark.parametrize("text", ["'t Hooft", "نمی\u200cخواهم", "क्\u200dष", "❤\ufe0f"])
def test_names_keep_apostrophes_and_the_joiners_of_their_spelling(text: str) -> None:
    assert clean_cell(text, is_name=True) == (text, frozenset())


@pytest.mark.parametrize("text", ["Re\u00adnt", "\ufeffRent", "Rent\u202e", "Re\x80nt", "Rent\x07"])
def test_names_lose_everything_else_that_cannot_be_seen(text: str) -> None:
    assert clean_cell(text, is_name=True) == ("Rent", frozenset({"invisible"}))


def test_a_cell_of_invisible_characters_alone_is_blank() -> None:
    assert clean_cells(pa.array(["\u200b", None, "a"])).texts.to_pylist() == [None, None, "a"]


TRIMMED = st.text(min_size=1, max_size=5).map(str.strip).filter(bool)


@given(st.lists(st.one_of(st.none(), TRIMMED)), st.booleans())
@example(["\ufe0f"], False)
@example(["'a"], False)
@example(["\U000e0001"], True)
def test_a_column_is_cleaned_like_its_cells_one_by_one(texts: list[str | None], is_name: bool) -> None:
    column = clean_cells(pa.array(texts, pa.string()), is_name=is_name)
    cells = [(None, frozenset()) if text is None else clean_cell(text, is_name=is_name) for text in texts]
    trimmed = [text or None for text, _ in cells]
    if column.findings:
        assert column.texts.to_pylist() == trimmed
    for finding in ("nul", "harmful", "invisible", "guard"):
        expected = [finding in findings for _, findings in cells]
        assert (
            column.findings[finding].to_pylist() if finding in column.findings else [False] * len(texts)
        ) == expected


@pytest.mark.parametrize("is_name", [True, False])
def test_a_column_is_cleaned_as_its_cells_are_one_by_one(is_name: bool) -> None:
    """Every character in which something is found, between cells that need no cleaning."""
    everything = "".join(chr(code) for code in (*range(0xD800), *range(0xE000, 0x10000), *range(0xE0000, 0xE0200)))
    visible = clean_cell(everything, is_name=True)[0]
    hidden = sorted(
        {*everything} - {*visible} | {chr(code) for code in [0, 8, 0x1B, *range(0x7F, 0xA0), 0x202D, 0x202E]}
    )
    hidden = [character for character in hidden if not character.isspace()]
    cells = [cell for character in hidden for cell in ("Müller – A", f"04{character}60")] + ["'12", '="7"', "–"]
    cleaned = clean_cells(pa.array(cells), is_name=is_name)
    singly = [clean_cell(cell, is_name=is_name) for cell in cells]
    assert cleaned.texts.to_pylist() == [text for text, _ in singly]
    names = {name for _, found in singly for name in found}
    assert {name: found.to_pylist() for name, found in cleaned.findings.items()} == {
        name: [name in found for _, found in singly] for name in names
    }
