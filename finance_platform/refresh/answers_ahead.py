"""What the process of a run asks the warehouse after a load, asked beside it by the fork that has loaded.

Belongs here: which queries these are. Does not belong here: what the answers are for (see `reports`,
`orchestration.ui`), how they get to the run's process (see `orchestration.ahead.forked_steps`).

The fork has the warehouse open, and the run's process is the one that a small delivery waits for: with these answers,
it neither imports DuckDB nor opens the file. A query that is missing here costs that time and changes no result.
"""

from __future__ import annotations

from finance_platform.contracts.star import FACT_FINANCIALS, STAR
from finance_platform.refresh.steps.publish import Publication
from finance_platform.reports.period_totals import period_totals
from finance_platform.reports.restatements import read_restatements
from finance_platform.reports.variance import variance_rows
from finance_platform.warehouse.known_answers import KnownAnswers, NotedAnswers
from finance_platform.warehouse.port import Warehouse
from finance_platform.warehouse.statements import first_rows


def ask_ahead(warehouse: Warehouse, published: Publication) -> KnownAnswers | None:
    """Return the answers; None of a warehouse without a version, or whose content has changed meanwhile.

    Args:
        warehouse: the warehouse.
        published: what is published; a table without a new version keeps the preview of its last event.
    """
    version = warehouse.content_version()
    if not version:
        return None
    noted = NotedAnswers(warehouse)
    period_totals(noted)
    variance_rows(noted)
    read_restatements(noted)
    load = published.load
    new_versions = {name for name, _ in (*(one.name for one in load.loaded), *load.unchanged)} if load else set()
    for contract in STAR:
        if contract is not FACT_FINANCIALS and contract.name in new_versions:
            noted.query(first_rows(contract))
    return KnownAnswers(version, noted.results) if warehouse.content_version() == version else None
