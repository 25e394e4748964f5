"""Load over loopback: connections that are kept alive, each with its next request on the last one's answer.

A process of its own, told on its standard input where to send what, as `Load` in JSON; it answers with
`Told`. Requests are bytes made beforehand and answers are looked at no closer than needed, so that what is
measured is the server. ``answers`` counts all; the figures, those that came within the measured time.
"""

import asyncio
import sys
import time
from itertools import count

import msgspec


class Asked(msgspec.Struct):
    """A body to post, and what its answer must hold so many times."""

    body: str
    holds: str
    times: int


class Load(msgspec.Struct):
    """What to send where; ``seconds`` are measured after ``warm_up`` seconds that are not."""

    host: str
    port: int
    path: str
    token: str
    connections: int
    warm_up: float
    seconds: float
    asked: list[Asked]


class Told(msgspec.Struct):
    """What came of it: ``taken`` are the seconds of each measured request, ``answers`` counts all.

    ``cpu`` are the processor seconds that asking took here, without starting.
    """

    answers: int
    taken: list[float]
    wrong: list[str]
    cpu: float = 0.0


class _Connection(asyncio.Protocol):
    """One request at a time, until the time is over."""

    def __init__(self, run: "_Run") -> None:
        self._run = run
        self._transport: asyncio.Transport | None = None
        self._buffer = b""
        self._sent = 0.0
        self._number = 0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._send()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, found, body = self._buffer.partition(b"\r\n\r\n")
        if not found or len(body) < _length(head):
            return
        self._run.answered(self._number, self._sent, head, body)
        self._buffer = b""
        self._send()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self._run.told.wrong.append("the connection was closed")
            self.done.set_result(None)

    def _send(self) -> None:
        assert self._transport is not None
        self._sent = time.perf_counter()
        if self._sent >= self._run.end:
            self.done.set_result(None)
            self._transport.close()
            return
        self._number = next(self._run.numbers) % len(self._run.requests)
        self._transport.write(self._run.requests[self._number])


class _Run:
    def __init__(self, load: Load) -> None:
        self.load = load
        self.requests = [_request(load, one.body.encode()) for one in load.asked]
        self.holds = [(one.holds.encode(), one.times) for one in load.asked]
        self.numbers = count()
        self.told = Told(answers=0, taken=[], wrong=[])
        self.start = time.perf_counter() + load.warm_up
        self.end = self.start + load.seconds

    def answered(self, number: int, sent: float, head: bytes, body: bytes) -> None:
        now = time.perf_counter()
        self.told.answers += 1
        if self.start <= now <= self.end:
            self.told.taken.append(now - sent)
        holds, times = self.holds[number]
        if not head.startswith(b"HTTP/1.1 200") or body.count(holds) != times:
            self.told.wrong.append(f"{head[:12]!r} {body[:300]!r}")

    async def go(self) -> Told:
        loop = asyncio.get_running_loop()
        made = [
            await loop.create_connection(lambda: _Connection(self), self.load.host, self.load.port)
            for _ in range(self.load.connections)
        ]
        begun = time.process_time()
        await asyncio.gather(*(connection.done for _, connection in made))
        self.told.cpu = time.process_time() - begun
        self.told.wrong = self.told.wrong[:5]
        return self.told


def _request(load: Load, body: bytes) -> bytes:
    head = (
        f"POST {load.path} HTTP/1.1\r\nHost: {load.host}:{load.port}\r\n"
        f"Authorization: Bearer {load.token}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def _length(head: bytes) -> int:
    name = b"content-length: "
    start = head.lower().index(name) + len(name)
    return int(head[start:].split(b"\r\n", 1)[0])


if __name__ == "__main__":
    asked = msgspec.json.decode(sys.stdin.buffer.read(), type=Load)
    sys.stdout.buffer.write(msgspec.json.encode(asyncio.run(_Run(asked).go())))
