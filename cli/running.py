"""Commands that stay until they are told to end."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def told_to_stop() -> Iterator[threading.Event]:
    """An event that Ctrl-C or SIGTERM sets, instead of what they do elsewhere; a second one ends at once."""
    told = threading.Event()

    def tell(_number: int, _frame: FrameType | None) -> None:
        told.set()
        for each in SIGNALS:
            signal.signal(each, signal.SIG_DFL)

    before = {number: signal.signal(number, tell) for number in SIGNALS}
    try:
        yield told
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
