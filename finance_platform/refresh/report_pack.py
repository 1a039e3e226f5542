"""The report pack of what is published: reading its figures, and writing its page and its workbook.

Belongs here: the use case. Does not belong here: the figures, the page and the workbook (see `reports.pack`).
"""

from __future__ import annotations

import hashlib
from concurrent.futures import Executor
from dataclasses import replace
from datetime import datetime

from finance_platform.errors import FinancePlatformError, WorkbookSizeError
from finance_platform.home import Home
from finance_platform.quality.gates import red
from finance_platform.refresh.as_of import PublishedState
from finance_platform.refresh.close import examine_period
from finance_platform.reports.pack.accounts import PackAccounts
from finance_platform.reports.pack.amounts import Amounts
from finance_platform.reports.pack.file_names import PACK_FILE, workbook_file
from finance_platform.reports.pack.model import NOTHING_SELECTED, LoadStamp, Pack, PackSelection
from finance_platform.reports.pack.page import render
from finance_platform.reports.pack.read_model import read_pack
from finance_platform.reports.pack.reliability import read_last_movements, read_reliability
from finance_platform.reports.pack.workbook.figures import WorkbookFigures, read_workbook_figures
from finance_platform.reports.pack.written import WrittenFile, WrittenPack
from finance_platform.settings import Settings, StarSettings
from finance_platform.slices.closed_periods import freeze
from finance_platform.slices.snapshot import read_snapshot
from finance_platform.storage.port import ObjectStore
from finance_platform.warehouse.ledger import published_versions
from finance_platform.warehouse.port import Queryable

MAX_AMOUNTS_OF_A_RUN = 30_000
"""Amounts of which a run writes the workbook: 0.04 s of processor time for each 1,000."""


def read_published_pack(
    processed: ObjectStore,
    warehouse: Queryable,
    settings: Settings,
    selection: PackSelection = NOTHING_SELECTED,
    *,
    state: PublishedState | None = None,
    beside: Executor | None = None,
) -> Pack:
    """Return the figures of the pack; see `reports.pack.read_model.read_pack` for the other arguments and errors.

    Args:
        processed: the processed zone.
        warehouse: what is published, or another state of it.
        settings: the home.
        selection: see there; without a period, it is the one whose close signed the state, if one did.
        state: the state that the warehouse has; None for what is published now.
        beside: see there.
    """
    if state is None:
        target = read_snapshot(processed, StarSettings.of(settings))
        snapshot = freeze(processed, settings, target, published_versions(warehouse)).snapshot
    else:
        snapshot, selection = state.snapshot, replace(selection, period=selection.period or state.period)
        settings = state.with_settings(settings)
    pack = read_pack(
        warehouse,
        selection,
        entity=settings.entity,
        currency=settings.currency,
        reliability=read_reliability(processed, snapshot, warehouse, settings.currency),
        movements=read_last_movements(warehouse),
        beside=beside,
    )
    if state is None:
        return pack
    stamp = replace(pack.stamp, number=state.load_number)
    return replace(pack, as_of=state.title, attributes=state.attributes, stamp=stamp)


def with_gates(pack: Pack, home: Home, *, at: datetime) -> Pack:
    """Return a pack with what contradicts the gates of its period's close; of a closed period, the pack itself.

    Only the command does it, which a person waits for: the gates list the raw zone and read every rejected row.

    Args:
        pack: the pack of what is published now.
        home: the home.
        at: now, UTC.
    """
    period = pack.period
    if period is None or period.is_closed or pack.reliability is None or not period.has_actual:
        return pack
    try:
        results = red(examine_period(home, period.name, at=at).gates)
    except FinancePlatformError as error:
        return replace(pack, red_gates=(f"results are not known: {error.found}",))
    return replace(pack, red_gates=tuple(f"{one.gate.name}: {'; '.join(one.lines)}" for one in results))


def read_figures(warehouse: Queryable, pack: Pack) -> WorkbookFigures | None:
    """Return what the workbook shows beyond the pack; None if no sheet holds the amounts."""
    from finance_platform.reports.pack.workbook.size import foreseen_size_error  # with the library of workbooks

    return None if foreseen_size_error(pack) else read_workbook_figures(warehouse, pack)


def read_figures_for_a_run(warehouse: Queryable, pack: Pack) -> WorkbookFigures | None:
    """Return what the workbook shows beyond the pack; None if it would take a run more than a few seconds."""
    return read_workbook_figures(warehouse, pack) if len(pack.cells) <= MAX_AMOUNTS_OF_A_RUN else None


def write_report_pack(
    pack: Pack, figures: WorkbookFigures | None, reports: ObjectStore, *, at: datetime, name: str = PACK_FILE
) -> WrittenPack:
    """Write the page and the workbook of a pack.

    Args:
        pack: its figures.
        figures: what its workbook shows beyond them; None to write no workbook, and to remove an earlier one.
        reports: where reports go.
        at: the time of writing; UTC.
        name: the name of the page; the workbook has the same with another ending.
    """
    content = render(pack, written_at=at).encode()
    reports.write(name, content)
    workbook = _write_workbook(pack, figures, reports, workbook_file(name))
    small = replace(pack, cells=(), accounts=(), departments=())
    return WrittenPack(small, len(content), reports.uri(name), workbook, _hash_figures(pack, small))


def _hash_figures(pack: Pack, small: Pack) -> str:
    """Return a hash of the figures: amounts a column at a time, members and others as text.

    Args:
        pack: the pack.
        small: the pack without amounts and members.
    """
    unstamped = replace(small, stamp=LoadStamp(0, None, pack.stamp.version), movements=())
    digest = hashlib.sha256(repr(unstamped).encode())
    digest.update(repr([tuple(vars(one).values()) for one in pack.departments]).encode())
    digest.update(PackAccounts.of(pack.accounts).texts())
    amounts = Amounts.of(pack.cells)
    for keys in (amounts.scenarios, amounts.departments, amounts.accounts):
        digest.update(keys.tobytes())
    digest.update(amounts.period_texts())
    digest.update(amounts.texts())
    return digest.hexdigest()


def _write_workbook(
    pack: Pack, figures: WorkbookFigures | None, reports: ObjectStore, name: str
) -> WrittenFile | WorkbookSizeError:
    """Write the workbook; where there is none, remove that of an earlier pack and return the reason.

    The page, and the run, do not depend on it.
    """
    # Imported here: Dagster's definitions load without the library of workbooks, and so do runs that write none.
    from finance_platform.reports.pack.workbook.size import foreseen_size_error

    if figures is None:
        reports.delete(name)
        return foreseen_size_error(pack) or WorkbookSizeError(
            f"a run writes a workbook of at most {MAX_AMOUNTS_OF_A_RUN:,} amounts; there are {len(pack.cells):,}",
            fix="`finance-platform report` writes it",
        )
    from finance_platform.reports.pack.workbook.write import workbook_bytes

    try:
        content = workbook_bytes(pack, figures)
    except WorkbookSizeError as error:
        reports.delete(name)
        return error
    reports.write(name, content)
    return WrittenFile(len(content), reports.uri(name))
