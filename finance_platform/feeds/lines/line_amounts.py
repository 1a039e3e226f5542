"""The amounts of ledger lines and their currencies: one column, or debit less credit.

Belongs here: the rules of a line's amount. Does not belong here: reading one text (see `values.amounts`,
`sheet_amounts`), signs that another column gives (see `amount_signs`), money in rows that are skipped (see
`skipped_money`).

A change that gives other amounts needs a higher version (see `reader_versions`), or files are not read again.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.contracts.schemas import EXACT_MONEY_TYPE, MONEY_TYPE
from finance_platform.feeds.cells import FieldSource, RawBatch, debit_and_credit_texts, field_texts, map_distinct
from finance_platform.feeds.doubts.odd_decimals import OddDecimals
from finance_platform.feeds.findings import Note, NoteCollector
from finance_platform.feeds.lines.amount_signs import apply_signs, negate
from finance_platform.feeds.lines.sheet_amounts import LARGEST_AMOUNT, SIDES_OF_PAIR, describe_invalid, parse_cells
from finance_platform.feeds.resolved import ReadingRules
from finance_platform.feeds.values import amounts
from finance_platform.feeds.values.currencies import OTHER_CURRENCY, currency_code, describe_currency, is_currency
from finance_platform.feeds.violations import Mask, RuleViolations, quoted, to_mask

_LAST_DECIMAL = Decimal(1).scaleb(-18)
_COMPARE_AMOUNT = (
    "compare this amount with the source system; if it was read wrong, correct columns.amount.decimal and .thousands "
    "in the descriptor"
)


class LineAmounts:
    """Types the amounts of one table's lines."""

    def __init__(self, rules: ReadingRules, source: FieldSource) -> None:
        """Take the rules, and where amounts come from."""
        self._rules, self._source = rules, source
        self._ambiguous = NoteCollector()
        self._has_proven_marks = False
        self._odd_decimals = OddDecimals(rules.currency)

    @property
    def notes(self) -> dict[str, Note]:
        """The notes about every batch so far."""
        return {} if self._has_proven_marks else self._ambiguous.notes()

    @property
    def doubts(self) -> dict[str, str]:
        """Why a person must decide whether the table may count, with what to do about it."""
        return self._odd_decimals.doubts(has_proven_marks=self._has_proven_marks)

    def type_amounts(
        self, batch: RawBatch, violations: RuleViolations, signs: pa.Array | None
    ) -> amounts.ParsedAmounts:
        """Return the amount of each row, before any rule but its own; reject those that are not valid.

        Args:
            batch: the rows.
            violations: of the batch.
            signs: the texts that give the amounts their signs; None if no column does.
        """
        source = self._source
        if source.rule.debit is not None:
            cells = debit_and_credit_texts(source, batch)
            debit, credit = (violations.add_cells("amount", side) for side in cells)
            sides = [
                self._parse(source, texts, violations, side=side)
                for side, texts in zip(SIDES_OF_PAIR, (debit, credit), strict=True)
            ]
            return _debit_less_credit(debit, credit, sides, source, violations)
        texts = violations.add_cells("amount", field_texts(source, batch))
        has_sides = self._rules.has_sides
        parsed = self._parse(source, texts, violations, has_sides=has_sides)
        violations.add_blank("amount", texts)
        violations.add_invalid(
            "invalid_amount",
            texts,
            parsed.values,
            lambda i: (
                f"amount: {quoted(texts[i].as_py())} is not a valid amount{_hint(texts[i].as_py(), self._rules)}"
                f"{describe_invalid(parsed, i, source.rule, has_sides=has_sides)}"
            ),
            of="amount",
        )
        if signs is None or source.rule.sign_column is None:
            return negate(parsed) if self._rules.is_credit_positive else parsed
        return apply_signs(parsed, texts, signs, source.rule.sign_column, violations)

    def _parse(
        self,
        source: FieldSource,
        texts: pa.StringArray,
        violations: RuleViolations,
        *,
        has_sides: bool = False,
        side: str = "",
    ) -> amounts.ParsedAmounts:
        """Parse the texts of amounts; reject those in a foreign currency, and note those that could mean two things."""
        rule, currency = source.rule, self._rules.currency
        parsed = parse_cells(texts, source, currency, violations.batch, has_sides=has_sides, side=side)
        is_foreign: Mask = np.zeros(len(texts), dtype=np.bool_)
        is_foreign[list(parsed.foreign)] = True
        violations.add(
            "foreign_currency",
            is_foreign,
            lambda i: (
                f"amount: {quoted(texts[i].as_py())} is in {describe_currency(parsed.foreign[i])}, "
                f"not in the home's currency, {currency}; {_convert(currency)}"
            ),
            of="amount",
        )
        self._has_proven_marks = self._has_proven_marks or parsed.proves_marks
        self._odd_decimals.add(rule, texts, parsed, violations.skipped, violations.batch)
        if parsed.ambiguous:
            is_ambiguous: Mask = np.zeros(len(texts), dtype=np.bool_)
            is_ambiguous[list(parsed.ambiguous)] = True
            is_ambiguous &= ~violations.skipped
            marks = f"decimal {rule.decimal!r}" + (f", thousands {rule.thousands!r}" if rule.thousands else "")
            text = f"amount: one mark before three digits could mean two things and was read as declared ({marks})"
            self._ambiguous.add(text, _COMPARE_AMOUNT, is_ambiguous, violations.batch, texts)
        return parsed

    def foreign_currency(
        self, texts: dict[str, pa.Array], parsed: amounts.ParsedAmounts, violations: RuleViolations
    ) -> pa.Array:
        """Reject amounts of another currency than the home's; return that currency, null for the home's own."""
        return _with_marks(self._stated_currency(texts, violations), parsed.foreign)

    def _stated_currency(self, texts: dict[str, pa.Array], violations: RuleViolations) -> pa.Array:
        if "currency" not in texts:
            return pa.nulls(len(violations.batch), pa.string())
        written, expected = texts["currency"], self._rules.currency
        is_foreign = map_distinct(written, lambda text: not is_currency(text, expected), pa.bool_())
        violations.add(
            "foreign_currency",
            to_mask(is_foreign),
            lambda i: (
                f"currency: {quoted(written[i].as_py())} is not the home's currency, {expected}; {_convert(expected)}; "
                f"or, if the amounts are in {expected} all the same, name the column in ignore_columns in place of "
                "columns.currency"
            ),
            of="currency",
        )
        return map_distinct(pc.if_else(is_foreign, written, None), currency_code, pa.string())


def exact_amounts(parsed: amounts.ParsedAmounts) -> pa.Array:
    """Return the amounts before they were rounded to cents."""
    exact = pc.cast(parsed.values, EXACT_MONEY_TYPE)
    if not parsed.exact:
        return exact
    is_rounded: Mask = np.zeros(len(exact), dtype=np.bool_)
    is_rounded[list(parsed.exact)] = True
    written = [
        parsed.exact[position].quantize(_LAST_DECIMAL, context=amounts.EXACT) for position in sorted(parsed.exact)
    ]
    return pc.replace_with_mask(exact, pa.array(is_rounded), pa.array(written, EXACT_MONEY_TYPE))


def _hint(text: str, rules: ReadingRules) -> str:
    """Return why an amount that states its side is not read, if that is the reason."""
    side = amounts.stated_side(text)
    if not side:
        return ""
    if not rules.is_debit_positive or rules.is_credit_positive:
        return f"; {side} beside an amount is read under sign: debit_positive"
    rule = rules.fields["amount"]
    given = "its column gives the sign" if rule.debit or rule.sign_column else "it may have no other sign"
    return f"; {side} is beside it, and {given}"


def _convert(currency: str) -> str:
    """Return the fix of a line in a foreign currency."""
    return f"send the amount in {currency}, or the line to a home of its own currency"


def _debit_less_credit(
    debit: pa.Array,
    credit: pa.Array,
    sides: list[amounts.ParsedAmounts],
    source: FieldSource,
    violations: RuleViolations,
) -> amounts.ParsedAmounts:
    """Return debit less credit, or their sum where credits have their minus.

    One blank side counts as zero, two blank sides as a blank amount.
    """
    invalid: Mask = np.zeros(len(debit), dtype=np.bool_)
    for texts, side in zip((debit, credit), sides, strict=True):
        invalid |= to_mask(pc.and_(pc.is_valid(texts), pc.is_null(side.values)))
    blank = to_mask(pc.and_(pc.is_null(debit), pc.is_null(credit)))
    zero = pa.scalar(0, MONEY_TYPE)
    join = pc.add if source.rule.is_signed else pc.subtract
    difference = join(*(pc.fill_null(side.values, zero) for side in sides))
    invalid |= to_mask(pc.greater_equal(pc.abs(difference), pa.scalar(amounts.LIMIT, difference.type)))
    both = f"both {source.headers[0]} and {source.headers[1]} are blank"
    violations.add("blank_amount", blank, lambda _: both, of="amount")
    violations.add(
        "invalid_amount",
        invalid,
        lambda i: f"amount: {_describe_sides(debit, credit, sides, source, i)}",
        of="amount",
    )
    values = pc.if_else(pa.array(invalid | blank), pa.scalar(None, difference.type), difference)
    return _without_invalid_rows(pc.cast(values, MONEY_TYPE), sides, invalid, is_signed=bool(source.rule.is_signed))


def _describe_sides(
    debit: pa.Array, credit: pa.Array, sides: list[amounts.ParsedAmounts], source: FieldSource, position: int
) -> str:
    """Return why debit and credit of a row are not an amount."""
    texts = [quoted(side[position].as_py()) for side in (debit, credit)]
    if all(side.values[position].is_valid for side in sides):
        return f"{' and '.join(texts)} are together too large: {LARGEST_AMOUNT}"
    hints = (
        describe_invalid(parsed, position, source.rule, side=side)
        for side, parsed in zip(SIDES_OF_PAIR, sides, strict=True)
    )
    return f"{' or '.join(texts)} is not a valid amount{next(filter(None, hints), '')}"


def _without_invalid_rows(
    values: pa.Array, sides: list[amounts.ParsedAmounts], invalid: Mask, *, is_signed: bool
) -> amounts.ParsedAmounts:
    # A row with one invalid side has no amount at all, so the money of its valid side is not counted either.
    exact: dict[int, Decimal] = {}
    for position in sorted(sides[0].exact.keys() | sides[1].exact.keys()):
        if invalid[position]:
            continue
        debit, credit = (side.exact.get(position, side.values[position].as_py() or Decimal(0)) for side in sides)
        exact[position] = (amounts.EXACT.add if is_signed else amounts.EXACT.subtract)(debit, credit)
    return amounts.ParsedAmounts(values, exact, _foreign_of_sides(sides), sides=tuple(sides))


def _with_marks(currencies: pa.Array, marks: Mapping[int, str]) -> pa.Array:
    """Return the foreign currency of each row, null for the home's own.

    Args:
        currencies: the foreign currency that the row's own field states, null where it states none.
        marks: the foreign codes and signs beside the amounts, by position.
    """
    if not marks:
        return currencies
    known = currencies.to_pylist()
    for position, mark in marks.items():
        code, stated = currency_code(mark), known[position]
        if stated in {None, OTHER_CURRENCY}:
            known[position] = code
        elif not is_currency(mark, stated):
            known[position] = code if is_currency(stated, code) else OTHER_CURRENCY
    return pa.array(known, pa.string())


def _foreign_of_sides(sides: list[amounts.ParsedAmounts]) -> dict[int, str]:
    """Return the foreign currency of debit less credit by position; `OTHER_CURRENCY` where the sides have two."""
    foreign: dict[int, str] = {}
    for side, opposite in (sides, sides[::-1]):
        for position, mark in side.foreign.items():
            other = opposite.foreign.get(position, "")
            is_one = not opposite.values[position].as_py() or currency_code(other) == currency_code(mark)
            foreign.setdefault(position, mark if is_one else OTHER_CURRENCY)
    return foreign
