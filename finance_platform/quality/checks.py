"""The checks: every check of the platform, what a failure means and what to do about it.

Belongs here: declarations, generated from contracts where possible, and the form of an outcome.
Does not belong here: evaluation.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from finance_platform.contracts.processed import PROCESSED
from finance_platform.contracts.star import DIM_ACCOUNT, DIM_DEPARTMENT, FACT_FINANCIALS, STAR
from finance_platform.feeds.descriptor import UNREAD_FILES

AssetPath = tuple[str, str]

EVIDENCE_ROWS = 50
"""How many offending rows an outcome keeps."""


@dataclass(frozen=True)
class Check:
    """One check on one asset.

    Attributes:
        asset: group and name.
        name: a statement that is true when the check passes.
        meaning: what a failure means.
        fix: what to do about it.
        is_blocking: whether a failure makes the whole result unusable.
        is_warning: whether a failure leaves the exit code alone.
        is_urgent: whether a warning sends an alert all the same.
    """

    asset: AssetPath
    name: str
    meaning: str
    fix: str
    is_blocking: bool = False
    is_warning: bool = False
    is_urgent: bool = False

    @property
    def description(self) -> str:
        """What a failure means, then what to do about it."""
        return f"{self.meaning} {self.fix}"

    @property
    def is_alerted(self) -> bool:
        """Whether a failure sends an alert: every error, and urgent warnings."""
        return self.is_urgent or not self.is_warning


@dataclass(frozen=True)
class Outcome:
    """The result of one check.

    Attributes:
        check: the check.
        passed: whether its statement is true.
        summary: one sentence with figures.
        evidence: the first offending rows.
    """

    check: Check
    passed: bool
    summary: str
    evidence: Sequence[dict[str, Any]] = ()

    @classmethod
    def from_evidence(cls, check: Check, evidence: Sequence[dict[str, Any]], summary: str) -> Outcome:
        """Return an outcome that passes if no row offends; it keeps the first `EVIDENCE_ROWS` rows."""
        return cls(check, not evidence, summary, evidence[:EVIDENCE_ROWS])


_REBUILD = "Rebuild everything with `finance-platform run --rebuild`; report it if the check still fails."
_ROLLED_BACK = "Such a load is rolled back, and the previously published data stays."
_COLLIDE = f"Two members share a key, so their amounts cannot be separated. {_ROLLED_BACK}"
_DESCRIBED = (
    "Lines mention members that no reference file describes: mistyped or new codes. Their amounts are included, with "
    "the attributes Unknown. Or a parent is in no file and no line, so that a roll-up ends below it, or members are "
    "above each other in a circle, so that a roll-up adds each to all of them. Or a reference file describes an "
    "account without a type, so that its amounts are neither revenue nor expense."
)
_DESCRIBE = (
    "Add the members to the reference file, or correct their codes in the lines; correct the parents, or give the "
    "account a type, in the reference file; then send the file again."
)


def raw_checks(feed: str) -> tuple[Check, ...]:
    """Return the checks of one feed's raw objects."""
    asset = ("raw", feed)
    return (
        Check(
            asset,
            "files_can_be_opened",
            "A file cannot be opened, or is not a plain file but a pipe, a device, a folder or a link that leaves the "
            "raw zone, so it is not read; its last readable version still counts.",
            fix="Fix the file's permissions or put a plain file in its place, or correct the path in the descriptor.",
        ),
        Check(
            asset,
            "no_file_vanished",
            "A delivered file no longer exists in the raw zone; its lines still count.",
            fix="Put the file back, or remove its lines with `finance-platform withdraw`.",
            is_warning=True,
            is_urgent=True,
        ),
    )


DESCRIPTORS_VALID = Check(
    ("raw", UNREAD_FILES),
    "descriptors_are_valid",
    "A descriptor is invalid, two descriptors match one file, a file name is not valid text, or something that no feed "
    "reads is not a plain file. The new contents of these files are not read; what was read before still counts.",
    fix="Correct the descriptor, or rename, replace or remove the file.",
)
EVERY_FILE_HAS_FEED = Check(
    ("raw", UNREAD_FILES),
    "every_file_has_a_feed",
    "No descriptor's path matches a file, so the file is not read and its amounts are missing.",
    fix="Add a descriptor to the home's folder `feeds`, correct the file name, or remove the file from the raw zone.",
    is_warning=True,
    is_urgent=True,
)

SCHEMA_CHECKS: tuple[Check, ...] = tuple(
    Check(
        ("processed", contract.name),
        "schema_matches_contract",
        "A file's columns or types differ from the contract, so nothing may be built from it.",
        fix=_REBUILD,
        is_blocking=True,
    )
    for contract in (*PROCESSED, *STAR)
)

EVERY_ROW_ACCOUNTED = Check(
    ("processed", "rejected_rows"),
    "every_row_is_accounted_for",
    "Rows or amounts were read but are neither accepted, rejected, duplicate nor skipped. The delivery is held.",
    fix="Keep the file and report it.",
)
WITHIN_TOLERANCE = Check(
    ("processed", "rejected_rows"),
    "deliveries_are_within_tolerance",
    "More rows or money were rejected than the descriptor tolerates. The delivery is held, and the published version "
    "stays.",
    fix="Correct the file and send it again, increase `tolerance` in the descriptor, or accept the delivery with "
    "`finance-platform accept`.",
)
NOTHING_HELD = Check(
    ("processed", "rejected_rows"),
    "no_delivery_awaits_a_decision",
    "A delivery would remove much of the published data, repeats another file, would restate a closed period, has no "
    "accepted row, or could not be loaded (accounts without a type, codes with one key, too large sums). It is held, "
    "and the published version stays.",
    fix="Decide with `finance-platform accept` or `finance-platform withdraw`; a delivery that "
    "could not be loaded counts by itself once it can be.",
)
ARRIVED_IN_ORDER = Check(
    ("processed", "rejected_rows"),
    "deliveries_arrive_in_order",
    "A file arrived after another file that sorts behind it and has the same keys or periods, so the lines of the "
    "other file count. Or one run found several files with the same keys or periods, as after a rebuild from raw files "
    "alone, so only their modification times say which came last.",
    fix="If the wrong file counts, give the feed an `order`, or withdraw one of them.",
    is_warning=True,
)
HEADERS_UNCHANGED = Check(
    ("processed", "rejected_rows"),
    "headers_are_unchanged",
    "The header of a feed's last files has other columns than that of its last delivery that counted: columns were "
    "added, are gone, or have another name.",
    fix="If a field should use a new column, add its name to the descriptor; if "
    "not, nothing is to be done. The warning ends with the next file that has the same header.",
    is_warning=True,
)
NO_FILE_REFUSED = Check(
    ("processed", "rejected_rows"),
    "no_file_is_refused",
    "A file cannot be read as its descriptor specifies; every other file was processed.",
    fix="Correct the file or the descriptor.",
)
ACCOUNTS_HAVE_SIGN = Check(
    ("processed", "dim_account"),
    "accounts_have_a_sign",
    "A debit-positive feed has lines on accounts of unknown type, so their sign is not known.",
    fix="Describe the accounts in an accounts file.",
    is_blocking=True,
)
_CONTRADICTIONS = (
    "a file, or two files for the same period, and no reference file decides. The value of the first line counts for "
    "all lines."
)
_DECIDE = "Describe the members in a reference file, or correct the lines and send the file again."
TYPES_AGREE = Check(
    ("processed", DIM_ACCOUNT.name),
    "account_types_agree",
    "Lines give one account several types, which decide the sign of its profit: they contradict each other in "
    f"{_CONTRADICTIONS}",
    fix=_DECIDE,
    is_warning=True,
    is_urgent=True,
)
ATTRIBUTES_AGREE: dict[str, Check] = {
    contract.name: Check(
        ("processed", contract.name),
        "attributes_agree",
        f"Lines give one member several {attributes}: they contradict each other in {_CONTRADICTIONS} Or a member has "
        "lines of Actual in an open period after its valid_to and before a later row.",
        fix=f"{_DECIDE} Of a member that has ended, correct the code of the lines, or the date in the reference file.",
        is_warning=True,
    )
    for contract, attributes in (
        (DIM_ACCOUNT, "names or categories"),
        (DIM_DEPARTMENT, "names or business units"),
    )
}
EARLIER_ATTRIBUTES_KNOWN: dict[str, Check] = {
    contract.name: Check(
        ("processed", contract.name),
        "earlier_attributes_are_known",
        "The record of an earlier version of a file of master data is damaged or lost, so what it said about closed "
        "periods is not known: members have there what later files say, or nothing. Closes that signed it still have "
        "it.",
        fix="Put the file below deliveries/ back from a backup, or give the attributes of those periods in a file, "
        "each with the date from which it holds.",
    )
    for contract in (DIM_ACCOUNT, DIM_DEPARTMENT)
}
REORGANISATIONS_CONSISTENT = Check(
    ("processed", DIM_DEPARTMENT.name),
    "reorganisations_are_consistent",
    "Rows of a departments file about departments that were split or merged contradict each other: their shares add up "
    "to more than the whole, departments replace each other in a circle at one date, a predecessor is in no other row "
    "and no line, or rows of one department and date give different attributes. Rows whose shares or order contradict "
    "each other do not count, and the view StructureAmount leaves their money where it was booked.",
    fix="Correct the rows and send the file again.",
)
CODES_KEEP_ZEROS: dict[str, Check] = {
    contract.name: Check(
        ("processed", contract.name),
        "codes_keep_their_zeros",
        "A member has the code of another one but for zeros before it or `.0` behind it, and no reference file "
        "describes both: a spreadsheet may have made a number of the code, so the money of one member is on two.",
        fix=f"Set `columns.{field}.pad` in the descriptor of the feed that has the shorter code, or format the column "
        "as text in the source and send the file again. If they are two members, describe both in a reference file.",
        is_warning=True,
    )
    for contract, field in ((DIM_ACCOUNT, "account"), (DIM_DEPARTMENT, "department"))
}
LINES_EQUAL_STAR = Check(
    ("processed", "fact_financials"),
    "ledger_lines_equal_star",
    "The star's amounts or line counts differ from the ledger lines it was built from, so it is not loaded.",
    fix=_REBUILD,
    is_blocking=True,
)
REVERSALS_CANCEL = Check(
    ("processed", "fact_financials"),
    "reversals_cancel_their_lines",
    "A line names a line that it reverses, and the two do not cancel: no line that counts has the number, it is of "
    "another department or account, the amounts have one sign, or the reversals are more than the line. All of these "
    "lines count.",
    fix="Send the missing file, or correct the lines and send their file again.",
    is_warning=True,
    is_urgent=True,
)
NO_GAPS = Check(
    ("processed", "transactions"),
    "actuals_have_no_gaps",
    "Actual has no lines in a period, or few lines in its last period: a file may be missing or not delivered yet. Or "
    "a file has much less of an open period than what it replaced.",
    fix="Send the missing file; until then, do not compare the period with its budget. To exclude an unfinished last "
    "period from every comparison, set FINANCE_PLATFORM_ACTUALS_THROUGH. Compare a file that has less with its source.",
    is_warning=True,
)
KEYS_COLLIDE_NOWHERE: dict[str, Check] = {
    contract.name: Check(("warehouse", contract.name), "keys_collide_nowhere", _COLLIDE, _REBUILD, is_blocking=True)
    for contract in STAR
    if contract.surrogate_key
}
MEMBERS_DESCRIBED: dict[str, Check] = {
    contract.name: Check(("warehouse", contract.name), "members_are_described", _DESCRIBED, _DESCRIBE, is_warning=True)
    for contract in (DIM_DEPARTMENT, DIM_ACCOUNT)
}
PARENTS_WITHOUT_LINES: dict[str, Check] = {
    contract.name: Check(
        ("warehouse", contract.name),
        "parents_have_no_lines_beside_children",
        "A member has lines in a scenario and period in which members below it have lines too, so a roll-up counts "
        "money twice if the upper lines are the totals of the lower ones.",
        fix="Send one of the two, or correct the parent "
        "in the reference file; if the upper lines are its own, do nothing.",
        is_warning=True,
    )
    for contract in (DIM_DEPARTMENT, DIM_ACCOUNT)
}
_FACT = ("warehouse", FACT_FINANCIALS.name)
GRAIN_UNIQUE = Check(
    _FACT,
    "grain_is_unique",
    f"Two rows have the same date, department, account and scenario. {_ROLLED_BACK}",
    fix=_REBUILD,
    is_blocking=True,
)
REFERENCES_RESOLVE = Check(
    _FACT,
    "references_resolve",
    f"Fact rows refer to members that do not exist in a dimension, so joins lose them. {_ROLLED_BACK}",
    fix=_REBUILD,
    is_blocking=True,
)
VARIANCE_IDENTITY = Check(
    _FACT,
    "variance_is_amount_less_budget",
    f"Variance differs from Amount - BudgetAmount in some rows. {_ROLLED_BACK}",
    fix=_REBUILD,
    is_blocking=True,
)
BASELINE_ONCE = Check(
    _FACT,
    "baseline_is_booked_once",
    f"A budget is missing from the rows of Actual, or is booked there twice. {_ROLLED_BACK}",
    fix=_REBUILD,
    is_blocking=True,
)
LAKE_EQUALS_WAREHOUSE = Check(
    _FACT,
    "lake_equals_warehouse",
    f"Rows or amounts by scenario and period differ between the warehouse and the processed zone. {_ROLLED_BACK}",
    fix=_REBUILD,
    is_blocking=True,
)
CLOSED_PERIODS_STAND = Check(
    _FACT,
    "closed_periods_stand",
    "Master data, settings or a new release would change a closed period. It stays as it is published, and so do the "
    "members whose attributes would move its money.",
    fix="To publish the change, reopen the periods with `finance-platform "
    "reopen`; to drop it, undo its cause, or withdraw the file that it names.",
)
COMMENTS_NAME_MEMBERS = Check(
    _FACT,
    "comments_name_members",
    "A comment names a department or an account that nothing else mentions, so no report shows it.",
    fix="Correct the code in the comments file and send it again; a spreadsheet may have removed its leading zeros.",
    is_warning=True,
)
STATEMENT_LINES_NAME_ACCOUNTS = Check(
    _FACT,
    "statement_lines_name_accounts",
    "A row of the file of statement lines names an account, a beginning of accounts or a category that nothing else "
    "mentions, so it changes no report.",
    fix="Correct the code in the file and send it again; if the account has no lines "
    "yet, keep the row: the warning ends with the first one.",
    is_warning=True,
)
AMOUNTS_ARE_USUAL = Check(
    _FACT,
    "amounts_are_usual",
    "An account's amount in a month is far from its amounts in the months before and in the same month of earlier "
    "years: a typing error, a missing or repeated file, or a real event; or entries of a year-end close are among the "
    "lines, which make the profit of the year zero: leave these out; or revenue or costs are negative, so that "
    "their signs contradict the types of the accounts; or amounts are in another unit, or totals since the beginning "
    "of the year.",
    fix="Look at the lines behind it with `finance-platform trace`. If they are wrong, correct the file and send it "
    "again; if they are right, do nothing: the warning ends after three more months.",
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
    HEADERS_UNCHANGED,
    NO_GAPS,
)
STAR_CHECKS = (
    ACCOUNTS_HAVE_SIGN,
    LINES_EQUAL_STAR,
    TYPES_AGREE,
    *ATTRIBUTES_AGREE.values(),
    *EARLIER_ATTRIBUTES_KNOWN.values(),
    REORGANISATIONS_CONSISTENT,
    *CODES_KEEP_ZEROS.values(),
    REVERSALS_CANCEL,
)
WAREHOUSE_CHECKS = (
    *KEYS_COLLIDE_NOWHERE.values(),
    *MEMBERS_DESCRIBED.values(),
    *PARENTS_WITHOUT_LINES.values(),
    GRAIN_UNIQUE,
    REFERENCES_RESOLVE,
    VARIANCE_IDENTITY,
    BASELINE_ONCE,
    LAKE_EQUALS_WAREHOUSE,
    CLOSED_PERIODS_STAND,
    COMMENTS_NAME_MEMBERS,
    STATEMENT_LINES_NAME_ACCOUNTS,
    AMOUNTS_ARE_USUAL,
)


def all_checks(feeds: Iterable[str]) -> tuple[Check, ...]:
    """Return every check of a home with these feeds."""
    of_feeds = tuple(check for feed in feeds for check in raw_checks(feed))
    return (*of_feeds, *UNREAD_CHECKS, *SCHEMA_CHECKS, *DELIVERY_CHECKS, *STAR_CHECKS, *WAREHOUSE_CHECKS)


def fix_of(name: str) -> str:
    """Return what to do about a check that failed, by its name.

    Empty if the check is blocking, since the error of its step has the fix, or is one of another release.
    """
    return next((check.fix for check in all_checks(("",)) if check.name == name and not check.is_blocking), "")
