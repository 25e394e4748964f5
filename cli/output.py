"""Where words go: data to stdout, talk to stderr."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

import msgspec

from cli.shapes import Shape
from cli.views.text import size_words


@dataclass(frozen=True, slots=True, kw_only=True)
class Bars:
    """What to tell of long work: (done, total) of records, and (act, done, total) in bytes of a large one."""

    records: Callable[[int, int], None]
    moving: Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """One command's voice. The streams are looked up at each use, so that a caller may redirect them."""

    json: bool = False
    quiet: bool = False

    def result(self, shape: Shape, text: str) -> None:
        """The answer, once per command: `text` for people, or `shape` as one JSON object."""
        tell(shape)
        print(encode(shape) if self.json else text, flush=True)

    def talk(self, text: str) -> None:
        """Something a person wants to know while it happens."""
        if not self.quiet:
            print(text, file=sys.stderr, flush=True)

    def show(self, text: str, *, asked: bool) -> None:
        """Something that must be read before a question that is `asked`; else it is talk."""
        if asked or not self.quiet:
            print(text, file=sys.stderr, flush=True)

    @contextmanager
    def progress(self, label: str) -> Iterator[Callable[[int, int], None]]:
        """A bar on stderr for long work, told (done, total); nothing where nobody watches."""
        if self.quiet or not sys.stderr.isatty():
            yield lambda done, total: None
            return
        from rich.console import Console
        from rich.progress import Progress

        console = Console(stderr=True, no_color="NO_COLOR" in os.environ)
        with Progress(console=console, transient=True) as bar:
            task = bar.add_task(label, total=None)
            yield lambda done, total: bar.update(task, completed=done, total=total)

    @contextmanager
    def bars(self, label: str) -> Iterator[Bars]:
        """A bar over all records and, while a large one moves, another over its bytes; see `progress`."""
        if self.quiet or not sys.stderr.isatty():
            yield Bars(records=lambda done, total: None, moving=lambda act, done, total: None)
            return
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[shown]}"))
        console = Console(stderr=True, no_color="NO_COLOR" in os.environ)
        with Progress(*columns, TimeRemainingColumn(), console=console, transient=True) as bar:
            all_of_them = bar.add_task(label, total=None, shown="")
            one = bar.add_task("", total=None, visible=False, shown="")

            def records(done: int, total: int) -> None:
                bar.update(all_of_them, completed=done, total=total, shown=f"{done:,} of {total:,}")

            def moving(act: str, done: int, total: int) -> None:
                shown = f"{size_words(done)} of {size_words(total)}"
                text, visible = f"  {act}", done < total
                bar.update(one, description=text, completed=done, total=total, visible=visible, shown=shown)

            yield Bars(records=records, moving=moving)


Listener = Callable[[Shape], None]

_listener: ContextVar[Listener | None] = ContextVar("listener", default=None)


@contextmanager
def listening(listener: Listener) -> Iterator[None]:
    """Hand every answer to `listener` too, as data, for whoever runs commands in this process."""
    token = _listener.set(listener)
    try:
        yield
    finally:
        _listener.reset(token)


def tell(shape: Shape) -> None:
    """Hand an answer to whoever listens."""
    listener = _listener.get()
    if listener is not None:
        listener(shape)


def encode(shape: Shape) -> str:
    """One line of JSON."""
    return msgspec.json.encode(shape).decode()
