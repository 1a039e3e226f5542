"""The views in Redshift's catalog, compared with those that this release's definitions make.

Belongs here: both sets of texts as Redshift prints them. Does not belong here: tables and their columns (see
`migration`), what is done about a difference (see `refresh.verification.verify`).

Redshift stores no text of a view but prints one from what it understood, in its own way. So each definition becomes a
view with another name in a transaction that is rolled back, and both are printed.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator

from finance_platform.contracts.star import SCHEMA_VERSION
from finance_platform.errors import LoadError
from finance_platform.warehouse.column_changes import created_name
from finance_platform.warehouse.dialect import parse
from finance_platform.warehouse.migration import is_table
from finance_platform.warehouse.redshift.existing_schema import read_schema_version
from finance_platform.warehouse.redshift.session import RedshiftSession
from finance_platform.warehouse.schema_version import OTHER_RELEASE
from finance_platform.warehouse.statements import definitions

_TEXTS = "SELECT viewname, definition FROM pg_views WHERE schemaname = :schema"
_TEXT = "SELECT definition FROM pg_views WHERE schemaname = :schema AND viewname = :name"


def find_changed_views(session: RedshiftSession, schema: str) -> Iterator[tuple[str, str]]:
    """Yield each view that is not as this release defines it, and what is wrong with it, a clause.

    Args:
        session: outside any transaction; its search path is the schema.
        schema: the star's schema.
    """
    if not read_schema_version(session).is_current:
        yield SCHEMA_VERSION.table, OTHER_RELEASE
        return
    found = dict(session.run(_TEXTS, {"schema": schema}).rows)
    views = {created_name(tree): text for text in definitions() if not is_table(tree := parse(text))}
    prefix = f"verify_{secrets.token_hex(4)}_"
    for name in sorted(views):
        if name.lower() not in found:
            yield name, "is missing"
            continue
        try:
            expected = _printed(session, schema, views[name], name, f"{prefix}{name.lower()}")
        except LoadError as error:
            yield name, f"cannot be compared with this release's definition: {error.found}"
            continue
        if found[name.lower()] != expected:
            yield name, "has another definition than this release gives it"


def _printed(session: RedshiftSession, schema: str, definition: str, name: str, scratch: str) -> str:
    """Return how Redshift prints a definition."""
    create = re.sub(rf"(?i)^(.*?\bVIEW\s+){name}\b", rf"\g<1>{scratch}", definition, count=1, flags=re.DOTALL)
    session.run("BEGIN")
    try:
        session.run(create)
        ((text,),) = session.run(_TEXT, {"schema": schema, "name": scratch}).rows
    finally:
        session.run("ROLLBACK")
    return str(text)
