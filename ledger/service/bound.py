"""How long a stop that a patient sends to the registry, past this gateway, may take to count here.

It counts once its block is known here. Getting into a block is the chain's time; from then on it usually
takes one look at the chain, and how long blocks took of late is measured. At the latest it counts when the
head that is known here is older than ``max_head_age``, whatever the node answers or conceals: nothing is
permitted then, and a head that lacks the stop is older than the stop's block.
"""

from dataclasses import dataclass

from ledger.service.gateway import Gateway

_BLOCKS = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class RevocationBound:
    """In milliseconds; None for what is not known yet.

    usual: from sending the stop: until the next block, as far apart as they were of late, and one look more.
    measured: from a block's own time until it was known here: the median of the last ones.
    most: from the time of the stop's block: after that, nothing is permitted on what was stopped.
    """

    usual: int | None
    measured: int | None
    most: int

    def as_json(self) -> dict[str, int]:
        """The members that are known, each ``…_ms``."""
        known = {"usual": self.usual, "measured": self.measured, "most": self.most}
        return {f"{name}_ms": value for name, value in known.items() if value is not None}


def revocation_bound(gateway: Gateway, *, look: float) -> RevocationBound:
    """The bound of a gateway that looks at the chain every `look` seconds."""
    follower = gateway.follower
    apart = _seconds_apart([(block.number, block.timestamp) for block in follower.index.headers()])
    return RevocationBound(
        usual=None if apart is None else round(1000 * (apart + look)),
        measured=follower.lags.median,
        most=gateway.settings.max_head_age * 1000,
    )


def _seconds_apart(blocks: list[tuple[int, int]]) -> float | None:
    """How far apart the last blocks were, by their numbers and times, though not all of them are held."""
    if len(blocks) < 2:
        return None
    (last, end), (first, start) = blocks[-1], blocks[max(0, len(blocks) - _BLOCKS)]
    return (end - start) / (last - first)
