"""What a node can say of the chain that is not so, by name.

A lie is told at a `Place`: about which block and event, whether once or until it ends, and whether receipts
are changed to match, the dice say. So each name stands for as many lies as there are seeds.

Hashes prove headers, and headers prove events to whoever asks for the receipts of their blocks. Nobody asks
for those of a long past, so about that a single node can tell `UNPROVED` lies. Receipts do not say of which
transaction they are, and which block is final, or which of two branches is the chain's, no hash proves at
all: such lies are `UNPROVABLE`. Only a second node shows them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any

from tests.faults.proxy import Answer, Call, Fault, Forward, Reply
from tests.faults.views import as_of

Json = dict[str, Any]
HEADERS = ("eth_getBlockByNumber", "eth_getBlockByHash")
RECEIPTS = ("eth_getBlockReceipts",)
NOTHING = "0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421"
"""The root of no transactions, and of no receipts."""


@dataclass(kw_only=True)
class Place:
    """About what a lie is told, and when; ``told`` counts how often it was.

    block: a block with two events of ours or more, of which the listener knows nothing yet.
    events: the places in the chain of two of its events.
    neighbour: another block with events of ours, of which the listener knows nothing yet.
    head: the last block.
    thorough: whether receipts are changed to match.
    is_brief: whether it is told only once, `after` so many occasions.
    """

    dice: Random
    block: int
    neighbour: int
    head: int
    thorough: bool = False
    is_brief: bool = False
    after: int = 0
    told: int = 0
    word: str = field(init=False)
    _met: int = 0

    def __post_init__(self) -> None:
        self.word = "0x" + self.dice.randbytes(32).hex()

    def instead(self, truth: Any, lie: Any) -> Any:  # noqa: ANN401
        """The lie if its time has come, else the truth."""
        if lie == truth:
            return truth
        self._met += 1
        if self._met <= self.after or (self.is_brief and self.told):
            return truth
        self.told += 1
        return lie

    def pick(self, logs: Sequence[Json]) -> int | None:
        """Where the first event of the block is among some; None if it is not there."""
        first = (hex(self.block), "0x0")
        found = [at for at, log in enumerate(logs) if (log["blockNumber"], log["logIndex"]) == first]
        return found[0] if found else None


Lie = Callable[[Place], Fault]


def about(methods: Sequence[str], place: Place, change: Callable[[Call, Any], Any]) -> Fault:
    """Change the results of some methods."""

    def fault(calls: Sequence[Call], forward: Forward) -> list[Answer]:
        return [
            {**answer, "result": place.instead(answer["result"], change(call, answer["result"]))}
            if call["method"] in methods and "result" in answer
            else answer
            for call, answer in zip(calls, forward(calls), strict=True)
        ]

    return fault


def logs(change: Callable[[Place, list[Json]], list[Json]]) -> Lie:
    """A lie about a list of events, wherever they are told of."""

    def lie(place: Place) -> Fault:
        def changed(call: Call, found: Any) -> Any:  # noqa: ANN401
            if call["method"] == "eth_getLogs":
                return change(place, found)
            return [{**receipt, "logs": change(place, receipt["logs"])} for receipt in found or []]

        return about(("eth_getLogs", *RECEIPTS) if place.thorough else ("eth_getLogs",), place, changed)

    return lie


def event(change: Callable[[Place, Json], Json]) -> Lie:
    """A lie about one event of the place's block."""

    def changed(place: Place, found: list[Json]) -> list[Json]:
        at = place.pick(found)
        return found if at is None else [*found[:at], change(place, found[at]), *found[at + 1 :]]

    return logs(changed)


def header(change: Callable[[Place, Json], Json]) -> Lie:
    """A lie about the header of the place's block."""

    def changed(place: Place, found: Json | None) -> Json | None:
        is_the_one = found is not None and found["number"] == hex(place.block)
        return change(place, found) if found is not None and is_the_one else found

    return lambda place: about(HEADERS, place, lambda _, found: changed(place, found))


def tagged(tag: str, depth: int) -> Lie:
    """A tag that names a block so far below the head."""

    def lie(place: Place) -> Fault:
        def fault(calls: Sequence[Call], forward: Forward) -> list[Answer]:
            number = hex(max(place.head - depth, 0))
            changed = [
                {**call, "params": [number, *call["params"][1:]]} if _names(call, tag) else call
                for call in calls
            ]
            place.told += changed != list(calls)
            return forward(changed)

        return fault

    return lie


def invented(tag: str) -> Lie:
    """A tag that names a block above the head, which the node has made up."""

    def lie(place: Place) -> Fault:
        made_up = {"number": hex(place.head + 7), "hash": place.word}
        return about(HEADERS, place, lambda call, found: {**found, **made_up} if _names(call, tag) else found)

    return lie


def _names(call: Call, tag: str) -> bool:
    return (call["method"], call["params"][:1]) == ("eth_getBlockByNumber", [tag])


def every(fault: Fault) -> Lie:
    """A fault of any answer, as a lie."""

    def lie(place: Place) -> Fault:
        def told(calls: Sequence[Call], forward: Forward) -> list[Answer] | Reply:
            return fault(calls, forward) if place.instead(False, True) else forward(calls)

        return told

    return lie


def one_log_missing(place: Place, found: list[Json]) -> list[Json]:
    at = place.pick(found)
    return found if at is None else [*found[:at], *found[at + 1 :]]


def logs_of_a_block_missing(place: Place, found: list[Json]) -> list[Json]:
    return [log for log in found if log["blockNumber"] != hex(place.block)]


def duplicate_log(place: Place, found: list[Json]) -> list[Json]:
    at = place.pick(found)
    return found if at is None else [*found, found[at]]


def duplicate_log_elsewhere(place: Place, found: list[Json]) -> list[Json]:
    """The same event again, at a place of its own in its block."""
    at = place.pick(found)
    return found if at is None else [*found, {**found[at], "logIndex": hex(1_000)}]


def log_of_another_contract(place: Place, found: list[Json]) -> list[Json]:
    at = place.pick(found)
    return found if at is None else [*found, {**found[at], "address": place.word[:42], "logIndex": "0xfff"}]


def log_of_a_block_not_asked_for(place: Place, found: list[Json]) -> list[Json]:
    at = place.pick(found)
    return found if at is None else [*found, {**found[at], "blockNumber": hex(place.head + 10)}]


def moved(place: Place, log: Json) -> Json:
    return {**log, "blockNumber": hex(place.neighbour)}


def changed_data(place: Place, log: Json) -> Json:
    return {**log, "data": log["data"][:-64] + place.word[2:] if len(log["data"]) > 64 else place.word}


def shortened_data(place: Place, log: Json) -> Json:
    return {**log, "data": "0x"}


def changed_topic(place: Place, log: Json) -> Json:
    return {**log, "topics": [*log["topics"][:1], place.word, *log["topics"][2:]]}


def another_kind(place: Place, log: Json) -> Json:
    return {**log, "topics": [place.word, *log["topics"][1:]]}


def headless(place: Place, found: Json) -> Json:
    """A header whose bloom filter says that nothing happened."""
    return {**found, "logsBloom": "0x" + "00" * 256}


def emptied(place: Place) -> Fault:
    """A block in which nothing happened, also according to its header and receipts."""
    empty = {"logsBloom": "0x" + "00" * 256, "transactionsRoot": NOTHING, "receiptsRoot": NOTHING}

    def changed(call: Call, found: Any) -> Any:  # noqa: ANN401
        if call["method"] == "eth_getLogs":
            return logs_of_a_block_missing(place, found)
        of_block = found if isinstance(found, dict) else next(iter(found or []), {})
        if hex(place.block) not in (of_block.get("number"), of_block.get("blockNumber")):
            return found
        return {**found, **empty} if isinstance(found, dict) else []

    return about(("eth_getLogs", *HEADERS, *RECEIPTS), place, changed)


def swapped_answers(place: Place) -> Fault:
    """Two answers of one batch, each with the other's id."""

    def fault(calls: Sequence[Call], forward: Forward) -> list[Answer]:
        answers = list(forward(calls))
        first, second = 0, len(answers) - 1
        if first == second:
            return answers
        ids = answers[first]["id"], answers[second]["id"]
        swapped = [{**answers[first], "id": ids[1]}, *answers[1:-1], {**answers[second], "id": ids[0]}]
        told: list[Answer] = place.instead(answers, swapped)
        return told

    return fault


def stale_logs(place: Place) -> Fault:
    """Headers of now, events of before the place's block."""
    past = as_of(place.block - 1)

    def fault(calls: Sequence[Call], forward: Forward) -> list[Answer]:
        if not any(call["method"] == "eth_getLogs" for call in calls):
            return forward(calls)
        answers = past(calls, forward)
        assert not isinstance(answers, Reply)
        told: list[Answer] = place.instead(forward(calls), answers)
        return told

    return fault


def stale_head(place: Place) -> Fault:
    """All of a node that has fallen behind."""
    view = as_of(place.block - 1)

    def fault(calls: Sequence[Call], forward: Forward) -> list[Answer]:
        place.told += 1
        answers = view(calls, forward)
        assert not isinstance(answers, Reply)
        return answers

    return fault


def missing_block(place: Place) -> Fault:
    """No such block, though it is below the head."""

    def fault(calls: Sequence[Call], forward: Forward) -> list[Answer]:
        return [
            {**answer, "result": place.instead(answer["result"], None)}
            if call["method"] == "eth_getBlockByNumber" and call["params"][0] == hex(place.block)
            else answer
            for call, answer in zip(calls, forward(calls), strict=True)
        ]

    return fault


LIES: Mapping[str, Lie] = {
    # the network and the head
    "another chain": lambda place: about(("eth_chainId",), place, lambda *_: "0x1"),
    "no contracts": lambda place: about(("eth_getCode",), place, lambda *_: "0x"),
    "a stale head": stale_head,
    "a safe block above the head": invented("safe"),
    "a final block above the head": invented("finalized"),
    "a final block above the safe one": tagged("safe", 9),
    # headers
    "a header with another hash": header(lambda place, found: {**found, "hash": place.word}),
    "a header with another parent": header(lambda place, found: {**found, "parentHash": place.word}),
    "a header with another number": header(lambda place, found: {**found, "number": hex(place.neighbour)}),
    "a header with another time": header(
        lambda place, found: {**found, "timestamp": hex(int(found["timestamp"], 16) + 3_600)}
    ),
    "a header with another state": header(lambda place, found: {**found, "stateRoot": place.word}),
    "a header without its bloom": header(headless),
    "a block is not there": missing_block,
    # events
    "no events": logs(lambda place, found: []),
    "no events of a block": logs(logs_of_a_block_missing),
    "the events of a while ago": stale_logs,
    "an event twice": logs(duplicate_log),
    "an event of another contract": logs(log_of_another_contract),
    "an event of a block not asked for": logs(log_of_a_block_not_asked_for),
    "an event moved to another block": event(moved),
    "an event with another block hash": event(lambda place, log: {**log, "blockHash": place.word}),
    "an event that was removed": event(lambda place, log: {**log, "removed": True}),
    "an event about another consent": event(changed_topic),
    "an event of another kind": event(another_kind),
    "an event with less data": event(shortened_data),
    "a block is emptied": emptied,
    # answers
    "swapped answers": swapped_answers,
}
"""Lies that a single node cannot tell us."""

UNPROVED: Mapping[str, Lie] = {
    "an event is missing": logs(one_log_missing),
    "an event twice, at another place": logs(duplicate_log_elsewhere),
    "an event with other data": event(changed_data),
}
"""Lies that a single node cannot tell us near the head, nor one of several anywhere."""

UNPROVABLE: Mapping[str, Lie] = {
    "an event in another transaction": event(lambda place, log: {**log, "transactionHash": place.word}),
    "a final block too early": tagged("finalized", 0),
    "a safe block too early": tagged("safe", 0),
}
"""Lies that only one of several nodes cannot tell us."""

CONTRADICTED: Mapping[str, Lie] = {**UNPROVED, **UNPROVABLE}
"""Lies that a second node shows."""
