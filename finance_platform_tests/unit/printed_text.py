"""The text that the functions of `cli` print, and the status that they print.

Belongs here: capturing a rich console, a status with default values. Does not belong here: expectations.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from decimal import Decimal
from typing import Any

from finance_platform.cli.console import SafeConsole
from finance_platform.deliveries.commits import Count
from finance_platform.reports.statement import Line, Reconciliation
from finance_platform.reports.status import Status
from finance_platform_tests.unit.factories import money

RECONCILIATION = Reconciliation(
    [
        Line(
            "Actual",
            "USD",
            {
                "delivered": money(5, "1234.499", "1234.499", unpriced=1),
                "in_warehouse": money(2, "1000.00"),
                "rejected": money(2, "134.50", unpriced=1),
                "duplicate": money(1, "100.00"),
                "rounding": Count(0, Decimal("-0.001"), Decimal("-0.001")),
            },
            feed="ledger",
            file="ledger.csv",
        )
    ],
    "USD",
)


def printed(show: Callable[..., None], *arguments: Any, **options: Any) -> str:
    """Return the text that a function prints."""
    text = io.StringIO()
    show(SafeConsole(file=text, width=250, no_color=True), *arguments, **options)
    return text.getvalue()


def lines(show: Callable[..., None], *arguments: Any, **options: Any) -> list[str]:
    """Return the non-blank lines that a function prints, with whitespace collapsed."""
    return [" ".join(line.split()) for line in printed(show, *arguments, **options).splitlines() if line.strip()]


def status(**values: Any) -> Status:
    """Return a status that is empty except for its reconciliation and `values`."""
    defaults: dict[str, Any] = {name: [] for name in ("deliveries", "slices", "problems", "unmatched", "vanished")}
    return Status(**(defaults | {"reconciliation": RECONCILIATION} | values))
