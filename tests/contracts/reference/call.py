"""What a model is told about a call, and what it says of it."""

from dataclasses import dataclass
from typing import Generic, TypeVar

from ledger.ids import Address
from tests.contracts.reference.abi import Event, Refusal

Model = TypeVar("Model")


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A transaction: who sends it, in which block, and whether its gas is ample or short of a wallet's."""

    sender: Address
    number: int
    time: int
    ample: bool = True


@dataclass(frozen=True, slots=True)
class Done(Generic[Model]):
    """Success: the contract afterwards, the events in order, and the bytes that are returned."""

    after: Model
    events: tuple[Event, ...] = ()
    returned: bytes = b""


class Refused(Exception):  # noqa: N818 — it names the fault, as ledger.errors does
    """The call reverts, and nothing has changed."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.signature)
        self.refusal = refusal
