"""What goes wrong between us and an honest node: silence, refusals, noise; no lies about the chain.

Each fault has a name, under which tests show it. Most strike whatever is asked; some only the broadcast of a
transaction, and let everything else pass.
"""

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any

from ledger.keccak import keccak256
from tests.faults.proxy import Answer, Call, Fault, Forward, Reply, Silence

BROADCAST = "eth_sendRawTransaction"
SECRET = "https://node.example/v3/0123456789abcdef from 0xfeedfeedfeedfeedfeedfeedfeedfeedfeedfeed"


def request_lost(calls: Sequence[Call], forward: Forward) -> list[Answer]:
    raise Silence


def answer_lost(calls: Sequence[Call], forward: Forward) -> list[Answer]:
    forward(calls)
    raise Silence


def reset(calls: Sequence[Call], forward: Forward) -> list[Answer]:
    forward(calls)
    raise Silence("reset")


def timeout(calls: Sequence[Call], forward: Forward) -> list[Answer]:
    forward(calls)
    raise Silence("held")


def refusal(status: int, **headers: str) -> Fault:
    """An HTTP status in place of an answer; the node hears nothing."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    page = f"<html><body>{status} {SECRET}</body></html>".encode()
    return lambda calls, forward: Reply(
        body=page, status=status, headers={"content-type": "text/html", **named}
    )


def error(code: int, message: str) -> Fault:
    """An error in place of every answer; the node hears nothing."""
    said = {"code": code, "message": message, "data": SECRET}
    return lambda calls, forward: [{"jsonrpc": "2.0", "id": call["id"], "error": said} for call in calls]


def broadcast_error(message: str, *, taken: bool) -> Fault:
    """An error in answer to broadcasts, whether or not the node has taken what was sent."""

    def fault(calls: Sequence[Call], forward: Forward) -> list[Answer]:
        passed = [call for call in calls if taken or call["method"] != BROADCAST]
        answers = {answer["id"]: answer for answer in (forward(passed) if passed else [])}
        said = {"code": -32000, "message": message}
        return [
            {"jsonrpc": "2.0", "id": call["id"], "error": said}
            if call["method"] == BROADCAST
            else answers[call["id"]]
            for call in calls
        ]

    return fault


def silent_drop(calls: Sequence[Call], forward: Forward) -> list[Answer]:
    """Broadcasts are acknowledged with their hash and go no further."""
    passed = [call for call in calls if call["method"] != BROADCAST]
    answers = {answer["id"]: answer for answer in (forward(passed) if passed else [])}
    for call in calls:
        if call["method"] == BROADCAST:
            hash_ = "0x" + keccak256(bytes.fromhex(call["params"][0][2:])).hex()
            answers[call["id"]] = {"jsonrpc": "2.0", "id": call["id"], "result": hash_}
    return [answers[call["id"]] for call in calls]


def garbled(garble: Callable[[bytes], bytes]) -> Fault:
    """The bytes of a good answer, changed."""
    return lambda calls, forward: Reply(body=garble(json.dumps(forward(calls)).encode()))


def wrong_ids(calls: Sequence[Call], forward: Forward) -> list[Answer]:
    return [{**answer, "id": answer["id"] + 10_000} for answer in forward(calls)]


def missing_answers(calls: Sequence[Call], forward: Forward) -> list[Answer]:
    return forward(calls)[1:]


def every_text(change: Callable[[str], Any]) -> Fault:
    """Every quantity of every result, changed."""

    def changed(value: Any) -> Any:  # noqa: ANN401
        if isinstance(value, Mapping):
            return {name: changed(part) for name, part in value.items()}
        if isinstance(value, list):
            return [changed(part) for part in value]
        is_quantity = isinstance(value, str) and value.startswith("0x") and len(value) <= 18
        return change(value) if is_quantity else value

    def fault(calls: Sequence[Call], forward: Forward) -> list[Answer]:
        return [
            {**answer, "result": changed(answer["result"])} if "result" in answer else answer
            for answer in forward(calls)
        ]

    return fault


SILENCES: Mapping[str, Fault] = {
    "request lost": request_lost,
    "answer lost": answer_lost,
    "connection reset": reset,
    "timeout": timeout,
}

REFUSALS: Mapping[str, Fault] = {
    "429": refusal(429),
    "429 with Retry-After": refusal(429, Retry_After="1"),
    "413": refusal(413),
    "503": refusal(503),
    "limit exceeded": error(-32005, "daily request count exceeded"),
    "bad parameters": error(-32602, "query returned more than 10000 results"),
    "an error with secrets": error(-32000, SECRET),
}

NOISE: Mapping[str, Fault] = {
    "truncated JSON": garbled(lambda good: good[: len(good) * 2 // 3]),
    "HTML": garbled(lambda _: b"<html><body>Welcome</body></html>"),
    "nothing": garbled(lambda _: b""),
    "deeply nested JSON": garbled(lambda _: b"[" * 200_000),
    "wrong ids": wrong_ids,
    "missing answers": missing_answers,
    "decimal numbers": every_text(lambda value: int(value, 16) if len(value) > 2 else 0),
    "decimal texts": every_text(lambda value: str(int(value, 16)) if len(value) > 2 else "0"),
    # "huge numbers": every_text(lambda value: "0x" + "f" * 5_000),
}

BROADCAST_FAULTS: Mapping[str, Fault] = {
    "already known": broadcast_error("already known", taken=True),
    "already known, and not taken": broadcast_error("already known", taken=False),
    "nonce too low": broadcast_error("nonce too low", taken=True),
    "nonce too low, and not taken": broadcast_error("nonce too low", taken=False),
    "underpriced": broadcast_error("replacement transaction underpriced", taken=True),
    "underpriced, and not taken": broadcast_error("replacement transaction underpriced", taken=False),
    "silent drop": silent_drop,
}

EVERYWHERE: Mapping[str, Fault] = {**SILENCES, **REFUSALS, **NOISE}
FAULTS: Mapping[str, Fault] = {**EVERYWHERE, **BROADCAST_FAULTS}


class Sometimes:
    """A share of all requests meets a fault, all of them in shuffled turns; ``struck`` counts, by name."""

    def __init__(self, share: float, dice: Random) -> None:
        self.requests, self.struck = 0, Counter[str]()
        self._share, self._dice = share, dice
        self._decks: dict[bool, list[str]] = {False: [], True: []}

    def __call__(self, calls: Sequence[Call], forward: Forward) -> list[Answer] | Reply:
        self.requests += 1
        if self._dice.random() >= self._share:
            return forward(calls)
        name = self._draw(is_broadcast=any(call["method"] == BROADCAST for call in calls))
        self.struck[name] += 1
        return FAULTS[name](calls, forward)

    def _draw(self, *, is_broadcast: bool) -> str:
        deck = self._decks[is_broadcast]
        if not deck:
            deck += {**SILENCES, **BROADCAST_FAULTS} if is_broadcast else EVERYWHERE
            self._dice.shuffle(deck)
        return deck.pop()
