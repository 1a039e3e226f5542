"""The encoding of a text without a mark: UTF-8, Japanese, or Western, and what a person checks about the last.

Belongs here: encodings that a draft proposes. Does not belong here: byte order marks and zero bytes (see
`files.file_format`), the encoding that a descriptor declares (see `files.delimited_file`).
"""

from __future__ import annotations

import codecs
import re
from itertools import pairwise

from finance_platform.feeds.files.file_format import OpenFile, find_invalid_utf8, marked_encoding, unmarked_encoding

_AROUND = 12
_LAST_ASCII = 0x7F
_MOST = 0.9
"""Share of the characters beyond ASCII that are of the script, beside signs such as a yen or a dash."""

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
    encoding, writer = ("cp932", " in Japan") if _is_japanese(start) else ("cp1252", "")
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
