"""The law for a fresh home: the files that lie there, taken all at once, give the star that they gave one by one.

It holds where files have an order of their own and nothing was held, accepted, withdrawn or lost; see the design.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyspark.sql import SparkSession

from finance_platform_tests.law.home import FIRST_MOMENT, LawHome
from finance_platform_tests.law.machine import ACCOUNT_FILES, FEEDS, LEDGER_FILES, SPANS
from finance_platform_tests.law.sent import Content, SentAccount, SentRow, as_bytes

ORDERED = [replace(feed, order="name") for feed in FEEDS]
NAMES = [(feed, span) for feed in ORDERED for span in SPANS]
"""Every file's number is its own, so that no two of them depend on when they came."""

FILES = st.integers(0, len(NAMES) - 1).flatmap(
    lambda n: st.tuples(st.just(n), ACCOUNT_FILES if NAMES[n][0].kind == "accounts" else LEDGER_FILES)
)


@settings(max_examples=3, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
@given(batches=st.lists(st.lists(FILES, min_size=1, max_size=4), min_size=3, max_size=4))
def test_the_files_that_are_left_give_the_same_star_at_once(
    spark: SparkSession, batches: Sequence[Sequence[tuple[int, Content]]]
):
    folder = Path(tempfile.mkdtemp(prefix="law-"))
    try:
        home, fresh = (LawHome(folder / name, spark) for name in ("home", "fresh"))
        for one in (home, fresh):
            for feed in ORDERED:
                one.describe(feed.name, feed.descriptor())
        for number, files in enumerate(batches):
            for nth, content in files:
                feed, span = NAMES[nth]
                at = FIRST_MOMENT + timedelta(days=number, hours=-nth)
                home.put(f"{feed.name}/{span}_v{nth}.csv", as_bytes(feed.kind, _marked(content, nth)), at)
            home.refresh()
        assert list(home.state().stopped) == []
        shutil.copytree(folder / "home" / "raw", folder / "fresh" / "raw")
        fresh.refresh()
        assert fresh.tables() == home.tables()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _marked(content: Content, nth: int) -> Content:
    """Return the content with a row of its own: the same one under two names would be held."""
    if NAMES[nth][0].kind == "accounts":
        return (*(row for row in content if isinstance(row, SentAccount)), SentAccount(f"own{nth}", ""))
    own = SentRow(f"own{nth}", "2024-01-01", "D1", "4000", "Forecast", str(nth))
    return (*(row for row in content if isinstance(row, SentRow)), own)
