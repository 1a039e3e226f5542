"""Currencies: which currencies an ISO 4217 code or a sign denotes.

Belongs here: the table of codes and signs (after ISO 4217 and CLDR), and whether a text denotes the home's currency.
Does not belong here: numbers (see `amounts`), rejecting rows (see `ledger_lines`).
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_ISO_4217 = """
    AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF CLF
    CLP CNH CNY COP CRC CUC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL
    HRK HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL
    MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD
    RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SLL SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX
    USD UYU UZS VED VES VND VUV WST XAF XAG XAU XCD XCG XOF XPF YER ZAR ZMW ZWG ZWL
    """
_CODES = frozenset(_ISO_4217.split())
_WITH_THOUSANDTHS = frozenset({"BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"})
"""Dinars and the rial, of which ISO 4217 counts thousandths."""

# CLDR's symbols and narrow symbols, with the forms that accounting systems print. Letters of one currency only that
# also abbreviate thousands or debit and credit (K, T, M, D, L, CR, DR) are left out: 100K must never be read as 100.
_SIGNS_OF_CURRENCIES = {
    "$": "ARS AUD BBD BMD BND BSD BZD CAD CLP COP CUC CUP CVE DOP FJD GYD HKD JMD KYD LRD MOP MXN NAD NIO NZD SBD SGD "
    "SRD SVC TOP TTD TWD USD UYU WST XCD ZWL",
    "US$": "USD",
    "A$": "AUD",
    "AU$": "AUD",
    "C$": "CAD NIO",
    "CA$": "CAD",
    "HK$": "HKD",
    "NZ$": "NZD",
    "NT$": "TWD",
    "S$": "SGD",
    "MX$": "MXN",
    "R$": "BRL",
    "J$": "JMD",
    "EC$": "XCD",
    "MOP$": "MOP",
    "T$": "TOP",
    "N$": "NAD",
    "¢": "",
    "£": "EGP FKP GBP GIP LBP SDG SHP SSP SYP",
    "E£": "EGP",
    "L£": "LBP",
    "¤": "",
    "¥": "CNH CNY JPY",
    "CN¥": "CNY",
    "JP¥": "JPY",
    "円": "JPY",
    "元": "CNY",
    "֏": "AMD",
    "؋": "AFN",
    "৳": "BDT",
    "฿": "THB",
    "៛": "KHR",
    "₡": "CRC SVC",
    "₤": "",
    "₦": "NGN",
    "₩": "KPW KRW",
    "₪": "ILS",
    "₫": "VND",
    "€": "EUR",
    "₭": "LAK",
    "₮": "MNT",
    "₱": "PHP",
    "₲": "PYG",
    "₴": "UAH",
    "₵": "GHS",
    "₸": "KZT",
    "₹": "INR",
    "₺": "TRY",
    "₼": "AZN",
    "₽": "RUB",
    "₾": "GEL",
    "⃀": "KGS",
    "ریال": "IRR OMR QAR SAR YER",
    "KR": "DKK ISK NOK SEK",
    "KČ": "CZK",
    "ZŁ": "PLN",
    "FT": "HUF",
    "FR": "CHF",
    "SFR": "CHF",
    "LEI": "MDL RON",
    "ЛВ": "BGN",
    "РУБ": "RUB",
    "DIN": "RSD",
    "RS": "INR LKR MUR NPR PKR SCR",
    "RM": "MYR",
    "RP": "IDR",
    "R": "ZAR",
    "RMB": "CNY",
}
_SIGNS = {sign: frozenset(codes.split()) for sign, codes in _SIGNS_OF_CURRENCIES.items()}

CURRENCY_SIGNS = "$¢-¥֏؋߾߿৲৳৻૱௹฿៛₠-⃏꠸﷼﹩＄￠￡￥￦𑿝-𑿠𞋿𞲰"
"""The characters of Unicode's category Sc, as a class of a regular expression."""

OTHER_CURRENCY = "other"
"""Stands for every text that is neither a code nor a sign, and for amounts of several currencies."""

_CODE_LENGTH = 3
_MAX_MARK_CHARACTERS = 100
"""Of a text that can be a code or a sign, with white space on either side."""

_PARTS = re.compile(f"[{CURRENCY_SIGNS}]|[^{CURRENCY_SIGNS}]+")


@lru_cache(maxsize=1024)
def denoted_currencies(mark: str) -> frozenset[str] | None:
    """Return the currencies that a code or a sign denotes.

    Args:
        mark: such as `EUR`, `€`, `kr.`, `US$` or `$USD`; case does not matter.

    Returns:
        Their ISO codes; none for a sign that no current currency uses; None if the text is neither code nor sign.
    """
    if len(mark) > _MAX_MARK_CHARACTERS:
        return None
    text = _canonical(mark)
    if text in _CODES:
        return frozenset({text})
    if text in _SIGNS:
        return _SIGNS[text]
    parts = _PARTS.findall(text)
    if len(parts) < 2:
        return frozenset() if re.fullmatch(f"[{CURRENCY_SIGNS}]", text) else None
    # A code beside a sign, such as USD$: what both denote.
    denoted = [denoted_currencies(part) for part in parts]
    if any(currencies is None for currencies in denoted):
        return None
    return frozenset.intersection(*(currencies for currencies in denoted if currencies is not None))


def marks_of(code: str) -> list[str]:
    """Return the code and the signs that may denote its currency, in capitals, the longest first."""
    signs = {sign for sign, codes in _SIGNS.items() if code.upper() in codes}
    return sorted({code.upper()} | signs, key=lambda mark: (-len(mark), mark))


def is_currency(mark: str, code: str) -> bool:
    """Return whether a code or sign may denote the currency of an ISO code."""
    return mark.strip().upper() == code.upper() or code.upper() in (denoted_currencies(mark) or ())


def has_thousandths(code: str) -> bool:
    """Return whether amounts of the currency of an ISO code may have three decimals."""
    return code.upper() in _WITH_THOUSANDTHS


def describe_currency(mark: str) -> str:
    """Return the ISO code if `mark` denotes exactly one currency, else the mark itself."""
    denoted = denoted_currencies(mark)
    return next(iter(denoted)) if denoted and len(denoted) == 1 else mark.strip()


def currency_code(mark: str) -> str:
    """Return a currency as totals name it: its ISO code if `mark` denotes exactly one, else the code or sign itself.

    A text that is neither is `OTHER_CURRENCY`; three letters pass for a code, because ISO 4217 gets new ones.
    """
    text = _canonical(mark[:_MAX_MARK_CHARACTERS])
    is_currency_mark = denoted_currencies(mark) is not None or len(text) <= _CODE_LENGTH
    return describe_currency(text) if is_currency_mark else OTHER_CURRENCY


def _canonical(mark: str) -> str:
    return unicodedata.normalize("NFKC", mark).strip().removesuffix(".").upper()
