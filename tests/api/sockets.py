"""HTTP spoken by hand: clients that are slow, endless, greedy or rude."""

import socket
from contextlib import suppress
from dataclasses import dataclass
from http.client import parse_headers
from typing import Self
from urllib.parse import urlsplit


@dataclass(frozen=True, kw_only=True)
class Told:
    """An answer."""

    status: int
    headers: dict[str, str]
    body: bytes


class Wire:
    """One connection."""

    def __init__(self, url: str, *, timeout: float = 60) -> None:
        parts = urlsplit(url)
        self.host = parts.netloc
        self._socket = socket.create_connection((parts.hostname, parts.port), timeout)
        self._file = self._socket.makefile("rb")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def send(self, data: bytes) -> Self:
        self._socket.sendall(data)
        return self

    def head(self, line: str, *fields: str) -> Self:
        """A whole head."""
        return self.send("\r\n".join([f"{line} HTTP/1.1", f"Host: {self.host}", *fields, "", ""]).encode())

    def pour(self, data: bytes, times: int) -> int:
        """Send it so many times, or until nobody takes it; how often it was taken."""
        for done in range(times):
            try:
                self._socket.sendall(data)
            except OSError:
                return done
        return times

    def told(self) -> Told:
        """The next answer."""
        status = int(self._file.readline().split()[1])
        headers = {name.lower(): value for name, value in parse_headers(self._file).items()}
        return Told(
            status=status, headers=headers, body=self._file.read(int(headers.get("content-length", "0")))
        )

    def rest(self) -> bytes:
        """Everything until the other side ends the connection."""
        found = bytearray()
        with suppress(ConnectionError):
            while some := self._file.read1():
                found += some
        return bytes(found)

    def close(self) -> None:
        self._file.close()
        self._socket.close()
