"""Findings: which rows broke which rule, and what to say about each.

Belongs here: collecting broken rules over a batch and turning them into the rejected rows' texts.
Does not belong here: the rules themselves (see `ledger_lines`, `reference_rows`).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.feeds.cells import RawBatch

Mask = npt.NDArray[np.bool_]

ACCEPTED = "accepted"
REJECTED = "rejected"
SKIPPED = "skipped"

_SHOWN = 60


def shown(text: str | None) -> str:
    """Return a cell's text as it may stand in a sentence: quoted, at most 60 characters."""
    written = text or ""
    return repr(written if len(written) <= _SHOWN else written[:_SHOWN] + "…")


def mask_of(values: pa.Array) -> Mask:
    """Return a boolean array as a numpy mask; null counts as false."""
    return np.asarray(values.fill_null(False).to_numpy(zero_copy_only=False), dtype=np.bool_)


def _with_texts(texts: pa.Array, where: Mask, replaced: list[str]) -> pa.Array:
    return pc.replace_with_mask(texts, pa.array(where), pa.array(replaced, pa.string())) if replaced else texts


@dataclass
class RuleViolations:
    """The rules that the rows of one batch broke.

    Attributes:
        batch: the rows as delivered.
        skipped: rows that are not data.
    """

    batch: RawBatch
    skipped: Mask
    _found: list[tuple[str, Mask, Callable[[int], str]]] = field(default_factory=list)

    def add(self, rule: str, broken: Mask, reason: Callable[[int], str]) -> None:
        """Note that the rows in `broken` break `rule`; `reason` words it for the row at a position."""
        broken = broken & ~self.skipped
        if broken.any():
            self._found.append((rule, broken, reason))

    def columns(self) -> dict[str, pa.Array]:
        """Return outcome, rules, reasons and raw_row, one value a row; the last three null for accepted rows."""
        rejected = np.zeros(len(self.batch), dtype=np.bool_)
        for _, broken, _ in self._found:
            rejected |= broken
        refused = rejected | self.skipped
        told = [self._told(int(position)) for position in np.flatnonzero(refused)]
        outcomes = [SKIPPED if self.skipped[position] else REJECTED for position in np.flatnonzero(refused)]
        accepted = pa.repeat(pa.scalar(ACCEPTED), len(self.batch))
        # Nearly all rows of nearly all batches are accepted; only the others are touched one by one.
        columns = {"outcome": _with_texts(accepted, refused, outcomes)}
        for place, name in enumerate(("rules", "reasons", "raw_row")):
            columns[name] = _with_texts(
                pa.nulls(len(self.batch), pa.string()), refused, [texts[place] for texts in told]
            )
        return columns

    def _told(self, position: int) -> tuple[str, str, str]:
        """Return rules, reasons and raw row of a row that is not accepted."""
        if self.skipped[position]:
            return "blank_row", "every cell is blank", self._raw(position)
        broken_here = [(rule, reason) for rule, broken, reason in self._found if broken[position]]
        rules = ",".join(rule for rule, _ in broken_here)
        return rules, "; ".join(reason(position) for _, reason in broken_here), self._raw(position)

    def _raw(self, position: int) -> str:
        cells = {name: texts[position].as_py() or "" for name, texts in self.batch.columns.items()}
        return json.dumps(cells, ensure_ascii=False)


def blank_rows(batch: RawBatch) -> Mask:
    """Return which rows have nothing in any cell."""
    blank = np.ones(len(batch), dtype=np.bool_)
    for texts in batch.columns.values():
        stripped = pa.compute.utf8_trim_whitespace(texts)
        blank &= mask_of(pa.compute.equal(pa.compute.fill_null(stripped, ""), ""))
        if not blank.any():
            break
    return blank
