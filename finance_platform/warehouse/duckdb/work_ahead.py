"""What a load and the reports do with their SQL whatever the data are, done before they need it.

Belongs here: which statements they will send, and translating them. Does not belong here: when that is done (see
`orchestration.job_runners.job_process`).

Nothing is opened or written: all that stays is what `dialect` and `translation` keep in memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from finance_platform.warehouse.statements import SqlFile, definitions, statements

_SENT_BY_RUNS = ("load/", "quality/", "reporting/")


def translate_ahead(path: Path) -> Iterator[None]:
    """Translate the statements of a run, one at each step of the iterator.

    Args:
        path: of the warehouse's file; without one, the definitions of its tables and views are translated first.
    """
    # Imported here, where it is late for nothing: the two libraries take a third of a second.
    import duckdb  # noqa: F401

    from finance_platform.warehouse.dialect import is_query, parse_query
    from finance_platform.warehouse.duckdb.translation import to_duckdb

    if not path.exists():
        for sql in definitions():
            to_duckdb(sql)
            yield
    for file in SqlFile:
        if file.value.startswith(_SENT_BY_RUNS):
            for sql in statements(file):
                if is_query(sql):
                    parse_query(sql)
                to_duckdb(sql)
                yield
