"""Codes in which letters stand for digits that look like them: `4OOO` beside `4000`.

Belongs here: finding the member that is meant, for the check `members_are_described`. Does not belong here: zeros that
a code has lost (see `lost_zeros`), names that are similar (see `feeds.values.codes`).
"""

from __future__ import annotations

from collections.abc import Iterable

from finance_platform.feeds.values.codes import fold

_DIGITS = str.maketrans({"o": "0", "i": "1", "l": "1"})
"""Letters, as `fold` writes them, that people and scanners write for digits."""


def has_letters_for_digits(code: str) -> bool:
    """Return whether a code is a number but for letters that look like digits; it has a digit at least."""
    folded = fold(code)
    digits = folded.translate(_DIGITS)
    return digits != folded and digits.isdecimal() and any(character.isdecimal() for character in folded)


def find_look_alikes(codes: Iterable[str], described: Iterable[str]) -> dict[str, str]:
    """Return, for codes with letters in the place of digits, the described code that they look like.

    Args:
        codes: those that no reference file describes, each of which `has_letters_for_digits`.
        described: those that one describes.
    """
    by_digits = {fold(code): code for code in described}
    found = {code: by_digits.get(fold(code).translate(_DIGITS)) for code in codes}
    return {code: other for code, other in found.items() if other}
