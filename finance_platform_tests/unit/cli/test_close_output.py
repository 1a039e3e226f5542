"""The output of `close` for people: which command closes a period although gates are red.

Belongs here: `cli.close`. Does not belong here: when a gate is red (see `unit.quality`), whole closes (see
`end_to_end.test_close`).
"""

from __future__ import annotations

import pytest

from finance_platform.cli.close import print_gates
from finance_platform.quality import gates
from finance_platform.quality.gates import Finding, Gate, GateResult
from finance_platform.refresh.close import PeriodToClose
from finance_platform_tests.unit.printed_text import lines


def last_lines(waived: set[str], *red: Gate) -> list[str]:
    """Return what is printed after the gates of a period."""
    results = [GateResult(gate, [Finding("a finding", "a fix")] if gate in red else []) for gate in gates.GATES]
    printed = lines(print_gates, PeriodToClose("2025-03", results, (), (), {}, {}, 1), waived)
    return [line for line in printed if line.startswith(("2025-03", "`", "stale cannot"))]


@pytest.mark.parametrize(
    ("waived", "red", "advice"),
    [
        (set(), (gates.HELD, gates.REJECTED), "`finance-platform close 2025-03 --waive held --waive rejected --why"),
        (
            {"unusual"},
            (gates.HELD, gates.UNUSUAL),
            "`finance-platform close 2025-03 --waive held --waive unusual --why",
        ),
        (
            set(),
            (gates.STALE, gates.HELD),
            "stale cannot be waived; once that is green, `finance-platform close 2025-03 --waive held --why",
        ),
    ],
)
def test_the_command_that_closes_all_the_same_is_enough(waived: set[str], red: tuple[Gate, ...], advice: str):
    _, printed = last_lines(waived, *red)
    assert printed == f"{advice} TEXT` closes it all the same."


def test_no_command_is_printed_where_nothing_that_is_red_can_be_waived():
    assert last_lines({"held"}, gates.STALE, gates.HELD) == ["2025-03 stays open: red stale."]
