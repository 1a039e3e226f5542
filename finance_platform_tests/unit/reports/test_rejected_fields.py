"""Which booking a rejected row is, by the descriptor of its feed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from finance_platform.feeds.feed_set import load_feed_set
from finance_platform.feeds.resolved import ReadingRules
from finance_platform.reports.rejected_fields import booking_of
from finance_platform.settings import load_settings

DESCRIPTOR = """\
feed: ledger
kind: ledger
path: ledger*.csv
columns:
  date: {from: Date}
  department: {from: [Cost Centre, Unit]}
  account: {from: "{Group}-{Code}"}
  amount: {from: Amount}
constants: {scenario: Actual}
"""


@pytest.fixture
def rules(tmp_path: Path) -> ReadingRules:
    (tmp_path / "feeds").mkdir()
    (tmp_path / "feeds" / "ledger.yaml").write_text(DESCRIPTOR)
    settings = load_settings(home=tmp_path)
    (feed,) = [one for one in load_feed_set(settings.feeds_path).feeds if one.feed == "ledger"]
    return feed.resolve(settings).rules


@pytest.mark.parametrize(
    ("cells", "booking"),
    [
        ({"cost  CENTRE": " 0460 ", "Group": "6", "Code": "110"}, ("0460", "6-110", "")),
        ({"Unit": "D1", "Group": "6"}, ("D1", "", "")),
        ({"Cost Centre": "", "Unit": "D1", "Group": "=1", "Code": ""}, ("", "=1-", "")),
        ({"Cost Centre": "a", "cost centre": "b"}, ("", "", "")),
        (["no", "object"], ("", "", "")),
    ],
)
def test_department_and_account_are_those_of_the_cells_that_the_descriptor_names(
    rules: ReadingRules, cells: object, booking: tuple[str, str, str]
):
    assert tuple(booking_of(json.dumps(cells), rules).values()) == booking


def test_a_row_of_a_feed_that_the_home_no_longer_has_shows_none(rules: ReadingRules):
    assert set(booking_of('{"Unit": "D1"}', None).values()) == {""}
    assert set(booking_of("", rules).values()) == {""}
