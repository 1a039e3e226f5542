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


@dataclass
class Findings:
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
        size = len(self.batch)
        rejected = np.zeros(size, dtype=np.bool_)
        for _, broken, _ in self._found:
            rejected |= broken
        outcome = np.where(self.skipped, SKIPPED, np.where(rejected, REJECTED, ACCEPTED))
        rules: list[str | None] = [None] * size
        reasons: list[str | None] = [None] * size
        raw: list[str | None] = [None] * size
        for position in np.flatnonzero(self.skipped):
            rules[position], reasons[position], raw[position] = (
                "blank_row",
                "every cell is blank",
                self._raw(int(position)),
            )
        for position in np.flatnonzero(rejected):
            broken_here = [(rule, reason) for rule, broken, reason in self._found if broken[position]]
            rules[position] = ",".join(rule for rule, _ in broken_here)
            reasons[position] = "; ".join(reason(int(position)) for _, reason in broken_here)
            raw[position] = self._raw(int(position))
        return {
            "outcome": pa.array(outcome, pa.string()),
            "rules": pa.array(rules, pa.string()),
            "reasons": pa.array(reasons, pa.string()),
            "raw_row": pa.array(raw, pa.string()),
        }

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
