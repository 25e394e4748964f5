"""HTTP to one gateway: deadlines on every call, bounded answers, problems turned back into ledger errors."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar
from urllib.parse import urlsplit

import msgspec

from ledger.client.problems import error_of
from ledger.errors import GatewayUnreachable, InvalidInput

if TYPE_CHECKING:
    import httpx2

TIMEOUT = 30.0
LARGEST_ANSWER = 256 << 20
LOOPBACK = {"127.0.0.1", "::1", "localhost"}

_START = "Is it running? Start one with `consent up`, or set its URL: `consent config set gateway URL`."
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A 2xx answer."""

    status: int
    body: bytes


class Http:
    """A connection pool to one origin."""

    def __init__(
        self, base_url: str, *, transport: "httpx2.BaseTransport | None" = None, timeout: float = TIMEOUT
    ) -> None:
        """Connect lazily to `base_url`, an https origin, or http on a loopback host.

        Args:
            base_url: scheme, host and port; a trailing slash is cut off.
            transport: instead of sockets, for a gateway in this process.
            timeout: seconds, for connecting and for each wait for data.

        Raises:
            InvalidInput: not such an origin.
        """
        self.origin = parse_origin(base_url)
        self._transport = transport
        self._timeout = timeout
        self._client: httpx2.Client | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections; the next call opens new ones."""
        if self._client is not None:
            self._client.close()
            self._client = None

    def call(
        self,
        method: str,
        path: str,
        *,
        body: dict[str, Any] | bytes | None = None,
        token: str | None = None,
        params: Mapping[str, int | str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """One request; `body` goes as JSON if it is an object, else as octets, unless `headers` say more.

        Raises:
            GatewayUnreachable: nobody answers, too late, too much, or not as a gateway would.
            LedgerError: what the gateway refused, as the error that it raised.
        """
        import httpx2  # slow to import

        described, content = _encoded(body)
        signed = {} if token is None else {"Authorization": f"Bearer {token}"}
        try:
            with self._open().stream(
                method,
                path,
                content=content,
                headers={**described, **(headers or {}), **signed},
                params=params,
            ) as response:
                data = self._read(response)
        except httpx2.TimeoutException as exc:
            raise self._unreachable("does not answer in time", "timeout") from exc
        except httpx2.TransportError as exc:
            raise self._unreachable("does not answer", "no_answer") from exc
        except httpx2.DecodingError as exc:
            raise self._unreachable("answered with something else", "bad_answer") from exc
        if response.is_success:
            return Answer(status=response.status_code, body=data)
        raise error_of(response.status_code, response.headers.get("content-type", ""), data)

    def decode(self, answer: Answer, kind: type[T]) -> T:
        """The answer's JSON as a `kind`; GatewayUnreachable (``bad_answer``) if it is none."""
        try:
            return msgspec.json.decode(answer.body, type=kind)
        except (msgspec.DecodeError, UnicodeDecodeError) as exc:
            raise self._unreachable("answered with something else", "bad_answer") from exc

    def _open(self) -> "httpx2.Client":
        import httpx2  # slow to import

        if self._client is None:
            parts = urlsplit(self.origin)
            self._client = httpx2.Client(
                base_url=self.origin,
                transport=self._transport,
                timeout=self._timeout,
                # A proxy from the environment must never see what goes to this machine itself.
                trust_env=parts.hostname not in LOOPBACK,
                # Loading certificates takes a while, and plain HTTP on loopback has none to check.
                verify=parts.scheme == "https",
            )
        return self._client

    def _read(self, response: "httpx2.Response") -> bytes:
        pieces, size = [], 0
        for piece in response.iter_bytes():
            size += len(piece)
            if size > LARGEST_ANSWER:
                raise self._unreachable("answered with too much", "bad_answer")
            pieces.append(piece)
        return b"".join(pieces)

    def _unreachable(self, why: str, reason: str) -> GatewayUnreachable:
        return GatewayUnreachable(f"the gateway at {self.origin} {why}", reason=reason, fix=_START)


def parse_origin(url: str) -> str:
    """Scheme, host and port of a gateway's URL, without a trailing slash.

    Raises:
        InvalidInput: with a path, query or user, not https, and not http on a loopback host either.
    """
    origin = url.removesuffix("/")
    try:
        parts = urlsplit(origin)
        host, port = parts.hostname, parts.port
    except ValueError as exc:
        raise _bad_url() from exc
    secure = parts.scheme == "https" or (parts.scheme == "http" and host in LOOPBACK)
    shown = f"[{host}]" if host and ":" in host else host
    if not secure or not host or origin != f"{parts.scheme}://{shown}" + ("" if port is None else f":{port}"):
        raise _bad_url()
    return origin


def _bad_url() -> InvalidInput:
    return InvalidInput(
        "not the URL of a gateway",
        reason="bad_gateway_url",
        fix="Give https://host[:port], or http://127.0.0.1:port on this machine; nothing after it.",
    )


def _encoded(body: dict[str, Any] | bytes | None) -> tuple[dict[str, str], bytes | None]:
    if body is None:
        return {}, None
    if isinstance(body, bytes):
        return {"Content-Type": "application/octet-stream"}, body
    return {"Content-Type": "application/json"}, msgspec.json.encode(body)
