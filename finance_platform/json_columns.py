"""JSON of many rows at once, joined by column, character by character as `json.dumps` writes it.

Belongs here: columns of texts as JSON objects. Does not belong here: what the objects contain (see `feeds.raw_rows`,
`feeds.reasons`, `transforms.key_comparison`). To write each row alone takes five times as long.
"""

from __future__ import annotations

import json.encoder
from collections.abc import Callable, Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

_json_text: Callable[[str], str] = json.encoder.encode_basestring
_QUOTE, _BACKSLASH, _FIRST_PRINTABLE = ord('"'), ord("\\"), ord(" ")


def json_objects(columns: Mapping[str, pa.StringArray], comma: str = ",", colon: str = ":") -> pa.StringArray:
    """Return each row as a JSON object of its texts, in the order of the columns; a null is left out.

    Args:
        columns: the texts by name; at least one column.
        comma: what stands between two members.
        colon: what stands between a name and its text.
    """
    members = [
        pc.fill_null(pc.binary_join_element_wise(f'{_json_text(name)}{colon}"', escape(texts), f'"{comma}', ""), "")
        for name, texts in columns.items()
    ]
    joined = pc.binary_join_element_wise(*members, "")
    return pc.binary_join_element_wise("{", pc.utf8_slice_codeunits(joined, 0, -len(comma)), "}", "")


def escape(texts: pa.StringArray) -> pa.StringArray:
    """Return texts as JSON has them between its quotes; a null stays one."""
    data = texts.buffers()[2]
    characters = np.frombuffer(data, np.uint8) if data is not None else np.zeros(0, np.uint8)
    has_control = (characters < _FIRST_PRINTABLE).any()
    if not (has_control or ((characters == _QUOTE) | (characters == _BACKSLASH)).any()):
        return texts
    escaped = pc.replace_substring(pc.replace_substring(texts, "\\", "\\\\"), '"', '\\"')
    if not has_control:
        return escaped
    is_rare = pc.fill_null(pc.match_substring_regex(texts, r"[\x00-\x1f]"), False)
    rare = [_json_text(text)[1:-1] for text in texts.filter(is_rare).to_pylist()]
    return pc.replace_with_mask(escaped, is_rare, pa.array(rare, pa.string()))
