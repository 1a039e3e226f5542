"""Check descriptions: what each check compares, for the page of the check, before what a failure means.

Belongs here: a sentence per check, and how a page puts both together. Does not belong here: what a failure means and
its fix, which the command line and alerts show too (see `quality.checks`).
"""

from __future__ import annotations

from collections.abc import Mapping

from finance_platform.quality.checks import Check

COMPARES: Mapping[str, str] = {
    "files_can_be_opened": "Every file of the feed in the raw zone is a plain file that can be read.",
    "no_file_vanished": "Every file of the feed that was ever registered is still in the raw zone.",
    "descriptors_are_valid": "Every descriptor in the home's folder `feeds` is valid, and no file matches two of them.",
    "every_file_has_a_feed": "The path of a descriptor matches every file of the raw zone.",
    "schema_matches_contract": "The Parquet files of this table have the columns and types of its contract, in order. "
    "A run compares the files that it wrote; executed alone, the check compares all that count.",
    "every_row_is_accounted_for": "For each file, rows and money delivered equal accepted plus rejected plus duplicate "
    "plus skipped.",
    "deliveries_are_within_tolerance": "No file has more rejected rows or money than `tolerance` in its descriptor.",
    "no_delivery_awaits_a_decision": "No file is held for another reason than rejected rows, which "
    "`deliveries_are_within_tolerance` lists.",
    "deliveries_arrive_in_order": "Each file arrived after the files whose lines it replaces.",
    "headers_are_unchanged": "The last files of each feed have the columns that its files had before.",
    "no_file_is_refused": "Every file could be read as its descriptor says.",
    "accounts_have_a_sign": "Every account of a debit-positive feed has a type, and so a sign.",
    "account_types_agree": "All lines of a period give an account the same type.",
    "attributes_agree": "All lines of a period give a member the same name and the same group, and none of Actual in "
    "an open period is later than the valid_to of its member.",
    "earlier_attributes_are_known": "Each earlier file of master data that describes a closed period has its record.",
    "reorganisations_are_consistent": "Departments that were split or merged go to others, not more than in full, "
    "from a date on and without a circle at one date.",
    "reversals_cancel_their_lines": "What reverses a line has its department and account and the opposite sign, and is "
    "not more than the line.",
    "codes_keep_their_zeros": "No two codes differ only in zeros before them or `.0` behind them.",
    "ledger_lines_equal_star": "By scenario, period and account, the star has the line count and the cents of the "
    "ledger lines that it was built from.",
    "actuals_have_no_gaps": "Actual has lines in every period between its first and its last, and the usual number in "
    "its last; and no file has a tenth fewer lines, and less money, of an open period than what it replaced.",
    "keys_collide_nowhere": "Each surrogate key of the published dimension is that of one member.",
    "members_are_described": "A reference file describes each published member; each member above others exists, "
    "none is above itself, and each described account has a type.",
    "parents_have_no_lines_beside_children": "In no scenario and period has a member lines beside those of members "
    "below it.",
    "grain_is_unique": "The published fact has one row per date, department, account and scenario.",
    "references_resolve": "Each key of the published fact is that of a published member.",
    "variance_is_amount_less_budget": "In each published row, Variance is Amount less BudgetAmount.",
    "baseline_is_booked_once": "The budget in the rows of Actual is that in the rows of the baseline, once.",
    "lake_equals_warehouse": "By scenario and period, the warehouse has the rows and the cents of the processed zone.",
    "closed_periods_stand": "Each closed period is published as its files would build it now.",
    "comments_name_members": "Each comment is on a department and an account that other files mention, too.",
    "statement_lines_name_accounts": "Each line of the statement maps accounts or a category of other files.",
    "amounts_are_usual": "Each account's amount of a month is near those of the months before, and of the same month "
    "of earlier years.",
}
"""By name of a check, what is so while it is green."""


_OF_A_LOAD = " A load checks the slices that it replaces; the job `audit` checks every slice, each night."


def describe_check(check: Check) -> str:
    """Return the description of a check's page, as Markdown: what it compares, then what to do when it fails.

    Raises:
        LookupError: nothing says what the check compares, which is an error of the code that declares it.
    """
    if check.name not in COMPARES:
        raise LookupError(
            f"the check {check.name} of {'/'.join(check.asset)} has no description: add what is so while it is green "
            f"to COMPARES in {__name__}"
        )
    colour = "yellow" if check.is_warning else "red"
    reach = _OF_A_LOAD if check.is_blocking and check.asset[0] == "warehouse" else ""
    return f"{COMPARES[check.name]}{reach}\n\n**When it is {colour}**: {check.description}"
