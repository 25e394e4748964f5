"""Short work that Ctrl-C must not cut in two: it is heard when the work is done."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def undisturbed() -> Iterator[None]:
    """Put an interrupt off until the block has ended; a second one goes through at once.

    Only the main thread is ever interrupted, so elsewhere this does nothing.
    """
    previous = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(previous):
        yield
        return
    came = []

    def hear(number: int, frame: object) -> None:
        came.append(number)
        signal.signal(signal.SIGINT, previous)

    signal.signal(signal.SIGINT, hear)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous)
        if came:
            signal.raise_signal(signal.SIGINT)
