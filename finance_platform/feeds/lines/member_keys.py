"""Surrogate keys of the codes of a table; a code that has the key of another one is rejected.

A key is a part of a hash, so two codes may have one. Everything after this step compares keys alone: the lines of both
would be those of the code that is read first. Codes of several files are compared before they get their verdict.

Belongs here: comparing the codes of one table. Does not belong here: the key of a code (see `values.codes`), the codes
(see `typed_codes`).

A change that gives other lines needs a higher version (see `reader_versions`), or files are not read again.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.feeds.cells import DistinctValues
from finance_platform.feeds.values.codes import fold, surrogate_key
from finance_platform.feeds.violations import RuleViolations, quoted, to_mask

SHARED_KEY = "shared_key"
"""The rule of codes whose key is that of another code."""

_MOST_CODES = 1 << 18
"""Codes of a table that are remembered, so that one of a million codes needs no more memory."""


@dataclass
class MemberKeys:
    """The keys of the codes of one field.

    Attributes:
        name: the field.
    """

    name: str
    _keys: dict[str, int] = field(default_factory=dict)
    _owners: dict[int, str] = field(default_factory=dict)
    _shared: dict[str, str] = field(default_factory=dict)

    def type_column(self, codes: DistinctValues, violations: RuleViolations) -> pa.Array:
        """Return the keys of a batch's codes; reject the rows with a code whose key is that of an earlier code."""
        keys = codes.map(self._key, pa.int64())
        if self._shared and any(code in self._shared for code in codes.values.to_pylist()):
            owners = codes.map(self._shared.get, pa.string()).column()
            texts = codes.column()
            violations.add(
                SHARED_KEY,
                to_mask(pc.is_valid(owners)),
                lambda i: (
                    f"{self.name}: {quoted(texts[i].as_py())} has the surrogate key of {quoted(owners[i].as_py())}, so "
                    f"their amounts could not be separated; give one of them another code by columns.{self.name}.map "
                    "in the descriptor"
                ),
                of=self.name,
            )
        return keys.column()

    def _key(self, code: str) -> int:
        key = self._keys.get(code)
        if key is not None:
            return key
        key = surrogate_key(code)
        if len(self._keys) < _MOST_CODES:
            self._keys[code] = key
            owner = self._owners.setdefault(key, code)
            if owner != code and fold(owner) != fold(code):
                self._shared[code] = owner
        return key
