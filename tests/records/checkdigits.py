"""The check digits of code systems: Verhoeff's of SNOMED CT, LOINC's modulus 10."""

from itertools import pairwise

_ROTATIONS = (0, 1, 2, 3, 4, 5, 6, 7, 8, 9), (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)


def product(first: int, second: int) -> int:
    """Multiplication in the dihedral group of order 10."""
    if first < 5:
        return (first + second) % 5 + (5 if second >= 5 else 0)
    return (first - second) % 5 + (0 if second >= 5 else 5)


def is_snomed(text: str) -> bool:
    """Whether a text is 6 to 18 digits of which the last is the Verhoeff check digit of the others."""
    if not (text.isascii() and text.isdigit() and 6 <= len(text) <= 18):
        return False
    check = 0
    for place, digit in enumerate(reversed(text)):
        value = int(digit)
        for _ in range(place % 8):
            value = _ROTATIONS[1][value]
        check = product(check, value)
    return check == 0


def is_loinc(text: str) -> bool:
    """Whether a text is a LOINC code: digits, a hyphen, and their check digit."""
    number, hyphen, check = text.partition("-")
    if not (hyphen and number.isascii() and number.isdigit() and check.isdigit()):
        return False
    total = 0
    for place, digit in enumerate(reversed(number)):
        value = int(digit) * (2 if place % 2 == 0 else 1)
        total += value // 10 + value % 10
    return str((10 - total % 10) % 10) == check


def swapped(text: str) -> list[str]:
    """The text with two neighbours swapped, each way that makes another text."""
    return [
        text[:place] + second + first + text[place + 2 :]
        for place, (first, second) in enumerate(pairwise(text))
        if first != second
    ]
