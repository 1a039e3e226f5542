"""The audit pack of a close: everything that an auditor needs of it, in one archive that can be verified by itself.

Belongs here: what is in it. Does not belong here: reading it again (see `verify_audit_pack`), the state that was signed
(see `as_of`), the report pack (see `report_pack`).

The register's documents and the signature are in it byte for byte, so the chain of events and the signature can be
verified without the home. The same close gives the same bytes: the archive has no times but those of the close.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from finance_platform.contracts.star import DECISION_AMOUNT
from finance_platform.deliveries.event_chain import ChainReader, decode, events_of
from finance_platform.deliveries.events import Event, PeriodStatusChanged
from finance_platform.deliveries.register import FOLDER as REGISTER
from finance_platform.deliveries.register import Register
from finance_platform.errors import AsOfError
from finance_platform.quality.gates import GATES
from finance_platform.refresh.as_of import PublishedState
from finance_platform.refresh.report_pack import read_published_pack
from finance_platform.reports.history import decisions_in, rows_of
from finance_platform.reports.movements import movement_rows
from finance_platform.reports.pack.page import render
from finance_platform.reports.pack.workbook.figures import read_workbook_figures
from finance_platform.reports.pack.workbook.write import workbook_bytes
from finance_platform.reports.reconciliation import reconcile
from finance_platform.reports.rejected_rows import COLUMNS, RejectedRows
from finance_platform.reports.statement import as_json
from finance_platform.safe_text import spreadsheet_cell
from finance_platform.settings import Settings
from finance_platform.slices.signatures import FOLDER as SIGNATURES
from finance_platform.slices.signatures import signed_closings
from finance_platform.storage.port import ObjectStore
from finance_platform.warehouse.port import Queryable

MANIFEST, CLOSE, SIGNATURE = "manifest.json", "close.json", "signature.json"
DECISIONS, RAW_FILES = "decisions.csv", "raw_files.csv"
FORMAT = 1
"""Of the archive; a later release that changes it reads the earlier ones too."""

_EPOCH = (1980, 1, 1, 0, 0, 0)
_MODE = 0o644 << 16


def audit_pack(
    processed: ObjectStore, published: Queryable, shown: Queryable, settings: Settings, state: PublishedState
) -> bytes:
    """Return the audit pack of a close as an archive.

    Args:
        processed: the processed zone.
        published: the warehouse; its movements up to the close are in the pack.
        shown: a warehouse with what was signed.
        settings: the home.
        state: what was signed.

    Raises:
        AsOfError: no close signed the state.
        WorkbookSizeError: the workbook has too many rows for its format.
    """
    settings = state.with_settings(settings)
    events = Register(processed).events()
    at = state.at.isoformat()
    closings = [one for one in signed_closings(events) if one.period == state.period and _is_at(one, state.at)]
    if not closings:
        raise AsOfError(f"no close signed the state of {at}", fix="ask for the audit pack of a closed period")
    closing = closings[-1]
    until = [event for event in events if event.at <= closing.at]
    pack = read_published_pack(processed, shown, settings, state=state)
    register = _register_until(processed, closing)
    members = {
        **register,
        SIGNATURE: processed.read(f"{SIGNATURES}/{closing.signature}.json"),
        CLOSE: _json(_close(closing, register)),
        DECISIONS: decisions_csv(until, settings.currency),
        "movements.csv": _movements(published, state.load_number),
        "rejected_rows.csv": _rejected_rows(processed, state, settings.currency),
        RAW_FILES: _raw_files(state),
        "statement.json": _json(as_json(reconcile(processed, state.snapshot, shown, currency=settings.currency))),
        "report_pack.html": render(pack, written_at=state.at).encode(),
        "report_pack.xlsx": workbook_bytes(pack, read_workbook_figures(shown, pack)),
    }
    return _archive({**members, MANIFEST: _manifest(members, closing, settings)})


def _is_at(closing: PeriodStatusChanged, at: datetime) -> bool:
    return datetime.fromisoformat(closing.at) == at


def _close(closing: PeriodStatusChanged, register: Mapping[str, bytes]) -> dict[str, object]:
    """Return the close, as the register has it, with each gate: it was green, or waived with what contradicted it."""
    events = (one for data in register.values() for one in events_of(decode(data)))
    event = next(one for one in events if is_close(one, closing.period, closing.signature, closing.at))
    return {"event": event, "gates": gates_of_close(closing)}


def gates_of_close(closing: PeriodStatusChanged) -> list[dict[str, str]]:
    """Return each gate of a close: it was green, or waived with what contradicted it."""
    return [
        {
            "gate": gate.name,
            "statement": gate.statement,
            "state": "waived" if gate.name in closing.waived else "green",
            "contradicted_by": closing.waived.get(gate.name, ""),
        }
        for gate in GATES
    ]


def _register_until(processed: ObjectStore, closing: PeriodStatusChanged) -> dict[str, bytes]:
    """Return the documents of the register up to the one that has the close."""
    members: dict[str, bytes] = {}
    for item in sorted(processed.list_objects(REGISTER), key=lambda one: one.key):
        data = processed.read(item.key)
        members[item.key] = data
        if any(is_close(one, closing.period, closing.signature, closing.at) for one in events_of(decode(data))):
            break
    return members


def is_close(event: object, period: str, signature: str, at: str) -> bool:
    """Return whether an event of a document of the register is the close of a period, with this signature and time."""
    values = {"period": period, "signature": signature, "at": at}
    return isinstance(event, Mapping) and all(event.get(name) == value for name, value in values.items())


def decisions_csv(until: Sequence[Event], currency: str) -> bytes:
    """Return the decisions among events of the register as CSV, oldest first.

    Args:
        until: the events.
        currency: of the figures.
    """
    decisions = decisions_in(until, {})
    names = DECISION_AMOUNT.column_names
    return _csv(names, ([row[name] for name in names] for one in decisions for row in rows_of(one, currency)))


def _movements(published: Queryable, load_number: int) -> bytes:
    result = movement_rows(published)
    place = [name.casefold() for name in result.columns].index("loadnumber")
    return _csv(result.columns, (row for row in result.rows if row[place] <= load_number))


def _rejected_rows(processed: ObjectStore, state: PublishedState, currency: str) -> bytes:
    rows = RejectedRows(processed, state.snapshot.state, currency=currency).with_units()
    return _csv((*COLUMNS, "unit"), ([*(row[name] for name in COLUMNS), unit] for row, unit in rows))


def _raw_files(state: PublishedState) -> bytes:
    """Return the files whose lines count, with the hash of the bytes that were read."""
    names = ("file", "sha256", "feed", "kind", "delivery", "first_seen")
    return _csv(
        names,
        (
            [one.event.object_key, one.event.fingerprint, one.event.feed, one.event.kind, one.delivery_id, one.event.at]
            for one in state.snapshot.state.live
            if not one.booked_from
        ),
    )


def _manifest(members: Mapping[str, bytes], closing: PeriodStatusChanged, settings: Settings) -> bytes:
    chain = ChainReader()
    documents = [data for name, data in members.items() if name.startswith(f"{REGISTER}/")]
    for number, data in enumerate(documents, start=1):
        chain.add(number, decode(data))
    chain.breaks()
    return _json(
        {
            "format": FORMAT,
            "entity": settings.entity,
            "currency": settings.currency,
            "period": closing.period,
            "closed_at": closing.at,
            "signature": closing.signature,
            "register_head": str(chain.head),
            "members": {
                name: {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
                for name, data in sorted(members.items())
            },
        }
    )


def _archive(members: Mapping[str, bytes]) -> bytes:
    """Return the members as an archive, whose comment is the hash of the manifest."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, data in sorted(members.items()):
            info = zipfile.ZipInfo(name, _EPOCH)
            info.compress_type, info.external_attr, info.create_system = zipfile.ZIP_DEFLATED, _MODE, 3
            archive.writestr(info, data)
        archive.comment = hashlib.sha256(members[MANIFEST]).hexdigest().encode()
    return stream.getvalue()


def _json(document: object) -> bytes:
    return json.dumps(document, ensure_ascii=False, indent=1, sort_keys=True).encode(errors="surrogatepass")


def _csv(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> bytes:
    """Return rows as CSV; a text that a spreadsheet would evaluate begins with an apostrophe."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow(["" if value is None else spreadsheet_cell(value) for value in row])
    return stream.getvalue().encode(errors="surrogatepass")
