"""An anvil on which every transaction has a block of its own, at a time that is given, and can be undone."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

from ledger.ids import Address, address_from_bytes
from tests.contracts.reference.abi import Log

OPTIONS = (
    "--no-mining",
    "--auto-impersonate",
    "--disable-min-priority-fee",
    *("--block-base-fee-per-gas", "0"),
    *("--timestamp", "1000000"),
    *("--prune-history", "100"),
)
"""What anvil is started with: whoever is named as sender sends, gas costs nothing, and time stands still."""

Call = tuple[str, Sequence[Any]]


@dataclass(frozen=True, slots=True)
class Transacted:
    """A mined transaction: whether it succeeded, what it returned or threw, and its events."""

    succeeded: bool
    output: bytes
    logs: tuple[Log, ...]
    created: Address | None


class Chain:
    """JSON-RPC to an anvil with `OPTIONS`."""

    def __init__(self, rpc: str) -> None:
        address = urlsplit(rpc)
        self._http = HTTPConnection(address.hostname or "", address.port, timeout=60)
        self._beginning, self._beginnings = "", 0

    def send(self, sender: Address, to: Address | None, data: bytes, *, gas: int, time: int) -> Transacted:
        """Mines one transaction in a block of this time."""
        transaction = {"from": sender, "data": _hex(data), "gas": hex(gas), "gasPrice": "0x0"}
        name = self.ask("eth_sendTransaction", transaction if to is None else {**transaction, "to": to})
        self.ask("evm_mine", {"timestamp": time})
        tracer = {"tracer": "callTracer", "tracerConfig": {"onlyTopCall": True}}
        receipt, trace = self.ask_all(
            [("eth_getTransactionReceipt", [name]), ("debug_traceTransaction", [name, tracer])]
        )
        created = receipt["contractAddress"]
        return Transacted(
            succeeded=receipt["status"] == "0x1",
            output=_bytes(trace.get("output", "0x")),
            logs=tuple(map(_log, receipt["logs"])),
            created=None if created is None else _address(created),
        )

    def views(self, to: Address, questions: Sequence[bytes]) -> list[bytes]:
        """What view functions answer at the head, and at the time of its block."""
        calls = [("eth_call", [{"to": to, "data": _hex(data)}, "latest"]) for data in questions]
        return [_bytes(answer) for answer in self.ask_all(calls)]

    def keep(self) -> None:
        """Makes what is there now the beginning."""
        self._beginning = self.ask("evm_snapshot")

    def begin_again(self, time: int) -> int:
        """Goes back to the beginning and mines an empty block of this time; gives its number.

        Another miner each time keeps the blocks' hashes apart: anvil drops old states by the hash of their
        block, and would take those of a block that came again.
        """
        self._beginnings += 1
        self.ask("evm_revert", self._beginning)
        self.keep()
        self.ask("anvil_setCoinbase", f"0x{self._beginnings:040x}")
        self.ask("evm_mine", {"timestamp": time})
        return int(self.ask("eth_blockNumber"), 16)

    def lose(self, blocks: int) -> None:
        """Takes the last blocks back, with all that they changed; a hundred at most."""
        if blocks:
            self.ask("anvil_rollback", blocks)

    def ask(self, method: str, *params: Any) -> Any:  # noqa: ANN401
        return self.ask_all([(method, params)])[0]

    def ask_all(self, calls: Sequence[Call]) -> list[Any]:
        """The answers to several calls in one request; anvil takes them in any order, so only one may act."""
        body = [
            {"jsonrpc": "2.0", "id": position, "method": method, "params": list(params)}
            for position, (method, params) in enumerate(calls)
        ]
        self._http.request("POST", "/", json.dumps(body).encode(), {"Content-Type": "application/json"})
        answers = json.loads(self._http.getresponse().read())
        answers.sort(key=lambda answer: answer["id"])
        for answer in answers:
            assert "error" not in answer, answer["error"]
        return [answer["result"] for answer in answers]

    def close(self) -> None:
        self._http.close()


def _log(value: dict[str, Any]) -> Log:
    return Log(_address(value["address"]), tuple(map(_bytes, value["topics"])), _bytes(value["data"]))


def _address(text: str) -> Address:
    return address_from_bytes(_bytes(text))


def _hex(data: bytes) -> str:
    return "0x" + data.hex()


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text[2:])
