"""Answers about a gateway's relayer. Amounts of wei are decimal numbers in text: JSON's lose digits."""

from cli.shapes.base import Part, Shape


class NoncesPart(Part, frozen=True, kw_only=True):
    """The next nonce: after what is in blocks, after what the node would put into the next, after ours."""

    chain: int
    pending: int
    ours: int


class ActsPart(Part, frozen=True, kw_only=True):
    """How many acts stand where."""

    waiting: int
    sent: int
    seen: int
    final: int
    failed: int
    given_up: int


class FeesPart(Part, frozen=True, kw_only=True):
    """What a unit of gas costs and may cost, in wei."""

    cap: str
    base_fee: str | None = None
    tip: str | None = None


class MarkPart(Part, frozen=True, kw_only=True):
    """Something that holds since a moment."""

    name: str
    since: str
    detail: str = ""


class RelayerStatus(Shape, frozen=True, kw_only=True):
    """How a relayer stands; what only the chain can tell is left out where the node does not answer."""

    account: str
    chain_id: int
    ok: bool
    acts: ActsPart
    stops_waiting: int
    fees: FeesPart
    faults: list[MarkPart]
    oldest_waiting_seconds: int | None = None
    drained_since: str | None = None
    balance: str | None = None
    pays_for: int | None = None
    nonces: NoncesPart | None = None


class RelayerDrained(Shape, frozen=True, kw_only=True):
    """A relayer that sends nothing new but stops."""

    account: str
    acts: ActsPart
    stops_waiting: int


class RelayerResumed(Shape, frozen=True, kw_only=True):
    """A relayer that sends everything again, and what held until now."""

    account: str
    ended: list[str]
