"""The encoding of a text without a mark: UTF-8, Japanese, or Western, and what a person checks about the last.

Belongs here: encodings that a draft proposes. Does not belong here: byte order marks and zero bytes (see
`files.file_format`), the encoding that a descriptor declares (see `files.delimited_file`).
"""

from __future__ import annotations

import codecs
import re
from itertools import pairwise

from finance_platform.feeds.files.file_format import OpenFile, find_invalid_utf8, marked_encoding, unmarked_encoding
from finance_platform.feeds.values.header_words import WORDS, rank

_AROUND = 12
_LAST_ASCII = 0x7F
_MOST = 0.9
"""Share of the characters beyond ASCII that are of the script, beside signs such as a yen or a dash."""

_OTHERS = ("cp1250", "cp1254", "cp1251", "gb18030", "cp949")
_WRITERS = {
    "cp932": " in Japan", "cp1250": " in Central Europe", "cp1254": " in Turkey", "cp1251": " with Cyrillic letters",
    "gb18030": " in China", "cp949": " in Korea",
}  # fmt: skip
_FIRST_LINES = 30
"""Lines of which one is the header."""

_DELIMITER = re.compile("[,;\t|]")
_SIGN_IN_WORD = re.compile(r"(?<=[^\W\dm_])[¹³¿£¥¯¼¾](?=[^\W\d_])")
"""Letters of Central Europe as signs: names such as Data ksiêgowania are known without their accents, too. Not m³."""

_KANA = re.compile("[\u3041-\u30ff]")
_JAPANESE = re.compile("[\u3000-\u30ff\u4e00-\u9fff\uff00-\uffef]")


def find_encoding(open_file: OpenFile, start: bytes) -> tuple[str, list[str]]:
    """Return the encoding of a file, and what the draft says about it.

    Args:
        open_file: opens the file.
        start: its first bytes.
    """
    found = (marked_encoding(start) or "").removesuffix("-sig") or unmarked_encoding(start)
    if found:
        return found, []
    error = find_invalid_utf8(open_file)
    if error is None:
        return "utf-8", []
    encoding = "cp932" if _is_japanese(start) else _of_header(start)
    writer = _WRITERS.get(encoding, "")
    before = error.object.rfind(b"\n", 0, error.start) + 1
    line = error.object[before:].split(b"\n", 1)[0].decode(encoding, "replace")
    place = len(error.object[before : error.start].decode(encoding, "replace"))
    shown = " ".join(line[max(0, place - _AROUND) : place + _AROUND].split())
    remark = f"The file is not UTF-8. In {encoding}, as Excel on Windows writes{writer}, a part of it is {shown!r}."
    if encoding == "cp1252" and _has_runs(start):
        remark = (
            f"decide: {remark} If the source shows another text, write its encoding, such as cp1250 (Central Europe), "
            "cp1251 (Cyrillic), cp932 (Japanese), gb18030 (Chinese) or cp949 (Korean): the columns then have "
            "other names, too."
        )
    return encoding, [remark]


def _of_header(data: bytes) -> str:
    """Return the encoding in which names of columns are known ones, Western if others give no more of them."""
    scores: dict[str, tuple[int, int]] = {}
    for encoding in ("cp1252", *_OTHERS):
        text = data.decode(encoding, "replace")
        first = text.splitlines()[:_FIRST_LINES]
        names = {cell.strip(' "') for line in first for cell in _DELIMITER.split(line) if not cell.isascii()}
        known = sum(any(rank(field, name) is not None for field in WORDS) for name in names)
        scores[encoding] = known, -len(_SIGN_IN_WORD.findall(text)) if known else 0
    return max(scores, key=scores.__getitem__)


def _is_japanese(data: bytes) -> bool:
    """Return whether bytes that are not UTF-8 are valid in cp932, and have kana among characters of Japanese."""
    try:
        text = codecs.getincrementaldecoder("cp932")().decode(data)
    except UnicodeDecodeError:
        return False
    others = [character for character in text if not character.isascii()]
    script = [character for character in others if _JAPANESE.match(character)]
    return _KANA.search(text) is not None and len(script) >= _MOST * len(others)


def _has_runs(data: bytes) -> bool:
    """Return whether most bytes beyond ASCII are beside another one, as in no Western language."""
    is_high = [byte > _LAST_ASCII for byte in data]
    return sum(one and other for one, other in pairwise(is_high)) * 2 > sum(is_high)
