"""The mapping of the statement while a change of it would move lines of closed periods: it stays as it is published.

Belongs here: which accounts with money in closed periods would be on another line. Does not belong here: the mapping's
rows (see `warehouse.report_tables`), attributes of accounts, such as the category (see `slices.kept_members`).

The table stays as a whole: rows of single accounts beside rows of categories would make a mapping that no file has.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from finance_platform.contracts.model import Contract, Versions
from finance_platform.contracts.star import DIM_ACCOUNT, STATEMENT_MAPPING
from finance_platform.deliveries.events import PeriodStatusChanged
from finance_platform.deliveries.report_inputs import StatementLineRow
from finance_platform.feeds.values.codes import fold
from finance_platform.safe_text import quote_name
from finance_platform.settings import Settings
from finance_platform.slices.closed_periods import FrozenPeriods
from finance_platform.slices.signatures import read_signature, stored_rows
from finance_platform.slices.snapshot import Snapshot
from finance_platform.slices.waiting_changes import WaitingChange, find_concerned
from finance_platform.storage.port import ObjectStore
from finance_platform.warehouse.port import Queryable
from finance_platform.warehouse.report_tables import mapping_rows
from finance_platform.warehouse.statements import select_columns

_Line = tuple[str, str]


@dataclass(frozen=True)
class KeptMapping:
    """A mapping that stays.

    Attributes:
        rows: the rows of StatementMapping that stay.
        change: what waits.
    """

    rows: list[dict[str, Any]]
    change: WaitingChange


def all_waiting(frozen: FrozenPeriods, kept: KeptMapping | None) -> tuple[WaitingChange, ...]:
    """Return everything that would change closed periods and waits for a decision, the mapping last."""
    return (*frozen.waiting, *([kept.change] if kept else ()))


def keep_mapping(
    processed: ObjectStore,
    warehouse: Queryable,
    settings: Settings,
    snapshot: Snapshot,
    published: Versions,
    lines: Sequence[StatementLineRow],
    *,
    is_restored: bool = False,
) -> KeptMapping | None:
    """Return the mapping that stays; None if that of the files moves no line of a closed period.

    Args:
        processed: the processed zone.
        warehouse: what is published.
        settings: the home.
        snapshot: the state of the processed zone.
        published: the published versions.
        lines: the rows of the live files.
        is_restored: whether the warehouse was just built again, so that its mapping is that of the last signature.

    Raises:
        DamagedObjectError: the rows of a closed period, or the signature, are damaged.
    """
    closed = snapshot.state.closed
    if not (settings.holds_closed_periods and closed and published):
        return None
    stored = _rows(warehouse, STATEMENT_MAPPING.column_names, STATEMENT_MAPPING)
    if is_restored and not stored:
        stored = _signed(processed, closed.values())
    accounts = _rows(warehouse, ("account_key", "account_number", "category"), DIM_ACCOUNT)
    before, after = _lines_by_account(stored, accounts), _lines_by_account(mapping_rows(warehouse, lines), accounts)
    changed = {int(one["account_key"]) for one in accounts if before[one["account_key"]] != after[one["account_key"]]}
    concerned = find_concerned(processed, closed, published, "account_key", changed)
    if not concerned.keys:
        return None
    numbers = tuple(sorted(str(one["account_number"]) for one in accounts if one["account_key"] in concerned.keys))
    change = WaitingChange(STATEMENT_MAPPING.name, concerned.periods, (_cause(lines),), concerned.amounts, numbers)
    return KeptMapping(stored, change)


def _signed(processed: ObjectStore, closings: Iterable[PeriodStatusChanged]) -> list[dict[str, Any]]:
    """Return the mapping that the last signature has; nothing without one."""
    signed = max((one for one in closings if one.signature), key=lambda one: one.at, default=None)
    rows = read_signature(processed, signed.signature).tables.get(STATEMENT_MAPPING.name, ()) if signed else ()
    return stored_rows(STATEMENT_MAPPING, rows)


def _cause(lines: Sequence[StatementLineRow]) -> str:
    files = sorted({quote_name(row.source_file) for row in lines})
    return f"other lines of the statement by {', '.join(files)}" if files else "no file maps accounts to lines any more"


def _rows(warehouse: Queryable, columns: Sequence[str], contract: Contract) -> list[dict[str, Any]]:
    rows = warehouse.query(select_columns(contract, columns)).rows
    return [dict(zip(columns, row, strict=True)) for row in rows]


def _lines_by_account(
    mapping: Iterable[Mapping[str, Any]], accounts: Iterable[Mapping[str, Any]]
) -> dict[Any, _Line | None]:
    """Return section and line of each account as the view StatementLine finds them; None without a row."""
    by_account: dict[Any, _Line] = {}
    by_category: dict[str, _Line] = {}
    for row in mapping:
        line = (str(row["section"]), fold(str(row["line"])))
        if row["account_key"] is not None:
            by_account[row["account_key"]] = line
        else:
            by_category[fold(str(row["category"]))] = line
    return {
        one["account_key"]: by_account.get(one["account_key"]) or by_category.get(fold(str(one["category"])))
        for one in accounts
    }
