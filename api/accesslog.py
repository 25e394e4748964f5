"""One line for each request, written by a thread of its own, so that no answer waits for whoever reads them.

::

    {"duration_ms":0.812,"event":"request","level":"info","method":"POST","request_id":"…",
     "route":"/access/v1/evaluation","size":604,"status":200,"timestamp":"2026-05-04T09:12:44.031Z"}

Nothing in it is the caller's but the request id in the form of `logs.loggable`; the route is the template
that the request matched. While its reader is too slow, lines are left out, and their number is told.
"""

import sys
import threading
import time
from collections import deque
from typing import Self

MOST = 10_000
"""How many lines may wait."""
PAUSE = 0.05


class AccessLog:
    """Writes lines as long as the context lasts, and what waits at its end."""

    def __init__(self) -> None:
        self._waiting: deque[str] = deque(maxlen=MOST)
        self._told = self._written = 0
        self._second, self._shown = -1, ""
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="access log")

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def tell(self, request: str, *, method: str, route: str, status: int, seconds: float, size: int) -> None:
        """One request that was answered; no argument may need escaping. For one thread."""
        now = time.time()
        if int(now) != self._second:
            self._second = int(now)
            self._shown = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now))
        self._told += 1
        self._waiting.append(
            f'{{"duration_ms":{seconds * 1000:.3f},"event":"request","level":"info","method":"{method}",'
            f'"request_id":"{request}","route":"{route}","size":{size},"status":{status},'
            f'"timestamp":"{self._shown}.{int(now % 1 * 1000):03}Z"}}\n'
        )

    def _run(self) -> None:
        while not self._stop.wait(PAUSE):
            self._write()
        self._write()

    def _write(self) -> None:
        lines = []
        while self._waiting:
            lines.append(self._waiting.popleft())
        told = self._told
        missed = told - self._written - len(lines) - len(self._waiting)
        self._written = told - len(self._waiting)
        if missed > 0:
            lines.append(f'{{"event":"requests_not_told","level":"warning","number":{missed}}}\n')
        if lines:
            sys.stderr.write("".join(lines))
            sys.stderr.flush()
