"""The hash of a report pack's figures, by which the UI shows whether a load has changed any of them.

Belongs here: `refresh.report_pack`, as far as it needs no warehouse. Does not belong here: the pack's figures.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from finance_platform.refresh import report_pack as module
from finance_platform.refresh.report_pack import write_report_pack
from finance_platform.reports.pack.model import Cell, LoadStamp, Movement, Pack
from finance_platform.reports.pack.written import WrittenPack
from finance_platform.storage.local import LocalStore
from finance_platform_tests.report_pack.made_packs import made_pack

AT = datetime(2026, 11, 29, 8, 0, 0)  # noqa: DTZ001 - the page is not rendered
CELLS = (Cell(1, 2, 3, "2025-01", Decimal("10.00")), Cell(1, 2, -4, "2025-02", Decimal("-0.50")))
PACK = made_pack(cells=CELLS)


@pytest.fixture(autouse=True)
def _no_page(monkeypatch: Any) -> None:
    monkeypatch.setattr(module, "render", lambda *_, **__: "page")


def written(pack: Pack, folder: Path) -> WrittenPack:
    return write_report_pack(pack, None, LocalStore(folder), at=AT)


def with_cells(*cells: Cell) -> Pack:
    return replace(PACK, cells=cells)


def with_members(members: str, *changed: object) -> Pack:
    changes: dict[str, Any] = {members: changed}
    return replace(PACK, **changes)


def test_the_hash_of_a_pack_changes_with_each_value_of_its_amounts(tmp_path: Path):
    same = written(PACK, tmp_path).figures
    assert written(with_cells(CELLS[0], Cell(*CELLS[1])), tmp_path).figures == same
    changes = ({"scenario": 9}, {"department": 9}, {"account": 9}, {"period": "2025-03"}, {"amount": Decimal("10.01")})
    packs = [with_cells(CELLS[0]._replace(**change), CELLS[1]) for change in changes]
    hashes = {written(pack, tmp_path).figures for pack in [*packs, with_cells(CELLS[0]), with_cells()]}
    assert len(hashes | {same}) == len(changes) + 3


@pytest.mark.parametrize("members", ["accounts", "departments"])
def test_the_hash_of_a_pack_changes_with_each_value_of_a_member(members: str, tmp_path: Path):
    first, *others = getattr(PACK, members)
    changed = [replace(first, **{name: _other(value)}) for name, value in vars(first).items()]
    packs = [PACK, with_members(members, *others), *(with_members(members, one, *others) for one in changed)]
    hashes = {written(pack, tmp_path).figures for pack in packs}
    assert len(hashes) == len(changed) + 2


def test_the_hash_of_a_pack_changes_with_its_other_figures_but_not_with_the_load_that_published_them(tmp_path: Path):
    same = written(PACK, tmp_path).figures
    later = replace(PACK, stamp=LoadStamp(99, AT, PACK.stamp.version), movements=_movements())
    assert written(later, tmp_path).figures == same
    assert written(replace(PACK, statement=PACK.statement[1:]), tmp_path).figures != same
    assert written(replace(PACK, stamp=replace(PACK.stamp, version="other")), tmp_path).figures != same


def test_a_written_pack_is_returned_without_what_grows_with_the_home(tmp_path: Path):
    result = written(PACK, tmp_path)
    assert result.pack == replace(PACK, cells=(), accounts=(), departments=())


def _other(value: Any) -> Any:
    """Return another value of the same type."""
    if isinstance(value, bool):
        return not value
    return f"{value}2" if isinstance(value, str) else (value or 0) + 2


def _movements() -> tuple[Movement, ...]:
    money = Decimal("1.00")
    return (Movement(99, "2025-01", "Changed", "Actual", "ActualAmount", 1, money, money, False, "a file"),)
