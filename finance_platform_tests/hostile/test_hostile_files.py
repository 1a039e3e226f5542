"""Hostile files beside a good one: each has its own result, the good file is loaded, and every row is accounted for.

Belongs here: refreshes of homes with hostile files. Does not belong here: the files (see `variants`), the messages of
each rule (see the unit tests of `feeds`).

By default all files are in one home, which takes one refresh. The nightly profile also refreshes a home with each file
alone, so that a file cannot hide another one's effect.
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from finance_platform_tests.end_to_end.home import Home
from finance_platform_tests.end_to_end.in_process_refresh import Refreshed, Refresher
from finance_platform_tests.hostile.variants import DESCRIPTOR, HEADER, NOTHING, Variant, all_variants
from finance_platform_tests.profiles import at_night

pytestmark = pytest.mark.end_to_end

VARIANTS = all_variants()
GOOD_FILE = "\n".join([HEADER, "G1,2024-01-05,D1,0001,100.00,good", "G2,2024-02-05,D1,0001,23.45,good"]) + "\n"
GOOD_SUM = Decimal("123.45")


def create_home(path: Path, *variants: Variant) -> Home:
    """Write the good file and hostile ones."""
    home = Home(path)
    home.write("feeds/transactions.yaml", DESCRIPTOR)
    home.write("raw/good_transactions.csv", GOOD_FILE)
    for variant in variants:
        home.write(f"raw/{variant.key}", variant.data)
    return home


def sums_by_account(home: Home) -> dict[str, Decimal]:
    """Return the published sum of each account."""
    return dict(
        home.select(
            "SELECT AccountNumber, SUM(Amount) FROM FactFinancials "
            "INNER JOIN DimAccount ON DimAccount.AccountKey = FactFinancials.AccountKey GROUP BY AccountNumber"
        )
    )


def differences(home: Home, refreshed: Refreshed, variants: list[Variant]) -> list[str]:
    """Return a sentence about each file whose state, published sum or number of rejected rows is not as expected."""
    sums = sums_by_account(home)
    rows = {row["file"]: row for row in refreshed.status.deliveries}
    sentences = []
    for variant in variants:
        unread = {"state": "unmatched" if variant.key in refreshed.status.unmatched else "unknown"}
        row = rows.get(variant.key, unread)
        found = row["state"], sums.get(variant.account, NOTHING), row.get("rejected") or 0
        if found != (variant.state, variant.published, variant.rejected):
            wanted = f"{variant.state}, {variant.published}, {variant.rejected} rejected"
            reason = row.get("reason") or row.get("rules")
            sentences.append(f"{variant.name}: {found[0]}, {found[1]}, {found[2]} rejected; not {wanted}; {reason}")
    return sentences


def test_names_and_accounts_of_the_files_are_unique():
    assert len({variant.name for variant in VARIANTS}) == len(VARIANTS) > 150
    assert len({variant.key for variant in VARIANTS}) == len(VARIANTS)


def test_each_file_of_a_home_full_of_hostile_files_has_its_own_result(tmp_path: Path, refresh: Refresher):
    home = create_home(tmp_path / "home", *VARIANTS)
    refreshed = refresh(home)
    found = differences(home, refreshed, VARIANTS)
    assert not found, "\n" + "\n".join(found)
    assert sums_by_account(home)["0001"] == GOOD_SUM
    assert not refreshed.status.reconciliation.unexplained
    for row in refreshed.status.deliveries:
        if row["state"] in {"held", "refused"}:
            assert row["reason"], row["file"]
            assert row["fix"], row["file"]
    again = refresh(home)
    assert not again.has_work, "hostile files must not be read in every run"


@at_night("each file alone: in the nightly profile")
@pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.name)
def test_a_hostile_file_alone_has_the_same_result(variant: Variant, tmp_path: Path, refresh: Refresher):
    home = create_home(tmp_path / "home", variant)
    refreshed = refresh(home)
    assert not differences(home, refreshed, [variant])
    assert sums_by_account(home)["0001"] == GOOD_SUM
    assert not refreshed.status.reconciliation.unexplained
