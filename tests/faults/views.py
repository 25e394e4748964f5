"""What an honest node would have said at an earlier head: a chain that stands still can be seen to grow."""

import json
from collections.abc import Sequence
from typing import Any

from tests.faults.proxy import Answer, Call, Fault, Forward

SAFE_DEPTH, FINAL_DEPTH = 8, 16


class Memory:
    """A chain that stands still says again what it said once, and need not be asked."""

    def __init__(self) -> None:
        self._said: dict[str, Answer] = {}

    def __call__(self, calls: Sequence[Call], forward: Forward) -> list[Answer]:
        names = [json.dumps((call["method"], call["params"])) for call in calls]
        new = [call for call, name in zip(calls, names, strict=True) if name not in self._said]
        for call, answer in zip(new, forward(new) if new else [], strict=True):
            self._said[json.dumps((call["method"], call["params"]))] = answer
        return [{**self._said[name], "id": call["id"]} for call, name in zip(calls, names, strict=True)]


def as_of(head: int) -> Fault:
    """The view of the chain when a block was its head; code and fees are those of today."""
    tags = {
        "latest": head,
        "pending": head,
        "safe": max(head - SAFE_DEPTH, 0),
        "finalized": max(head - FINAL_DEPTH, 0),
    }

    def view(calls: Sequence[Call], forward: Forward) -> list[Answer]:
        answers = forward([_then(call, tags) for call in calls])
        return [_known(call, answer, head) for call, answer in zip(calls, answers, strict=True)]

    return view


def _then(call: Call, tags: dict[str, int]) -> Call:
    """The question, with the tags of that time."""
    params = list(call["params"])
    if call["method"] in ("eth_getBlockByNumber", "eth_getBlockReceipts") and params[0] in tags:
        params[0] = hex(tags[params[0]])
    if call["method"] == "eth_getLogs" and "blockHash" not in params[0]:
        end = params[0].get("toBlock", "latest")
        last = tags[end] if end in tags else min(int(end, 16), tags["latest"])
        params[0] = {**params[0], "toBlock": hex(last)}
    return {**call, "params": params}


def _known(call: Call, answer: Answer, head: int) -> Answer:
    """The answer, unless it tells of what came later."""
    if call["method"] == "eth_blockNumber":
        return {**answer, "result": hex(head)}
    return {**answer, "result": None} if _number(answer.get("result")) > head else answer


def _number(result: Any) -> int:  # noqa: ANN401
    """The block that a header, a receipt or a list of receipts or events is of; -1 for none."""
    one = result[0] if isinstance(result, list) and result else result
    found = (one.get("number") or one.get("blockNumber")) if isinstance(one, dict) else None
    return int(found, 16) if isinstance(found, str) else -1
