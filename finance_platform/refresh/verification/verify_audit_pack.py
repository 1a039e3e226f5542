"""Verifying an audit pack by itself: each member is the one that was written, and the register leads to the signature.

Belongs here: what is compared. Does not belong here: what is in a pack (see `audit_pack`), a home (see `verify`).

Who changes a member and everything that names it, the archive's comment too, leaves a pack that agrees with itself. A
head of the register that was kept elsewhere shows that of the register, the signature and what follows from them. Of
the members that have the home's figures only the hash of the whole archive does.
"""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from finance_platform.deliveries.event_chain import ChainReader, Head, decode, events_of
from finance_platform.deliveries.events import PeriodStatusChanged
from finance_platform.deliveries.register import FOLDER as REGISTER
from finance_platform.deliveries.register import events_in
from finance_platform.refresh.audit_pack import CLOSE, DECISIONS, FORMAT, MANIFEST, RAW_FILES, SIGNATURE, is_close
from finance_platform.refresh.verification.verify_pack_members import (
    find_other_decisions,
    find_other_files,
    find_other_gates,
)

_MAX_BYTES = 1_000_000_000
"""Of a member that is decoded; a small archive may unpack to more than any machine has."""


@dataclass(frozen=True)
class PackFinding:
    """Something in an audit pack that is not as it was written: the member, and why, a clause."""

    subject: str
    why: str


@dataclass(frozen=True)
class PackVerification:
    """The result.

    Attributes:
        title: the period and the entity, as the pack says.
        members: how many members were compared.
        head: the head of the register up to the close; None if the register could not be read.
        sha256: of the whole archive; empty if it is none.
        findings: what is not as it was written.
    """

    title: str
    members: int
    head: Head | None
    findings: Sequence[PackFinding]
    sha256: str = ""


def verify_audit_pack(path: Path, heads: Sequence[tuple[Head, str]] = ()) -> PackVerification:
    """Return what in an audit pack is not as it was written.

    Args:
        path: the archive.
        heads: heads of the register that were kept elsewhere, each with where.

    Raises:
        OSError: the file cannot be read.
    """
    try:
        with zipfile.ZipFile(path) as archive, path.open("rb") as file:
            return replace(_Pack(archive).verify(heads), sha256=hashlib.file_digest(file, "sha256").hexdigest())
    except zipfile.BadZipFile as error:
        return PackVerification("", 0, None, [PackFinding(path.name, f"is not an audit pack: {error}")])


@dataclass
class _Pack:
    """An open audit pack."""

    archive: zipfile.ZipFile

    def verify(self, heads: Sequence[tuple[Head, str]]) -> PackVerification:
        names = [info.filename for info in self.archive.infolist()]
        hashes = {name: self._hash(name) for name in names}
        manifest, findings = self._manifest(hashes)
        declared = manifest.get("members")
        declared = declared if isinstance(declared, Mapping) else {}
        findings += [
            PackFinding(name, "is in the archive twice") for name in sorted({n for n in names if names.count(n) > 1})
        ]
        findings += _compare_members(declared, {name: its for name, its in hashes.items() if name != MANIFEST})
        chain = self._chain(names, heads)
        for one in chain.breaks():
            place = f"{REGISTER}/{one.document:012d}.json" if one.document else "the register"
            findings.append(PackFinding(place, f"event {one.event} {one.why}" if one.event else one.why))
        findings += self._compare_close(manifest, names, hashes)
        findings += self._compare_with_events(manifest, names)
        if not findings and manifest.get("register_head") != str(chain.head):
            findings.append(PackFinding(MANIFEST, "names another head of the register than the one that the pack has"))
        title = f"{manifest.get('period', 'unknown period')} of {manifest.get('entity', 'unknown entity')}"
        return PackVerification(title, len(names), chain.head, list(dict.fromkeys(findings)))

    def _manifest(self, hashes: Mapping[str, str]) -> tuple[dict[str, Any], list[PackFinding]]:
        """Return the manifest, empty if it cannot be used, and what is wrong with it."""
        if MANIFEST not in hashes:
            return {}, [PackFinding(MANIFEST, "is missing")]
        findings = []
        if hashes[MANIFEST].encode() != self.archive.comment:
            findings.append(PackFinding(MANIFEST, "is not the one that the archive's comment names"))
        manifest = self._document(MANIFEST)
        if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
            return {}, findings or [PackFinding(MANIFEST, f"is not a manifest of format {FORMAT}")]
        return manifest, findings

    def _chain(self, names: Sequence[str], heads: Sequence[tuple[Head, str]]) -> ChainReader:
        """Return the reader of the register's documents, after the last one."""
        chain = ChainReader(heads)
        documents = sorted(name for name in names if name.startswith(f"{REGISTER}/"))
        for number, name in enumerate(documents, start=1):
            if name != f"{REGISTER}/{number:012d}.json":
                chain.add_missing(number)
            chain.add(number, self._document(name))
        return chain

    def _compare_close(
        self, manifest: Mapping[str, Any], names: Sequence[str], hashes: Mapping[str, str]
    ) -> Iterator[PackFinding]:
        """Yield what does not agree about the close: the register, the signature, the document about the close."""
        period, signature, at = (str(manifest.get(name, "")) for name in ("period", "signature", "closed_at"))
        if SIGNATURE in hashes and hashes[SIGNATURE] != signature:
            yield PackFinding(SIGNATURE, "is not the document that the close signed")
        signed = self._signed_currency()
        if signed and manifest.get("currency", signed) != signed:
            yield PackFinding(
                MANIFEST,
                f"says that amounts are {manifest['currency']}, and the close signed {signed}: write the pack anew",
            )
        documents = [self._document(name) for name in names if name.startswith(f"{REGISTER}/")]
        events = [event for document in documents for event in events_of(document)]
        closings = [event for event in events if is_close(event, period, signature, at)]
        if not closings:
            yield PackFinding("the register", "does not have the close that the manifest names")
        close = self._document(CLOSE) if CLOSE in hashes else None
        if CLOSE in hashes and (not isinstance(close, Mapping) or close.get("event") not in closings):
            yield PackFinding(CLOSE, "is not the close that the register has")

    def _compare_with_events(self, manifest: Mapping[str, Any], names: Sequence[str]) -> Iterator[PackFinding]:
        """Yield what members say otherwise than the register does; nothing of a register that cannot be read."""
        register = {name: self._bytes(name) for name in names if name.startswith(f"{REGISTER}/")}
        events = events_in({name: data for name, data in register.items() if data is not None})
        if not events or None in register.values():
            return
        period, signature, at = (str(manifest.get(name, "")) for name in ("period", "signature", "closed_at"))
        closed = [
            event
            for event in events
            if isinstance(event, PeriodStatusChanged)
            and (event.period, event.signature, event.at) == (period, signature, at)
        ]
        close = self._document(CLOSE)
        if closed and isinstance(close, Mapping):
            yield from (PackFinding(CLOSE, why) for why in find_other_gates(close, closed[-1]))
        until = [event for event in events if event.at <= at]
        currency = self._signed_currency() or str(manifest.get("currency", ""))
        if (decisions := self._bytes(DECISIONS)) is not None:
            yield from (PackFinding(DECISIONS, why) for why in find_other_decisions(decisions, until, currency))
        if (files := self._bytes(RAW_FILES)) is not None:
            yield from (PackFinding(RAW_FILES, why) for why in find_other_files(files, until))

    def _signed_currency(self) -> str:
        """Return the currency of the signed figures; empty if the signature does not say it."""
        signature = self._document(SIGNATURE)
        settings = signature.get("settings") if isinstance(signature, Mapping) else None
        return str(settings.get("currency") or "") if isinstance(settings, Mapping) else ""

    def _hash(self, name: str) -> str:
        """Return the hash of a member; empty if it is damaged."""
        digest = hashlib.sha256()
        try:
            with self.archive.open(name) as stream:
                while data := stream.read(1_000_000):
                    digest.update(data)
        except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, OSError):
            return ""
        return digest.hexdigest()

    def _document(self, name: str) -> object:
        """Return a member of JSON; None if it is none."""
        data = self._bytes(name)
        return None if data is None else decode(data)

    def _bytes(self, name: str) -> bytes | None:
        """Return a member; None if it is missing, damaged or too large."""
        if name not in self.archive.NameToInfo or self.archive.getinfo(name).file_size > _MAX_BYTES:
            return None
        try:
            return self.archive.read(name)
        except (zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError, OSError):
            return None


def _compare_members(declared: Mapping[str, Any], hashes: Mapping[str, str]) -> Iterator[PackFinding]:
    for name in sorted(declared.keys() | hashes.keys()):
        entry = declared.get(name)
        if name not in hashes:
            yield PackFinding(name, "is missing")
        elif entry is None:
            yield PackFinding(name, "is not in the manifest: somebody added it")
        elif not hashes[name]:
            yield PackFinding(name, "is damaged")
        elif not isinstance(entry, Mapping) or entry.get("sha256") != hashes[name]:
            yield PackFinding(name, "is not the one that was written: its SHA-256 differs")
