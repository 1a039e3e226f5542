"""The keys `skip`, `control_total` and `balanced`: rules about rows that are not one line each.

Belongs here: their keys and checks. Does not belong here: finding the rows (see `feeds.row_marks`), comparing totals
(see `feeds.doubts.printed_totals`), vouchers (see `transforms.vouchers`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Annotated, Literal

from pydantic import Field, field_validator

from finance_platform.feeds.descriptor.strict_model import Regex, StrictModel, TextList
from finance_platform.feeds.limits import MAX_ALTERNATIVES
from finance_platform.feeds.resolved import ControlTotalRule, RowCondition, SkipRule

RuleName = Annotated[str, Field(pattern="^[a-z][a-z0-9_]{0,62}$")]

MAX_ROW_RULES = 50
"""Of each of `skip` and `control_total`. Every row is compared with all of them."""


def _check_columns(names: Sequence[str]) -> None:
    if not names or any(not name.strip() for name in names):
        raise ValueError("column: is blank; name a header of the file")


class ConditionConfig(StrictModel):
    """What one cell of a row must match."""

    column: TextList = Field(
        description="Header of the cell, or a list of alternatives of which the first that the table has is used. Case "
        "and white space do not matter. A table without it is refused."
    )
    matches: Regex = Field(
        description="Regular expression (RE2) that is searched for in the cell, without the blanks around it; write ^ "
        "and $ to match the whole cell. A blank cell matches ^$; a row in which every cell is blank is never compared."
    )

    @field_validator("column")
    @classmethod
    def _check_column(cls, value: list[str]) -> list[str]:
        _check_columns(value)
        return value

    def resolve(self) -> RowCondition:
        """Return the condition in the form that travels to Glue."""
        return RowCondition(tuple(self.column), self.matches)


class RowConfig(ConditionConfig):
    """What a row must match."""

    further: list[ConditionConfig] = Field(
        [],
        alias="and",
        max_length=MAX_ALTERNATIVES,
        description="More conditions, each with column and matches; a row must match all of them.",
    )

    def conditions(self) -> tuple[RowCondition, ...]:
        """Return every condition in the form that travels to Glue."""
        return tuple(one.resolve() for one in (self, *self.further))


class SkipConfig(RowConfig):
    """Rows that are not data, such as page headers."""

    name: RuleName | None = Field(
        None,
        description="Name under which `status` and `rejected` count the rows: small letters, digits, `_`; by default "
        "`skip_1` for the first rule, and so on.",
    )
    may_hold_money: bool = Field(
        False,
        description="`true`: the rows may have an amount, which is then counted as skipped. By default such a row is "
        "rejected (`skipped_money`), because its money would be lost without a trace.",
    )
    label: bool = Field(
        False,
        description="`true`: the rows are labels, such as the name of an account on a row of its own above the lines "
        "of that account: their text stands for the blank cells below it, in columns with `fill_down: true`.",
    )
    keeps_label: bool = Field(
        False,
        description="`true`: the rows leave the label above them as it is, such as an opening balance between the name "
        "of an account and its lines. By default, a row with `may_hold_money` ends the label, as a total does.",
    )


class ControlTotalConfig(StrictModel):
    """Rows with a total that the file prints."""

    kind: Literal["grand", "subtotal"] = Field(
        description="`grand`: the total of all lines of the file, or of the sheet. `subtotal`: of the lines since the "
        "last subtotal; of several levels, list the inner one first. A grand total or an outer subtotal begins the "
        "inner levels again."
    )
    row: RowConfig = Field(description="Which rows have the total: column, matches, and.")
    column: Literal["amount"] = Field(
        "amount",
        description="The field whose total it is. Its marks, scale and sign apply to the total too. Of debit and "
        "credit, each side is compared; of several columns with amounts, each column.",
    )
    name: RuleName | None = Field(
        None,
        description="Name under which `status` counts the rows; by default `grand_total` or `subtotal`, with a number "
        "if there are several.",
    )
    required: bool | None = Field(
        None,
        description="`true`: a file or sheet without such a row is held; `false`: it is as good as any, such as one "
        "that SAP saves without totals. By default a missing grand total is a warning: a file that was cut off lacks "
        "its last row.",
    )


class BalancedConfig(StrictModel):
    """Vouchers whose debits and credits must be equal."""

    by: TextList = Field(
        min_length=1,
        description="What names a voucher: a mapped field such as `transaction_id`, a header of the file, or a list "
        "of them, which then name it together. A line without it is rejected.",
    )

    @field_validator("by")
    @classmethod
    def _check_by(cls, value: list[str]) -> list[str]:
        if any(not name.strip() for name in value):
            raise ValueError("by: is blank; name a field or a header of the file")
        return value


SkipList = Annotated[list[SkipConfig], Field(max_length=MAX_ROW_RULES)]
ControlTotalList = Annotated[list[ControlTotalConfig], Field(max_length=MAX_ROW_RULES)]


def resolve_skip(rules: Sequence[SkipConfig]) -> tuple[SkipRule, ...]:
    """Return the skip rules in the form that travels to Glue."""
    return tuple(
        SkipRule(rule.name or f"skip_{number}", rule.conditions(), rule.may_hold_money, rule.label, rule.keeps_label)
        for number, rule in enumerate(rules, start=1)
    )


def resolve_control_totals(rules: Sequence[ControlTotalConfig]) -> tuple[ControlTotalRule, ...]:
    """Return the control totals in the form that travels to Glue."""
    resolved: list[ControlTotalRule] = []
    for rule in rules:
        usual = "grand_total" if rule.kind == "grand" else "subtotal"
        earlier = sum(1 for one in resolved if one.kind == rule.kind)
        name = rule.name or (f"{usual}_{earlier + 1}" if earlier else usual)
        resolved.append(
            ControlTotalRule(
                name, rule.kind, rule.row.conditions(), rule.required is True, may_be_missing=rule.required is False
            )
        )
    return tuple(resolved)


def row_rule_mistakes(skip: Sequence[SkipConfig], totals: Sequence[ControlTotalConfig], kind: str) -> Iterator[str]:
    """Yield what contradicts itself between the rules."""
    if totals and kind != "ledger":
        yield f"control_total: a feed of kind {kind} has no lines to add up; remove it, and name its rows in skip"
    rules: Iterable[SkipRule | ControlTotalRule] = (*resolve_skip(skip), *resolve_control_totals(totals))
    names = [rule.name for rule in rules]
    for name in dict.fromkeys(name for name in names if names.count(name) > 1):
        yield f"skip, control_total: the name {name} occurs twice; give each rule its own name:"
