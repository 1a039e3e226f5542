"""Random damage to files: bytes, cells and lines that change places, repeat, vanish or become something else.

Belongs here: how a file is damaged. Does not belong here: files with a known result (see `variants`).
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

TOKENS = (
    *(
        b"\0",
        b"\xff",
        b"\xfe\xff",
        b"\xef\xbb\xbf",
        b"\x1b[2J",
        b"\x1a",
        b"\r",
        b"\n",
        b"\r\n",
        b"\n\n\n",
        b'"',
        b'""',
        b"'",
    ),
    *(
        b",",
        b",,",
        b";",
        b"\t",
        b"|",
        b"-",
        b"--",
        b"(",
        b")",
        b".",
        b"..",
        b"$",
        b"%",
        b"=1+1",
        b"NaN",
        b"1e999",
        b"9" * 400,
    ),
    *("\u202e".encode(), "\u200b".encode(), "\u00a0".encode(), "e\u0301".encode() * 40, "١".encode(), "€".encode()),
    *(b"2024-02-30", b"9999-12-31", b"0000-00-00", b"[red]", b"<b>", b"../", b"%s", b"{0}", b"NULL", b" " * 300),
)


def mutate(data: bytes, random: Random) -> bytes:
    """Return a file after one to six random changes."""
    for _ in range(random.randint(1, 6)):
        data = random.choice(_CHANGES)(data, random)
    return data


def _flip_a_bit(data: bytes, random: Random) -> bytes:
    if not data:
        return data
    position = random.randrange(len(data))
    return data[:position] + bytes([data[position] ^ (1 << random.randrange(8))]) + data[position + 1 :]


def _insert_a_token(data: bytes, random: Random) -> bytes:
    position = random.randint(0, len(data))
    return data[:position] + random.choice(TOKENS) + data[position:]


def _remove_a_part(data: bytes, random: Random) -> bytes:
    start = random.randint(0, len(data))
    return data[:start] + data[start + random.randint(1, 40) :]


def _repeat_a_part(data: bytes, random: Random) -> bytes:
    start = random.randint(0, len(data))
    part = data[start : start + random.randint(1, 200)]
    return data[:start] + part * random.randint(1, 4) + data[start:]


def _cut_off(data: bytes, random: Random) -> bytes:
    return data[: random.randint(0, len(data))]


def _exchange_lines(data: bytes, random: Random) -> bytes:
    lines = data.split(b"\n")
    first, second = random.randrange(len(lines)), random.randrange(len(lines))
    lines[first], lines[second] = lines[second], lines[first]
    return b"\n".join(lines)


def _exchange_cells(data: bytes, random: Random) -> bytes:
    lines = data.split(b"\n")
    number = random.randrange(len(lines))
    cells = lines[number].split(b",")
    random.shuffle(cells)
    lines[number] = b",".join(cells)
    return b"\n".join(lines)


def _replace_a_byte_everywhere(data: bytes, random: Random) -> bytes:
    return data.replace(bytes([random.choice(data or b" ")]), random.choice(TOKENS), random.randint(1, 30))


_CHANGES: tuple[Callable[[bytes, Random], bytes], ...] = (
    _flip_a_bit,
    _insert_a_token,
    _insert_a_token,
    _remove_a_part,
    _repeat_a_part,
    _cut_off,
    _exchange_lines,
    _exchange_cells,
    _replace_a_byte_everywhere,
)
