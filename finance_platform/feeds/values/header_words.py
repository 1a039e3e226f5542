"""Names that headers give to fields, in the languages of common accounting systems.

Belongs here: words alone. Does not belong here: whether a column's values are of that field (see `draft`).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping

WORDS: Mapping[str, tuple[str, ...]] = {
    "reverses": (
        "reversal of", "reverses", "reversed document", "reversed document number", "reversed document no",
        "reversed doc", "reversed transaction", "reversed entry", "reversed entry no", "reversed line",
        "reversal document", "reversal doc", "reversal for", "reverses transaction id", "reverses document",
        "original document", "original document number", "original transaction id", "storno zu", "storno von",
        "stornobeleg", "storno beleg", "stornierter beleg", "storniert", "extourne de", "contrepassation de",
        "annule", "anula", "anula a", "storno di", "stornering van",
    ),
    "transaction_id": (
        "transaction id", "transaction number", "transaction no", "trans no", "entry no", "document number",
        "document no", "doc no", "voucher", "voucher no", "journal id", "line id", "reference", "id", "belegnummer",
        "beleg nr", "belegnr", "belegfeld 1", "buchungsnummer", "numero de piece", "piece", "n piece",
        "numero documento", "numero de documento", "asiento", "boekstuknummer", "boekstuk", "belnr", "ecriture num",
        "伝票番号",
        "numer dowodu", "nr dowodu", "cislo dokladu", "doklad", "fis no", "凭证字号", "凭证号", "凭证号数",
    ),
    "date": (
        # The day on which a line counts, before that of its document or of a payment: SAP's lists have both.
        "date", "posting date", "buch dat", "buchungsdat", "postg date", "pstng date", "posted date", "posted dt",
        "post date", "gl posting date", "booking date", "gl date", "g l date",
        "accounting date", "effective date", "buchungsdatum",
        "buchungstag", "date comptable", "date ecriture", "date d ecriture", "ecriture date", "fecha contable",
        "data contabile", "data registrazione", "boekdatum", "boekingsdatum", "bokforingsdatum", "budat",
        "journal date", "transaction date", "trans date", "txn date",
        "document date", "doc date", "beleg dat", "invoice date", "payment date",
        "date paid", "paid date", "paid", "value date", "entry date", "clearing date",
        "belegdatum", "datum", "rechnungsdatum", "wertstellung", "valuta", "valutadatum",
        "date facture", "date de facture", "date operation", "fecha",
        "day", "tag", "fecha factura", "data", "data fattura", "factuurdatum",
        "計上日", "取引日", "伝票日付", "日付", "年月日",
        "data ksiegowania", "datum uctovani", "data lancamento", "data de lancamento", "data do lancamento",
        "verdatum", "bokføringsdato", "bogføringsdato", "bilagsdato", "dato", "transdatum", "data dokumentu",
        "fis tarihi", "tarih", "konyveles datuma", "记账日期", "凭证日期", "制单日期", "日期", "전표일자", "일자",
        "дата", "التاريخ",
    ),
    "period": (
        "period", "accounting period", "fiscal period", "posting period", "month", "year month", "periode",
        "buchungsperiode", "monat", "mois", "mes", "periodo", "mese", "maand", "period name", "poper", "fiscal month",
        "buchungsmonat", "time",
        "okres", "obdobi", "donem", "会计期间", "期间", "회계기간", "период",
    ),
    "year": (
        "year", "fiscal year", "financial year", "budget year", "budget year name", "accounting year", "calendar year",
        "posting year", "fy", "jahr", "geschaftsjahr", "buchungsjahr", "annee", "exercice", "ano", "ejercicio", "anno",
        "esercizio", "jaar", "boekjaar", "gjahr", "ryear", "period year",
        "rok", "yıl", "год",
    ),
    "quarter": ("quarter", "fiscal quarter", "qtr", "quartal", "trimestre", "kwartaal"),
    "voucher": (
        "voucher", "voucher no", "voucher number", "voucher id", "journal", "journal no", "journal number",
        "journal id", "journal entry", "je no", "je number", "entry no", "entry number", "document number",
        "document no", "doc no",
        "transaction id", "transaction number", "transaction no", "trans no", "beleg", "belegnummer", "beleg nr",
        "belegnr", "belegfeld 1", "buchungsnummer", "numero de piece", "piece", "n piece", "piece ref", "ecriture num",
        "numero documento", "numero de documento", "asiento", "boekstuknummer", "boekstuk", "verifikation",
        "verifikationsnummer", "belnr", "je header id", "reference", "id",
        "伝票番号",
        "numer dowodu", "nr dowodu", "cislo dokladu", "doklad", "fis no", "vernr", "ver nr", "bilagsnr",
        "bilagsnummer", "lancamento", "numero do lancamento", "凭证字号", "凭证号", "凭证号数", "凭证编号", "전표번호",
    ),
    "quantity": (
        "quantity", "qty", "units", "count", "pieces", "unit price", "price", "rate", "exchange rate", "fx rate",
        "percent", "percentage", "share", "hours", "fte", "headcount", "days", "weight", "menge", "anzahl", "stuck",
        "preis", "kurs", "stunden", "quantite", "prix", "taux", "heures", "cantidad", "precio", "quantita", "prezzo",
        "aantal", "prijs",
    ),
    "department": (
        "department code", "department", "dept", "dept code", "department no", "cost centre", "cost center",
        "cost centre code", "cost center code", "costcentre", "costcenter", "cc", "responsibility centre", "org code",
        "cost ctr", "cost cntr", "acct unit", "accounting unit", "account cost centre",
        "analytic distribution", "kost1", "kost1 kostenstelle",
        "organisational unit",
        "organizational unit",
        "organisation code", "organization code", "business area", "directorate", "service area", "service", "division",
        "kostenstelle", "kostenst", "kostenstl", "kst", "abteilung", "centre de cout", "centre de couts",
        "centre couts", "service code",
        "centro de coste", "centro de costos", "centro de costes", "departamento", "centro di costo", "reparto",
        "kostenplaats", "afdeling", "kostnadsstalle", "rcntr", "kostl", "analytic account",
        "class", "class name", "location", "location name",
        "section analytique", "code analytique", "costc", "dept id", "department id", "level code",
        "部門コード", "部門", "部署コード", "部署",
        "mpk", "miejsce powstawania kosztow", "stredisko", "nakladove stredisko", "koltseghely",
        "masraf merkezi", "masraf merkezi kodu", "centro de custo", "centro de custos", "centro de costo", "ks",
        "koststed", "avdeling", "kustannuspaikka", "部门编码", "部门代码", "部门", "成本中心", "부서코드", "부서",
        "подразделение", "مركز التكلفة",
    ),
    "department_name": (
        "department name", "department description", "dept name", "dept description", "dept desc",
        "cost centre name", "cost center name", "cost centre description",
        "org name", "organisation", "organization", "kostenstellenbezeichnung", "kostenstelle bezeichnung",
        "libelle centre de cout", "costc t", "level name",
        "部門名", "部署名",
        "部门名称", "부서명",
    ),
    "account": (
        # Beside a nominal code, `Account` is the customer or the supplier, as in Sage.
        "nominal code", "nominal account", "nominal a c", "n c", "object account", "account number", "account code",
        "nominal",
        "account", "account no", "gl account", "g l account", "acct", "acct no",
        "general ledger account", "expenditure code", "expenditure category",
        "ledger account", "object code", "object", "expense code",
        "subjective code", "subjective", "ledger code", "natural account", "expense type", "expenses type",
        "expenditure type", "konto", "kontonummer", "konto nr", "kontonr", "sachkonto", "hauptbuchkonto", "compte",
        "numero de compte", "n compte", "compte general", "cuenta", "cuenta contable", "conto", "numero conto",
        "grootboekrekening", "rekening", "rekeningnummer", "main account", "gl code", "racct", "hkont", "saknr",
        "cost element", "kostenart", "kostenarten", "kstar", "compte num", "sachkontonr", "sachkontonummer",
        "distribution account", "account main", "main account number", "cost elem", "g l acct", "gl acct",
        "financial row", "gl", "ledger name", "particulars",
        "勘定科目コード", "科目コード", "勘定コード", "勘定科目", "科目",
        "numer konta", "nr konta", "ucet", "cislo uctu", "fokonyvi szam", "hesap kodu", "hesap no",
        "conta contabil", "codigo da conta", "conta", "tili", "科目代码", "科目编码", "会计科目", "계정코드",
        "계정과목", "счет", "رقم الحساب",
    ),
    "account_name": (
        "account name", "account description", "nominal description", "object description", "gl account name",
        "expense description", "kontobezeichnung", "konto bezeichnung", "libelle compte", "intitule du compte",
        "nombre de cuenta", "descrizione conto", "g l account name", "account title", "cost element name",
        "cost element descr", "account desc", "kostenartenbezeichn",
        "account t", "compte lib", "beschriftung", "kontobeschriftung", "kontenbeschriftung",
        "omschrijving grootboekrekening",
        "勘定科目名", "勘定科目", "科目名",
        "nazwa konta", "nazev uctu", "hesap adı", "descricao da conta", "nome da conta", "kontonamn",
        "kontonavn", "benamning", "tilin nimi", "科目名称", "계정과목명", "اسم الحساب",
    ),
    "account_type": (
        "account type", "type of account", "kontoart", "kontenart", "kontotyp", "type de compte", "tipo de cuenta",
        "tipo conto",
    ),
    "account_category": ("account category", "category", "account group", "kontengruppe", "categorie", "categoria"),
    "business_unit": ("business unit", "bu", "segment", "geschaftsbereich", "bereich", "unidad de negocio"),
    "amount": (
        # A column that says that it is in the currency of the books, before one beside it that may be in another.
        *(f"{amount} {currency}" for amount in ("amount", "amt") for currency in (
            "lcy", "in local currency", "in local cur", "in lc", "in loc cur", "in company code currency",
            "in functional currency", "in base currency",
        )),
        "local amount", "functional amount", "base amount", "betrag in hauswahrung", "betrag in hauswahr",
        "betrag in hw", "betr in hw", "amount in loc curr", "amt in loc curr", "lc amount", "lc amnt",
        "amount in accounting currency", "goods value in base currency",
        "amount", "amt", "net amount", "amount net", "net", "net value", "value", "sum", "total", "gross amount",
        "posted amount", "actual amount", "budget amount",
        "forecast amount", "line amount", "amount gbp", "amount usd", "amount eur", "amount excl vat", "betrag",
        "nettobetrag", "umsatz", "wert", "summe", "montant", "montant ht", "importe", "monto",
        "valor", "importo", "bedrag", "belopp", "hsl", "dmbtr", "val in rep cur", "value in rep cur", "val in rc",
        "wert bwahr", "val coarea crcy", "val coar cur", "wert kwahr", "buchungsbetrag",
        "umsatz ohne soll haben kz", "spend", "budget", "actual", "approved amount", "period activity", "net activity",
        "net change", "balance",
        "data",  # of Hyperion; in Italian, a date
        "金額",
        "kwota", "castka", "osszeg", "tutar", "beløp", "beløb", "сумма", "المبلغ",
    ),
    "debit": (
        "debit", "debit amount", "debits", "dr", "soll", "sollbetrag", "debe", "cargo", "dare", "debet", "debit eur",
        "accounted dr", "accounted debit", "entered dr", "entered debit", "ledger debit amount", "debit net",
        "借方金額", "借方",
        "wn", "kwota wn", "strona wn", "ma dati", "ma dat", "tartozik", "borc", "debito", "valor debito",
        "借方金额", "借方发生额", "차변", "차변금액", "дебет", "مدين",
    ),
    "credit": (
        "credit", "credit amount", "credits", "cr", "haben", "habenbetrag", "haber", "abono", "avere", "kredit",
        "accounted cr", "accounted credit", "entered cr", "entered credit", "ledger credit amount", "credit net",
        "貸方金額", "貸方",
        "ma", "kwota ma", "strona ma", "dal", "kovetel", "alacak", "credito", "valor credito", "贷方金额", "贷方",
        "贷方发生额", "대변", "대변금액", "кредит", "داين",
    ),
    "sign": (
        "s h", "sh", "soll haben", "soll haben kennzeichen", "d c", "dc", "dr cr", "debit credit", "d h", "sens",
        "debit credit indicator", "posting key", "pk", "bschl",
        "s h kennz", "s h kennzeichen", "sh kennzeichen", "drcrk", "shkzg",
        "方向",
    ),
    "scenario": (
        "scenario", "version", "plan version", "budget version", "szenario", "scenario name", "scenario code",
        "versions", "scenarios",
    ),
    "currency": (
        "currency", "currency code", "ccy", "curr", "cur", "cur code", "curr code", "ccy code",
        "wahrung", "wahrungsschlussel", "devise", "moneda", "divisa",
        "valuta code", "valuta", "lcurr", "wkz", "wkz umsatz", "waehrung", "rhcur", "local currency",
        "company code currency", "functional currency", "report currency", "rcur", "bwahr",
        "hauswahrung", "hauswahr", "hwahr", "loc curr", "local crcy", "lcur",
        "waluta", "mena", "para birimi", "moeda", "币种", "币别", "통화", "валюта", "العملة",
    ),
    "description": (
        "description", "text", "memo", "narrative", "details", "comment", "remarks", "line description", "beneficiary",
        "supplier", "supplier name", "vendor", "vendor name", "payee", "buchungstext", "verwendungszweck", "libelle",
        "libelle ecriture", "concepto", "descripcion", "descrizione", "causale", "omschrijving",
        "memo description", "label", "sgtxt", "ecriture lib", "beschreibung", "item text", "line memo",
        "摘要",
        "opis", "popis", "megnevezes", "acıklama", "historico", "descricao", "vertext", "tekst", "selite", "적요",
        "содержание", "البيان",
    ),
    "code": ("code",),
    # Of lists of departments and of accounts, where no column has a name that says more.
    "division": ("division", "division name", "directorate", "business area", "business unit name"),
    "group": ("group", "sub type", "subtype", "account subtype", "account sub type", "detail type", "gruppe"),
    "number": ("number", "no", "nr"),
    "name": ("name", "bezeichnung", "nom", "nombre", "nome", "naam"),
    "parent": (
        "parent", "parent code", "parent account", "parent department", "parent account number",
        "parent department code",
        "rolls up to",
    ),
    "type": ("type",),
    "measure": ("measure",),
    "valid_from": (
        "valid from", "valid from date", "valid since", "validity start", "effective", "effective date",
        "effective from", "effective start date", "active from", "start date active", "in force from", "gultig ab",
        "gultig von", "gultig seit", "valable du", "valable a partir du", "valido desde", "valido dal", "geldig vanaf",
    ),
    "valid_to": (
        "valid to", "valid to date", "valid until", "valid through", "validity end", "effective to", "effective until",
        "effective end date", "active to", "active until", "end date active", "end date", "closed on", "closing date",
        "expiry date", "gultig bis", "valable au", "valido hasta", "valido fino al", "geldig tot",
    ),
    "predecessor": (
        "predecessor", "predecessor code", "predecessor department", "predecessor department code", "replaces",
        "replaced department", "successor of", "split from", "merged from", "vorganger", "vorgangerkostenstelle",
    ),
    "share": ("predecessor share", "share of predecessor", "share", "anteil"),
    "origin_share": ("origin share", "share of origin"),
}  # fmt: skip
"""Field → names of headers as `plain_name` writes them, the best first."""

DIFFERENCES = {
    "variance", "var", "varianz", "abweichung", "abw", "difference", "diff", "change", "dif", "delta", "ecart", "over",
    "under",
}  # fmt: skip
COMPARED = DIFFERENCES | {
    "prior", "previous", "last", "py", "ly", "vj", "vorjahr", "percent", "pct", "percentage", "comparison", "vergleich",
    "vergleichsperiode", "vergleichszeitraum", "rel",
}  # fmt: skip
"""Words of a column that compares amounts with those of a scenario, or has those of another year."""

_MIXED_YEAR = re.compile(r"(?<![0-9])(1[01]|[1-9]) ?\+ ?(1[01]|[1-9])(?![0-9])")
_FORECAST_WORDS = {"fc", "fcst", "fcast", "forecast", "forecasts", "rf", "reforecast", "outlook"}
_MONTHS_OF_YEAR = 12

_VOICED = "\u3099\u309a"
"""Marks that make another letter of a kana, and are no accents: ハ, バ."""

_CODED = {"department", "account", "business_unit", "period", "year"}
_ENDS_OF_CODES = re.compile(r" (?:code|codes|no|nr|num|number|nummer|numero|id|key|[12])$|(?<=[a-z]{4})(?:nr|nummer)$")
"""What follows the name of a field whose values are codes: Sachkontonr., Account ID, Kostenstelle 1."""


_RANKS: Mapping[str, Mapping[str, int]] = {
    name: {word: rank for rank, word in enumerate(words)} for name, words in WORDS.items()
}


def plain_name(header: str) -> str:
    """Return a header in small letters without accents and punctuation, its words separated by one space.

    Letters of other scripts stay.
    """
    separated = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", header)  # CostCentre
    decomposed = unicodedata.normalize("NFKD", separated.replace("ß", "ss")).casefold()
    without_accents = "".join(one for one in decomposed if one in _VOICED or not unicodedata.combining(one))
    letters = unicodedata.normalize("NFC", without_accents)
    return " ".join(re.findall(r"[^\W_]+", letters))


def says_forecast(text: str) -> bool:
    """Return whether a text says that it is of a forecast by actual and planned months, such as 3+9."""
    return any(int(one) + int(other) == _MONTHS_OF_YEAR for one, other in _MIXED_YEAR.findall(text))


def names_forecast(text: str) -> bool:
    """Return whether the name of a version or a scenario is that of a forecast, such as FC 3+9 or Outlook."""
    return says_forecast(text) or bool(_FORECAST_WORDS & set(plain_name(text).split()))


def rank(field: str, header: str) -> int | None:
    """Return how well a header names a field, 0 for best; None if it does not."""
    name = plain_name(header)
    without_unit = re.sub(r" (gbp|usd|eur|chf|cad|aud|inr|jpy|k|000|000s|in thousands)$", "", name)
    ranks = _RANKS[field]
    names = [name, without_unit]
    if field in _CODED:
        names += [one for full in names for one in (_ENDS_OF_CODES.sub("", full), full.removesuffix("s"))]
    return next((ranks[one] for one in names if one in ranks), None)
