"""The catalogue: every check, what its failure means and what to do; generated from contracts where it can be.

Belongs here: declarations. Does not belong here: evaluation.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from finance_platform.contracts.processed import PROCESSED
from finance_platform.contracts.star import DIM_ACCOUNT, DIM_DEPARTMENT, FACT_FINANCIALS, STAR
from finance_platform.feeds.descriptor import UNREAD_FILES

AssetPath = tuple[str, str]


@dataclass(frozen=True)
class Check:
    """One check on one asset.

    Attributes:
        asset: group and name.
        name: a statement that holds when the check passes.
        meaning: what a failure means, and what to do.
        is_blocking: whether the whole result is unusable when it fails.
        is_warning: whether a failure leaves the exit code alone.
        is_urgent: whether a warning is worth a message to people all the same.
    """

    asset: AssetPath
    name: str
    meaning: str
    is_blocking: bool = False
    is_warning: bool = False
    is_urgent: bool = False

    @property
    def alerts(self) -> bool:
        """Whether a failure is worth a message to people: all but warnings, and of those the urgent ones."""
        return self.is_urgent or not self.is_warning


@dataclass(frozen=True)
class Outcome:
    """What a check found.

    Attributes:
        check: the check.
        passed: whether its statement holds.
        summary: one sentence with figures.
        evidence: the offending rows, at most a few dozen.
    """

    check: Check
    passed: bool
    summary: str
    evidence: Sequence[dict[str, Any]] = field(default=())


EVIDENCE_ROWS = 50

_MATCHES = (
    "A file's columns or types are not the contract's, so nothing may be built on it. Make everything again with "
    "`finance-platform run --rebuild`; report it if it stays."
)
_REBUILD = (
    " A load that would break this is rolled back, and what was published before stays. Make everything again with "
    "`finance-platform run --rebuild`; report it if it stays."
)
_COLLIDE = f"Two members share a key, so their money cannot be told apart.{_REBUILD}"
_DESCRIBED = (
    "Lines mention members that no reference file describes: mistyped codes, or new ones. Their money counts, under "
    "attributes that say Unknown. Add them to the reference file and send it again, or correct the lines."
)


def raw_checks(feed: str) -> tuple[Check, ...]:
    """Return the checks of one feed's raw objects."""
    asset = ("raw", feed)
    return (
        Check(
            asset,
            "files_can_be_opened",
            "A file cannot be opened, so it is not read; what was read of it before still counts. Mend its permissions "
            "or its descriptor's path.",
        ),
        Check(
            asset,
            "no_file_vanished",
            "A file that was delivered is gone from the raw zone. Its lines still count. Put it back, or take its "
            "lines out with `finance-platform withdraw`.",
            is_warning=True,
            is_urgent=True,
        ),
    )


DESCRIPTORS_VALID = Check(
    ("raw", UNREAD_FILES),
    "descriptors_are_valid",
    "A descriptor cannot be used, two claim one file, or a file's name is no text, so nothing new is read of these "
    "files; what was read before still counts. Correct the descriptor, or rename the file.",
)
EVERY_FILE_HAS_FEED = Check(
    ("raw", UNREAD_FILES),
    "every_file_has_a_feed",
    "No descriptor's path matches a file, so nobody reads it, and its money is missing if it has any. Add a descriptor "
    "to the home's folder `feeds`, mend the file's name, or take the file out of the raw zone.",
    is_warning=True,
    is_urgent=True,
)

SCHEMA_CHECKS: tuple[Check, ...] = tuple(
    Check(("processed", contract.name), "schema_matches_contract", _MATCHES, is_blocking=True)
    for contract in (*PROCESSED, *STAR)
)

EVERY_ROW_ACCOUNTED = Check(
    ("processed", "rejected_rows"),
    "every_row_is_accounted_for",
    "Rows or money were read and are neither accepted nor rejected nor duplicate nor skipped. The delivery is held; "
    "keep the file and report it.",
)
WITHIN_TOLERANCE = Check(
    ("processed", "rejected_rows"),
    "deliveries_are_within_tolerance",
    "More was rejected than the descriptor tolerates, so the delivery is held and the published version stays. Correct "
    "the file and send it again, or widen `tolerance` in the descriptor, or take it as it is with "
    "`finance-platform accept`.",
)
NOTHING_HELD = Check(
    ("processed", "rejected_rows"),
    "no_delivery_awaits_a_decision",
    "A delivery would remove much of what is published, repeats another file, or would restate a closed period. It is "
    "held, and the published version stays, until `finance-platform accept` or `withdraw`.",
)
ARRIVED_IN_ORDER = Check(
    ("processed", "rejected_rows"),
    "deliveries_arrive_in_order",
    "A file came after another that sorts behind it and has the same keys or periods, so the other one's lines count. "
    "If that is wrong, give the feed an `order`, or withdraw one of the two.",
    is_warning=True,
)
NO_FILE_REFUSED = Check(
    ("processed", "rejected_rows"),
    "no_file_is_refused",
    "A file as a whole cannot be read as its descriptor says. The others were processed; mend the file or the "
    "descriptor.",
)
ACCOUNTS_HAVE_SIGN = Check(
    ("processed", "dim_account"),
    "accounts_have_a_sign",
    "A debit-positive feed has lines on accounts of unknown type, so nobody knows which way they count. Describe the "
    "accounts in an accounts file.",
    is_blocking=True,
)
LINES_EQUAL_STAR = Check(
    ("processed", "fact_financials"),
    "ledger_lines_equal_star",
    "The star's money or line count differs from the ledger lines it was built from; it is not loaded. Make everything "
    "again with `finance-platform run --rebuild`; report it if it stays.",
    is_blocking=True,
)
NO_GAPS = Check(
    ("processed", "transactions"),
    "actuals_have_no_gaps",
    "Actual skips a period, or its last period has few lines: a file may be missing or still to come. Send it; until "
    "then compare no such period with its budget. A last period that is not over can be left out of every comparison "
    "with FINANCE_PLATFORM_ACTUALS_THROUGH.",
    is_warning=True,
)
KEYS_COLLIDE_NOWHERE: dict[str, Check] = {
    contract.name: Check(("warehouse", contract.name), "keys_collide_nowhere", _COLLIDE, is_blocking=True)
    for contract in STAR
    if contract.surrogate_key
}
MEMBERS_DESCRIBED: dict[str, Check] = {
    contract.name: Check(("warehouse", contract.name), "members_are_described", _DESCRIBED, is_warning=True)
    for contract in (DIM_DEPARTMENT, DIM_ACCOUNT)
}
_FACT = ("warehouse", FACT_FINANCIALS.name)
GRAIN_UNIQUE = Check(
    _FACT, "grain_is_unique", f"A day, department, account and scenario has two rows.{_REBUILD}", is_blocking=True
)
REFERENCES_RESOLVE = Check(
    _FACT,
    "references_resolve",
    f"Fact rows point at members that no dimension has; joins lose them.{_REBUILD}",
    is_blocking=True,
)
VARIANCE_IDENTITY = Check(
    _FACT,
    "variance_is_amount_less_budget",
    f"Variance is not Amount - BudgetAmount somewhere.{_REBUILD}",
    is_blocking=True,
)
BASELINE_ONCE = Check(
    _FACT,
    "baseline_is_booked_once",
    f"A budget is missing from Actual's rows or counted twice there.{_REBUILD}",
    is_blocking=True,
)
LAKE_EQUALS_WAREHOUSE = Check(
    _FACT,
    "lake_equals_warehouse",
    f"By scenario and period, the warehouse holds other rows or cents than the lake.{_REBUILD}",
    is_blocking=True,
)
CLOSED_PERIODS_STAND = Check(
    _FACT,
    "closed_periods_stand",
    "A closed period would be published with other rows, because of account types, the baseline or a new release. It "
    "stays as it is published. `finance-platform reopen` lets the change through.",
)
AMOUNTS_ARE_USUAL = Check(
    _FACT,
    "amounts_are_usual",
    "An account's month is far from what the account was in the months before, and in the same month of earlier years: "
    "a slip, a file that is missing or came twice, or something that did happen. Look at the lines behind it with "
    "`finance-platform trace`. If they are wrong, correct the file and send it again; if they are right, nothing is to "
    "be done, and it is told until three more months have come in.",
    is_warning=True,
    is_urgent=True,
)

UNREAD_CHECKS = (DESCRIPTORS_VALID, EVERY_FILE_HAS_FEED)
DELIVERY_CHECKS = (
    EVERY_ROW_ACCOUNTED,
    WITHIN_TOLERANCE,
    NOTHING_HELD,
    NO_FILE_REFUSED,
    ARRIVED_IN_ORDER,
    NO_GAPS,
)
STAR_CHECKS = (ACCOUNTS_HAVE_SIGN, LINES_EQUAL_STAR)
WAREHOUSE_CHECKS = (
    *KEYS_COLLIDE_NOWHERE.values(),
    *MEMBERS_DESCRIBED.values(),
    GRAIN_UNIQUE,
    REFERENCES_RESOLVE,
    VARIANCE_IDENTITY,
    BASELINE_ONCE,
    LAKE_EQUALS_WAREHOUSE,
    CLOSED_PERIODS_STAND,
    AMOUNTS_ARE_USUAL,
)


def checks_of(feeds: Iterable[str]) -> tuple[Check, ...]:
    """Return every check of a home with these feeds."""
    of_feeds = tuple(check for feed in feeds for check in raw_checks(feed))
    return (*of_feeds, *UNREAD_CHECKS, *SCHEMA_CHECKS, *DELIVERY_CHECKS, *STAR_CHECKS, *WAREHOUSE_CHECKS)


def counted(count: int, one: str, many: str = "") -> str:
    """Return a number of things in words: `1 period`, `2 periods`; `many` where the plural has no mere s."""
    return f"{count:,} {one if count == 1 else many or f'{one}s'}"


def limited(rows: Sequence[dict[str, Any]]) -> Sequence[dict[str, Any]]:
    """Return the first rows, as many as a check shows."""
    return rows[:EVIDENCE_ROWS]
