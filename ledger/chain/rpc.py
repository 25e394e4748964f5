"""JSON-RPC to an Ethereum node, over web3's HTTP provider.

Nothing is retried behind the caller's back: web3 would repeat a raw transaction after a timeout and then
report the first one's success as an error.
"""

import threading
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ledger.chain.answers import (
    Answer,
    Call,
    answers_in,
    base_fee_in,
    block_call,
    header_in,
    logs_call,
    logs_in,
    nonsense,
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
    from requests import Session
    from web3 import HTTPProvider

LOOPBACK = ("127.0.0.1", "::1", "localhost")
_BATCH = 100


class Rpc:
    """A node, and others to turn to when it does not answer. Safe to share between threads."""

    def __init__(self, urls: str | Sequence[str], *, timeout: float = 10.0) -> None:
        """Name the nodes' URLs, the preferred one first; no call is made yet.

        Raises:
            InvalidInput: no URL, or one that is not http(s).
        """
        self.urls = (urls,) if isinstance(urls, str) else tuple(urls)
        if not self.urls or any(urlsplit(url).scheme not in ("http", "https") for url in self.urls):
            raise InvalidInput("a chain RPC has an http or https URL", reason="bad_rpc_url")
        self._timeout = timeout
        self._providers: dict[tuple[str, int], HTTPProvider] = {}  # a session and its counter for each thread
        self._sessions: list[Session] = []

    def request(self, method: str, *params: Any) -> Any:  # noqa: ANN401
        """The result of one call.

        Raises:
            ChainUnreachable: no node answers (``no_answer``), or with an error (``rpc_error``), or nonsense
                (``bad_answer``).
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
        return tagged_header_in(answer) if isinstance(number, str) else header_in(answer)

    def blocks(self, numbers: Iterable[int]) -> list[BlockHeader | None]:
        """The headers of several blocks by number."""
        return [header_in(answer) for answer in self.batch([block_call(number) for number in numbers])]

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
        for session in self._sessions:
            session.close()

    def _first_answer(self, calls: Sequence[Call]) -> list[Answer]:
        for position, url in enumerate(self.urls, 1):
            try:
                return self._ask(url, calls)
            except ChainUnreachable as exc:
                if exc.reason != "no_answer" or position == len(self.urls):
                    raise
        raise AssertionError("a chain RPC has at least one URL")

    def _ask(self, url: str, calls: Sequence[Call]) -> list[Answer]:
        import requests

        with recursion_limit_kept():
            from web3.exceptions import Web3Exception
            from web3.types import RPCEndpoint

        named = [(RPCEndpoint(method), list(params)) for method, params in calls]
        try:
            answers = self._provider(url).make_batch_request(named)
        except (requests.RequestException, OSError):  # its text has the URL, whose path may be a key
            raise ChainUnreachable(
                "no chain RPC answers",
                reason="no_answer",
                fix="Check that the node runs and that its URL is right.",
                host=urlsplit(url).hostname,
            ) from None
        except (Web3Exception, ValueError, KeyError, TypeError, AttributeError):
            raise nonsense() from None
        return answers_in(answers, len(calls))

    def _provider(self, url: str) -> "HTTPProvider":
        import requests

        with recursion_limit_kept():
            from web3 import HTTPProvider

        key = (url, threading.get_ident())
        if key not in self._providers:
            session = requests.Session()
            self._sessions.append(session)
            session.trust_env = urlsplit(url).hostname not in LOOPBACK
            self._providers[key] = HTTPProvider(
                url,
                request_kwargs={"timeout": self._timeout},
                session=session,
                exception_retry_configuration=None,
            )
        return self._providers[key]
