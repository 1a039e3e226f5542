"""How thorough the tests are: a profile per occasion, chosen by the environment variable TEST_PROFILE.

Belongs here: what a profile changes. Does not belong here: which tests run (see the Makefile and the markers).
"""

from __future__ import annotations

import os
from dataclasses import dataclass

import pytest
from hypothesis import settings


@dataclass(frozen=True)
class Profile:
    """A degree of thoroughness.

    Attributes:
        name: as TEST_PROFILE gives it.
        examples: how many examples a property tries; other ones in each run of a developer, ten times as many at night.
        is_random: whether examples differ from run to run.
        law_homes: how many homes the law tries.
        law_refreshes: how many refreshes each of these homes has.
        law_stories: how many stories of deliveries the law tries without building a star.
        is_exhaustive: whether a run is broken off at every point, rather than at a sample of them, and the published
            ledger is built on the JVM too.
    """

    name: str
    examples: int
    is_random: bool
    law_homes: int
    law_refreshes: int
    law_stories: int
    is_exhaustive: bool = False

    def examples_of_slow(self, count: int) -> int:
        """Return how many examples a property tries that would take long with `count`; exhaustive profiles try all."""
        return count if self.is_exhaustive else max(1, count // 4)


PROFILES = {
    profile.name: profile
    for profile in (
        Profile("dev", examples=30, is_random=True, law_homes=1, law_refreshes=7, law_stories=20),
        # The same examples in every run, so that a failure is about the change and not about chance.
        Profile("ci", examples=30, is_random=False, law_homes=1, law_refreshes=7, law_stories=20),
        Profile(
            "nightly",
            examples=500,
            is_random=True,
            law_homes=1000,
            law_refreshes=16,
            law_stories=8000,
            is_exhaustive=True,
        ),
    )
}


def current_profile() -> Profile:
    """Return the profile of this run: TEST_PROFILE, else `ci` where CI is set, else `dev`."""
    return PROFILES[os.environ.get("TEST_PROFILE") or ("ci" if os.environ.get("CI") == "true" else "dev")]


def at_night(shown_by: str) -> pytest.MarkDecorator:
    """Return the mark of a test that only the nightly profile runs, and what shows the same by day (080)."""
    return pytest.mark.skipif(not current_profile().is_exhaustive, reason=shown_by)


def load_hypothesis_profile() -> None:
    """Apply the profile to every property that does not say otherwise."""
    profile = current_profile()
    settings.register_profile(
        "finance_platform",
        # A property holds or not, however busy the machine is; other tests measure time.
        deadline=None,
        max_examples=profile.examples,
        derandomize=not profile.is_random,
        print_blob=True,
    )
    settings.load_profile("finance_platform")
