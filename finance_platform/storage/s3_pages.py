"""Listing a bucket: a page of a thousand objects at a time, and pages of a large folder several at once.

Belongs here: where a listing can be cut so that its parts are requested at the same time. Does not belong here: what an
object is (see `s3`), reading many objects (see `bulk_read`).

S3 names the next page only in the one before, so twenty thousand objects are twenty requests one after another, and a
run lists the deliveries several times. But a listing may start at any name, existing or not. Where the names are hashes
they are evenly spread, so the first page says where the others begin; folders with other names are listed one by one.
Where a process has listed a folder before, the names that it found then say so, whatever they are. And where the names
of the objects are known, only what lies between them is listed. `expect` takes the names of an earlier process.
A wrong guess costs a request and nothing else: the parts meet at names, whatever objects there are between them.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby, pairwise
from typing import Any

from finance_platform.storage.port import PART_OBJECTS
from finance_platform.storage.s3_errors import S3Operation, translate_s3_errors

Entry = Mapping[str, Any]
"""An object as S3 lists it: Key, Size, ETag, LastModified and more."""

_THREADS = 10
"""The number of connections of a boto3 client, and of pages that are in memory at once."""

_HASH = re.compile(r"[0-9a-f]{8}")
_SPACE = 16**8
_EVENLY = 0.02
"""Of hashes, the first of a page of a thousand lies within this share of the page, but for one listing in 500 million;
a date such as 20250131 does not."""

_FILLED = PART_OBJECTS
"""The number of objects that a part should have, so that almost every part is one request."""

_MOST_FOLDERS = 100

_PAGE = 1000

_FEWEST_SOUGHT = 100
"""So many objects are looked for in one part, however far they are from each other."""

_FEW_SOUGHT = 3
"""So few objects are looked for one by one, at once: they may be in different pages."""

_ENDS: dict[tuple[str, str, str], Sequence[str]] = {}
"""By server, bucket and prefix: the last name of each part but the last, as the last listing or search found them."""


@dataclass(frozen=True)
class _Page:
    entries: Sequence[Entry]
    is_last: bool

    @property
    def end(self) -> str:
        """The last key."""
        return str(self.entries[-1]["Key"])

    def names(self, prefix: str) -> list[str]:
        """The keys without their prefix."""
        return [str(entry["Key"])[len(prefix) :] for entry in self.entries]


class S3Listing:
    """The objects of a bucket.

    Args:
        client: boto3's client of S3; threads may share it.
        bucket: the bucket.
        arguments: what each request has beside bucket and prefix.
    """

    def __init__(self, client: Any, bucket: str, arguments: Mapping[str, Any]) -> None:
        self._client = client
        self._bucket = bucket
        self._arguments = arguments

    def entries(self, prefix: str, after: str = "") -> Iterator[Entry]:
        """Yield the objects whose keys begin with a prefix, ordered by key; the first page is requested first.

        Args:
            prefix: of the keys; a folder with its `/`.
            after: leave out this key and those before it.
        """
        if after:
            yield from self._from_first_page(prefix, after)
            return
        known = self._ends(prefix)
        yield from self._noted(prefix, self._known_parts(prefix, known) if known else self._from_first_page(prefix))

    def _ends(self, prefix: str) -> Sequence[str]:
        """Return the last name of each part but the last of a prefix; none if nothing is known of it."""
        return _ENDS.get((self._client.meta.endpoint_url, self._bucket, prefix), ())

    def expect(self, prefix: str, ends: Sequence[str]) -> None:
        """Cut the next listing of a prefix at some names, unless this process has listed it before.

        Args:
            prefix: of the keys.
            ends: keys in order; objects that have come since are in the parts all the same.
        """
        if ends and not self._ends(prefix):
            _ENDS[self._client.meta.endpoint_url, self._bucket, prefix] = tuple(sorted(ends))

    def _noted(self, prefix: str, entries: Iterable[Entry]) -> Iterator[Entry]:
        """Yield objects of a prefix, ordered by key, and note at their end where parts of it end."""
        ends: list[str] = []
        number = 0
        for number, entry in enumerate(entries, start=1):
            if not number % _FILLED:
                ends.append(str(entry["Key"]))
            yield entry
        _ENDS[self._client.meta.endpoint_url, self._bucket, prefix] = ends if number > _PAGE else ()

    def find(self, keys: Iterable[str], base: str = "") -> Iterator[Entry]:
        """Yield those of some objects that exist, ordered by key.

        What lies between them is listed, a page at a time, and what lies beyond a page up to the next one is skipped.

        Args:
            keys: the objects.
            base: what all keys begin with; the folders below it are listed apart, and objects in none of them together.
        """

        def folder_of(key: str) -> str:
            name, mark, _ = key[len(base) :].partition("/")
            return f"{base}{name}/" if mark else base

        parts: list[list[str]] = []
        large = set()
        for folder, of_folder in groupby(sorted(keys), key=folder_of):
            sought = list(of_folder)
            size = min(_FILLED, max(_FEWEST_SOUGHT, -(-len(sought) // _THREADS))) if len(sought) > _FEW_SOUGHT else 1
            parts += [sought[first : first + size] for first in range(0, len(sought), size)]
            if folder != base and len(sought) > max(_PAGE, _FILLED * len(self._ends(folder))):
                large.add(folder)
        for folder, entries in groupby(self._find_parts(parts), key=lambda entry: folder_of(entry["Key"])):
            yield from self._noted(folder, entries) if folder in large else entries  # noqa: B031  used once

    def _find_parts(self, parts: Sequence[Sequence[str]]) -> Iterator[Entry]:
        with ThreadPoolExecutor(_THREADS) as threads:
            for first in range(0, len(parts), _THREADS):
                for found in threads.map(self._find, parts[first : first + _THREADS]):
                    yield from found

    def _find(self, keys: Sequence[str]) -> list[Entry]:
        """Return those of some objects that exist; `keys` are in order."""
        prefix, sought = _common_start(keys[0], keys[-1]), frozenset(keys)
        found: list[Entry] = []
        place, end = 0, ""
        while place < len(keys):
            # A name without its last character sorts before it, and mostly next to it.
            page = self._page(prefix, max(keys[place][:-1], end))
            found += [entry for entry in page.entries if entry["Key"] in sought]
            if page.is_last:
                break
            end = page.end
            place = bisect_right(keys, end, place)
        return found

    def _known_parts(self, prefix: str, ends: Sequence[str]) -> Iterator[Entry]:
        """Yield the objects of parts that end at known names, several parts at once."""
        parts = list(pairwise(["", *ends, ""]))
        with ThreadPoolExecutor(_THREADS) as threads:
            for first in range(0, len(parts), _THREADS):
                for part in threads.map(lambda ends: self._part(prefix, *ends), parts[first : first + _THREADS]):
                    yield from part

    def _from_first_page(self, prefix: str, after: str = "") -> Iterator[Entry]:
        first = self._page(prefix, after)
        yield from first.entries
        if not first.is_last:
            yield from self._after(prefix, first, is_whole=not after)

    def _after(self, prefix: str, page: _Page, *, is_whole: bool) -> Iterator[Entry]:
        """Yield the objects after a page; `is_whole` says that the page is the first of all with the prefix."""
        if is_whole and (share := _share(prefix, page)):
            yield from self._parts(prefix, page, share)
        elif is_whole and (folders := self._folders(prefix, page)):
            yield from self._from_folders(folders, page.end)
        else:
            while not page.is_last:
                page = self._page(prefix, page.end)
                yield from page.entries

    def _parts(self, prefix: str, first: _Page, share: float) -> Iterator[Entry]:
        """Yield the objects after the first page, which has a share of all possible names; several parts at once."""
        after, place, density = first.end, share, len(first.entries) / share
        with ThreadPoolExecutor(_THREADS) as threads:
            while place < 1:
                places = [place + number * _FILLED / density for number in range(1, _THREADS + 1)]
                ends = [_name(prefix, end) for end in places if end < 1]
                ends += [""] if len(ends) < _THREADS else []
                found = 0
                for part in threads.map(lambda ends: self._part(prefix, *ends), pairwise([after, *ends])):
                    found += len(part)
                    yield from part
                # Where the names are not spread as in the first page, the next parts are wider or narrower.
                after, start, place = ends[-1], place, places[len(ends) - 1]
                density = max(found, 1) / (place - start)

    def _part(self, prefix: str, after: str, last: str) -> list[Entry]:
        """Return the objects after a name and up to another one, or up to the end if that is empty."""
        found: list[Entry] = []
        while True:
            page = self._page(prefix, after)
            found += [entry for entry in page.entries if not last or entry["Key"] <= last]
            if page.is_last or (last and page.end > last):
                return found
            after = page.end

    def _from_folders(self, folders: Sequence[str], after: str) -> Iterator[Entry]:
        """Yield the objects of folders after a key, the first pages of the folders several at once."""
        # All keys of a folder that sorts before the key, and is not its folder, sort before it too.
        left = [folder for folder in folders if folder > after or after.startswith(folder)]
        with ThreadPoolExecutor(_THREADS) as threads:
            for first in range(0, len(left), _THREADS):
                some = left[first : first + _THREADS]
                unknown = [folder for folder in some if not self._ends(folder)]
                pages = dict(zip(unknown, threads.map(self._page, unknown), strict=True))
                for folder in some:
                    page = pages.get(folder)
                    if page is None:
                        rest = self._known_parts(folder, self._ends(folder))
                    else:
                        yield from (entry for entry in page.entries if entry["Key"] > after)
                        rest = iter(()) if page.is_last else self._after(folder, page, is_whole=True)
                    yield from (entry for entry in rest if entry["Key"] > after)

    def _folders(self, prefix: str, first: _Page) -> list[str]:
        """Return the folders directly below a prefix, if all objects are in few folders; else none."""
        if not all("/" in name for name in first.names(prefix)):
            return []
        with translate_s3_errors(S3Operation("list", self._bucket, prefix)):
            page = self._client.list_objects_v2(Bucket=self._bucket, Prefix=prefix, Delimiter="/", **self._arguments)
        folders = sorted(entry["Prefix"] for entry in page.get("CommonPrefixes", ()))
        is_all = not page.get("IsTruncated") and not page.get("Contents")
        return folders if is_all and 1 < len(folders) <= _MOST_FOLDERS else []

    def _page(self, prefix: str, after: str = "") -> _Page:
        start = {"StartAfter": after} if after else {}
        with translate_s3_errors(S3Operation("list", self._bucket, prefix)):
            page = self._client.list_objects_v2(Bucket=self._bucket, Prefix=prefix, **start, **self._arguments)
        entries = page.get("Contents", ())
        return _Page(entries, is_last=not page.get("IsTruncated") or not entries)


def _common_start(one: str, other: str) -> str:
    """Return the characters with which two texts begin alike; in an ordered sequence, so do all between them."""
    pairs = zip(one, other, strict=False)
    return one[: next((place for place, (mine, theirs) in enumerate(pairs) if mine != theirs), len(one))]


def _share(prefix: str, page: _Page) -> float:
    """Return the share of all possible names that are in the first page; zero if names are not evenly spread."""
    names = page.names(prefix)
    if not all(map(_HASH.match, names)) or all(name[:8].isdigit() for name in names):
        return 0
    first, last = (int(name[:8], 16) / _SPACE for name in (names[0], names[-1]))
    return last if first <= _EVENLY * last else 0


def _name(prefix: str, place: float) -> str:
    return f"{prefix}{int(place * _SPACE):08x}"
