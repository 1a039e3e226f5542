"""The rows of a table by delivery, by column.

Belongs here: which rows are of which delivery. Does not belong here: what is made of them (see `account_counts`,
`members_by_delivery`).

Apart from these modules, since both divide tables of a home with 50,000 accounts, in which a row must not become an
object of Python.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
import pyarrow as pa


def by_delivery(table: pa.Table) -> Iterator[tuple[str, pa.Table]]:
    """Yield each delivery and its rows, in the order of the deliveries' first rows.

    Args:
        table: rows with `delivery_id`, as text or as a dictionary of texts.
    """
    if not len(table):
        return
    encoded = table["delivery_id"].cast("string").combine_chunks().dictionary_encode()
    names, places = encoded.dictionary.to_pylist(), encoded.indices.to_numpy()
    if len(names) == 1:
        yield names[0], table
        return
    order = np.argsort(places, kind="stable")
    rows, bounds = table.take(pa.array(order)), np.searchsorted(places[order], np.arange(len(names) + 1))
    for name, (start, end) in zip(names, pairwise(bounds), strict=True):
        yield name, rows.slice(start, end - start)
