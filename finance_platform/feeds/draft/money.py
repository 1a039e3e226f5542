"""The money of a draft: one amount, debit and credit, or several amounts in a row.

Belongs here: choosing the columns with amounts, their marks, and the vouchers that balance. Does not belong here:
columns of periods (see `wide_periods`), what says that an amount is a credit (see `sides`), single amounts (see
`values`), other fields (see `ledger`).

An amount is chosen by its name, or because there is no other. Where several columns might be it, a person decides.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from finance_platform.feeds.descriptor import UNDECIDED
from finance_platform.feeds.doubts.running_totals import states_totals
from finance_platform.feeds.draft.columns import Column, FieldDraft, FieldsDraft, best_column, is_code
from finance_platform.feeds.draft.debit_credit_pairs import find_pair
from finance_platform.feeds.draft.department_places import (
    find_departments_across,
    map_of_departments,
    pattern_of_departments,
)
from finance_platform.feeds.draft.money_columns import (
    count_balanced,
    describe_amounts,
    difference,
    find_sums,
    is_called_amount,
    is_compared,
    is_difference,
    is_money,
    is_of_month,
    is_other,
    is_percentage,
    listed,
    marks_in_yaml,
    may_be_money,
    names_scenario_alone,
    scenario_of,
    value_of,
)
from finance_platform.feeds.draft.sides import texts_of_sage, texts_of_sides
from finance_platform.feeds.draft.values import AmountGuess, guess_amounts, is_date
from finance_platform.feeds.values.currencies import denoted_currencies
from finance_platform.feeds.values.header_words import plain_name, rank
from finance_platform.feeds.values.unit_words import MILLIONS, THOUSANDS

_OTHER_DIGITS = re.compile("[٠-٩۰-۹०-९]")

_BALANCES = {"balance", "available"}
_MAX_MEASURES = 20
_SEVERAL = 2
_MIN_BALANCED = 0.8
"""Share of the vouchers that must balance: one may be a mistake that the check is to find."""


def draft_scale(draft: FieldsDraft, titles: Sequence[str]) -> None:
    """Draft the scale of amounts whose header, or a title of the file, says that they are in thousands or millions."""
    amount = draft.fields.get("amount", FieldDraft({}))
    source = amount.values.get("from", "")
    headers = [source["debit"], source["credit"]] if isinstance(source, dict) else [source, *draft.measures]
    for unit, scale, words in (("thousands", 1_000, THOUSANDS), ("millions", 1_000_000, MILLIONS)):
        text = next((text for text in (*headers, *titles) if words.search(text)), None)
        if text is not None:
            others = [one for one in draft.measures if text in headers and not words.search(one)]
            amount.values["scale"] = UNDECIDED if others else scale
            says = f"decide: {text!r} says that amounts are in {unit}"
            if others:
                says += (
                    f", and {listed(others)} {'does' if len(others) == 1 else 'do'} not, while a feed reads amounts of "
                    f"one unit: write {scale} if all are, or export the amounts in one unit and write 1"
                )
            amount.comment = "; ".join(filter(None, (amount.comment, says)))
            draft.fields["amount"] = amount
            return


def _plainest(named: Mapping[str, str], columns: Sequence[Column]) -> dict[str, str]:
    """Return the columns of scenarios, of several with one scenario the only one whose name says nothing else.

    `Group Actual` beside `Actual` has the same amounts in another currency, or of another company.
    """
    counts = Counter(named.values())
    plain = [one.name for one in columns if one.name in named and names_scenario_alone(one)]
    of_plain = Counter(named[name] for name in plain)
    return {
        name: scenario
        for name, scenario in named.items()
        if counts[scenario] == 1 or of_plain[scenario] != 1 or name in plain
    }


def _is_likely(column: Column) -> bool:
    return is_money(column) and (is_called_amount(column) or not is_other(column))


def _describe_candidates(candidates: Sequence[Column], columns: Sequence[Column]) -> str:
    """Return which columns may be the amount, or why none is."""
    if candidates:
        return f"{listed([column.name for column in candidates])} may be it"
    written = next((text for column in columns for text in column.texts if _OTHER_DIGITS.search(text)), "")
    if written:
        return f"{written!r} has digits of another script, and a feed reads 0 to 9: export the file with these"
    return "no column has values that are amounts"


class Money:
    """The money of a file without a column per period.

    Attributes:
        used: the headers of its columns.
    """

    def __init__(
        self,
        draft: FieldsDraft,
        columns: Sequence[Column],
        titles: Sequence[str],
        home_currency: str,
        *,
        units: Sequence[str],
        is_account_above: bool,
    ) -> None:
        """Bind the draft to the columns of a file.

        Args:
            draft: the fields so far.
            columns: those of the file.
            titles: the rows above the header.
            home_currency: ISO 4217.
            units: texts beside the amounts that may be their unit.
            is_account_above: whether the account of lines is on rows above them, so that no column of amounts is one.
        """
        self._draft, self._columns, self._currency = draft, columns, home_currency
        self._titles, self._units, self._is_account_above = titles, units, is_account_above
        self.used: set[str] = set()

    def run(self) -> None:
        """Draft the amount, or the measures."""
        filled = [column for column in self._columns if column.texts]
        pair = find_pair(filled) or find_pair([one for one in self._columns if one.texts or is_called_amount(one)])
        if pair is not None:
            self._pair(*pair)
        else:
            self._choose([column for column in filled if column.amounts and not column.dates])
        draft_scale(self._draft, [*self._titles, *self._units])
        self._balanced()

    def _choose(self, numbers: Sequence[Column]) -> None:
        """Choose among the columns of numbers."""
        of_months = [column for column in numbers if not states_totals(column.name) and not is_percentage(column)]
        totals = [column for column in numbers if states_totals(column.name) and is_money(column)]
        if any(map(_is_likely, of_months)):
            numbers = of_months
        likely = [column for column in numbers if _is_likely(column)]
        # Whole amounts of a scenario may be money, too, if the amounts of another one are.
        compared = [one for one in numbers if one in likely or (likely and may_be_money(one) and scenario_of(one))]
        by_scenario = self._scenarios(compared)
        if len(set(by_scenario.values())) >= _SEVERAL:
            others = [column for column in (*compared, *totals) if column.name not in by_scenario]
            counts = Counter(by_scenario.values())
            asked = {name: one if counts[one] == 1 else UNDECIDED for name, one in by_scenario.items()}
            self._measures([one for one in compared if one.name in by_scenario], "scenario", asked, others)
            return
        names = {column.name for column in (*likely, *filter(may_be_money, numbers))}
        candidates = [column for column in numbers if column.name in names]
        # An amount is no sum of the one before it and their difference.
        of_others = find_sums([column for column in candidates if not is_difference(column)])
        sums = [column for column in likely if column.name in of_others]
        likely = [column for column in likely if column not in sums]
        of_home = self._in_home_currency(likely)
        named = best_column(["amount"], of_home) or best_column(["amount"], likely)
        if named and len(likely) > 1 and set(plain_name(named.name).split()) <= _BALANCES:
            named = None
        if len(of_home) == 1 and all(denoted_currencies(column.name) for column in likely):
            named = of_home[0]
        if named is not None:
            self._amount(named, [column for column in (*likely, *sums, *totals) if column is not named])
        else:
            self._choose_unnamed(likely, [column for column in candidates if column not in sums], sums)

    def _scenarios(self, likely: Sequence[Column]) -> dict[str, str]:
        """Return the scenario of each column whose name says one.

        Beside amounts of the month, those of another span say nothing. Where a title or a difference says that a report
        compares a plan with the actual amounts, these are the only amount beside the plan: Amount, Budget Amount.
        """
        named = {column.name: name for column in likely if (name := scenario_of(column) or column.scenario)}
        of_month = {
            column.name: named[column.name] for column in likely if column.name in named and is_of_month(column)
        }
        if len(set(of_month.values())) >= _SEVERAL:
            return _plainest(of_month, likely)
        if len(set(named.values())) >= _SEVERAL:
            return _plainest(named, likely)
        others = [column for column in likely if column.name not in named and not is_difference(column)]
        words = {word for title in self._titles for word in plain_name(title).split()}
        is_comparison = bool(words & {"actual", "actuals"}) or any(map(is_difference, self._columns))
        if len(named) == len(others) == 1 and is_comparison and "Actual" not in named.values():
            named[others[0].name] = "Actual"
        return named

    def _in_home_currency(self, likely: Sequence[Column]) -> list[Column]:
        """Return the columns whose names say that their amounts are in the home's currency; those beside may not be."""
        return [column for column in likely if self._currency.casefold() in plain_name(column.name).split()]

    def _choose_unnamed(self, likely: list[Column], candidates: list[Column], sums: Sequence[Column]) -> None:
        """Choose among columns whose names say nothing; of several, or of whole numbers alone, a person decides."""
        is_of_day = len(candidates) == 1 and is_date(candidates[0].name)
        if len(candidates) == 1 and likely and not is_of_day and not is_difference(candidates[0]):
            self._amount(likely[0], (), "by its values; its name says nothing")
            return
        own = [column for column in candidates if not is_compared(column)]
        if len(own) == 1 and own[0] in likely and len(candidates) > 1 and not is_date(own[0].name):
            self._amount(own[0], [one for one in candidates if one is not own[0]], "the only one that compares nothing")
            return
        of_month = [column for column in own if is_of_month(column)]
        if len(of_month) == 1 and len(own) > 1 and of_month[0] in likely:
            self._amount(
                of_month[0], [one for one in candidates if one is not of_month[0]], "the only one of the month"
            )
            return
        codes = [one for one in self._columns if one not in candidates and is_code(one)]
        has_account = self._is_account_above or best_column(["account", "account_name"], codes) is not None
        if (columns := find_departments_across(self._columns, candidates, sums, self._titles)) is not None:
            self._departments_across(columns, candidates, sums)
            return
        if len(candidates) >= _SEVERAL and not has_account:
            self._measures(candidates, "account", {column.name: UNDECIDED for column in candidates}, sums)
            return
        why = _describe_candidates(candidates, self._columns)
        guess = guess_amounts([text for column in candidates for text in column.texts])
        self._draft.fields["amount"] = FieldDraft(
            {"from": UNDECIDED, **(marks_in_yaml(guess) if guess else {})}, f"decide: the column with the amount; {why}"
        )

    def _departments_across(self, names: Sequence[str], candidates: Sequence[Column], sums: Sequence[Column]) -> None:
        """Draft a line for each of several columns, whose header is its department."""
        self.used |= {*names, *(column.name for column in sums)}
        self._draft.unpivot = {"columns": list(names), "into": "department"}
        self._draft.unpivot_pattern = pattern_of_departments(names)
        mapped = map_of_departments(names)
        self._draft.fields["department"] = FieldDraft({"map": mapped} if mapped else {})
        self._draft.ignored += [column.name for column in sums]
        self._draft.rows_comment = (
            "decide: each of these columns seems to have the amounts of the department that its header names; if they "
            "are something else, such as projects, write another field in into, and give the department"
        )
        texts = [text for column in candidates for text in (*column.texts, *column.totals)]
        guess = guess_amounts(texts)
        if guess is not None:
            column = Column(candidates[0].name, texts, None, guess)
            self._draft.fields["amount"] = FieldDraft(marks_in_yaml(guess), self._describe(column, ""))

    def _amount(self, column: Column, others: Sequence[Column], comment: str = "") -> None:
        if others:
            names = listed([one.name for one in others])
            comment = "; ".join(filter(None, (comment, f"decide: not read, other columns with amounts: {names}")))
        self.used.add(column.name)
        values = {"from": column.name, **marks_in_yaml(column.amounts or AmountGuess(".", None))}
        self._draft.fields["amount"] = FieldDraft(values, self._describe(column, comment))
        self._draft.is_debit_positive = bool(column.amounts and column.amounts.has_sides)
        self._sign(column)
        self._sign_of_sage(column)

    def _measures(
        self, columns: Sequence[Column], field: str, values: Mapping[str, str], sums: Sequence[Column]
    ) -> None:
        """Draft several amounts in a row."""
        shown = columns[:_MAX_MEASURES]
        self.used |= {column.name for column in (*columns, *sums)}
        self._draft.measures = {column.name: {field: values[column.name]} for column in shown}
        comment = f"decide: each of these columns has amounts of its own; the {field} of each"
        if field == "account":
            comment += " is what only you know. Remove those that are no money of their own, such as quantities"
        elif UNDECIDED in values.values():
            comment += ". Several are of one: leave each to one column, and remove the others"
        left_out = [column.name for column in (*sums, *columns[_MAX_MEASURES:])]
        if left_out:
            comment += f"; not read: {listed(left_out)}"
        self._draft.rows_comment = comment
        texts = [text for column in shown for text in column.texts]
        guess = guess_amounts([*texts, *(text for column in shown for text in column.totals)])
        column = Column(shown[0].name, texts, None, guess)
        if guess is not None:
            self._draft.fields["amount"] = FieldDraft(marks_in_yaml(guess), self._describe(column, ""))
            self._draft.is_debit_positive = guess.has_sides

    def _pair(self, debit: Column, credit: Column, others: Sequence[str] = ()) -> None:
        self.used |= {debit.name, credit.name}
        texts = [*debit.texts, *credit.texts]
        guess = guess_amounts([*texts, *debit.totals, *credit.totals]) or AmountGuess(".", None)
        column = Column(debit.name, texts, None, guess)
        sides = "debit less credit, so accounts need a type from an accounts file"
        pair: dict[str, Any] = {"debit": debit.name, "credit": credit.name}
        marks = guess.decimal, guess.thousands
        values = [value for text in credit.texts if (value := value_of(text, marks, "credit"))]
        if values and all(value < 0 for value in values):
            pair["signed"] = True
            sides = (
                "decide: every credit has a minus, so the amount is the sum of both columns; write signed: false if "
                "these lines reverse credits. Accounts need a type from an accounts file"
            )
        if others:
            sides += f"; decide: not read, other debits and credits: {listed(others)}"
        self._draft.fields["amount"] = FieldDraft({"from": pair, **marks_in_yaml(guess)}, self._describe(column, sides))

    def _describe(self, column: Column, comment: str) -> str:
        return describe_amounts(column, comment, self._currency)

    def _sign(self, amount: Column) -> None:
        """Find the column that says which amounts are credits."""
        if any(text.startswith(("-", "(")) for text in amount.texts):
            return
        for column in self._columns:
            if column.name not in self.used and (sides := texts_of_sides(column)):
                self.used.add(column.name)
                self._draft.is_debit_positive = True
                field = self._draft.fields["amount"]
                field.values["sign_column"] = {"from": column.name, **sides}
                if sides["negative"] == [UNDECIDED]:
                    texts = listed(sorted(set(column.texts)))
                    text = f"decide: which of {texts} in {column.name!r} says that an amount is a credit"
                    field.comment = "; ".join(filter(None, (field.comment, text)))

    def _sign_of_sage(self, amount: Column) -> None:
        """Find the column of kinds of transactions that says which amounts are credits in Sage's audit trail."""
        if any(text.startswith(("-", "(")) for text in amount.texts) or "sign_column" in self._values_of_amount():
            return
        for column in self._columns:
            if column.name in self.used or not (sides := texts_of_sage(column)):
                continue
            self.used.add(column.name)
            self._draft.is_debit_positive = True
            self._values_of_amount()["sign_column"] = {"from": column.name, **sides}
            field = self._draft.fields["amount"]
            text = f"decide: {column.name!r} has the kinds of Sage's transactions, which say what is a credit"
            field.comment = "; ".join(filter(None, (field.comment, text)))

    def _values_of_amount(self) -> dict[str, Any]:
        return self._draft.fields["amount"].values

    def _balanced(self) -> None:
        """Find the column whose vouchers balance: debits equal credits, or signed amounts add up to zero."""
        amount = self._draft.fields.get("amount")
        signed = self._signed_amounts(amount.values) if amount else None
        if signed is None or amount is None:
            return
        named = [column for column in self._columns if rank("voucher", column.name) is not None]
        named.sort(key=lambda column: rank("voucher", column.name) or 0)
        counts = {column.name: count_balanced(column.cells, signed) for column in named}
        # Of a journal and its vouchers, both balance; the smaller part is the voucher.
        named.sort(key=lambda column: -counts[column.name][0])
        for column in named:
            count, balanced = counts[column.name]
            if not count or balanced < count * _MIN_BALANCED:
                continue
            is_double_entry = isinstance(amount.values.get("from"), dict) or "sign_column" in amount.values
            if not (is_double_entry or self._draft.is_debit_positive):
                if not any(value is not None and value < 0 for value in signed):
                    continue
                self._draft.is_debit_positive = True
                text = "decide: amounts of a voucher add up to zero, so they seem to be debit less credit"
                amount.comment = "; ".join(filter(None, (amount.comment, text)))
            self._draft.balanced = column.name
            share = f"All {count:,}" if balanced == count else f"{balanced:,} of {count:,}"
            self._draft.balanced_comment = f"{share} sampled vouchers balance; one that does not is rejected whole."
            return

    def _signed_amounts(self, values: Mapping[str, Any]) -> list[Decimal | None] | None:
        """Return debit less credit of each row; None if the descriptor has no one amount for a row."""
        by_name = {column.name: column for column in self._columns}
        marks = values.get("decimal", "."), values.get("thousands")
        source = values.get("from")
        if isinstance(source, dict):
            sides = [
                [value_of(text, marks, side) for text in by_name[source[side]].cells] for side in ("debit", "credit")
            ]
            pairs_of_values = list(zip(*sides, strict=True))
            if source.get("signed"):
                pairs_of_values = [(debit, None if credit is None else -credit) for debit, credit in pairs_of_values]
            return [difference(*pair) for pair in pairs_of_values]
        if source not in by_name:
            return None
        amounts = [value_of(text, marks) for text in by_name[source].cells]
        sign = values.get("sign_column")
        if not sign:
            return amounts
        is_negative = [text in sign["negative"] for text in by_name[sign["from"]].cells]
        pairs = zip(amounts, is_negative, strict=True)
        return [-amount if amount is not None and negative else amount for amount, negative in pairs]
