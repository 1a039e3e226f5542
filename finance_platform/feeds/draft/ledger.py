"""The fields of a draft for a file with money: dates, codes, scenario and texts, the surest first.

Belongs here: the order in which columns are taken, and what a person must decide. Does not belong here: amounts (see
`money`), dates (see `dates_of_lines`), master data (see `references`), YAML (see `descriptor_text`).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import Any

from finance_platform.feeds.descriptor import UNDECIDED
from finance_platform.feeds.doubts.running_totals import states_totals
from finance_platform.feeds.doubts.unread_accounts import CREDITED, DEBITED
from finance_platform.feeds.doubts.unread_column import escape
from finance_platform.feeds.doubts.unread_meanings import is_converted, is_of_amounts
from finance_platform.feeds.doubts.unread_states import describe_states, names_states
from finance_platform.feeds.doubts.unread_units import describe_units
from finance_platform.feeds.draft.columns import (
    LABELS,
    Column,
    FieldDraft,
    FieldsDraft,
    best_column,
    code_alone,
    describe_blanks,
    describe_title,
    headers_of_amount,
    is_code,
    read_columns,
    used_headers,
)
from finance_platform.feeds.draft.composed_accounts import draft_composed_account
from finance_platform.feeds.draft.crossed_departments import draft_crossed
from finance_platform.feeds.draft.dates_of_lines import Dates
from finance_platform.feeds.draft.department_places import are_departments, departments_of_sheets, part_behind_words
from finance_platform.feeds.draft.growing_months import draft_growing_months
from finance_platform.feeds.draft.label_rows import part_before_note
from finance_platform.feeds.draft.level_columns import unnamed_labels
from finance_platform.feeds.draft.money import Money, draft_scale
from finance_platform.feeds.draft.money_columns import (
    is_difference,
    is_money,
    is_named,
    listed,
    may_be_money,
    scenario_of,
)
from finance_platform.feeds.draft.other_rows import OtherRow
from finance_platform.feeds.draft.period_columns import read_header
from finance_platform.feeds.draft.points_of_view import draft_point_of_view
from finance_platform.feeds.draft.references import draft_references, reference_kind
from finance_platform.feeds.draft.sample import Sample
from finance_platform.feeds.draft.scenarios import (
    PLANS,
    column_of_scenarios,
    forecast_of,
    is_forecast,
    quarter_of_name,
    quarters_of,
    scenario_of_name,
    scenario_of_view,
    scenarios_of_sheets,
    versions_of_plan,
)
from finance_platform.feeds.draft.signs import draft_sign
from finance_platform.feeds.draft.trial_balance import (
    days_of_balances,
    describe_trial_balance,
    draft_trial_balance,
    is_trial_balance,
)
from finance_platform.feeds.draft.unread_columns import describe_contra_account, draft_unread
from finance_platform.feeds.draft.values import clean_text, is_amount, is_date, named_currencies, read_day
from finance_platform.feeds.draft.wide_periods import draft_unpivot
from finance_platform.feeds.values.codes import account_type, fold
from finance_platform.feeds.values.currencies import denoted_currencies
from finance_platform.feeds.values.header_words import plain_name
from finance_platform.feeds.values.unit_words import IN_TITLES

_UNNAMED = "(column "
_MAX_SCENARIOS = 12
_MOST_TITLE = 80
_OF_BLANKS = {
    "department": "as in a balance sheet; if they stand for the text above them, write fill_down: true in place of "
    "default",
    "account": "unless their rows add up others: then leave these out by a rule of skip, in place of default",
}
"""What blank cells of a code may be."""
_MAX_BLANK = 0.05
"""Share of rows without a code up to which they are mistakes of the file, so that rejecting them is right."""


def draft_fields(sample: Sample, file: str, home_currency: str, first_month: int = 1) -> FieldsDraft:
    """Return the fields of a draft for a sample of a file of this name.

    Args:
        sample: of the file.
        file: its name.
        home_currency: ISO 4217.
        first_month: of the home's fiscal years.
    """
    columns = read_columns(sample)
    draft = FieldsDraft()
    is_named = is_trial_balance(file, sample.above, sample.sheet or "")
    is_wide = not (is_named and days_of_balances(columns)) and (
        draft_crossed(draft, columns, home_currency) or draft_unpivot(draft, columns, home_currency)
    )
    if not is_wide and not any(map(is_money, columns)) and (kind := reference_kind(columns, file)):
        draft.kind = kind
        draft_references(draft, columns)
        return draft
    if not is_wide and draft_trial_balance(draft, columns, file, sample.above, is_named=is_named):
        return draft
    _Ledger(draft, columns, sample, file, home_currency, first_month).run(is_wide=is_wide)
    return draft


class _Ledger:
    """The fields of a file with money."""

    def __init__(
        self,
        draft: FieldsDraft,
        columns: Sequence[Column],
        sample: Sample,
        file: str,
        home_currency: str,
        first_month: int,
    ) -> None:
        self._draft, self._columns, self._sample, self._currency = draft, columns, sample, home_currency
        self._file, self._first_month = file, first_month
        self._used: set[str] = set(used_headers(draft))

    def run(self, *, is_wide: bool) -> None:
        """Draft every field; the surest first, so that no column is used twice."""
        if not is_wide:
            headings = self._sample.headings
            money = Money(
                self._draft,
                self._columns,
                self._sample.above,
                self._currency,
                units=self._units(),
                is_account_above=headings is not None and headings.field == "account",
            )
            money.run()
            self._used |= money.used
        else:
            draft_scale(self._draft, [*self._sample.above, *self._units()])
        sheets = self._sample.sheets or tuple(filter(None, (self._sample.sheet,)))
        dates = Dates(self._draft, self._free(), self._file, self._sample.above, sheets, self._first_month)
        dates.run()
        self._used |= dates.used
        measured = {name for fields in self._draft.measures.values() for name in fields}
        is_account_measured = "account" in measured
        # An unnamed column of labels is the account of a statement, so it is no candidate for the department.
        labels = (
            None
            if is_account_measured or self._sample.headings
            else unnamed_labels(self._columns, [one for one in self._free() if is_code(one)])
        )
        composed = set() if is_account_measured else draft_composed_account(self._draft, self._free())
        self._used |= composed
        if not best_column(["department", "department_name"], self._free()):
            self._used |= draft_point_of_view(self._draft, self._free())
        self._levels_of_sums()
        for name in () if composed else ("department", "account"):
            if name not in {*self._draft.fields, *measured} and not self._is_in_headings(name):
                self._code(name, labels)
        self._scenario()
        for name in (
            "transaction_id",
            *self._reverses(),
            "currency",
            "department_name",
            "business_unit",
            "account_name",
        ):
            self._optional(name)
        for name in ("account_type", "account_category", "description"):
            self._optional(name)
        self._note_balances()
        self._note_totals_of_titles()
        self._note_years_before()
        if not self._draft.balanced:
            self._draft.decisions += describe_contra_account(self._draft, self._columns, self._free())
        self._draft.decisions += self._describe_uncounted()
        draft_sign(self._draft, self._columns)
        if is_wide:
            draft_unread(self._draft, self._columns, {*self._used, *used_headers(self._draft)})
            draft_growing_months(self._draft, self._columns, self._first_month, self._sample.other_periods)

    def _units(self) -> list[str]:
        """Return the texts below the header, or of a column, that are units and nothing else."""
        return [text for text in dict.fromkeys(self._sample.units) if IN_TITLES.fullmatch(text)]

    def _describe_uncounted(self) -> list[str]:
        """Return what a person decides about lines that may not count, or that may be no money."""
        says = []
        for column in self._free():
            if names_states(plain_name(column.name)):
                says.append(describe_states(column.name, column.texts))
            says.append(describe_units(column.name, column.texts, self._sample.header))
        return list(filter(None, says))

    def _free(self) -> list[Column]:
        return [column for column in self._columns if column.name not in self._used and column.texts]

    def _take(self, name: str, column: Column, comment: str = "", **values: Any) -> None:
        self._used |= {column.name, *column.levels}
        source: dict[str, Any] = {"from": column.source or column.name}
        if column.levels:
            source = {"from": list(column.levels), "first_filled": "true"}
        self._draft.fields[name] = FieldDraft({**source, **values}, comment)

    def _code(self, name: str, labels: Column | None) -> None:
        codes = [column for column in self._free() if is_code(column) and not all(map(account_type, column.texts))]
        # A code that most rows lack says less than a name that they have.
        filled = [column for column in codes if column.blanks <= len(column.texts)]
        column = best_column([name, f"{name}_name"], filled) or best_column([name, f"{name}_name"], codes)
        column = column and code_alone(name, column, filled)
        if column is None and name == "account" and labels is not None:
            column = labels if labels in filled or not labels.blanks or labels.is_label_of_block else None
        if column is None and self._is_elsewhere(name, labels):
            return
        column = column or self._number_of_account(name, filled)
        if column is None:
            self._ask_for_code(name, [one for one in filled if one is not labels])
            return
        if column.is_label:
            self._take_label(name, column)
        elif column.levels:
            comment = f"decide: the {name} is in the last of these columns that has a text, one for each level"
            self._take(name, column, comment)
        elif not column.blanks:
            is_unnamed = column.name.startswith(_UNNAMED)
            self._take(name, column, "decide: by its place alone; the column has no name" if is_unnamed else "")
        elif column.blanks <= len(column.cells) * _MAX_BLANK:
            self._take(name, column, f"rows with a blank cell ({describe_blanks(column)}) will be rejected")
        elif column.is_label_of_block and not (name == "department" and self._varies_before(column)):
            comment = (
                f"decide: blank cells ({describe_blanks(column)}) seem to stand for the text above them, as in merged "
                "cells or a pivot table; without fill_down, their rows are rejected"
            )
            if self._is_alone(column):
                comment += (
                    ". Rows with such a text alone are rejected too, so the file is held: export the report with a "
                    f"column of the {name}, where the system has one"
                )
            self._take(name, column, comment, fill_down="true")
        else:
            comment = f"decide: the {name} of blank cells ({describe_blanks(column)}), {_OF_BLANKS[name]}"
            self._take(name, column, comment, default=UNDECIDED)

    def _number_of_account(self, name: str, columns: Sequence[Column]) -> Column | None:
        """Return the column of numbers or codes of a trial balance, which has no others than those of accounts."""
        return best_column(["number", "code"], columns) if name == "account" and self._is_trial_balance() else None

    def _varies_before(self, column: Column) -> bool:
        """Return whether a column before this one has another text in a row that is blank here than in the one above.

        Merged cells and labels of a pivot table are before what they are about; in a journal, lines of the balance
        sheet have no department.
        """
        before = self._columns[: self._columns.index(column)]
        blank = [row for row, text in enumerate(column.cells) if row and not text]
        return any(one.cells[row] not in {"", one.cells[row - 1]} for one in before for row in blank)

    def _levels_of_sums(self) -> None:
        """Take the department from labels that have the sums of their lines, and the account from these.

        Labels without sums are departments too, if no column is called an account or a department.
        """
        labels = next((one for one in self._free() if one.name == LABELS), None)
        lines = next((one for one in self._free() if labels and one.name == labels.source), None)
        has_sums = bool(self._sample.labels and self._sample.labels.pattern)
        is_named = best_column(["department", "department_name", "account", "account_name"], self._free()) is not None
        is_of_accounts = bool(self._sample.labels and self._sample.labels.has_sums)
        if labels and lines and not is_of_accounts and (has_sums or not (is_named or lines.dates)):
            sums = ", of which the upper one has the sums of the lower one" if has_sums else ""
            comment = (
                f"decide: {lines.name!r} has two levels{sums}; the department is the upper one, and the account the "
                "lower one, unless you exchange them"
            )
            self._take("department", labels, comment, fill_down="labels")
            self._take("account", lines)

    def _ask_for_code(self, name: str, columns: Sequence[Column]) -> None:
        """Leave a code to a person who knows which of the columns has it, if one does."""
        candidates = ", ".join(repr(one.name) for one in columns if not (is_money(one) or is_named(one)))
        both = [one.name for one in columns if plain_name(one.name) in CREDITED | DEBITED]
        if name == "account" and len(both) > 1:
            self._draft.decisions.append(
                f"Each line books two accounts, {' and '.join(map(repr, both))}, and a feed reads one account of a "
                "line: export the entries with a line for each account."
            )
        self._draft.decide_constant(
            name,
            f"No column was recognized as the {name}{f'; {candidates} may be it' if candidates else ''}. Name its "
            f"column in columns.{name} and remove constants.{name}, or give there the {name} of every line"
            f"{describe_title(name, self._sample.above)}.",
        )

    def _take_label(self, name: str, column: Column) -> None:
        comment = f"decide: the {name} is on a row of its own above its lines, which a rule of skip gives to them"
        part = part_behind_words(column.texts) if name == "department" else part_before_note(column.texts)
        self._take(name, column, comment, **part, fill_down="labels" if column.source else "true")

    def _is_elsewhere(self, name: str, labels: Column | None) -> bool:
        """Take a code that no column has from labels or the names of sheets; return whether one of these has it."""
        if name == "department" and labels is not None and are_departments(labels, self._free()):
            self._take_label(name, labels)
            return True
        pattern = departments_of_sheets(self._sample.sheets) if name == "department" else ""
        if pattern:
            self._draft.fields[name] = FieldDraft(
                {"from_name": pattern}, "decide: the code that each sheet is named by"
            )
        return bool(pattern)

    def _is_in_headings(self, name: str) -> bool:
        """Take a field from the headings above each repetition of the header; return whether they have it."""
        headings = self._sample.headings
        if headings is None or headings.field != name:
            return False
        source = {"from": self._sample.header[headings.source]}
        self._draft.fields[name] = FieldDraft({**source, **headings.split, "fill_down": "labels"})
        return True

    def _is_alone(self, column: Column) -> bool:
        """Return whether the texts of a column are on rows of their own, above those that they are about."""
        others = [one for one in self._columns if one is not column]
        return any(text and not any(one.cells[row] for one in others) for row, text in enumerate(column.cells))

    def _scenario(self) -> None:
        if "scenario" in self._draft.constants or any("scenario" in one for one in self._draft.measures.values()):
            return
        if self._is_in_headings("scenario"):
            return
        if of_sheets := scenarios_of_sheets(self._sample.sheets):
            self._draft.is_plan = "Actual" not in of_sheets.values()
            mapped = {word: scenario for word, scenario in of_sheets.items() if word != scenario.lower()}
            source = {"from_name": rf"(?i)\b({'|'.join(of_sheets)})\b", **({"map": mapped} if mapped else {})}
            self._draft.fields["scenario"] = FieldDraft(source, "decide: the scenario that each sheet is named by")
            return
        compared = self._compared_amounts()
        header = [name for name in self._sample.header if name not in compared]
        texts = [PurePosixPath(self._file).stem, *self._sample.above, self._sample.sheet or "", *header]
        words = [word for text in texts for word in plain_name(text).split()]
        scenario_of_words = next((PLANS[word] for word in words if word in PLANS), "Actual")
        column = best_column(["scenario"], self._free()) or column_of_scenarios(self._free())
        names = list(dict.fromkeys(column.texts)) if column else []
        if column is not None and len(names) <= _MAX_SCENARIOS:
            known = [text for text in names if fold(text).startswith(("actual", "budget", "forecast"))]
            forecasts = {text: forecast_of(text) for text in names if text not in known and is_forecast(text)}
            if known or forecasts:
                unknown = [text for text in names if text not in known and text not in forecasts]
                self._leave_out_differences(column, [text for text in unknown if is_difference(Column(text, []))])
                unknown = [text for text in unknown if not is_difference(Column(text, []))]
                comment = f"decide: declare or map {', '.join(map(repr, unknown))}" if unknown else ""
                values: dict[str, Any] = {"map": forecasts} if forecasts else {}
                self._draft.is_plan = not any(fold(text).startswith("actual") for text in names)
                self._take("scenario", column, comment, **values, **({"default": "Actual"} if column.blanks else {}))
                return
            if scenario_of_words == "Budget" and len(names) > 1:
                self._draft.is_plan = True
                comment, scenarios = versions_of_plan(names)
                default = {"default": "Budget"} if column.blanks else {}
                self._take("scenario", column, comment, map=scenarios, **default)
                return
            self._draft.decisions.append(
                f"The column {column.name!r} has {', '.join(map(repr, names[:5]))}: if these are scenarios, give "
                "columns.scenario with a map: to Actual, Budget … in place of constants.scenario."
            )
        scenario = scenario_of_view(self._columns) or scenario_of_words
        self._draft.is_plan = scenario != "Actual"
        rule = scenario_of_name(self._file)
        quarter = quarter_of_name(self._file)
        if rule and quarter and quarter in quarters_of(self._months(), self._first_month):
            self._draft.constants["scenario"] = scenario
            self._draft.decisions.append(
                f"By its name, the file may be the version Budget Q{quarter} of a year's plan, or the part of the plan "
                "for that quarter; it has months of that quarter alone, so scenario says the second."
            )
        elif rule:
            comment = "the scenario comes from the file's name, as in the shipped feed"
            self._draft.fields["scenario"] = FieldDraft(rule, comment)
        elif compared and scenario == "Actual":
            why = f"{listed(compared)} {'names' if len(compared) == 1 else 'name'} a scenario"
            self._draft.decide_constant("scenario", f"{why}: write that of the amount, such as Actual.")
        else:
            self._draft.constants["scenario"] = scenario

    def _compared_amounts(self) -> list[str]:
        """Return the headers that name a scenario, beside the only amount that is read and names none."""
        amounts = headers_of_amount(self._draft)
        money = [one for one in self._columns if is_money(one) or (one.amounts and may_be_money(one))]
        others = {one.name: scenario_of(one) for one in money}
        if amounts == [""] or any(others.get(name) for name in amounts):
            return []
        return [name for name, scenario in others.items() if scenario and name not in amounts]

    def _leave_out_differences(self, column: Column, texts: Sequence[str]) -> None:
        """Leave out the rows that compare scenarios: Variance below Actual and Budget."""
        rules = {text: OtherRow(column.name, f"^{escape(text)}$", has_money=True) for text in texts}
        place = self._sample.header.index(column.name)
        rows = {
            line: rules[text]
            for line, cells in self._sample.data
            if place < len(cells) and (text := clean_text(cells[place])) in rules
        }
        self._sample.other_rows = {**self._sample.other_rows, **rows}

    def _note_balances(self) -> None:
        """Say how a trial balance is read, if the file's name or a title says that it is one."""
        words = {word for name in headers_of_amount(self._draft) for word in plain_name(name).split()}
        if self._is_trial_balance() or words & {"balance", "saldo", "solde"}:
            self._draft.decisions.append(describe_trial_balance(self._columns))

    def _is_trial_balance(self) -> bool:
        return is_trial_balance(self._file, self._sample.above, self._sample.sheet or "")

    def _note_totals_of_titles(self) -> None:
        """Say that amounts may be totals of the year, if a title says so and no column does."""
        title = next((text for text in self._sample.above if states_totals(text)), None)
        if title is not None and not any(states_totals(name) for name in self._sample.header):
            self._draft.decisions.append(
                f"A row above the header says {title[:_MOST_TITLE]!r}. If the amounts are totals since the beginning "
                "of the year, those of each month count again in the next one: export the amounts of each month alone."
            )

    def _note_years_before(self) -> None:
        """Ask about months of a plan that another year has again: they may be amounts to compare with."""
        if not (self._draft.is_plan and self._draft.unpivot and self._draft.unpivot["into"] == "date"):
            return
        headers = {name: read_header(name) for name in self._draft.unpivot["columns"]}
        days = {name: header.day for name, header in headers.items() if header and header.has_year}
        last = max((day.year for day in days.values()), default=0)
        months = {day.month for day in days.values() if day.year == last}
        before = [name for name, day in days.items() if day.year < last and day.month in months]
        if len(before) == sum(day.year < last for day in days.values()) and before:
            self._draft.decisions.append(
                f"{listed(before)} are read as a plan for the year before. If these are actual amounts to compare "
                "with, remove them from unpivot and name them in ignore_columns."
            )

    def _months(self) -> set[int]:
        """Return the months of the year that the draft reads dates of; none if it does not know them."""
        if self._draft.unpivot and self._draft.unpivot["into"] == "date":
            headers = [read_header(name) for name in self._draft.unpivot["columns"]]
            return {header.day.month for header in headers if header} if all(headers) else set()
        values = self._draft.fields.get("date", FieldDraft({})).values
        column = next((one for one in self._columns if one.name == values.get("from")), None)
        days = [read_day(text, values.get("formats", ())) for text in column.texts] if column else []
        return {day.month for day in days if day} if all(days) else set()

    def _reverses(self) -> tuple[str, ...]:
        """Return the field of the reversed line's number, which only files with numbers of lines have."""
        return ("reverses",) if best_column(["transaction_id"], self._free()) else ()

    def _optional(self, name: str) -> None:
        column = best_column([name], self._free())
        if column is None:
            return
        if name == "account_type" and not all(map(account_type, column.texts)):
            return
        if name == "currency" and any(is_amount(text) or is_date(text) for text in column.texts):
            return
        if (
            name == "currency"
            and self._is_converted()
            and not is_of_amounts(column.name, headers_of_amount(self._draft))
        ):
            self._draft.decisions.append(
                f"{column.name!r} is not read: it seems to be the currency of other amounts than those that are "
                "read. If it is that of columns.amount, name it in columns.currency."
            )
        elif name == "currency":
            self._currency_column(column)
        else:
            self._take(name, column, required="false")

    def _is_converted(self) -> bool:
        """Return whether the amount that is read is in the home's currency by the names of the columns."""
        amounts = headers_of_amount(self._draft)
        others = [plain_name(column.name) for column in self._columns if column.name not in amounts]
        return is_converted(self._currency, amounts, others)

    def _currency_column(self, column: Column) -> None:
        """Take the column of currencies; of a file without the home's currency, a person decides what is right."""
        home, codes = self._currency, sorted(set(column.texts))
        named = named_currencies(codes)
        values: dict[str, Any] = {"map": named} if named else {}
        codes = [named.get(code, code) for code in codes]
        foreign = [code for code in codes if home not in (denoted_currencies(code) or {home})]
        if not foreign:
            self._take("currency", column, required="false", **values)
            return
        names = ", ".join(map(repr, foreign[:_MAX_SCENARIOS]))
        if len(foreign) < len(codes) or len(foreign) > _MAX_SCENARIOS:
            comment = (
                f"decide: rows in {names} will be rejected, because the home's currency is {home}; "
                "FINANCE_PLATFORM_CURRENCY in the home's .env sets it. If the amounts are in "
                f"{home} all the same, as NetSuite's are, name the column in ignore_columns instead"
            )
            self._take("currency", column, comment, required="false", **values)
            return
        comment = (
            f"decide: every row is in {names}, and the home's currency is {home}: convert the amounts before the file "
            f"is sent, or put it into a home with FINANCE_PLATFORM_CURRENCY={foreign[0]}; then write the currency in "
            f"place of {UNDECIDED}"
        )
        written = [text for text in sorted(set(column.texts)) if named.get(text, text) in foreign]
        self._take("currency", column, comment, required="false", map=dict.fromkeys(written, UNDECIDED))
