"""`feed draft` for journals in languages beyond those of Western Europe, in UTF-8 and as Excel writes them there."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from finance_platform_tests.unit.feeds.drafts import checked, draft

JOURNALS = {
    "cp1250": (
        "Data księgowania;Numer dowodu;Konto;Nazwa konta;MPK;Kwota Wn;Kwota Ma;Opis",
        "Datum;Doklad;Účet;Název účtu;Středisko;Má dáti;Dal;Popis",
        "Könyvelés dátuma;Bizonylat;Főkönyvi szám;Név;Költséghely;Tartozik;Követel;Megnevezés",
    ),
    "cp1251": ("Дата;Документ;Счет;Название;Подразделение;Дебет;Кредит;Содержание",),
    "cp1252": (
        "Data;Lançamento;Conta;Descrição da Conta;Centro de Custo;Débito;Crédito;Histórico",
        "Verdatum;Vernr;Konto;Benämning;Kostnadsställe;Debet;Kredit;Vertext",
        "Dato;Bilagsnr;Konto;Kontonavn;Avdeling;Debet;Kredit;Beløpstekst",
    ),
    "cp1254": ("Tarih;Fiş No;Hesap Kodu;Hesap Adı;Masraf Merkezi;Borç;Alacak;Açıklama",),
    "cp1256": ("التاريخ;القيد;رقم الحساب;اسم الحساب;مركز التكلفة;مدين;دائن;البيان",),
    "cp949": ("일자;전표번호;계정코드;계정과목명;부서코드;차변;대변;적요",),
    "gb18030": (
        "日期;凭证字号;科目代码;科目名称;部门;借方金额;贷方金额;摘要",
        "制单日期;凭证号数;科目编码;科目名称;部门编码;借方;贷方;摘要",
    ),
}  # fmt: skip
"""Encoding of Excel in a country to headers, of a date, a voucher, an account and its name, a department, two sides."""

ROWS = (
    "03.03.2025;B1;401;Zużycie materiałów;100;1234,50;;x",
    "03.03.2025;B1;201;;900;;1234,50;x",
    "14.03.2025;B2;402;Úklid;200;99,00;;x",
    "14.03.2025;B2;201;;900;;99,00;x",
)


def names(header: str) -> list[str]:
    return header.split(";")


@pytest.mark.parametrize("header", [header for several in JOURNALS.values() for header in several])
def test_headers_of_a_journal_name_their_fields_in_many_languages(header: str, tmp_path: Path):
    text = "\n".join([header, *ROWS]) + "\n"
    columns = yaml.safe_load(draft(text))["columns"]
    date, _, account, _, department, debit, credit, _ = names(header)
    assert (columns["account"], columns["department"], columns["date"]["from"]) == (account, department, date)
    assert columns["amount"]["from"] == {"debit": debit, "credit": credit}
    check = checked(tmp_path, text)
    assert check.is_fine
    assert [str(count.amount) for count in check.sums.values()] == ["0.00"]


@pytest.mark.parametrize(
    ("header", "encoding"),
    [(header, encoding) for encoding, several in JOURNALS.items() if encoding != "cp1256" for header in several],
)
def test_known_headers_give_the_encoding_of_a_file_that_is_not_utf8(header: str, encoding: str):
    rows = [row for row in ROWS if "ż" not in row and "Ú" not in row] if encoding != "cp1250" else ROWS
    written = draft(("\n".join([header, *rows]) + "\n").encode(encoding))
    assert yaml.safe_load(written).get("dialect", {}).get("encoding") == encoding
    assert yaml.safe_load(written)["columns"]["account"] == names(header)[2]


@pytest.mark.parametrize(
    "text",
    [
        "Date comptable;Numéro de compte;Centre de coût;Débit;Crédit;Libellé\n03.03.2025;6064;100;5,00;;Pérù m³achat\n",
        "Fecha;Cuenta;Centro de coste;Debe;Haber;Descripción\n03.03.2025;6064;100;5,00;;¿Qué? Nºfactura\n",
        "Dato;Konto;Afdeling;Debet;Kredit;Beløbstekst\n03.03.2025;6064;100;5,00;;Crème brûlée på Sørø\n",
        "Datum;Konto;Kostenstelle;Soll;Haben;Gegenkonto (Schlüssel)\n03.03.2025;6064;100;5,00;;70001\n",
    ],
)
def test_western_headers_are_not_taken_for_those_of_another_encoding(text: str):
    assert yaml.safe_load(draft(text.encode("cp1252")))["dialect"]["encoding"] == "cp1252"
