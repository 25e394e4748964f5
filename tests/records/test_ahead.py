"""Pieces made by another thread: all of them, in order, and no thread left."""

import threading
from collections.abc import Iterator
from itertools import count

import pytest

from ledger.errors import InvalidInput
from ledger.records.ahead import DEPTH, ahead


def threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "ahead"]


def test_the_pieces_come_in_order() -> None:
    assert list(ahead(range(1000))) == list(range(1000))
    assert threads() == []


def test_nothing_is_made_before_it_is_asked_for() -> None:
    assert iter(ahead(range(3)))
    assert threads() == []


def test_an_error_comes_after_the_pieces_before_it() -> None:
    def pieces() -> Iterator[int]:
        yield 1
        raise InvalidInput("no more")

    stream = ahead(pieces())
    assert next(stream) == 1
    with pytest.raises(InvalidInput):
        next(stream)
    assert threads() == []


def test_few_pieces_are_made_too_many() -> None:
    made = []

    def pieces() -> Iterator[int]:
        for number in count():
            made.append(number)
            yield number

    stream = ahead(pieces())
    assert [next(stream) for _ in range(3)] == [0, 1, 2]
    stream.close()  # type: ignore[attr-defined]
    assert threads() == []
    assert len(made) <= 3 + DEPTH + 2


def test_whoever_makes_the_pieces_is_closed_before_the_caller_goes_on() -> None:
    ended = threading.Event()

    def pieces() -> Iterator[int]:
        try:
            yield from count()
        finally:
            ended.set()

    source = pieces()
    stream = ahead(source)
    next(stream)
    stream.close()  # type: ignore[attr-defined]
    source.close()  # type: ignore[attr-defined]
    assert ended.is_set()
