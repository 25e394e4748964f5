"""Nodes that change what a real one answers, and several nodes as one."""

from collections.abc import Callable, Sequence
from typing import Any

from ledger.chain.answers import Answer, Call
from ledger.chain.rpc import Rpc

Twist = Callable[[Call, Any], Any]
"""What becomes of the result of one call."""


class Liar(Rpc):
    """A node whose results go through `twist`; an `Answer` in their place is the answer."""

    def __init__(self, url: str, twist: Twist) -> None:
        super().__init__(url)
        self.twist = twist
        self.asked: list[Call] = []

    def batch(self, calls: Sequence[Call]) -> list[Answer]:
        self.asked += calls
        answers = super().batch(calls)
        return [
            answer if answer.error is not None else self._twisted(call, answer)
            for call, answer in zip(calls, answers, strict=True)
        ]

    def _twisted(self, call: Call, answer: Answer) -> Answer:
        found = self.twist(call, answer.result)
        return found if isinstance(found, Answer) else Answer(result=found)


class Several(Rpc):
    """Nodes that are there already, as one."""

    def __init__(self, nodes: Sequence[Rpc]) -> None:
        super().__init__([url for node in nodes for url in node.urls])
        self.nodes = list(nodes)

    def apart(self) -> list[Rpc]:
        return self.nodes


def honest(_: Call, value: Any) -> Any:  # noqa: ANN401
    """No twist."""
    return value


def changed_logs(change: Callable[[list[dict[str, Any]]], list[dict[str, Any]]]) -> Twist:
    """Another answer to every question for events."""
    return lambda call, value: change(value) if call[0] == "eth_getLogs" else value
