"""Kubo's RPC through ipfshttpclient, with what that library leaves out: limits, deadlines, a version gate.

``ipfshttpclient.Client`` is used directly, because its ``connect()`` refuses every Kubo since 0.9. Its own
methods make the calls; beneath them, each answer is read as it comes in, up to a limit and a deadline, no
redirect is followed and no proxy of the environment is used, so nothing but the address given is ever asked.
"""

import time
from collections import deque
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from threading import Timer
from typing import Any
from urllib.parse import urlsplit

import ipfshttpclient
import requests
import urllib3
from ipfshttpclient import exceptions
from ipfshttpclient.http import ClientSync

from ledger import __version__
from ledger.errors import BlockCorrupt, InvalidInput, LedgerError, StoreUnavailable, TooLarge
from ledger.records.blocks import MAX_BLOCK

OLDEST = (0, 38)
NEEDED = f"Install Kubo {OLDEST[0]}.{OLDEST[1]} or newer."
SECONDS = 30.0

_PIECE = 256 * 1024
_LISTS = {"pin/ls": 1 << 30}
_ANSWER = MAX_BLOCK + _PIECE
_SLOWEST = 1 << 20  # bytes a second


class Absent(Exception):  # noqa: N818 - an answer, not an error
    """Kubo's answer for what it does not hold, or does not pin."""


class KuboRpc:
    """A pool of clients of one RPC, for any number of threads: each has a client for as long as it asks."""

    def __init__(self, url: str, *, token: str | None = None, seconds: float = SECONDS) -> None:
        """Name the RPC; nothing is asked yet. The token goes into a header, never into an address or a log.

        Raises:
            InvalidInput: not ``http://host:port`` or ``https://host:port``.
        """
        self._address = multiaddr_of(url)
        self._token = token
        self._seconds = seconds
        self._idle: deque[_Client] = deque()
        self._version = ""

    @contextmanager
    def client(self) -> Iterator[Any]:
        """An ``ipfshttpclient.Client`` for one thread, of a Kubo whose version is supported.

        Raises:
            Absent: Kubo does not hold, or does not pin, what was asked for.
            BlockCorrupt: Kubo itself found that a block does not hash to its CID.
            StoreUnavailable: it does not answer, not in time, not as Kubo answers, or with a refusal; or its
                version is not supported (``kubo_version``).
            TooLarge: it refuses a block of this size.
        """
        with self._borrowed() as client, _as_ours():
            if not self._version:
                self._version = supported(client.version()["Version"])
            yield client

    @property
    def version(self) -> str:
        """The version of the Kubo that answers; raises as `client`."""
        with self.client():
            return self._version

    def config(self) -> dict[str, Any]:
        """The node's config without its keys; raises as `client`."""
        with self.client() as client:
            (found,) = client.ask("/config/show", decoder="json")
            return dict(found)

    def size(self) -> int:
        """The bytes of the node's repository; raises as `client`."""
        with self.client() as client:
            return int(client.repo.stat(opts={"size-only": "true"})["RepoSize"])

    def close(self) -> None:
        """End the connections that are not in use."""
        while self._idle:
            self._idle.pop().close()

    @contextmanager
    def _borrowed(self) -> Iterator["_Client"]:
        try:
            client = self._idle.pop()
        except IndexError:
            client = _Client(self._address, self._token, self._seconds)
        try:
            yield client
        except StoreUnavailable:
            client.close()
            self._version = ""  # What answers next may be another Kubo.
            raise
        except BaseException:
            self._idle.append(client)
            raise
        self._idle.append(client)


def supported(version: object) -> str:
    """The version, if this store works with it.

    Raises:
        StoreUnavailable: older than `OLDEST`, or not the version of a Kubo.
    """
    try:
        first, second, *_ = str(version).split(".")
        known = int(first), int(second)
    except ValueError as exc:
        raise _not_kubo() from exc
    if known < OLDEST:
        raise StoreUnavailable(
            f"this Kubo has version {first}.{second}, which is too old", reason="kubo_version", fix=NEEDED
        )
    return str(version)


def multiaddr_of(url: str) -> str:
    """The multiaddr of an RPC's URL: ``http://127.0.0.1:5001`` is ``/ip4/127.0.0.1/tcp/5001/http``.

    Raises:
        InvalidInput: not http or https with a host and a port, or with anything else in it.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        host, port = "", None
    plain = (
        parts.path in {"", "/"} and not (parts.query or parts.fragment or parts.username) if host else False
    )
    if parts.scheme not in {"http", "https"} or not plain or port is None or "/" in host:
        raise InvalidInput(
            "not the address of a Kubo RPC", reason="bad_url", fix="Write it like http://127.0.0.1:5001."
        )
    kind = "ip6" if ":" in host else "ip4" if host.replace(".", "").isdigit() else "dns"
    return f"/{kind}/{host}/tcp/{port}/{parts.scheme}"


class _Client(ipfshttpclient.Client):  # type: ignore[misc]
    """A client that asks local questions only, with a connection that it keeps."""

    def __init__(self, address: str, token: str | None, seconds: float) -> None:
        headers = {"User-Agent": f"consent-ledger/{__version__}"}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        super().__init__(address, chunk_size=_ANSWER, timeout=seconds)
        self._client = _Http(address, "api/v0", offline=True, headers=headers, timeout=seconds)
        self._client.seconds = seconds
        self._client.open_session()

    @contextmanager
    def given(self, size: int) -> Iterator[None]:
        """Calls that send so many bytes get the time for it; a pause is still as short as ever."""
        usual, self._client.seconds = self._client.seconds, self._client.seconds + size / _SLOWEST
        try:
            yield
        finally:
            self._client.seconds = usual

    def ask(self, path: str, *args: str, decoder: str = "none", **opts: str) -> Any:  # noqa: ANN401
        """A call that the library has no method for, or none that works, over its own HTTP session."""
        return self._client.request(path, args, opts=opts, decoder=decoder)


class _Http(ClientSync):  # type: ignore[misc]
    """The library's transport, with a limit on every answer and a deadline on every call, on both sides."""

    seconds = SECONDS

    def _make_session(self) -> Any:  # noqa: ANN401
        session = super()._make_session()
        session.trust_env = False
        session.max_redirects = 0
        for adapter in session.adapters.values():
            # The library hands on an option of Python 2 that urllib3 warns of.
            adapter.poolmanager.connection_pool_kw.pop("strict", None)
        return session

    def _request(self, method: str, path: str, params: Any, *, chunk_size: object, **more: Any) -> Any:  # noqa: ANN401
        end = time.monotonic() + self.seconds
        asked = [*params, ("timeout", f"{self.seconds:g}s")]
        closables, _ = super()._request(method, path, asked, chunk_size=_PIECE, **more)
        (response, *_) = closables
        return closables, _within(response.raw, _LISTS.get(path.strip("/"), _ANSWER), end)

    def _do_raise_for_status(self, response: Any) -> None:  # noqa: ANN401
        if not response.ok:
            end = time.monotonic() + self.seconds
            response._content = b"".join(_within(response.raw, _ANSWER, end))
            response._content_consumed = True
        super()._do_raise_for_status(response)


def _within(raw: urllib3.HTTPResponse, limit: int, end: float) -> Generator[bytes, None, None]:
    """The pieces of an answer, up to a size and a time.

    Kubo sends 4 KiB at a time, and taking each of them by itself would be most of the work. So pieces are
    waited for until they are larger, and the connection is cut when the time is over.
    """
    cut = Timer(max(0.0, end - time.monotonic()), _cut, (raw,))
    cut.start()
    try:
        while piece := raw.read(_PIECE, decode_content=True):
            limit -= len(piece)
            if limit < 0:
                raise exceptions.ProtocolError(None, "an answer beyond every limit")
            yield piece
    except urllib3.exceptions.ReadTimeoutError as exc:
        raise exceptions.TimeoutError(exc) from exc
    except urllib3.exceptions.HTTPError as exc:
        if time.monotonic() < end:
            raise exceptions.ProtocolError(exc) from exc
    finally:
        cut.cancel()
    if time.monotonic() > end:
        raise exceptions.TimeoutError(None, "an answer that does not end")


def _cut(raw: urllib3.HTTPResponse) -> None:
    with suppress(OSError, RuntimeError, ValueError):  # It may just have ended by itself.
        raw.shutdown()


@contextmanager
def _as_ours() -> Iterator[None]:
    """What the library raises, as our errors. Kubo's own words name CIDs, so they are not passed on."""
    try:
        yield
    except exceptions.ErrorResponse as exc:
        raise _refused(str(exc)) from exc
    except exceptions.StatusError as exc:
        raise _status(exc) from exc
    except exceptions.TimeoutError as exc:
        raise _late() from exc
    except exceptions.ConnectionError as exc:
        raise StoreUnavailable(
            "no Kubo answers", reason="kubo_unreachable", fix="Start it with: ipfs daemon"
        ) from exc
    except (exceptions.Error, requests.RequestException) as exc:
        raise _not_kubo() from exc
    except (AssertionError, AttributeError, LookupError, TypeError, ValueError) as exc:
        # The library and its callers take an answer apart without looking at its shape first.
        raise _not_kubo() from exc


def _refused(said: str) -> LedgerError | Absent:
    """An error that Kubo answered with."""
    if "could not find" in said or "not pinned" in said:
        return Absent()
    if "different hash than requested" in said:
        return BlockCorrupt("Kubo holds a block that does not hash to its CID", reason="kubo_hash_on_read")
    if "over 2MiB" in said:
        return TooLarge(f"a block has at most {MAX_BLOCK} bytes", reason="block_too_large")
    if "no space left" in said or "disk quota" in said:
        return StoreUnavailable(
            "Kubo's disk is full", reason="store_full", fix="Make room for its repository."
        )
    if "deadline exceeded" in said:
        return _late()
    return StoreUnavailable("Kubo refuses", reason="kubo_refused", fix="Its own log says why.")


def _status(error: exceptions.StatusError) -> StoreUnavailable:
    """A status without an error of Kubo's in the body."""
    response = getattr(error.original, "response", None)
    if response is not None and response.status_code in {401, 403}:
        return StoreUnavailable(
            "Kubo's RPC lets in only who has a token, and this is none of those",
            reason="kubo_forbidden",
            fix="Write one that API.Authorizations in its config lets use /api/v0 into a file of mode 0600, "
            "and name that: --blocks-token-file FILE or CONSENT_BLOCKS_TOKEN_FILE.",
        )
    return _not_kubo()


def _late() -> StoreUnavailable:
    return StoreUnavailable("Kubo does not answer in time", reason="kubo_timeout", fix="Try again.")


def _not_kubo() -> StoreUnavailable:
    return StoreUnavailable(
        "what answers there does not answer as Kubo does", reason="kubo_garbled", fix="Is the address right?"
    )
