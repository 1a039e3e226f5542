"""Codes and names: cleaned, compared without case and white space, hashed into surrogate keys.

Belongs here: equality of codes, their keys, the allowed types of accounts and scenarios.
Does not belong here: which column a code comes from (see `cells`).

A change that gives other lines needs a higher version (see `reader_versions`), or files are not read again.
"""

from __future__ import annotations

import difflib
import hashlib
import unicodedata
from collections.abc import Iterable, Mapping
from functools import lru_cache

from finance_platform.feeds.limits import MAX_VALUE_CHARACTERS

KEY_BITS = 48
"""Surrogate keys fit into 48 bits, which JavaScript and Excel hold exactly."""

REMEMBERED_CODES = 1 << 17
"""Every batch of a file, and every file of a system, has nearly the same codes as the one before: fewer than these, or
none of them is remembered when it comes again. They take 30 MB at most."""

MAX_CODE_BYTES = 128
"""Longer codes are rejected: the warehouse's column is VARCHAR(128), which Redshift counts in bytes."""

MAX_NAME_BYTES = 256
"""Longer names are cut: the warehouse's column is VARCHAR(256), which Redshift counts in bytes."""

SCENARIO_TYPES = ("Actual", "Budget", "Forecast")

ACCOUNT_TYPES = ("Revenue", "Expense", "Asset", "Liability", "Equity", "Statistical", "Unknown")

_TYPE_WORDS = {
    "Revenue": "revenues income other_income ertrag erträge erlös erlöse umsatz umsätze produit produits ingreso "
    "ingresos ricavo ricavi opbrengst opbrengsten",
    "Expense": "expenses other_expense other_expenses cost_of_goods_sold cost_of_sales aufwand aufwände aufwendung "
    "aufwendungen kosten charge charges gasto gastos costo costi",
    "Asset": "assets aktiva aktivum aktivkonto vermögen actif actifs activo activos attivo attività activa",
    "Liability": "liabilities passiva passivum passivkonto verbindlichkeit verbindlichkeiten fremdkapital schulden "
    "passif passifs dettes pasivo pasivos passivo passività",
    "Equity": "eigenkapital capitaux_propres patrimonio patrimonio_neto patrimonio_netto eigen_vermogen",
    "Statistical": "statistik statistisch statistique estadístico statistico statistische",
}
"""Words for types in the languages of common ledgers; an underscore is a space."""

MEASURES = ("flow", "balance")


def clean(text: str) -> str:
    """Return `text` in Unicode form NFC, trimmed, each run of white space replaced by one space; zeros stay."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def pad_code(code: str, digits: int) -> str:
    """Return a code of digits filled with zeros from the left; `.0`, which a spreadsheet adds, is left out first.

    Args:
        code: cleaned.
        digits: the least number of digits; 0 leaves the code as it is.
    """
    whole, point, fraction = code.partition(".")
    if not digits or not (whole.isascii() and whole.isdigit()) or (point and set(fraction) != {"0"}):
        return code
    return whole.rjust(digits, "0")


def shorten_code(code: str, limit: int) -> str:
    """Return a code of at most `limit` bytes: a longer one is its beginning, `~` and a hash of the whole code.

    Codes that are equal when folded stay equal, and two codes stay two: the hash is as long as a surrogate key.
    """
    folded = fold(code)
    if len(folded.encode()) <= limit:
        return code
    # Folding ASCII keeps its length, so the beginnings of two spellings are spellings of one text.
    beginning = code if code.isascii() else folded
    mark = f"~{hashlib.sha256(folded.encode()).hexdigest()[: KEY_BITS // 4]}"
    return beginning.encode()[: limit - len(mark)].decode("utf-8", "ignore").rstrip() + mark


def fold(text: str) -> str:
    """Return the form in which two codes are compared: canonical forms, white space and case folded.

    Compatibility characters are not folded into plain ones: the accounts 610¹ and 6101 are two.
    """
    if text.isascii():
        return " ".join(text.casefold().split())
    # Case is folded between two decompositions, because it can give decomposable letters and needs combined ones.
    decomposed = unicodedata.normalize("NFD", text)
    folded = unicodedata.normalize("NFD", "".join(map(_fold_case, decomposed)))
    return " ".join(unicodedata.normalize("NFC", folded).split())


fold_name = lru_cache(1024)(fold)
"""`fold` for names that recur, such as those of scenarios and of columns: thousands of deliveries have the same few."""


def _fold_case(character: str) -> str:
    # The full folding of ﬁ or ŉ is two plain letters; small letters have no such forms.
    is_compatibility = unicodedata.decomposition(character).startswith("<")
    return character.lower() if is_compatibility else character.casefold()


@lru_cache(maxsize=REMEMBERED_CODES)
def surrogate_key(*natural_key: str) -> int:
    """Return the 48-bit key of a natural key: SHA-256 of its folded, length-prefixed parts.

    The length before each part keeps ("ab", "c") and ("a", "bc") apart.
    """
    digest = hashlib.sha256(joined_key(map(fold, natural_key)).encode()).digest()
    return int.from_bytes(digest[: KEY_BITS // 8], "big")


def joined_key(parts: Iterable[str]) -> str:
    """Return the parts as one text, each prefixed with its length in UTF-8 bytes."""
    return "".join([f"{len(part.encode())}:{part}" for part in parts])


def short_name(text: str) -> str:
    """Return `text` cleaned and cut to `MAX_NAME_BYTES` bytes of UTF-8, never inside a character."""
    cleaned = clean(text[:MAX_VALUE_CHARACTERS])  # the rest cannot be in the first bytes
    return cleaned.encode()[:MAX_NAME_BYTES].decode("utf-8", "ignore")


def type_by_prefix(code: str, types: Mapping[str, str]) -> str | None:
    """Return the type of the longest prefix of a code; None if it has none of them.

    Args:
        code: the code.
        types: the types by prefix.
    """
    folded = fold(code)
    prefixes = [prefix for prefix in types if folded.startswith(fold(prefix))]
    return types[max(prefixes, key=lambda prefix: len(fold(prefix)))] if prefixes else None


def scenario_type(name: str, declared: Mapping[str, str]) -> str | None:
    """Return the type of the scenario `name`, or None if it is not declared.

    `Actual` is Actual; names that begin with Budget or Forecast are of that type; others need a declaration.
    """
    folded = fold(name)
    for scenario, declared_type in declared.items():
        if fold(scenario) == folded:
            return declared_type
    if folded == "actual":
        return "Actual"
    first_word = folded.split(" ")[0]
    return {"budget": "Budget", "forecast": "Forecast"}.get(first_word)


def scenario_name(name: str, declared: Mapping[str, str]) -> str:
    """Return a scenario's display name: as declared, or with the name of its type capitalised."""
    folded = fold(name)
    for scenario in (*declared, *SCENARIO_TYPES):
        if fold(scenario) == folded:
            return scenario
    first_word, _, rest = clean(name).partition(" ")
    if first_word.casefold() not in {"budget", "forecast"}:
        return clean(name)
    return f"{first_word.capitalize()} {rest}".strip()


@lru_cache(maxsize=1024)
def account_type(text: str) -> str | None:
    """Return the account type that a text names, in English, German, French, Spanish, Italian or Dutch, or None."""
    return _type_by_word().get(fold(text))


@lru_cache(maxsize=1)
def _type_by_word() -> Mapping[str, str]:
    words = {fold(word.replace("_", " ")): name for name, texts in _TYPE_WORDS.items() for word in texts.split()}
    return words | {fold(name): name for name in ACCOUNT_TYPES}


def closest_match(text: str, allowed: Iterable[str]) -> str | None:
    """Return the allowed value that most resembles `text`, if one is similar enough to suggest."""
    if len(text) > MAX_VALUE_CHARACTERS:
        return None
    by_folded = {fold(value): value for value in allowed}
    matches = difflib.get_close_matches(fold(text), by_folded, n=1, cutoff=0.6)
    return by_folded[matches[0]] if matches else None
