"""The load ledger: which version of which slice is published, written in the transaction of the slice itself.

Belongs here: reading the ledger, and adding a load's rows to it.
Does not belong here: the data (see `load`), the register of the raw zone (see `lake`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from itertools import batched

from finance_platform.contracts.star import LOAD_LEDGER, STAR
from finance_platform.warehouse.plan import SliceName, SliceToLoad
from finance_platform.warehouse.port import LoadConnection, NoWarehouseYetError, Queryable
from finance_platform.warehouse.statements import SqlFile, insert_rows, statement
