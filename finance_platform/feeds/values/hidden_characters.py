"""Cells as they are cleaned: what cannot be seen removed or found, Excel's guards unwrapped, endless texts cut.

Belongs here: which characters are invisible, and cleaning a column of cells.
Does not belong here: white space, case and Unicode forms (see `codes`), rejecting rows (see `violations`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.feeds.limits import MAX_TEXT_CHARACTERS, MAX_VALUE_CHARACTERS

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

Finding = Literal["nul", "harmful", "invisible", "guard", "too_long"]

_KEPT_CHARACTERS = 60
_CUT_MARK = "…"
"""After what is kept of a text that is too long, so that it is not a valid amount or date."""

# Unicode's default ignorable code points, less the bidirectional overrides.
_IGNORABLE = (
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202c\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
# Tabs, line breaks and the separators \x1c to \x1f are white space.
_HARMLESS_CONTROLS = "\x01-\x07\x0e-\x1a"
# A backspace, a delete or an escape sequence changes its neighbours; an override shows other text than is stored; the
# controls from \x80 are letters and signs of cp1252 that were read as latin-1.
_HARMFUL = "\x08\x1b\x7f-\x84\x86-\x9f\u202d\u202e"
# In names, joiners and variation selectors are part of the spelling.
_JOINERS = "\u200c\u200d\ufe00-\ufe0f\U000e0100-\U000e01ef"

_IN_CODES = re.compile(f"[\0{_IGNORABLE}{_HARMLESS_CONTROLS}]")
_IN_NAMES = re.compile(f"(?![{_JOINERS}])[\0{_IGNORABLE}{_HARMLESS_CONTROLS}{_HARMFUL}]")
_HARM = re.compile(f"[{_HARMFUL}]")
_FORMULA = re.compile(r'=\s*"((?:[^"]|"")*)"')

_IN_ANY = rf"[\x00{_IGNORABLE}{_HARMLESS_CONTROLS}{_HARMFUL}{_JOINERS}]"
_DOUBTFUL = {True: _IN_ANY, False: f"^[=']|{_IN_ANY}"}
"""By whether the texts are names: a pattern of RE2 that all texts match in which `clean_cell` finds something."""

_LAST_BLANK, _FIRST_BEYOND = 0x20, 0x7F
_GUARD_BYTES = b"='"
# The controls, and the first bytes of the characters above in UTF-8.
_SUSPICIOUS_BYTES = bytes([*range(9), *range(14, 28), 0x7F, 0xC2, 0xCD, 0xD8, 0xE1, 0xE2, 0xE3, 0xEF, 0xF0, 0xF3])


@dataclass(frozen=True)
class CleanedCells:
    """A column of cells without what cannot be seen.

    Attributes:
        texts: the cleaned texts, null where nothing is left.
        findings: boolean arrays by finding; only of findings that occur.
    """

    texts: pa.StringArray
    findings: Mapping[Finding, pa.BooleanArray] = field(default_factory=dict)


def clean_cells(texts: pa.StringArray, *, is_name: bool = False) -> CleanedCells:
    """Clean a column of trimmed texts.

    Args:
        texts: the column, null where blank.
        is_name: whether the texts are for people; every other text is compared or parsed.
    """
    texts, is_too_long = _cut(texts, max_characters(is_name=is_name))
    cleaned = _clean(texts, is_name=is_name)
    return CleanedCells(cleaned.texts, {**cleaned.findings, "too_long": is_too_long}) if is_too_long else cleaned


def max_characters(*, is_name: bool) -> int:
    """Return the length of the longest text that is read."""
    return MAX_TEXT_CHARACTERS if is_name else MAX_VALUE_CHARACTERS


def _cut(texts: pa.StringArray, limit: int) -> tuple[pa.StringArray, pa.BooleanArray | None]:
    """Return the beginning of texts that are too long, and which ones are; None if none is."""
    if (pc.max(pc.binary_length(texts)).as_py() or 0) <= limit:
        return texts, None  # no text has more characters than bytes
    is_too_long = pc.fill_null(pc.greater(pc.utf8_length(texts), limit), False)
    if not pc.any(is_too_long).as_py():
        return texts, None
    beginnings = pc.binary_join_element_wise(pc.utf8_slice_codeunits(texts, 0, _KEPT_CHARACTERS), _CUT_MARK, "")
    return pc.if_else(is_too_long, beginnings, texts), is_too_long


def _clean(texts: pa.StringArray, *, is_name: bool) -> CleanedCells:
    doubtful = _doubtful_rows(texts, is_name=is_name)
    if doubtful is None:
        return CleanedCells(texts)
    encoded = pc.take(texts, doubtful).dictionary_encode()
    cleaned = [clean_cell(text, is_name=is_name) for text in encoded.dictionary.to_pylist()]
    is_doubtful = _mask_of(len(texts), doubtful)
    findings: dict[Finding, pa.BooleanArray] = {}
    nothing = pa.repeat(False, len(texts))
    for finding in sorted({finding for _, of_text in cleaned for finding in of_text}):
        has_finding = pa.array([finding in of_text for _, of_text in cleaned], pa.bool_())
        findings[finding] = pc.replace_with_mask(nothing, is_doubtful, pc.take(has_finding, encoded.indices))
    if not findings:
        return CleanedCells(texts)
    cleaned_texts = pc.take(pa.array([text or None for text, _ in cleaned], pa.string()), encoded.indices)
    return CleanedCells(pc.replace_with_mask(texts, is_doubtful, cleaned_texts), findings)


def _doubtful_rows(texts: pa.StringArray, *, is_name: bool) -> pa.Int64Array | None:
    """Return the rows whose texts must be looked at one by one; None if there are none.

    A character beyond ASCII in one description must not send every cell of its batch through Python, nor, as it takes
    as long as to parse them, through a regular expression.
    """
    rows = _suspicious_rows(texts, is_name=is_name)
    if not len(rows):
        return None
    rows = pa.array(rows)
    is_doubtful = pc.fill_null(pc.match_substring_regex(pc.take(texts, rows), _DOUBTFUL[is_name]), False)
    return rows.filter(is_doubtful) if pc.any(is_doubtful).as_py() else None


def _mask_of(size: int, rows: pa.Int64Array) -> pa.BooleanArray:
    import numpy as np

    mask = np.zeros(size, dtype=np.bool_)
    mask[np.asarray(rows)] = True
    return pa.array(mask)


def clean_cell(text: str, *, is_name: bool = False) -> tuple[str, frozenset[Finding]]:
    """Return a trimmed text without what cannot be seen, and what was found in it."""
    findings: set[Finding] = set()
    if "\0" in text:
        findings.add("nul")
    if not is_name and is_harmful(text):
        findings.add("harmful")
    visible = (_IN_NAMES if is_name else _IN_CODES).sub("", text)
    if visible != text:
        findings.add("invisible")
        visible = visible.strip()
    unguarded = visible if is_name else _unguard(visible)
    if unguarded != visible:
        findings.add("guard")
    return unguarded.strip(), frozenset(findings)


def is_harmful(text: str) -> bool:
    """Return whether a text has a character that changes how its neighbours are shown or read."""
    return _HARM.search(text) is not None


def _unguard(text: str) -> str:
    """Return the text inside `="0460"` or after a leading apostrophe, by which Excel keeps text from being a number."""
    formula = _FORMULA.fullmatch(text)
    if formula:
        return formula[1].replace('""', '"')
    if text.startswith("'") and len(text) > 1:
        return text[1:-1] if text.endswith("'") and len(text) > 2 else text[1:]
    return text


def has_only_visible_ascii(texts: pa.StringArray) -> bool:
    """Return whether no text has white space, a control character or a character beyond ASCII; false is no proof."""
    data = _bytes_of(texts)
    return not len(data) or bool(data.min() > _LAST_BLANK and data.max() < _FIRST_BEYOND)


def is_trimmed(texts: pa.StringArray) -> bool:
    """Return whether every text begins and ends with a visible character of ASCII; false is no proof."""
    import numpy as np

    if has_only_visible_ascii(texts):
        return True
    offsets = np.frombuffer(texts.buffers()[1], np.int32)[texts.offset : texts.offset + len(texts) + 1]
    data = _bytes_of(texts)
    has_text = offsets[1:] > offsets[:-1]
    for ends in (data[offsets[:-1][has_text]], data[offsets[1:][has_text] - 1]):
        if len(ends) and (ends.min() <= _LAST_BLANK or ends.max() >= _FIRST_BEYOND):
            return False
    return True


def has_bytes(texts: pa.StringArray, sequences: Sequence[bytes]) -> bool:
    """Return whether one of these sequences is in a text; true is no proof, as two texts may have its parts."""
    buffer = texts.buffers()[2]
    data = b"" if buffer is None else buffer.to_pybytes()
    # To find a byte that is not there takes a tenth of the time of finding a sequence.
    return any(sequence[-1] in data and sequence in data for sequence in sequences)


def _bytes_of(texts: pa.StringArray) -> npt.NDArray[np.uint8]:
    import numpy as np

    data = texts.buffers()[2]
    return np.frombuffer(data if data is not None else b"", dtype=np.uint8)


def _suspicious_rows(texts: pa.StringArray, *, is_name: bool) -> npt.NDArray[np.int64]:
    """Return the rows with a byte that may be of a character to look at."""
    import numpy as np

    data = _bytes_of(texts)
    if has_only_visible_ascii(texts):
        if is_name or not any((data == byte).any() for byte in _GUARD_BYTES):
            return np.zeros(0, np.int64)
        places = np.flatnonzero(np.isin(data, list(_GUARD_BYTES)))
    else:
        places = _suspicious_places(data, _SUSPICIOUS_BYTES if is_name else _SUSPICIOUS_BYTES + _GUARD_BYTES)
    offsets = np.frombuffer(texts.buffers()[1], np.int32)[texts.offset : texts.offset + len(texts) + 1]
    places = places[(places >= offsets[0]) & (places < offsets[-1])]
    # The bytes of a text are neighbours, so each row is named once.
    rows: npt.NDArray[np.int64] = np.searchsorted(offsets, places, side="right") - 1
    named: npt.NDArray[np.int64] = rows[np.diff(rows, prepend=-1) != 0]
    return named


def _suspicious_places(data: npt.NDArray[np.uint8], suspicious: bytes) -> npt.NDArray[np.int64]:
    """Return the places of these bytes, but of those that begin a dash, a quotation mark or the sign of a currency."""
    import numpy as np

    found = [np.flatnonzero(data == byte) for byte in suspicious if byte > _LAST_BLANK]
    if data.min() < _LAST_BLANK:
        controls = np.flatnonzero(data < _LAST_BLANK)
        found.append(controls[np.isin(data[controls], list(suspicious))])
    places = np.sort(np.concatenate(found))
    of_marks = data[places] == _FIRST_OF_PUNCTUATION
    if of_marks.any():
        first = places[of_marks]
        second, third = data[first + 1], data[first + 2]
        is_mark = (second > _LAST_OF_IGNORABLE) | ((second == _SECOND_OF_MARKS) & (third >= 0x90) & (third <= 0xA7))
        places = np.sort(np.concatenate([places[~of_marks], first[~is_mark]]))
    return places


_FIRST_OF_PUNCTUATION, _SECOND_OF_MARKS, _LAST_OF_IGNORABLE = 0xE2, 0x80, 0x81
"""In UTF-8, of the characters from U+2000 to U+2FFF: from U+2010 to U+2027, and from U+2080, none is to look at."""
