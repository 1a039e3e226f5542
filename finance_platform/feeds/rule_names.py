"""The names of the rules that rows break, as `rejected --rule` and `status` have them.

Belongs here: the names alone, for commands that take one; a test compares them with the code. Does not belong here:
the rules (see `ledger_lines`, `reference_rows`, `lookup_rows`, `transforms`), names that a descriptor gives to its own
rules. A file of its own, because nothing that ships to Glue needs the list.
"""

from __future__ import annotations

from finance_platform.feeds.descriptor.columns import FIELDS

_FIELDS = sorted({name for names in FIELDS.values() for name in names})
_DATES = ("date", "period")
_INVALID_DATES = (*_DATES, "valid_from")
_CODES = ("department", "account", "scenario", "code", "number", "parent", "predecessor")

ROW_RULES = frozenset(
    {
        *("malformed_row", "blank_row", "nul_character", "control_character", "cell_too_long", "spreadsheet_error"),
        *("changed_code", "shared_key"),
        *(
            "skipped_money",
            "missing_lookup",
            "missing_weights",
            "invalid_amount",
            "foreign_currency",
            "blank_sign",
            "unknown_sign",
            "signed_twice",
        ),
        *("undeclared_scenario", "actual_in_plan", "outside_covered_periods", "half_voucher", "unbalanced_voucher"),
        *("conflicting_key", "repeated_row", "no_amount"),
        *("account_or_category", "comment_too_long", "invalid_order"),
        *("own_predecessor", "predecessor_without_date", "share_without_predecessor"),
        *(f"blank_{name}" for name in _FIELDS),
        *(f"invalid_{name}" for name in (*_INVALID_DATES, "opening", "balance", "share", "origin_share")),
        *(f"{name}_out_of_range" for name in _DATES),
        *(f"{name}_too_long" for name in _CODES),
        *(f"unknown_{name}" for name in ("account_type", "type", "measure")),
    }
)
"""Every rule that the product has. Headers that name a voucher or a looked-up row have a rule `blank_<header>` too."""
