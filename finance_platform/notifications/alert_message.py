"""An alert as people get it by e-mail, and as it is noted.

Belongs here: subject, text, attributes, the note of what was sent. Does not belong here: sending (see `sns`).
"""

from __future__ import annotations

import hashlib
import json
import unicodedata
from dataclasses import asdict

from finance_platform.notifications.alerts import Alert

SUBJECT_LENGTH = 99
"""SNS takes fewer than 100 characters of ASCII, and no line break."""

TEXT_BYTES = 200_000
"""SNS takes 256 KiB, attributes included."""

NOTES = "alerts"
"""The folder of the processed zone that knows what was sent."""

_CUT = "\n[cut here: the rest is behind the link]\n"


def subject(alert: Alert) -> str:
    """Return an alert's first line, in the characters and the length that SNS takes."""
    plain = unicodedata.normalize("NFKD", f"{alert.kind}: {alert.title}").encode("ascii", "ignore").decode()
    flat = " ".join("".join(letter if letter.isprintable() else " " for letter in plain).split())
    return flat if len(flat) <= SUBJECT_LENGTH else f"{flat[: SUBJECT_LENGTH - 3]}..."


def text(alert: Alert) -> str:
    """Return what a person reads: what, where, how much, what to do, where more is."""
    figures = [f"  {name}: {value}" for name, value in alert.found.items()]
    lines = [
        alert.title,
        "",
        f"Kind:  {alert.kind}",
        f"Where: {alert.where}",
        *([f"Run:   {alert.run_id}"] if alert.run_id else []),
        f"At:    {alert.at}",
        *(["", "Found:", *figures] if figures else []),
        "",
        f"What to do: {alert.fix}",
        f"More: {alert.link}",
        "",
    ]
    whole = "\n".join(lines).encode()
    if len(whole) <= TEXT_BYTES:
        return whole.decode()
    ending = f"{_CUT}{alert.link}\n"
    return whole[: TEXT_BYTES - len(ending.encode())].decode(errors="ignore") + ending


def attributes(alert: Alert) -> dict[str, dict[str, str]]:
    """Return what a subscription may filter by: the kind of alert, and the run where there is one."""
    values = {"kind": alert.kind} | ({"run_id": alert.run_id} if alert.run_id else {})
    return {name: {"DataType": "String", "StringValue": value} for name, value in values.items()}


def note_key(alert: Alert) -> str:
    """Return where it is noted that an alert was sent: by a hash, since a key says anything, of any length."""
    return f"{NOTES}/{hashlib.sha256(alert.key.encode()).hexdigest()}.json"


def note_of(alert: Alert) -> bytes:
    """Return the note: the whole alert, which is the record of what people were told."""
    return json.dumps(asdict(alert), indent=1, ensure_ascii=False, sort_keys=True).encode()
