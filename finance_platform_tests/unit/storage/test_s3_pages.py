"""The parts in which a bucket is listed, with a client in memory whose pages have five objects.

Does not belong here: how many requests there are for thousands of objects (see `aws/test_s3_store`).
"""

from __future__ import annotations

from collections.abc import Iterator, Set
from itertools import count
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from finance_platform.storage import s3_pages
from finance_platform.storage.s3_pages import S3Listing

_PAGE = 5
_buckets = count()


class Client:
    """As much of boto3's client as a listing needs; it refuses to be asked without an end."""

    meta = SimpleNamespace(endpoint_url="memory")

    def __init__(self) -> None:
        self.keys: Set[str] = frozenset()
        self.requests = 0

    def list_objects_v2(self, **arguments: str) -> dict[str, Any]:
        self.requests += 1
        assert self.requests < 1_000
        prefix, after = arguments["Prefix"], arguments.get("StartAfter", "")
        keys = sorted(key for key in self.keys if key.startswith(prefix) and key > after)
        if "Delimiter" in arguments:
            below = {prefix + key[len(prefix) :].partition("/")[0] for key in keys}
            folders = [{"Prefix": f"{name}/"} for name in sorted(below - set(keys))]
            return {"CommonPrefixes": folders, "Contents": sorted(below & set(keys))}
        return {"Contents": [{"Key": key} for key in keys[:_PAGE]], "IsTruncated": len(keys) > _PAGE}


@pytest.fixture(autouse=True, scope="module")
def small_parts() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(s3_pages, "_PAGE", _PAGE)
        patch.setattr(s3_pages, "_FILLED", _PAGE - 1)
        patch.setattr(s3_pages, "_FEWEST_SOUGHT", 3)
        yield


def listing_of(client: Client) -> S3Listing:
    return S3Listing(client, f"bucket-{next(_buckets)}", {})


_names = st.text("ab_", min_size=1, max_size=4) | st.integers(0, 16**8 - 1).map(lambda number: f"{number:08x}")
_keys = st.frozensets(st.builds("{}/{}".format, st.sampled_from(("x", "xy", "z")), _names), max_size=40)
_nested = st.frozensets(_names | st.builds("{}/{}".format, st.sampled_from(("a", "b_")), _names), max_size=40)
_CROWD = frozenset(f"x/part_{letter}" for letter in "abcdefg")


@given(_keys, _keys, st.sampled_from(("", "x/", "xy/", "z/")))
def test_a_listing_has_every_object_whatever_changed_since_the_last_one(
    before: frozenset[str], after: frozenset[str], prefix: str
) -> None:
    client = Client()
    listing = listing_of(client)
    for keys in (before, after):
        client.keys = keys
        listed = [entry["Key"] for entry in listing.entries(prefix)]
        assert listed == sorted(key for key in keys if key.startswith(prefix))


@given(_keys, _keys, st.lists(_keys.map(sorted), max_size=2))
def test_names_that_another_process_expects_change_no_listing(
    first: frozenset[str], second: frozenset[str], expected: list[list[str]]
) -> None:
    client = Client()
    listing = listing_of(client)
    for keys, ends in zip((first, second), [*expected, [], []], strict=False):
        client.keys = keys
        listing.expect("", ends)
        assert [entry["Key"] for entry in listing.entries("")] == sorted(keys)


def test_a_first_listing_is_requested_in_the_parts_that_are_expected() -> None:
    client = Client()
    client.keys = frozenset(f"x/part_{number:02}" for number in range(20))
    listing = listing_of(client)
    listing.expect("", [])
    listing.expect("", sorted(client.keys)[3::4])
    afters: list[str | None] = []
    requested = client.list_objects_v2

    def note(**arguments: str) -> dict[str, Any]:
        afters.append(arguments.get("StartAfter"))
        return requested(**arguments)

    client.list_objects_v2 = note  # type: ignore[method-assign]
    assert [entry["Key"] for entry in listing.entries("")] == sorted(client.keys)
    assert sorted(after for after in afters if after) == [f"x/part_{number:02}" for number in (3, 7, 11, 15, 19)]
    assert len(afters) == 6


@given(_keys | _nested, _keys | _nested)
# More objects than in a page are between a name without its last character and the name.
@example(_CROWD, frozenset({"x/part_z"}))
@example(_CROWD | {"x/part_z"}, frozenset({"x/part_f", "x/part_z"}))
def test_of_the_objects_that_are_sought_those_that_exist_are_found_once(
    existing: frozenset[str], others: frozenset[str]
) -> None:
    client = Client()
    client.keys = existing
    sought = others | set(sorted(existing)[::3])
    found = [entry["Key"] for entry in listing_of(client).find(sought)]
    assert found == sorted(existing & sought)


def test_files_in_no_folder_are_found_in_pages() -> None:
    """The shipped feeds read files at the top of the raw zone, of which the first run looks for all."""
    client = Client()
    client.keys = frozenset(f"file_{number:03}.csv" for number in range(100))
    found = [entry["Key"] for entry in listing_of(client).find(client.keys)]
    assert found == sorted(client.keys)
    assert client.requests <= 3 * len(client.keys) // _PAGE
