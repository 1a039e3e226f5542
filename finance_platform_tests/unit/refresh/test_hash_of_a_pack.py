"""The hash of a report pack's amounts, by which the UI shows whether a load has changed any of them.

Belongs here: `refresh.report_pack`, as far as it needs no warehouse. Does not belong here: the pack's figures.
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any, cast

from finance_platform.refresh import report_pack as module
from finance_platform.refresh.report_pack import write_report_pack
from finance_platform.reports.pack.model import Cell, Pack
from finance_platform.storage.local import LocalStore

CELLS = (Cell(1, 2, 3, "2025-01", Decimal("10.00")), Cell(1, 2, -4, "2025-02", Decimal("-0.50")))


def hash_of(cells: tuple[Cell, ...], folder: Path, monkeypatch: Any) -> str:
    monkeypatch.setattr(module, "render", lambda *_, **__: "page")
    pack: Any = type("PackOfCells", (), {"cells": cells, "period": None})()
    return write_report_pack(cast("Pack", pack), None, LocalStore(folder), at=cast("Any", None)).amounts


def test_the_hash_of_a_pack_s_amounts_changes_with_each_of_their_values_and_with_nothing_else(
    tmp_path: Path, monkeypatch: Any
):
    same = hash_of(CELLS, tmp_path, monkeypatch)
    assert hash_of((CELLS[0], Cell(*CELLS[1])), tmp_path, monkeypatch) == same
    changes = ({"scenario": 9}, {"department": 9}, {"account": 9}, {"period": "2025-03"}, {"amount": Decimal("10.01")})
    hashes = {hash_of((CELLS[0]._replace(**change), CELLS[1]), tmp_path, monkeypatch) for change in changes}
    hashes |= {hash_of(CELLS[:1], tmp_path, monkeypatch), hash_of((), tmp_path, monkeypatch), same}
    assert len(hashes) == len(changes) + 3
