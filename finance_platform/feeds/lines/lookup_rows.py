"""From raw rows to the rows of a lookup feed: a key, and fields that lines of other feeds take.

Belongs here: what makes a row a row of a lookup, and the reason of each rejected row.
Does not belong here: finding rows by key (see `lookups`), repeated keys (see `transforms`).

A change that gives other lines needs a higher version (see `reader_versions`), or files are not read again.
"""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.contracts.processed import LOOKUP_FIELDS
from finance_platform.feeds.cells import RawBatch, map_distinct
from finance_platform.feeds.doubts.changed_codes import reject_changed_codes
from finance_platform.feeds.lines.day_columns import DEFAULT_DATE_FORMATS, DEFAULT_PERIOD_FORMATS
from finance_platform.feeds.lines.ledger_lines import TEXTS_FOR_PEOPLE
from finance_platform.feeds.lines.typed_rows import TypedRows
from finance_platform.feeds.values.codes import clean
from finance_platform.feeds.violations import RuleViolations

_FORMATS = {"date": DEFAULT_DATE_FORMATS, "period": DEFAULT_PERIOD_FORMATS}
_ISO = {"date": "%Y-%m-%d", "period": "%Y-%m"}


class LookupRows(TypedRows):
    """Turns the raw batches of one table of a lookup feed into rows, each accepted, rejected or skipped."""

    def type_batch(self, batch: RawBatch) -> dict[str, pa.Array]:
        """Return the columns of every row; days and periods are ISO texts."""
        violations = self._violations(batch)
        columns = {name: self._column(name, violations) for name in LOOKUP_FIELDS}
        columns["lookup_key"] = self._column("key", violations)
        reject_changed_codes(violations, "key", columns["lookup_key"])
        violations.add_blank("key", columns["lookup_key"])
        return columns | violations.columns()

    def _column(self, name: str, violations: RuleViolations) -> pa.Array:
        written = self._texts(name, violations, is_name=name in TEXTS_FOR_PEOPLE)
        if name not in _FORMATS:
            return map_distinct(written, clean, pa.string())
        return pc.strftime(self._days(name, written, _FORMATS[name], violations), _ISO[name])
