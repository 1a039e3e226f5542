"""How assets describe themselves to the UI, and how an expected failure reads there.

Belongs here: specs and metadata made from contracts, `dg.Failure` made from our errors.
Does not belong here: any step's work.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import dagster as dg

from finance_platform.contracts.model import Contract
from finance_platform.errors import FinancePlatformError, TransientError

OWNERS = ["team:finance-data"]


def contract_spec(contract: Contract, group: str, kinds: set[str], deps: Sequence[dg.AssetKey]) -> dg.AssetSpec:
    """Return the spec of a table's asset: grain, keys and columns as its contract says."""
    columns = contract.columns if group == "warehouse" else contract.stored_columns
    schema = dg.TableSchema(
        columns=[
            dg.TableColumn(
                column.sql_name if group == "warehouse" else column.name,
                column.type,
                description=column.description,
                constraints=dg.TableColumnConstraints(nullable=column.nullable),
            )
            for column in columns
        ]
    )
    metadata: dict[str, Any] = {"dagster/column_schema": schema, "natural_key": ", ".join(contract.natural_key)}
    if group == "warehouse":
        metadata["dagster/table_name"] = f"finance.{contract.table}"
    return dg.AssetSpec(
        [group, contract.name],
        deps=deps,
        description=f"{contract.grain}\n\nNamed by {', '.join(contract.natural_key)}.",
        group_name=group,
        kinds=kinds,
        owners=OWNERS,
        metadata=metadata,
    )


def version_of(parts: Iterable[Any]) -> dg.DataVersion:
    """Return the data version that says: made from exactly these."""
    return dg.DataVersion(hashlib.sha256(json.dumps(list(parts), default=str).encode()).hexdigest()[:16])


def markdown_table(rows: Sequence[Mapping[str, Any]]) -> dg.MarkdownMetadataValue:
    """Return rows as a table for the UI; `none` where there are none."""
    if not rows:
        return dg.MetadataValue.md("none")
    names = list(rows[0])
    lines = [f"| {' | '.join(names)} |", f"|{'---|' * len(names)}"]
    lines += [f"| {' | '.join(str(row[name]).replace('|', '&#124;') for name in names)} |" for row in rows]
    return dg.MetadataValue.md("\n".join(lines))


@contextmanager
def explained_failures() -> Iterator[None]:
    """Turn an expected error into a failure that names what was found and the fix, without a stack trace."""
    try:
        yield
    except FinancePlatformError as error:
        raise dg.Failure(
            description=str(error),
            metadata={"title": error.title, "found": error.found, "fix": error.fix},
            allow_retries=isinstance(error, TransientError),
        ) from error
