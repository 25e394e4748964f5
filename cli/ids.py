"""Abbreviations of ids, as git has them."""

from collections.abc import Iterable
from typing import TypeVar

from ledger.errors import InvalidInput, NotFound

T = TypeVar("T", bound=str)

SHORTEST = 6


def expand(text: str, known: Iterable[T], kind: str, fix: str) -> T:
    """The one id among `known` that begins with `text`.

    Raises:
        InvalidInput: fewer than 6 characters, or several ids begin so.
        NotFound: none does.
    """
    ids = set(known)
    if text in ids:
        return text
    if len(text) < SHORTEST:
        raise InvalidInput(
            f"{text!r} is too short for a {kind}", reason="too_short", fix="Give 6 characters."
        )
    found = [one for one in ids if one.startswith(text)]
    if len(found) > 1:
        raise InvalidInput(
            f"{len(found)} {kind}s begin with {text!r}", reason="ambiguous", fix="Give more of it."
        )
    if not found:
        raise NotFound(f"no {kind} begins with {text!r}", reason=f"unknown_{kind}", fix=fix)
    return found[0]
