"""Columns that nothing reads and that name whose amounts lines have: vendors, people, regions, projects, contracts.

Belongs here: finding them by their headers. Does not belong here: which lines are compared (see `repeated_sheets`,
`spelled_scenarios`), columns that say what an amount means (see `unread_meanings`).

Two lines that differ in such a name are two, although month, department, account and even the amount are equal.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from finance_platform.feeds.cells import FieldSource
from finance_platform.feeds.doubts.summed_texts import COMPANIES
from finance_platform.feeds.values.codes import fold
from finance_platform.feeds.values.header_words import plain_name

_THINGS = (
    *("vendor", "supplier", "creditor", "payee", "customer", "client", "debtor", "employee", "staff", "person"),
    *("project", "job", "order", "contract", "lease", "tenant", "property", "building", "asset", "vehicle", "product"),
    *("item", "sku", "store", "shop", "branch", "location", "site", "region", "country", "channel", "cost object"),
    *("internal order", "wbs element", "policy", "loan"),
    *("lieferant", "kreditor", "kunde", "debitor", "mitarbeiter", "projekt", "auftrag", "vertrag", "mieter", "objekt"),
    *("anlage", "fahrzeug", "produkt", "artikel", "standort", "laden"),
    *("fournisseur", "client", "salarie", "projet", "contrat", "locataire", "produit", "article", "magasin"),
    *("proveedor", "cliente", "empleado", "proyecto", "contrato", "producto", "articulo", "tienda"),
    *("fornitore", "dipendente", "progetto", "contratto", "prodotto", "articolo", "negozio"),
    *("leverancier", "klant", "medewerker", "project", "winkel"),
)
_ENDINGS = ("", " name", " no", " nr", " number", " id", " code", "name", "nummer", "nr")
_NAMES = COMPANIES.union(thing + ending for thing in _THINGS for ending in _ENDINGS)


def names_of_lines(header: Iterable[str], sources: Mapping[str, FieldSource]) -> tuple[str, ...]:
    """Return the headers of columns that say whose amounts lines have, and that no field reads.

    Args:
        header: the names of the table's columns.
        sources: where the fields of its lines come from.
    """
    read = {fold(name) for source in sources.values() for name in source.headers}
    return tuple(name for name in header if plain_name(name) in _NAMES and fold(name) not in read)
