"""A contract and its model, taken through the same sequence of acts and compared after each."""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cache
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from contracts import artifact
from ledger.chain.calls import encode
from ledger.ids import Address
from tests.contracts.reference.abi import Event, Refusal, Value, words
from tests.contracts.reference.call import Call, Done, Refused
from tests.contracts.reference.ground import START, Ground

AMPLE, SCARCE = 2_000_000, 300_000
"""Gas of a call: for everything, or for all but a wallet's answer."""

Question = tuple[tuple[Any, ...], tuple[Value, ...]]
"""A view with its arguments, and the words that it must answer."""

State = TypeVar("State")


class Act(Protocol):
    """A function of a model."""

    __name__: str

    __call__: Callable[..., Done[Any]]


@dataclass(frozen=True, slots=True)
class Block(Generic[State]):
    """What there is after a block."""

    time: int
    state: State


@dataclass(slots=True)
class Tally:
    """What the sequences met, by name, and how long they were."""

    sequences: int = 0
    acts: int = 0
    met: set[str] = field(default_factory=set)


class Lockstep(RuleBasedStateMachine, Generic[State]):
    """One sequence: an act takes one second and a block; blocks can be lost, what was signed cannot."""

    contract: ClassVar[str]

    def __init__(self, ground: Ground, address: Address, state: State, tally: Tally) -> None:
        super().__init__()
        self.ground, self.address, self.tally = ground, address, tally
        self.blocks = [Block(START, state)]
        self.pause = 0
        tally.sequences += 1
        self.height = ground.chain.begin_again(START)

    @property
    def state(self) -> State:
        return self.blocks[-1].state

    @property
    def time(self) -> int:
        return self.blocks[-1].time

    @rule(depth=st.integers(1, 4))
    def lose_blocks(self, depth: int) -> None:
        """A reorganisation takes the last blocks back, as far as there are any."""
        depth = min(depth, len(self.blocks) - 1)
        self.ground.chain.lose(depth)
        self.tally.acts += 1
        del self.blocks[len(self.blocks) - depth :]
        self.compare_views()

    def act(
        self,
        sender: Address,
        function: Act,
        *arguments: Any,  # noqa: ANN401
        gas: int = AMPLE,
    ) -> tuple[Event, ...]:
        """Calls a function of the contract and of the model, and compares all that can be seen of it.

        Returns:
            the events.
        """
        call = Call(
            sender=sender,
            number=self.height + len(self.blocks),
            time=self.time + 1 + self.pause,
            ample=gas == AMPLE,
        )
        data = encode(self.contract, _camel(function.__name__), *arguments)
        done = self.ground.chain.send(sender, self.address, data, gas=gas, time=call.time)
        self.tally.acts += 1
        predicted = _predicted(function, call, arguments)
        if isinstance(predicted, Refusal):
            self.note(predicted.name)
            assert not done.succeeded, f"not refused with {predicted}"
            assert predicted.agrees_with(done.output), f"{predicted}, not 0x{done.output.hex()}"
            predicted = Done(self.state)
        else:
            self.note(*(event.name for event in predicted.events))
            assert done.succeeded, f"refused with 0x{done.output.hex()}"
            assert done.output == predicted.returned, f"returned 0x{done.output.hex()}"
        logs = tuple(event.log(self.address) for event in predicted.events)
        assert done.logs == logs, f"emitted {done.logs}, not {predicted.events}"
        self.blocks.append(Block(call.time, predicted.after))
        self.pause = 0
        self.compare_views()
        return predicted.events

    def compare_views(self) -> None:
        """Everything that can be asked of the contract is as in the model."""
        questions = list(self.questions())
        asked = [_encoded(self.contract, question) for question, _ in questions]
        answers = self.ground.chain.views(self.address, asked)
        for (question, expected), answer in zip(questions, answers, strict=True):
            assert answer == words(*expected), f"{question} is 0x{answer.hex()}, not {expected}"

    def questions(self) -> Iterable[Question]:
        """Every view of the contract about everything that the sequence touches."""
        raise NotImplementedError

    def note(self, *names: str) -> None:
        """Remembers that the sequences met this."""
        self.tally.met.update(names)


INHERITED = frozenset({"EIP712DomainChanged", "InvalidShortString", "StringTooLong", "RoleAdminChanged"})
"""Of OpenZeppelin: for contracts with a long or changing name, or with roles of changing administrators."""


def sights(contract: str) -> set[str]:
    """The names of a contract's errors and events: all that its sequences must meet, but for `INHERITED`."""
    found = {entry["name"] for entry in artifact(contract).abi if entry["type"] in ("error", "event")}
    return found - INHERITED


def _predicted(function: Act, call: Call, arguments: tuple[Any, ...]) -> Done[Any] | Refusal:
    try:
        return function(call, *arguments)
    except Refused as refused:
        return refused.refusal


@cache
def _encoded(contract: str, question: tuple[Any, ...]) -> bytes:
    return encode(contract, *question)


def _camel(name: str) -> str:
    return re.sub("_([a-z])", lambda match: match[1].upper(), name)
