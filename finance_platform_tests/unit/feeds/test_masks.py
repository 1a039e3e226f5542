"""Columns that mark rows, and texts at some of them."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from finance_platform.feeds.violations import to_mask

VALUES = [True, None, False, True, True, False, None, True, False, True, True]


@pytest.mark.parametrize("first", range(len(VALUES) + 1))
def test_a_mask_is_true_where_the_value_is_also_of_a_part_of_a_column(first: int):
    column = pa.array(VALUES, pa.bool_())[first:]
    mask = to_mask(column)
    assert mask.dtype == np.bool_
    assert mask.tolist() == [value is True for value in VALUES[first:]]
    mask &= ~mask
    assert column.to_pylist() == VALUES[first:], "the column is another object"
    assert to_mask(column.is_valid()).tolist() == [value is not None for value in VALUES[first:]]
