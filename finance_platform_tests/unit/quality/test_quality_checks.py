"""The declared checks: each is evaluated, has a name and a description, and sends alerts as intended.

Belongs here: `quality.checks`. Does not belong here: evaluation (see `test_quality_deliveries`,
`test_quality_processed`, `test_quality_warehouse`).
"""

from __future__ import annotations

import re

from finance_platform.contracts.processed import PROCESSED
from finance_platform.contracts.star import STAR
from finance_platform.deliveries.discovery import RawZoneScan
from finance_platform.deliveries.overlaps import NO_OVERLAPS
from finance_platform.quality import checks
from finance_platform.quality.attributes import check_attributes, check_earlier_attributes
from finance_platform.quality.checks import Check, raw_checks
from finance_platform.quality.deliveries import check_deliveries, check_raw, check_unread
from finance_platform.quality.lost_zeros import check_codes_keep_zeros
from finance_platform.quality.processed import check_accounts_have_sign, check_lines_equal_star, check_schema
from finance_platform.quality.reorganisations import check_reorganisations
from finance_platform.quality.reversals import check_reversals
from finance_platform.quality.warehouse import (
    check_closed_periods,
    check_comments,
    check_statement_lines,
    check_warehouse,
)
from finance_platform.slices.snapshot import Snapshot
from finance_platform.storage.local import LocalStore
from finance_platform.warehouse.port import NO_PARAMETERS, Parameters, QueryResult
from finance_platform_tests.unit.factories import state_of


class EmptyWarehouse:
    """A warehouse that has no rows."""

    def query(self, sql: str, parameters: Parameters = NO_PARAMETERS) -> QueryResult:
        """Return no rows."""
        assert sql, parameters
        return QueryResult([], [])


def declared() -> list[Check]:
    """Return every check that the module declares, and those of one feed."""
    every: list[Check] = list(raw_checks("ledger"))
    for value in vars(checks).values():
        values = value.values() if isinstance(value, dict) else value if isinstance(value, tuple) else [value]
        every += [check for check in values if isinstance(check, Check)]
    return list(dict.fromkeys(every))


def test_exactly_the_declared_checks_are_evaluated():
    state, scan, processed = state_of(), RawZoneScan((), 0, {}, (), (), (), {}), LocalStore("nowhere")
    snapshot = Snapshot({}, state, NO_OVERLAPS, (), {})
    outcomes = [
        *check_raw("ledger", scan),
        *check_unread(scan, "feeds"),
        *check_deliveries(state, NO_OVERLAPS),
        *(check_schema(contract, processed, ()) for contract in (*PROCESSED, *STAR)),
        check_lines_equal_star(snapshot),
        check_accounts_have_sign(snapshot, processed),
        *check_attributes(snapshot, processed),
        *check_earlier_attributes(snapshot),
        check_reorganisations(snapshot, processed),
        *check_codes_keep_zeros(snapshot, processed),
        check_reversals(snapshot, processed),
        *check_warehouse(EmptyWarehouse(), snapshot, actuals_through=None, frozen_periods=()),
        check_closed_periods(()),
        check_comments((), EmptyWarehouse()),
        check_statement_lines((), EmptyWarehouse()),
    ]
    evaluated = [outcome.check for outcome in outcomes]
    assert set(evaluated) == set(declared())
    assert len(evaluated) == len(set(evaluated))


def test_a_check_name_is_an_identifier_that_is_unique_on_its_asset():
    names = [(check.asset, check.name) for check in declared()]
    assert len(names) == len(set(names))
    assert all(name.isidentifier() and name == name.lower() for _, name in names)


TO_DO = re.compile(r"(^|[.;:,] )(or |and )?(add|correct|decide|describe|fix|give|keep|look|put|rebuild|send|to) ", re.I)


def test_every_description_says_what_a_failure_means_and_what_to_do():
    for check in declared():
        assert check.description.endswith("."), check.name
        meaning, _, remedy = check.description.partition(". ")
        assert meaning, check.name
        assert TO_DO.search(remedy), check.name


def test_no_warning_is_blocking():
    assert not [check.name for check in declared() if check.is_blocking and check.is_warning]


def test_every_failure_is_alerted_except_warnings_that_are_not_urgent():
    waiting = {check.name for check in declared() if not check.is_alerted}
    assert waiting == {
        "actuals_have_no_gaps",
        "attributes_agree",
        "codes_keep_their_zeros",
        "comments_name_members",
        "deliveries_arrive_in_order",
        "headers_are_unchanged",
        "members_are_described",
        "parents_have_no_lines_beside_children",
        "statement_lines_name_accounts",
    }
    assert {check.name for check in declared() if check.is_warning} - waiting == {
        "account_types_agree",
        "amounts_are_usual",
        "every_file_has_a_feed",
        "no_file_vanished",
        "reversals_cancel_their_lines",
    }
