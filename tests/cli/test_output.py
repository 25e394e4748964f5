"""Bars while records are published: for somebody who watches, and for nobody else."""

import io
import sys

import pytest

from cli.output import Output
from cli.shapes.records import RecordsAdded
from cli.views.records import added_text


class Terminal(io.StringIO):
    """A stream that somebody watches."""

    def isatty(self) -> bool:
        return True


def shown(output: Output, stream: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setenv("TERM", "xterm")
    with output.bars("Publishing") as bars:
        bars.records(3, 12)
        bars.moving("encrypting", 1 << 20, 4 << 20)
    return stream.getvalue()


def test_records_are_counted_and_a_large_one_shows_its_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    text = shown(Output(), Terminal(), monkeypatch)
    assert "Publishing" in text
    assert "3 of 12" in text
    assert "encrypting" in text
    assert "1.0 MiB of 4.0 MiB" in text


@pytest.mark.parametrize(
    ("output", "stream"), [(Output(quiet=True), Terminal()), (Output(), io.StringIO())], ids=["quiet", "pipe"]
)
def test_where_nobody_watches_nothing_is_shown(
    output: Output, stream: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert shown(output, stream, monkeypatch) == ""


@pytest.mark.parametrize(
    ("already", "told"),
    [
        (1, "Nothing new: 1 record was there already."),
        (3, "Nothing new: 3 records were there already."),
    ],
)
def test_what_was_there_already_is_told(already: int, told: str) -> None:
    shape = RecordsAdded(patient="did:pkh:eip155:1:0x", records=[], already=already, skipped=[])
    assert added_text(shape) == told
