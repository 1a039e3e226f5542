"""Columns that say what an amount means and that nothing reads: its currency, scenario, side, and whether it counts.

Belongs here: finding them by their headers, comparing their cells with the lines, and the words that hold the delivery.
Does not belong here: fields that are read (see `ledger_lines`), months that are not read (see `unread_months`).

A descriptor that does not read such a column adds euros to dollars, a budget to the actuals, or credits to debits, and
nothing else would say so: each line has a valid amount.
"""

from __future__ import annotations

import json
import re
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

import pyarrow as pa
import pyarrow.compute as pc

from finance_platform.feeds.amounts import EXACT
from finance_platform.feeds.cells import FieldSource, RawBatch
from finance_platform.feeds.codes import clean, fold
from finance_platform.feeds.common_amounts import MONEY_TYPE
from finance_platform.feeds.currencies import denoted_currencies, describe_currency
from finance_platform.feeds.header_words import WORDS, plain_name
from finance_platform.feeds.limits import MAX_VALUE_CHARACTERS
from finance_platform.feeds.resolved import FieldRule, ReadingRules, named_headers
from finance_platform.feeds.violations import ACCEPTED
from finance_platform.money_text import sum_of_amounts

_CURRENCIES = {*WORDS["currency"], "crcy", "currency key", "iso currency code", "waers", "wahrg", "moeda"}
_SCENARIOS = {
    *WORDS["scenario"],
    *("data type", "record type", "value type", "amount type", "ledger type", "balance type", "actual budget"),
    *("budget actual", "actual plan", "plan actual", "actual forecast", "ist plan", "plan ist", "werttyp", "wertart"),
}
_SIDES = {
    *WORDS["sign"],
    *("dr cr indicator", "dr cr flag", "d c indicator", "dc indicator", "d c ind", "cr dr", "c d", "credit debit"),
    *("debit credit flag", "debit credit ind", "shkzg", "s h indicator", "soll haben kz", "bschl", "pk"),
}
_STATES = {
    *("status", "state", "posting status", "document status", "doc status", "entry status", "journal status"),
    *("record status", "transaction status", "line status", "approval status", "invoice status", "buchungsstatus"),
    *("belegstatus", "statut", "etat", "estado", "stato"),
}
_FLAGS = {
    **dict.fromkeys(
        ("void", "voided", "is void", "is voided", "cancelled", "canceled", "is cancelled", "is canceled", "deleted",
         "is deleted", "deletion flag"),
        frozenset({"yes", "y", "true", "t", "1", "x", "ja", "j", "oui", "si"}),
    ),
    **dict.fromkeys(
        ("posted", "is posted", "posting", "gebucht"), frozenset({"no", "n", "false", "f", "0", "nein", "non"})
    ),
}  # fmt: skip
"""Headers that ask a question, with the answers of lines that do not count."""

_NOT_COUNTED = frozenset({
    "void", "voided", "cancelled", "canceled", "deleted", "draft", "unposted", "not posted", "parked", "rejected",
    "entwurf", "geloscht", "vorerfasst", "nicht gebucht", "annule", "annulee", "brouillon", "anulado", "anulada",
    "borrador", "annullato", "annullata", "bozza", "geannuleerd", "niet geboekt",
})  # fmt: skip
"""States of lines that are in no ledger. Not those that were reversed: their counter-entries are lines too."""

_ACTUAL = {"actual", "actuals", "act", "ist", "istwert", "istwerte", "reel", "realise", "real", "consuntivo"}
_PLAN = {
    *("budget", "budgets", "bud", "plan", "planned", "planwert", "planwerte", "forecast", "forecasts", "fcst"),
    *("prognose", "hochrechnung", "presupuesto", "preventivo", "previsionnel", "begroting"),
}
_DEBITS = frozenset({"s", "d", "dr", "debit", "soll", "+", "40"})
_CREDITS = frozenset({"h", "c", "cr", "credit", "haben", "-", "50", "k"})

_LOCAL = {
    *("local", "home", "base", "functional", "accounted", "lc", "lcy", "company", "group", "reporting", "converted"),
    *("equivalent", "hauswahrung", "hw", "mandantenwahrung", "firmenwahrung", "konzernwahrung", "landeswahrung"),
    *("basiswahrung", "interne", "interna", "locale", "societe", "sociedad"),
}
_FOREIGN = {
    *("foreign", "fc", "fcy", "original", "entered", "document", "doc", "transaction", "trans", "tc", "dc"),
    *("fremdwahrung", "belegwahrung", "transaktionswahrung", "originalwahrung", "fw", "devise", "devises", "divisa"),
    *("valuta", "vreemde", "vv"),
}
_MONEY = {
    *("amount", "amt", "value", "debit", "credit", "dr", "cr", "betrag", "wert", "soll", "haben", "montant", "importe"),
    *("importo", "bedrag"),
}

_MAX_LISTED = 5
_MAX_ACCOUNTS = 100_000
_WIDE_MONEY = pa.decimal128(38, 2)


@dataclass
class _Column(ABC):
    """A column that nothing reads.

    Attributes:
        name: its header.
        rules: of the feed.
        lines: how many accepted lines have a text in it.
        found: texts that contradict how their lines are read, with how many lines have each.
        total: the sum of these lines.
    """

    name: str
    rules: ReadingRules
    lines: int = 0
    found: Counter[str] = field(default_factory=Counter)
    total: Decimal = Decimal(0)

    def add(self, texts: pa.StringArray, columns: Mapping[str, pa.Array]) -> None:
        """Add the cells of accepted lines."""
        table = pa.table([texts, columns["amount"].cast(_WIDE_MONEY)], ["text", "sum"])
        for row in table.group_by("text").aggregate([("sum", "sum"), ([], "count_all")]).to_pylist():
            text = clean(row["text"] or "")
            self.lines += row["count_all"] if text else 0
            if 0 < len(text) <= MAX_VALUE_CHARACTERS and row["sum_sum"] and self.contradicts(text):
                self.found[text] += row["count_all"]
                self.total = EXACT.add(self.total, row["sum_sum"])

    @abstractmethod
    def contradicts(self, text: str) -> bool:
        """Return whether lines with a text are not what they are read as."""

    @abstractmethod
    def describe(self) -> tuple[str, str]:
        """Return the reason to hold the delivery, after the column's name, and the fix."""

    def doubts(self) -> dict[str, str]:
        """Return the reason to hold the delivery, with what to do about it."""
        if not self.found:
            return {}
        reason, fix = self.describe()
        return {f"the column {clean(self.name)!r} is not read, and {reason}": f"{fix}, {_ignore(self.name)}"}

    @property
    def texts(self) -> str:
        """The texts that were found."""
        listed = [repr(text) for text in list(self.found)[:_MAX_LISTED]]
        more = len(self.found) - len(listed)
        return ", ".join(listed) + (f" and {more:,} more" if more else "")

    @property
    def count(self) -> str:
        """How many lines have these texts."""
        return f"{sum(self.found.values()):,} of {self.lines:,} lines"

    @property
    def money(self) -> str:
        """The sum of these lines."""
        return f"their {sum_of_amounts(sum(self.found.values()), self.total)}"


class _Currency(_Column):
    def contradicts(self, text: str) -> bool:
        denoted = denoted_currencies(text)
        return bool(denoted) and self.rules.currency.upper() not in (denoted or ())

    def describe(self) -> tuple[str, str]:
        home = self.rules.currency
        fix = (
            f"add currency: {_quoted(self.name)} to columns in the descriptor, so that these lines are rejected as "
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
class _Scenario(_Column):
    reads_actual: bool = False

    def add(self, texts: pa.StringArray, columns: Mapping[str, pa.Array]) -> None:
        """Add the cells of accepted lines, those of Actual apart."""
        is_actual = pc.equal(columns["scenario_type"], "Actual")
        for reads_actual, rows in ((True, is_actual), (False, pc.invert(is_actual))):
            self.reads_actual = reads_actual
            super().add(pc.filter(texts, rows), {"amount": pc.filter(columns["amount"], rows)})

    def contradicts(self, text: str) -> bool:
        words = set(plain_name(text).split())
        is_actual, is_plan = bool(words & _ACTUAL), bool(words & _PLAN)
        return is_actual != is_plan and is_actual != self.reads_actual

    def describe(self) -> tuple[str, str]:
        constant = self.rules.constants.get("scenario", "")
        read = f"are read as {constant}" if constant else "are read as another scenario"
        fix = (
            f"read the scenario by columns: {{scenario: {_quoted(self.name)}}} in the descriptor, in place of "
            "constants, with a map for names that begin neither with Actual, Budget nor Forecast; if the column says "
            "something else"
        )
        return f"says {self.texts} of {self.count}, which {read}; {self.money}", fix


class _State(_Column):
    def contradicts(self, text: str) -> bool:
        answers = _FLAGS.get(plain_name(self.name))
        return fold(text) in answers if answers else plain_name(text) in _NOT_COUNTED

    def describe(self) -> tuple[str, str]:
        pattern = "|".join(_escape(text) for text in list(self.found)[:_MAX_LISTED])
        matches = json.dumps(f"(?i)^({pattern})$", ensure_ascii=False)
        rule = f"{{column: {_quoted(self.name)}, matches: {matches}, may_hold_money: true}}"
        add = f"add {rule} to skip in" if self.rules.skip else f"add skip: [{rule}] to"
        fix = f"{add} the descriptor, so that these lines do not count; if they do"
        return f"says {self.texts} of {self.count}, which count; {self.money}", fix


@dataclass
class _Side(_Column):
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
        table = pa.table([texts, columns["account_number"], amounts.cast(_WIDE_MONEY)], ["text", "account", "sum"])
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
        negative = json.dumps(list(self.found)[:_MAX_LISTED], ensure_ascii=False)
        reason = f"says {self.texts} of {self.count}, which are added to the others of their accounts, since no amount"
        fix = (
            f"add sign_column: {{from: {_quoted(self.name)}, negative: {negative}}} to columns.amount and sign: "
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

    columns: list[_Column] = field(default_factory=list)

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
        used = {fold(name) for name in (*named_headers(rules), *cells)}
        free = {name: plain_name(name) for name in header if fold(name) not in used}
        amount = sources.get("amount", FieldSource(FieldRule()))
        has_scenario = bool(sources.get("scenario", amount).headers) and "scenario" in sources
        has_side = bool(amount.rule.debit or amount.rule.sign_column)
        kinds: list[tuple[type[_Column], Collection[str]]] = [(_State, {*_STATES, *_FLAGS})]
        if "currency" not in sources and not _is_converted(rules, amount.headers, free.values()):
            kinds.append((_Currency, _CURRENCIES))
        kinds += [] if has_scenario else [(_Scenario, _SCENARIOS)]
        kinds += [] if has_side else [(_Side, _SIDES)]
        return UnreadMeanings(
            [kind(name, rules) for kind, names in kinds for name, plain in free.items() if plain in names]
        )

    def add(self, batch: RawBatch, columns: Mapping[str, pa.Array]) -> None:
        """Compare the accepted lines of a batch.

        Args:
            batch: the rows.
            columns: the typed columns.
        """
        if not self.columns:
            return
        is_accepted = pc.equal(columns["outcome"], ACCEPTED)
        names = ("scenario_type", "account_number", "amount")
        of_lines = {name: pc.filter(columns[name], is_accepted) for name in names}
        for column in self.columns:
            column.add(pc.filter(batch.columns[column.name], is_accepted), of_lines)

    def doubts(self) -> dict[str, str]:
        """Return the reasons to hold the delivery, and what to do about each; complete after the last batch."""
        return {reason: fix for column in self.columns for reason, fix in column.doubts().items()}


def _is_converted(rules: ReadingRules, amounts: Collection[str], others: Collection[str]) -> bool:
    """Return whether amounts are in the home's currency by their header, or others beside them in a foreign one."""
    local = _LOCAL | {rules.currency.casefold()}
    beside = map(_words, others)
    return any(local & _words(plain_name(name)) for name in amounts) or any(
        _MONEY & words and _FOREIGN & words and not local & words for words in beside
    )


def _words(name: str) -> set[str]:
    """Return the words of a plain name, Fremdwährungsbetrag as two."""
    return set(re.sub(r"wahrungs(?=[a-z])", "wahrung ", name).split())


def _ignore(name: str) -> str:
    return f"add {_quoted(name)} to ignore_columns"


def _quoted(name: str) -> str:
    return json.dumps(clean(name), ensure_ascii=False)


def _escape(text: str) -> str:
    return "".join(f"\\{character}" if character in r"\.+*?()|[]{}^$" else character for character in text)
