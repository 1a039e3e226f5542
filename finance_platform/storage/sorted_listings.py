"""Keys, folders and sorted listings: what is where in a listing, and which names concern it.

Belongs here: pure functions of keys, and of lists of objects in the order of their keys. Does not belong here: stores
(see `listing_store`).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection
from itertools import accumulate

from finance_platform.storage.port import HIDDEN_PREFIXES, StoredObject

BEHIND = chr(ord("/") + 1)
"""What follows on a folder's slash: no key is between the objects of a folder and its name with this behind it."""


def first_folder(key: str) -> str:
    """Return the first folder of a key; empty if it is in none."""
    return key.partition("/")[0] if "/" in key else ""


def is_hidden(key: str) -> bool:
    """Return whether no listing has a key."""
    return any(part.startswith(HIDDEN_PREFIXES) for part in key.split("/"))


def is_among(key: str, names: Collection[str]) -> bool:
    """Return whether a key is one of some names, or in a folder that is one of them, with its `/`."""
    return key in names or any(folder in names for folder in accumulate(f"{one}/" for one in key.split("/")[:-1]))


def is_in(key: str, name: str) -> bool:
    """Return whether an object is in a folder that is named with its `/`."""
    return name.endswith("/") and key.startswith(name)


def concerns(name: str, prefix: str) -> bool:
    """Return whether the listing of a folder, or of everything, has a key, or objects of a folder with its `/`."""
    folder = f"{prefix}/"
    return not prefix or name.startswith(folder) or is_in(folder, name)


def is_below(key: str, prefix: str) -> bool:
    """Return whether the listing of a folder, or of everything, has an object."""
    return not prefix or key.startswith(f"{prefix}/")


def places_of(listing: list[StoredObject], name: str) -> slice:
    """Return the places in a listing of an object, or of the objects of a folder with its `/`."""
    first = bisect_left(listing, name, key=key_of)
    if name.endswith("/"):
        return slice(first, bisect_left(listing, f"{name[:-1]}{BEHIND}", key=key_of))
    return slice(first, first + (first < len(listing) and listing[first].key == name))


def find_item(listing: list[StoredObject], key: str) -> StoredObject | None:
    """Return an object of a listing; None if that lacks it."""
    place = bisect_left(listing, key, key=key_of)
    return listing[place] if place < len(listing) and listing[place].key == key else None


def key_of(item: StoredObject) -> str:
    """Return the key that listings are sorted by."""
    return item.key
