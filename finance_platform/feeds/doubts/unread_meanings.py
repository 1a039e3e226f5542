"""Columns that say what an amount means and that nothing reads: its currency, scenario and side.

Belongs here: finding them by their headers, comparing their cells with the lines, and the words that hold the delivery.
Does not belong here: fields that are read (see `ledger_lines`), months that are not read (see `unread_months`),
whether a line counts (see `unread_states`), other units than money (see `unread_units`).

A descriptor that does not read such a column adds euros to dollars, a budget to the actuals, or credits to debits, and
nothing else would say so: each line has a valid amount.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.contracts.schemas import MONEY_TYPE, SUM_OF_MONEY_TYPE
from finance_platform.feeds.cells import FieldSource, RawBatch
from finance_platform.feeds.doubts.other_periods import of_header as other_periods
from finance_platform.feeds.doubts.other_years import of_header as other_years
from finance_platform.feeds.doubts.spelled_scenarios import spelled_scenarios
from finance_platform.feeds.doubts.summed_texts import COMPANIES, Companies
from finance_platform.feeds.doubts.unread_accounts import CONTRA_ACCOUNTS, ContraAccounts
from finance_platform.feeds.doubts.unread_column import MAX_LISTED, ContradictingColumn, UnreadColumn, quoted_name
from finance_platform.feeds.doubts.unread_periods import PERIODS, UnreadPeriods, is_of_years
from finance_platform.feeds.doubts.unread_reversals import REVERSALS, UnreadReversals
from finance_platform.feeds.doubts.unread_states import LineStates, names_states
from finance_platform.feeds.doubts.unread_units import UNITS, Units, has_quantities
from finance_platform.feeds.doubts.unread_versions import LEDGERS, VERSIONS, Ledgers, Versions
from finance_platform.feeds.findings import Note
from finance_platform.feeds.limits import MAX_VALUE_CHARACTERS
from finance_platform.feeds.resolved import FieldRule, ReadingRules, named_headers
from finance_platform.feeds.values.amounts import EXACT
from finance_platform.feeds.values.codes import clean, fold, fold_name
from finance_platform.feeds.values.currencies import denoted_currencies, describe_currency
from finance_platform.feeds.values.header_words import WORDS, names_forecast, plain_name, says_forecast
from finance_platform.feeds.violations import ACCEPTED

_CURRENCIES = {*WORDS["currency"], "crcy", "currency key", "iso currency code", "waers", "wahrg", "moeda"}
_SCENARIOS = {
    *WORDS["scenario"],
    *("data type", "record type", "value type", "amount type", "ledger type", "balance type", "actual budget"),
    *("budget actual", "actual plan", "plan actual", "actual forecast", "ist plan", "plan ist", "werttyp", "wertart"),
}
_SIDES = {
    *WORDS["sign"],
    *("dr cr indicator", "dr cr flag", "d c indicator", "dc indicator", "d c ind", "cr dr", "c d", "credit debit"),
    *("debit credit flag", "debit credit ind", "s h indicator", "soll haben kz"),
}
_ACTUAL = {"actual", "actuals", "act", "ist", "istwert", "istwerte", "reel", "realise", "real", "consuntivo"}
_PLAN = {
    *("budget", "budgets", "bud", "plan", "planned", "planwert", "planwerte", "forecast", "forecasts", "fcst"),
    *("prognose", "hochrechnung", "presupuesto", "preventivo", "previsionnel", "begroting"),
}
_OF_SCENARIOS = _ACTUAL | _PLAN
_WITH_OTHERS = {"plan", "real"}
"""Words that name something else beside others in a column of types: a payment plan, real estate."""

_SHORT = 2
_DEBITS = frozenset({"s", "d", "dr", "debit", "soll", "+", "40"})
_CREDITS = frozenset({"h", "c", "cr", "credit", "haben", "-", "50", "k"})

_LOCAL = {
    *("local", "home", "base", "functional", "accounted", "lc", "lcy", "company", "group", "reporting", "converted"),
    *("equivalent", "hauswahrung", "hw", "mandantenwahrung", "firmenwahrung", "konzernwahrung", "landeswahrung"),
    *("basiswahrung", "interne", "interna", "locale", "societe", "sociedad"),
}
_SPELLINGS = {"hwahr": "hw", "hauswahr": "hw", "hauswahrung": "hw", "lcurr": "lc", "lcur": "lc", "loc": "local"}
"""Words that SAP shortens, so that one of a currency is that of an amount: HWähr and Betrag in HW."""
_FOREIGN = {
    *("foreign", "fc", "fcy", "original", "entered", "document", "doc", "transaction", "trans", "tc", "dc"),
    *("fremdwahrung", "belegwahrung", "transaktionswahrung", "originalwahrung", "fw", "devise", "devises", "divisa"),
    *("valuta", "vreemde", "vv"),
}
_MONEY = {
    *("amount", "amt", "value", "debit", "credit", "dr", "cr", "betrag", "wert", "soll", "haben", "montant", "importe"),
    *("importo", "bedrag"),
}

_MAX_ACCOUNTS = 100_000
_PLACE = ("department_key", "account_key")


class _Currency(ContradictingColumn):
    def contradicts(self, text: str) -> bool:
        denoted = denoted_currencies(text)
        return bool(denoted) and self.rules.currency.upper() not in (denoted or ())

    def describe(self) -> tuple[str, str]:
        home = self.rules.currency
        fix = (
            f"add currency: {quoted_name(self.name)} to columns in the descriptor, so that these lines are rejected as "
            f"foreign currency; {self._setting()}if the amounts are in {home} all the same"
        )
        return f"says that {self.count} are in another currency than {home}: {self.texts}", fix

    def _setting(self) -> str:
        """Return what to do if the home has the wrong currency, which one other currency of all lines may mean."""
        if len(self.found) > 1 or self.found.total() < self.lines:
            return ""
        (text,) = self.found
        return f"if the books are kept in {describe_currency(text)}, set FINANCE_PLATFORM_CURRENCY in the home's .env; "


@dataclass
class _Scenario(ContradictingColumn):
    reads_actual: bool = False
    _actual_until: str = ""
    _plan_from: str = ""

    def add(self, texts: pa.StringArray, columns: Mapping[str, pa.Array]) -> None:
        """Add the cells of accepted lines, those of Actual apart."""
        is_actual = pc.equal(columns["scenario_type"], "Actual")
        for reads_actual, rows in ((True, is_actual), (False, pc.invert(is_actual))):
            self.reads_actual = reads_actual
            super().add(pc.filter(texts, rows), {"amount": pc.filter(columns["amount"], rows)})
        table = pa.table([texts, columns["period"]], ["text", "period"]).filter(pc.invert(is_actual))
        for row in table.group_by("text").aggregate([("period", "min"), ("period", "max")]).to_pylist():
            names = self._names(row["text"] or "")
            if names == "plan":
                self._plan_from = min(self._plan_from or row["period_min"], row["period_min"])
            elif names == "actual":
                self._actual_until = max(self._actual_until, row["period_max"])

    def contradicts(self, text: str) -> bool:
        names = self._names(text)
        return bool(names) and (names == "actual") != self.reads_actual

    def doubts(self) -> dict[str, str]:
        """Return the reason to hold the delivery; not of a forecast that has the actual amounts of months before it."""
        if "" < self._actual_until < self._plan_from:
            return {}
        return super().doubts()

    def _names(self, text: str) -> str:
        """Return what a text names, `actual` or `plan`; empty if it names neither, or both."""
        words = set(plain_name(text).split())
        if plain_name(self.name) not in WORDS["scenario"] and any(
            len(one) > _SHORT and one.isalpha() for one in words - _OF_SCENARIOS
        ):
            words -= _WITH_OTHERS
        is_actual, is_plan = bool(words & _ACTUAL), bool(words & _PLAN) or says_forecast(text)
        if plain_name(self.name) in WORDS["scenario"]:
            is_plan |= names_forecast(text)
        return "" if is_actual == is_plan else "actual" if is_actual else "plan"

    def describe(self) -> tuple[str, str]:
        constant = self.rules.constants.get("scenario", "")
        read = f"are read as {constant}" if constant else "are read as another scenario"
        fix = (
            f"read the scenario by columns: {{scenario: {quoted_name(self.name)}}} in the descriptor, in place of "
            "constants, with a map for names that begin neither with Actual, Budget nor Forecast; if the column says "
            "something else"
        )
        return f"says {self.texts} of {self.count}, which {read}; {self.money}", fix


@dataclass
class _Side(ContradictingColumn):
    """The column of debits and credits: an account has amounts of both, and none has a sign."""

    accounts: dict[bool, set[str]] = field(default_factory=lambda: {False: set(), True: set()})
    credits: Counter[str] = field(default_factory=Counter)
    has_signs: bool = False

    def add(self, texts: pa.StringArray, columns: Mapping[str, pa.Array]) -> None:
        """Add the cells of accepted lines."""
        if self.has_signs:
            return
        amounts = columns["amount"]
        self.has_signs = bool(pc.any(pc.less(amounts, pa.scalar(Decimal(0), MONEY_TYPE))).as_py())
        table = pa.table(
            [texts, columns["account_number"], amounts.cast(SUM_OF_MONEY_TYPE)], ["text", "account", "sum"]
        )
        for row in table.group_by(["text", "account"]).aggregate([("sum", "sum"), ([], "count_all")]).to_pylist():
            text = clean(row["text"] or "")[:MAX_VALUE_CHARACTERS]
            is_credit = self.contradicts(text)
            if not text or not (is_credit or fold(text) in _DEBITS) or not row["sum_sum"]:
                continue
            self.lines += row["count_all"]
            if len(self.accounts[is_credit]) < _MAX_ACCOUNTS:
                self.accounts[is_credit].add(row["account"] or "")
            if is_credit:
                self.credits[text] += row["count_all"]
                self.total = EXACT.add(self.total, row["sum_sum"])

    def contradicts(self, text: str) -> bool:
        return fold(text) in _CREDITS

    def describe(self) -> tuple[str, str]:
        negative = json.dumps(list(self.found)[:MAX_LISTED], ensure_ascii=False)
        reason = f"says {self.texts} of {self.count}, which are added to the others of their accounts, since no amount"
        fix = (
            f"add sign_column: {{from: {quoted_name(self.name)}, negative: {negative}}} to columns.amount and sign: "
            "debit_positive to the descriptor; if all amounts are to be added"
        )
        return f"{reason} has a sign; {self.money}", fix

    def doubts(self) -> dict[str, str]:
        """Return the reason to hold the delivery; an account with one side alone has its natural one."""
        is_mixed = not self.has_signs and not self.accounts[True].isdisjoint(self.accounts[False])
        self.found = self.credits if is_mixed else Counter()
        return super().doubts()


@dataclass
class UnreadMeanings:
    """The columns of one table that say what its amounts mean and that nothing reads."""

    columns: list[UnreadColumn] = field(default_factory=list)

    @staticmethod
    def of_table(
        rules: ReadingRules, header: Sequence[str], sources: Mapping[str, FieldSource], cells: Collection[str] = ()
    ) -> UnreadMeanings:
        """Find the columns in a header.

        Args:
            rules: the feed's rules.
            header: the names of the table's columns.
            sources: where the fields of its lines come from.
            cells: the headers of the cells of which each gives a line.
        """
        used = {fold_name(name) for name in (*named_headers(rules), *cells)}
        free = {name: plain_name(name) for name in header if fold_name(name) not in used}
        amount = sources.get("amount", FieldSource(FieldRule()))
        has_scenario = bool(sources.get("scenario", amount).headers) and "scenario" in sources
        has_side = bool(amount.rule.debit or amount.rule.sign_column)
        kinds: list[tuple[type[UnreadColumn], Collection[str]]] = [
            (LineStates, {plain for plain in free.values() if names_states(plain)})
        ]
        has_units = not UNITS.isdisjoint(free.values()) and not has_quantities(header)
        kinds += [(Units, UNITS)] if has_units else []
        if "currency" not in sources:
            converted = is_converted(rules.currency, amount.headers, free.values())
            of_amount = {name for name in _CURRENCIES if not converted or is_of_amounts(name, amount.headers)}
            kinds.append((_Currency, of_amount))
        kinds += [] if has_scenario else [(_Scenario, _SCENARIOS), (Versions, VERSIONS)]
        kinds += [] if has_side else [(_Side, _SIDES)]
        kinds += [
            (Ledgers, LEDGERS),
            (ContraAccounts, CONTRA_ACCOUNTS),
            (Companies, COMPANIES),
            (UnreadReversals, REVERSALS),
        ]
        of_years = is_of_years(sources, rules)
        kinds += [(UnreadPeriods, PERIODS)] if of_years else []
        columns = [kind(name, rules) for kind, names in kinds for name, plain in free.items() if plain in names]
        columns += [*other_years(free, sources, rules), *spelled_scenarios(header, sources, rules)]
        return UnreadMeanings(columns + ([] if of_years else [*other_periods(free, sources, rules)]))

    def add(self, batch: RawBatch, columns: Mapping[str, pa.Array]) -> None:
        """Compare the accepted lines of a batch.

        Args:
            batch: the rows.
            columns: the typed columns.
        """
        if not self.columns:
            return
        is_accepted = pc.equal(columns["outcome"], ACCEPTED)
        has_others = not pc.all(is_accepted).as_py()
        names = ("scenario_type", "scenario", "period", "posting_date", "account_number", "amount", *_PLACE)
        of_lines = {name: pc.filter(columns[name], is_accepted) if has_others else columns[name] for name in names}
        for column in self.columns:
            for name in column.names:
                # None of these headers is the name of a typed column.
                of_lines[name] = pc.filter(batch.columns[name], is_accepted) if has_others else batch.columns[name]
            texts = batch.columns[column.name]
            column.add(pc.filter(texts, is_accepted) if has_others else texts, of_lines)

    def doubts(self) -> dict[str, str]:
        """Return the reasons to hold the delivery, and what to do about each; complete after the last batch."""
        doubts: dict[str, dict[str, str]] = {}
        for column in self.columns:
            # Of Actual and a plan in one column, one reason is enough.
            doubts[column.name] = doubts.get(column.name) or column.doubts()
        return {reason: fix for of_column in doubts.values() for reason, fix in of_column.items()}

    def notes(self) -> dict[str, Note]:
        """Return what a person should know of these columns; complete after the last batch."""
        return {text: note for column in self.columns for text, note in column.notes().items()}


def is_converted(home: str, amounts: Collection[str], others: Collection[str]) -> bool:
    """Return whether amounts are in the home's currency by their header, or others beside them in a foreign one.

    Args:
        home: the home's currency.
        amounts: the headers of the amounts that are read.
        others: the plain names of the other columns.
    """
    local = _LOCAL | {home.casefold()}
    beside = map(_words, others)
    return any(local & _words(plain_name(name)) for name in amounts) or any(
        _MONEY & words and _FOREIGN & words and not local & words for words in beside
    )


def is_of_amounts(currency: str, amounts: Collection[str]) -> bool:
    """Return whether a column of currencies names those of amounts, as Local Currency does of local amounts."""
    return any(_LOCAL & _words(plain_name(currency)) & _words(plain_name(amount)) for amount in amounts)


def _words(name: str) -> set[str]:
    """Return the words of a plain name, Fremdwährungsbetrag as two."""
    words = re.sub(r"wahrungs(?=[a-z])", "wahrung ", name).split()
    return {*words, *(_SPELLINGS[word] for word in words if word in _SPELLINGS)}
