"""The law for a fresh home: the files that lie there, taken all at once, give the star that they gave one by one.

It holds where files have an order of their own and nothing was held, accepted, withdrawn or lost; see the design.
"""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import replace
from pathlib import Path
from random import Random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyspark.sql import SparkSession

from finance_platform_tests.model_based.chance import FEEDS, SPANS, content, moment
from finance_platform_tests.model_based.home import LawHome
from finance_platform_tests.model_based.sent import Content, SentAccount, SentRow, as_bytes
from finance_platform_tests.profiles import at_night, current_profile

BATCHES = 4
HOMES = max(1, current_profile().law_homes // 4)
ORDERED = [replace(feed, order="name") for feed in FEEDS]
NAMES = [(feed, span) for feed in ORDERED for span in SPANS]
"""Every file's number is its own, so that no two of them depend on when they came."""


@at_night("homes with eight refreshes; the law has smaller ones")
@settings(max_examples=HOMES, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 2**32 - 1))
def test_the_files_that_are_left_give_the_same_star_at_once(spark: SparkSession, seed: int):
    folder, chance = Path(tempfile.mkdtemp(prefix="law-")), Random(seed)
    try:
        home, fresh = (LawHome(folder / name, spark) for name in ("home", "fresh"))
        for one in (home, fresh):
            for feed in ORDERED:
                one.describe(feed.name, feed.descriptor())
        for _ in range(BATCHES):
            for nth in chance.sample(range(len(NAMES)), 5):
                feed, span = NAMES[nth]
                key = f"{feed.name}/{span}_v{nth}.csv"
                home.put(key, as_bytes(feed.kind, _marked(content(chance, key), nth)), moment(chance))
            home.refresh()
        types = {"4000": "Revenue", "5000": "Expense", "2000": "Liability", "9000": "Equity"}
        accounts = tuple(SentAccount(number, its_type) for number, its_type in types.items())
        home.put("accounts/2024-01_2024-01_v99.csv", as_bytes("accounts", accounts), moment(chance))
        home.refresh()
        assert not home.is_blocked
        assert list(home.state().inactive) == []
        shutil.copytree(folder / "home" / "raw", folder / "fresh" / "raw")
        fresh.refresh()
        assert fresh.tables() == home.tables()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _marked(rows: Content, nth: int) -> Content:
    """Return the content with a row of its own: the same one under two names would be held."""
    if NAMES[nth][0].kind == "accounts":
        return (*(row for row in rows if isinstance(row, SentAccount)), SentAccount(f"own{nth}", ""))
    own = SentRow(f"own{nth}", "2024-01-01", "D1", "4000", "Forecast", str(nth))
    return (*(row for row in rows if isinstance(row, SentRow)), own)
