"""One HTTP request to a receiver that may be slow or hostile: bounded in time and size, to a checked address.

Redirects are not followed and no answer is read beyond its head: the status is all that counts.
"""

import asyncio
import ssl
from collections.abc import Mapping, Sequence
from contextlib import suppress

import httptools

from ledger import __version__
from ledger.service.targets import Target

LARGEST_HEAD = 16 * 1024
AGENT = f"consent-ledger/{__version__}"


class PostError(Exception):
    """No answer: ``no_connection``, ``bad_certificate``, ``bad_answer`` or ``timeout``."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


async def post(
    target: Target,
    addresses: Sequence[str],
    headers: Mapping[str, str],
    body: bytes,
    *,
    tls: ssl.SSLContext,
    seconds: float,
) -> int:
    """Send `body`; the status of the answer.

    Args:
        target: where to; its name is not looked up again.
        addresses: where that is, in the order in which to try.
        headers: beside those that HTTP needs.
        body: what is sent.
        tls: how the certificate is checked, against the target's name.
        seconds: how long all of it may take.

    Raises:
        PostError: there was no answer in time, or none that is HTTP.
    """
    try:
        async with asyncio.timeout(seconds):
            reader, writer = await _connected(target, addresses, tls)
            try:
                writer.write(_request(target, headers, body))
                await writer.drain()
                return await _status(reader)
            finally:
                writer.transport.abort()
    except TimeoutError as exc:
        raise PostError("timeout") from exc
    except ssl.SSLError as exc:
        raise PostError("bad_certificate") from exc
    except OSError as exc:
        raise PostError("no_connection") from exc


async def _connected(
    target: Target, addresses: Sequence[str], tls: ssl.SSLContext
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    secured = {"ssl": tls, "server_hostname": target.dialled} if target.tls else {}
    for address in addresses[:-1]:
        with suppress(OSError):
            return await asyncio.open_connection(address, target.port, limit=LARGEST_HEAD, **secured)  # type: ignore[arg-type]
    return await asyncio.open_connection(addresses[-1], target.port, limit=LARGEST_HEAD, **secured)  # type: ignore[arg-type]


def _request(target: Target, headers: Mapping[str, str], body: bytes) -> bytes:
    needed = {
        "Host": target.authority,
        "User-Agent": AGENT,
        "Content-Length": str(len(body)),
        "Connection": "close",
    }
    lines = [
        f"POST {target.path} HTTP/1.1",
        *(f"{name}: {value}" for name, value in (needed | dict(headers)).items()),
    ]
    return "\r\n".join([*lines, "", ""]).encode("ascii") + body


class _Head:
    """Is told by the parser when the head of an answer is complete; an interim one does not count."""

    def __init__(self) -> None:
        self.status: int | None = None
        self.parser = httptools.HttpResponseParser(self)

    def on_headers_complete(self) -> None:
        status = self.parser.get_status_code()
        if status >= 200:
            self.status = status


async def _status(reader: asyncio.StreamReader) -> int:
    head, size = _Head(), 0
    while head.status is None:
        data = await reader.read(4096)
        size += len(data)
        if not data or size > LARGEST_HEAD:
            raise PostError("bad_answer")
        try:
            head.parser.feed_data(data)
        except httptools.HttpParserError as exc:
            if head.status is None:
                raise PostError("bad_answer") from exc
    return head.status
