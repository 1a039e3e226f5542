"""Signs of amounts that another column gives, such as S and H.

Belongs here: applying `sign_column` to a column of amounts. Does not belong here: signs beside the number (see
`amounts`), which accounts are credits (see `transforms`).

A change that gives other lines needs a higher version (see `reader_versions`), or files are not read again.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.feeds.cells import SIGN, map_distinct
from finance_platform.feeds.resolved import SignColumn
from finance_platform.feeds.values.amounts import EXACT, ParsedAmounts
from finance_platform.feeds.values.codes import fold
from finance_platform.feeds.violations import RuleViolations, quoted, to_mask


def apply_signs(
    parsed: ParsedAmounts, texts: pa.StringArray, signs: pa.StringArray, rule: SignColumn, violations: RuleViolations
) -> ParsedAmounts:
    """Return amounts with the signs of a column; reject rows whose sign is blank, unknown or given twice.

    Args:
        parsed: the amounts, all of which should be positive.
        texts: their texts.
        signs: the sign column's texts, null where blank.
        rule: its values.
        violations: gets what breaks a rule.
    """
    is_negative_by_text = {fold(text): False for text in rule.positive} | {fold(text): True for text in rule.negative}
    is_negative = map_distinct(signs, lambda text: is_negative_by_text.get(fold(text)), pa.bool_())
    violations.add(
        "blank_sign", to_mask(pc.is_null(signs)), lambda _: "the column of the amount's sign is blank", of=SIGN
    )
    known = f"{', '.join(rule.negative)} (negative) and {', '.join(rule.positive)} (positive)"
    violations.add_invalid(
        "unknown_sign",
        signs,
        is_negative,
        lambda i: f"sign: {quoted(signs[i].as_py())} is none of {known}; add it to columns.amount.sign_column",
        of=SIGN,
    )
    is_signed_twice = pc.less(parsed.values, pa.scalar(Decimal("0.00"), parsed.values.type))
    violations.add(
        "signed_twice",
        to_mask(is_signed_twice),
        lambda i: (
            f"amount: {quoted(texts[i].as_py())} has a sign of its own beside the sign column's "
            f"{quoted(signs[i].as_py())}, so it could mean two things"
        ),
        of="amount",
    )
    values = pc.if_else(pc.fill_null(is_negative, False), pc.negate(parsed.values), parsed.values)
    exact = {
        place: EXACT.minus(amount) if is_negative[place].as_py() else amount for place, amount in parsed.exact.items()
    }
    return replace(parsed, values=values, exact=exact)


def negate(parsed: ParsedAmounts) -> ParsedAmounts:
    """Return amounts with the other sign: debit less credit of amounts that are credit less debit."""
    exact = {place: EXACT.minus(amount) for place, amount in parsed.exact.items()}
    return replace(parsed, values=pc.negate(parsed.values), exact=exact)
