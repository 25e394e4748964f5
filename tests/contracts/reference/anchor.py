"""CheckpointAnchor, written from `ICheckpointAnchor`.

Where more than one thing stands against an anchor, the first of these is named: another current size, no
growth, too much of it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from ledger.ids import Address
from tests.contracts.reference.abi import Event, Refusal
from tests.contracts.reference.call import Call, Done, Refused

MAX_GROWTH = 1 << 24


@dataclass(frozen=True, slots=True, kw_only=True)
class Latest:
    size: int = 0
    number: int = 0
    root: bytes = bytes(32)


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchor:
    logs: Mapping[Address, Latest] = field(default_factory=dict)

    def anchor(self, call: Call, old_size: int, new_size: int, root: bytes) -> Done["Anchor"]:
        current = self.latest_of(call.sender).size
        if old_size != current:
            arguments = (call.sender, old_size, current)
            raise Refused(Refusal("NotCurrent(address,uint64,uint64)", arguments))
        if new_size <= old_size:
            raise Refused(Refusal("NotGrowing(uint64,uint64)", (old_size, new_size)))
        if new_size > old_size + MAX_GROWTH:
            raise Refused(Refusal("GrowsTooMuch(uint64,uint64)", (old_size, new_size)))
        latest = Latest(size=new_size, number=call.number, root=root)
        event = Event("Anchored(address,uint64,uint64,bytes32)", (call.sender,), (old_size, new_size, root))
        return Done(replace(self, logs={**self.logs, call.sender: latest}), (event,))

    def latest_of(self, sender: Address) -> Latest:
        return self.logs.get(sender, Latest())
