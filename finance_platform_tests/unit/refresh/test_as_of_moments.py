"""`--as-of` with a time: what a person may write, and which moment it is. The states are in `end_to_end.test_as_of`."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from finance_platform.errors import AsOfError
from finance_platform.refresh.as_of import parse_moment

NOW = datetime(2025, 6, 1, 20, tzinfo=UTC)


@pytest.mark.parametrize("day", ["2025-04-30", " 2025-04-30 ", "20250430", "2025-W18-3", "2025W183"])
def test_a_day_in_any_form_is_its_end(day: str):
    assert parse_moment(day, NOW) == datetime(2025, 4, 30, 23, 59, 59, 999999, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "hour"),
    [("2025-04-30T18:00", 18), ("2025-04-30 18:00Z", 18), ("20250430T1800", 18), ("2025-04-30T18:00+02:00", 16)],
)
def test_a_time_without_a_zone_is_utc(text: str, hour: int):
    assert parse_moment(text, NOW) == datetime(2025, 4, 30, hour, tzinfo=UTC)


def test_a_time_that_is_over_is_not_refused_where_the_next_day_has_begun():
    assert parse_moment("2025-06-02T04:00+09:00", NOW) == datetime(2025, 6, 1, 19, tzinfo=UTC)


@pytest.mark.parametrize("text", ["2025-06-02", "2025-06-01T23:00-05:00"])
def test_a_day_after_today_in_utc_is_in_the_future(text: str):
    with pytest.raises(AsOfError, match="is in the future"):
        parse_moment(text, NOW)


@pytest.mark.parametrize("text", ["", "last month", "2025-13-01", "0001-01-01T00:00+14:00", "9999-12-31T23:00-10:00"])
def test_what_is_not_a_moment_is_refused_with_examples(text: str):
    with pytest.raises(AsOfError, match="is neither a close nor a time") as refused:
        parse_moment(text, NOW)
    assert "2025-04-30T18:00Z" in refused.value.fix
