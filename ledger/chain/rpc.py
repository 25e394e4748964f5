"""JSON-RPC to an Ethereum node, over web3's HTTP provider.

Nothing that a node may have taken is repeated behind the caller's back: web3 would repeat a raw transaction
after a timeout and then report the first one's success as an error.
"""

import re
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ledger.chain.answers import (
    Answer,
    Call,
    base_fee_in,
    block_call,
    cut_short,
    logs_call,
    logs_in,
    nonsense,
    numbered_header_in,
    octets,
    priority_fee_in,
    quantity,
    receipt_call,
    receipt_in,
    tag,
    tagged_header_in,
)
from ledger.chain.facts import BlockHeader, FeeMarket, RawLog, Receipt
from ledger.chain.reverts import refused
from ledger.errors import ChainUnreachable, InvalidInput
from ledger.ids import Address, Digest
from ledger.imports import recursion_limit_kept

if TYPE_CHECKING:
    from requests import Response, Session

    from ledger.chain.provider import RawProvider

LOOPBACK = ("127.0.0.1", "::1", "localhost")
SILENT = ("no_answer", "timeout", "cut_short", "rate_limited")
"""Reasons of `ChainUnreachable` for which the next node is asked."""
LONGEST_WAIT = 5
"""Seconds: a node that asks to be left alone for longer counts as silent."""
_TURNS = 3
_BATCH = 100
_SECONDS = re.compile(r"[0-9]{1,6}")
_WHY = {
    "no_answer": ("no chain RPC answers", "Check that the node runs and that its URL is right."),
    "timeout": ("the chain RPC takes too long to answer", "Try again, or use another node."),
    "rate_limited": ("the chain RPC is asked too often", "Try again later, or use another node."),
    "too_large": ("the chain RPC finds a request too large", "Use another node."),
}


class Rpc:
    """A node, and others to turn to when it does not answer. Safe to share between threads.

    Nodes that ask for a pause (HTTP 429) get it, for some seconds at most, once every one of them has asked.
    """

    def __init__(
        self,
        urls: str | Sequence[str],
        *,
        timeout: float = 10.0,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        """Name the nodes' URLs, the preferred one first; no call is made yet.

        Raises:
            InvalidInput: no URL, or one that is not http(s).
        """
        self.urls = tuple(urls_in(urls) if isinstance(urls, str) else urls)
        if not self.urls or any(urlsplit(url).scheme not in ("http", "https") for url in self.urls):
            raise InvalidInput("a chain RPC has an http or https URL", reason="bad_rpc_url")
        self._timeout = timeout
        self._pause = pause
        self._providers: dict[tuple[str, int], RawProvider] = {}  # a session and its counter for each thread
        self._sessions: list[Session] = []
        self._apart: list[Rpc] = []

    def apart(self) -> "list[Rpc]":
        """Each of the nodes by itself; they are closed with this."""
        if len(self.urls) == 1:
            return [self]
        if not self._apart:
            self._apart = [Rpc(url, timeout=self._timeout, pause=self._pause) for url in self.urls]
        return self._apart

    def request(self, method: str, *params: Any) -> Any:  # noqa: ANN401
        """The result of one call.

        Raises:
            ChainUnreachable: no node answers (a reason in `SILENT`, or ``too_large``), or with an error
                (``rpc_error``), or nonsense (``bad_answer``).
        """
        return self.batch([(method, params)])[0].value()

    def batch(self, calls: Sequence[Call]) -> list[Answer]:
        """The answers to several calls in order, each group of a hundred in one HTTP request to one node.

        Raises:
            ChainUnreachable: no node answers, or not as JSON-RPC; errors of single calls are in the answers.
        """
        answers: list[Answer] = []
        for start in range(0, len(calls), _BATCH):
            answers += self._first_answer(calls[start : start + _BATCH])
        return answers

    def chain_id(self) -> int:
        """The node's chain id."""
        return quantity(self.request("eth_chainId"))

    def block(self, number: int | str) -> BlockHeader | None:
        """The header of a block by number or tag; None if the node has none such (yet)."""
        answer = self.batch([block_call(number)])[0]
        return tagged_header_in(answer) if isinstance(number, str) else numbered_header_in(answer, number)

    def blocks(self, numbers: Iterable[int]) -> list[BlockHeader | None]:
        """The headers of several blocks by number."""
        asked = list(numbers)
        answers = self.batch([block_call(number) for number in asked])
        return [numbered_header_in(answer, number) for answer, number in zip(answers, asked, strict=True)]

    def logs(self, start: int, end: int, addresses: Sequence[Address]) -> list[RawLog]:
        """All events of some contracts in the closed range of blocks, in chain order."""
        return logs_in(self.batch([logs_call(start, end, addresses)])[0])

    def call(self, to: Address, data: bytes, *, at: int | str = "latest") -> bytes:
        """What a view function returns. Never ask one that takes a consent's id or controller."""
        return octets(self.request("eth_call", {"to": to, "data": "0x" + data.hex()}, tag(at)))

    def simulate(self, sender: Address, to: Address, data: bytes) -> None:
        """Try a call without sending it.

        Raises:
            LedgerError: what the contract refuses it with (`ledger.chain.reverts`).
            ChainUnreachable: the node does not answer, or gives another error.
        """
        call = {"from": sender, "to": to, "data": "0x" + data.hex()}
        answer = self.batch([("eth_call", (call, "latest"))])[0]
        why = refused(answer.reverted)
        if why is not None:
            raise why
        answer.value()

    def code(self, address: Address) -> bytes:
        """The code at an address; empty where there is no contract."""
        return octets(self.request("eth_getCode", address, "latest"))

    def balance(self, address: Address) -> int:
        """Wei that an account holds."""
        return quantity(self.request("eth_getBalance", address, "latest"))

    def nonce(self, address: Address, at: int | str = "latest") -> int:
        """How many transactions an account has sent, as of a block or tag."""
        return quantity(self.request("eth_getTransactionCount", address, tag(at)))

    def fees(self) -> FeeMarket:
        """What gas costs now."""
        block, tip = self.batch([block_call("latest"), ("eth_maxPriorityFeePerGas", ())])
        return FeeMarket(base_fee=base_fee_in(block), priority_fee=priority_fee_in(tip))

    def send_raw(self, raw: bytes) -> None:
        """Hand a signed transaction to the node, once. Whether it arrived, only its hash can tell.

        Raises:
            ChainUnreachable: the node did not answer, or refused; it may have taken the transaction even so.
        """
        self.request("eth_sendRawTransaction", "0x" + raw.hex())

    def receipt(self, transaction: Digest) -> Receipt | None:
        """The receipt of a mined transaction; None if it is not on the node's chain."""
        return receipt_in(self.batch([receipt_call(transaction)])[0])

    def close(self) -> None:
        """Close the connections."""
        for one in self._apart:
            one.close()
        for session in self._sessions:
            session.close()

    def _first_answer(self, calls: Sequence[Call]) -> list[Answer]:
        """The answers of the first node that has any; a wait if all of them ask for one."""
        for turn in range(_TURNS):
            silence = nonsense()
            for url in self.urls:
                try:
                    return self._ask(url, calls)
                except ChainUnreachable as exc:
                    if exc.reason not in (*SILENT, "bad_answer"):
                        raise
                    silence = exc
            seconds = silence.fields.get("retry_after")
            if not isinstance(seconds, int) or seconds > LONGEST_WAIT or turn + 1 == _TURNS:
                raise silence
            self._pause(seconds)
        raise AssertionError("the last turn answers or raises")

    def _ask(self, url: str, calls: Sequence[Call]) -> list[Answer]:
        import requests

        try:
            return self._provider(url).ask(list(calls))
        except requests.HTTPError as exc:
            raise _declined(url, exc.response) from None
        except requests.Timeout:
            raise _silent(url, "timeout") from None
        except (requests.exceptions.ChunkedEncodingError, requests.exceptions.ContentDecodingError):
            raise cut_short() from None
        except (requests.RequestException, OSError):  # its text has the URL, whose path may be a key
            raise _silent(url, "no_answer") from None

    def _provider(self, url: str) -> "RawProvider":
        import requests

        with recursion_limit_kept():
            from ledger.chain.provider import RawProvider

        key = (url, threading.get_ident())
        if key not in self._providers:
            session = requests.Session()
            self._sessions.append(session)
            session.trust_env = urlsplit(url).hostname not in LOOPBACK
            self._providers[key] = RawProvider(url, session, self._timeout)
        return self._providers[key]


def urls_in(text: str) -> list[str]:
    """The nodes that a setting names, with commas between several, the preferred one first."""
    return [url.strip() for url in text.split(",") if url.strip()]


def shown(url: str) -> str:
    """A node's URL without what may be a key: its path, and who asks."""
    parts = urlsplit(url)
    try:
        port = f":{parts.port}" if parts.port else ""
    except ValueError:  # its text has what stands there, which may be a key
        port = ""
    return f"{parts.scheme}://{parts.hostname}{port}{'/...' if parts.path.strip('/') or parts.query else ''}"


def _declined(url: str, response: "Response | None") -> ChainUnreachable:
    """What an HTTP error means: too much at once, too often, or a node that is not there."""
    if response is None:
        return _silent(url, "no_answer")
    status = response.status_code
    if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
        return _silent(url, "too_large")
    if status != HTTPStatus.TOO_MANY_REQUESTS:
        return _silent(url, "no_answer")
    given = response.headers.get("retry-after", "")
    return _silent(url, "rate_limited", retry_after=int(given) if _SECONDS.fullmatch(given) else 1)


def _silent(url: str, reason: str, **fields: int) -> ChainUnreachable:
    said, fix = _WHY[reason]
    return ChainUnreachable(said, reason=reason, fix=fix, host=urlsplit(url).hostname, **fields)
