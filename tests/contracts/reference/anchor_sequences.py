"""Random growth of logs, by the right and the wrong steps."""

from collections.abc import Iterable

from hypothesis import strategies as st
from hypothesis.stateful import rule

from ledger.keccak import keccak256
from tests.contracts.reference.anchor import MAX_GROWTH, Anchor
from tests.contracts.reference.ground import SENDERS, Ground
from tests.contracts.reference.lockstep import Lockstep, Question, Tally, sights

SIGHTS = sights("CheckpointAnchor")
"""What the sequences must meet: every error and event."""

_LARGEST = 2**64 - 1


class AnchorSequence(Lockstep[Anchor]):
    contract = "CheckpointAnchor"

    def __init__(self, ground: Ground, tally: Tally) -> None:
        super().__init__(ground, ground.anchor, Anchor(), tally)

    @rule(
        sender=st.sampled_from(SENDERS[:3]),
        distance=st.sampled_from((0,) * 8 + (-1, 1, MAX_GROWTH, _LARGEST)),
        growth=st.sampled_from((1, 2, 255, MAX_GROWTH, MAX_GROWTH + 1, 0, -1, _LARGEST)),
        root=st.sampled_from((keccak256(b"one"), keccak256(b"two"), bytes(32))),
    )
    def anchor(self, sender: str, distance: int, growth: int, root: bytes) -> None:
        address = self.ground.parties[sender].address
        old_size = _clamped(self.state.latest_of(address).size + distance)
        self.act(address, self.state.anchor, old_size, _clamped(old_size + growth), root)

    def questions(self) -> Iterable[Question]:
        for party in self.ground.parties.values():
            latest = self.state.latest_of(party.address)
            yield ("latestOf", party.address), (latest.size, latest.number, latest.root)


def _clamped(size: int) -> int:
    return min(max(size, 0), _LARGEST)
