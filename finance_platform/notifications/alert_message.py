"""The message of an alert, and the record that it was sent.

Belongs here: subject, text, attributes, the record. Does not belong here: sending (see `sns`).
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from typing import Any

from finance_platform.notifications.alerts import Alert
from finance_platform.safe_text import printable, printable_line, to_json

SUBJECT_LENGTH = 99
"""SNS allows fewer than 100 ASCII characters, without line breaks."""

TEXT_BYTES = 200_000
"""SNS allows 256 KiB, including attributes."""

SENT_FOLDER = "alerts"
"""The folder of the processed zone with the records of sent alerts."""

_SPELLINGS = str.maketrans(
    {"ß": "ss", "ẞ": "SS", "æ": "ae", "Æ": "AE", "ø": "o", "Ø": "O", "ł": "l", "Ł": "L", "đ": "d", "Đ": "D", "œ": "oe"}
    | {"Œ": "OE", "ı": "i", "–": "-", "—": "-", "‘": "'", "’": "'", "“": '"', "”": '"', "€": "EUR"}
)
"""Letters and marks that have a spelling in ASCII and are not a letter with an accent."""

_CUT = "\n[cut here: the rest is behind the link]\n"


def subject(alert: Alert) -> str:
    """Return an alert's subject, in the characters and the length that SNS allows."""
    plain = unicodedata.normalize("NFKD", f"{_spoken(alert)}: {alert.title}".translate(_SPELLINGS))
    flat = " ".join("".join(map(_in_ascii, plain)).split())
    return flat if len(flat) <= SUBJECT_LENGTH else f"{flat[: SUBJECT_LENGTH - 3]}..."


def _in_ascii(character: str) -> str:
    if character.isascii():
        return character if character.isprintable() else " "
    # A letter of another script leaves a mark, so that a name is not missing without a trace; an accent leaves none.
    return "?" if character.isalnum() else ""


def _spoken(alert: Alert) -> str:
    """Return the kind of an alert as people read it; its attribute has the name that filters compare."""
    return alert.kind.replace("_", " ")


def text(alert: Alert) -> str:
    """Return an alert's text: title, place, figures, fix, link."""
    # A line break in a text from a file could forge a line of the message.
    figures = [printable_line(f"  {name}: {value}") for name, value in _figures(alert.found)]
    lines = [
        printable_line(alert.title),
        "",
        f"Kind:  {_spoken(alert)}",
        f"Where: {printable_line(alert.where)}",
        *([f"Run:   {alert.run_id}"] if alert.run_id else []),
        f"At:    {alert.at}",
        *(["", "Found:", *figures] if figures else []),
        "",
        f"What to do: {printable(alert.fix)}",
        f"More: {printable_line(alert.link)}",
        "",
    ]
    whole = "\n".join(lines).encode()
    if len(whole) <= TEXT_BYTES:
        return whole.decode()
    ending = f"{_CUT}{alert.link}\n"
    return whole[: TEXT_BYTES - len(ending.encode())].decode(errors="ignore") + ending


def _figures(found: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield the names and values of what was found, a line each; a record is one line, and so is a list of texts."""
    for key, value in found.items():
        name = key.replace("_", " ")
        if isinstance(value, Mapping):
            yield from ((f"{name} {part}", figure) for part, figure in value.items())
        elif isinstance(value, list) and all(isinstance(record, Mapping) for record in value):
            for number, record in enumerate(value, start=1):
                yield str(number), ", ".join(f"{part} {cell}" for part, cell in record.items())
        else:
            yield name, ", ".join(map(str, value)) if isinstance(value, list) else value


def attributes(alert: Alert) -> dict[str, dict[str, str]]:
    """Return the attributes that subscriptions may filter by: the kind, and the run if there is one."""
    values = {"kind": alert.kind} | ({"run_id": alert.run_id} if alert.run_id else {})
    return {name: {"DataType": "String", "StringValue": value} for name, value in values.items()}


def record_key(alert: Alert) -> str:
    """Return the object key of an alert's record; hashed, since alert keys have any characters and length."""
    return f"{SENT_FOLDER}/{hashlib.sha256(alert.key.encode()).hexdigest()}.json"


def to_record(alert: Alert) -> bytes:
    """Return an alert's record: the whole alert as JSON."""
    return to_json(asdict(alert), indent=1, sort_keys=True).encode()
